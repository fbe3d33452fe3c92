//! Prices of the configuration: exact decimals made integers, tiers in order, hours of the day.
//!
//! Never here: the price book, arithmetic with prices (room `decide`).

use super::Reader;
use crate::book::Override;
use crate::config::number::{Number, nanousd};
use crate::config::shape;
use decide::{Extra, More, Otherwise, Price, PriceTier, Rates, When};
use std::sync::Arc;

/// `[[price]]`.
pub(super) fn overrides(r: &mut Reader<'_>, list: &[shape::OwnPrice]) -> Vec<Override> {
    let mut out: Vec<Override> = Vec::new();
    for (i, section) in list.iter().enumerate() {
        let path = format!("price[{i}]");
        let (provider, model) = (section.provider.trim(), section.model.trim());
        for (key, value) in [("provider", provider), ("model", model)] {
            if value.is_empty() {
                let what = format!("a price has no {key}");
                r.wrong(&format!("{path}.{key}"), what, "it is for one model of one provider", "write their names");
            }
        }
        if out.iter().any(|o| o.provider == provider && o.model == model) {
            let what = format!("the price of {provider}/{model} stands twice");
            r.wrong(&path, what, "only one of them can hold", "remove one of them");
        }
        let Some(price) = price(r, &section.price, &format!("{path}.price")) else { continue };
        r.note(&format!("price.{provider}/{model}"), crate::book::show_price(Some(&price)));
        out.push(Override { provider: provider.to_owned(), model: model.to_owned(), price });
    }
    out
}

/// One price. `None`: something in it is wrong, and was said.
pub(super) fn price(r: &mut Reader<'_>, table: &shape::Price, path: &str) -> Option<Price> {
    let base = Plain::read(r, path, &table.input_per_mtok, &table.output_per_mtok, table.cached_per_mtok.as_ref());
    let mut rate =
        |key: &str, number: &Option<Number>| number.as_ref().map(|n| dollars(r, &format!("{path}.{key}"), n));
    let write = rate("cache_write_per_mtok", &table.cache_write_per_mtok);
    let long = rate("cache_write_long_per_mtok", &table.cache_write_long_per_mtok);
    let reasoning = rate("reasoning_per_mtok", &table.reasoning_per_mtok);
    let audio_in = rate("audio_input_per_mtok", &table.audio_input_per_mtok);
    let audio_out = rate("audio_output_per_mtok", &table.audio_output_per_mtok);
    let request = rate("per_request", &table.per_request);
    let extra = Extra {
        cache_write_nanousd_per_mtok: write.flatten(),
        cache_write_long_nanousd_per_mtok: long.flatten(),
        reasoning_nanousd_per_mtok: reasoning.flatten(),
        audio_input_nanousd_per_mtok: audio_in.flatten(),
        audio_output_nanousd_per_mtok: audio_out.flatten(),
        request_nanousd: request.flatten().unwrap_or(0),
    };
    let mut tiers = Vec::new();
    for (i, tier) in table.tiers.iter().enumerate() {
        let at = format!("{path}.tiers[{i}]");
        if i > 0 && tier.above_input_tokens <= table.tiers[i - 1].above_input_tokens {
            let why = "each tier begins above the one before it";
            r.wrong(
                &format!("{at}.above_input_tokens"),
                "the tiers are not in order",
                why,
                "sort them by above_input_tokens",
            );
        }
        let plain = Plain::read(r, &at, &tier.input_per_mtok, &tier.output_per_mtok, tier.cached_per_mtok.as_ref());
        tiers.push((tier.above_input_tokens, plain));
    }
    let mut hours = Vec::new();
    for (i, hour) in table.hours.iter().enumerate() {
        let at = format!("{path}.hours[{i}]");
        let from = minute(r, &format!("{at}.from"), &hour.from);
        let until = minute(r, &format!("{at}.until"), &hour.until);
        let plain = Plain::read(r, &at, &hour.input_per_mtok, &hour.output_per_mtok, hour.cached_per_mtok.as_ref());
        hours.push((from, until, plain));
    }
    let base = base?;
    let rates = |plain: Plain| plain.rates(base.cached, extra);
    let tiers: Option<Vec<PriceTier>> = tiers
        .into_iter()
        .map(|(above_input_tokens, p)| Some(PriceTier { above_input_tokens, rates: rates(p?) }))
        .collect();
    let hours = hours.into_iter().map(|(from, until, p)| {
        let when = When::Daily { from_minute: from?, until_minute: until?, weekdays: 0 };
        Some(Otherwise { when, rates: rates(p?), tiers: Vec::new() })
    });
    let more = More { extra, tiers: tiers?, otherwise: hours.collect::<Option<_>>()?, batch: None };
    let plain = Price::plain(base.input, base.output, base.cached, "config");
    Some(Price { more: (more != More::default()).then(|| Arc::new(more)), ..plain })
}

/// The three plain rates.
#[derive(Clone, Copy)]
struct Plain {
    input: i64,
    output: i64,
    cached: Option<i64>,
}

impl Plain {
    fn read(r: &mut Reader<'_>, path: &str, input: &Number, output: &Number, cached: Option<&Number>) -> Option<Plain> {
        let input = dollars(r, &format!("{path}.input_per_mtok"), input);
        let output = dollars(r, &format!("{path}.output_per_mtok"), output);
        let cached = cached.map(|n| dollars(r, &format!("{path}.cached_per_mtok"), n));
        Some(Plain { input: input?, output: output?, cached: cached.flatten() })
    }

    fn rates(self, cached: Option<i64>, extra: Extra) -> Rates {
        Rates {
            input_nanousd_per_mtok: self.input,
            output_nanousd_per_mtok: self.output,
            cached_nanousd_per_mtok: self.cached.or(cached),
            extra,
        }
    }
}

fn dollars(r: &mut Reader<'_>, path: &str, number: &Number) -> Option<i64> {
    let text = r.source.written(&number.span).to_owned();
    nanousd(&text)
        .map_err(|why| r.wrong(path, format!("\"{text}\" is not a price"), why, "write dollars such as 0.25"))
        .ok()
}

/// Minutes of the day of `16:30`.
fn minute(r: &mut Reader<'_>, path: &str, text: &str) -> Option<u16> {
    let digits = |part: &str, most: u16| {
        let right = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        right.then(|| part.parse::<u16>().ok()).flatten().filter(|n| *n <= most)
    };
    let read = text.split_once(':').and_then(|(hour, minute)| Some(digits(hour, 23)? * 60 + digits(minute, 59)?));
    if read.is_none() {
        r.wrong(
            path,
            format!("\"{text}\" is no time of day"),
            "it is in UTC, from 00:00 to 23:59",
            "write for example \"16:30\"",
        );
    }
    read
}
