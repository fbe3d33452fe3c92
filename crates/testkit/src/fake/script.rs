//! The language of scripts: one answer is a head and a list of steps.

use bytes::Bytes;
use std::time::Duration;

/// How the end of the body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// `content-length`, the sum of all bytes in the script.
    Length,
    /// `transfer-encoding: chunked`, one chunk per step.
    Chunked,
    /// By closing the connection.
    Close,
}

/// One step of an answer. The head goes out before the first step that writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The head alone.
    Head,
    /// Bytes of the body.
    Bytes(Bytes),
    /// Bytes of the body, `size` at a time with a pause before each piece.
    Drip {
        /// All of them.
        bytes: Bytes,
        /// Piece.
        size: usize,
        /// Pause.
        every: Duration,
    },
    /// Bytes as they are, without head and framing: not HTTP, if one likes.
    Raw(Bytes),
    /// Nothing for a while.
    Wait(Duration),
    /// Nothing any more, until the client goes away.
    Stall,
    /// The connection is reset (`SO_LINGER` 0).
    Reset,
    /// The connection is closed in the middle, without the end of the body.
    Close,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers beside those of the framing.
    pub headers: Vec<(String, String)>,
    /// How the body ends.
    pub framing: Framing,
    /// What happens.
    pub steps: Vec<Step>,
}

impl Answer {
    /// An answer in one piece.
    pub fn new(status: u16, media: &str, body: impl Into<Bytes>) -> Answer {
        Answer {
            status,
            headers: vec![("content-type".to_owned(), media.to_owned())],
            framing: Framing::Length,
            steps: vec![Step::Bytes(body.into())],
        }
    }

    /// JSON in one piece.
    pub fn json(status: u16, body: impl Into<Bytes>) -> Answer {
        Answer::new(status, "application/json", body)
    }

    /// A stream: each piece is one chunk of the transfer encoding.
    pub fn stream<B: Into<Bytes>>(media: &str, pieces: impl IntoIterator<Item = B>) -> Answer {
        Answer {
            status: 200,
            headers: vec![("content-type".to_owned(), media.to_owned())],
            framing: Framing::Chunked,
            steps: pieces.into_iter().map(|p| Step::Bytes(p.into())).collect(),
        }
    }

    /// Bytes that need not be HTTP at all, and the end of the connection.
    pub fn garbage(bytes: impl Into<Bytes>) -> Answer {
        Answer::of(vec![Step::Raw(bytes.into()), Step::Close])
    }

    /// A chunked answer with status 200 that does exactly this.
    pub fn of(steps: Vec<Step>) -> Answer {
        Answer { status: 200, headers: Vec::new(), framing: Framing::Chunked, steps }
    }

    /// One more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Answer {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Another framing.
    #[must_use]
    pub fn framed(mut self, framing: Framing) -> Answer {
        self.framing = framing;
        self
    }

    /// `step` before the step with this number.
    #[must_use]
    pub fn insert(mut self, at: usize, step: Step) -> Answer {
        self.steps.insert(at.min(self.steps.len()), step);
        self
    }

    /// The first `count` steps, then `step`.
    #[must_use]
    pub fn cut(mut self, count: usize, step: Step) -> Answer {
        self.steps.truncate(count);
        self.steps.push(step);
        self
    }

    /// The same body in pieces of `size` bytes, so that frames are cut anywhere.
    #[must_use]
    pub fn pieces(mut self, size: usize) -> Answer {
        let body = self.body();
        self.steps = body.chunks(size.max(1)).map(|p| Step::Bytes(Bytes::copy_from_slice(p))).collect();
        self
    }

    /// All bytes of the body.
    pub fn body(&self) -> Vec<u8> {
        let parts = self.steps.iter().filter_map(|s| match s {
            Step::Bytes(b) | Step::Drip { bytes: b, .. } => Some(b.as_ref()),
            _ => None,
        });
        parts.collect::<Vec<_>>().concat()
    }

    /// The head, with the lines of the framing.
    pub(super) fn head(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Scripted\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&match self.framing {
            Framing::Length => format!("content-length: {}\r\n", self.body().len()),
            Framing::Chunked => "transfer-encoding: chunked\r\n".to_owned(),
            Framing::Close => "connection: close\r\n".to_owned(),
        });
        head.push_str("\r\n");
        head.into_bytes()
    }
}
