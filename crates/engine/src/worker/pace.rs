//! How much of a prompt a step may take while others wait for their next token.
//!
//! Never here: clocks, batches.

/// A step with prompt tokens may hold up those who are being answered for so long, microseconds: a quarter of a second is
/// noticed, but does not look like an end.
const STALL_US: f64 = 250_000.0;
/// Prompt tokens of such a step at least: fewer make a step no shorter, since the weights are read anyway.
const LEAST: usize = 32;
/// At most, however fast the machine seems: the bound that can be relied on.
pub(super) const MOST: usize = 256;
/// Before anything was measured.
const UNKNOWN: usize = 128;
/// Steps with fewer tokens say nothing about the speed on prompts.
const TELLING: usize = 16;
/// Share of the newest step in the average.
const NEW: f64 = 0.3;

/// The measured speed on prompts.
#[derive(Debug, Default)]
pub(super) struct Pace {
    us_per_token: Option<f64>,
}

impl Pace {
    /// A step of `tokens` took `us` microseconds.
    pub(super) fn learn(&mut self, tokens: usize, us: u64) {
        if tokens < TELLING {
            return;
        }
        let now = us as f64 / tokens as f64;
        self.us_per_token = Some(self.us_per_token.map_or(now, |old| old + NEW * (now - old)));
    }

    /// Prompt tokens of a step in which others wait for their next token.
    pub(super) fn budget(&self) -> usize {
        self.us_per_token.map_or(UNKNOWN, |us| ((STALL_US / us.max(0.01)) as usize).clamp(LEAST, MOST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_follows_the_machine_within_its_bounds() {
        let mut pace = Pace::default();
        assert_eq!(pace.budget(), UNKNOWN);
        pace.learn(TELLING - 1, 1);
        assert_eq!(pace.budget(), UNKNOWN, "too few tokens to tell");
        pace.learn(500, 2_500_000);
        assert_eq!(pace.budget(), 50);
        (0..50).for_each(|_| pace.learn(100, 5_000_000));
        assert_eq!(pace.budget(), LEAST);
        (0..50).for_each(|_| pace.learn(100, 100));
        assert_eq!(pace.budget(), MOST);
    }
}
