//! One utility in money for everything that may answer: what its expected quality is worth, less what it costs, what the
//! capacity it takes is worth, what its queue makes the caller wait, and, for a conversation, what leaving its warm prefix costs.
//!
//! Never here: hard constraints, the sorting (`order`), or the balance of replicas (`balance`).

use super::order::Ranked;
use crate::{Candidate, Model, Nanousd, Need, Objective, Place, Policy, Reason, Usage, capacity_price, cost};

/// A price that is not known counts as the dearest that is, and at least as this, nano-dollars per token: prompt and
/// completion of the dearest frontier models in wide use (15 and 75 dollars per million: Anthropic's list price of Claude Opus 4).
const DEAR: (i64, i64) = (15_000, 75_000);
/// How the objectives weigh quality: `best` all of it, `cheap` only between what costs about the same.
const BEST_TIMES: i128 = 100;
const CHEAP_PART: i128 = 100_000;
/// What a second is worth at least where the objective is to be fast, nano-dollars.
const FAST_SECOND: i128 = 1_000_000_000;
/// The part of a conversation's prompt that its place has in its cache, per mille: the half that the second turn repeats
/// (each further turn repeats more).
const WARM_PERMILLE: u64 = 500;

/// What the whole order has in common.
pub(super) struct Scale<'a> {
    need: &'a Need,
    objective: Objective,
    /// What quality counts up to, per mille.
    enough: u16,
    quality_value: i64,
    second_value: i128,
    /// What a price counts as that is not known.
    pub(super) unknown: i64,
    /// Full cost of the cheapest alternative that is paid by the token: of what is sufficient, and of all.
    elsewhere: [Option<i64>; 2],
}

/// The tokens that a request is expected to take.
pub(super) fn expected(need: &Need) -> Usage {
    Usage { input: need.input_tokens.into(), output: need.output_tokens.into(), ..Usage::default() }
}

/// Gives every candidate the price of its capacity and its utility, and marks where the request would go if every place
/// were idle (that only where something is declared).
pub(super) fn weigh(order: &mut [Ranked], objective: Objective, need: &Need, policy: &Policy, enough: u16) {
    let scale = Scale::read(order.iter().map(|r| &r.candidate), objective, need, policy, enough);
    for r in order.iter_mut() {
        scale.idle(r);
    }
    // Where nothing is declared, what places do at the moment has no price.
    if scale.second_value == 0 && order.iter().all(|r| r.candidate.place.economics.is_none()) {
        return;
    }
    let home = (0..order.len()).min_by_key(|i| order[*i].key(objective));
    let Some(home) = home else { return };
    let at = &mut order[home];
    at.candidate.reason.home = true;
    if need.session.is_some() {
        at.candidate.reason.warm_nanousd = scale.warm(&at.candidate.place, &at.candidate.model, &at.candidate.reason);
    }
    for r in order.iter_mut() {
        scale.busy(r);
    }
}

