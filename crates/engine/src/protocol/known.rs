//! What is known of a token of an answer.
//!
//! Never here: computing it.

use serde::{Deserialize, Serialize};

/// One token with its log-probability and the likeliest alternatives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Logprob {
    pub(crate) bytes: Vec<u8>,
    pub(crate) logprob: f32,
    pub(crate) top: Vec<(Vec<u8>, f32)>,
}

/// How sure the model was of one token: minus its log-probability and the entropy of what could have stood there, both in
/// thousandths of a nat, and its bytes of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sign(pub(crate) u16, pub(crate) u16, pub(crate) u16);

/// What is not wanted is not written.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
pub(super) fn is_false(value: &bool) -> bool {
    !value
}
