//! How able a model is at each task, and how sure that is.
//!
//! Never here: where evidence comes from, or what is published about models (`Ability::prior` is given by room `app`).

mod interval;
mod name;
mod typical;

pub use name::model_name;

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
        let all = u128::from(self.good_milli) + u128::from(self.bad_milli);
        (u128::from(self.good_milli) * 1_000).checked_div(all).map_or(500, |mean| mean as u16)
    }

    /// The central 90 % of it, per mille: so good it is, but for one chance in twenty on either side. Jeffreys' half an observation on both
    /// sides stands for what nobody knows, so that no evidence is nearly the whole range and one observation is not certainty.
    pub fn interval_permille(&self) -> (u16, u16) {
        let [a, b] = [self.good_milli, self.bad_milli].map(|n| n as f64 / 1_000.0 + 0.5);
        let permille = |share| (interval::quantile(a, b, share) * 1_000.0).round() as u16;
        (permille(0.05), permille(0.95))
    }

    /// So many observations with this mean.
    pub fn of_mean(mean_permille: u16, observations_milli: u64) -> Belief {
        let good_milli = observations_milli * u64::from(mean_permille.min(1_000)) / 1_000;
        Belief { good_milli, bad_milli: observations_milli - good_milli }
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
    /// What is usual of a rank at a task, per mille, in the exams that priors are made of (`cargo xtask abilities`). A task without an exam
    /// of its own has the mean of the others.
    pub fn typical(rank: Rank, task: Task) -> u16 {
        typical::of(task).get(rank as usize).copied().unwrap_or(500)
    }

    /// At one task.
    pub fn at(&self, task: Task) -> Belief {
        self.tasks[task as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_narrow_with_evidence_and_hold_the_mean() {
        assert_eq!(Belief::default().interval_permille(), (6, 994));
        let mut before = 1_000;
        for n in [1, 4, 20, 100, 1_000] {
            let belief = Belief::of_mean(700, n * 1_000);
            let (low, high) = belief.interval_permille();
            assert!(low < 700 && 700 < high && high - low < before, "{n}: {low} to {high}");
            before = high - low;
        }
        assert!(before < 50);
        let (low, high) = Belief { good_milli: u64::MAX / 2, bad_milli: 0 }.interval_permille();
        assert_eq!((low, high), (1_000, 1_000));
    }

    #[test]
    fn abler_ranks_are_usually_better() {
        for task in Task::ALL {
            let of = |rank| Ability::typical(rank, task);
            assert!(of(Rank::Edge) <= of(Rank::Local) && of(Rank::Local) < of(Rank::Frontier), "{task:?}");
        }
    }
}
