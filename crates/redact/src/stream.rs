//! Streams restored chunk by chunk.
//!
//! What is said in pieces (visible text, thoughts, a refusal, the arguments of each call) is a channel by itself. Where a
//! backend's own bytes go on to the caller they are restored in place, and what was held back comes in a frame made here,
//! before the frame that ends its text; else the events are restored and the bytes are dropped. Never both: a text is said
//! once.
//!
//! Never here: framing, or what the caller's dialect looks like (room `wire`).

use crate::channel::{Channel, Counts, Writing};
use crate::frame;
use crate::places::{Indexes, Kind, Spot, Way, spot};
use crate::vault::Vault;
use bytes::Bytes;
use std::fmt;
use std::sync::Arc;
use wire::{Chunk, Event, Finish, Flavour, Leaf, Raw, Step};

/// Texts of one stream that are followed from piece to piece; in more, which no model has, a placeholder that is cut stays.
/// A bound on what one backend can make us hold.
const TEXTS_MOST: usize = 2048;

/// Restores one stream: holds back at most what could still become a placeholder, by choice and by tool call.
pub struct Restorer {
    vault: Arc<Vault>,
    events: Vec<(Said, Channel)>,
    frames: Vec<(Spot, Channel)>,
    /// The flavour of the bytes that go on; `None` while events do.
    flavour: Option<Flavour>,
    /// What every frame of OpenAI's begins with, as JSON members.
    head: String,
    counts: Counts,
}

/// A text of the canonical stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Said {
    choice: u32,
    kind: Kind,
    /// For arguments, which call.
    call: u32,
}

/// What one frame brings, found before it is rewritten.
#[derive(Default)]
struct Survey {
    /// Texts that go on in it, in its order, where they are not empty.
    goes_on: Vec<Spot>,
    /// Choices that end with it.
    ends: Vec<u64>,
    /// Everything ends with it.
    ends_all: bool,
    head: String,
}

impl fmt::Debug for Restorer {
    /// Without the texts, which may hold what was put back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Restorer({} texts, {:?}, {:?})", self.events.len(), self.counts, self.vault)
    }
}

impl Vault {
    /// Puts originals back into a stream.
    pub fn restorer(self: &Arc<Self>) -> Restorer {
        Restorer::new(self.clone())
    }
}

impl Restorer {
    pub(crate) fn new(vault: Arc<Vault>) -> Restorer {
        let (events, frames, head) = (Vec::new(), Vec::new(), String::new());
        Restorer { vault, events, frames, flavour: None, head, counts: Counts::default() }
    }

    /// Appends the chunk with originals instead of placeholders; before it, where a text ends that was held back, what is
    /// left of it. What is held back now comes with a later chunk, and all of it before a finish, an error or the end.
    pub fn chunk(&mut self, chunk: Chunk, out: &mut Vec<Chunk>) {
        if self.vault.is_empty() {
            return out.push(chunk);
        }
        let raw = chunk.raw.filter(|raw| Some(raw.flavour) == self.vault.flavour);
        self.flavour = raw.as_ref().map(|raw| raw.flavour);
        let mut events = Vec::with_capacity(chunk.events.len());
        chunk.events.into_iter().for_each(|event| self.event(event, &mut events));
        match raw {
            None if events.is_empty() => {}
            None => out.push(Chunk { events, raw: None }),
            Some(raw) => {
                let raw = self.frame(raw, out);
                out.push(Chunk { events, raw: Some(raw) });
            }
        }
    }

    /// Appends what was held back when the stream ended early (an error, a cut).
    pub fn rest(&mut self, out: &mut Vec<Chunk>) {
        let mut events = Vec::new();
        self.flush(&mut events, |_| true);
        match self.flavour {
            None if events.is_empty() => {}
            None => out.push(Chunk { events, raw: None }),
            Some(flavour) => {
                let from = out.len();
                self.flush_frames(flavour, out, |_| true);
                if let Some(first) = out.get_mut(from) {
                    first.events = events;
                }
            }
        }
    }

    /// Placeholders in the answer that this request never had (made up by a model), so far. They are left as they are.
    pub fn unknown(&self) -> u32 {
        self.counts.unknown
    }

    /// Placeholders that a model has torn, so far. They are left as they are.
    pub fn unmatched(&self) -> u32 {
        self.counts.unmatched
    }

    /// Values put back, so far.
    pub fn restored(&self) -> u32 {
        self.counts.restored
    }

