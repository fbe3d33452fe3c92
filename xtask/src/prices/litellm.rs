//! LiteLLM's list: the widest, with batch, cache and per-piece prices.
//!
//! Never here: other catalogues.

use super::amount::{each, per_mtok};
use super::genai::{list, whole};
use super::merge::Pile;
use super::models_dev::{free, modalities};
use anyhow::{Context, Result};
use decide::{Batch, Extra, More, Otherwise, Price, PriceTier, Rates, When};
use price::{Pieces, Source, provider_id};
use serde_json::Value;
use std::sync::Arc;

const DATE: &str = "2026-08-21";
/// Sizes of prompt, in thousands of tokens, above which prices have names of their own.
const ABOVE: [u64; 7] = [32, 100, 128, 200, 256, 272, 512];
/// They run models on this host; nobody charges for that, and a book says nothing of it.
const LOCAL: [&str; 2] = ["ollama", "lemonade"];

/// Reads the list.
pub(super) fn read(catalogue: &Value, pile: &mut Pile) -> Result<()> {
    for (key, model) in catalogue.as_object().context("LiteLLM's list is no object")? {
        let Some(provider) = model["litellm_provider"].as_str().filter(|p| !LOCAL.contains(p)) else { continue };
        let book_id = provider_id(provider);
        let id = bare(key, &book_id);
        let heap = pile.of(&book_id, id);
        let row = &mut heap.row;
        let count =
            |key: &str| model[key].as_f64().filter(|n| *n >= 1.0 && *n <= f64::from(u32::MAX)).map(|n| n as u32);
        row.context_tokens = row.context_tokens.or_else(|| count("max_input_tokens"));
        row.output_tokens_max = row.output_tokens_max.or_else(|| count("max_output_tokens"));
        if row.modalities.is_empty() {
            row.modalities = modalities(&model["supported_modalities"], &model["supported_output_modalities"]);
        }
        if row.modalities.is_empty() && model["mode"] == "chat" {
            let image = if model["supports_vision"] == true { "i" } else { "" };
            let pdf = if model["supports_pdf_input"] == true { "p" } else { "" };
            row.modalities = format!("t{image}{pdf}>t");
        }
        for (key, mark) in [
            ("supports_function_calling", 't'),
            ("supports_response_schema", 'j'),
            ("supports_reasoning", 'r'),
            ("supports_pdf_input", 'f'),
            ("supports_prompt_caching", 'c'),
            ("supports_web_search", 'w'),
        ] {
            if model[key] == true && !row.features.contains(mark) {
                row.features.push(mark);
            }
        }
        if row.kind.is_none() {
            let mode = model["mode"].as_str().filter(|m| !matches!(*m, "chat" | "responses"));
            row.kind = mode.map(str::to_owned);
        }
        row.deprecated = row.deprecated.take().or_else(|| model["deprecation_date"].as_str().map(str::to_owned));
        if let Some(price) = price(model, id) {
            heap.prices.push((Source::Litellm, DATE.to_owned(), price));
        }
        if let Some(pieces) = pieces(model) {
            heap.pieces.push((Source::Litellm, DATE.to_owned(), pieces));
        }
    }
    Ok(())
}

/// `together_ai/meta/llama` at Together is `meta/llama`.
fn bare<'a>(key: &'a str, provider: &str) -> &'a str {
    match key.split_once('/') {
        Some((first, rest)) if provider_id(first) == provider || first.starts_with("vertex_ai") => rest,
        _ => key,
    }
}

fn price(model: &Value, id: &str) -> Option<Price> {
    if let Some(steps) = model["tiered_pricing"].as_array() {
        let step = |step: &Value| {
            let above = step["range"][0].as_f64().filter(|n| *n >= 0.0)? as u64;
            Some(PriceTier { above_input_tokens: above, rates: rates(step, "", "")? })
        };
        let mut tiers: Vec<PriceTier> = steps.iter().filter_map(step).collect();
        tiers.sort_by_key(|t| t.above_input_tokens);
        if tiers.first().is_some_and(|t| t.above_input_tokens == 0) {
            let base = tiers.remove(0).rates;
            return Some(whole(base, tiers, Vec::new()));
        }
    }
    let base = rates(model, "", "")?;
    if base.input_nanousd_per_mtok == 0 && base.output_nanousd_per_mtok == 0 && !free(id) {
        return None;
    }
    let tier = |k: &u64| {
        let above = format!("_above_{k}k_tokens");
        let has = model.get(format!("input_cost_per_token{above}")).is_some();
        let rates = has.then(|| rates(model, &above, "")).flatten()?;
        Some(PriceTier { above_input_tokens: k * 1_000, rates })
    };
    let price = whole(base, ABOVE.iter().filter_map(tier).collect(), off_peak(&model["off_peak_pricing"], base));
    let Some(batch) = rates(model, "", "_batches").filter(|_| model.get("input_cost_per_token_batches").is_some())
    else {
        return Some(price);
    };
    let batch = Batch {
        input_nanousd_per_mtok: batch.input_nanousd_per_mtok,
        output_nanousd_per_mtok: batch.output_nanousd_per_mtok,
        cached_nanousd_per_mtok: batch.cached_nanousd_per_mtok,
    };
    let more = price.more.as_deref().cloned().unwrap_or_default();
    Some(Price { more: Some(Arc::new(More { batch: Some(batch), ..more })), ..price })
}

