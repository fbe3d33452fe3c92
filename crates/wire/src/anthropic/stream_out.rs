//! The stream of `POST /v1/messages` written for a caller, from any backend's events.
//!
//! Blocks are numbered in the order they begin, and one is open at a time. Events of choices other than the first have
//! no place in this dialect.

use super::error::error_frame;
use super::finish::{self, write_usage};
use crate::json::write::{Object, object};
use crate::{Event, Finish, Usage};

/// Writes the stream.
#[derive(Debug, Default)]
pub struct Writer {
    id: String,
    model: String,
    started: bool,
    /// The open block.
    open: Option<(u32, Kind)>,
    /// Number of the next block.
    next: u32,
    /// Calls by our number, and the block of each. A backend that mixes the arguments of several calls gets deltas for a
    /// block that was closed; clients put them together by index.
    calls: Vec<(u32, u32)>,
    finish: Option<Finish>,
    usage: Usage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Thinking,
    Call,
}

impl Writer {
    /// A writer at the start of a stream.
    pub fn new() -> Writer {
        Writer::default()
    }

    /// Appends the frames for one event; often none.
    pub fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Start { id, model, .. } => {
                self.id.clone_from(id);
                self.model.clone_from(model);
                self.start(out);
            }
            Event::Text { choice: 0, text, .. } | Event::Refusal { choice: 0, text } if !text.is_empty() => {
                let index = self.block(Kind::Text, out);
                delta(out, index, "text_delta", "text", text);
            }
            Event::Reasoning { choice: 0, text, signature } => self.reasoning(text, signature.as_deref(), out),
            Event::CallStart { choice: 0, call, id, name } => self.call(*call, id, name, out),
            Event::CallArguments { choice: 0, call, text } if !text.is_empty() => {
                if let Some((_, index)) = self.calls.iter().find(|(c, _)| c == call) {
                    delta(out, *index, "input_json_delta", "partial_json", text);
                }
            }
            Event::Finish { choice: 0, finish } => self.finish = Some(finish.clone()),
            Event::Usage(usage) => self.usage = *usage,
            Event::Ping => frame(out, "ping", |_| {}),
            Event::Error { message, kind } => {
                out.extend_from_slice(&error_frame(message, kind.as_deref().unwrap_or_default(), None));
            }
            Event::Done => self.end(out),
            _ => {}
        }
    }

    fn start(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        frame(out, "message_start", |o| {
            o.object("message", |o| {
                o.str("id", &self.id);
                o.str("type", "message");
                o.str("role", "assistant");
                o.str("model", &self.model);
                o.list("content", |_| {});
                o.null("stop_reason");
                o.null("stop_sequence");
                write_usage(o, &self.usage);
            });
        });
    }

    /// The number of an open block of this kind; begins one where there is none.
    fn block(&mut self, kind: Kind, out: &mut Vec<u8>) -> u32 {
        match self.open {
            Some((index, open)) if open == kind => index,
            _ => self.begin(kind, out, |o| match kind {
                Kind::Thinking => {
                    o.str("type", "thinking");
                    o.str("thinking", "");
                    o.str("signature", "");
                }
                _ => {
                    o.str("type", "text");
                    o.str("text", "");
                }
            }),
        }
    }

    fn begin(&mut self, kind: Kind, out: &mut Vec<u8>, members: impl FnOnce(&mut Object<'_>)) -> u32 {
        self.start(out);
        self.close(out);
        let index = self.next;
        self.next += 1;
        self.open = Some((index, kind));
        frame(out, "content_block_start", |o| {
            o.int("index", index);
            o.object("content_block", members);
        });
        index
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if let Some((index, _)) = self.open.take() {
            frame(out, "content_block_stop", |o| o.int("index", index));
        }
    }

    fn reasoning(&mut self, text: &str, signature: Option<&str>, out: &mut Vec<u8>) {
        if text.is_empty() && signature.is_none() {
            return;
        }
        let index = self.block(Kind::Thinking, out);
        if !text.is_empty() {
            delta(out, index, "thinking_delta", "thinking", text);
        }
        if let Some(signature) = signature {
            // What was signed is finished; more thinking is another block.
            delta(out, index, "signature_delta", "signature", signature);
            self.close(out);
        }
    }

    fn call(&mut self, call: u32, id: &str, name: &str, out: &mut Vec<u8>) {
        let index = self.begin(Kind::Call, out, |o| {
            o.str("type", "tool_use");
            o.str("id", id);
            o.str("name", name);
            o.object("input", |_| {});
        });
        self.calls.push((call, index));
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.start(out);
        self.close(out);
        frame(out, "message_delta", |o| {
            o.object("delta", |o| finish::write(o, self.finish.as_ref(), !self.calls.is_empty()));
            write_usage(o, &self.usage);
        });
        frame(out, "message_stop", |_| {});
    }
}

/// One whole event; its name is its `type`, too.
fn frame(out: &mut Vec<u8>, name: &str, members: impl FnOnce(&mut Object<'_>)) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    object(out, |o| {
        o.str("type", name);
        members(o);
    });
    out.extend_from_slice(b"\n\n");
}

fn delta(out: &mut Vec<u8>, index: u32, kind: &str, key: &str, text: &str) {
    frame(out, "content_block_delta", |o| {
        o.int("index", index);
        o.object("delta", |o| {
            o.str("type", kind);
            o.str(key, text);
        });
    });
}