    fn event(&mut self, event: Event, out: &mut Vec<Event>) {
        match event {
            Event::Text { choice, text, logprobs } => {
                let said = Said { choice, kind: Kind::Content, call: 0 };
                let empty = text.is_empty();
                self.turn(said, empty, out);
                let (vault, channel, counts) = self.channel(said);
                let (text, logprobs) = channel.push_tokens(&vault.book, &text, logprobs, false, counts);
                if empty || !text.is_empty() || !logprobs.is_empty() {
                    out.push(Event::Text { choice, text, logprobs });
                }
            }
            Event::Reasoning { choice, text, signature } => {
                let text = self.say(Said { choice, kind: Kind::Reasoning, call: 0 }, &text, signature.is_some(), out);
                if text.is_some() || signature.is_some() {
                    out.push(Event::Reasoning { choice, text: text.unwrap_or_default(), signature });
                }
            }
            Event::Refusal { choice, text } => {
                let text = self.say(Said { choice, kind: Kind::Refusal, call: 0 }, &text, false, out);
                out.extend(text.map(|text| Event::Refusal { choice, text }));
            }
            Event::CallArguments { choice, call, text } => {
                let text = self.say(Said { choice, kind: Kind::Arguments, call }, &text, false, out);
                out.extend(text.map(|text| Event::CallArguments { choice, call, text }));
            }
            Event::CallStart { choice, call, .. } => {
                self.turn(Said { choice, kind: Kind::Arguments, call }, false, out);
                out.push(event);
            }
            Event::Finish { choice, finish } => {
                self.flush(out, |said| said.choice == choice);
                out.push(Event::Finish { choice, finish: self.finish(finish) });
            }
            Event::Done | Event::Error { .. } => {
                self.flush(out, |_| true);
                out.push(event);
            }
            Event::Start { .. } | Event::Usage(_) | Event::Ping | Event::Signs { .. } => out.push(event),
        }
    }

    fn finish(&self, finish: Finish) -> Finish {
        match finish {
            Finish::StopSequence(Some(text)) => {
                let restored = self.vault.book.restored(&text, Writing::Plain, &mut Counts::default());
                Finish::StopSequence(Some(restored.unwrap_or(text)))
            }
            other => other,
        }
    }

    /// The next piece of a text; `None` where all of it is held back.
    fn say(&mut self, said: Said, text: &str, last: bool, out: &mut Vec<Event>) -> Option<String> {
        self.turn(said, text.is_empty() && !last, out);
        let (vault, channel, counts) = self.channel(said);
        let new = channel.push(&vault.book, text, last, counts);
        (text.is_empty() || !new.is_empty()).then_some(new)
    }

    /// A text of one kind goes on: those of other kinds in the choice have ended.
    fn turn(&mut self, to: Said, empty: bool, out: &mut Vec<Event>) {
        if !empty {
            self.flush(out, |said| said.choice == to.choice && said.kind != to.kind);
        }
    }

    fn channel(&mut self, said: Said) -> (&Vault, &mut Channel, &mut Counts) {
        let at = self.events.iter().position(|(s, _)| *s == said).unwrap_or_else(|| {
            self.events.push((said, Channel::new(said.kind.writing(self.vault.content))));
            self.events.len() - 1
        });
        (&self.vault, &mut self.events[at].1, &mut self.counts)
    }

    fn flush(&mut self, out: &mut Vec<Event>, which: impl Fn(&Said) -> bool) {
        for (said, channel) in &mut self.events {
            if !channel.holds() || !which(said) {
                continue;
            }
            let (text, logprobs) = channel.push_tokens(&self.vault.book, "", Vec::new(), true, &mut self.counts);
            let choice = said.choice;
            out.push(match said.kind {
                Kind::Reasoning => Event::Reasoning { choice, text, signature: None },
                Kind::Refusal => Event::Refusal { choice, text },
                Kind::Arguments => Event::CallArguments { choice, call: said.call, text },
                Kind::Content | Kind::Other => Event::Text { choice, text, logprobs },
            });
        }
    }

    /// One frame restored in place. Frames that must go before it are appended.
    fn frame(&mut self, raw: Raw, out: &mut Vec<Chunk>) -> Raw {
        let Ok(json) = std::str::from_utf8(&raw.bytes) else { return raw };
        let indexes = Indexes::read(json);
        let Survey { goes_on, ends, ends_all, head } = survey(raw.flavour, json, &indexes);
        if !head.is_empty() {
            self.head = head;
        }
        let ended = |choice: u64| ends_all || ends.contains(&choice);
        self.flush_frames(raw.flavour, out, |spot| {
            let turned = |to: &Spot| to.choice == spot.choice && to.kind != spot.kind;
            !goes_on.contains(spot) && (ended(spot.choice) || goes_on.iter().any(turned))
        });
        let Restorer { vault, frames, counts, .. } = self;
        // What goes on in this frame is counted with its events.
        let mut uncounted = *counts;
        let new = wire::rewrite_leaves(json, |path, leaf, text| {
            if leaf == Leaf::Number {
                let choice = indexes_choice(&indexes, path);
                let (_, channel) = frames.iter().find(|(s, _)| s.kind == Kind::Content && s.choice == choice)?;
                return frame::moved(json, path, leaf, text, &channel.shift);
            }
            let spot = if leaf == Leaf::Text { spot(raw.flavour, json, path, &indexes) } else { None };
            let Some(spot) = spot else { return vault.book.restored(text, Writing::Plain, &mut uncounted) };
            let later = goes_on.iter().skip_while(|s| **s != spot);
            let last = ended(spot.choice) || later.clone().any(|s| s.choice == spot.choice && s.kind != spot.kind);
            let known = frames.iter().position(|(s, _)| *s == spot);
            if known.is_none() && frames.len() >= TEXTS_MOST {
                return vault.book.restored(text, spot.kind.writing(vault.content), &mut uncounted);
            }
            let at = known.unwrap_or_else(|| {
                frames.push((spot.clone(), Channel::new(spot.kind.writing(vault.content))));
                frames.len() - 1
            });
            let new = frames[at].1.push(&vault.book, text, last, &mut uncounted);
            (new != text).then_some(new)
        });
        match new {
            Some(new) => Raw { bytes: Bytes::from(new), ..raw },
            None => raw,
        }
    }

