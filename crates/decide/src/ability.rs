//! How able a model is at each task, and how sure that is.
//!
//! Never here: where evidence comes from, or what is published about models (`Ability::prior` is given by room `app`).

use crate::{Rank, Task};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Belief in the share of requests that a model answers well: a Beta distribution, in thousandths of an observation, so that it
/// compares exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Belief {
    /// Observations that were good.
    pub good_milli: u64,
    /// Observations that were not.
    pub bad_milli: u64,
}

impl Belief {
    /// Its mean, per mille; one half where nothing is known.
    pub fn mean_permille(&self) -> u16 {
        let all = self.good_milli + self.bad_milli;
        if all == 0 { 500 } else { (self.good_milli * 1_000 / all) as u16 }
    }

    /// Whether nothing was observed.
    pub fn is_empty(&self) -> bool {
        *self == Belief::default()
    }

    /// How much was observed, rounded.
    pub fn observations(&self) -> u64 {
        self.good_milli.saturating_add(self.bad_milli).saturating_add(500) / 1_000
    }

    /// With more evidence.
    #[must_use]
    pub fn and(self, more: Belief) -> Belief {
        Belief {
            good_milli: self.good_milli.saturating_add(more.good_milli),
            bad_milli: self.bad_milli.saturating_add(more.bad_milli),
        }
    }
}

/// What is believed of a model before the team's own evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ability {
    /// Its rank.
    pub rank: Rank,
    /// By task, in the order of [`Task::ALL`].
    pub tasks: [Belief; Task::ALL.len()],
    /// Where that comes from, for people.
    pub source: Arc<str>,
}

impl Ability {
    /// At one task.
    pub fn at(&self, task: Task) -> Belief {
        self.tasks[task as usize]
    }
}
