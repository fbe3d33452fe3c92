//! Every architecture of the test models, in the real worker: it loads, streams, obeys a schema, gives logprobs, stops
//! where it must, assembles characters, and says how long a prompt may be.
#![cfg(feature = "llama")]
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "support/rig.rs"]
mod rig;
#[path = "support/tiny.rs"]
mod tiny;

use decide::{Cause, Retry};
use rig::{Rig, chat, events, raw, text, texts};
use testkit::tiny::{CONTEXT, Family, SEED};
use wire::{Event, Finish, Format};

/// Runs `check` for each family that writes, one after the other so that a failure names its family.
async fn each(check: impl AsyncFn(Family, &Rig)) {
    for family in Family::ALL.into_iter().filter(|f| f.writes()) {
        let rig = Rig::of(&family.file().bytes(SEED));
        check(family, &rig).await;
        assert_eq!(rig.engine.about().unwrap().architecture, family.architecture());
        rig.engine.shutdown().await;
    }
}

#[tokio::test]
async fn each_streams_what_it_answers_plainly_and_says_more_than_one_thing() {
    each(async |family, rig| {
        let mut ask = chat("Tell me about the history of science.");
        ask.max_tokens = Some(24);
        let plain = rig.plain(ask.clone()).await.unwrap();
        let usage = plain.usage.unwrap();
        assert_eq!((usage.output, plain.choices[0].finish.as_ref()), (24, Some(&Finish::Length)), "{family:?}");
        assert!(usage.input > 8, "{family:?}: {usage:?}");
        let (events, fault) = events(rig.stream(ask).await.unwrap()).await;
        assert_eq!(fault, None, "{family:?}");
        // Thoughts, where a model begins with them, come as reasoning.
        let said: String = texts(&events).concat() + &thoughts(&events);
        assert!(said.chars().count() >= 8, "{family:?}: {said:?}");
        let plainly = plain.choices[0].text.clone().unwrap_or_default();
        assert_eq!(texts(&events).concat(), plainly, "{family:?}");
        let different: std::collections::HashSet<char> = said.chars().collect();
        assert!(different.len() >= 4, "{family:?} repeats itself: {said:?}");
    })
    .await;
}

fn thoughts(events: &[Event]) -> String {
    let thought = |e: &Event| match e {
        Event::Reasoning { text, .. } => Some(text.clone()),
        _ => None,
    };
    events.iter().filter_map(thought).collect()
}

