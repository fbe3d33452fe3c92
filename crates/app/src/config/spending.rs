//! The shape of what may be spent: `[[organisation]]`, `[[team]]`, and the tables `budget` and `limits` that they and keys have.
//!
//! Never here: validation across fields (`resolve`), or sums (room `budget`).

use super::number::Number;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An organisation: what all its teams may spend together.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Organisation {
    /// Its name. No slash, at most 60 bytes.
    pub(crate) name: String,
    /// What it may spend, as a table `[organisation.budget]`. Left out: no bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) budget: Option<Budget>,
    /// Limits per minute, as a table `[organisation.limits]`. Left out: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) limits: Option<RateLimits>,
}

/// A team: what all its keys may spend together.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Team {
    /// Its name. No slash, at most 60 bytes.
    pub(crate) name: String,
    /// The organisation that it belongs to. Left out: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) organisation: Option<String>,
    /// What it may spend, as a table `[team.budget]`. Left out: no bound of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) budget: Option<Budget>,
    /// Limits per minute, as a table `[team.limits]`. Left out: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) limits: Option<RateLimits>,
}

/// What may be spent, in US dollars, read as exact decimals (at most nine digits after the point). Several at once hold together.
/// Windows are those of the calendar in UTC. A request counts in the window in which it arrived.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Budget {
    /// From midnight to midnight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) day: Option<Number>,
    /// From Monday to Monday.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) week: Option<Number>,
    /// From the first to the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) month: Option<Number>,
    /// Share of a budget (0 to 1) from which on `on_budget = "degrade"` sends requests to the cheapest that may answer.
    pub(crate) soft: f64,
    /// What happens as a budget comes to its end. At the limit itself requests that cost anything are refused with 429
    /// `budget_exceeded`.
    pub(crate) on_budget: OnBudget,
    /// Whether money weighs more while it is spent faster than it would last.
    pub(crate) pace: bool,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget { day: None, week: None, month: None, soft: 0.8, on_budget: OnBudget::Degrade, pace: true }
    }
}

/// What happens as a budget comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OnBudget {
    /// From the share `soft` on the cheapest that may answer comes first.
    Degrade,
    /// Nothing changes before the limit.
    Refuse,
}

/// Limits per minute. A minute's worth may come at once; after that requests go on at the rate of the limit.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RateLimits {
    /// Requests per minute (at least 1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) requests_per_minute: Option<u32>,
    /// Tokens per minute (at least 1), of prompts and answers together: expected ones when a request comes, true ones when it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tokens_per_minute: Option<u32>,
}

/// What becomes of offers whose price is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Unpriced {
    /// They may not answer.
    Deny,
    /// They may, and count at an estimate that is flagged as one.
    Estimate,
    /// They may, and count for nothing in budgets.
    Allow,
}

impl From<Unpriced> for decide::Unpriced {
    fn from(unpriced: Unpriced) -> decide::Unpriced {
        match unpriced {
            Unpriced::Deny => decide::Unpriced::Deny,
            Unpriced::Estimate => decide::Unpriced::Estimate,
            Unpriced::Allow => decide::Unpriced::Allow,
        }
    }
}
