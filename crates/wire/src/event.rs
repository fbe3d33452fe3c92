//! The canonical stream: what a backend says, piece by piece.
//!
//! Never here: framing (`sse`) or a dialect's shapes.

use crate::Sign;
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
    /// Of `cache_write`, those with the longer life (Anthropic's hour), which cost more.
    pub cache_write_long: u64,
    /// Completion tokens spent on reasoning.
    pub reasoning: u64,
    /// Of `input`, audio tokens.
    pub audio_input: u64,
    /// Of `output`, audio tokens.
    pub audio_output: u64,
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
    /// How sure the model was of the text, or of the arguments of a call, that comes next; only where
    /// [`Ask::signs`](crate::Ask::signs) wanted it. For the gateway itself: no writer writes it.
    Signs {
        /// Choice.
        choice: u32,
        /// Of each token, in order.
        signs: Vec<Sign>,
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
    /// `POST /v1/embeddings`.
    OpenaiEmbeddings,
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

impl Raw {
    /// The payload of one frame. Line breaks, which can only stand between JSON's tokens, become spaces, so that the
    /// payload is one line wherever it is forwarded.
    pub(crate) fn frame(flavour: Flavour, name: Option<&'static str>, payload: &Bytes) -> Raw {
        let bytes = match memchr::memchr2(b'\n', b'\r', payload) {
            None => payload.clone(),
            Some(_) => payload.iter().map(|b| if matches!(b, b'\n' | b'\r') { b' ' } else { *b }).collect(),
        };
        Raw { flavour, name, bytes }
    }
}

/// One frame of a stream: its events (possibly none), and the frame itself where it came from a backend.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Chunk {
    /// In order.
    pub events: Vec<Event>,
    /// As received.
    pub raw: Option<Raw>,
}
