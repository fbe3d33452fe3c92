//! The fleet: one immutable snapshot of every place with its live state. Probes publish it, the hot path reads it.
//!
//! Never here: probing, clocks, locks.

use crate::{Model, Place, PlaceId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Whether a place can be asked now.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "state", content = "why")]
pub enum Health {
    /// Not probed yet; may be tried.
    #[default]
    Unknown,
    /// Answers.
    Up,
    /// Its model is being loaded; will answer soon.
    Loading,
    /// Does not answer, and why.
    Down(String),
}

impl Health {
    /// May a request be sent there?
    pub fn usable(&self) -> bool {
        matches!(self, Health::Unknown | Health::Up)
    }

    /// One word for tables.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Health::Unknown => "unknown",
            Health::Up => "up",
            Health::Loading => "loading",
            Health::Down(_) => "down",
        }
    }
}

/// Load of a place when it was last seen. `None` where the place does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Load {
    /// Requests that it is working on (its own count, or ours where it has none).
    pub running: u32,
    /// Requests that wait in its queue.
    pub waiting: u32,
    /// How many of all of them were ours when that was seen; `None` where nobody counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ours: Option<u32>,
    /// Share of its KV cache in use, per mille.
    pub kv_permille: Option<u16>,
    /// Measured time to first token, milliseconds, moving average.
    pub ttft_ms: Option<u32>,
    /// Measured inter-token latency, microseconds, moving average.
    pub itl_us: Option<u32>,
}

/// One place and its live state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceState {
    /// As configured.
    pub place: Arc<Place>,
    /// Configured or discovered models.
    pub models: Vec<Arc<Model>>,
    /// Whether it answers.
    pub health: Health,
    /// How busy it is.
    pub load: Load,
}

/// Every place at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Fleet {
    /// Counts snapshots, so that a decision can say which one it saw.
    pub version: u64,
    /// In configuration order.
    pub places: Vec<PlaceState>,
}

/// One (place, model) pair of a fleet.
#[derive(Debug, Clone, Copy)]
pub struct Offer<'a> {
    /// The place.
    pub state: &'a PlaceState,
    /// One of its models.
    pub model: &'a Arc<Model>,
}

impl Fleet {
    /// The state of one place.
    pub fn find(&self, id: &PlaceId) -> Option<&PlaceState> {
        self.places.iter().find(|s| &s.place.id == id)
    }

    /// Every (place, model) pair in configuration order.
    pub fn offers(&self) -> impl Iterator<Item = Offer<'_>> {
        self.places.iter().flat_map(|state| state.models.iter().map(move |model| Offer { state, model }))
    }
}
