//! What an answer must obey.
//!
//! Never here: how it is made sure of.

use serde::{Deserialize, Serialize};

/// A bound on the form of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Constraint {
    /// JSON schema text.
    Schema(String),
    /// A grammar in llama.cpp's GBNF; its first rule is `root`. With `triggers` (regular expressions over the whole answer so far,
    /// the first group of which begins what the grammar governs) it holds only from where one of them matches.
    Grammar { gbnf: String, triggers: Vec<String> },
    /// The calls of the input's tools, in the form of the model's family. Composed into a grammar by the worker.
    Calls {
        /// Only this tool.
        only: Option<String>,
        /// The answer is a call; else the model decides, and a call that has begun must be valid.
        required: bool,
        /// More than one.
        parallel: bool,
    },
}
