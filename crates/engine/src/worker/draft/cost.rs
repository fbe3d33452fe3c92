//! What a step costs, learned while it runs: microseconds of a decode step by the number of tokens in it.
//!
//! Never here: clocks, acceptance, decisions.

/// Weight of a new time in the running mean, once there are enough of them for a mean.
const FRESH: f64 = 0.1;
/// After so many times in a row that are far off in the same direction, the machine has become faster or slower as a whole.
const SHIFT_AFTER: u32 = 3;
/// What is far off, as a factor.
const SHIFT: f64 = 1.4;
/// A time that is so many times the mean counts as that many: one hiccup of the machine is not a trend.
const OUTLIER: f64 = 3.0;
/// Sizes up to this have a mean of their own; above, each bucket is an eighth of its power of two wide.
const EXACT: usize = 16;
/// Largest step that is told apart.
const LARGEST: usize = 4096;
const BUCKETS: usize = bucket(LARGEST) + 1;

/// Microseconds of a step, by its tokens.
#[derive(Debug)]
pub(super) struct StepCost {
    /// The mean time, and the mean number of tokens, of each bucket that was seen.
    seen: Vec<Option<(f64, f64)>>,
    /// How often each was seen.
    times: Vec<f64>,
    /// Times in a row that were far off: how many, and upwards?
    surprises: (u32, bool),
}

impl StepCost {
    pub(super) fn new() -> StepCost {
        StepCost { seen: vec![None; BUCKETS], times: vec![0.0; BUCKETS], surprises: (0, false) }
    }

    /// A step of `tokens` tokens, each with its logits, took so long.
    pub(super) fn learn(&mut self, tokens: usize, us: f64) {
        if tokens == 0 || !us.is_finite() || us <= 0.0 {
            return;
        }
        let at = bucket(tokens.min(LARGEST));
        if let Some((mean, _)) = self.seen[at] {
            self.watch(us / mean);
        }
        self.times[at] += 1.0;
        let fresh = FRESH.max(1.0 / self.times[at]);
        let entry = &mut self.seen[at];
        let tokens = tokens as f64;
        *entry = Some(match *entry {
            None => (us, tokens),
            Some((mean, size)) => (mix(mean, us.min(mean * OUTLIER), fresh), mix(size, tokens, fresh)),
        });
    }

    /// When everything became slower or faster (another program runs, the clock changed), what is not measured now moves too:
    /// else old times of one size would be compared with new times of another.
    fn watch(&mut self, ratio: f64) {
        let up = ratio > SHIFT;
        if !up && ratio > 1.0 / SHIFT {
            self.surprises = (0, up);
            return;
        }
        self.surprises = (if self.surprises.1 == up { self.surprises.0 + 1 } else { 1 }, up);
        if self.surprises.0 >= SHIFT_AFTER {
            self.seen.iter_mut().flatten().for_each(|(mean, _)| *mean *= ratio);
            self.surprises = (0, up);
        }
    }

    /// A time of this size with a hiccup cut off.
    pub(super) fn plausible(&self, tokens: usize, us: f64) -> f64 {
        self.of(tokens).map_or(us, |mean| us.min(mean * OUTLIER))
    }

    /// Microseconds of a step of `tokens` tokens: measured, else on the line between the nearest measured sizes, beyond
    /// the largest on the line through the two largest. `None` before anything was measured, and beyond one size alone:
    /// a guess would be as good as none.
    pub(super) fn of(&self, tokens: usize) -> Option<f64> {
        let at = tokens.clamp(1, LARGEST) as f64;
        if let Some((us, size)) = self.seen[bucket(tokens.clamp(1, LARGEST))]
            && (tokens <= EXACT || (size - at).abs() < 0.5)
        {
            return Some(us);
        }
        let known = || self.seen.iter().flatten().copied();
        let below = known().take_while(|(_, size)| *size <= at).last();
        let above = known().find(|(_, size)| *size > at);
        match (below, above) {
            (Some(a), Some(b)) => Some(line(a, b, at)),
            (Some(b), None) => {
                let a = known().take_while(|(_, size)| *size < b.1).last()?;
                // Times are noisy and never fall with size.
                Some(line(a, b, at).max(b.0))
            }
            // Below the smallest that was seen: at most that, at least its share.
            (None, Some(b)) => Some(b.0),
            (None, None) => None,
        }
    }
}

fn mix(mean: f64, new: f64, fresh: f64) -> f64 {
    mean + fresh * (new - mean)
}

/// The time at size `at` on the line through two measured sizes.
fn line(a: (f64, f64), b: (f64, f64), at: f64) -> f64 {
    let slope = ((b.0 - a.0) / (b.1 - a.1)).max(0.0);
    a.0 + slope * (at - a.1)
}

/// The bucket of a size of at least one.
const fn bucket(tokens: usize) -> usize {
    if tokens <= EXACT {
        return tokens - 1;
    }
    let power = tokens.ilog2() as usize;
    let eighth = (tokens >> (power - 3)) - 8;
    EXACT + (power - 4) * 8 + eighth
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn buckets_are_in_order_and_leave_none_out() {
        for tokens in 1..LARGEST {
            let step = bucket(tokens + 1) - bucket(tokens);
            assert!(step <= 1, "between {tokens} and the next");
        }
        assert_eq!(bucket(1), 0);
        assert_eq!(bucket(EXACT), EXACT - 1);
        assert_eq!(bucket(LARGEST), BUCKETS - 1);
    }

    #[test]
    fn what_lies_between_two_measured_sizes_lies_on_a_line() {
        let mut cost = StepCost::new();
        assert_eq!(cost.of(1), None);
        cost.learn(1, 100.0);
        assert_eq!(cost.of(4), None, "one size says nothing of another");
        cost.learn(5, 300.0);
        assert_eq!(cost.of(3), Some(200.0));
        assert_eq!(cost.of(9), Some(500.0));
    }

    #[test]
    fn a_hiccup_is_no_trend_and_a_trend_is_followed() {
        let mut cost = StepCost::new();
        for _ in 0..20 {
            cost.learn(1, 100.0);
            cost.learn(4, 300.0);
        }
        cost.learn(1, 100_000.0);
        assert!(cost.of(1).unwrap() <= 121.0, "{:?}", cost.of(1));
        for _ in 0..30 {
            cost.learn(1, 120.0);
        }
        assert!((cost.of(1).unwrap() - 120.0).abs() < 2.0);
        assert_eq!(cost.of(4), Some(300.0), "a small change of one size says nothing of the others");
    }

    #[test]
    fn what_slows_everything_down_moves_every_size() {
        let mut cost = StepCost::new();
        for _ in 0..20 {
            cost.learn(1, 100.0);
            cost.learn(4, 300.0);
        }
        for _ in 0..8 {
            cost.learn(4, 1200.0);
        }
        let (one, four) = (cost.of(1).unwrap(), cost.of(4).unwrap());
        assert!((four - 1200.0).abs() < 200.0 && one > 250.0 && one < 420.0, "{one} and {four}");
        for _ in 0..8 {
            cost.learn(1, 100.0);
        }
        assert!(cost.of(4).unwrap() < 600.0, "and back: {:?}", cost.of(4));
    }

    #[test]
    fn nonsense_changes_nothing() {
        let mut cost = StepCost::new();
        for us in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            cost.learn(1, us);
        }
        cost.learn(0, 5.0);
        assert_eq!(cost.of(1), None);
        cost.learn(usize::MAX, 5.0);
        assert_eq!(cost.of(LARGEST + 1), Some(5.0));
    }
}
