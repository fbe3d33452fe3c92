//! Care for places: whether one more attempt may start, by what the last ones came to. Breakers and pauses, a limit of
//! concurrent work per place, and the global budget of further attempts. Time is the caller's.
//!
//! Never here: which place is best (room `decide`), or sending.

use decide::{Candidate, Cause, Fault, Nanousd};
use std::time::Duration;

/// What `[resilience]` says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CareOptions {
    /// A second attempt beside a slow first one; `None` is off.
    pub hedge: Option<Hedge>,
}

/// When a second attempt starts beside the first, and what it may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hedge {
    /// How long the first attempt may be without content.
    pub after: Duration,
    /// The most that the second one may be expected to cost; one of unknown price is never started.
    pub cost_max: Nanousd,
}

/// What is known of places from their last answers.
#[derive(Debug, Default)]
pub struct Care {
    options: CareOptions,
}

impl Care {
    /// With nothing known yet.
    pub fn new(options: CareOptions) -> Care {
        Care { options }
    }

    /// Whether and when a second attempt may start beside a first one at this candidate. Asks nothing of the budget of
    /// further attempts: that is asked when it starts.
    pub(crate) fn hedge(&self, _first: &Candidate) -> Option<Hedge> {
        self.options.hedge
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
