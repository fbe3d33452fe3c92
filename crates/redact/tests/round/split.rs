//! Streams cut at every byte: the same bytes come out, raw or as events, in every dialect.

use crate::*;
use bytes::Bytes;
use wire::{anthropic, openai};

const TEXT: &str = "Hé [alice@example.com], 4111 1111 1111 1111! Acme \"Rocket\"\nGmbH \\ Söhne [[x]] \\[ é";

fn cut_everywhere(text: &str) -> Vec<Vec<&str>> {
    let cuts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let mut all = Vec::new();
    for (n, a) in cuts.iter().enumerate() {
        for b in &cuts[n..] {
            all.push(vec![&text[..*a], &text[*a..*b], &text[*b..]]);
        }
    }
    all.push(cuts.windows(2).map(|w| &text[w[0]..w[1]]).collect());
    all
}

fn json(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// A chat stream that says the text in these pieces, under this key of the delta.
fn openai_frames(pieces: &[&str], delta: impl Fn(&str) -> String) -> Vec<Bytes> {
    let frame = |choice: &str| {
        format!(
            r#"{{"id":"c1","object":"chat.completion.chunk","created":7,"model":"m","x":1.50,"choices":[{choice}]}}"#
        )
    };
    let mut out = vec![frame(r#"{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}"#)];
    for piece in pieces {
        out.push(frame(&format!(r#"{{"index":0,"delta":{},"finish_reason":null}}"#, delta(&json(piece)))));
    }
    out.push(frame(r#"{"index":0,"delta":{},"finish_reason":"stop"}"#));
    out.push("[DONE]".to_owned());
    out.into_iter().map(Bytes::from).collect()
}

fn read_openai(frames: &[Bytes]) -> Vec<Chunk> {
    let mut reader = openai::ChatReader::default();
    frames.iter().map(|f| reader.read(f).unwrap()).collect()
}

/// What the caller reads of the bytes that went on, and of the events.
fn both(chunks: &[Chunk]) -> (Answer, Answer) {
    let bytes: Vec<Bytes> = payloads(chunks).into_iter().map(|r| r.bytes).collect();
    (joined(&read_openai(&bytes)), joined(chunks))
}

fn without_raw(chunks: Vec<Chunk>) -> Vec<Chunk> {
    chunks.into_iter().map(|c| Chunk { raw: None, ..c }).collect()
}

#[test]
fn content_of_openai() {
    let (sent, vault) = sent(TEXT, &[MAIL, CARD, QUOTED]);
    for pieces in cut_everywhere(&sent) {
        let frames = openai_frames(&pieces, |piece| format!(r#"{{"content":{piece}}}"#));
        let out = run(&vault, read_openai(&frames));
        let (raw, events) = both(&out);
        assert_eq!(raw.choices[0].text.as_deref(), Some(TEXT), "{pieces:?}");
        assert_eq!(events.choices, raw.choices, "{pieces:?}");
        assert_eq!((raw.id.as_str(), raw.created), ("c1", 7));
        for chunk in &out {
            let raw = String::from_utf8(chunk.raw.as_ref().unwrap().bytes.to_vec()).unwrap();
            assert!(!raw.contains("EMAIL_") && !raw.contains("CARD_"), "{raw}");
        }
        let events = joined(&run(&vault, without_raw(read_openai(&frames))));
        assert_eq!(events.choices, raw.choices, "{pieces:?}");
    }
}

#[test]
fn arguments_of_openai() {
    let (sent, vault) = sent(TEXT, &[MAIL, CARD, QUOTED]);
    let arguments = format!(r#"{{"to":{},"n":1}}"#, json(&sent));
    let begin = r#"{"tool_calls":[{"index":0,"id":"t","type":"function","function":{"name":"f","arguments":""}}]}"#;
    for pieces in cut_everywhere(&arguments).into_iter().step_by(7) {
        let mut frames = openai_frames(&pieces, |piece| {
            format!(r#"{{"tool_calls":[{{"index":0,"function":{{"arguments":{piece}}}}}]}}"#)
        });
        frames.insert(1, openai_frames(&[""], |_| begin.to_owned())[1].clone());
        let out = run(&vault, read_openai(&frames));
        let (raw, events) = both(&out);
        assert_eq!(raw.choices, events.choices, "{pieces:?}");
        let call = &raw.choices[0].tool_calls[0];
        let value: serde_json::Value = serde_json::from_str(&call.arguments).unwrap();
        assert_eq!(value, serde_json::json!({"to": TEXT, "n": 1}), "{pieces:?}");
        assert_eq!((raw.choices[0].tool_calls.len(), call.name.as_str(), call.id.as_str()), (1, "f", "t"));
    }
}

#[test]
fn every_byte_of_the_wire_too() {
    // The framing's own cuts: bytes arrive in any portions, frames are what the framing makes of them.
    let (sent, vault) = sent(TEXT, &[MAIL, CARD, QUOTED]);
    let pieces: Vec<&str> = cut_everywhere(&sent).pop().unwrap();
    let body: String = openai_frames(&pieces, |piece| format!(r#"{{"content":{piece}}}"#))
        .iter()
        .map(|f| format!("data: {}\n\n", std::str::from_utf8(f).unwrap()))
        .collect();
    for size in 1..40 {
        let mut framing = wire::sse::SseReader::new();
        let mut frames = Vec::new();
        for portion in body.as_bytes().chunks(size) {
            framing.push(&Bytes::copy_from_slice(portion));
            while let Some(frame) = framing.next().transpose().unwrap() {
                frames.push(frame.data);
            }
        }
        let (raw, _) = both(&run(&vault, read_openai(&frames)));
        assert_eq!(raw.choices[0].text.as_deref(), Some(TEXT), "{size}");
    }
}

fn anthropic_frames(arguments: &[&str], shown: &[&str], thought: &[&str]) -> Vec<Bytes> {
    let mut out = vec![
        r#"{"type":"message_start","message":{"id":"m1","type":"message","role":"assistant","model":"m","content":[],"usage":{"input_tokens":3,"output_tokens":1}}}"#.to_owned(),
        r#"{"type":"ping"}"#.to_owned(),
    ];
    let mut block = |index: usize, start: &str, deltas: Vec<String>| {
        out.push(format!(r#"{{"type":"content_block_start","index":{index},"content_block":{start}}}"#));
        for delta in deltas {
            out.push(format!(r#"{{"type":"content_block_delta","index":{index},"delta":{delta}}}"#));
        }
        out.push(format!(r#"{{"type":"content_block_stop","index":{index}}}"#));
    };
    let mut deltas: Vec<String> =
        thought.iter().map(|p| format!(r#"{{"type":"thinking_delta","thinking":{}}}"#, json(p))).collect();
    deltas.push(r#"{"type":"signature_delta","signature":"c2ln"}"#.to_owned());
    block(0, r#"{"type":"thinking","thinking":"","signature":""}"#, deltas);
    let deltas = shown.iter().map(|p| format!(r#"{{"type":"text_delta","text":{}}}"#, json(p))).collect();
    block(1, r#"{"type":"text","text":""}"#, deltas);
    let deltas =
        arguments.iter().map(|p| format!(r#"{{"type":"input_json_delta","partial_json":{}}}"#, json(p))).collect();
    block(2, r#"{"type":"tool_use","id":"t","name":"f","input":{}}"#, deltas);
    out.push(r#"{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":9}}"#.to_owned());
    out.push(r#"{"type":"message_stop"}"#.to_owned());
    out.into_iter().map(Bytes::from).collect()
}

fn read_anthropic(frames: &[Bytes]) -> Vec<Chunk> {
    let mut reader = anthropic::Reader::default();
    frames.iter().map(|f| reader.read(None, f).unwrap()).collect()
}

#[test]
fn all_of_anthropic() {
    let mut ask = chat(TEXT);
    ask.endpoint = Endpoint::Messages;
    let (masked, vault) = masked(&ask, &[MAIL, CARD, QUOTED]);
    let sent = text_of(&masked);
    let arguments = format!(r#"{{"to":{}}}"#, json(&sent));
    let (of_arguments, of_text) = (cut_everywhere(&arguments), cut_everywhere(&sent));
    for n in (0..of_text.len()).step_by(3).chain([of_text.len() - 1]) {
        let arguments = if n + 1 == of_text.len() { of_arguments.last().unwrap() } else { &of_arguments[n] };
        let frames = anthropic_frames(arguments, &of_text[n], &of_text[of_text.len() - 1 - n]);
        let out = run(&vault, read_anthropic(&frames));
        let bytes: Vec<Bytes> = payloads(&out).into_iter().map(|r| r.bytes).collect();
        let raw = joined(&read_anthropic(&bytes));
        assert_eq!(raw.choices, joined(&out).choices);
        let choice = &raw.choices[0];
        assert_eq!(choice.text.as_deref(), Some(TEXT), "{:?}", of_text[n]);
        assert_eq!(choice.reasoning, Some((TEXT.to_owned(), Some("c2ln".to_owned()))));
        let value: serde_json::Value = serde_json::from_str(&choice.tool_calls[0].arguments).unwrap();
        assert_eq!(value, serde_json::json!({"to": TEXT}));
        in_order(&bytes);
    }
}

/// No delta comes outside its block: what was held back is said before the block ends.
fn in_order(frames: &[Bytes]) {
    let mut open: Option<u64> = None;
    for frame in frames {
        let frame: serde_json::Value = serde_json::from_slice(frame).unwrap();
        let index = frame["index"].as_u64();
        match frame["type"].as_str().unwrap() {
            "content_block_start" => open = index,
            "content_block_delta" => assert_eq!(open, index, "{frame}"),
            "content_block_stop" => assert_eq!(open.take(), index),
            _ => assert_eq!(open, None, "{frame}"),
        }
    }
}

#[test]
fn a_stream_that_breaks_off_says_what_was_held() {
    let (sent, vault) = sent("alice@example.com", &[MAIL]);
    for at in 0..sent.len() {
        let frames = openai_frames(&[&sent[..at]], |piece| format!(r#"{{"content":{piece}}}"#));
        let cut = &frames[..2];
        for raw in [true, false] {
            let mut restorer = vault.restorer();
            let mut out = Vec::new();
            let chunks = if raw { read_openai(cut) } else { without_raw(read_openai(cut)) };
            chunks.into_iter().for_each(|c| restorer.chunk(c, &mut out));
            restorer.rest(&mut out);
            let shown = if raw { both(&out).0 } else { joined(&out) };
            // All of it, as the model said it: what is torn off is no placeholder.
            let shown = shown.choices.first().and_then(|c| c.text.clone()).unwrap_or_default();
            let whole = at + 2 >= sent.len();
            assert_eq!(shown, if whole { "alice@example.com" } else { &sent[..at] }, "{at} {raw}");
            let before = out.len();
            restorer.rest(&mut out);
            assert_eq!(out.len(), before, "nothing is said twice");
        }
    }
}

#[test]
fn no_more_is_held_back_than_may_become_a_placeholder() {
    let (_, vault) = sent("alice@example.com", &[MAIL]);
    for said in ["plain words. ", "E", "[", "an Emai", "[[EMAIL_", "\\", "ends [x] ", "EMAIL 7Q3K9DX"] {
        let held = {
            let mut out = Vec::new();
            let mut restorer = vault.restorer();
            restorer.chunk(chunk(vec![text(0, said)]), &mut out);
            said.len() - joined(&out).choices.first().map_or(0, |c| c.text.as_deref().unwrap_or_default().len())
        };
        let expected = match said {
            "plain words. " | "ends [x] " => 0,
            "an Emai" => 4,
            whole => whole.len(),
        };
        assert_eq!(held, expected, "{said}");
    }
}
