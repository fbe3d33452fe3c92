//! genai-prices: providers with extractors and match rules for bills, and models with tiers, dates and times of day for
//! rows. Its short schema is completed by `supplement.json`.
//!
//! Never here: other catalogues.

use super::amount::{decimal, each, per_mtok};
use super::merge::Pile;
use anyhow::{Context, Result};
use decide::{Extra, More, Otherwise, Price, PriceTier, Rates, When};
use price::{Pieces, Source, provider_id, unix_s};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// All providers, with what the supplement adds.
pub(super) fn providers(catalogue: Value, supplement: &Value) -> Result<Vec<Value>> {
    let Value::Array(mut providers) = catalogue else { anyhow::bail!("genai-prices is not a list of providers") };
    providers.extend(supplement["providers"].as_array().context("the supplement has no providers")?.iter().cloned());
    for provider in &mut providers {
        let id = provider["id"].as_str().context("a provider of genai-prices without an id")?.to_owned();
        if let Some(extractors) = supplement["extractors"].get(&id) {
            provider["extractors"] = extractors.clone();
        }
        let models = provider["models"].as_array_mut().context("a provider of genai-prices without models")?;
        models.extend(supplement["models"].get(&id).and_then(Value::as_array).into_iter().flatten().cloned());
        for model in models {
            let full = model["id"].as_str().and_then(|m| supplement["prices"].get(&id)?.get(m));
            if let Some(full) = full {
                model["prices"] = full.clone();
            }
            if !model["prices"].is_array() {
                model["prices"] = json!([{ "prices": model["prices"] }]);
            }
        }
    }
    providers.sort_by_key(|p| p["id"].to_string());
    Ok(providers)
}

/// A provider as the section `bill/…` has it: what bills need, amounts as texts.
pub(super) fn billing(provider: &Value) -> Value {
    let models: Vec<Value> = list(&provider["models"])
        .map(|m| {
            let prices: Vec<Value> = list(&m["prices"])
                .map(|set| {
                    let rates: Map<String, Value> =
                        entries(&set["prices"]).map(|(key, rate)| (key.clone(), written(rate))).collect();
                    match set.get("constraint") {
                        None | Some(Value::Null) => json!({ "prices": rates }),
                        Some(constraint) => json!({ "constraint": constraint, "prices": rates }),
                    }
                })
                .collect();
            json!({ "id": m["id"], "match": m["match"], "prices": prices })
        })
        .collect();
    let others =
        provider.get("fallback_model_providers").filter(|f| f.is_array()).cloned().unwrap_or_else(|| json!([]));
    json!({ "id": provider["id"], "extractors": provider["extractors"], "fallback_model_providers": others, "models": models })
}

/// A rate with its numbers as texts.
fn written(rate: &Value) -> Value {
    let text = |v: &Value| decimal(v).map_or(Value::Null, |d| Value::String(d.to_string()));
    match rate.get("base") {
        None => text(rate),
        Some(base) => {
            let tiers: Vec<Value> =
                list(&rate["tiers"]).map(|t| json!({ "start": t["start"], "price": text(&t["price"]) })).collect();
            json!({ "base": text(base), "tiers": tiers })
        }
    }
}

