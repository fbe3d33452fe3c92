//! Money in integer nano-dollars, token usage, and the price of one with the other.
//!
//! Never here: floating point, or a price that is guessed. An unknown price is `None`, not zero.

use serde::{Deserialize, Serialize};

/// An amount in nano-dollars (1e-9 US dollars). `i64` holds ±9.2 billion dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nanousd(pub i64);

impl Nanousd {
    /// Nothing.
    pub const ZERO: Nanousd = Nanousd(0);
}

/// Dollars with nine decimals, without floating point: `0.000012500`.
impl std::fmt::Display for Nanousd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let abs = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:09}", abs / 1_000_000_000, abs % 1_000_000_000)
    }
}

/// Tokens of one attempt as the backend counted them. `input` includes cached tokens and `output` includes
/// reasoning tokens (OpenTelemetry GenAI convention).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Prompt tokens, cached ones included.
    pub input: u64,
    /// Completion tokens, reasoning included.
    pub output: u64,
    /// Prompt tokens read from the provider's prefix cache.
    pub cached: u64,
    /// Prompt tokens written to the provider's prefix cache.
    pub cache_write: u64,
    /// Completion tokens spent on reasoning.
    pub reasoning: u64,
    /// Of `cache_write`, those with the longer life (Anthropic's hour), which cost more.
    #[serde(default)]
    pub cache_write_long: u64,
    /// Of `input`, audio tokens.
    #[serde(default)]
    pub audio_input: u64,
    /// Of `output`, audio tokens.
    #[serde(default)]
    pub audio_output: u64,
    /// The backend did not say: these are our own estimate.
    pub estimated: bool,
}

/// Price of one model at one place, in nano-dollars per million tokens, with the version of the table it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Per million uncached prompt tokens.
    pub input_nanousd_per_mtok: i64,
    /// Per million completion tokens.
    pub output_nanousd_per_mtok: i64,
    /// Per million prompt tokens read from cache; `None` means the same as uncached.
    pub cached_nanousd_per_mtok: Option<i64>,
    /// Which price table or configuration this is, for the ledger ("config", "own-ground", "book-2026-08-21").
    pub version: std::sync::Arc<str>,
}

impl Price {
    /// Own ground: no money changes hands per token. (Capital and power are the economics of a later issue.)
    pub fn free(version: &str) -> Price {
        Price {
            input_nanousd_per_mtok: 0,
            output_nanousd_per_mtok: 0,
            cached_nanousd_per_mtok: None,
            version: version.into(),
        }
    }
}

/// What `usage` costs at `price`, rounded up to the next nano-dollar so that nothing is under-charged.
/// Absurd token counts saturate instead of overflowing.
pub fn cost(price: &Price, usage: &Usage) -> Nanousd {
    let cached = usage.cached.min(usage.input);
    let fresh = usage.input - cached;
    let cached_price = price.cached_nanousd_per_mtok.unwrap_or(price.input_nanousd_per_mtok);
    let sum = i128::from(fresh) * i128::from(price.input_nanousd_per_mtok)
        + i128::from(cached) * i128::from(cached_price)
        + i128::from(usage.output) * i128::from(price.output_nanousd_per_mtok);
    let nano = (sum + 999_999).div_euclid(1_000_000);
    Nanousd(i64::try_from(nano).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price() -> Price {
        Price {
            input_nanousd_per_mtok: 250_000_000,
            output_nanousd_per_mtok: 2_000_000_000,
            cached_nanousd_per_mtok: Some(25_000_000),
            version: "t".into(),
        }
    }

    #[test]
    fn cost_counts_cached_tokens_once() {
        let usage = Usage { input: 1_000, cached: 400, output: 10, ..Usage::default() };
        // 600 × 250 + 400 × 25 + 10 × 2000 nano-dollars
        assert_eq!(cost(&price(), &usage), Nanousd(600 * 250 + 400 * 25 + 10 * 2_000));
    }

    #[test]
    fn cost_rounds_up_and_saturates() {
        let one = Price { input_nanousd_per_mtok: 1, ..price() };
        assert_eq!(cost(&one, &Usage { input: 1, ..Usage::default() }), Nanousd(1));
        assert_eq!(cost(&price(), &Usage { output: u64::MAX, ..Usage::default() }), Nanousd(i64::MAX));
    }

    #[test]
    fn cached_above_input_is_clamped() {
        let usage = Usage { input: 10, cached: 99, ..Usage::default() };
        assert_eq!(cost(&price(), &usage), Nanousd(250));
    }

    #[test]
    fn shown_in_dollars() {
        assert_eq!(Nanousd(12_500).to_string(), "0.000012500");
        assert_eq!(Nanousd(-3_000_000_001).to_string(), "-3.000000001");
    }
}
