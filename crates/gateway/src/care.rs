//! Care for places: whether one more attempt may start, by what the last ones came to. Breakers and pauses, a limit of
//! concurrent work per place, and the global budget of further attempts. Time is the caller's.
//!
//! Never here: which place is best (room `decide`), or sending.

use decide::{Candidate, Cause, Fault};
use std::time::Duration;

/// What `[resilience]` says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CareOptions {}

/// What is known of places from their last answers.
#[derive(Debug, Default)]
pub struct Care {}

impl Care {
    /// With nothing known yet.
    pub fn new(_options: CareOptions) -> Care {
        Care {}
    }

    /// One more request: it earns its share of the budget of further attempts.
    pub(crate) fn arrived(&self) {}

    /// Whether the budget has one more further attempt; takes it.
    pub(crate) fn may_retry(&self) -> bool {
        true
    }

    /// Leave for one attempt at a candidate.
    pub(crate) fn enter(&self, _candidate: &Candidate) -> Result<Pass, Fault> {
        Ok(Pass {})
    }
}

/// Leave for one attempt. Dropped without [`Pass::ended`] it says nothing about its place.
#[derive(Debug)]
pub(crate) struct Pass {}

impl Pass {
    /// How the attempt ended: the time to its first content if there was one, and what went wrong.
    pub(crate) fn ended(self, _ttft: Option<Duration>, _cause: Option<Cause>) {}
}
