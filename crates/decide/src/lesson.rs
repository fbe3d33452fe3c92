//! One piece of evidence of how well a model did on one request. Holds no text.
//!
//! Never here: storage (room `ledger`), or what follows from it.

use crate::{PlaceId, Task};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Where a lesson comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// A person said so (`POST /v1/feedback`).
    Feedback,
    /// A mechanical check of the answer: JSON against its schema, a call against its tool, a refusal, an end cut off.
    Check,
    /// The answer was doubted, and another place was asked.
    Escalation,
    /// The alternative was asked as well, and the answers were compared.
    Shadow,
}

impl Origin {
    /// Every origin.
    pub const ALL: [Origin; 4] = [Origin::Feedback, Origin::Check, Origin::Escalation, Origin::Shadow];

    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Origin::Feedback => "feedback",
            Origin::Check => "check",
            Origin::Escalation => "escalation",
            Origin::Shadow => "shadow",
        }
    }

    /// What a lesson from here counts, in thousandths of an observation, by its score per mille. A person's word is the measure. An
    /// answer that fails a mechanical check is bad, but one that passes may still be wrong; a doubt is an estimate before anybody
    /// saw a better answer; two answers that differ need not both be wrong.
    pub const fn weight_milli(self, score_permille: u16) -> u32 {
        match self {
            Origin::Feedback => 1_000,
            Origin::Check if score_permille < 500 => 800,
            Origin::Check => 50,
            Origin::Escalation => 200,
            Origin::Shadow => 500,
        }
    }
}

/// The answer beside which another one was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// The model name that was asked for: a route, `auto`, `auto:cheap`.
    pub asked: Arc<str>,
    /// The stronger place.
    pub place: PlaceId,
    /// The model there.
    pub model: Arc<str>,
    /// Doubt in the weak answer before the strong one was seen, per mille.
    pub doubt_permille: i16,
    /// Quality lost by keeping the weak answer, per mille, from -1000 to 1000.
    pub loss_permille: i16,
}

/// One piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lesson {
    /// The request.
    pub request_id: Arc<str>,
    /// When, Unix milliseconds. Feedback has the moment at which its request arrived: a second one takes the place of the first, and an
    /// answer of long ago is old evidence.
    pub at_unix_ms: u64,
    /// Whose answer.
    pub place: PlaceId,
    /// Which model there.
    pub model: Arc<str>,
    /// What kind of work it was.
    pub task: Task,
    /// Where this comes from.
    pub origin: Origin,
    /// How good it was, per mille.
    pub score_permille: u16,
    /// What it counts, in thousandths of an observation.
    pub weight_milli: u32,
    /// The comparison behind it, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compared: Option<Compared>,
}

/// Where lessons go. Must not block.
pub trait Lessons: Send + Sync {
    /// Takes one.
    fn take(&self, lesson: Lesson);
}
