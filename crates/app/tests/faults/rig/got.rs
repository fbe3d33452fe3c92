//! What a client got: status, headers, events, and how it ended, read by the rules of the dialect alone and with none of
//! the server's code.
//!
//! Never here: sockets.

use super::Dialect;
use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;
use std::time::Duration;

/// One server-sent event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Its name, where it has one.
    pub(crate) name: Option<String>,
    /// Its data.
    pub(crate) data: String,
}

impl Frame {
    /// The data as JSON; null when it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_default()
    }
}

/// An error in the caller's dialect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The dialect's type.
    pub(crate) kind: String,
    /// Our code, which only OpenAI's form has.
    pub(crate) code: Option<String>,
    /// The text.
    pub(crate) message: String,
}

/// How an answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// As it should: a whole plain answer, or a stream with its terminal event as the last one.
    Clean,
    /// With an error of the dialect, as the body or as the last event.
    Error(Failure),
    /// A stream that just ended.
    Silent,
    /// The connection broke, or what came is not the dialect.
    Broken(String),
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    /// Path of the request.
    pub(crate) path: String,
    /// The dialect of the path.
    pub(crate) dialect: Dialect,
    /// HTTP status.
    pub(crate) status: u16,
    /// Headers.
    pub(crate) headers: HeaderMap,
    /// All bytes.
    pub(crate) body: Bytes,
    /// The events, when it is a stream.
    pub(crate) frames: Vec<Frame>,
    /// How it ended.
    pub(crate) end: End,
    /// From sending to the head.
    pub(crate) head_after: Duration,
    /// From sending to the end.
    pub(crate) took: Duration,
}

/// The dialect in which a request to this path is to be answered.
pub(super) fn dialect(path: &str, headers: &[(&str, &str)]) -> Dialect {
    let versioned = headers.iter().any(|(n, _)| n.eq_ignore_ascii_case("anthropic-version"));
    if path.starts_with("/v1/messages") || versioned { Dialect::Anthropic } else { Dialect::Openai }
}

pub(super) fn request_id(headers: &HeaderMap) -> Option<String> {
    headers.get("x-request-id")?.to_str().ok().map(str::to_owned)
}

/// The complete events in these bytes. Comments are none.
pub(super) fn frames(bytes: &[u8]) -> Vec<Frame> {
    let text = String::from_utf8_lossy(bytes);
    let complete = text.rfind("\n\n").map_or("", |at| &text[..at]);
    let mut out = Vec::new();
    for block in complete.split("\n\n") {
        let field = |name: &str| {
            let lines = block.lines().filter_map(|l| l.strip_prefix(name)?.strip_prefix(": "));
            lines.collect::<Vec<_>>()
        };
        let data = field("data");
        if !data.is_empty() {
            out.push(Frame { name: field("event").first().map(|&n| n.to_owned()), data: data.join("\n") });
        }
    }
    out
}

impl Got {
    pub(super) fn of(
        path: String,
        dialect: Dialect,
        status: u16,
        headers: HeaderMap,
        body: Bytes,
        broken: Option<String>,
        (head_after, took): (Duration, Duration),
    ) -> Got {
        let kind = headers.get("content-type").and_then(|v| v.to_str().ok()).unwrap_or_default();
        let streamed = kind.starts_with("text/event-stream");
        let frames = if streamed { frames(&body) } else { Vec::new() };
        let end = match broken {
            Some(why) => End::Broken(why),
            None if streamed => end_of_stream(dialect, &body, &frames),
            None if status < 400 => End::Clean,
            None => match serde_json::from_slice(&body).ok().and_then(|v| failure(dialect, &v)) {
                Some(failure) => End::Error(failure),
                None => End::Broken("the body is no error of the dialect".to_owned()),
            },
        };
        Got { path, dialect, status, headers, body, frames, end, head_after, took }
    }

    /// A header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }

    /// The request id.
    pub(crate) fn request_id(&self) -> String {
        request_id(&self.headers).expect("a request id")
    }

    /// The body as JSON; null when it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as text.
    pub(crate) fn text_of_body(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Whether it is a whole answer, ended as it should.
    pub(crate) fn is_good(&self) -> bool {
        self.status == 200 && self.end == End::Clean
    }

    /// Whether it is a stream.
    pub(crate) fn is_stream(&self) -> bool {
        !self.frames.is_empty() || self.header("content-type").is_some_and(|t| t.starts_with("text/event-stream"))
    }

    /// The error.
    ///
    /// # Panics
    /// When there is none.
    pub(crate) fn failure(&self) -> &Failure {
        match &self.end {
            End::Error(failure) => failure,
            _ => panic!("no error, but {self:#?}"),
        }
    }

    /// The visible text of the answer, whole or as far as it came.
    pub(crate) fn text(&self) -> String {
        if self.is_stream() {
            let piece = |f: &Frame| {
                let v = f.json();
                let at = match self.dialect {
                    Dialect::Anthropic => "/delta/text",
                    _ => "/choices/0/delta/content",
                };
                v.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned()
            };
            return self.frames.iter().map(piece).collect();
        }
        let v = self.json();
        match self.dialect {
            Dialect::Anthropic => {
                let blocks = v["content"].as_array().cloned().unwrap_or_default();
                blocks.iter().filter_map(|b| b["text"].as_str()).collect()
            }
            _ => v.pointer("/choices/0/message/content").and_then(Value::as_str).unwrap_or_default().to_owned(),
        }
    }

    /// Comments of the stream (`: keep-alive`).
    pub(crate) fn comments(&self) -> usize {
        self.text_of_body().lines().filter(|l| l.starts_with(':')).count()
    }
}

/// An error body, if it has everything that its dialect asks for.
fn failure(dialect: Dialect, v: &Value) -> Option<Failure> {
    let error = v.get("error")?;
    let text = |name: &str| error.get(name).and_then(Value::as_str).map(str::to_owned);
    let whole = match dialect {
        Dialect::Anthropic => v["type"] == "error" && v["request_id"].is_string(),
        // All four keys are required.
        _ => ["message", "type", "param", "code"].iter().all(|k| error.get(k).is_some()),
    };
    whole.then_some(())?;
    Some(Failure { kind: text("type")?, code: text("code"), message: text("message")? })
}

fn end_of_stream(dialect: Dialect, body: &[u8], frames: &[Frame]) -> End {
    if !body.is_empty() && !body.ends_with(b"\n\n") {
        return End::Broken("the last event is not complete".to_owned());
    }
    let terminal = |f: &Frame| match dialect {
        Dialect::Anthropic => f.name.as_deref() == Some("message_stop"),
        _ => f.data == "[DONE]",
    };
    let error = |f: &Frame| match dialect {
        Dialect::Anthropic if f.name.as_deref() != Some("error") => None,
        _ => failure(dialect, &f.json()),
    };
    let last = frames.len().saturating_sub(1);
    if let Some(at) = frames.iter().position(|f| terminal(f) || error(f).is_some()).filter(|at| *at != last) {
        return End::Broken(format!("something follows the end: {:?}", &frames[at..]));
    }
    match frames.last() {
        Some(f) if terminal(f) => End::Clean,
        Some(f) => error(f).map_or(End::Silent, End::Error),
        None => End::Silent,
    }
}
