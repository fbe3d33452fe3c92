//! One row of the book: a model at a provider, what it costs, what it can, and who says so.
//!
//! Never here: finding rows (`book`), catalogues' own formats (`xtask prices`).

use decide::{Batch, Caps, Extra, More, Otherwise, Price, PriceTier, Rates, When};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Who says what a row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Source {
    /// genai-prices: curated, with dates, tiers and times of day.
    #[serde(rename = "g")]
    GenaiPrices,
    /// LiteLLM's list: the widest.
    #[serde(rename = "l")]
    Litellm,
    /// models.dev: identities and capabilities.
    #[serde(rename = "m")]
    ModelsDev,
    /// OpenRouter's own list.
    #[serde(rename = "o")]
    Openrouter,
}

impl Source {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Source::GenaiPrices => "genai-prices",
            Source::Litellm => "LiteLLM",
            Source::ModelsDev => "models.dev",
            Source::Openrouter => "OpenRouter",
        }
    }

    /// The letter that stands for it in the book.
    pub const fn mark(self) -> char {
        match self {
            Source::GenaiPrices => 'g',
            Source::Litellm => 'l',
            Source::ModelsDev => 'm',
            Source::Openrouter => 'o',
        }
    }
}

/// A model at a provider. Money in nano-dollars: rates per million tokens, the rest per piece.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The id that the provider knows.
    #[serde(rename = "id")]
    pub id: String,
    /// Its name for people, where it is another.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whose price it is. `None`: no price is known.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// The day as of which its source had it.
    #[serde(rename = "d", default, skip_serializing_if = "String::is_empty")]
    pub as_of: String,
    /// What it does, where that is not chat: `embedding`, `rerank`, `image_generation`, ….
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Context window in tokens.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub context_tokens: Option<u32>,
    /// The most tokens of one answer.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub output_tokens_max: Option<u32>,
    /// What goes in, and after a `>` what comes out: t text, i image, a audio, v video, p PDF.
    #[serde(rename = "m", default, skip_serializing_if = "String::is_empty")]
    pub modalities: String,
    /// What it can: t tools, j JSON schema, r reasoning, f files, c prompt cache, w web search.
    #[serde(rename = "f", default, skip_serializing_if = "String::is_empty")]
    pub features: String,
    /// Whether its weights are open; `None` where nobody says.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub open_weights: Option<bool>,
    /// The day on which it came out.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub released: Option<String>,
    /// The day on which it goes, or `yes`.
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<String>,
    /// Base rates.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub(crate) base: Option<Written>,
    /// Tiers by size of prompt.
    #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tiers: Vec<(u64, Written)>,
    /// Rates from a date on or at times of day.
    #[serde(rename = "e", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) otherwise: Vec<(When, Written, Vec<(u64, Written)>)>,
    /// Batch: input, output, cached.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub(crate) batch: Option<(i64, i64, Option<i64>)>,
    /// Per image in, per image out, per second in, per second out, in nano-dollars.
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    pub pieces: Option<Pieces>,
    /// What other catalogues say, where it differs by more than 1 %.
    #[serde(rename = "a", default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Alternative>,
}

/// Prices of things that are not tokens, in nano-dollars each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pieces {
    /// An image in the prompt.
    #[serde(rename = "ii", default, skip_serializing_if = "Option::is_none")]
    pub image_input: Option<i64>,
    /// An image made.
    #[serde(rename = "io", default, skip_serializing_if = "Option::is_none")]
    pub image_output: Option<i64>,
    /// A second of audio or video in.
    #[serde(rename = "si", default, skip_serializing_if = "Option::is_none")]
    pub second_input: Option<i64>,
    /// A second of audio or video made.
    #[serde(rename = "so", default, skip_serializing_if = "Option::is_none")]
    pub second_output: Option<i64>,
    /// A page read.
    #[serde(rename = "pg", default, skip_serializing_if = "Option::is_none")]
    pub page: Option<i64>,
    /// A search or query.
    #[serde(rename = "q", default, skip_serializing_if = "Option::is_none")]
    pub query: Option<i64>,
}

/// What another catalogue says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alternative(
    /// Which.
    pub Source,
    /// Input, nano-dollars per million tokens.
    pub i64,
    /// Output.
    pub i64,
);

