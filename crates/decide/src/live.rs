//! What is seen of places this very moment, as an argument of [`choose_live`](crate::choose_live). A [`Fleet`] is as
//! old as its last probe; this is as old as the last answer.
//!
//! [`Fleet`]: crate::Fleet
//!
//! Never here: watching (room `gateway`), a clock, or chance of its own.

use crate::{Belief, PlaceId, Task};
use serde::Serialize;

/// Whether a place takes another request right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gate {
    /// Yes.
    #[default]
    Free,
    /// It has as much work as it can do in good time.
    Full,
    /// It asked us to wait.
    Paused,
    /// It failed repeatedly, and its breaker is open.
    Open,
}

/// How one place stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Standing {
    /// Whether it takes another request.
    pub gate: Gate,
    /// Expected wait for a first piece, microseconds: the moving average, or the age of a request that waits longer.
    pub wait_us: Option<u64>,
    /// Requests of ours under way there.
    pub running: u32,
    /// Estimated tokens of the requests under way there.
    pub outstanding_tokens: u64,
    /// Since it was last asked anything, milliseconds.
    pub idle_ms: u64,
}

/// A view of the moment.
pub trait Live {
    /// How a place stands; `None` where nothing is known of it.
    fn standing(&self, place: &PlaceId) -> Option<Standing>;

    /// A number of chance for this one decision.
    fn chance(&self) -> u64;

    /// The team's own evidence of how well a model of a place does one task; `None` where there is none.
    fn evidence(&self, _place: &PlaceId, _model: &str, _task: Task) -> Option<Belief> {
        None
    }
}

/// Nobody watches: fleet and policy decide alone, and the same inputs give the same verdict.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unseen;

impl Live for Unseen {
    fn standing(&self, _: &PlaceId) -> Option<Standing> {
        None
    }

    fn chance(&self) -> u64 {
        0
    }
}

/// Why one of several replicas stands before the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pick {
    /// It has no replica here, or nothing is known of the moment.
    #[default]
    Only,
    /// Session or prefix belong here, and nothing speaks against it.
    Home,
    /// Session or prefix belong to a place that is clearly worse just now.
    Lighter,
    /// It was slow when it was last asked; this request finds out whether it still is.
    Probe,
    /// One of the replicas comes before it.
    Spare,
}