/// The rates whose names end so. `None` where neither tokens in nor tokens out have one.
fn rates(of: &Value, above: &str, kind: &str) -> Option<Rates> {
    let rate = |name: &str| per_mtok(&of[format!("{name}{above}{kind}")], 1);
    let plain = |name: &str| per_mtok(&of[name], 1);
    let (input, output) = (rate("input_cost_per_token"), rate("output_cost_per_token"));
    if input.is_none() && output.is_none() {
        return None;
    }
    Some(Rates {
        input_nanousd_per_mtok: input.unwrap_or(0),
        output_nanousd_per_mtok: output.unwrap_or(0),
        cached_nanousd_per_mtok: rate("cache_read_input_token_cost"),
        extra: Extra {
            cache_write_nanousd_per_mtok: rate("cache_creation_input_token_cost"),
            cache_write_long_nanousd_per_mtok: rate("cache_creation_input_token_cost_above_1hr"),
            reasoning_nanousd_per_mtok: plain("output_cost_per_reasoning_token").filter(|_| above.is_empty()),
            audio_input_nanousd_per_mtok: plain("input_cost_per_audio_token"),
            audio_output_nanousd_per_mtok: plain("output_cost_per_audio_token"),
            request_nanousd: each(&of["input_cost_per_request"], 1).unwrap_or(0),
        },
    })
}

/// Cheaper hours. Rates that they do not name are the usual ones.
fn off_peak(of: &Value, base: Rates) -> Vec<Otherwise> {
    let Some(cheap) = rates(of, "", "") else { return Vec::new() };
    let rates =
        Rates { cached_nanousd_per_mtok: cheap.cached_nanousd_per_mtok.or(base.cached_nanousd_per_mtok), ..cheap };
    let minute = |text: &str| {
        let (hour, minute) = text.split_once(':')?;
        Some(hour.parse::<u16>().ok()? * 60 + minute.parse::<u16>().ok()?)
    };
    let mut out = Vec::new();
    for window in list(&of["windows"]) {
        let days = list(&window["weekdays"]).filter_map(Value::as_u64).filter(|d| (1..=7).contains(d));
        let weekdays = days.fold(0, |mask, day| mask | 1 << (day - 1));
        let hours = list(&window["hours_utc"]).chain(Some(&window["hours_utc"])).filter_map(Value::as_str);
        for (from, until) in hours.filter_map(|h| h.split_once('-')) {
            let (Some(from_minute), Some(until)) = (minute(from), minute(until)) else { continue };
            // Until midnight is until the end of the day.
            let until_minute = if until == 0 { 1_440 } else { until };
            out.push(Otherwise { when: When::Daily { from_minute, until_minute, weekdays }, rates, tiers: Vec::new() });
        }
    }
    out
}

fn pieces(model: &Value) -> Option<Pieces> {
    let one = |keys: &[&str]| keys.iter().find_map(|key| each(&model[*key], 1)).filter(|n| *n > 0);
    let pieces = Pieces {
        image_input: one(&["input_cost_per_image"]),
        image_output: one(&["output_cost_per_image", "output_cost_per_image_1K"]),
        second_input: one(&[
            "input_cost_per_second",
            "input_cost_per_audio_per_second",
            "input_cost_per_video_per_second",
        ]),
        second_output: one(&[
            "output_cost_per_second",
            "output_cost_per_second_720p",
            "output_cost_per_video_per_second",
        ]),
        page: one(&["ocr_cost_per_page"]),
        query: one(&["input_cost_per_query"]),
    };
    (pieces != Pieces::default()).then_some(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn tiers_batch_and_cheap_hours() {
        let model = json!({
            "input_cost_per_token": 1e-6, "output_cost_per_token": 4e-6, "cache_read_input_token_cost": 1e-7,
            "input_cost_per_token_above_200k_tokens": 2e-6, "output_cost_per_token_above_200k_tokens": 6e-6,
            "input_cost_per_token_batches": 5e-7, "output_cost_per_token_batches": 2e-6,
            "off_peak_pricing": {"input_cost_per_token": 5e-7, "output_cost_per_token": 1e-6, "windows": [
                {"hours_utc": ["00:00-01:00", "10:00-00:00"], "weekdays": [1, 5]}, {"hours_utc": "00:00-00:00", "weekdays": [7]}]},
        });
        let price = price(&model, "m").unwrap();
        assert_eq!(price.rates(200_001, 0).output_nanousd_per_mtok, 6_000_000_000);
        assert_eq!(price.batch().unwrap().input_nanousd_per_mtok, 500_000_000);
        let whens: Vec<When> = price.more.unwrap().otherwise.iter().map(|o| o.when).collect();
        let daily = |from_minute, until_minute, weekdays| When::Daily { from_minute, until_minute, weekdays };
        assert_eq!(whens, [daily(0, 60, 0b1_0001), daily(600, 1_440, 0b1_0001), daily(0, 1_440, 0b100_0000)]);
    }

    #[test]
    fn free_is_only_what_says_so() {
        let nothing = json!({"input_cost_per_token": 0, "output_cost_per_token": 0.0});
        assert_eq!(price(&nothing, "m"), None);
        assert!(price(&nothing, "m:free").is_some());
    }
}
