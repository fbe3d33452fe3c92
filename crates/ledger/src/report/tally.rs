//! Adding up attempts, one pass, in memory that does not grow with their number.
//!
//! Never here: SQL.

use super::Row;
use decide::Outcome;
use std::collections::BTreeMap;

/// What counts of one attempt.
pub(super) struct Item {
    pub(super) outcome: Outcome,
    pub(super) input: i64,
    pub(super) output: i64,
    pub(super) cached: i64,
    pub(super) cost: Option<i64>,
    pub(super) ttft_us: Option<u64>,
    pub(super) total_us: u64,
}

/// The sums of one group.
#[derive(Default)]
pub(super) struct Tally {
    row: Row,
    ttft: Spread,
    duration: Spread,
}

impl Tally {
    pub(super) fn add(&mut self, item: &Item) {
        let row = &mut self.row;
        row.attempts += 1;
        match item.outcome {
            Outcome::Ok => row.ok += 1,
            Outcome::Failed => row.failed += 1,
            Outcome::Doubted => row.doubted += 1,
            Outcome::Cancelled => row.cancelled += 1,
            Outcome::Refused => row.refused += 1,
            Outcome::Unknown => row.unknown += 1,
        }
        row.input_tokens += i128::from(item.input);
        row.output_tokens += i128::from(item.output);
        row.cached_tokens += i128::from(item.cached);
        row.cost_nanousd += i128::from(item.cost.unwrap_or(0));
        // What was refused was sent nowhere: it has no cost, known or unknown.
        row.unknown_cost += u64::from(item.cost.is_none() && item.outcome != Outcome::Refused);
        if let Some(us) = item.ttft_us {
            self.ttft.add(us);
        }
        if item.outcome == Outcome::Ok {
            self.duration.add(item.total_us);
        }
    }

    pub(super) fn row(self, group: Option<String>, requests: u64) -> Row {
        Row {
            group,
            requests,
            ttft_ms_p50: self.ttft.ms(50),
            ttft_ms_p95: self.ttft.ms(95),
            duration_ms_p50: self.duration.ms(50),
            duration_ms_p95: self.duration.ms(95),
            ..self.row
        }
    }
}

/// How many times fell where: exact below 256 µs, above that in 128 steps to each doubling, so that a percentile is off by at
/// most 1/256.
#[derive(Default)]
struct Spread {
    counts: BTreeMap<u16, u64>,
    total: u64,
}

impl Spread {
    fn add(&mut self, us: u64) {
        *self.counts.entry(step(us)).or_default() += 1;
        self.total += 1;
    }

    /// Nearest rank, in milliseconds.
    fn ms(&self, percent: u64) -> Option<f64> {
        let rank = (self.total * percent).div_ceil(100);
        let mut seen = 0;
        let at = self.counts.iter().find(|(_, count)| {
            seen += **count;
            seen >= rank
        });
        at.map(|(step, _)| middle(*step) as f64 / 1000.0)
    }
}

pub(crate) fn step(us: u64) -> u16 {
    let shift = (u64::BITS - us.leading_zeros()).saturating_sub(8);
    (shift << 7) as u16 + (us >> shift) as u16
}

pub(crate) fn middle(step: u16) -> u64 {
    let shift = (step >> 7).saturating_sub(1);
    let top = u64::from(step - (shift << 7));
    (top << shift) + (1 << shift) / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_step_is_off_by_at_most_one_in_256(us: u64, shift in 0u32..64) {
            let us = us >> shift;
            prop_assert!(middle(step(us)).abs_diff(us) <= us / 256, "{us} → {} → {}", step(us), middle(step(us)));
        }
    }

    #[test]
    fn steps_rise_without_a_hole() {
        assert!((0..255).all(|us| middle(step(us)) == us));
        assert_eq!((step(255), step(256), step(511), step(512)), (255, 256, 383, 384));
        assert!(step(u64::MAX) < 8000);
    }

    #[test]
    fn percentiles_are_the_nearest_rank() {
        let mut spread = Spread::default();
        assert_eq!(spread.ms(50), None);
        (1..=100).for_each(|us| spread.add(us));
        assert_eq!((spread.ms(50), spread.ms(95)), (Some(0.05), Some(0.095)));
    }
}
