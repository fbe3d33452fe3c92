//! An image on its way to the worker.
//!
//! Never here: reading it.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// An image of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Image {
    /// Bytes of the message's text before it.
    pub(crate) at: usize,
    /// The file, base64; shared by the choices of a request.
    pub(crate) data: Arc<str>,
}
