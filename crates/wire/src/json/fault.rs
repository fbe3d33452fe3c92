//! What went wrong while reading, in words for the person who sent the body, with the path to the field.
//!
//! Never here: the caller's own text (a string that should have been a number is called "a string", not quoted: it may
//! be somebody's prompt, and messages end up in logs).

use crate::WireError;
use serde_json::error::Category;
use std::cell::{Cell, RefCell};
use std::fmt::Write;

/// The steps from the root to the value at fault. Written only while an error travels up, so it costs nothing on the
/// way of a good body.
#[derive(Default)]
pub(crate) struct Trail {
    steps: RefCell<Vec<Step>>,
    /// Memory that was taken, and how much may be; `None` is not bounded here.
    spent: Cell<usize>,
    most: Option<usize>,
}

enum Step {
    Key(String),
    Index(usize),
}

/// Longest key shown in a path, in bytes; keys are the caller's, too.
const KEY_SHOWN: usize = 64;

/// Bytes that elements and kept members of one body may take in memory beside their text. Tiny elements take many
/// times what they are in JSON; with this bound a body of the usual limit never takes much more than itself.
pub(crate) const SPEND_MAX: usize = 16 * 1024 * 1024;

impl Trail {
    /// A trail for a request: what its elements take is bounded.
    pub(crate) fn bounded() -> Trail {
        Trail { most: Some(SPEND_MAX), ..Trail::default() }
    }

    /// Takes note of memory that one more element takes.
    pub(crate) fn spend<E: serde::de::Error>(&self, bytes: usize) -> Result<(), E> {
        let spent = self.spent.get() + bytes;
        self.spent.set(spent);
        match self.most {
            Some(most) if spent > most => Err(E::custom("holds more elements than there is room for; send fewer")),
            _ => Ok(()),
        }
    }

    /// The error lies under this key.
    pub(crate) fn key(&self, key: &str) {
        let end = (0..=key.len().min(KEY_SHOWN)).rev().find(|i| key.is_char_boundary(*i)).unwrap_or(0);
        self.steps.borrow_mut().push(Step::Key(key[..end].to_owned()));
    }

    /// The error lies in this element.
    pub(crate) fn index(&self, index: usize) {
        self.steps.borrow_mut().push(Step::Index(index));
    }

    /// `messages[0].role`; `None` at the root.
    fn path(&self) -> Option<String> {
        let mut path = String::new();
        for step in self.steps.borrow().iter().rev() {
            let _ = match step {
                Step::Key(key) if path.is_empty() => write!(path, "{key}"),
                Step::Key(key) => write!(path, ".{key}"),
                Step::Index(index) => write!(path, "[{index}]"),
            };
        }
        Some(path).filter(|p| !p.is_empty())
    }
}

/// Turns a reader's error into one for people.
pub(crate) fn explain(error: &serde_json::Error, trail: &Trail) -> WireError {
    let text = without_position(&error.to_string());
    let place = format!("line {} column {}", error.line(), error.column());
    match error.classify() {
        Category::Data => {
            let param = trail.path();
            let subject = param.as_deref().map_or("The body".to_owned(), |p| format!("`{p}`"));
            WireError { message: format!("{subject} {}.", complaint(&text)), param }
        }
        Category::Eof => WireError::new(format!("The body is not valid JSON: it ends too early ({place}).")),
        Category::Syntax if text.starts_with("number out of range") => {
            let param = trail.path();
            let subject = param.as_deref().map_or("A number".to_owned(), |p| format!("`{p}`"));
            WireError { message: format!("{subject} is out of range ({place})."), param }
        }
        Category::Syntax | Category::Io => WireError::new(format!("The body is not valid JSON: {text} ({place}).")),
    }
}

/// `serde_json` appends ` at line L column C`.
fn without_position(text: &str) -> String {
    text.rfind(" at line ").map_or(text, |at| &text[..at]).to_owned()
}

/// "must be …, but it is …" out of "invalid type: …, expected …"; other texts are already complaints.
fn complaint(text: &str) -> String {
    let mismatch = text.strip_prefix("invalid type: ").or_else(|| text.strip_prefix("invalid value: "));
    match mismatch.and_then(|m| m.rsplit_once(", expected ")) {
        Some((found, wanted)) => format!("must be {}, but it is {}", expected(wanted), unexpected(found)),
        None => text.to_owned(),
    }
}

fn expected(wanted: &str) -> &str {
    match wanted {
        "f64" => "a number",
        "u64" | "u32" => "a whole number that is not negative",
        "i64" => "a whole number",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "any valid JSON value" => "a value",
        other => other,
    }
}

fn unexpected(found: &str) -> String {
    if found.starts_with("string ") || found.starts_with("character ") {
        return "a string".to_owned();
    }
    match found {
        "map" => "an object".to_owned(),
        "sequence" => "a list".to_owned(),
        "unit value" | "Option value" => "null".to_owned(),
        other => other
            .replace("floating point `", "the number ")
            .replace("integer `", "the number ")
            .replace("boolean `", "")
            .replace('`', ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_from_the_root() {
        let trail = Trail::default();
        trail.key("role");
        trail.index(3);
        trail.key("messages");
        assert_eq!(trail.path().as_deref(), Some("messages[3].role"));
    }

    #[test]
    fn long_keys_are_cut_at_a_character() {
        let trail = Trail::default();
        trail.key(&"ü".repeat(100));
        assert_eq!(trail.path().map(|p| p.len()), Some(64));
    }

    #[test]
    fn the_callers_text_is_not_repeated() {
        let said = complaint("invalid type: string \"my secret, expected nothing\", expected f64");
        assert_eq!(said, "must be a number, but it is a string");
    }

    #[test]
    fn numbers_are_shown() {
        assert_eq!(
            complaint("invalid value: integer `-5`, expected u32"),
            "must be a whole number that is not negative, but it is the number -5"
        );
        assert_eq!(complaint("invalid type: boolean `true`, expected a string"), "must be a string, but it is true");
    }
}
