//! How far a download may go, and what is told of it while it runs.
//!
//! Never here: downloading, printing.

use crate::problem::Problem;
use std::time::Duration;

/// How long, how often, how much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// For a connection.
    pub connect: Duration,
    /// Without a byte; then the connection counts as lost.
    pub stall: Duration,
    /// Attempts in a row that bring nothing before it gives up; more are made as long as bytes come.
    pub attempts: u32,
    /// Before the second attempt; doubled for each further one.
    pub pause: Duration,
    /// Left free on the disk, bytes.
    pub spare_bytes: u64,
    /// How often the disk is synced and its room asked for, bytes.
    pub checkpoint_bytes: u64,
    /// Largest file, bytes.
    pub file_bytes: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connect: Duration::from_secs(10),
            stall: Duration::from_secs(30),
            attempts: 5,
            pause: Duration::from_secs(1),
            spare_bytes: 256 << 20,
            checkpoint_bytes: 256 << 20,
            file_bytes: 4 << 40,
        }
    }
}

/// What happens, as it happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A model of so many files is wanted.
    Wanted {
        /// What it will be called.
        name: String,
        /// Where it comes from.
        source: String,
        /// How many files.
        files: usize,
    },
    /// A file begins or goes on.
    Begin {
        /// Its name in the store.
        file: String,
        /// Length, where it is known.
        total: Option<u64>,
        /// What is there from before.
        have: u64,
    },
    /// So many bytes are there now.
    At(u64),
    /// It begins at zero again; why.
    Restart(&'static str),
    /// Another attempt after a pause; why.
    Retry(Problem, Duration),
    /// The file is there; its digest and header are checked.
    Checking,
}

/// Is told what happens.
pub trait Watch {
    /// Something happened. Called often: a few times per megabyte.
    fn event(&mut self, event: Event);
}

impl<F: FnMut(Event)> Watch for F {
    fn event(&mut self, event: Event) {
        self(event);
    }
}
