//! The stream of `POST /v1/messages`, read from an upstream event by event.

use super::answer_in::{BlockIn, EventIn};
use super::finish::{self, UsageIn};
use crate::json;
use crate::json::read::object;
use crate::made_up::call_id;
use crate::{Chunk, Event, Flavour, Raw, WireError, upstream_error};
use bytes::Bytes;
use std::borrow::Cow;

/// Reads the stream.
#[derive(Debug, Default)]
pub struct Reader {
    id: String,
    usage: UsageIn,
    calls: Vec<Call>,
}

/// A tool call under way: the block it stands in, and whether arguments have come.
#[derive(Debug)]
struct Call {
    block: u64,
    argued: bool,
}

/// Tool calls at most; more is a broken backend.
const CALLS_MOST: usize = 1024;

/// The events of this dialect, so that a name can go on without a copy.
const NAMES: [&str; 8] = [
    "content_block_delta",
    "content_block_start",
    "content_block_stop",
    "message_start",
    "message_delta",
    "message_stop",
    "ping",
    "error",
];

impl Reader {
    /// Reads the data of one event; `name` is its SSE name, and where that is absent, the data's `type` stands in.
    /// `raw` is the data. Events unknown here give no [`Event`], but go on as raw bytes.
    ///
    /// # Errors
    /// The data is not an event of this dialect.
    pub fn read(&mut self, name: Option<&str>, payload: &Bytes) -> Result<Chunk, WireError> {
        let mut from = EventIn::default();
        object(json::text(payload)?, &mut from)?;
        let kind = std::mem::take(&mut from.kind).text().unwrap_or_default();
        let kind = if kind.is_empty() { name.unwrap_or_default() } else { &kind };
        let name = NAMES.into_iter().find(|known| *known == kind);
        let mut events = Vec::with_capacity(2);
        if kind == "error" {
            let error = upstream_error::read(payload);
            events.push(Event::Error { message: error.message, kind: error.kind.or(error.code) });
        } else {
            self.events(kind, from, &mut events)?;
        }
        let raw = Raw::frame(Flavour::AnthropicMessages, name, payload);
        Ok(Chunk { events, raw: Some(raw) })
    }

    fn events(&mut self, kind: &str, from: EventIn<'_>, events: &mut Vec<Event>) -> Result<(), WireError> {
        let index = from.index.count().unwrap_or(0);
        match kind {
            "message_start" => {
                self.usage = from.message.usage;
                self.id = from.message.id.shown();
                events.push(Event::Start { id: self.id.clone(), model: from.message.model.shown(), created: 0 });
                events.extend(self.usage.done().map(Event::Usage));
            }
            "content_block_start" => self.begin(index, from.block, events)?,
            "content_block_delta" => self.delta(index, from.block, events),
            "content_block_stop" => {
                // A call without arguments is a call with none, which is an empty object.
                if let Some(call) = self.call(index, true) {
                    events.push(Event::CallArguments { choice: 0, call, text: "{}".to_owned() });
                }
            }
            "message_delta" => {
                let sequence = from.block.stop_sequence.text().map(Cow::into_owned);
                if let Some(reason) = from.block.stop_reason.text() {
                    events.push(Event::Finish { choice: 0, finish: finish::read(&reason, sequence) });
                }
                self.usage.update(from.usage);
                events.extend(self.usage.done().map(Event::Usage));
            }
            "message_stop" => events.push(Event::Done),
            "ping" => events.push(Event::Ping),
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, block: u64, from: BlockIn<'_>, events: &mut Vec<Event>) -> Result<(), WireError> {
        match &*from.kind.text().unwrap_or_default() {
            "text" => text(from.text.text(), events),
            "thinking" => thinking(from.thinking.text(), from.signature.text(), events),
            "tool_use" => {
                let at = self.calls.len();
                if at >= CALLS_MOST {
                    return Err(WireError::new(format!("The upstream began more than {CALLS_MOST} tool calls.")));
                }
                // Bounded above.
                let call = at as u32;
                let id = from.id.text().map_or_else(|| call_id(&self.id, at), Cow::into_owned);
                events.push(Event::CallStart { choice: 0, call, id, name: from.name.shown() });
                // Usually `{}`, to be filled by deltas; some imitators send it all at once.
                let whole = from.input.map(|raw| raw.get().to_owned()).filter(|i| !is_empty_object(i) && i != "null");
                self.calls.push(Call { block, argued: whole.is_some() });
                events.extend(whole.map(|text| Event::CallArguments { choice: 0, call, text }));
            }
            _ => {}
        }
        Ok(())
    }

    fn delta(&mut self, block: u64, from: BlockIn<'_>, events: &mut Vec<Event>) {
        match &*from.kind.text().unwrap_or_default() {
            "text_delta" => text(from.text.text(), events),
            "thinking_delta" | "signature_delta" => thinking(from.thinking.text(), from.signature.text(), events),
            "input_json_delta" => {
                let call = self.calls.iter().position(|c| c.block == block);
                if let (Some(text), Some(call)) = (from.partial_json.text(), call) {
                    self.calls[call].argued = true;
                    // Bounded when it began.
                    let call = call as u32;
                    events.push(Event::CallArguments { choice: 0, call, text: text.into_owned() });
                }
            }
            _ => {}
        }
    }

    /// The call in this block, if it has had no arguments; from now on it has.
    fn call(&mut self, block: u64, now_argued: bool) -> Option<u32> {
        let at = self.calls.iter().position(|c| c.block == block && !c.argued)?;
        self.calls[at].argued = now_argued;
        u32::try_from(at).ok()
    }
}

fn is_empty_object(text: &str) -> bool {
    text.strip_prefix('{').and_then(|t| t.strip_suffix('}')).is_some_and(|t| t.trim().is_empty())
}

fn text(text: Option<Cow<'_, str>>, events: &mut Vec<Event>) {
    let text = text.map(Cow::into_owned);
    events.extend(text.map(|text| Event::Text { choice: 0, text, logprobs: Vec::new() }));
}

fn thinking(text: Option<Cow<'_, str>>, signature: Option<Cow<'_, str>>, events: &mut Vec<Event>) {
    if text.is_some() || signature.is_some() {
        events.push(Event::Reasoning {
            choice: 0,
            text: text.map_or_else(String::new, Cow::into_owned),
            signature: signature.map(Cow::into_owned),
        });
    }
}
