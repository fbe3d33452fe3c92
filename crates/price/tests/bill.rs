//! Bills against real answers: the file of the shared data where it is there, and arbitrary bodies everywhere.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use price::{Catalogue, priced_line, unix_s};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::io::Read;
use std::sync::OnceLock;

fn catalogue() -> &'static Catalogue {
    static ONE: OnceLock<Catalogue> = OnceLock::new();
    ONE.get_or_init(|| Catalogue::built_in().unwrap())
}

fn noon() -> u64 {
    unix_s("2026-08-21").unwrap()
}

fn ask(line: &Value) -> Value {
    serde_json::to_value(priced_line(catalogue(), line.to_string().as_bytes(), noon())).unwrap()
}

/// Within 1e-9 of each other, or neither there.
fn same(got: &Value, want: &Value) -> bool {
    let number = |text: &str| Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text)).unwrap();
    match (got.as_str(), want.as_str()) {
        (Some(got), Some(want)) => (number(got) - number(want)).abs() < Decimal::new(1, 9),
        (None, None) => got.is_null() && want.is_null(),
        _ => false,
    }
}

/// Every row of the shared file: usage equal, amounts within 1e-9, unknown prices null. Set PRICES_FILE for another file.
#[test]
fn the_shared_rows_come_out_equal() {
    let usual =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/economics/billing/genai_usages.dev.jsonl.gz");
    let path = std::env::var("PRICES_FILE").unwrap_or_else(|_| usual.to_owned());
    let Ok(file) = std::fs::File::open(&path) else {
        println!("skipped: {path} is not there");
        return;
    };
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let (mut priced, mut unpriced, mut wrong) = (0, 0, Vec::new());
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        for group in row["extracted"].as_array().unwrap() {
            for want in group["extractors"].as_array().unwrap() {
                let got = ask(&json!({
                    "provider": want["provider_id"], "api_flavor": want["api_flavor"], "model": row["model"], "body": row["body"],
                }));
                let right = got["usage"] == group["usage"]
                    && same(&got["input_usd"], &want["input_price"])
                    && same(&got["output_usd"], &want["output_price"])
                    && (want["total_price"].is_null() || same(&got["total_usd"], &want["total_price"]));
                match (right, want["input_price"].is_null()) {
                    (false, _) => {
                        wrong.push(format!("want {want} of {} for {}, got {got}", group["usage"], row["model"]))
                    }
                    (true, true) => unpriced += 1,
                    (true, false) => priced += 1,
                }
            }
        }
    }
    println!("{priced} priced rows equal, {unpriced} rows unpriced on both sides, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong[..wrong.len().min(20)].join("\n"));
    assert!(priced > 0);
}

#[test]
fn a_line_says_what_is_wrong_with_it() {
    let body = json!({"model": "gpt-5-mini", "usage": {"prompt_tokens": 10, "completion_tokens": 2}});
    let line = |provider: &str, flavor: &str| json!({"provider": provider, "api_flavor": flavor, "body": body});
    let error = |line: &Value| ask(line)["error"].as_str().unwrap_or_default().to_owned();
    assert!(error(&line("opemai", "chat")).contains("nearest: openai"));
    assert!(error(&line("openai", "chatty")).contains("one of: chat, responses"));
    assert!(error(&line("avian", "chat")).contains("not known how answers"));
    let bad = priced_line(catalogue(), b"{\"provider\": 1}", noon());
    assert!(bad.error().unwrap().contains("this line is not"));
    let mut unknown = line("openai", "chat");
    unknown["model"] = json!("gpt-none");
    let got = ask(&unknown);
    assert!(got["input_usd"].is_null() && got["total_usd"].is_null(), "unknown is never zero");
    assert_eq!(got["usage"], json!({"input_tokens": 10, "output_tokens": 2}));
    assert!(got["error"].as_str().unwrap().contains("gpt-none"));
    let mut when = line("openai", "chat");
    when["at"] = json!("soon");
    assert!(error(&when).contains("no moment: soon"));
}

#[test]
fn the_price_is_the_one_of_the_moment() {
    let line = |at: &str| {
        let body = json!({"usage": {"prompt_tokens": 1_000_000, "completion_tokens": 0}});
        ask(&json!({"provider": "openai", "api_flavor": "chat", "model": "o3", "body": body, "at": at}))["input_usd"]
            .clone()
    };
    assert_eq!((line("2025-06-09"), line("2025-06-10T00:00:00Z")), (json!("10"), json!("2")));
}

#[test]
fn contradictions_are_not_priced() {
    let usage = json!({"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 11}, "completion_tokens": 1});
    let got = ask(&json!({"provider": "openai", "api_flavor": "chat", "model": "gpt-5", "body": {"usage": usage}}));
    assert!(
        got["error"].as_str().unwrap().contains("`input_tokens` are more than its 10") && got["total_usd"].is_null()
    );
    for count in [json!(-1), json!(true), json!("7"), json!(1e300), json!(null)] {
        let usage = json!({"prompt_tokens": count, "completion_tokens": 1});
        let got = ask(&json!({"provider": "openai", "api_flavor": "chat", "model": "gpt-5", "body": {"usage": usage}}));
        assert!(got["error"].is_string() && got["total_usd"].is_null(), "{got}");
    }
}

/// Bodies that look like usage and are not.
fn body() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
        "[a-zA-Z]{0,6}".prop_map(Value::from),
        Just(json!("AUDIO")),
        (0_u64..1_000_000).prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 8, |inner| {
        let key = prop_oneof![
            Just("usage"),
            Just("model"),
            Just("usageMetadata"),
            Just("prompt_tokens"),
            Just("completion_tokens"),
            Just("prompt_tokens_details"),
            Just("cached_tokens"),
            Just("audio_tokens"),
            Just("input_tokens"),
            Just("output_tokens"),
            Just("promptTokenCount"),
            Just("promptTokensDetails"),
            Just("modality"),
            Just("tokenCount"),
            Just("cache_creation_input_tokens"),
            Just("cache_read_input_tokens"),
            Just("x"),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.prop_map(str::to_owned), inner), 0..8)
                .prop_map(|e| Value::Object(e.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Any body at all: an answer, no panic, and never an amount together with an error.
    #[test]
    fn arbitrary_bodies_never_panic(body in body(), which in 0_usize..6, model in "[a-z0-9.:/-]{0,24}") {
        let (provider, flavor) = [
            ("openai", "chat"), ("openai", "responses"), ("anthropic", "default"), ("google", "default"),
            ("aws", "default"), ("cohere", "tokens"),
        ][which];
        let model = if model.len() < 4 { "gemini-2.5-flash".to_owned() } else { model };
        let body = json!({"usage": body, "usageMetadata": body, "model": body});
        let got = ask(&json!({"provider": provider, "api_flavor": flavor, "model": model, "body": body}));
        prop_assert_eq!(got["error"].is_null(), got["total_usd"].is_string());
    }

    /// Any bytes at all.
    #[test]
    fn arbitrary_lines_never_panic(line in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = priced_line(catalogue(), &line, noon());
    }
}