/// The models as rows: where a model is named, its price is believed before any other; where only a pattern of it covers
/// a model that others name, it is not asked. `date`: what changed until then is the base.
pub(super) fn read(providers: &[Value], date: &str, pile: &mut Pile) -> Result<()> {
    let today = unix_s(date).context("the date of the book")?;
    for provider in providers {
        let id = provider_id(provider["id"].as_str().unwrap_or_default());
        for model in list(&provider["models"]) {
            let own = model["id"].as_str().context("a model of genai-prices without an id")?;
            let mut names = vec![own];
            equals(&model["match"], &mut names);
            names.sort_unstable();
            names.dedup();
            let names = names.into_iter().filter(|name| *name == own || pile.has(&id, name)).collect::<Vec<_>>();
            for name in names {
                let heap = pile.of(&id, name);
                let row = &mut heap.row;
                row.name = row.name.take().or_else(|| model["name"].as_str().map(str::to_owned));
                row.context_tokens =
                    row.context_tokens.or_else(|| model["context_window"].as_u64().and_then(|n| n.try_into().ok()));
                if model["deprecated"] == true && row.deprecated.is_none() {
                    row.deprecated = Some("yes".to_owned());
                }
                if let Some(price) = price(&model["prices"], today) {
                    heap.prices.push((Source::GenaiPrices, date.to_owned(), price));
                }
                if let Some(pieces) = pieces(&model["prices"]) {
                    heap.pieces.push((Source::GenaiPrices, date.to_owned(), pieces));
                }
            }
        }
    }
    Ok(())
}

/// The names that a rule is equal to.
fn equals<'a>(clause: &'a Value, names: &mut Vec<&'a str>) {
    names.extend(clause.get("equals").and_then(Value::as_str));
    for part in list(&clause["or"]) {
        equals(part, names);
    }
}

/// Sets of prices as one price: what holds on `today` as its base, what comes later or daily beside it.
fn price(sets: &Value, today: u64) -> Option<Price> {
    let mut base: Option<(Rates, Vec<PriceTier>)> = None;
    let mut otherwise = Vec::new();
    for set in list(sets) {
        let Some((rates, tiers)) = rates(&set["prices"]) else { continue };
        let constraint = &set["constraint"];
        if let Some(start) = constraint["start_date"].as_str() {
            let unix_s = unix_s(&format!("{start}T00:00:00Z"))?;
            if unix_s <= today {
                // The last that holds wins, so it hides what stands before it.
                otherwise.clear();
                base = Some((rates, tiers));
            } else {
                otherwise.push(Otherwise { when: When::From { unix_s }, rates, tiers });
            }
        } else if let Some(from) = constraint["start_time"].as_str() {
            let minute = |text: &str| -> Option<u16> {
                let (hour, rest) = text.split_once(':')?;
                Some(hour.parse::<u16>().ok()? * 60 + rest.get(..2)?.parse::<u16>().ok()?)
            };
            let until = constraint["end_time"].as_str()?;
            let when = When::Daily { from_minute: minute(from)?, until_minute: minute(until)?, weekdays: 0 };
            otherwise.push(Otherwise { when, rates, tiers });
        } else {
            otherwise.clear();
            base = Some((rates, tiers));
        }
    }
    let (rates, tiers) = base?;
    Some(whole(rates, tiers, otherwise))
}

/// A price from its parts.
pub(super) fn whole(rates: Rates, tiers: Vec<PriceTier>, otherwise: Vec<Otherwise>) -> Price {
    let more = More { extra: rates.extra, tiers, otherwise, batch: None };
    let plain =
        Price::plain(rates.input_nanousd_per_mtok, rates.output_nanousd_per_mtok, rates.cached_nanousd_per_mtok, "");
    Price { more: (more != More::default()).then(|| Arc::new(more)), ..plain }
}

