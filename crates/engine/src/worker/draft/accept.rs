//! How often proposed tokens are kept: per position, since later ones stand on earlier ones, with the recent past
//! weighing most.
//!
//! Never here: time, cost, decisions.

/// Most tokens that are proposed at a time.
pub(super) const MOST: usize = 16;
/// What one observation leaves of the older ones: about the last thirty count.
const KEEP: f64 = 0.97;
/// Observations that the prior is worth.
const PRIOR: f64 = 2.0;

/// Kept and seen, fading.
#[derive(Debug, Clone, Copy, Default)]
struct Rate {
    kept: f64,
    seen: f64,
}

impl Rate {
    fn learn(&mut self, kept: bool) {
        self.kept = self.kept * KEEP + f64::from(u8::from(kept));
        self.seen = self.seen * KEEP + 1.0;
    }

    fn of(self, prior: f64) -> f64 {
        (self.kept + PRIOR * prior) / (self.seen + PRIOR)
    }
}

/// Acceptance of one proposer in one request, or in all of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Acceptance {
    all: Rate,
    each: [Rate; MOST],
    proposals: u64,
}

impl Acceptance {
    /// Of `proposed` tokens the first `kept` were kept. What came after the first refused one was never tested.
    pub(super) fn learn(&mut self, proposed: usize, kept: usize) {
        self.proposals += u64::from(proposed > 0);
        for at in 0..proposed.min(kept.saturating_add(1)).min(MOST) {
            self.each[at].learn(at < kept);
            self.all.learn(at < kept);
        }
    }

    /// Old evidence counts half: it comes from before a pause.
    pub(super) fn fade(&mut self) {
        for rate in self.each.iter_mut().chain([&mut self.all]) {
            rate.kept /= 2.0;
            rate.seen /= 2.0;
        }
    }

    /// Was anything ever proposed?
    pub(super) fn tried(&self) -> bool {
        self.proposals > 0
    }

    /// The chance that a proposed token is kept when all before it were, whatever its position.
    pub(super) fn rate(&self, prior: f64) -> f64 {
        self.all.of(prior)
    }

    /// Tokens that a step with `k` proposals is expected to yield, its own included: 1 + Σ a₁…aⱼ. With the same chance α
    /// at every position that is (1 − αᵏ⁺¹) / (1 − α), the formula of Leviathan, Kalman and Matias, "Fast Inference from
    /// Transformers via Speculative Decoding", ICML 2023, equation 1.
    pub(super) fn expected(&self, k: usize, prior: f64) -> f64 {
        let general = self.rate(prior);
        let mut chain = 1.0;
        let mut sum = 1.0;
        for rate in self.each.iter().take(k) {
            chain *= rate.of(general);
            sum += chain;
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_one_rate_it_is_the_formula_of_the_paper() {
        let mut seen = Acceptance::default();
        // Every position is kept three times of four, each as often as it is reached.
        for at in 0..MOST {
            for n in 0..400 {
                seen.each[at].learn(n % 4 != 0);
                seen.all.learn(n % 4 != 0);
            }
        }
        let alpha: f64 = seen.rate(0.5);
        assert!((alpha - 0.75).abs() < 0.03, "{alpha}");
        for k in 0..=MOST {
            let formula = (1.0 - alpha.powi(k as i32 + 1)) / (1.0 - alpha);
            assert!((seen.expected(k, 0.5) - formula).abs() < 0.06 * formula, "k = {k}");
        }
    }

    #[test]
    fn positions_are_told_apart() {
        let mut seen = Acceptance::default();
        for _ in 0..100 {
            seen.learn(4, 2);
        }
        let three = seen.expected(3, 0.5) - seen.expected(2, 0.5);
        assert!(seen.expected(2, 0.5) > 2.7 && three < 0.15, "the third is never kept: {three}");
    }

    #[test]
    fn what_was_not_tested_is_not_counted() {
        let mut seen = Acceptance::default();
        seen.learn(8, 0);
        assert!((seen.all.seen - 1.0).abs() < 1e-9);
        seen.learn(0, 0);
        assert!((seen.all.seen - 1.0).abs() < 1e-9);
        seen.learn(usize::MAX, usize::MAX);
        assert!(seen.expected(usize::MAX, 0.5) <= 17.0);
    }

    #[test]
    fn a_change_is_followed_within_some_dozen_tokens() {
        let mut seen = Acceptance::default();
        for _ in 0..1000 {
            seen.learn(1, 1);
        }
        assert!(seen.rate(0.5) > 0.95);
        for _ in 0..30 {
            seen.learn(1, 0);
        }
        assert!(seen.rate(0.5) < 0.45, "{}", seen.rate(0.5));
    }
}
