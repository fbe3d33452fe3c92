//! How much the trail holds, how it is grouped, and what goes on while it cannot write.
//!
//! Never here: reading them from a configuration (room `app`).

use std::path::PathBuf;
use std::time::Duration;

/// What goes on while decisions do not reach the disk (disk full, I/O error, read-only, deleted).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenFailing {
    /// Only what stays on own ground and is not above `internal`; its records wait, and what finds no more room is counted.
    #[default]
    Refuse,
    /// Everything; what finds no more room is counted.
    GoOn,
}

/// How much the trail holds before it refuses, and how it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Records promised or not yet written, at most.
    pub room: usize,
    /// What is refused while it cannot write.
    pub when_failing: WhenFailing,
    /// The signing key (PKCS#8 PEM, Ed25519); `None` is the file `key` in the folder, made at the first start.
    pub key_file: Option<PathBuf>,
    /// Bytes of one segment, about; a new one is begun on each day (UTC) too.
    pub segment_bytes: u64,
    /// Segments whose last record is older than this are deleted; `None` keeps all.
    pub keep: Option<Duration>,
    /// How long what is written waits at most before it is brought to the disk.
    pub sync_after: Duration,
    /// How long a record waits at most for a signed head.
    pub sign_after: Duration,
    /// How many records wait at most for a signed head.
    pub sign_records: u64,
    /// How long [`crate::Trail::close`] keeps trying when the disk fails.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            room: 65_536,
            when_failing: WhenFailing::default(),
            key_file: None,
            segment_bytes: 64 << 20,
            keep: None,
            sync_after: Duration::from_millis(50),
            sign_after: Duration::from_secs(60),
            sign_records: 10_000,
            patience: Duration::from_secs(5),
        }
    }
}
