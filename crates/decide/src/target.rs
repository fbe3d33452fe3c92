//! One model of a place, as configuration names it.
//!
//! Never here: whether there is such a place.

use serde::{Deserialize, Serialize};

/// One entry of a named route: `place/model`, or `place/*` for any model of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Place name.
    pub place: String,
    /// Model id there, or `*`.
    pub model: String,
}
