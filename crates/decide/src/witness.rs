//! Evidence of decisions: what an auditor asks for later. No text of a request.
//!
//! Never here: the chain, the disk, signatures (room `audit`).

use crate::{DataClass, Found, PlaceId, Terms, Zone};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One decision, denials too, with what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// When the request arrived, Unix milliseconds.
    pub at_unix_ms: u64,
    /// The request id that its caller saw.
    pub request_id: Arc<str>,
    /// Our number of it, as in the ledger.
    pub ask_id: u128,
    /// The key's id; `None` on an open gateway.
    pub key_id: Option<Arc<str>>,
    /// Declared class.
    pub declared: DataClass,
    /// Effective class: declared and found.
    pub class: DataClass,
    /// Tags.
    pub tags: Vec<Arc<str>>,
    /// What detectors found, by kind and count.
    pub found: Found,
    /// Which detectors: name and version.
    pub detector: Arc<str>,
    /// SHA-256 of the policy in force, hexadecimal.
    pub policy_hash: Arc<str>,
    /// HMAC-SHA-256 of the request's texts under a key of this installation; `None` where they were not read.
    pub prompt_hmac: Option<[u8; 32]>,
    /// Places that were refused, and why (the rule's id, never the data).
    pub refused: Vec<Passed>,
    /// Attempts in their order; empty for a denial.
    pub sent: Vec<Sent>,
    /// How it ended: `ok`, `denied`, `failed`, `cancelled`.
    pub outcome: Arc<str>,
}

/// A place that did not get the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// The place.
    pub place: PlaceId,
    /// Why not.
    pub why: String,
}

/// An attempt: what went where, under which terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The place.
    pub place: PlaceId,
    /// Its zone then.
    pub zone: Zone,
    /// Its terms then.
    pub terms: Terms,
    /// The model there.
    pub model: Arc<str>,
    /// Everything above this class was taken out before; `None`: sent as it was.
    pub redacted_above: Option<DataClass>,
    /// Prompt and completion tokens.
    pub tokens: (u64, u64),
    /// What it cost, nano-dollars; `None` is unknown.
    pub cost_nanousd: Option<i64>,
    /// How this attempt ended.
    pub outcome: Arc<str>,
}

/// There is no room for more evidence, or it does not reach the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit trail takes no more records")]
pub struct WitnessFull;

/// Where decisions are told. Never waits for a disk.
pub trait Witness: Send + Sync {
    /// Takes one decision.
    ///
    /// # Errors
    /// [`WitnessFull`]; the caller must not go on unrecorded.
    fn decided(&self, decision: Decision) -> Result<(), WitnessFull>;
}

/// A witness that keeps nothing, where the audit trail is switched off.
#[derive(Debug, Clone, Copy, Default)]
pub struct Blind;

impl Witness for Blind {
    fn decided(&self, _decision: Decision) -> Result<(), WitnessFull> {
        Ok(())
    }
}
