//! What tokens cost: rates, when they hold, and the exact amount for a usage at a moment.
//!
//! Never here: floating point, the clock (the moment is an argument), or a price that is guessed. An unknown price is
//! `None`, not zero; and where one is assumed for a key that asked for it, its version says so (`estimate:…`).

use crate::{Nanousd, Usage};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Price of one model at one place, in nano-dollars per million tokens, with the version of the table it came from. Most
/// models have three rates and nothing else; what else there is stands in `more`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Per million uncached prompt tokens.
    pub input_nanousd_per_mtok: i64,
    /// Per million completion tokens.
    pub output_nanousd_per_mtok: i64,
    /// Per million prompt tokens read from cache; `None` means the same as uncached.
    pub cached_nanousd_per_mtok: Option<i64>,
    /// Which price table or configuration this is, for the ledger ("config", "own-ground", "book-2026-08-21",
    /// "estimate:…").
    pub version: Arc<str>,
    /// Everything beyond those three rates. `None`: there is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<Arc<More>>,
}

/// What a price has beyond the three plain rates.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct More {
    /// The rates beside the three plain ones.
    pub extra: Extra,
    /// Rates for long prompts, by ascending `above_input_tokens`: the last one that the prompt exceeds holds for the
    /// whole request ("cliff": what every vendor with tiers does).
    pub tiers: Vec<Tier>,
    /// Rates that hold instead from a date on or at a time of day. The last one that holds wins.
    pub otherwise: Vec<Otherwise>,
    /// The plain rates for batch jobs, where the vendor has them.
    pub batch: Option<Batch>,
}

/// Rates beside input, output and cached, in nano-dollars per million tokens. `None`: no rate of its own; the tokens
/// count as plain input or output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Extra {
    /// Prompt tokens written to the cache.
    pub cache_write_nanousd_per_mtok: Option<i64>,
    /// Of those, the ones that are kept longer (Anthropic's hour). `None`: as the others.
    pub cache_write_long_nanousd_per_mtok: Option<i64>,
    /// Completion tokens spent on reasoning.
    pub reasoning_nanousd_per_mtok: Option<i64>,
    /// Audio in the prompt.
    pub audio_input_nanousd_per_mtok: Option<i64>,
    /// Audio in the answer.
    pub audio_output_nanousd_per_mtok: Option<i64>,
    /// Per request, whatever its size, in nano-dollars.
    pub request_nanousd: i64,
}

/// All rates of one moment and size of prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rates {
    /// Per million uncached prompt tokens.
    pub input_nanousd_per_mtok: i64,
    /// Per million completion tokens.
    pub output_nanousd_per_mtok: i64,
    /// Per million prompt tokens read from cache; `None` means the same as uncached.
    pub cached_nanousd_per_mtok: Option<i64>,
    /// The others.
    #[serde(default)]
    pub extra: Extra,
}

/// Rates for prompts above a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    /// They hold for prompts of more tokens than this, cached ones included.
    pub above_input_tokens: u64,
    /// For the whole request, not for what is above.
    pub rates: Rates,
}

/// Rates that hold instead of the base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Otherwise {
    /// When.
    pub when: When,
    /// The base then.
    pub rates: Rates,
    /// The tiers then; those of the price itself do not hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<Tier>,
}

/// When rates hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// From this moment on (Unix seconds).
    From {
        /// The first second.
        unix_s: u64,
    },
    /// Every day between two minutes of the day in UTC; over midnight where `until_minute` is not after `from_minute`.
    Daily {
        /// The first minute, 0 to 1439.
        from_minute: u16,
        /// The minute after the last, 0 to 1440.
        until_minute: u16,
        /// On which days of the week in UTC, Monday the lowest of seven bits. None set: on all.
        #[serde(default)]
        weekdays: u8,
    },
}

/// Plain rates for batch jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Per million uncached prompt tokens.
    pub input_nanousd_per_mtok: i64,
    /// Per million completion tokens.
    pub output_nanousd_per_mtok: i64,
    /// Per million prompt tokens read from cache; `None` means the same as uncached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_nanousd_per_mtok: Option<i64>,
}

impl When {
    /// Whether it holds at a moment (Unix seconds).
    pub fn holds(self, at_unix_s: u64) -> bool {
        match self {
            When::From { unix_s } => at_unix_s >= unix_s,
            When::Daily { from_minute, until_minute, weekdays } => {
                let minute = at_unix_s % 86_400 / 60;
                let (from, until) = (u64::from(from_minute), u64::from(until_minute));
                // The first day of Unix time was a Thursday.
                let today = (at_unix_s / 86_400 + 3) % 7;
                let hour =
                    if until < from { minute >= from || minute < until } else { (from..until).contains(&minute) };
                hour && (weekdays == 0 || weekdays >> today & 1 == 1)
            }
        }
    }
}

impl Price {
    /// A price of the three plain rates.
    pub fn plain(input: i64, output: i64, cached: Option<i64>, version: impl Into<Arc<str>>) -> Price {
        Price {
            input_nanousd_per_mtok: input,
            output_nanousd_per_mtok: output,
            cached_nanousd_per_mtok: cached,
            version: version.into(),
            more: None,
        }
    }

    /// Own ground: no money changes hands per token. (What the machine costs is the economics of its place.)
    pub fn free(version: &str) -> Price {
        Price::plain(0, 0, None, version)
    }

