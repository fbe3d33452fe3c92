//! Ways to spend a budget, and what each buys.

use crate::traffic::{DAY_S, MONTH, Request};
use budget::Pace;

/// Nano-dollars that a success is worth at face value.
const WORTH: f64 = 20_000_000.0;
/// A Monday in 2026, 0:00 UTC.
const START: u64 = 1_767_571_200;

/// How a month went.
#[derive(Debug, Clone, Default)]
pub(crate) struct Month {
    /// Expected successes.
    pub(crate) quality: f64,
    pub(crate) spent: i64,
    pub(crate) refused: usize,
    pub(crate) asked: usize,
    /// Share of the month that had passed when the first request was refused.
    pub(crate) dry: Option<f64>,
    /// Day, share of the limit spent; day, weight.
    pub(crate) spending: Vec<(f64, f64)>,
    pub(crate) weights: Vec<(f64, f64)>,
}

/// The tier of the greatest worth of expected success less weighted cost, of those that fit into `left`.
fn best(request: &Request, weight: f64, left: i64) -> Option<usize> {
    let score = |tier: usize| WORTH * request.guess[tier] - weight * request.cost[tier] as f64;
    let fits = (0..3).filter(|tier| request.cost[*tier] <= left);
    fits.max_by(|a, b| score(*a).total_cmp(&score(*b)))
}

/// Spends a month: `weight` says what money weighs for a request, given what was spent; `cap` how much may be spent by now.
fn spend(
    requests: &[Request],
    limit: i64,
    first_day: f64,
    mut weight: impl FnMut(f64, i64) -> f64,
    mut cap: impl FnMut(f64, i64) -> i64,
) -> Month {
    let mut month = Month { asked: requests.len(), ..Month::default() };
    let mut drawn = f64::NEG_INFINITY;
    for request in requests {
        let day = request.at / DAY_S - first_day;
        let w = weight(request.at, month.spent);
        let left = cap(day, month.spent).min(limit) - month.spent;
        match best(request, w, left) {
            Some(tier) => {
                month.spent += request.cost[tier];
                month.quality += request.truth[tier];
            }
            None => {
                month.refused += 1;
                month.dry.get_or_insert(day / MONTH as f64);
            }
        }
        if day - drawn > 0.25 {
            drawn = day;
            month.spending.push((day, month.spent as f64 / limit as f64 * 100.0));
            month.weights.push((day, w));
        }
    }
    month
}

/// What would be spent if nobody looked at the sum.
pub(crate) fn unlimited(requests: &[Request]) -> Month {
    spend(requests, i64::MAX, 0.0, |_, _| 1.0, |_, _| i64::MAX)
}

/// No pacing: face value until the money is gone.
pub(crate) fn until_gone(requests: &[Request], limit: i64, first_day: f64) -> Month {
    spend(requests, limit, first_day, |_, _| 1.0, |_, _| limit)
}

/// Face value until four fifths are gone, then the cheapest (`on_budget = "degrade"` without pacing).
pub(crate) fn degraded(requests: &[Request], limit: i64, first_day: f64) -> Month {
    let weight = |_: f64, spent: i64| if spent >= limit / 5 * 4 { 1e9 } else { 1.0 };
    spend(requests, limit, first_day, weight, |_, _| limit)
}

/// One weight for all: what would have been best in the month before.
pub(crate) fn as_before(requests: &[Request], limit: i64, first_day: f64, weight: f64) -> Month {
    spend(requests, limit, first_day, |_, _| weight, |_, _| limit)
}

/// The same share for every day; what is not used is lost.
pub(crate) fn even(requests: &[Request], limit: i64, first_day: f64) -> Month {
    let (mut today, mut start) = (-1.0, 0);
    let cap = move |day: f64, spent: i64| {
        if day.floor() > today {
            (today, start) = (day.floor(), spent);
        }
        start + limit / MONTH as i64
    };
    spend(requests, limit, first_day, |_, _| 1.0, cap)
}

/// What is left, in equal shares for the days that are left.
pub(crate) fn carried(requests: &[Request], limit: i64, first_day: f64) -> Month {
    let (mut today, mut most) = (-1.0, 0);
    let cap = move |day: f64, spent: i64| {
        if day.floor() > today {
            today = day.floor();
            most = spent + (limit - spent) / (MONTH as i64 - today as i64).max(1);
        }
        most
    };
    spend(requests, limit, first_day, |_, _| 1.0, cap)
}

/// Paced. What was learnt stays in `pace`.
pub(crate) fn paced(requests: &[Request], limit: i64, first_day: f64, pace: Option<Pace>) -> (Month, Pace) {
    let from = START + (first_day * DAY_S) as u64;
    let until = from + MONTH as u64 * DAY_S as u64;
    let mut pace = match pace {
        Some(mut old) => {
            old.renew(limit, from, until);
            old
        }
        None => Pace::new(limit, from, until),
    };
    let weight = |at: f64, spent: i64| {
        let now = START + at as u64;
        pace.observe(spent, now);
        1.0 + f64::from(pace.thrift_permille(now)) / 1_000.0
    };
    let month = spend(requests, limit, first_day, weight, |_, _| limit);
    (month, pace)
}

/// The best that hindsight could do with the same estimates: the linear relaxation of the knapsack, whose answer is one
/// weight for all, and a mixture of two neighbours of it at the edge.
pub(crate) fn hindsight(requests: &[Request], limit: i64) -> (Month, f64) {
    let at = |weight: f64| spend(requests, i64::MAX, 0.0, |_, _| weight, |_, _| i64::MAX);
    let (mut low, mut high) = (1.0f64, 1e6f64);
    if at(low).spent <= limit {
        return (at(low), low);
    }
    for _ in 0..40 {
        let mid = (low * high).sqrt();
        if at(mid).spent > limit { low = mid } else { high = mid }
    }
    let (dear, cheap) = (at(low), at(high));
    let share = (limit - cheap.spent) as f64 / ((dear.spent - cheap.spent).max(1)) as f64;
    let quality = cheap.quality + share.clamp(0.0, 1.0) * (dear.quality - cheap.quality);
    (Month { quality, spent: limit, ..cheap }, high)
}
