//! The shape of `[resilience]`.
//!
//! Never here: validation across fields (`resolve`).

use super::number::Number;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What happens when places fail, limit us or become slow.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Resilience {
    /// Further attempts (retries and hedges) per hundred requests of the last ten seconds (0 to 100).
    pub(crate) retry_percent: u32,
    /// Further attempts per second that may always be made (0 to 1000).
    pub(crate) retry_floor_per_s: u32,
    /// Consecutive failures after which a place is left alone (1 to 1000; 0 is never). 429 is no failure.
    pub(crate) breaker_failures: u32,
    /// Share of failed requests over ten seconds, at 20 requests or more, after which a place is left alone, percent (1 to
    /// 100; 0 is never). Does not count against the last place that could answer.
    pub(crate) breaker_percent: u32,
    /// Milliseconds that a place is left alone the first time (100 to 60000); doubles with every trial that fails.
    pub(crate) breaker_open_ms: u32,
    /// Milliseconds that a place is left alone at most (100 to 600000).
    pub(crate) breaker_open_max_ms: u32,
    /// Seconds that a place is left alone after it refused our credentials (0 to 3600).
    pub(crate) key_open_s: u32,
    /// Seconds that a place may ask us to wait (`Retry-After` and its kind) at most (0 to 3600).
    pub(crate) pause_max_s: u32,
    /// The least to which the limit of concurrent requests of a place falls (1 to 10000).
    pub(crate) limit_min: u32,
    /// The limit of a place that is well (1 to 100000).
    pub(crate) limit_max: u32,
    /// Milliseconds for a first piece below which a place is never overloaded (1 to 3600000). Beyond, it is once it takes
    /// three times its best of the last ten minutes: then its limit falls. It falls as well when every fourth caller leaves
    /// over a wait of three times that best.
    pub(crate) limit_slow_ms: u32,
    /// Share of a place's limit that batch requests may fill, percent (1 to 100).
    pub(crate) batch_percent: u32,
    /// Whether a second attempt may start beside a slow first one. It may cost twice.
    pub(crate) hedge: bool,
    /// Milliseconds without a first piece after which it starts (1 to 3600000).
    pub(crate) hedge_after_ms: u32,
    /// Dollars that the second attempt may be expected to cost at most. Left out: 0.01.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hedge_cost_max_usd: Option<Number>,
}

impl Default for Resilience {
    fn default() -> Resilience {
        Resilience {
            retry_percent: 20,
            retry_floor_per_s: 3,
            breaker_failures: 5,
            breaker_percent: 50,
            breaker_open_ms: 1_000,
            breaker_open_max_ms: 5_000,
            key_open_s: 30,
            pause_max_s: 60,
            limit_min: 3,
            limit_max: 1_000,
            limit_slow_ms: 10_000,
            batch_percent: 80,
            hedge: false,
            hedge_after_ms: 1_000,
            hedge_cost_max_usd: None,
        }
    }
}
