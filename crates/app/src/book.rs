//! The price and capability book: what is known of models without asking anyone.
//!
//! Prices, contexts and limits are of room `price`; qualities, capabilities and the usual choices of `data/models.json`,
//! which is derived from public lists by `data/derive.py` (it states origin, licences and rules). Prices of the
//! configuration (`[[price]]`) go before the book's. What is in none of them is unknown: no price (which is not zero) and
//! no capability.
//!
//! Never here: the network. The book is as new as the binary.

use crate::priors::BUILT_IN;
use anyhow::Context;
use arc_swap::ArcSwap;
use backend::{Discovered, Profile};
use decide::{Api, Caps, Kind, Model, Place, Price, Tier, Zone};
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The derived file inside the binary.
const DATA: &str = include_str!("../data/models.json");

/// What is known of models, by provider (the profile's name) and id.
#[derive(Debug)]
pub(crate) struct Book {
    prices: ::price::Book,
    /// What the configuration says instead, as it was last read without a fault.
    overrides: ArcSwap<Vec<Override>>,
    /// The dearest price of each provider that was asked for.
    dearest: Mutex<HashMap<String, Option<Price>>>,
    entries: HashMap<(String, String), Entry>,
}

/// A price of the configuration: `[[price]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Override {
    /// The provider: a profile's name, or any name the price book knows it by.
    pub(crate) provider: String,
    /// The model's id, or with a `*` at its end the beginning of it.
    pub(crate) model: String,
    pub(crate) price: Price,
}

/// One row of the file. Money in nano-dollars per million tokens.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    provider: String,
    id: String,
    context: Option<u32>,
    #[serde(default)]
    caps: String,
    quality: u16,
    usual: Option<u16>,
}

#[derive(Deserialize)]
struct Data {
    models: Vec<Entry>,
}

/// What configuration or the place itself says of a model; it goes before the book.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) context_tokens: Option<u32>,
    pub(crate) tools: Option<bool>,
    pub(crate) json_schema: Option<bool>,
    pub(crate) vision: Option<bool>,
    pub(crate) audio: Option<bool>,
    pub(crate) logprobs: Option<bool>,
    pub(crate) completions: Option<bool>,
    pub(crate) embeddings: Option<bool>,
    pub(crate) rerank: Option<bool>,
    pub(crate) tier: Option<Tier>,
    pub(crate) quality_permille: Option<u16>,
    pub(crate) price: Option<Price>,
    /// All capabilities at once, as a place reports them.
    pub(crate) caps: Option<Caps>,
}

impl Book {
    /// Reads the book inside the binary.
    ///
    /// # Errors
    /// The file inside the binary is damaged; a test keeps that from being released.
    pub(crate) fn built_in() -> anyhow::Result<Book> {
        let data: Data = serde_json::from_str(DATA).context("the built-in price book cannot be read")?;
        let entries = data.models.into_iter().map(|e| ((e.provider.clone(), e.id.clone()), e)).collect();
        let prices = ::price::Book::built_in()?;
        Ok(Book { prices, overrides: ArcSwap::default(), dearest: Mutex::default(), entries })
    }

    /// Which book this is; stands in the ledger beside every cost.
    pub(crate) fn version(&self) -> &str {
        self.prices.version()
    }

    /// Puts prices of the configuration in force; gives those that were.
    pub(crate) fn override_with(&self, overrides: Arc<Vec<Override>>) -> Arc<Vec<Override>> {
        self.overrides.swap(overrides)
    }

    /// The model of a provider, as [`complete`] makes it for a vendor's own place.
    #[cfg(test)]
    pub(crate) fn model(&self, provider: &str, id: &str) -> Option<Model> {
        let profile = Profile::find(provider)?;
        self.prices.row(provider, id)?;
        let place = Place {
            id: decide::PlaceId::new(provider),
            api: profile.api,
            tier: Tier::Cloud,
            kind: Kind::Serverless,
            zone: Zone::VendorCloud,
            provider: provider.into(),
            terms: decide::Terms::default(),
            economics: None,
        };
        Some(complete(self, profile, &place, id, &Told::default()))
    }

