//! The verdict: where a request goes, in which order, and why every other place was refused.

use crate::{DataClass, Difficulty, Objective, PlaceId, Price, Task, Tier, Zone};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Why a place was refused. The text of `Display` is what `explain` and errors show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// Another model or place was asked for by name.
    #[error("not what was asked for by name")]
    NotNamed,
    /// The class of the data may not go so far.
    #[error("class {class} may go no farther than {reach}, and this is {zone}", class = class.as_str(), reach = reach.as_str(), zone = zone.as_str())]
    Class {
        /// Effective class.
        class: DataClass,
        /// Farthest zone allowed.
        reach: Zone,
        /// Zone of the place.
        zone: Zone,
    },
    /// The objective or route keeps to own ground.
    #[error("keeps to own ground, and this is {}", .0.as_str())]
    NotLocal(Zone),
    /// The caller's key does not cover it.
    #[error("outside the scope of this key")]
    Scope,
    /// Lacks a capability.
    #[error("cannot do {0}")]
    Lacks(String),
    /// Prompt and completion do not fit.
    #[error("needs {need} tokens of context, has {has}")]
    Context {
        /// Prompt plus completion.
        need: u32,
        /// Window of the model.
        has: u32,
    },
    /// Does not answer.
    #[error("is {0}")]
    Unhealthy(String),
}

/// Why a candidate stands where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Expected quality on this request, per mille.
    pub quality_permille: u16,
    /// Is that sufficient for the difficulty?
    pub sufficient: bool,
    /// Expected cost; `None` where the price is unknown.
    pub cost_nanousd: Option<i64>,
    /// Expected time to first token.
    pub ttft_ms: u32,
    /// In words, for people.
    pub text: String,
}

/// One place and model that may answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The place.
    pub place: PlaceId,
    /// The model id there.
    pub model: Arc<str>,
    /// Its tier.
    pub tier: Tier,
    /// Its zone.
    pub zone: Zone,
    /// Its price.
    pub price: Option<Price>,
    /// Why here.
    pub reason: Reason,
}

/// The decision about one request: immutable, and carried out to the letter by `dispatch`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The request.
    pub ask_id: u128,
    /// Task that was assumed.
    pub task: Task,
    /// Difficulty that was assumed.
    pub difficulty: Difficulty,
    /// Effective data class.
    pub class: DataClass,
    /// What was optimised; `None` when the caller named the model.
    pub objective: Option<Objective>,
    /// In the order in which they are to be tried.
    pub order: Vec<Candidate>,
    /// Everything else, with the reason.
    pub refused: Vec<(PlaceId, Arc<str>, Refusal)>,
    /// The policy this was decided under.
    pub policy_version: u64,
    /// The fleet snapshot this was decided on.
    pub fleet_version: u64,
}

impl Verdict {
    /// `x-dewpoint-decision`: one line, ASCII, no text of the request.
    /// Example: `auto:sufficient;task=classify;difficulty=180;class=internal;chosen=edge/dewpoint-edge;of=3`.
    pub fn summary(&self) -> String {
        let chosen = self.order.first().map_or_else(|| "none".to_owned(), |c| format!("{}/{}", c.place, c.model));
        let how = self.objective.map_or("named", Objective::as_str);
        format!(
            "{how};task={};difficulty={};class={};chosen={chosen};of={}",
            self.task.as_str(),
            self.difficulty.0,
            self.class,
            self.order.len() + self.refused.len(),
        )
    }
}
