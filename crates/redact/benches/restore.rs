//! Time of masking and restoring: `cargo bench -p redact`. Prints nanoseconds per KB of text, and what a chunk of a stream
//! waits for.
//!
//! Wall clock, best of several rounds; on a shared machine read it as an order of magnitude.
#![allow(missing_docs, clippy::unwrap_used)]

use bytes::Bytes;
use decide::{DataClass, Found};
use redact::{Scope, Vault, mask};
use sense::{Finding, Inspection, Kind};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;
use wire::{Answer, Ask, Choice, Chunk, Endpoint, Event, Message, Role};

const KB: usize = 64;
const MAIL: &str = "alice@example.com";

fn main() {
    let prose =
        "The committee met on Monday and discussed the budget; nobody could say why the costs had grown by 12 %. ";
    println!("{:<40} {:>10}", "text of 64 KB", "ns per KB");
    for (name, every) in
        [("prose, no placeholder", usize::MAX), ("prose, one in each KB", 1024), ("prose, one in each 100 bytes", 100)]
    {
        let text = fill(prose, every);
        let (sent, vault, masking) = masked(&text);
        println!("{:<40} {masking:>10.0}", format!("mask: {name}"));
        println!("{:<40} {:>10.0}", format!("restore: {name}"), restore(&vault, &sent));
    }
    let (_, vault, _) = masked(MAIL);
    for (name, piece) in [("[", "["), ("[[EMAIL_", "[[EMAIL_"), ("email ", "email "), ("\\[", "\\["), ("e", "e")] {
        let text = piece.repeat(KB * 1024 / piece.len());
        println!("{:<40} {:>10.0}", format!("restore: hostile, {name:?} repeated"), restore(&vault, &text));
    }
    println!("\n{:<40} {:>10} {:>10}", "stream of one token a chunk", "ns a chunk", "bare");
    let (sent, vault, _) = masked(&fill(prose, 1024));
    for raw in [false, true] {
        let chunks = stream(&sent, raw);
        let name = if raw { "bytes of the backend's go on" } else { "events" };
        let (with, bare) = (follow(Some(&vault), &chunks), follow(None, &chunks));
        println!("{name:<40} {with:>10.0} {bare:>10.0}");
    }
}

/// Text of 64 KB with an address after so many bytes each.
fn fill(prose: &str, every: usize) -> String {
    let mut text = String::new();
    let mut next = every;
    for word in prose.split_inclusive(' ').cycle() {
        if text.len() >= KB * 1024 {
            return text;
        }
        text.push_str(word);
        if text.len() >= next {
            text.push_str(MAIL);
            text.push(' ');
            next += every;
        }
    }
    text
}

fn masked(text: &str) -> (String, Arc<Vault>, f64) {
    let mut ask = Ask::new(Endpoint::Chat);
    ask.messages.push(Message::text(Role::User, text));
    let kind = Kind { name: "EMAIL_ADDRESS".into(), class: DataClass::Personal };
    let spots = text.match_indices(MAIL).map(|(at, _)| Finding {
        start: at,
        end: at + MAIL.len(),
        kind: kind.clone(),
        score: 99,
    });
    // One at least, in a message of its own, so that there is a vault.
    ask.messages.push(Message::text(Role::User, MAIL));
    let (field, own) = (0, Finding { start: 0, end: MAIL.len(), kind: kind.clone(), score: 99 });
    let mut second = 0;
    ask.visit_fields(&mut |f| second = if f.text == MAIL { f.index } else { second });
    let mut fields = vec![(field, spots.collect::<Vec<_>>())];
    if second != 0 {
        fields.push((second, vec![own]));
    }
    let seen = Inspection { found: Found::default(), fields };
    let scope = Scope { key: [7; 32].into(), conversation: "c".into() };
    let ns = best(|| mask(black_box(&ask), &seen, DataClass::Internal, &scope).unwrap());
    let (masked, vault) = mask(&ask, &seen, DataClass::Internal, &scope).unwrap();
    (masked.messages[0].content.joined(), Arc::new(vault), ns / KB as f64)
}

fn restore(vault: &Vault, text: &str) -> f64 {
    let choice = Choice { text: Some(text.to_owned()), ..Choice::default() };
    let answer = Answer { choices: vec![choice], ..Answer::default() };
    let copy = best(|| black_box(answer.clone()));
    let ns = best(|| vault.restore(black_box(answer.clone())));
    (ns - copy) / (text.len() as f64 / 1024.0)
}

fn stream(text: &str, raw: bool) -> Vec<Chunk> {
    let mut reader = wire::openai::ChatReader::default();
    let mut out = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.len().min(4));
        rest = after;
        let delta = serde_json::json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices":
            [{"index": 0, "delta": {"content": piece}, "logprobs": null, "finish_reason": null}]});
        out.push(reader.read(&Bytes::from(delta.to_string())).unwrap());
    }
    out.push(Chunk {
        events: vec![Event::Done],
        raw: Some(wire::Raw { bytes: Bytes::from_static(b"[DONE]"), ..out[0].raw.clone().unwrap() }),
    });
    out.into_iter().map(|c| Chunk { raw: c.raw.filter(|_| raw), ..c }).collect()
}

fn follow(vault: Option<&Arc<Vault>>, chunks: &[Chunk]) -> f64 {
    let round = || {
        let mut restorer = vault.map(|v| v.restorer());
        let mut out = Vec::new();
        for chunk in chunks {
            match &mut restorer {
                Some(restorer) => restorer.chunk(chunk.clone(), &mut out),
                None => out.push(chunk.clone()),
            }
            black_box(&out);
            out.clear();
        }
    };
    best(round) / chunks.len() as f64
}

fn best<T>(mut call: impl FnMut() -> T) -> f64 {
    let mut round = || {
        let begun = Instant::now();
        black_box(call());
        begun.elapsed().as_nanos() as f64
    };
    (0..40).map(|_| round()).fold(f64::INFINITY, f64::min)
}
