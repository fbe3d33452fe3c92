//! Error bodies of backends, of every shape seen, as one.
//!
//! Never here: what to do about them (room `backend` judges status and code).

use crate::json;
use serde_json::{Map, Value};

/// What a backend's error body says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamError {
    /// In the backend's words, cut to [`MESSAGE_MAX`] bytes; never empty, never HTML.
    pub message: String,
    /// Its type (`invalid_request_error`, `NotFoundError`, `overloaded_error`).
    pub kind: Option<String>,
    /// Its code (`context_length_exceeded`, or a number written out).
    pub code: Option<String>,
}

/// Longest message kept, in bytes.
pub const MESSAGE_MAX: usize = 2048;

/// Longest type or code kept, in bytes.
const WORD_MAX: usize = 128;

/// Reads an error body:
/// - `{"error": {"message", "type", "code"}}` (OpenAI, vLLM, llama-server) and with `"type": "error"` (Anthropic),
/// - `{"error": "text"}` (Ollama, vLLM without a key),
/// - `{"object": "error", "message", "type", "code"}` (SGLang, TensorRT-LLM),
/// - `{"message": "text"}` (mistral.rs), `{"detail": …}` (FastAPI),
/// - a list of one of these (Gemini), plain text, HTML, nothing.
pub fn read(body: &[u8]) -> UpstreamError {
    let parsed = json::text(body).ok().and_then(|text| serde_json::from_str::<Value>(text).ok());
    match parsed {
        Some(Value::Object(object)) => from_object(&object),
        Some(Value::Array(list)) => match list.first() {
            Some(Value::Object(object)) => from_object(object),
            _ => without_words(),
        },
        Some(Value::String(text)) => from_text(&text),
        _ => from_text(&String::from_utf8_lossy(body.get(..MESSAGE_MAX * 2).unwrap_or(body))),
    }
}

fn from_object(object: &Map<String, Value>) -> UpstreamError {
    match object.get("error") {
        Some(Value::Object(inner)) => from_members(inner),
        Some(Value::String(text)) => UpstreamError { code: word(object.get("code")), ..from_text(text) },
        _ => from_members(object),
    }
}

fn from_members(members: &Map<String, Value>) -> UpstreamError {
    let text = ["message", "detail", "msg", "error"].iter().find_map(|key| match members.get(*key) {
        Some(Value::String(text)) if !text.trim().is_empty() => Some(text.clone()),
        // FastAPI: a list of {"msg", "loc"}.
        Some(Value::Array(list)) => list.first()?.get("msg")?.as_str().map(str::to_owned),
        _ => None,
    });
    let kind = word(members.get("type").or_else(|| members.get("status")));
    let code = word(members.get("code"));
    UpstreamError { kind, code, ..text.map_or_else(without_words, |t| from_text(&t)) }
}

fn word(value: Option<&Value>) -> Option<String> {
    let word = match value? {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    Some(word).filter(|w| !w.is_empty() && w.len() <= WORD_MAX && !w.chars().any(char::is_control))
}

/// Text as it came, unless it is a page for browsers: that tells a caller nothing and may carry anything.
fn from_text(text: &str) -> UpstreamError {
    let printable: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    let text = printable.trim();
    if text.starts_with('<') || text.to_ascii_lowercase().contains("<html") {
        return of(
            "The upstream answered with an HTML page instead of an API answer; check its base_url and any proxy on the way.",
        );
    }
    let end = (0..=text.len().min(MESSAGE_MAX)).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    if end == 0 { without_words() } else { of(&text[..end]) }
}

fn without_words() -> UpstreamError {
    of("The upstream gave no reason.")
}

fn of(message: &str) -> UpstreamError {
    UpstreamError { message: message.to_owned(), kind: None, code: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is(body: &str, message: &str, kind: Option<&str>, code: Option<&str>) {
        let wanted =
            UpstreamError { message: message.to_owned(), kind: kind.map(str::to_owned), code: code.map(str::to_owned) };
        assert_eq!(read(body.as_bytes()), wanted, "{body}");
    }

    #[test]
    fn the_shapes_of_the_engines() {
        is(
            r#"{"error":{"message":"no such model","type":"NotFoundError","param":null,"code":404}}"#,
            "no such model",
            Some("NotFoundError"),
            Some("404"),
        );
        is(
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"r"}"#,
            "Overloaded",
            Some("overloaded_error"),
            None,
        );
        is(r#"{"error":"Unauthorized"}"#, "Unauthorized", None, None);
        is(
            r#"{"object":"error","message":"The request queue is full.","type":"x","param":null,"code":503}"#,
            "The request queue is full.",
            Some("x"),
            Some("503"),
        );
        is(r#"{"message":"bad"}"#, "bad", None, None);
        is(
            r#"[{"error":{"code":400,"message":"bad","status":"INVALID_ARGUMENT"}}]"#,
            "bad",
            Some("INVALID_ARGUMENT"),
            Some("400"),
        );
        is(r#"{"detail":[{"loc":["body"],"msg":"field required"}]}"#, "field required", None, None);
        is("upstream connect error", "upstream connect error", None, None);
    }

    #[test]
    fn pages_and_silence_are_not_shown() {
        for body in ["\u{0}<p>", "<html><h1>502</h1></html>", "<!DOCTYPE html>", r#"{"error":"<html>x"}"#] {
            assert!(read(body.as_bytes()).message.contains("HTML page"), "{body}");
        }
        for body in ["", "  ", "{}", "[]", "\u{0}\u{1}", r#"{"error":{"message":""}}"#, r#"{"error":null}"#] {
            is(body, "The upstream gave no reason.", None, None);
        }
    }

    #[test]
    fn long_messages_are_cut() {
        assert_eq!(read("ä".repeat(5000).as_bytes()).message.len(), MESSAGE_MAX);
    }

    proptest! {
        #[test]
        fn any_bytes_give_words(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let error = read(&body);
            prop_assert!(!error.message.is_empty() && error.message.len() <= MESSAGE_MAX);
        }
    }
}
