//! What is heard in an answer, and what it is heard with: the nouns of this room.
//!
//! Never here: reading.

use serde_json::Value;

/// A tool of the request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Known {
    pub(crate) name: String,
    /// Its JSON schema, where it has one that can be read.
    pub(crate) parameters: Option<Value>,
}

/// What was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    Text(String),
    Reasoning(String),
    /// A mark of reasoning ended here; it is shown to nobody.
    Mark,
    CallStart(String),
    /// A piece of the arguments, which joined are a JSON object.
    CallArguments(String),
    CallEnd,
}

/// Length of the longest end of `text` that may become one of `marks`.
pub(super) fn held<'m>(text: &str, marks: impl IntoIterator<Item = &'m str>) -> usize {
    let one = |mark: &str| {
        let most = text.len().min(mark.len() - 1);
        (1..=most).rev().find(|n| text.is_char_boundary(text.len() - n) && mark.starts_with(&text[text.len() - n..]))
    };
    marks.into_iter().filter_map(one).max().unwrap_or(0)
}
