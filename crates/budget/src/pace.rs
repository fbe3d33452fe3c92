//! The pace of a budget: what money has to weigh so that it lasts to the end of its window and goes where it buys most.
//!
//! A budget is a constraint on a sum of costs; its dual variable is a price on cost. Online mirror descent on that dual with
//! entropy as its reference function moves the weight of money by a factor `exp(step × (spent − sustainable))` per request
//! (Balseiro, Lu, Mirrokni, "The Best of Many Worlds: Dual Mirror Descent for Online Allocation Problems", 2020). Two known
//! refinements: what is sustainable is solved again at every step from what is left (re-solving), and follows a forecast of
//! the traffic instead of the clock (Balseiro, Kumar, Mirrokni, Sivan, Wang, "Robust Budget Pacing with a Single Sample",
//! 2023). With a step that grows as the window shrinks the factors multiply out, and the weight is a function of one number:
//!
//! `x = (share of the money that is left) / (share of the traffic that is still to come)`,  `weight = exp(base + STEP × (1 − x))`
//!
//! So it needs no history: after a restart what was spent and the time give it back. `base` is the integral part (as in PI
//! pacing): what the weight had to be so far, which lets `x` return to 1, and which the next window begins with.
//!
//! Never here: clocks (the time is an argument), what is refused at the limit, or which place is cheaper.

mod profile;

use profile::Profile;

/// Logarithm of the weight for each hundredth of `x` that is missing, times 100.
const STEP: f64 = 12.0;
/// How much of the distance to the weight in force the base takes over while the whole window passes.
const DRIFT: f64 = 12.0;
/// Shares of the window that are added to what is left of money and of traffic, so that the last requests of a window do not
/// throw the weight about.
const CUSHION: f64 = 0.01;
/// The weight is at most about 1,100 times.
const LN_WEIGHT_MAX: f64 = 7.0;

/// The pace of one budget in its present window.
#[derive(Debug, Clone, PartialEq)]
pub struct Pace {
    /// Nano-dollars of the whole window.
    limit: i64,
    from_unix_s: u64,
    until_unix_s: u64,
    /// Nano-dollars spent in it so far.
    spent: i64,
    /// Logarithm of the weight that was needed so far; at least 0.
    base: f64,
    /// Share of the window's traffic that had come when the base was moved last.
    moved: f64,
    profile: Profile,
    /// Of the window, by the profile: nothing changes it but the end of an hour.
    whole: f64,
}

impl Pace {
    /// The pace of a budget of `limit` nano-dollars from `from_unix_s` to `until_unix_s` of which nothing is spent.
    pub fn new(limit: i64, from_unix_s: u64, until_unix_s: u64) -> Pace {
        let mut pace = Pace {
            limit,
            from_unix_s,
            until_unix_s,
            spent: 0,
            base: 0.0,
            moved: 0.0,
            profile: Profile::default(),
            whole: 0.0,
        };
        pace.measure();
        pace
    }

    /// Another window, or another limit of this one; what was learnt stays. Nothing is spent in another window; of this one
    /// what was observed stays.
    pub fn renew(&mut self, limit: i64, from_unix_s: u64, until_unix_s: u64) {
        if from_unix_s != self.from_unix_s {
            (self.spent, self.moved) = (0, 0.0);
            self.profile.restart(from_unix_s);
        }
        (self.limit, self.from_unix_s, self.until_unix_s) = (limit, from_unix_s, until_unix_s);
        self.measure();
    }

    /// Learns that `spent` nano-dollars of this window were settled by `at_unix_s`. Called at each settlement, or less often;
    /// in the order of time. What comes late or lies outside of the window only sets the sum.
    pub fn observe(&mut self, spent: i64, at_unix_s: u64) {
        let before = self.spent;
        self.spent = spent;
        if !(self.from_unix_s..self.until_unix_s).contains(&at_unix_s) {
            return;
        }
        // Once the money is gone what is spent says nothing about the traffic.
        let censored = before >= self.limit;
        if self.profile.note(spent.saturating_sub(before), at_unix_s, censored) {
            self.measure();
        }
        let passed = self.passed(at_unix_s);
        let gone_on = passed - self.moved;
        if gone_on > 0.0 {
            let share = 1.0 - (-DRIFT * gone_on).exp();
            self.base += (self.ln_weight(passed) - self.base) * share;
            self.moved = passed;
        }
    }

    /// What money weighs above its face value at `at_unix_s`, per mille: 0 where the budget is on its pace or behind it, at
    /// most about 1,100,000.
    pub fn thrift_permille(&self, at_unix_s: u64) -> u32 {
        let weight = self.ln_weight(self.passed(at_unix_s)).exp();
        // In range: the logarithm is clamped.
        ((weight - 1.0) * 1000.0).round() as u32
    }

    /// Logarithm of the weight when this share of the traffic has come.
    fn ln_weight(&self, passed: f64) -> f64 {
        let left = 1.0 - (self.spent.max(0) as f64 / self.limit.max(1) as f64);
        let x = (left.max(0.0) + CUSHION) / (1.0 - passed + CUSHION);
        (self.base + STEP * (1.0 - x)).clamp(0.0, LN_WEIGHT_MAX)
    }

