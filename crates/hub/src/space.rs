//! Room on the disk, and sizes as people read them.
//!
//! Never here: deciding what to do about it.

use std::path::Path;

/// Free bytes for this user in a folder; `None` where the system does not say. An argument, so that a full disk can be tested.
pub type Space = std::sync::Arc<dyn Fn(&Path) -> Option<u64> + Send + Sync>;

/// Asks the system (`statvfs`).
#[cfg(unix)]
pub fn free_bytes(folder: &Path) -> Option<u64> {
    let said = rustix::fs::statvfs(folder).ok()?;
    Some(said.f_bavail.saturating_mul(said.f_frsize))
}

/// Not asked on this system; a full disk then shows when it is written.
#[cfg(not(unix))]
pub fn free_bytes(_folder: &Path) -> Option<u64> {
    None
}

/// `397.8 MB`, `4.68 GB`: three figures, powers of 1,000 as model hubs write them.
pub fn shown_bytes(bytes: u64) -> String {
    let (unit, size) = match bytes {
        0..1_000 => return format!("{bytes} B"),
        1_000..1_000_000 => ("kB", 1e3),
        1_000_000..1_000_000_000 => ("MB", 1e6),
        1_000_000_000..1_000_000_000_000 => ("GB", 1e9),
        _ => ("TB", 1e12),
    };
    let value = bytes as f64 / size;
    match value {
        v if v < 9.995 => format!("{v:.2} {unit}"),
        v if v < 99.95 => format!("{v:.1} {unit}"),
        v => format!("{v:.0} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_figures() {
        let shown: Vec<String> =
            [0, 999, 1_000, 397_808_192, 4_683_073_184, 99_950_000_000, 2_000_000_000_000].map(shown_bytes).into();
        assert_eq!(shown, ["0 B", "999 B", "1.00 kB", "398 MB", "4.68 GB", "100 GB", "2.00 TB"]);
    }

    #[cfg(unix)]
    #[test]
    fn this_machine_says_how_much_room_there_is() {
        assert!(free_bytes(&std::env::temp_dir()).is_some_and(|free| free > 0));
        assert_eq!(free_bytes(Path::new("/no/such/folder")), None);
    }
}
