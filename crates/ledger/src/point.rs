//! Points at which a test may end the process: before and after every write to a mapped file and every commit.
//!
//! Outside of tests of this crate there is nothing here.

/// A point. In a test process that was told a number, the process dies at the point with that number.
#[cfg(not(test))]
#[inline(always)]
pub(crate) fn point() {}

#[cfg(test)]
pub(crate) use counted::{VARIABLE, passed, point};

#[cfg(test)]
#[allow(
    clippy::disallowed_methods,
    reason = "a test process is told by its environment where to die, and dies at once"
)]
mod counted {
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

    /// Names the point to die at.
    pub(crate) const VARIABLE: &str = "LEDGER_DIE_AT";
    static PASSED: AtomicU64 = AtomicU64::new(0);

    pub(crate) fn point() {
        static DIE_AT: std::sync::LazyLock<Option<u64>> =
            std::sync::LazyLock::new(|| std::env::var(VARIABLE).ok()?.parse().ok());
        let at = PASSED.fetch_add(1, SeqCst) + 1;
        if *DIE_AT == Some(at) {
            // As SIGKILL: no destructor, no buffer is written.
            std::process::abort();
        }
    }

    /// How many points were passed.
    pub(crate) fn passed() -> u64 {
        PASSED.load(SeqCst)
    }
}