impl<'a> Scale<'a> {
    pub(super) fn read<'c>(
        order: impl Iterator<Item = &'c Candidate>,
        objective: Objective,
        need: &'a Need,
        policy: &Policy,
        enough: u16,
    ) -> Scale<'a> {
        let mut dearest =
            i64::from(need.input_tokens).saturating_mul(DEAR.0).saturating_add(i64::from(need.output_tokens) * DEAR.1);
        let mut elsewhere = [None; 2];
        for c in order {
            let reason = &c.reason;
            dearest = dearest.max(reason.cost_nanousd.unwrap_or(0));
            let Some(full) = reason.full_nanousd.filter(|f| *f > 0 && c.place.economics.is_none()) else { continue };
            let least = |old: Option<i64>| Some(old.map_or(full, |o: i64| o.min(full)));
            elsewhere[1] = least(elsewhere[1]);
            if reason.sufficient {
                elsewhere[0] = least(elsewhere[0]);
            }
        }
        Scale {
            need,
            objective,
            enough,
            quality_value: policy.quality_value.0,
            second_value: policy.second_value.0.into(),
            unknown: dearest,
            elsewhere,
        }
    }

    /// What the expected quality is worth.
    pub(super) fn quality(&self, permille: u16) -> i128 {
        // Division of 128 bits is slow, and seldom needed.
        let worth = |q: u16| match self.quality_value.checked_mul(q.into()) {
            Some(n) => i128::from(n / 1_000),
            None => i128::from(self.quality_value) * i128::from(q) / 1_000,
        };
        match self.objective {
            Objective::Sufficient | Objective::Local => worth(permille.min(self.enough)),
            Objective::Best => worth(permille).saturating_mul(BEST_TIMES),
            Objective::Cheap => worth(permille) / CHEAP_PART,
            Objective::Fast => 0,
        }
    }

    /// Money with the weight that a budget gives it.
    pub(super) fn weighed(&self, nano: i64) -> i128 {
        if self.need.thrift_permille == 0 {
            return nano.into();
        }
        i128::from(nano) * i128::from(1_000 + u64::from(self.need.thrift_permille)) / 1_000
    }

    /// What the wait is worth: all of it where the objective is to be fast, else only what comes of a queue.
    pub(super) fn wait(&self, ttft_ms: u32, queue_ms: u32) -> i128 {
        match self.objective {
            // In powers of two: below that, measurements are noise and must not move a session.
            Objective::Fast => (1i128 << ttft_ms.max(1).ilog2()) * self.second_value.max(FAST_SECOND) / 1_000,
            _ if self.second_value == 0 => 0,
            _ => i128::from(queue_ms) * self.second_value / 1_000,
        }
    }

    /// The utility with every place idle.
    fn idle(&self, r: &mut Ranked) {
        let reason = &mut r.candidate.reason;
        let price = reason.cost_nanousd.unwrap_or(self.unknown);
        let wait = if self.objective == Objective::Fast { self.wait(reason.ttft_ms, 0) } else { 0 };
        reason.utility_nanousd = nano(self.quality(reason.quality_permille) - self.weighed(price) - wait);
    }

    /// The utility as places are now: less capacity and queue, with the warm prefix where it is.
    fn busy(&self, r: &mut Ranked) {
        let (place, reason) = (&r.candidate.place, &mut r.candidate.reason);
        if let (Some(_), Some(full)) = (&place.economics, reason.full_nanousd) {
            reason.capacity_nanousd = self.capacity(full, reason).0;
        }
        let queue = if self.objective == Objective::Fast { 0 } else { self.wait(0, reason.queue_ms) };
        let less = self.weighed(reason.capacity_nanousd.saturating_sub(reason.warm_nanousd)) + queue;
        reason.utility_nanousd = nano(i128::from(reason.utility_nanousd) - less);
    }

    fn capacity(&self, full: i64, reason: &Reason) -> Nanousd {
        let [enough, any] = self.elsewhere;
        let elsewhere = if reason.sufficient { enough } else { any };
        capacity_price(Nanousd(full), elsewhere.map(Nanousd), reason.pressure_permille)
    }

    /// What the part of the prompt that is warm here would cost again: here, as this place is now.
    fn warm(&self, place: &Place, model: &Model, reason: &Reason) -> i64 {
        let cold = expected(self.need);
        let warm = Usage { cached: cold.input * WARM_PERMILLE / 1_000, ..cold };
        let saved = |of: &dyn Fn(&Usage) -> Option<Nanousd>| {
            of(&cold).zip(of(&warm)).map_or(0, |(cold, warm)| cold.0.saturating_sub(warm.0))
        };
        match &place.economics {
            Some(e) => {
                let at = crate::Moment { pressure_permille: reason.pressure_permille, ..crate::Moment::default() };
                let price = |u: &Usage| {
                    let capacity = e.full(u).map_or(Nanousd::ZERO, |f| self.capacity(f.0, reason));
                    Some(Nanousd(e.marginal(u, &at)?.0.saturating_add(capacity.0)))
                };
                saved(&price)
            }
            None => saved(&|u: &Usage| model.price.as_ref().map(|p| cost(p, u, self.need.at_unix_s))),
        }
    }
}

pub(super) fn nano(n: i128) -> i64 {
    i64::try_from(n).unwrap_or(if n < 0 { i64::MIN } else { i64::MAX })
}
