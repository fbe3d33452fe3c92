//! The dialects: OpenAI, Anthropic and Ollama bodies and streams to and from one canonical form.
//!
//! A caller's body becomes an [`Ask`]; a backend's answer becomes an [`Answer`] or a series of [`Event`]s; both go back
//! out in the caller's dialect. Nothing that is not understood is lost: it travels in [`Extra`] to places that speak the
//! same dialect.
//!
//! Never here: sockets, policy, prices, tokio, a clock, randomness.

mod answer;
pub mod anthropic;
mod ask;
mod encode;
mod event;
mod extra;
mod fields;
mod join;
mod json;
mod made_up;
mod message;
pub mod ollama;
pub mod openai;
mod sign;
pub mod sse;
mod taken;
mod top;
pub mod upstream_error;

pub use answer::{Answer, Choice};
pub use ask::{Ask, Dialect, Endpoint, Format, Reasoning, Sampling, Tool, ToolChoice};
pub use encode::{Encode, Encoding, Ranked, Ranking, Vector, Vectors};
pub use event::{Chunk, Event, Finish, Flavour, Raw, TokenLogprob, Usage};
pub use fields::{Edit, Field, FieldKind};
pub use join::Join;
pub use json::MAX_DEPTH;
pub use json::lex::{Leaf, Step, json_escaped, rewrite_leaves};
pub use message::{Content, Extra, Media, Message, Part, Role, ToolCall};
pub use sign::{SIGN_LEAST, SIGNS_TOP, Sign};

/// A body or frame that is not what its dialect says. `param` names the field at fault (`messages[0].role`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct WireError {
    /// What is wrong and what was expected, for the caller.
    pub message: String,
    /// The field at fault, if one is.
    pub param: Option<String>,
}

impl WireError {
    /// An error about the whole body.
    pub fn new(message: impl Into<String>) -> WireError {
        WireError { message: message.into(), param: None }
    }

    /// An error about one field.
    pub fn at(param: impl Into<String>, message: impl Into<String>) -> WireError {
        WireError { message: message.into(), param: Some(param.into()) }
    }
}

/// What an upstream wants done differently from its dialect's standard. Plain data: profiles differ in values only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shape {
    /// The model id to write.
    pub model: String,
    /// Top-level fields to leave out, known or extra.
    pub strip: Vec<String>,
    /// Keep only these extra fields (TensorRT-LLM refuses unknown ones); `None` keeps all.
    pub keep_extra: Option<Vec<String>>,
    /// `max_completion_tokens` rather than `max_tokens`.
    pub max_completion_tokens: bool,
    /// Knows the role `developer`; others are told `system`.
    pub developer: bool,
    /// Ask for a usage chunk in streams (`stream_options.include_usage`), never sent when not streaming.
    pub stream_usage: bool,
}
