//! Any bytes are taken without a panic, by every reader: noise, and good bodies that were damaged.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use wire::{Ask, Shape, anthropic, ollama, openai, upstream_error};

const BODIES: [&str; 6] = [
    include_str!("golden/chat_every_field.json"),
    include_str!("golden/completions_every_field.json"),
    include_str!("golden/messages_every_field.json"),
    r#"{"id":"i","model":"m","created":1,"choices":[{"index":0,"message":{"role":"assistant","content":"a","tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{}"}}]},"delta":{"content":"a"},"text":"a","logprobs":{"content":[{"token":"a","logprob":-1,"bytes":[97],"top_logprobs":[]}],"tokens":["a"],"token_logprobs":[null],"top_logprobs":[{"a":-1}]},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":1}}}"#,
    r#"{"type":"content_block_start","index":0,"message":{"id":"m","usage":{"input_tokens":1}},"content":[{"type":"text","text":"a"},{"type":"tool_use","id":"t","name":"f","input":{}}],"content_block":{"type":"tool_use","id":"t","name":"f","input":{"a":1}},"delta":{"type":"text_delta","text":"a","stop_reason":"end_turn"},"usage":{"output_tokens":1}}"#,
    r#"{"model":"m","created_at":"2023-08-04T08:52:19.385406455-07:00","message":{"role":"assistant","content":"a","thinking":"t","tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]},"logprobs":[{"token":"a","logprob":-1}],"done":true,"done_reason":"stop","prompt_eval_count":1}"#,
];

/// What is accepted must also be writable, as JSON, in every dialect.
fn write_all(ask: &Ask) {
    let shape = Shape { model: "m".to_owned(), ..Shape::default() };
    for body in [
        openai::write_chat(ask, &shape),
        openai::write_completions(ask, &shape),
        anthropic::write_messages(ask, &shape),
        ollama::write_chat(ask, &shape),
    ] {
        let read: Result<serde::de::IgnoredAny, _> = serde_json::from_slice(&body);
        assert!(read.is_ok(), "{}", String::from_utf8_lossy(&body));
    }
}

fn read_all(bytes: &[u8]) {
    for read in [openai::read_chat, openai::read_completions, anthropic::read_messages, anthropic::read_count_tokens] {
        match read(bytes) {
            Ok(ask) => write_all(&ask),
            Err(error) => assert!(!error.message.is_empty()),
        }
    }
    let bytes = Bytes::copy_from_slice(bytes);
    let answers =
        [openai::read_chat_answer, openai::read_completions_answer, anthropic::read_answer, ollama::read_answer];
    for answer in answers.into_iter().filter_map(|read| read(&bytes).ok()) {
        for body in [
            openai::write_chat_answer(&answer),
            openai::write_completions_answer(&answer),
            anthropic::write_answer(&answer),
            ollama::write_answer(&answer),
        ] {
            assert!(serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_ok());
        }
    }
    let _ = openai::ChatReader::default().read(&bytes);
    let _ = openai::CompletionsReader::default().read(&bytes);
    let _ = anthropic::Reader::default().read(None, &bytes);
    let _ = ollama::Reader::default().read(&bytes);
    let _ = upstream_error::read(&bytes);
}

#[derive(Debug, Clone)]
enum Damage {
    Flip(usize, u8),
    Cut(usize),
    Drop(usize, usize),
    Double(usize, usize),
    Swap(usize, &'static str),
}

fn damage() -> impl Strategy<Value = Damage> {
    let word = prop_oneof![
        Just("null"),
        Just("{}"),
        Just("[]"),
        Just("\"\""),
        Just("-1"),
        Just("1e99"),
        Just("true"),
        Just("\""),
        Just(",")
    ];
    prop_oneof![
        (any::<usize>(), any::<u8>()).prop_map(|(at, b)| Damage::Flip(at, b)),
        any::<usize>().prop_map(Damage::Cut),
        (any::<usize>(), 0usize..40).prop_map(|(at, n)| Damage::Drop(at, n)),
        (any::<usize>(), 0usize..40).prop_map(|(at, n)| Damage::Double(at, n)),
        (any::<usize>(), word).prop_map(|(at, w)| Damage::Swap(at, w)),
    ]
}

fn apply(bytes: &mut Vec<u8>, damage: &Damage) {
    if bytes.is_empty() {
        return;
    }
    let at = |at: &usize| at % bytes.len();
    match damage {
        Damage::Flip(i, b) => {
            let i = at(i);
            bytes[i] = *b;
        }
        Damage::Cut(i) => bytes.truncate(at(i)),
        Damage::Drop(i, n) => {
            let i = at(i);
            bytes.drain(i..(i + n).min(bytes.len()));
        }
        Damage::Double(i, n) => {
            let i = at(i);
            let piece = bytes[i..(i + n).min(bytes.len())].to_vec();
            bytes.splice(i..i, piece);
        }
        // Another value in place of the one after a colon: still JSON more often than not.
        Damage::Swap(i, word) => {
            let colons: Vec<usize> = bytes.iter().enumerate().filter(|(_, b)| **b == b':').map(|(i, _)| i).collect();
            if let Some(colon) = (!colons.is_empty()).then(|| colons[i % colons.len()]) {
                let rest = &bytes[colon + 1..];
                let end = rest.iter().position(|b| matches!(b, b',' | b'}' | b']')).unwrap_or(rest.len());
                bytes.splice(colon + 1..colon + 1 + end, word.bytes());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn noise(bytes in vec(any::<u8>(), 0..200)) {
        read_all(&bytes);
    }

    #[test]
    fn damaged_bodies(which in 0..BODIES.len(), damages in vec(damage(), 1..6)) {
        let mut bytes = BODIES[which].as_bytes().to_vec();
        damages.iter().for_each(|d| apply(&mut bytes, d));
        read_all(&bytes);
    }
}

#[test]
fn the_undamaged_bodies_are_read() {
    BODIES.iter().for_each(|b| read_all(b.as_bytes()));
    read_all("{\"a\":".repeat(100_000).as_bytes());
}
