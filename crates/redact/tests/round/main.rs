//! The way out and back, with findings made by hand: `known` (what others got wrong), `property`, `split` (streams cut
//! anywhere), `dialect`, `changed` (what models do to placeholders), `fields`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, missing_docs)]

mod changed;
mod dialect;
mod fields;
mod known;
mod property;
mod split;

use decide::{DataClass, Found};
use redact::{Scope, Vault, mask};
use sense::{Finding, Inspection, Kind};
use std::sync::Arc;
use wire::{Answer, Ask, Choice, Chunk, Endpoint, Event, Join, Message, Raw, Role};

pub const MAIL: (&str, &str, DataClass) = ("alice@example.com", "EMAIL_ADDRESS", DataClass::Personal);
pub const CARD: (&str, &str, DataClass) = ("4111 1111 1111 1111", "CREDIT_CARD", DataClass::Personal);
pub const QUOTED: (&str, &str, DataClass) = ("Acme \"Rocket\"\nGmbH \\ Söhne", "customer", DataClass::Personal);
pub const TOKEN: (&str, &str, DataClass) =
    ("ghp_1234567890abcdefghijABCDEFGHIJ123456", "github-pat", DataClass::Secret);

pub type Value<'v> = (&'v str, &'v str, DataClass);

pub fn finding(start: usize, end: usize, (_, kind, class): Value<'_>) -> Finding {
    Finding { start, end, kind: Kind { name: kind.into(), class }, score: 99 }
}

/// What a detector that knows these values would see.
pub fn see(ask: &Ask, values: &[Value<'_>]) -> Inspection {
    let mut seen = Inspection { found: Found::default(), fields: Vec::new() };
    ask.visit_fields(&mut |field| {
        let mut all = Vec::new();
        for value in values {
            for (at, _) in field.text.match_indices(value.0) {
                all.push(finding(at, at + value.0.len(), *value));
                seen.found.note(&value.1.into(), value.2);
            }
        }
        if !all.is_empty() {
            seen.fields.push((field.index, all));
        }
    });
    seen
}

pub fn scope(conversation: &str) -> Scope {
    Scope { key: [7; 32].into(), conversation: conversation.into() }
}

pub fn chat(text: &str) -> Ask {
    let mut ask = Ask::new(Endpoint::Chat);
    ask.messages.push(Message::text(Role::User, text));
    ask
}

/// Masks all that is above `internal`.
pub fn masked(ask: &Ask, values: &[Value<'_>]) -> (Ask, Arc<Vault>) {
    let (masked, vault) = mask(ask, &see(ask, values), DataClass::Internal, &scope("key/conversation")).unwrap();
    assert!(masked.redacted);
    (masked, Arc::new(vault))
}

pub fn text_of(ask: &Ask) -> String {
    ask.messages.iter().map(|m| m.content.joined()).collect()
}

/// Masks one text: what is sent, and the vault.
pub fn sent(text: &str, values: &[Value<'_>]) -> (String, Arc<Vault>) {
    let (masked, vault) = masked(&chat(text), values);
    (text_of(&masked), vault)
}

pub fn answer(text: &str) -> Answer {
    Answer { choices: vec![Choice { text: Some(text.to_owned()), ..Choice::default() }], ..Answer::default() }
}

/// What the caller sees when a model says this.
pub fn back(vault: &Vault, said: &str) -> String {
    vault.restore(answer(said)).choices.remove(0).text.unwrap()
}

pub fn text(choice: u32, text: &str) -> Event {
    Event::Text { choice, text: text.to_owned(), logprobs: Vec::new() }
}

/// Runs chunks through a restorer.
pub fn run(vault: &Arc<Vault>, chunks: impl IntoIterator<Item = Chunk>) -> Vec<Chunk> {
    let mut restorer = vault.restorer();
    let mut out = Vec::new();
    chunks.into_iter().for_each(|chunk| restorer.chunk(chunk, &mut out));
    out
}

pub fn chunk(events: Vec<Event>) -> Chunk {
    Chunk { events, raw: None }
}

/// The plain answer that events make.
pub fn joined(chunks: &[Chunk]) -> Answer {
    let mut join = Join::default();
    chunks.iter().flat_map(|c| c.events.clone()).for_each(|e| join.push(e));
    join.finish()
}

/// The bytes that would go on to the caller.
pub fn payloads(chunks: &[Chunk]) -> Vec<Raw> {
    chunks.iter().map(|c| c.raw.clone().expect("bytes go on in every chunk of this stream")).collect()
}
