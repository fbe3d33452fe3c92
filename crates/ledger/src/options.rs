//! How much a ledger holds, and how it groups.
//!
//! Never here: reading them from a configuration (room `app`).

use std::time::Duration;

/// What goes on while records do not reach SQLite (disk full, I/O error, read-only, damaged).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenFailing {
    /// Nothing.
    Refuse,
    /// Attempts that cost nothing, while there is room for their records.
    #[default]
    FreeGoesOn,
}

/// How much a ledger holds before it refuses, and how it groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Records promised or not yet in SQLite, at most.
    pub room: usize,
    /// Size of the journal's file in bytes (64 KiB to 1 GiB). A running attempt holds about 1.9 kB of it, a finished one that
    /// is not yet in SQLite about 350 bytes, so 32 MiB are for some 17,000 attempts at once.
    pub journal_bytes: usize,
    /// Attempts under way at once, at most: each has a cell of 1 KiB in the file `sent`, so 16,384 make 16 MiB.
    pub under_way: usize,
    /// What is refused while the store fails.
    pub when_failing: WhenFailing,
    /// Records in one commit, at most.
    pub group: usize,
    /// How long the first record of a group waits for others. With a commit of about 1 ms, a record is in SQLite some 5 ms after
    /// it was put; a shorter wait means more commits and more CPU a record.
    pub linger: Duration,
    /// How long [`crate::Ledger::close`] keeps trying when the store fails.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            room: 65_536,
            journal_bytes: 32 << 20,
            under_way: 16_384,
            when_failing: WhenFailing::default(),
            group: 512,
            linger: Duration::from_millis(4),
            patience: Duration::from_secs(5),
        }
    }
}
