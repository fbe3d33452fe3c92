//! What the targets share: everything that is read must be writable, as JSON, in every dialect; and what was checked of
//! a request is what is forwarded of it.

use bytes::Bytes;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use wire::sse::SseReader;
use wire::{Answer, Ask, Chunk, Event, MAX_DEPTH, Shape, WireError, anthropic, ollama, openai};

fn shape() -> Shape {
    Shape { model: "m".to_owned(), max_completion_tokens: true, stream_usage: true, ..Shape::default() }
}

/// The body must be JSON. `None` where it has numbers beyond `f64`, which are JSON too, and pass through as text.
fn json(body: &[u8]) -> Option<serde_json::Value> {
    match serde_json::from_slice::<serde::de::IgnoredAny>(body) {
        Ok(_) => serde_json::from_slice(body).ok(),
        Err(error) => panic!("{error}: {}", String::from_utf8_lossy(body)),
    }
}

/// The members of an object, duplicates included, in their order; `None` for what is no object.
fn members(body: &[u8]) -> Option<Vec<(String, Box<RawValue>)>> {
    struct All;
    impl<'de> Visitor<'de> for All {
        type Value = Vec<(String, Box<RawValue>)>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut all = Vec::new();
            while let Some(member) = map.next_entry()? {
                all.push(member);
            }
            Ok(all)
        }
    }
    serde_json::Deserializer::from_slice(body).deserialize_map(All).ok()
}

/// The values of that name.
fn named<'m>(all: &'m [(String, Box<RawValue>)], key: &str) -> Vec<&'m str> {
    all.iter().filter(|(k, _)| k == key).map(|(_, v)| v.get()).collect()
}

/// How deep objects and lists stand in each other.
fn depth(body: &[u8]) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0usize, 0, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// A request that was accepted: every reader of its body, the first-wins and the last-wins kind, must see the model and
/// the streaming that we saw.
pub fn seen_alike(body: &[u8], ask: &Ask) {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let all = members(body).unwrap_or_else(|| panic!("accepted, and no object: {}", String::from_utf8_lossy(body)));
    let model = named(&all, "model");
    assert_eq!(model.len(), 1, "`model` stands there {} times", model.len());
    assert_eq!(serde_json::from_str::<String>(model[0]).ok().as_deref(), Some(ask.model.as_str()));
    if !ask.endpoint.encodes() {
        let stream = named(&all, "stream");
        assert!(stream.len() <= 1, "`stream` stands there {} times", stream.len());
        let asked = stream.first().and_then(|s| serde_json::from_str::<Option<bool>>(s).ok().flatten());
        assert_eq!(asked.unwrap_or(false), ask.stream);
    }
}

/// What is forwarded: one JSON object with our model's name, streamed as was asked, no member twice that did not come
/// twice, not much deeper than the limit and not much longer than what came.
fn forwarded(came: usize, ask: &Ask, out: &[u8], stream_if_absent: bool) {
    json(out);
    let text = || String::from_utf8_lossy(out);
    assert!(depth(out) <= MAX_DEPTH + 8, "{} levels: {}", depth(out), text());
    assert!(out.len() <= 16 * came + 4096, "{came} bytes became {}: {}", out.len(), text());
    let all = members(out).unwrap_or_else(|| panic!("no object: {}", text()));
    for (key, _) in &all {
        let came = ask.extra.iter().filter(|(k, _)| k == key).count();
        assert!(named(&all, key).len() <= came.max(1), "{key} is there more often than it came: {}", text());
    }
    assert_eq!(named(&all, "model"), ["\"m\""], "{}", text());
    let stream = named(&all, "stream");
    let streamed = stream.first().map_or(stream_if_absent, |s| *s == "true");
    assert!(stream.len() <= 1 && (ask.endpoint.encodes() || streamed == ask.stream), "{}", text());
}

/// Writes a request, of which `came` bytes came, in every dialect, and checks what would be forwarded.
pub fn write_all(came: usize, ask: &Ask) {
    let shape = shape();
    forwarded(came, ask, &openai::write_chat(ask, &shape), false);
    forwarded(came, ask, &openai::write_completions(ask, &shape), false);
    forwarded(came, ask, &anthropic::write_messages(ask, &shape), false);
    // Ollama streams unless told otherwise.
    forwarded(came, ask, &ollama::write_chat(ask, &shape), true);
}

/// As [`write_all`], of a request for vectors or scores, which only one dialect has.
pub fn write_one(came: usize, ask: &Ask, write: fn(&Ask, &Shape) -> Vec<u8>) {
    forwarded(came, ask, &write(ask, &shape()), false);
}

/// A request written in its own dialect is read again, and written the same.
pub fn stays(ask: &Ask, write: fn(&Ask, &Shape) -> Vec<u8>, read: fn(&[u8]) -> Result<Ask, WireError>) {
    let once = write(ask, &shape());
    match read(&once) {
        Ok(again) => assert_eq!(json(&write(&again, &shape())), json(&once)),
        Err(error) => panic!("{error}: {}", String::from_utf8_lossy(&once)),
    }
}

/// Reads a stream of server-sent events up to its first error and writes its events in every dialect.
pub fn sse(body: &[u8], mut read: impl FnMut(Option<&str>, &Bytes) -> Result<Chunk, WireError>) {
    let mut frames = SseReader::new();
    frames.push(&Bytes::copy_from_slice(body));
    let mut events = Vec::new();
    for frame in (&mut frames).flatten() {
        events.extend(read(frame.name.as_deref(), &frame.data).map(|chunk| chunk.events).unwrap_or_default());
    }
    relay(&events);
}

/// Writes events in every dialect.
pub fn relay(events: &[Event]) {
    let mut out = Vec::new();
    let (mut chat, mut completions) = (openai::ChatWriter::new(true), openai::CompletionsWriter::new(false));
    let (mut messages, mut lines) = (anthropic::Writer::new(), ollama::Writer::new());
    for event in events {
        chat.write(event, &mut out);
        completions.write(event, &mut out);
        messages.write(event, &mut out);
        lines.write(event, &mut out);
    }
    let payload = |line: &&[u8]| !line.is_empty() && !line.starts_with(b"event: ") && !line.starts_with(b": ");
    for line in out.split(|b| *b == b'\n').filter(payload) {
        match line.strip_prefix(b"data: ").unwrap_or(line) {
            b"[DONE]" => {}
            data => drop(json(data)),
        }
    }
}

/// Writes a plain answer in every dialect.
pub fn answer(answer: Result<Answer, WireError>) {
    if let Ok(answer) = answer {
        json(&openai::write_chat_answer(&answer));
        json(&openai::write_completions_answer(&answer));
        json(&anthropic::write_answer(&answer));
        json(&ollama::write_answer(&answer));
        relay(&answer.into_events());
    }
}
