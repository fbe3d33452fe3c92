//! The canonical stream: what a backend says, piece by piece, and the joining of the pieces.
//!
//! Never here: framing (`sse`) or a dialect's shapes.

use crate::{Answer, Choice, ToolCall};
use bytes::Bytes;

/// Tokens as the backend counted them. `input` includes cached tokens, `output` includes reasoning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Prompt tokens, cached and cache-written ones included.
    pub input: u64,
    /// Completion tokens, reasoning included.
    pub output: u64,
    /// Prompt tokens read from cache.
    pub cached: u64,
    /// Prompt tokens written to cache.
    pub cache_write: u64,
    /// Completion tokens spent on reasoning.
    pub reasoning: u64,
}

/// Why a choice ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Finish {
    /// Natural end.
    Stop,
    /// A stop sequence (which one, where the dialect says).
    StopSequence(Option<String>),
    /// The token limit; survives every translation, also for a cut tool call.
    Length,
    /// Calls tools.
    ToolCalls,
    /// Filtered or refused.
    ContentFilter,
    /// Another reason of the backend's dialect, kept as written.
    Other(String),
}

/// One token with its log-probability and alternatives.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenLogprob {
    /// The token's text.
    pub token: String,
    /// Natural logarithm of its probability.
    pub logprob: f64,
    /// Its bytes, where known.
    pub bytes: Option<Vec<u8>>,
    /// The most likely tokens at this position.
    pub top: Vec<(String, f64, Option<Vec<u8>>)>,
}

/// One step of a streamed answer. `choice` is the index of the choice; `call` the index of the tool call in it.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// First of all. `created` in Unix seconds (0 where the dialect has none).
    Start {
        /// The answer's id.
        id: String,
        /// The model that answers.
        model: String,
        /// Unix seconds.
        created: u64,
    },
    /// Visible text.
    Text {
        /// Choice.
        choice: u32,
        /// Piece.
        text: String,
        /// Log-probabilities of the tokens in it.
        logprobs: Vec<TokenLogprob>,
    },
    /// Reasoning text.
    Reasoning {
        /// Choice.
        choice: u32,
        /// Piece.
        text: String,
        /// Anthropic's signature, which comes last and may have an empty `text`.
        signature: Option<String>,
    },
    /// OpenAI `refusal` text.
    Refusal {
        /// Choice.
        choice: u32,
        /// Piece.
        text: String,
    },
    /// A tool call begins.
    CallStart {
        /// Choice.
        choice: u32,
        /// Index of the call.
        call: u32,
        /// Call id (made up from the position where the backend has none).
        id: String,
        /// Function name.
        name: String,
    },
    /// A piece of a tool call's arguments (JSON text).
    CallArguments {
        /// Choice.
        choice: u32,
        /// Index of the call.
        call: u32,
        /// Piece.
        text: String,
    },
    /// A choice has ended.
    Finish {
        /// Choice.
        choice: u32,
        /// Why.
        finish: Finish,
    },
    /// Token counts so far; the last one counts.
    Usage(Usage),
    /// A keep-alive of the backend.
    Ping,
    /// An error inside the stream. Terminal.
    Error {
        /// The backend's words.
        message: String,
        /// The backend's type or code, if any.
        kind: Option<String>,
    },
    /// The terminal event of the dialect was seen (`[DONE]`, `message_stop`, `done: true`).
    Done,
}

/// The exact protocol flavour of raw bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flavour {
    /// `POST /v1/chat/completions`.
    OpenaiChat,
    /// `POST /v1/completions`.
    OpenaiCompletions,
    /// `POST /v1/messages`.
    AnthropicMessages,
    /// `POST /api/chat`.
    OllamaChat,
}

/// The backend's own bytes, forwarded untouched to a caller of the same flavour so that nothing is lost.
/// For streams: the payload of one frame (what follows `data: `, or one NDJSON line) and the SSE event name, if any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    /// Flavour of the bytes.
    pub flavour: Flavour,
    /// SSE `event:` name.
    pub name: Option<&'static str>,
    /// Payload.
    pub bytes: Bytes,
}

/// One frame of a stream: its events (possibly none), and the frame itself where it came from a backend.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Chunk {
    /// In order.
    pub events: Vec<Event>,
    /// As received.
    pub raw: Option<Raw>,
}

/// Joins a stream into an [`Answer`].
#[derive(Debug, Default)]
pub struct Join {
    answer: Answer,
    done: bool,
}

impl Join {
    /// Takes the next event.
    pub fn push(&mut self, event: Event) {
        match event {
            Event::Start { id, model, created } => {
                self.answer.id = id;
                self.answer.model = model;
                self.answer.created = created;
            }
            Event::Text { choice, text, logprobs } => {
                let c = self.choice(choice);
                c.text.get_or_insert_default().push_str(&text);
                if !logprobs.is_empty() {
                    c.logprobs.extend(logprobs);
                }
            }
            Event::Reasoning { choice, text, signature } => {
                let c = self.choice(choice);
                let slot = c.reasoning.get_or_insert_default();
                slot.0.push_str(&text);
                if signature.is_some() {
                    slot.1 = signature;
                }
            }
            Event::Refusal { choice, text } => self.choice(choice).refusal.get_or_insert_default().push_str(&text),
            Event::CallStart { choice, call, id, name } => {
                let slot = self.call(choice, call);
                slot.id = id;
                slot.name = name;
            }
            Event::CallArguments { choice, call, text } => self.call(choice, call).arguments.push_str(&text),
            Event::Finish { choice, finish } => self.choice(choice).finish = Some(finish),
            Event::Usage(usage) => self.answer.usage = Some(usage),
            Event::Done => self.done = true,
            Event::Ping | Event::Error { .. } => {}
        }
    }

    /// Was the terminal event seen?
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// The whole answer.
    pub fn finish(self) -> Answer {
        self.answer
    }

    /// Choices and calls are dense and few; an absurd index of a backend is clamped to this many.
    const MOST: u32 = 1024;

    fn choice(&mut self, index: u32) -> &mut Choice {
        let index = index.min(Self::MOST) as usize;
        if self.answer.choices.len() <= index {
            self.answer.choices.resize_with(index + 1, Choice::default);
        }
        &mut self.answer.choices[index]
    }

    fn call(&mut self, choice: u32, call: u32) -> &mut ToolCall {
        let calls = &mut self.choice(choice).tool_calls;
        let index = call.min(Self::MOST) as usize;
        if calls.len() <= index {
            calls.resize_with(index + 1, ToolCall::default);
        }
        &mut calls[index]
    }
}