    /// Ids of the models to offer at a provider when only its key was found, the usual choice first.
    pub(crate) fn usual(&self, provider: &str) -> Vec<&str> {
        let mut usual: Vec<_> = self.entries.values().filter(|e| e.provider == provider && e.usual.is_some()).collect();
        usual.sort_by_key(|e| e.usual);
        usual.into_iter().map(|e| e.id.as_str()).collect()
    }

    fn entry(&self, provider: &str, id: &str) -> Option<&Entry> {
        let get = |id: &str| self.entries.get(&(provider.to_owned(), id.to_owned()));
        get(id).or_else(|| {
            let cuts = id.char_indices().filter(|(_, c)| matches!(c, '-' | '@')).map(|(i, _)| i);
            cuts.collect::<Vec<_>>().into_iter().rev().filter(|i| is_version(&id[i + 1..])).find_map(|i| get(&id[..i]))
        })
    }

    fn overridden(&self, provider: &str, id: &str) -> Option<Price> {
        let provider = ::price::provider_id(provider);
        let covers = |model: &str| match model.strip_suffix('*') {
            Some(start) => id.starts_with(start),
            None => model == id,
        };
        let overrides = self.overrides.load();
        let found = overrides.iter().filter(|o| ::price::provider_id(&o.provider) == provider && covers(&o.model));
        // The most particular one.
        found.max_by_key(|o| (!o.model.ends_with('*'), o.model.len())).map(|o| o.price.clone())
    }

    /// What stands in for a price that nobody knows: the dearest of the provider, or else the dearest of the usual choices
    /// everywhere. Own tiers are cheaper, but who asks for a model without a price there rents it from somebody unknown.
    fn assumed(&self, provider: &str) -> Option<Price> {
        let mut known = self.dearest.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(provider.to_owned()).or_insert_with(|| self.dearest(provider)).clone()
    }

    fn dearest(&self, provider: &str) -> Option<Price> {
        let version = self.version();
        let (price, whose) = match self.prices.dearest(provider) {
            Some(price) => (price, format!("estimate:dearest of {provider}, {version}")),
            None => {
                let usual = self.entries.values().filter(|e| e.usual.is_some());
                let prices = usual.filter_map(|e| self.prices.price(&e.provider, &e.id));
                let dear = |p: &Price| p.input_nanousd_per_mtok.saturating_add(p.output_nanousd_per_mtok);
                (prices.max_by_key(dear)?, format!("estimate:dearest usual model, {version}"))
            }
        };
        Some(Price { version: whose.into(), ..price })
    }
}

impl Entry {
    fn caps(&self) -> Caps {
        let has = |name: &str| self.caps.split(' ').any(|c| c == name);
        Caps {
            tools: has("tools"),
            json_schema: has("json_schema"),
            vision: has("vision"),
            audio: has("audio"),
            logprobs: has("logprobs"),
            completions: has("completions"),
            embeddings: has("embeddings"),
            rerank: has("rerank"),
        }
    }
}

/// `2025-08-07`, `20250807`, `0613`, `latest`.
fn is_version(suffix: &str) -> bool {
    let digits = suffix.bytes().filter(u8::is_ascii_digit).count();
    let rest = suffix.len() - digits;
    suffix == "latest" || (rest == 0 && matches!(digits, 4 | 8)) || (digits == 8 && is_dashed_date(suffix))
}

fn is_dashed_date(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [4, 2, 2]
}

