//! What reads a request for data that may not travel, and what stands in its place on the way: the detectors in force, and the
//! key behind placeholders. A value that is swapped as a whole when the configuration changes.
//!
//! Never here: what follows from a finding (room `decide`).

use sense::{Finder, FinderError, FinderOptions};
use std::sync::Arc;

/// Detectors and the key of this installation.
pub struct Guard {
    /// The detectors.
    pub finder: Finder,
    /// Secret of this installation, for placeholders and for the fingerprints of prompts.
    pub key: Arc<[u8; 32]>,
}

impl Guard {
    /// Sets up the detectors.
    ///
    /// # Errors
    /// What is wrong with the options.
    pub fn new(options: &FinderOptions, key: [u8; 32]) -> Result<Guard, FinderError> {
        Ok(Guard { finder: Finder::new(options)?, key: Arc::new(key) })
    }
}
