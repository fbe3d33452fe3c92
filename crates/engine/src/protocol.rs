//! What gateway and worker say to each other: frames of `u32` little-endian length and one JSON value, over the worker's
//! stdin and stdout.
//!
//! Never here: pipes, processes, a vendor type.

mod constraint;
mod image;
mod known;
mod load;

pub(crate) use constraint::Constraint;
pub(crate) use image::Image;
pub(crate) use known::{Logprob, Sign};
pub use load::{CacheType, Split};
#[allow(unused_imports, reason = "read by the scheduler to come")]
pub(crate) use load::{Draft, Info, Load, Lora, Role, Stats};

use crate::speech::Speech;
use serde::{Deserialize, Serialize};
use serde_json::Error as JsonError;
use std::io;
#[cfg(any(test, feature = "llama", feature = "fuzz"))]
use std::io::Read;
#[cfg(any(test, feature = "llama"))]
use std::io::Write;

/// Version of everything in this file. The two ends are the same binary unless it was replaced on disk while the gateway
/// runs, and then this says so.
pub(crate) const VERSION: u32 = 3;

/// Largest frame in bytes, either way. A request that does not fit is refused before it is sent.
pub(crate) const FRAME_MAX: usize = 32 * 1024 * 1024;

/// Gateway to worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ToWorker {
    /// First of all: which model, how.
    Load(Box<Load>),
    /// Work on this.
    Generate(Box<Generate>),
    /// Nobody waits for this one any more.
    Cancel { id: u64 },
    /// How many tokens is this?
    Count { id: u64, input: Input },
    /// The vectors, or the scores, of these texts.
    Embed(Box<Embed>),
    /// Are you there?
    Ping { id: u64 },
    /// End cleanly.
    Quit,
}

/// Worker to gateway.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FromWorker {
    /// First of all.
    Hello { version: u32 },
    /// How far loading is.
    Loading { permille: u16 },
    /// The model is loaded.
    Ready(Box<Info>),
    /// The model cannot be loaded; the worker ends.
    Failed { message: String },
    /// A [`Generate`] was read, checked and queued.
    Accepted {
        id: u64,
        prompt_tokens: u32,
        /// How the answer is to be read.
        #[serde(default)]
        speech: Speech,
    },
    /// A piece of the answer. `text` is whole characters and never part of a stop sequence.
    Token {
        id: u64,
        text: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        logprobs: Vec<Logprob>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        signs: Vec<Sign>,
    },
    /// The answer is complete.
    Finish { id: u64, reason: Reason, spent: Spent },
    /// Answer to [`ToWorker::Embed`]: a vector per text, or for a reranker a vector of one score. `tokens` of all texts.
    Embedded { id: u64, vectors: Vec<Vec<f32>>, tokens: u32 },
    /// How the worker is doing: about once a second while it works, and once when it has become idle.
    Stats(Box<Stats>),
    /// This request ended with an error.
    Error { id: u64, kind: Kind, message: String },
    /// Answer to [`ToWorker::Count`].
    Counted { id: u64, tokens: u32 },
    /// Answer to [`ToWorker::Ping`], and sent without being asked while a long step produces nothing.
    Pong { id: u64 },
}

/// One generation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Generate {
    pub(crate) id: u64,
    pub(crate) input: Input,
    pub(crate) sampling: Sampling,
    /// Tokens at most; `None` is up to the end of the context.
    pub(crate) max_tokens: Option<u32>,
    pub(crate) stop: Vec<String>,
    /// Alternatives per token; `None` is no log-probabilities at all.
    pub(crate) logprobs: Option<u32>,
    /// How sure the model is of each token is said, too.
    #[serde(default, skip_serializing_if = "known::is_false")]
    pub(crate) signs: bool,
    /// What the answer must obey.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) constraint: Option<Constraint>,
    /// Added to the logits of these tokens, before anything else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) logit_bias: Vec<(i32, f32)>,
    /// Control tokens of the answer are sent as text, the end of the answer excepted: tool calls and reasoning of some
    /// families are marked by them.
    #[serde(default)]
    pub(crate) special: bool,
    /// The answer goes on past the end that the model sets, up to `max_tokens`.
    #[serde(default)]
    pub(crate) ignore_eos: bool,
    /// Who is served first.
    #[serde(default)]
    pub(crate) class: Class,
    /// Milliseconds from now after which nobody wants the answer any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deadline_ms: Option<u64>,
}

