//! Evidence of decisions: what an auditor asks for later. No text of a request.
//!
//! A request makes two entries: [`Witness::decided`] before anything is sent, with every place that it may go to and every
//! place that was refused; and [`Witness::ended`] with what was sent where. A denial makes only the first. So a crash between
//! the two leaves a decision without an end: it may have been sent to the places that it names, and to no other.
//!
//! Never here: the chain, the disk, signatures (room `audit`).

use crate::{Cause, DataClass, Found, Nanousd, Outcome, Place, Policy, Trouble, Verdict, Zone};
use std::sync::Arc;

/// One decision, denials too, before anything is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// When the request arrived, Unix milliseconds.
    pub at_unix_ms: u64,
    /// The request id that its caller saw.
    pub request_id: Arc<str>,
    /// Our number of it, as in the ledger.
    pub ask_id: u128,
    /// The key's id; `None` on an open gateway.
    pub key_id: Option<Arc<str>>,
    /// The endpoint (`chat`, `messages`, …).
    pub endpoint: &'static str,
    /// Declared class; the effective one is the verdict's.
    pub declared: DataClass,
    /// Tags.
    pub tags: Vec<Arc<str>>,
    /// What detectors found, by kind and count.
    pub found: Found,
    /// It carries content that no detector can read.
    pub unscanned: bool,
    /// Which detectors: name and version.
    pub detector: Arc<str>,
    /// The policy in force.
    pub policy: Arc<Policy>,
    /// HMAC-SHA-256 of the request's texts under a key of this installation; `None` where they were not read.
    pub prompt_hmac: Option<[u8; 32]>,
    /// Where it may go, in which order, with what taken out; and why every other place was refused.
    pub verdict: Arc<Verdict>,
    /// Why the request is refused; `None` where it goes on.
    pub denied: Option<Cause>,
}

impl Decision {
    /// Effective class.
    pub fn class(&self) -> DataClass {
        self.verdict.class
    }

    /// Whether it may go beyond the own ground.
    pub fn may_leave(&self) -> bool {
        self.denied.is_none() && self.verdict.order.iter().any(|c| !c.place.zone.is_own_ground())
    }
}

impl Zone {
    /// Whether the place is ours: our engine, this host, or our own network.
    pub const fn is_own_ground(self) -> bool {
        matches!(self, Zone::Embedded | Zone::SameHost | Zone::OwnNetwork)
    }
}

/// An attempt: what went where, under which terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The place as it was then, with its zone and terms.
    pub place: Arc<Place>,
    /// The model there.
    pub model: Arc<str>,
    /// Everything above this class was taken out before; `None`: sent as it was.
    pub redacted_above: Option<DataClass>,
    /// Prompt and completion tokens.
    pub tokens: (u64, u64),
    /// What it cost; `None` is unknown.
    pub cost: Option<Nanousd>,
    /// How this attempt ended.
    pub outcome: Outcome,
    /// [`Cause::code`] where it failed.
    pub error: Option<Arc<str>>,
}

/// What came of a decision that was not a denial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// When the request arrived, Unix milliseconds: as in its [`Decision`].
    pub arrived_unix_ms: u64,
    /// As in its [`Decision`].
    pub request_id: Arc<str>,
    /// As in its [`Decision`].
    pub ask_id: u128,
    /// Effective class.
    pub class: DataClass,
    /// Tags.
    pub tags: Vec<Arc<str>>,
    /// Attempts begun. One without an entry in `sent` has an unknown end.
    pub begun: u8,
    /// Attempts in their order.
    pub sent: Vec<Sent>,
}

/// What became of a decision that was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "what is not recorded may not go on"]
pub enum Taken {
    /// It will be in the trail; its end has to be told with [`Witness::ended`].
    Recorded,
    /// It is not in the trail, which counts that; it may go on, and its end is not told.
    Unrecorded,
    /// It may go on only to places on own ground, and has to be told again without the others.
    OwnGroundOnly,
    /// It may not go on.
    Refused,
}

/// Called once, from another thread, when a decision has been written and survives a crash of this process. Dropped uncalled when
/// it could not be written. Must not block.
pub type Written = Box<dyn FnOnce() + Send>;

/// Where decisions are told. Never waits for a disk.
pub trait Witness: Send + Sync {
    /// Whether anything is kept at all; where not, nothing need be told.
    fn keeps(&self) -> bool;

    /// Takes one decision. A decision that may leave own ground must not be carried out before `written` was called.
    fn decided(&self, decision: Decision, written: Option<Written>) -> Taken;

    /// Takes the end of a decision that was [`Taken::Recorded`]. There is always room for it.
    fn ended(&self, ending: Ending);

    /// Whether decisions do not reach the disk at present, for `/readyz`.
    fn trouble(&self) -> Option<Trouble> {
        None
    }
}

/// A witness that keeps nothing, where the audit trail is switched off.
#[derive(Debug, Clone, Copy, Default)]
pub struct Blind;

impl Witness for Blind {
    fn keeps(&self) -> bool {
        false
    }

    fn decided(&self, _: Decision, written: Option<Written>) -> Taken {
        if let Some(written) = written {
            written();
        }
        Taken::Unrecorded
    }

    fn ended(&self, _: Ending) {}
}
