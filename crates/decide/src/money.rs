//! Money in integer nano-dollars, and token usage. What the one costs of the other is in `price`.
//!
//! Never here: floating point, rates, or an amount that is guessed.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_in_dollars() {
        assert_eq!(Nanousd(12_500).to_string(), "0.000012500");
        assert_eq!(Nanousd(-3_000_000_001).to_string(), "-3.000000001");
    }
}
