//! Who answered a request of before, so that what is said of its answer later finds whom it is about.
//!
//! Never here: storage (room `ledger`).

use crate::{PlaceId, Task};
use std::sync::Arc;

/// The answer that a caller was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// `x-request-id`.
    pub request_id: Arc<str>,
    /// The caller's key id; `None` without configured keys.
    pub key: Option<Arc<str>>,
    /// When the request arrived, Unix milliseconds.
    pub arrived_unix_ms: u64,
    /// What kind of work it was.
    pub task: Task,
    /// Who wrote what was shown, place and model; `None` where nothing was shown (refused, failed).
    pub by: Option<(PlaceId, Arc<str>)>,
}

/// It cannot be looked up now; why, for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Forgotten(pub String);

/// Remembers answers. Of several requests with one id of one key the last one counts.
pub trait Recall: Send + Sync {
    /// The answer to this request of this key, as far as memory holds it. Must not block.
    fn recent(&self, request_id: &str, key: Option<&str>) -> Option<Answered>;

    /// The same from the disk. May take a while: not on a thread that serves.
    ///
    /// # Errors
    /// The disk cannot be read now.
    fn older(&self, request_id: &str, key: Option<&str>) -> Result<Option<Answered>, Forgotten>;
}
