//! Streams of OpenAI's endpoints, read from an upstream chunk by chunk.

use super::answer_in::{AnswerIn, CallIn, ChoiceIn};
use crate::json;
use crate::json::read::object;
use crate::made_up::call_id;
use crate::{Chunk, Event, Flavour, Raw, WireError, upstream_error};
use bytes::Bytes;
use std::borrow::Cow;

/// Reads the stream of `POST /v1/chat/completions`.
#[derive(Debug, Default)]
pub struct ChatReader(Reader);

/// Reads the stream of `POST /v1/completions`.
#[derive(Debug, Default)]
pub struct CompletionsReader(Reader);

impl ChatReader {
    /// Reads the payload of one `data:` frame. `[DONE]` is [`Event::Done`]; an error inside the stream is
    /// [`Event::Error`]; `raw` is the payload.
    ///
    /// # Errors
    /// The payload is not a chunk of this dialect.
    pub fn read(&mut self, payload: &Bytes) -> Result<Chunk, WireError> {
        self.0.read(payload, Flavour::OpenaiChat)
    }
}

impl CompletionsReader {
    /// As [`ChatReader::read`].
    ///
    /// # Errors
    /// The payload is not a chunk of this dialect.
    pub fn read(&mut self, payload: &Bytes) -> Result<Chunk, WireError> {
        self.0.read(payload, Flavour::OpenaiCompletions)
    }
}

/// Choices, and calls in all of them, at most; more is a broken backend.
const MOST: u64 = 1024;

#[derive(Debug, Default)]
struct Reader {
    started: bool,
    id: String,
    calls: Vec<Call>,
}

/// A tool call seen so far: where it stands in the backend's numbering and in ours. Some backends number every call 0
/// or not at all, and tell them apart by id only.
#[derive(Debug)]
struct Call {
    choice: u32,
    theirs: u64,
    id: String,
    ours: u32,
}

impl Reader {
    fn read(&mut self, payload: &Bytes, flavour: Flavour) -> Result<Chunk, WireError> {
        let mut events = Vec::with_capacity(2);
        if payload.trim_ascii() == b"[DONE]" {
            events.push(Event::Done);
        } else {
            let mut from = AnswerIn::default();
            object(json::text(payload)?, &mut from)?;
            if from.is_error() {
                let error = upstream_error::read(payload);
                events.push(Event::Error { message: error.message, kind: error.kind.or(error.code) });
            } else {
                self.events(from, &mut events)?;
            }
        }
        Ok(Chunk { events, raw: Some(Raw::frame(flavour, None, payload)) })
    }

    fn events(&mut self, from: AnswerIn<'_>, events: &mut Vec<Event>) -> Result<(), WireError> {
        let choices = from.choices.unwrap_or_default();
        if !self.started {
            let (id, model) = (from.id.shown(), from.model.shown());
            // Azure begins with a chunk that has neither id, model nor choices.
            if !(id.is_empty() && model.is_empty() && choices.is_empty()) {
                self.started = true;
                self.id.clone_from(&id);
                events.push(Event::Start { id, model, created: from.created.count().unwrap_or(0) });
            }
        }
        for (at, choice) in (0u64..).zip(choices) {
            self.choice(at, choice, events)?;
        }
        events.extend(from.usage.map(|u| Event::Usage(u.done())));
        Ok(())
    }

    fn choice(&mut self, at: u64, mut from: ChoiceIn<'_>, events: &mut Vec<Event>) -> Result<(), WireError> {
        let choice = small(from.index.count().unwrap_or(at), "choices")?;
        if let Some(text) = from.message.reasoning() {
            events.push(Event::Reasoning { choice, text, signature: None });
        }
        let logprobs = from.logprobs();
        let text = from.message.text().or_else(|| (!logprobs.is_empty()).then(String::new));
        if let Some(text) = text {
            events.push(Event::Text { choice, text, logprobs });
        }
        if let Some(text) = from.message.refusal() {
            events.push(Event::Refusal { choice, text });
        }
        for (at, call) in (0u64..).zip(from.message.calls.take().unwrap_or_default()) {
            self.call(choice, at, call, events)?;
        }
        if let Some(finish) = from.finish() {
            events.push(Event::Finish { choice, finish });
        }
        Ok(())
    }

    fn call(&mut self, choice: u32, at: u64, from: CallIn<'_>, events: &mut Vec<Event>) -> Result<(), WireError> {
        let theirs = from.index.count().unwrap_or(at);
        let text = from.function.arguments();
        let id = from.id.text();
        let name = from.function.name.text();
        let known = self.calls.iter().rev().find(|c| c.choice == choice && c.theirs == theirs);
        let same = |c: &&Call| id.as_deref().is_none_or(|id| id == c.id) || name.is_none();
        let call = match known.filter(same) {
            Some(known) => known.ours,
            None => {
                let ours = self.calls.iter().filter(|c| c.choice == choice).count();
                let call = small(ours as u64, "tool_calls")?;
                let id = id.map_or_else(|| call_id(&self.id, ours), Cow::into_owned);
                self.calls.push(Call { choice, theirs, id: id.clone(), ours: call });
                events.push(Event::CallStart { choice, call, id, name: name.unwrap_or_default().into_owned() });
                call
            }
        };
        if !text.is_empty() {
            events.push(Event::CallArguments { choice, call, text });
        }
        Ok(())
    }
}

fn small(index: u64, what: &str) -> Result<u32, WireError> {
    match u32::try_from(index) {
        Ok(small) if index < MOST => Ok(small),
        _ => Err(WireError::at(what, format!("The upstream numbers `{what}` beyond {MOST}."))),
    }
}
