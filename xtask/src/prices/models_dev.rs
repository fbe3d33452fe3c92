//! models.dev: who there is, what they can, and what they cost; and OpenRouter's own list.
//!
//! Never here: other catalogues.

use super::amount::{each, per_mtok};
use super::genai::{list, whole};
use super::merge::Pile;
use anyhow::{Context, Result};
use decide::{Extra, PriceTier, Rates};
use price::{Pieces, Source, provider_id};
use serde_json::Value;

const DATE: &str = "2026-07-02";
/// Per million tokens.
const MTOK: u64 = 1_000_000;

/// Reads models.dev.
pub(super) fn read(catalogue: &Value, pile: &mut Pile) -> Result<()> {
    for model in catalogue["models"].as_array().context("models.dev has no models")? {
        let text = |key: &str| model[key].as_str().filter(|t| !t.is_empty()).map(str::to_owned);
        let (Some(provider), Some(id)) = (text("provider"), text("id")) else { continue };
        let heap = pile.of(&provider_id(&provider), &id);
        let row = &mut heap.row;
        let count = |key: &str| model["limit"][key].as_u64().filter(|n| *n > 0).and_then(|n| u32::try_from(n).ok());
        row.name = text("name");
        row.context_tokens = count("context");
        row.output_tokens_max = count("output");
        row.released = text("release_date");
        row.open_weights = model["open_weights"].as_bool();
        row.modalities = modalities(&model["modalities"]["input"], &model["modalities"]["output"]);
        let can = |key: &str, mark: &'static str| if model[key] == true { mark } else { "" };
        row.features = [
            can("tool_call", "t"),
            can("structured_output", "j"),
            can("reasoning", "r"),
            can("attachment", "f"),
            if model["cost"].get("cache_read").is_some() { "c" } else { "" },
        ]
        .concat();
        if model["status"] == "deprecated" {
            row.deprecated = Some("yes".to_owned());
        }
        if id.contains("embed") && row.outputs() == "t" && count("output").is_none_or(|n| n < 8_192) {
            row.kind = Some("embedding".to_owned());
        }
        if let Some((base, tiers)) = cost(&model["cost"], &id) {
            let as_of =
                text("last_updated").filter(|d| d.len() == 10 && d.as_str() < DATE).unwrap_or_else(|| DATE.to_owned());
            heap.prices.push((Source::ModelsDev, as_of, whole(base, tiers, Vec::new())));
        }
    }
    Ok(())
}

/// Rates and tiers. Nothing to pay is said of subscriptions too, whose tokens are not free to who has none: it is believed
/// of models that call themselves free.
fn cost(cost: &Value, id: &str) -> Option<(Rates, Vec<PriceTier>)> {
    let rates = |of: &Value| {
        let rate = |keys: &[&str]| keys.iter().find_map(|key| per_mtok(&of[*key], MTOK));
        let (input, output) = (rate(&["input"])?, rate(&["output"])?);
        Some(Rates {
            input_nanousd_per_mtok: input,
            output_nanousd_per_mtok: output,
            cached_nanousd_per_mtok: rate(&["cache_read", "cached_input", "cache_input"]),
            extra: Extra {
                cache_write_nanousd_per_mtok: rate(&["cache_write", "cached_write"]),
                reasoning_nanousd_per_mtok: rate(&["reasoning"]),
                audio_input_nanousd_per_mtok: rate(&["input_audio"]),
                audio_output_nanousd_per_mtok: rate(&["output_audio"]),
                request_nanousd: each(&of["request"], 1).unwrap_or(0),
                ..Extra::default()
            },
        })
    };
    let base = rates(cost)?;
    let nothing = base.input_nanousd_per_mtok == 0 && base.output_nanousd_per_mtok == 0;
    if nothing && !free(id) {
        return None;
    }
    let mut tiers: Vec<PriceTier> = list(&cost["tiers"])
        .filter(|t| t["tier"]["type"] == "context")
        .filter_map(|t| Some(PriceTier { above_input_tokens: t["tier"]["size"].as_u64()?, rates: rates(t)? }))
        .collect();
    tiers.sort_by_key(|t| t.above_input_tokens);
    Some((base, tiers))
}

/// Whether a model calls itself free.
pub(super) fn free(id: &str) -> bool {
    let id = id.to_lowercase();
    id.ends_with(":free") || id.ends_with("-free")
}

/// Reads OpenRouter's list.
pub(super) fn openrouter(catalogue: &Value, pile: &mut Pile) -> Result<()> {
    for model in catalogue.as_array().context("OpenRouter's list is no list")? {
        let Some(id) = model["id"].as_str() else { continue };
        let heap = pile.of("openrouter", id);
        let row = &mut heap.row;
        let small = |v: &Value| v.as_u64().filter(|n| *n > 0).and_then(|n| u32::try_from(n).ok());
        row.context_tokens = row.context_tokens.or_else(|| small(&model["context_length"]));
        row.output_tokens_max =
            row.output_tokens_max.or_else(|| small(&model["top_provider"]["max_completion_tokens"]));
        if row.modalities.is_empty() {
            let of = &model["architecture"];
            row.modalities = modalities(&of["input_modalities"], &of["output_modalities"]);
        }
        let prices = &model["pricing"];
        let rate = |key: &str| per_mtok(&prices[key], 1);
        let (Some(input), Some(output)) = (rate("prompt"), rate("completion")) else { continue };
        if input == 0 && output == 0 && !free(id) {
            continue;
        }
        let base = Rates {
            input_nanousd_per_mtok: input,
            output_nanousd_per_mtok: output,
            cached_nanousd_per_mtok: rate("input_cache_read"),
            extra: Extra {
                cache_write_nanousd_per_mtok: rate("input_cache_write"),
                audio_input_nanousd_per_mtok: rate("audio"),
                ..Extra::default()
            },
        };
        heap.prices.push((Source::Openrouter, DATE.to_owned(), whole(base, Vec::new(), Vec::new())));
        let pieces = Pieces {
            image_input: each(&prices["image"], 1).filter(|n| *n > 0),
            query: each(&prices["web_search"], 1).filter(|n| *n > 0),
            ..Pieces::default()
        };
        if pieces != Pieces::default() {
            heap.pieces.push((Source::Openrouter, DATE.to_owned(), pieces));
        }
    }
    Ok(())
}

/// `tip>t`.
pub(super) fn modalities(input: &Value, output: &Value) -> String {
    let letters = |side: &Value| -> String {
        let has = |names: &[&str]| list(side).filter_map(Value::as_str).any(|m| names.contains(&m));
        let marks = [
            ('t', has(&["text"])),
            ('i', has(&["image"])),
            ('a', has(&["audio"])),
            ('v', has(&["video"])),
            ('p', has(&["pdf", "file"])),
        ];
        marks.into_iter().filter_map(|(mark, has)| has.then_some(mark)).collect()
    };
    let (input, output) = (letters(input), letters(output));
    if input.is_empty() && output.is_empty() { String::new() } else { format!("{input}>{output}") }
}