    /// Share of the window's traffic that is expected before this time.
    fn passed(&self, at_unix_s: u64) -> f64 {
        let at = at_unix_s.clamp(self.from_unix_s, self.until_unix_s.max(self.from_unix_s));
        let passed = self.profile.until(at) - self.profile.until(self.from_unix_s);
        if self.whole > 0.0 { (passed / self.whole).clamp(0.0, 1.0) } else { 1.0 }
    }

    fn measure(&mut self) {
        self.whole = self.profile.until(self.until_unix_s) - self.profile.until(self.from_unix_s);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Monday, 0:00 UTC.
    const FROM: u64 = 1_767_571_200;
    const DAY: u64 = 86_400;
    const MONTH: u64 = 30 * DAY;
    const LIMIT: i64 = 1_000_000_000_000;

    fn pace() -> Pace {
        Pace::new(LIMIT, FROM, FROM + MONTH)
    }

    #[test]
    fn money_has_its_face_value_while_the_budget_is_on_its_pace() {
        let mut pace = pace();
        assert_eq!(pace.thrift_permille(FROM), 0);
        for day in 1..30 {
            pace.observe(LIMIT / 40 * day, FROM + day as u64 * DAY);
            assert_eq!(pace.thrift_permille(FROM + day as u64 * DAY), 0, "day {day}: spent less than its share");
        }
    }

    #[test]
    fn money_weighs_more_the_further_the_budget_is_ahead_and_less_as_time_passes() {
        let at = FROM + 10 * DAY;
        let weigh = |spent: i64| {
            let mut pace = pace();
            pace.observe(spent, at);
            pace.thrift_permille(at)
        };
        let (little, more, most) = (weigh(LIMIT / 100 * 36), weigh(LIMIT / 100 * 45), weigh(LIMIT));
        assert!(0 < little && little < more && more < most, "{little} {more} {most}");
        assert!(most <= 1_100_000, "{most}");
        let mut pace = pace();
        pace.observe(LIMIT / 100 * 45, at);
        let later = pace.thrift_permille(at + 2 * DAY);
        assert!(later < pace.thrift_permille(at), "who spends nothing for two days is less ahead: {later}");
    }

    #[test]
    fn a_restart_knows_it_from_what_was_spent_and_the_time() {
        let (mut old, mut new) = (pace(), pace());
        let at = FROM + 3 * DAY;
        old.observe(LIMIT / 7, at);
        new.observe(LIMIT / 7, at);
        assert_eq!(old, new);
        // Replayed at the same times, it is the same to the bit, whatever happened between.
        for hour in 0..200 {
            old.observe(LIMIT / 7 + hour, at + hour as u64 * 3_600);
        }
        for hour in 0..200 {
            new.observe(LIMIT / 7 + hour, at + hour as u64 * 3_600);
        }
        assert_eq!(old, new);
    }

    /// Demand that answers to the weight: at face value it would spend `share` of the budget.
    fn month(pace: &mut Pace, from: u64, share: f64) -> (i64, Vec<u32>) {
        let (mut spent, mut thrifts) = (0i64, Vec::new());
        for minute in 0..MONTH / 60 {
            let at = from + minute * 60;
            let thrift = pace.thrift_permille(at);
            let wanted = LIMIT as f64 * share / (MONTH / 60) as f64 / (1.0 + f64::from(thrift) / 1_000.0);
            spent = (spent + wanted as i64).min(LIMIT);
            pace.observe(spent, at);
            thrifts.push(thrift);
        }
        (spent, thrifts)
    }

    #[test]
    fn a_budget_of_a_third_lasts_to_the_end_and_is_used() {
        let mut pace = pace();
        let (spent, thrifts) = month(&mut pace, FROM, 3.0);
        assert!((LIMIT / 100 * 98..LIMIT).contains(&spent), "{spent}");
        let late = thrifts[thrifts.len() - 3 * 1_440];
        assert!(
            (1_500..2_600).contains(&late),
            "three times the money is wanted, so that it weighs about three times: {late}"
        );
        pace.renew(LIMIT, FROM + MONTH, FROM + 2 * MONTH);
        let first = pace.thrift_permille(FROM + MONTH);
        assert!((1_000..3_000).contains(&first), "the next month begins with what was learnt: {first}");
        let (spent, _) = month(&mut pace, FROM + MONTH, 3.0);
        assert!((LIMIT / 100 * 98..LIMIT).contains(&spent), "{spent}");
    }

    #[test]
    fn what_cannot_be_does_no_harm() {
        for (limit, from, until) in
            [(0, FROM, FROM + DAY), (-5, FROM, FROM), (i64::MAX, FROM + DAY, FROM), (1, 0, u64::MAX)]
        {
            let mut pace = Pace::new(limit, from, until);
            for (spent, at) in [(i64::MAX, FROM), (i64::MIN, 0), (0, u64::MAX), (7, FROM + 1)] {
                pace.observe(spent, at);
                assert!(pace.thrift_permille(at) <= 1_100_000);
            }
            pace.renew(LIMIT, FROM, FROM + MONTH);
            assert!(pace.thrift_permille(FROM) <= 1_100_000);
        }
    }

    #[test]
    fn a_smaller_limit_weighs_at_once() {
        let mut pace = pace();
        let at = FROM + 10 * DAY;
        pace.observe(LIMIT / 4, at);
        assert_eq!(pace.thrift_permille(at), 0);
        pace.renew(LIMIT / 2, FROM, FROM + MONTH);
        assert!(pace.thrift_permille(at) > 0);
    }
}