/// One set of rates and its tiers. `None`: tokens have no price in it. A model with a rate for sound only has that for
/// its tokens; one with a rate for the prompt only (vectors) writes nothing.
fn rates(set: &Value) -> Option<(Rates, Vec<PriceTier>)> {
    let mut starts: Vec<u64> =
        entries(set).flat_map(|(_, rate)| list(&rate["tiers"])).filter_map(|t| t["start"].as_u64()).collect();
    starts.sort_unstable();
    starts.dedup();
    let at = |start: Option<u64>| {
        let rate = |key: &str| {
            let rate = set.get(key)?;
            let Some(base) = rate.get("base") else { return per_mtok(rate, 1_000_000) };
            let reached =
                list(&rate["tiers"]).filter(|t| t["start"].as_u64() <= start).max_by_key(|t| t["start"].as_u64());
            per_mtok(reached.map_or(base, |t| &t["price"]), 1_000_000)
        };
        let (audio_in, audio_out) = (rate("input_audio_mtok"), rate("output_audio_mtok"));
        let input = rate("input_mtok").or(audio_in);
        let output = rate("output_mtok").or(audio_out);
        if input.is_none() && output.is_none() {
            return None;
        }
        Some(Rates {
            input_nanousd_per_mtok: input.unwrap_or(0),
            output_nanousd_per_mtok: output.unwrap_or(0),
            cached_nanousd_per_mtok: rate("cache_read_mtok"),
            extra: Extra {
                cache_write_nanousd_per_mtok: rate("cache_write_mtok"),
                cache_write_long_nanousd_per_mtok: rate("cache_write_1h_mtok"),
                reasoning_nanousd_per_mtok: rate("output_reasoning_mtok"),
                audio_input_nanousd_per_mtok: audio_in,
                audio_output_nanousd_per_mtok: audio_out,
                request_nanousd: set.get("requests_kcount").and_then(|v| each(v, 1_000)).unwrap_or(0),
            },
        })
    };
    let tier = |start: &u64| Some(PriceTier { above_input_tokens: *start, rates: at(Some(*start))? });
    Some((at(None)?, starts.iter().filter_map(tier).collect()))
}

fn pieces(sets: &Value) -> Option<Pieces> {
    let set = list(sets).last()?;
    let query = each(set["prices"].get("web_searches_kcount")?, 1_000);
    Some(Pieces { query, ..Pieces::default() })
}

/// The elements of an array; of anything else none.
pub(super) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The entries of an object; of anything else none.
fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_held_before_the_date_is_gone_and_what_comes_later_is_kept() {
        let sets = json!([
            {"prices": {"input_mtok": 10, "output_mtok": 40}},
            {"constraint": {"start_date": "2025-06-10"}, "prices": {"input_mtok": 2, "output_mtok": 8}},
            {"constraint": {"start_date": "2026-09-01"}, "prices": {"input_mtok": 1, "output_mtok": 4}},
            {"constraint": {"start_time": "00:30:00Z", "end_time": "16:30:00Z"}, "prices": {"input_mtok": 3, "output_mtok": 9}},
        ]);
        let price = price(&sets, unix_s("2026-08-21").unwrap()).unwrap();
        assert_eq!(price.input_nanousd_per_mtok, 2_000_000_000);
        let at = |text: &str| price.rates(1, unix_s(text).unwrap()).input_nanousd_per_mtok / 1_000_000_000;
        assert_eq!(at("2026-08-21T17:00:00Z"), 2);
        assert_eq!(at("2026-09-01T17:00:00Z"), 1);
        assert_eq!(at("2026-09-01T12:00:00Z"), 3);
    }

    #[test]
    fn tiers_of_several_rates_line_up() {
        let tiered = |base: f64, at: u64, then: f64| json!({"base": base, "tiers": [{"start": at, "price": then}]});
        let set =
            json!({"input_mtok": tiered(1.0, 200, 2.0), "output_mtok": tiered(5.0, 400, 9.0), "cache_read_mtok": 0.1});
        let (base, tiers) = rates(&set).unwrap();
        assert_eq!((base.input_nanousd_per_mtok, base.output_nanousd_per_mtok), (1_000_000_000, 5_000_000_000));
        let at = |i: usize| {
            (tiers[i].above_input_tokens, tiers[i].rates.input_nanousd_per_mtok, tiers[i].rates.output_nanousd_per_mtok)
        };
        assert_eq!((at(0), at(1)), ((200, 2_000_000_000, 5_000_000_000), (400, 2_000_000_000, 9_000_000_000)));
        assert_eq!(tiers[1].rates.cached_nanousd_per_mtok, Some(100_000_000));
        assert!(rates(&json!({"audio_hours": 3})).is_none(), "no price of tokens is no price of zero");
    }
}
