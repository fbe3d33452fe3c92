//! What places say that they counted against what our own tokenizers count, on a sample of whole answers: a histogram a place,
//! and a warning where a place is off by more than a tenth.
//!
//! Never here: the bill. What a place counts is what it bills; this says whether to ask it why.

use super::count::Counted;
use super::meterage::Meterage;
use decide::{Candidate, PlaceId};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use wire::Ask;

/// One request of so many is compared.
const ONE_IN: u32 = 16;
/// Requests after which a place is judged, and after which older ones fade.
const JUDGED_AFTER: u32 = 20;
const FADE_AFTER: u32 = 200;
/// Tokens below which one more or less (an end mark) is too large a share to say anything.
const LEAST: u64 = 20;
/// A place is off where the sums differ by more than this, per mille.
const OFF_PERMILLE: u64 = 100;
/// Ours over theirs.
const RATIO_BUCKETS: [f64; 11] = [0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.01, 1.05, 1.1, 1.5, 2.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    place: Arc<str>,
    gen_ai_token_type: &'static str,
}

/// Sums of one place and direction.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    requests: u32,
    ours: u64,
    theirs: u64,
    off: bool,
}

/// The comparison. As bounded as the configuration.
#[derive(Clone)]
pub(crate) struct Reconcile {
    one_in: u32,
    ratio: Family<Labels, Histogram, fn() -> Histogram>,
    tallies: Arc<Mutex<HashMap<(PlaceId, &'static str), Tally>>>,
}

impl Reconcile {
    pub(super) fn new(registry: &mut Registry) -> Reconcile {
        let ratio = Family::new_with_constructor((|| Histogram::new(RATIO_BUCKETS)) as fn() -> Histogram);
        registry.register(
            "dewpoint_usage_ratio",
            "Tokens by our own count over tokens as the place reports",
            ratio.clone(),
        );
        Reconcile { one_in: ONE_IN, ratio, tallies: Arc::default() }
    }

    /// Compares one request of so many (1: each).
    pub(super) fn one_in(&mut self, requests: u32) {
        self.one_in = requests.max(1);
    }

    /// Whether the request of this number is compared.
    pub(crate) fn samples(&self, number: u128) -> bool {
        // The low bits of a ULID are random.
        number.is_multiple_of(u128::from(self.one_in))
    }

    /// Compares one whole answer, later and beside this task.
    pub(crate) fn compare(&self, candidate: &Candidate, ask: &Arc<Ask>, meterage: &mut Meterage) {
        let Some((said, seen)) = meterage.comparable() else { return };
        let (this, place) = (self.clone(), candidate.place.id.clone());
        seen.count_later(Arc::clone(ask), move |counted| this.note(&place, said, counted));
    }

    fn note(&self, place: &PlaceId, said: wire::Usage, ours: Counted) {
        if let Some(input) = ours.input {
            self.take(place, "input", input, said.input);
        }
        // What is thought unseen is only known by the place; what is left is what was said.
        let hidden = said.reasoning.saturating_sub(ours.reasoning.unwrap_or(0));
        if let Some(output) = ours.output {
            self.take(place, "output", output, said.output.saturating_sub(hidden));
        }
    }

    fn take(&self, place: &PlaceId, kind: &'static str, ours: u64, theirs: u64) {
        if ours.max(theirs) < LEAST {
            return;
        }
        let labels = Labels { place: place.0.clone(), gen_ai_token_type: kind };
        self.ratio.get_or_create_owned(&labels).observe(ours as f64 / theirs.max(1) as f64);
        let mut tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        let tally = tallies.entry((place.clone(), kind)).or_default();
        let was = tally.off;
        tally.add(ours, theirs);
        if tally.off && !was {
            let percent = tally.theirs.saturating_mul(100) / tally.ours.max(1);
            tracing::warn!(
                %place, kind, ours = tally.ours, theirs = tally.theirs, requests = tally.requests,
                "the place reports {percent} % of the tokens that its texts have by the published tokenizer; compare its bill, and the model that it runs",
            );
        }
    }
}

impl Tally {
    fn add(&mut self, ours: u64, theirs: u64) {
        if self.requests >= FADE_AFTER {
            (self.requests, self.ours, self.theirs) = (self.requests / 2, self.ours / 2, self.theirs / 2);
        }
        self.requests += 1;
        self.ours = self.ours.saturating_add(ours);
        self.theirs = self.theirs.saturating_add(theirs);
        let apart = u128::from(self.ours.abs_diff(self.theirs)) * 1_000;
        self.off = self.requests >= JUDGED_AFTER && apart > u128::from(self.ours) * u128::from(OFF_PERMILLE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(requests: u32, ours: u64, theirs: u64) -> Tally {
        let mut tally = Tally::default();
        (0..requests).for_each(|_| tally.add(ours, theirs));
        tally
    }

    #[test]
    fn a_place_is_off_beyond_a_tenth_in_either_direction_after_twenty_requests() {
        assert!(!after(20, 100, 110).off && after(20, 100, 111).off);
        assert!(!after(20, 100, 90).off && after(20, 100, 89).off);
        assert!(!after(19, 100, 900).off);
    }

    #[test]
    fn a_place_that_mends_its_ways_is_forgiven() {
        let mut tally = after(200, 100, 150);
        (0..2_000).for_each(|_| tally.add(100, 100));
        assert!(!tally.off);
    }

    #[test]
    fn reasoning_that_is_not_shown_is_not_held_against_a_place() {
        let mut registry = Registry::default();
        let reconcile = Reconcile::new(&mut registry);
        let said = wire::Usage { input: 100, output: 1_050, reasoning: 1_000, ..wire::Usage::default() };
        let place = PlaceId::new("p");
        let ours = Counted { input: Some(100), output: Some(50), reasoning: Some(0) };
        (0..30).for_each(|_| reconcile.note(&place, said, ours));
        let tallies = reconcile.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(tallies[&(place, "output")].theirs, 30 * 50);
        assert!(tallies.values().all(|t| !t.off && t.requests == 30));
    }
}