#[tokio::test]
async fn each_obeys_a_schema() {
    let schema = r#"{"type":"object","properties":{"ok":{"type":"boolean"},"kind":{"enum":["apple","pear"]},
        "list":{"type":"array","items":{"type":"integer","minimum":0,"maximum":99},"minItems":2,"maxItems":3}},
        "required":["ok","kind","list"],"additionalProperties":false}"#;
    each(async |family, rig| {
        for (temperature, seed) in [(0.0, 1), (1.0, 2)] {
            let mut ask = raw("say");
            ask.sampling.temperature = Some(temperature);
            ask.sampling.seed = Some(seed);
            ask.max_tokens = Some(400);
            let schema = serde_json::value::RawValue::from_string(schema.into()).ok();
            ask.format = Some(Format::JsonSchema { name: "x".into(), schema, strict: Some(true), description: None });
            let answer = rig.plain(ask).await.unwrap();
            let value: serde_json::Value =
                serde_json::from_str(text(&answer)).unwrap_or_else(|e| panic!("{family:?}: {e}: {answer:?}"));
            let list = value["list"].as_array().unwrap();
            assert!(value["ok"].is_boolean() && (2..=3).contains(&list.len()), "{family:?}: {value}");
            assert!(list.iter().all(|n| n.as_u64().is_some_and(|n| n < 100)), "{family:?}: {value}");
            assert!(["apple", "pear"].contains(&value["kind"].as_str().unwrap()), "{family:?}: {value}");
            assert_eq!(value.as_object().unwrap().len(), 3, "{family:?}: {value}");
            assert_eq!(answer.choices[0].finish, Some(Finish::Stop), "{family:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn each_gives_logprobs_with_their_alternatives() {
    each(async |family, rig| {
        let mut ask = raw("The history of");
        ask.max_tokens = Some(8);
        ask.logprobs = Some(4);
        let answer = rig.plain(ask).await.unwrap();
        let logprobs = &answer.choices[0].logprobs;
        assert_eq!(logprobs.len(), 8, "{family:?}");
        for l in logprobs {
            assert_eq!(l.top.len(), 4, "{family:?}");
            assert_eq!((&l.top[0].0, l.top[0].1), (&l.token, l.logprob), "{family:?}: greedy takes the likeliest");
            assert!(l.top.windows(2).all(|w| w[0].1 >= w[1].1), "{family:?}: {l:?}");
            // Some hundred tokens: the likeliest of them is likelier than an even chance, and less than certain.
            assert!(l.logprob < 0.0 && l.logprob > -(700f64.ln()), "{family:?}: {l:?}");
            let sum: f64 = l.top.iter().map(|t| t.1.exp()).sum();
            assert!(sum <= 1.0 + 1e-4, "{family:?}: {l:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn each_stops_at_text_that_lies_over_the_border_of_tokens() {
    each(async |family, rig| {
        let mut ask = raw("The history of");
        ask.max_tokens = Some(48);
        ask.logprobs = Some(0);
        let answer = rig.plain(ask.clone()).await.unwrap();
        let whole = text(&answer).to_owned();
        // The end of one token and the beginning of the next, where both are text of their own.
        let tokens: Vec<&str> = answer.choices[0].logprobs.iter().map(|l| l.token.as_str()).collect();
        let clean = |t: &str| !t.is_empty() && !t.contains('\u{fffd}');
        let pair = (8..tokens.len() - 1).find(|i| clean(tokens[*i]) && clean(tokens[i + 1]));
        let pair = pair.unwrap_or_else(|| panic!("{family:?}: no two clean tokens in {tokens:?}"));
        let stop = format!("{}{}", tokens[pair].chars().last().unwrap(), tokens[pair + 1].chars().next().unwrap());
        let before = whole.split(&stop).next().unwrap().to_owned();
        assert!(before.len() < whole.len(), "{family:?}: {stop:?} is not in {whole:?}");
        ask.stop = vec![stop.clone()];
        ask.logprobs = None;
        let (events, fault) = events(rig.stream(ask).await.unwrap()).await;
        assert_eq!(fault, None, "{family:?}");
        assert_eq!(texts(&events).concat(), before, "{family:?}: stop {stop:?} in {whole:?}");
        let end = Finish::StopSequence(Some(stop));
        assert!(events.iter().any(|e| matches!(e, Event::Finish { finish, .. } if *finish == end)), "{family:?}");
    })
    .await;
}

#[tokio::test]
async fn each_assembles_characters_from_the_bytes_of_its_tokens() {
    each(async |family, rig| {
        // Hot, so that byte tokens come in all orders, whole characters and broken ones.
        let mut whole = 0;
        for seed in 1..5 {
            let mut ask = raw("é ü 日本");
            ask.sampling.temperature = Some(2.0);
            ask.sampling.top_p = Some(1.0);
            ask.sampling.min_p = Some(0.0);
            ask.sampling.seed = Some(seed);
            ask.max_tokens = Some(120);
            ask.logprobs = Some(0);
            let (events, fault) = events(rig.stream(ask).await.unwrap()).await;
            assert_eq!(fault, None, "{family:?}");
            let bytes: Vec<u8> = logprobs(&events).iter().flat_map(|l| l.bytes.clone().unwrap()).collect();
            let text = texts(&events).concat();
            assert_eq!(text, String::from_utf8_lossy(&bytes), "{family:?}");
            whole += text.chars().filter(|c| c.len_utf8() > 1 && *c != char::REPLACEMENT_CHARACTER).count();
        }
        assert!(whole > 0, "{family:?} wrote no character of several bytes, so nothing was tested");
    })
    .await;
}

fn logprobs(events: &[Event]) -> Vec<&wire::TokenLogprob> {
    let mut out = Vec::new();
    for event in events {
        if let Event::Text { logprobs, .. } = event {
            out.extend(logprobs);
        }
    }
    out
}

#[tokio::test]
#[ignore = "llama.cpp's grammar takes wrong continuation bytes for right ones; a cure is wanted in worker/sampler"]
async fn each_writes_only_utf8_under_a_schema() {
    let schema = r#"{"enum":["日本語の文字","naïve café","🦀🧊"]}"#;
    each(async |family, rig| {
        for seed in 1..4 {
            let mut ask = raw("say");
            ask.sampling.temperature = Some(1.0);
            ask.sampling.seed = Some(seed);
            let schema = serde_json::value::RawValue::from_string(schema.into()).ok();
            ask.format = Some(Format::JsonSchema { name: "x".into(), schema, strict: Some(true), description: None });
            let answer = rig.plain(ask).await.unwrap();
            let value: String =
                serde_json::from_str(text(&answer)).unwrap_or_else(|e| panic!("{family:?}: {e}: {answer:?}"));
            assert!(["日本語の文字", "naïve café", "🦀🧊"].contains(&value.as_str()), "{family:?}: {value}");
        }
    })
    .await;
}

#[tokio::test]
async fn each_says_how_long_a_prompt_is_and_may_be() {
    each(async |family, rig| {
        let long = raw(&"ü ".repeat(CONTEXT as usize));
        let counted = rig.engine.count_tokens(std::sync::Arc::new(long.clone())).await.unwrap();
        assert!(counted > CONTEXT, "{family:?}");
        let fault = rig.plain(long).await.unwrap_err();
        assert_eq!((fault.cause, fault.retry), (Cause::ContextLength, Retry::NextPlace), "{family:?}");
        let both = fault.shown.contains(&counted.to_string()) && fault.shown.contains(&CONTEXT.to_string());
        assert!(both, "{family:?}: {}", fault.shown);
    })
    .await;
}
