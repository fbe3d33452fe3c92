//! The sum behind an order, for people: each candidate's utility in its terms, so that they can be added up.
//!
//! Never here: deciding. The terms are made by the same functions as the utility, from what stands in the verdict.

use super::utility::{Scale, nano};
use crate::{Need, Policy, Verdict};
use serde::Serialize;

/// The terms of one utility, nano-dollars: `quality - price - capacity - wait + warm` is the utility.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Sum {
    /// What the expected quality is worth, as far as it counts: up to what is enough, all of it, or next to nothing, by the objective.
    #[serde(rename = "quality_nanousd")]
    pub quality: i64,
    /// The money that it adds, with the weight that a budget gives it; a price that is not known counts as the dearest that is.
    #[serde(rename = "price_nanousd")]
    pub price: i64,
    /// What the capacity is worth that it takes from others, with the same weight.
    #[serde(rename = "capacity_nanousd")]
    pub capacity: i64,
    /// What the wait is worth.
    #[serde(rename = "wait_nanousd")]
    pub wait: i64,
    /// What the conversation saves there, since its prefix is in the cache, with the weight of money.
    #[serde(rename = "warm_nanousd")]
    pub warm: i64,
}

impl Sum {
    /// What the terms add up to.
    pub fn utility(&self) -> i64 {
        let [quality, price, capacity, wait, warm] =
            [self.quality, self.price, self.capacity, self.wait, self.warm].map(i128::from);
        nano(quality - price - capacity - wait + warm)
    }
}

impl Verdict {
    /// The terms of each candidate's utility, in the order of the verdict. `need` and `policy` are those it was decided by; empty
    /// where the order was given and nothing was weighed.
    pub fn sums(&self, need: &Need, policy: &Policy) -> Vec<Sum> {
        let Some(objective) = self.objective else { return Vec::new() };
        let scale = Scale::read(self.order.iter(), objective, need, policy, self.enough_permille);
        let terms = self.order.iter().map(|c| {
            let r = &c.reason;
            let capacity = scale.weighed(r.capacity_nanousd.saturating_sub(r.warm_nanousd));
            let warm = scale.weighed(r.warm_nanousd);
            Sum {
                quality: nano(scale.quality(r.quality_permille)),
                price: nano(scale.weighed(r.cost_nanousd.unwrap_or(scale.unknown))),
                capacity: nano(capacity + warm),
                wait: nano(scale.wait(r.ttft_ms, r.queue_ms)),
                warm: nano(warm),
            }
        });
        terms.collect()
    }
}