/// [`Rates`] with short names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Written {
    i: i64,
    o: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    c: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    w: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    l: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    r: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ai: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ao: Option<i64>,
    #[serde(default, skip_serializing_if = "is_zero")]
    q: i64,
}

// serde hands a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(n: &i64) -> bool {
    *n == 0
}

impl From<Rates> for Written {
    fn from(rates: Rates) -> Written {
        let e = rates.extra;
        Written {
            i: rates.input_nanousd_per_mtok,
            o: rates.output_nanousd_per_mtok,
            c: rates.cached_nanousd_per_mtok,
            w: e.cache_write_nanousd_per_mtok,
            l: e.cache_write_long_nanousd_per_mtok,
            r: e.reasoning_nanousd_per_mtok,
            ai: e.audio_input_nanousd_per_mtok,
            ao: e.audio_output_nanousd_per_mtok,
            q: e.request_nanousd,
        }
    }
}

impl From<Written> for Rates {
    fn from(w: Written) -> Rates {
        Rates {
            input_nanousd_per_mtok: w.i,
            output_nanousd_per_mtok: w.o,
            cached_nanousd_per_mtok: w.c,
            extra: Extra {
                cache_write_nanousd_per_mtok: w.w,
                cache_write_long_nanousd_per_mtok: w.l,
                reasoning_nanousd_per_mtok: w.r,
                audio_input_nanousd_per_mtok: w.ai,
                audio_output_nanousd_per_mtok: w.ao,
                request_nanousd: w.q,
            },
        }
    }
}

/// Puts a price into a row.
pub fn write_rates(row: &mut Row, price: &Price) {
    let tiers = |tiers: &[PriceTier]| tiers.iter().map(|t| (t.above_input_tokens, t.rates.into())).collect();
    row.base = Some(price.base().into());
    let Some(more) = &price.more else { return };
    row.tiers = tiers(&more.tiers);
    row.otherwise = more.otherwise.iter().map(|o| (o.when, o.rates.into(), tiers(&o.tiers))).collect();
    row.batch = more.batch.map(|b| (b.input_nanousd_per_mtok, b.output_nanousd_per_mtok, b.cached_nanousd_per_mtok));
}

impl Row {
    /// What its tokens cost; `None` where that is not known.
    pub fn price(&self, version: &Arc<str>) -> Option<Price> {
        let base: Rates = self.base?.into();
        let tiers = |tiers: &[(u64, Written)]| -> Vec<PriceTier> {
            tiers.iter().map(|(above, w)| PriceTier { above_input_tokens: *above, rates: (*w).into() }).collect()
        };
        let more = More {
            extra: base.extra,
            tiers: tiers(&self.tiers),
            otherwise: self
                .otherwise
                .iter()
                .map(|(when, w, t)| Otherwise { when: *when, rates: (*w).into(), tiers: tiers(t) })
                .collect(),
            batch: self.batch.map(|(input, output, cached)| Batch {
                input_nanousd_per_mtok: input,
                output_nanousd_per_mtok: output,
                cached_nanousd_per_mtok: cached,
            }),
        };
        let plain = Price::plain(
            base.input_nanousd_per_mtok,
            base.output_nanousd_per_mtok,
            base.cached_nanousd_per_mtok,
            Arc::clone(version),
        );
        let more = (more != More::default()).then(|| Arc::new(more));
        Some(Price { more, ..plain })
    }

    /// What it can, as far as the book knows.
    pub fn caps(&self) -> Caps {
        let can = |mark: char| self.features.contains(mark);
        let takes = |mark: char| self.inputs().contains(mark);
        let kind = self.kind.as_deref();
        Caps {
            tools: can('t'),
            json_schema: can('j'),
            vision: takes('i'),
            audio: takes('a'),
            logprobs: can('l'),
            completions: kind == Some("completion"),
            embeddings: kind == Some("embedding"),
            rerank: kind == Some("rerank"),
        }
    }

    /// Letters of what goes in.
    pub fn inputs(&self) -> &str {
        self.modalities.split_once('>').map_or(&self.modalities, |(inputs, _)| inputs)
    }

    /// Letters of what comes out.
    pub fn outputs(&self) -> &str {
        self.modalities.split_once('>').map_or("", |(_, outputs)| outputs)
    }
}
