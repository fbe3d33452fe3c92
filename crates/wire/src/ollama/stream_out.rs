//! The stream of `/api/chat` written for a caller, from any backend's events.
//!
//! Tool calls are whole in this dialect, so they are held until the choice ends. Events of choices other than the first
//! have no place in it.

use super::answer::{head, message, tail};
use super::{error_frame, time};
use crate::json::write::{Object, object};
use crate::openai::logprobs::write_tokens;
use crate::{Event, Finish, ToolCall, Usage};

/// Writes the stream.
#[derive(Debug, Default)]
pub struct Writer {
    model: String,
    created_at: String,
    calls: Vec<(u32, ToolCall)>,
    finish: Option<Finish>,
    usage: Usage,
}

impl Writer {
    /// A writer at the start of a stream.
    pub fn new() -> Writer {
        Writer::default()
    }

    /// Appends the lines for one event; often none.
    pub fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Start { model, created, .. } => {
                self.model.clone_from(model);
                self.created_at = time::format(*created);
            }
            Event::Text { choice: 0, text, logprobs } if !text.is_empty() || !logprobs.is_empty() => {
                self.line(out, |o| {
                    o.object("message", |o| message(o, text, "", &[]));
                    if !logprobs.is_empty() {
                        o.list("logprobs", |l| write_tokens(l, logprobs));
                    }
                    o.bool("done", false);
                });
            }
            Event::Refusal { choice: 0, text } => self.piece(out, text, "", &[]),
            Event::Reasoning { choice: 0, text, .. } if !text.is_empty() => self.piece(out, "", text, &[]),
            Event::CallStart { choice: 0, call, id, name } => {
                let made = ToolCall { id: id.clone(), name: name.clone(), arguments: String::new() };
                self.calls.push((*call, made));
            }
            Event::CallArguments { choice: 0, call, text } => {
                if let Some((_, held)) = self.calls.iter_mut().find(|(c, _)| c == call) {
                    held.arguments.push_str(text);
                }
            }
            Event::Finish { choice: 0, finish } => {
                self.finish = Some(finish.clone());
                self.flush(out);
            }
            Event::Usage(usage) => self.usage = *usage,
            Event::Error { message, .. } => out.extend_from_slice(&error_frame(message)),
            Event::Done => {
                self.flush(out);
                self.line(out, |o| {
                    o.object("message", |o| message(o, "", "", &[]));
                    tail(o, self.finish.as_ref(), self.usage);
                });
            }
            _ => {}
        }
    }

    /// The calls that are whole by now.
    fn flush(&mut self, out: &mut Vec<u8>) {
        let calls: Vec<ToolCall> = std::mem::take(&mut self.calls).into_iter().map(|(_, call)| call).collect();
        if !calls.is_empty() {
            self.piece(out, "", "", &calls);
        }
    }

    fn piece(&self, out: &mut Vec<u8>, text: &str, thinking: &str, calls: &[ToolCall]) {
        self.line(out, |o| {
            o.object("message", |o| message(o, text, thinking, calls));
            o.bool("done", false);
        });
    }

    fn line(&self, out: &mut Vec<u8>, members: impl FnOnce(&mut Object<'_>)) {
        object(out, |o| {
            head(o, &self.model, &self.created_at);
            members(o);
        });
        out.push(b'\n');
    }
}
