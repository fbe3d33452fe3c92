//! What the operator wants of answers that were looked at: when to escalate, what may be lost by not doing so, and what share of
//! requests is asked twice to learn from.
//!
//! Never here: judging an answer (room `sense`), or asking (room `gateway`).

use crate::Target;
use serde::{Deserialize, Serialize};

/// Settings of `[cascade]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cascade {
    /// Whether an answer that is doubted may be replaced by one of a stronger place.
    pub escalate: bool,
    /// Cheap models that are asked beside, so that their answers can be compared. At most three.
    pub helpers: Vec<Target>,
    /// Tokens of a stream that are held back at most while it is judged.
    pub hold_tokens: u32,
    /// How long a stream is held back at most, milliseconds.
    pub hold_ms: u32,
    /// What may be lost on average against always asking the strongest permitted place, per mille; `None`: nothing is promised.
    pub max_quality_loss_permille: Option<u16>,
    /// Share of requests that the alternative is asked as well, off the hot path, per mille.
    pub shadow_permille: u16,
}

impl Default for Cascade {
    fn default() -> Cascade {
        Cascade {
            escalate: true,
            helpers: Vec::new(),
            hold_tokens: 48,
            hold_ms: 1_000,
            max_quality_loss_permille: None,
            shadow_permille: 0,
        }
    }
}
