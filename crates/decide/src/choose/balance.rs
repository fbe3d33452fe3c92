//! Balance among replicas by what is seen this moment: power of two choices (Mitzenmacher, "The Power of Two Choices in
//! Randomized Load Balancing", 2001) on outstanding tokens and the wait for a first piece. One of the two choices is the
//! home of session or prefix, which is kept until the other is clearly better, so that cached prefixes are found again.
//! Whatever is closed (full, paused, its breaker open) goes behind everything that is free.
//!
//! Never here: taking a candidate in or out.

use super::order::{Ranked, fnv1a};
use crate::{Gate, Pick, Standing};
use std::cmp::Reverse;

/// So many outstanding tokens double what a place costs: about eight requests of ordinary length, a full batch of a
/// small server.
const TOKENS: u64 = 4_096;
/// Below this difference of cost nobody moves, microseconds: measurements of local places are no finer.
const NOISE_US: u64 = 20_000;
/// What was measured of a place longer ago than this no longer says how it is, milliseconds.
const STALE_MS: u64 = 5_000;
/// With a stale measurement one request in so many tries the place again; fewer than one in a hundred, so that a place
/// that is still slow does not show in the 99th percentile.
const PROBE_ONE_IN: u64 = 128;
/// After so long any request does, milliseconds.
const FORGOTTEN_MS: u64 = 60_000;

/// Reorders `order`: free ones first, and within each set of replicas the better of two. `by_objective` is false where
/// the caller or a route fixed the order: then nothing is balanced.
pub(super) fn balance(order: &mut [Ranked], by_objective: bool, chance: u64) {
    if order.iter().all(|r| r.candidate.reason.standing.is_none()) {
        return;
    }
    order.sort_by_key(|r| gate(r) != Gate::Free);
    if !by_objective {
        return;
    }
    // Pairs are compared by one number each; only those that agree in it are looked at.
    let marks: Vec<u64> = order.iter().map(mark).collect();
    for first in 0..order.len() {
        if !marks[first + 1..].contains(&marks[first]) {
            continue;
        }
        let leader = &order[first];
        let same = group(order, first);
        // Those before `first` were placed with an earlier leader.
        let earlier = order[..first].iter().any(|r| replicas(r, leader));
        if same.len() > 1 && !earlier {
            arrange(order, &same, chance);
        }
    }
}

/// The same for replicas, and seldom for others.
fn mark(r: &Ranked) -> u64 {
    let c = &r.candidate;
    let seed = (c.reason.cost_nanousd.unwrap_or(-1) as u64).rotate_left(16) ^ u64::from(c.reason.quality_permille);
    fnv1a(seed, c.model.id.as_bytes())
}

/// The replicas of the leader at `first`, it included: as far as nothing of another tier or zone stands between that is worth more
/// than those behind it. Traffic that spilled over from a replica is not balanced back to it.
fn group(order: &[Ranked], first: usize) -> Vec<usize> {
    let (leader, worth) = (&order[first], |r: &Ranked| r.candidate.reason.utility_nanousd);
    let kin = |r: &Ranked| (r.candidate.tier(), r.candidate.place.zone);
    let mut between = None;
    let mut same = Vec::new();
    for (i, r) in order.iter().enumerate().skip(first) {
        if replicas(leader, r) {
            if between.is_some_and(|b| b > worth(r)) {
                break;
            }
            same.push(i);
        } else if kin(r) != kin(leader) {
            between = Some(worth(r));
        }
    }
    same
}

fn gate(r: &Ranked) -> Gate {
    r.candidate.reason.standing.as_ref().map_or(Gate::Free, |s| s.gate)
}

/// Whether two candidates differ in nothing but where they are and how busy.
fn replicas(a: &Ranked, b: &Ranked) -> bool {
    // What tells most apart comes first: this is asked for every pair.
    let (x, y) = (&a.candidate, &b.candidate);
    x.reason.cost_nanousd == y.reason.cost_nanousd
        && x.reason.quality_permille == y.reason.quality_permille
        && (a.rank, x.tier(), x.place.zone, gate(a)) == (b.rank, y.tier(), y.place.zone, gate(b))
        && x.model.id == y.model.id
}

/// Puts the better of home and one other first, the rest behind them by cost, all in the positions `at` of the order.
fn arrange(order: &mut [Ranked], at: &[usize], chance: u64) {
    let mut places = at.to_vec();
    places.sort_by_key(|i| Reverse(order[*i].pull));
    let home = places[0];
    // The low bits say whether to probe.
    let others = places.len() as u64 - 1;
    let other = places[1 + usize::try_from((chance >> 8) % others).unwrap_or(0)];
    let standing = |i: usize| order[i].candidate.reason.standing.unwrap_or_default();
    // Of a place that was never asked the best is assumed: so it is asked.
    let least = places.iter().filter_map(|i| standing(*i).wait_us).min().unwrap_or(1);
    let cost = |i: usize| cost(&standing(i), least);
    let pick = if !clearly_worse(cost(home), cost(other)) {
        Pick::Home
    } else if probes(&standing(home), chance) {
        Pick::Probe
    } else {
        Pick::Lighter
    };
    let chosen = if pick == Pick::Lighter { other } else { home };
    places.sort_by_key(|i| (*i != chosen, cost(*i)));
    let mut arranged: Vec<Ranked> = places.iter().map(|i| order[*i].clone()).collect();
    for (rank, r) in arranged.iter_mut().enumerate() {
        r.candidate.reason.pick = if rank == 0 { pick } else { Pick::Spare };
    }
    for (i, r) in at.iter().zip(arranged) {
        order[*i] = r;
    }
}

/// The wait, stretched by the work that is under way.
fn cost(standing: &Standing, unknown: u64) -> u64 {
    let wait = standing.wait_us.unwrap_or(unknown).max(1);
    let stretched = u128::from(wait) * u128::from(TOKENS.saturating_add(standing.outstanding_tokens));
    u64::try_from(stretched / u128::from(TOKENS)).unwrap_or(u64::MAX)
}

/// More than half as much again, beyond noise.
fn clearly_worse(home: u64, other: u64) -> bool {
    home > other.saturating_add(other / 2).saturating_add(NOISE_US)
}

/// Whether this request tries a place again that was slow when it was last asked.
fn probes(home: &Standing, chance: u64) -> bool {
    home.idle_ms >= FORGOTTEN_MS || (home.idle_ms >= STALE_MS && chance.is_multiple_of(PROBE_ONE_IN))
}