/// Who is served first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Class {
    /// Somebody waits.
    #[default]
    Interactive,
    /// Nobody waits; it may starve no longer than the scheduler's own bound.
    Batch,
}

/// Texts to turn into vectors (role `Embed`) or, as pairs with a query, into scores (role `Rerank`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Embed {
    pub(crate) id: u64,
    pub(crate) texts: Vec<Text>,
    /// For a reranker: what the texts are scored against.
    pub(crate) query: Option<String>,
    /// A text that is too long is cut at its end instead of refused.
    pub(crate) truncate: bool,
}

/// A text, or the tokens of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Text {
    Words(String),
    Tokens(Vec<i32>),
}

/// What one generation took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Spent {
    /// Tokens of the prompt, cached ones included.
    pub(crate) prompt: u32,
    /// Of these, found in the prefix cache.
    pub(crate) cached: u32,
    /// Tokens of the answer.
    pub(crate) completion: u32,
    /// Tokens that were drafted, and of these kept.
    pub(crate) drafted: u32,
    pub(crate) accepted: u32,
    /// Microseconds in the queue, and on the prompt.
    pub(crate) queued_us: u64,
    pub(crate) prefill_us: u64,
}

/// What is continued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Input {
    /// A conversation, rendered with the model's chat template.
    Chat { messages: Vec<Turn>, tools: Vec<ToolSpec>, thinking: Option<bool> },
    /// Text as it is.
    Raw { prompt: String },
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Turn {
    pub(crate) role: String,
    pub(crate) content: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reasoning: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) calls: Vec<Call>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) call_id: Option<String>,
    /// Images, in the order of their places.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) images: Vec<Image>,
}

/// A tool call that the assistant made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Call {
    pub(crate) id: String,
    pub(crate) name: String,
    /// JSON text.
    pub(crate) arguments: String,
}

/// A tool that the model may call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ToolSpec {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    /// JSON Schema text.
    pub(crate) parameters: Option<String>,
}

/// Sampling, every value decided (by the caller, the model file, or the default) and checked.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sampling {
    /// 0 is greedy.
    pub(crate) temperature: f32,
    pub(crate) top_p: f32,
    /// 0 is off.
    pub(crate) top_k: u32,
    pub(crate) min_p: f32,
    pub(crate) frequency_penalty: f32,
    pub(crate) presence_penalty: f32,
    /// Divides the logits of tokens that were there already (prompt included); 1 is off.
    pub(crate) repetition_penalty: f32,
    pub(crate) seed: u32,
}

impl Default for Sampling {
    /// What is used where neither the caller nor the model file says anything.
    fn default() -> Sampling {
        Sampling {
            temperature: 0.7,
            top_p: 0.95,
            top_k: 40,
            min_p: 0.05,
            frequency_penalty: 0.0,
            presence_penalty: 0.0,
            repetition_penalty: 1.0,
            seed: 0,
        }
    }
}

/// Why a generation ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reason {
    /// The model said so.
    End,
    /// This stop sequence came.
    Stop(String),
    /// `max_tokens` or the end of the context.
    Length,
}

/// What went wrong with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// The prompt does not fit the context.
    Context,
    /// The template, the schema or a value refuses it.
    Invalid,
    /// The queue is full.
    Busy,
    /// Its deadline has passed.
    Late,
    /// The engine failed.
    Engine,
}

