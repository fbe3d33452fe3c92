//! The shape of prices: `price` of a model, and `[[price]]`.
//!
//! Never here: validation across fields (`resolve`), the price book.

use super::number::Number;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A price of your own for a model of a provider, wherever it is offered; it goes before the price book. A `price` in a
/// place's own list of models goes before it. `dewpoint prices` shows what the book has.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OwnPrice {
    /// The provider: the profile of a place (`openai`, `openrouter`), or any name that `dewpoint prices` knows it by.
    pub(crate) provider: String,
    /// The id of the model, or with a `*` at its end the beginning of it. The most particular one holds.
    pub(crate) model: String,
    /// What it costs.
    pub(crate) price: Price,
}

/// What a model costs, in US dollars per million tokens, read as exact decimals (at most nine digits after the point).
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Price {
    /// Prompt tokens.
    pub(crate) input_per_mtok: Number,
    /// Completion tokens.
    pub(crate) output_per_mtok: Number,
    /// Prompt tokens read from the provider's cache. Left out: as prompt tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cached_per_mtok: Option<Number>,
    /// Prompt tokens written to the provider's cache. Left out: as prompt tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cache_write_per_mtok: Option<Number>,
    /// Of those, the ones that are kept longer (an hour at Anthropic). Left out: as the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cache_write_long_per_mtok: Option<Number>,
    /// Completion tokens spent on reasoning. Left out: as completion tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reasoning_per_mtok: Option<Number>,
    /// Audio in the prompt. Left out: as prompt tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) audio_input_per_mtok: Option<Number>,
    /// Audio in the answer. Left out: as completion tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) audio_output_per_mtok: Option<Number>,
    /// Each request, whatever its size, in dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) per_request: Option<Number>,
    /// Prices of long prompts. The last one that the prompt exceeds holds for the whole request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tiers: Vec<PriceTier>,
    /// Prices at hours of the day. The last one that holds wins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) hours: Vec<PriceHours>,
}

/// The prices of prompts above a size.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PriceTier {
    /// For prompts of more tokens than this, cached ones included.
    pub(crate) above_input_tokens: u64,
    /// Prompt tokens.
    pub(crate) input_per_mtok: Number,
    /// Completion tokens.
    pub(crate) output_per_mtok: Number,
    /// Prompt tokens read from the provider's cache. Left out: as outside of the tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cached_per_mtok: Option<Number>,
}

/// The prices at hours of the day.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PriceHours {
    /// From this minute on, in UTC: `"16:30"`.
    pub(crate) from: String,
    /// Until this minute: `"00:30"`. Over midnight where that is earlier.
    pub(crate) until: String,
    /// Prompt tokens.
    pub(crate) input_per_mtok: Number,
    /// Completion tokens.
    pub(crate) output_per_mtok: Number,
    /// Prompt tokens read from the provider's cache. Left out: as at other hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cached_per_mtok: Option<Number>,
}
