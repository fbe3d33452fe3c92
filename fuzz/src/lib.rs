//! What the targets share: everything that is read must be writable, as JSON, in every dialect.

use bytes::Bytes;
use wire::sse::SseReader;
use wire::{Answer, Ask, Chunk, Event, Shape, WireError, anthropic, ollama, openai};

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

/// Writes a request in every dialect.
pub fn write_all(ask: &Ask) {
    let shape = shape();
    json(&openai::write_chat(ask, &shape));
    json(&openai::write_completions(ask, &shape));
    json(&anthropic::write_messages(ask, &shape));
    json(&ollama::write_chat(ask, &shape));
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
