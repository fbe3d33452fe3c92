//! The stream of `/api/chat`, read from an upstream line by line.

use super::answer_in::LineIn;
use crate::json;
use crate::json::read::object;
use crate::{Chunk, Event, Flavour, Raw, WireError, upstream_error};
use bytes::Bytes;

/// Reads the stream.
#[derive(Debug, Default)]
pub struct Reader {
    id: Option<String>,
    calls: usize,
}

/// Tool calls at most; more is a broken backend.
const CALLS_MOST: usize = 1024;

impl Reader {
    /// Reads one line. The one with `done: true` ends with [`Event::Done`]; `{"error": …}` is [`Event::Error`]; `raw` is
    /// the line. Tool calls come whole in this dialect.
    ///
    /// # Errors
    /// The line is not of this dialect.
    pub fn read(&mut self, line: &Bytes) -> Result<Chunk, WireError> {
        let mut from = LineIn::default();
        object(json::text(line)?, &mut from)?;
        let mut events = Vec::with_capacity(2);
        if from.error.is_some() {
            let error = upstream_error::read(line);
            events.push(Event::Error { message: error.message, kind: error.kind.or(error.code) });
        } else {
            self.events(from, &mut events)?;
        }
        Ok(Chunk { events, raw: Some(Raw::frame(Flavour::OllamaChat, None, line)) })
    }

    fn events(&mut self, mut from: LineIn<'_>, events: &mut Vec<Event>) -> Result<(), WireError> {
        if self.id.is_none() {
            let (id, model, created) = from.head();
            self.id = Some(id.clone());
            events.push(Event::Start { id, model, created });
        }
        if let Some(text) = from.message.thinking() {
            events.push(Event::Reasoning { choice: 0, text, signature: None });
        }
        let logprobs = from.logprobs.take().unwrap_or_default();
        if let Some(text) = from.message.text().or_else(|| (!logprobs.is_empty()).then(String::new)) {
            events.push(Event::Text { choice: 0, text, logprobs });
        }
        for made in from.message.calls(self.id.as_deref().unwrap_or_default(), self.calls) {
            if self.calls >= CALLS_MOST {
                return Err(WireError::new(format!("The upstream began more than {CALLS_MOST} tool calls.")));
            }
            // Bounded above.
            let call = self.calls as u32;
            self.calls += 1;
            events.push(Event::CallStart { choice: 0, call, id: made.id, name: made.name });
            events.push(Event::CallArguments { choice: 0, call, text: made.arguments });
        }
        if from.is_done() {
            events.push(Event::Finish { choice: 0, finish: from.finish(self.calls > 0) });
            events.extend(from.usage().map(Event::Usage));
            events.push(Event::Done);
        }
        Ok(())
    }
}