    fn flush_frames(&mut self, flavour: Flavour, out: &mut Vec<Chunk>, which: impl Fn(&Spot) -> bool) {
        let Restorer { vault, frames, head, .. } = self;
        for (spot, channel) in frames.iter_mut().filter(|(s, c)| c.holds() && which(s)) {
            let text = channel.push(&vault.book, "", true, &mut Counts::default());
            out.push(Chunk { events: Vec::new(), raw: Some(made(flavour, head, spot, &text)) });
        }
    }
}

/// The number of the choice in which a leaf stands.
fn indexes_choice(indexes: &Indexes, path: &[Step]) -> u64 {
    match path {
        [_, Step::Index(position), ..] => indexes.at(&path[..2], *position),
        _ => 0,
    }
}

/// What a frame brings.
fn survey(flavour: Flavour, json: &str, indexes: &Indexes) -> Survey {
    let mut survey = Survey { ends_all: json.trim_ascii() == "[DONE]", ..Survey::default() };
    let anthropic = flavour == Flavour::AnthropicMessages;
    let _ = wire::rewrite_leaves(json, |path, leaf, text| {
        if leaf == Leaf::Key {
            return None;
        }
        let key = path.last().map_or("", |s| s.key(json));
        match (path.len(), key) {
            (1, "type") if anthropic && text == "content_block_stop" => survey.ends.push(indexes.top()),
            (1, "type") if anthropic => survey.ends_all |= matches!(text, "message_delta" | "message_stop" | "error"),
            (1, "id" | "object" | "created" | "model" | "system_fingerprint" | "service_tier") if !anthropic => {
                let value = match leaf {
                    Leaf::Number => text.to_owned(),
                    _ => format!("\"{}\"", wire::json_escaped(text)),
                };
                survey.head.push_str(&format!("\"{key}\":{value},"));
            }
            (3, "finish_reason") => survey.ends.push(indexes_choice(indexes, path)),
            _ if leaf == Leaf::Number || text.is_empty() => {}
            _ => survey.goes_on.extend(spot(flavour, json, path, indexes)),
        }
        None
    });
    survey
}

/// A frame that says `text` where this text goes on.
fn made(flavour: Flavour, head: &str, spot: &Spot, text: &str) -> Raw {
    let text = wire::json_escaped(text);
    let choice = spot.choice;
    if flavour == Flavour::AnthropicMessages {
        let (kind, key) = match spot.kind {
            Kind::Reasoning => ("thinking_delta", "thinking"),
            Kind::Arguments => ("input_json_delta", "partial_json"),
            Kind::Content | Kind::Refusal | Kind::Other => ("text_delta", "text"),
        };
        let json = format!(
            r#"{{"type":"content_block_delta","index":{choice},"delta":{{"type":"{kind}","{key}":"{text}"}}}}"#
        );
        return Raw { flavour, name: Some("content_block_delta"), bytes: Bytes::from(json) };
    }
    // From the inside out: `{"delta": {"tool_calls": [{"index": 1, "function": {"arguments": …}}]}}`.
    let mut members = String::new();
    for (depth, way) in spot.way.iter().rev().enumerate() {
        let value = match (depth, members.as_str()) {
            (0, _) => format!("\"{text}\""),
            (_, inner) if inner.starts_with('[') => inner.to_owned(),
            (_, inner) => format!("{{{inner}}}"),
        };
        members = match way {
            Way::Key(key) => format!("\"{key}\":{value}"),
            Way::Index(index) => {
                let inner = value.strip_prefix("{").unwrap_or(&value);
                format!("[{{\"index\":{index},{inner}]")
            }
        };
    }
    let json = format!(r#"{{{head}"choices":[{{"index":{choice},{members},"finish_reason":null}}]}}"#);
    Raw { flavour, name: None, bytes: Bytes::from(json) }
}