/// A model complete: what was told, then the book, then what is usual for the engine, then "cannot" and "unknown".
pub(crate) fn complete(book: &Book, profile: &Profile, place: &Place, id: &str, told: &Told) -> Model {
    let entry = book.entry(profile.name, id);
    let provider = profile.name;
    let row = book.prices.row(provider, id).map(|found| found.row);
    let listed = || row.filter(|r| !r.modalities.is_empty()).map(::price::Row::caps);
    let base = told.caps.or_else(|| entry.map(Entry::caps)).or_else(listed);
    let base = base.unwrap_or_else(|| usual_caps(profile, id, told));
    let caps = Caps {
        tools: told.tools.unwrap_or(base.tools),
        json_schema: told.json_schema.unwrap_or(base.json_schema),
        vision: told.vision.unwrap_or(base.vision),
        audio: told.audio.unwrap_or(base.audio),
        logprobs: told.logprobs.unwrap_or(base.logprobs),
        completions: told.completions.unwrap_or(base.completions),
        embeddings: told.embeddings.unwrap_or(base.embeddings),
        rerank: told.rerank.unwrap_or(base.rerank),
    };
    let price = told.price.clone().or_else(|| book.overridden(provider, id)).or_else(|| own_ground(place));
    let price = price.or_else(|| book.prices.price(provider, id));
    let price_assumed = if price.is_none() { book.assumed(provider) } else { None };
    Model {
        // What the operator declares is not known better.
        ability: told
            .quality_permille
            .is_none()
            .then(|| BUILT_IN.levelled(id, entry.map(|e| e.quality), place.tier.quality_permille())),
        id: Arc::from(id),
        context_tokens: told.context_tokens.or_else(|| entry.and_then(|e| e.context)).or_else(|| row?.context_tokens),
        output_tokens_max: row.and_then(|r| r.output_tokens_max),
        caps,
        price,
        price_assumed,
        tier: told.tier,
        quality_permille: told.quality_permille.or_else(|| entry.map(|e| e.quality)),
    }
}

/// A model that a place reported, complete. Without a profile only what it said itself is known.
pub(crate) fn discovered(book: &Book, profile: Option<&Profile>, place: &Place, found: &Discovered) -> Model {
    let told = Told { context_tokens: found.context_tokens, caps: found.caps, ..Told::default() };
    match profile.or_else(|| Profile::for_api(place.api)) {
        Some(profile) => complete(book, profile, place, &found.id, &told),
        None => Model {
            id: Arc::from(found.id.as_str()),
            context_tokens: found.context_tokens,
            caps: found.caps.unwrap_or_default(),
            price: book.overridden(&place.provider, &found.id).or_else(|| own_ground(place)),
            ability: Some(BUILT_IN.levelled(&found.id, None, place.tier.quality_permille())),
            ..Model::default()
        },
    }
}

/// No money changes hands per token on machines that are ours or rented as a whole. Anywhere else the price is unknown.
fn own_ground(place: &Place) -> Option<Price> {
    let ours = place.zone <= Zone::OwnNetwork && place.kind == Kind::Appliance;
    let rented = place.zone <= Zone::RentedDedicated && place.kind == Kind::Dedicated;
    (ours || rented).then(|| Price::free("own-ground"))
}

/// What the engines' servers can do with any model they load. (A model without a tool template answers in prose; the
/// server takes the request.) Ollama says per model what it can, so nothing is assumed there, nor of vendors. An encoder,
/// by what was told or else by its id, can do nothing of that.
fn usual_caps(profile: &Profile, id: &str, told: &Told) -> Caps {
    if told.embeddings == Some(true) || told.rerank == Some(true) {
        return Caps::default();
    }
    if let Some(caps) = profile.encoder(id) {
        return caps;
    }
    let server = profile.api == Api::Openai && profile.zone == Zone::SameHost;
    Caps { tools: server, json_schema: server, logprobs: server, completions: server, ..Caps::default() }
}

/// `$0.25 in, $2 out per Mtok`, `free`, `unknown`.
pub(crate) fn show_price(price: Option<&Price>) -> String {
    match price {
        None => "unknown".to_owned(),
        Some(p) if p.is_free() => "free".to_owned(),
        Some(p) => format!("${} in, ${} out", dollars(p.input_nanousd_per_mtok), dollars(p.output_nanousd_per_mtok)),
    }
}

/// Nano-dollars as dollars without trailing zeros, at least two decimals unless whole.
pub(crate) fn dollars(nano: i64) -> String {
    let text = decide::Nanousd(nano).to_string();
    let short = text.trim_end_matches('0');
    match short.split_once('.') {
        Some((whole, "")) => whole.to_owned(),
        Some((whole, part)) if part.len() == 1 => format!("{whole}.{part}0"),
        _ => short.to_owned(),
    }
}

#[cfg(test)]
#[path = "book_tests.rs"]
mod tests;