    /// The base rates: of short prompts, outside of every `otherwise`.
    pub fn base(&self) -> Rates {
        Rates {
            input_nanousd_per_mtok: self.input_nanousd_per_mtok,
            output_nanousd_per_mtok: self.output_nanousd_per_mtok,
            cached_nanousd_per_mtok: self.cached_nanousd_per_mtok,
            extra: self.more.as_ref().map(|m| m.extra).unwrap_or_default(),
        }
    }

    /// The rates that hold for a prompt of `input_tokens` (cached ones included) at a moment (Unix seconds).
    pub fn rates(&self, input_tokens: u64, at_unix_s: u64) -> Rates {
        let Some(more) = &self.more else { return self.base() };
        let other = more.otherwise.iter().rev().find(|o| o.when.holds(at_unix_s));
        let (base, tiers) = other.map_or_else(|| (self.base(), &more.tiers), |o| (o.rates, &o.tiers));
        tiers.iter().rev().find(|t| input_tokens > t.above_input_tokens).map_or(base, |t| t.rates)
    }

    /// The price of a batch job, where the vendor has one: plain rates, no tiers.
    pub fn batch(&self) -> Option<Price> {
        let batch = self.more.as_ref()?.batch?;
        Some(Price::plain(
            batch.input_nanousd_per_mtok,
            batch.output_nanousd_per_mtok,
            batch.cached_nanousd_per_mtok,
            Arc::clone(&self.version),
        ))
    }

    /// Whether nothing is ever charged.
    pub fn is_free(&self) -> bool {
        self.more.is_none() && self.input_nanousd_per_mtok == 0 && self.output_nanousd_per_mtok == 0
    }

    /// Whether it was assumed and not looked up: its version begins with `estimate:`.
    pub fn is_estimate(&self) -> bool {
        self.version.starts_with("estimate:")
    }
}

/// What `usage` costs at `price` at a moment (Unix seconds), rounded up once to the next nano-dollar so that nothing is
/// under-charged. Absurd token counts saturate instead of overflowing; a kind of token that is said to be more than the
/// whole counts as the whole.
pub fn cost(price: &Price, usage: &Usage, at_unix_s: u64) -> Nanousd {
    let cached = usage.cached.min(usage.input);
    let fresh = usage.input - cached;
    if price.more.is_none() {
        let cached_rate = price.cached_nanousd_per_mtok.unwrap_or(price.input_nanousd_per_mtok);
        return round_up(
            times(fresh, price.input_nanousd_per_mtok)
                .saturating_add(times(cached, cached_rate))
                .saturating_add(times(usage.output, price.output_nanousd_per_mtok)),
        );
    }
    dear(&price.rates(usage.input, at_unix_s), usage, cached, fresh)
}

/// The case with rates of every kind. A token counts once: as the first of cached, written for long, written, audio and
/// plain input that it is, or as the first of reasoning, audio and plain output.
#[cold]
fn dear(rates: &Rates, usage: &Usage, cached: u64, fresh: u64) -> Nanousd {
    let (input, output, extra) = (rates.input_nanousd_per_mtok, rates.output_nanousd_per_mtok, &rates.extra);
    let write = extra.cache_write_nanousd_per_mtok.unwrap_or(input);
    let mut left = fresh;
    let mut part = |tokens: u64, rate: i64| {
        let counted = tokens.min(left);
        left -= counted;
        times(counted, rate)
    };
    let long = usage.cache_write_long.min(usage.cache_write);
    let mut sum = times(cached, rates.cached_nanousd_per_mtok.unwrap_or(input));
    for (tokens, rate) in [
        (long, extra.cache_write_long_nanousd_per_mtok.unwrap_or(write)),
        (usage.cache_write - long, write),
        (usage.audio_input, extra.audio_input_nanousd_per_mtok.unwrap_or(input)),
        (u64::MAX, input),
    ] {
        sum = sum.saturating_add(part(tokens, rate));
    }
    left = usage.output;
    let mut part = |tokens: u64, rate: i64| {
        let counted = tokens.min(left);
        left -= counted;
        times(counted, rate)
    };
    for (tokens, rate) in [
        (usage.reasoning, extra.reasoning_nanousd_per_mtok.unwrap_or(output)),
        (usage.audio_output, extra.audio_output_nanousd_per_mtok.unwrap_or(output)),
        (u64::MAX, output),
    ] {
        sum = sum.saturating_add(part(tokens, rate));
    }
    round_up(sum.saturating_add(i128::from(extra.request_nanousd) * 1_000_000))
}

/// Tokens at a rate: millionths of a nano-dollar.
fn times(tokens: u64, nanousd_per_mtok: i64) -> i128 {
    i128::from(tokens) * i128::from(nanousd_per_mtok)
}

/// Millionths of a nano-dollar as nano-dollars, up.
fn round_up(millionths: i128) -> Nanousd {
    let up = millionths.saturating_add(999_999);
    // Division of 128 bits is slow, and seldom needed.
    if let Ok(small) = i64::try_from(up) {
        return Nanousd(small.div_euclid(1_000_000));
    }
    let nano = up.div_euclid(1_000_000);
    Nanousd(i64::try_from(nano).unwrap_or(i64::MAX))
}

#[cfg(test)]
#[path = "price_tests.rs"]
mod tests;
