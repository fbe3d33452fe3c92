//! How models speak: which marks stand around tool calls and reasoning, and what an answer with such marks says.
//!
//! The formats are those that the model families document and that vLLM and llama.cpp's server read. A family is told by
//! its chat template; a template that names no format gets Hermes' marks, which are then also asked for.
//!
//! Never here: the words of a template, tokens, events of a dialect.

mod call;
#[cfg(any(test, feature = "fuzz"))]
mod check;
mod family;
mod harmony;
mod heard;
mod parser;
mod python;
mod scan;
mod xml;

#[cfg(all(test, feature = "llama"))]
pub(crate) use check::FAMILIES;
pub(crate) use family::Family;
#[cfg(feature = "llama")]
pub(crate) use family::{opened, thinks};
pub(crate) use heard::{Heard, Known};
pub(crate) use parser::Parser;
#[cfg(feature = "llama")]
pub(crate) use xml::is_text;

use serde::{Deserialize, Serialize};

/// What a reader of an answer must know beforehand; said by the worker, which has the template and the grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Speech {
    pub(crate) family: Family,
    /// The prompt itself has begun the reasoning.
    pub(crate) opened: bool,
    /// A grammar makes sure that a call which has begun is valid, so its arguments may be sent before it is complete.
    pub(crate) bound: bool,
}

/// Parses arbitrary text in arbitrary pieces as every family and checks that the pieces made no difference and that text
/// without marks is not lost. For fuzzing.
///
/// # Panics
/// When either does not hold.
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub fn check(text: &str, step: usize) {
    check::check(text, step);
}
