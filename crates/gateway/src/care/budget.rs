//! The budget of further attempts: over the last ten seconds they are at most a share of the requests, plus a small
//! floor for quiet times. Retries and hedges take from the same purse, so that a broken fleet is not asked twice as
//! often as a healthy one.
//!
//! Never here: a clock, or who asks.

use std::time::Duration;
use tokio::time::Instant;

/// One slice of the window.
const SLICE: Duration = Duration::from_secs(1);
/// Slices of the window: ten seconds.
pub(super) const SLICES: usize = 10;

/// How much may be spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    /// Further attempts per hundred requests.
    pub(super) percent: u32,
    /// Further attempts per second that are always there.
    pub(super) floor_per_s: u32,
}

/// Requests and further attempts of the last ten seconds, by the second.
#[derive(Debug)]
pub(super) struct Budget {
    start: Instant,
    /// Number of the slice that is filled now, counted from `start`.
    now: u64,
    requests: [u64; SLICES],
    spent: [u64; SLICES],
}

impl Budget {
    pub(super) fn new(now: Instant) -> Budget {
        Budget { start: now, now: 0, requests: [0; SLICES], spent: [0; SLICES] }
    }

    /// One more request.
    pub(super) fn earn(&mut self, now: Instant) {
        let at = self.roll(now);
        self.requests[at] += 1;
    }

    /// Takes one further attempt if there is one.
    pub(super) fn spend(&mut self, now: Instant, terms: Terms) -> bool {
        let at = self.roll(now);
        let left = self.left(now, terms) > 0;
        self.spent[at] += u64::from(left);
        left
    }

    /// Further attempts that may be made now.
    pub(super) fn left(&mut self, now: Instant, terms: Terms) -> u64 {
        self.roll(now);
        let requests: u64 = self.requests.iter().sum();
        let spent: u64 = self.spent.iter().sum();
        let floor = u64::from(terms.floor_per_s) * SLICES as u64;
        (requests * u64::from(terms.percent) / 100 + floor).saturating_sub(spent)
    }

    /// Empties the slices that have passed; gives the place of the present one.
    fn roll(&mut self, now: Instant) -> usize {
        let slice = now.saturating_duration_since(self.start).as_secs() / SLICE.as_secs();
        let passed = slice.saturating_sub(self.now).min(SLICES as u64);
        for i in 1..=passed {
            let at = index(self.now + i);
            self.requests[at] = 0;
            self.spent[at] = 0;
        }
        if slice > self.now + passed {
            // More than a whole window went by: everything is empty, wherever it stands.
            self.requests = [0; SLICES];
            self.spent = [0; SLICES];
        }
        self.now = self.now.max(slice);
        index(self.now)
    }
}

fn index(slice: u64) -> usize {
    usize::try_from(slice % SLICES as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TERMS: Terms = Terms { percent: 20, floor_per_s: 3 };

    #[test]
    fn a_quiet_gateway_has_its_floor_and_no_more() {
        let start = Instant::now();
        let mut budget = Budget::new(start);
        let taken = (0..100).filter(|_| budget.spend(start, TERMS)).count();
        assert_eq!(taken, 30, "3 a second over ten seconds");
        assert!(!budget.spend(start + Duration::from_millis(9_999), TERMS));
        assert_eq!(
            budget.left(start + Duration::from_secs(10), TERMS),
            30,
            "what was spent ten seconds ago is forgotten"
        );
    }

    #[test]
    fn requests_earn_a_fifth() {
        let start = Instant::now();
        let mut budget = Budget::new(start);
        (0..500).for_each(|_| budget.earn(start));
        let none = Terms { floor_per_s: 0, ..TERMS };
        assert_eq!((0..500).filter(|_| budget.spend(start, none)).count(), 100);
        assert_eq!(budget.left(start + Duration::from_secs(3_600), none), 0, "nothing is saved up for later");
    }

    #[test]
    fn time_that_stands_still_or_runs_back_gives_nothing() {
        let start = Instant::now() + Duration::from_secs(100);
        let mut budget = Budget::new(start);
        let later = start + Duration::from_secs(5);
        (0..30).for_each(|_| assert!(budget.spend(later, TERMS)));
        assert!(!budget.spend(start, TERMS));
        assert!(!budget.spend(start - Duration::from_secs(50), TERMS));
    }

    proptest! {
        /// Whatever comes when: in the ten slices that end with a granted attempt, further attempts are at most the
        /// share of the requests in the same slices, plus the floor.
        #[test]
        fn never_above_share_and_floor(
            steps in prop::collection::vec((0u64..700, any::<bool>()), 1..600),
            percent in 0u32..=100,
            floor_per_s in 0u32..5,
        ) {
            let start = Instant::now();
            let terms = Terms { percent, floor_per_s };
            let mut budget = Budget::new(start);
            let mut at = 0u64;
            let mut seen: Vec<(u64, u64, u64)> = Vec::new();
            for (gap_ms, asks) in steps {
                at += gap_ms;
                let now = start + Duration::from_millis(at);
                let (requests, spent) =
                    if asks { (0, u64::from(budget.spend(now, terms))) } else { budget.earn(now); (1, 0) };
                seen.push((at / 1000, requests, spent));
                let from = (at / 1000 + 1).saturating_sub(SLICES as u64);
                let window = seen.iter().filter(|s| s.0 >= from);
                let sum = window.fold((0, 0), |sum, s| (sum.0 + s.1, sum.1 + s.2));
                // Windows that end with a grant and do not overlap cover every grant, so this bounds any long time too.
                if spent > 0 {
                    let bound = sum.0 * u64::from(percent) + u64::from(floor_per_s) * 1_000;
                    prop_assert!(sum.1 * 100 <= bound, "{} of {} requests", sum.1, sum.0);
                }
            }
        }
    }
}
