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
