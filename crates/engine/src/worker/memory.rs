//! How much memory this process has.
//!
//! Never here: estimates.

/// Resident memory in bytes as Linux counts it.
#[cfg(target_os = "linux")]
pub(super) fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    let kib = line.and_then(|l| l.split_whitespace().next()).and_then(|n| n.parse::<u64>().ok());
    kib.unwrap_or(0).saturating_mul(1024)
}

/// 0: this system is not asked.
#[cfg(not(target_os = "linux"))]
pub(super) fn resident() -> u64 {
    0
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn it_grows_with_what_is_touched() {
        let before = super::resident();
        let block = vec![1u8; 256 << 20];
        let after = super::resident();
        assert!(before > 0 && after >= before + (128 << 20), "{before} {after} {}", block[7]);
    }
}
