//! Streams written for a caller of OpenAI's dialect, from any backend's events.

use super::error::error_frame;
use super::finish::{word, write_usage};
use super::logprobs;
use crate::json::write::{Object, object};
use crate::{Event, Finish, TokenLogprob, Usage};

/// Writes the stream of `POST /v1/chat/completions`.
#[derive(Debug)]
pub struct ChatWriter {
    head: Head,
    /// Choices whose role was announced.
    open: Vec<u32>,
}

/// Writes the stream of `POST /v1/completions`.
#[derive(Debug)]
pub struct CompletionsWriter {
    head: Head,
    /// Characters written of each choice.
    offsets: Vec<(u32, u64)>,
}

impl ChatWriter {
    /// `include_usage`: the caller asked for `stream_options.include_usage`.
    pub fn new(include_usage: bool) -> ChatWriter {
        ChatWriter { head: Head::new("chat.completion.chunk", include_usage), open: Vec::new() }
    }

    /// Appends the frames for one event; often none. On [`Event::Done`] the usage chunk, if asked for and known, and
    /// `[DONE]`.
    pub fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Text { choice, text, logprobs } => {
                self.delta(out, *choice, logprobs, None, |o| o.str("content", text));
            }
            Event::Reasoning { choice, text, .. } if !text.is_empty() => {
                self.delta(out, *choice, &[], None, |o| o.str("reasoning_content", text));
            }
            Event::Reasoning { .. } => {}
            Event::Refusal { choice, text } => self.delta(out, *choice, &[], None, |o| o.str("refusal", text)),
            Event::CallStart { choice, call, id, name } => self.delta(out, *choice, &[], None, |o| {
                call_delta(o, *call, |o| {
                    o.str("id", id);
                    o.str("type", "function");
                    o.object("function", |o| {
                        o.str("name", name);
                        o.str("arguments", "");
                    });
                });
            }),
            Event::CallArguments { choice, call, text } => self.delta(out, *choice, &[], None, |o| {
                call_delta(o, *call, |o| o.object("function", |o| o.str("arguments", text)));
            }),
            Event::Finish { choice, finish } => self.delta(out, *choice, &[], Some(finish), |_| {}),
            other => self.head.common(other, out),
        }
    }

    /// One chunk with one delta; before the first of a choice, the chunk that announces its role.
    fn delta(
        &mut self,
        out: &mut Vec<u8>,
        choice: u32,
        tokens: &[TokenLogprob],
        finish: Option<&Finish>,
        delta: impl FnOnce(&mut Object<'_>),
    ) {
        if !self.open.contains(&choice) {
            self.open.push(choice);
            self.head.chunk(out, |o| {
                o.int("index", choice);
                o.object("delta", |o| {
                    o.str("role", "assistant");
                    o.str("content", "");
                });
                o.null("logprobs");
                o.null("finish_reason");
            });
        }
        self.head.chunk(out, |o| {
            o.int("index", choice);
            o.object("delta", delta);
            logprobs::write_chat(o, tokens);
            o.str_or_null("finish_reason", finish.map(word));
        });
    }
}

fn call_delta(o: &mut Object<'_>, call: u32, members: impl FnOnce(&mut Object<'_>)) {
    o.list("tool_calls", |l| {
        l.object(|o| {
            o.int("index", call);
            members(o);
        });
    });
}

impl CompletionsWriter {
    /// As [`ChatWriter::new`].
    pub fn new(include_usage: bool) -> CompletionsWriter {
        CompletionsWriter { head: Head::new("text_completion", include_usage), offsets: Vec::new() }
    }

    /// As [`ChatWriter::write`]. Reasoning, refusals and tool calls have no place in this endpoint.
    pub fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Text { choice, text, logprobs } => self.piece(out, *choice, text, logprobs, None),
            Event::Finish { choice, finish } => self.piece(out, *choice, "", &[], Some(finish)),
            Event::Reasoning { .. } | Event::Refusal { .. } | Event::CallStart { .. } | Event::CallArguments { .. } => {
            }
            other => self.head.common(other, out),
        }
    }

    fn piece(&mut self, out: &mut Vec<u8>, choice: u32, text: &str, tokens: &[TokenLogprob], finish: Option<&Finish>) {
        let at = self.offsets.iter().position(|(c, _)| *c == choice).unwrap_or_else(|| {
            self.offsets.push((choice, 0));
            self.offsets.len() - 1
        });
        let offset = &mut self.offsets[at].1;
        self.head.chunk(out, |o| {
            o.str("text", text);
            o.int("index", choice);
            *offset = logprobs::write_legacy(o, tokens, *offset);
            o.str_or_null("finish_reason", finish.map(word));
        });
    }
}

/// What every chunk of a stream begins with, and what both endpoints share.
#[derive(Debug)]
struct Head {
    object: &'static str,
    /// `data: {"id":…,"model":…,"choices":[`, made once.
    bytes: Vec<u8>,
    include_usage: bool,
    usage: Option<Usage>,
}

impl Head {
    fn new(object: &'static str, include_usage: bool) -> Head {
        let mut head = Head { object, bytes: Vec::new(), include_usage, usage: None };
        head.start("", "", 0);
        head
    }

    fn start(&mut self, id: &str, model: &str, created: u64) {
        self.bytes.clear();
        self.bytes.extend_from_slice(b"data: ");
        object(&mut self.bytes, |o| {
            o.str("id", id);
            o.str("object", self.object);
            o.int("created", created);
            o.str("model", model);
            o.key("choices");
        });
        // The closing brace comes with each chunk.
        self.bytes.pop();
        self.bytes.push(b'[');
    }

    fn chunk(&self, out: &mut Vec<u8>, choice: impl FnOnce(&mut Object<'_>)) {
        out.extend_from_slice(&self.bytes);
        object(out, choice);
        out.extend_from_slice(if self.include_usage { b"],\"usage\":null}\n\n" } else { b"]}\n\n" });
    }

    /// Events that belong to no choice.
    fn common(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Start { id, model, created } => self.start(id, model, *created),
            Event::Usage(usage) => self.usage = Some(*usage),
            // A comment: keeps connections open, and no client shows it.
            Event::Ping => out.extend_from_slice(b": ping\n\n"),
            Event::Error { message, kind } => {
                let kind = kind.as_deref().unwrap_or("server_error");
                out.extend_from_slice(&error_frame(message, kind, None, None));
            }
            Event::Done => {
                if let Some(usage) = self.usage.filter(|_| self.include_usage) {
                    out.extend_from_slice(&self.bytes);
                    out.extend_from_slice(b"],");
                    let start = out.len();
                    object(out, |o| write_usage(o, &usage));
                    // The members go into the object that is open.
                    out.remove(start);
                    out.extend_from_slice(b"\n\n");
                }
                out.extend_from_slice(b"data: [DONE]\n\n");
            }
            _ => {}
        }
    }
}