/// A frame that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    /// Longer than [`FRAME_MAX`].
    #[error("a frame of {0} bytes is over the limit of {FRAME_MAX}")]
    TooLong(usize),
    /// Not JSON of this protocol.
    #[error("a frame is not of this protocol: {0}")]
    Invalid(#[from] JsonError),
    /// The pipe.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// One value as a frame.
///
/// # Errors
/// [`FrameError::TooLong`].
pub(crate) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, FrameError> {
    let mut frame = vec![0u8; 4];
    serde_json::to_writer(&mut frame, value)?;
    let body = frame.len() - 4;
    match u32::try_from(body) {
        Ok(length) if body <= FRAME_MAX => {
            frame[..4].copy_from_slice(&length.to_le_bytes());
            Ok(frame)
        }
        _ => Err(FrameError::TooLong(body)),
    }
}

/// Checks a length prefix.
///
/// # Errors
/// [`FrameError::TooLong`].
pub(crate) fn body_len(prefix: [u8; 4]) -> Result<usize, FrameError> {
    let length = u32::from_le_bytes(prefix) as usize;
    if length > FRAME_MAX { Err(FrameError::TooLong(length)) } else { Ok(length) }
}

/// Reads one frame; `None` at a clean end. Used by the worker (blocking).
///
/// # Errors
/// A frame that is cut off, too long, or not of this protocol.
#[cfg(any(test, feature = "llama", feature = "fuzz"))]
pub(crate) fn read<T: for<'a> Deserialize<'a>>(from: &mut impl Read) -> Result<Option<T>, FrameError> {
    let mut prefix = [0u8; 4];
    match from.read(&mut prefix[..1])? {
        0 => return Ok(None),
        _ => from.read_exact(&mut prefix[1..])?,
    }
    let mut body = vec![0u8; body_len(prefix)?];
    from.read_exact(&mut body)?;
    Ok(Some(serde_json::from_slice(&body)?))
}

/// Writes one frame. Used by the worker (blocking).
///
/// # Errors
/// The pipe is gone, or the value is too long.
#[cfg(any(test, feature = "llama"))]
pub(crate) fn write<T: Serialize>(to: &mut impl Write, value: &T) -> Result<(), FrameError> {
    Ok(to.write_all(&encode(value)?)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    fn generate() -> Generate {
        Generate {
            id: 7,
            input: Input::Chat {
                messages: vec![Turn { role: "user".into(), content: "hé\u{0}\n".into(), ..Turn::default() }],
                tools: vec![ToolSpec { name: "t".into(), description: None, parameters: Some("{}".into()) }],
                thinking: Some(false),
            },
            sampling: Sampling { temperature: 0.25, seed: 3, ..Sampling::default() },
            max_tokens: Some(5),
            stop: vec!["\n\n".into()],
            logprobs: Some(2),
            signs: true,
            constraint: Some(Constraint::Schema("{\"type\":\"object\"}".into())),
            logit_bias: vec![(3, -100.0)],
            special: true,
            ignore_eos: true,
            class: Class::Batch,
            deadline_ms: Some(5),
        }
    }

    #[test]
    fn every_message_survives_a_round_trip() {
        let to = [
            ToWorker::Load(Box::new(Load::new("m.gguf".into(), 512, 2, 1))),
            ToWorker::Generate(Box::new(generate())),
            ToWorker::Cancel { id: 7 },
            ToWorker::Count { id: 8, input: Input::Raw { prompt: "x".into() } },
            ToWorker::Ping { id: 9 },
            ToWorker::Quit,
        ];
        let mut bytes = Vec::new();
        for message in &to {
            write(&mut bytes, message).unwrap();
        }
        let mut rest = bytes.as_slice();
        for message in &to {
            assert_eq!(read::<ToWorker>(&mut rest).unwrap().as_ref(), Some(message));
        }
        assert!(read::<ToWorker>(&mut rest).unwrap().is_none());
        let logprobs = vec![Logprob { bytes: vec![0xff], logprob: -0.5, top: vec![(vec![1], -0.5)] }];
        let from = [
            FromWorker::Hello { version: 1 },
            FromWorker::Token { id: 1, text: "é".into(), logprobs, signs: vec![Sign(12, 30_000, 2)] },
            FromWorker::Finish {
                id: 1,
                reason: Reason::Stop("x".into()),
                spent: Spent { prompt: 1, ..Spent::default() },
            },
            FromWorker::Error { id: 1, kind: Kind::Context, message: "m".into() },
        ];
        for message in &from {
            let frame = encode(message).unwrap();
            assert_eq!(read::<FromWorker>(&mut frame.as_slice()).unwrap().as_ref(), Some(message));
        }
    }

    #[test]
    fn a_frame_over_the_limit_is_refused_before_memory_is_taken() {
        let bytes = (FRAME_MAX as u32 + 1).to_le_bytes();
        assert!(matches!(read::<ToWorker>(&mut bytes.as_slice()), Err(FrameError::TooLong(_))));
        let long = ToWorker::Count { id: 1, input: Input::Raw { prompt: "x".repeat(FRAME_MAX) } };
        assert!(matches!(encode(&long), Err(FrameError::TooLong(_))));
    }

    #[test]
    fn a_cut_frame_is_an_error_not_an_end() {
        let frame = encode(&ToWorker::Ping { id: 1 }).unwrap();
        for cut in 1..frame.len() {
            assert!(read::<ToWorker>(&mut &frame[..cut]).is_err(), "cut at {cut}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read::<ToWorker>(&mut bytes.as_slice());
            let _ = read::<FromWorker>(&mut bytes.as_slice());
        }
    }
}
