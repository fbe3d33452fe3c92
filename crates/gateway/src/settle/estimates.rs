//! What the attempts of one request that are under way would be settled at, if nothing more were heard of them.
//!
//! Never here: records.

use decide::{Nanousd, Record};

/// Attempts that may be under way: one whose answer is held back, and two that race to replace it.
#[derive(Debug, Default)]
pub(super) struct Estimates([Option<Estimate>; 3]);

#[derive(Debug, Clone, Copy)]
struct Estimate {
    index: u8,
    cost: Option<Nanousd>,
    full: Option<Nanousd>,
}

impl Estimates {
    /// Notes one more; `open` has a bit for each attempt that has no record yet.
    pub(super) fn note(&mut self, estimate: &Record, open: u64) {
        let is_free = |s: &&mut Option<Estimate>| s.is_none_or(|s| open & (1 << s.index.min(63)) == 0);
        if let Some(free) = self.0.iter_mut().find(is_free) {
            *free = Some(Estimate { index: estimate.attempt, cost: estimate.cost, full: estimate.full });
        }
    }

    /// The marginal and the full cost of an attempt.
    pub(super) fn of(&self, index: u8) -> (Option<Nanousd>, Option<Nanousd>) {
        self.0.iter().flatten().find(|s| s.index == index).map_or((None, None), |s| (s.cost, s.full))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settle::account::tests::some_record;

    #[test]
    fn a_held_attempt_keeps_its_estimate_while_others_come_and_go() {
        let mut all = Estimates::default();
        let mut note = |attempt: u8, open| {
            all.note(&Record { attempt, cost: Some(Nanousd(attempt.into())), ..some_record() }, open);
            (all.of(0).0, all.of(attempt).0)
        };
        assert_eq!(note(0, 0b1), (Some(Nanousd(0)), Some(Nanousd(0))));
        for (attempt, open) in [(1, 0b11), (2, 0b111), (3, 0b1001), (4, 0b1_0001), (5, 0b11_0001)] {
            assert_eq!(note(attempt, open), (Some(Nanousd(0)), Some(Nanousd(attempt.into()))));
        }
    }
}
