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
    /// The answer is over as it stands: neither head nor end of the body are written, and the connection stays open.
    End,
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

    /// Bytes that need not be HTTP at all, after which the connection stays open.
    pub fn raw(bytes: impl Into<Bytes>) -> Answer {
        Answer::of(vec![Step::Raw(bytes.into()), Step::End])
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

    /// The answer as it stands on the wire, head and framing included, with its pauses left out. An answer that is
    /// broken off is there up to that point.
    pub fn wire(&self) -> Vec<u8> {
        let mut head = Some(self.head());
        let mut out = Vec::new();
        for step in &self.steps {
            match step {
                Step::Head => out.extend(head.take().unwrap_or_default()),
                Step::Raw(bytes) => out.extend_from_slice(bytes),
                Step::Bytes(bytes) => out.extend(framed(&mut head, bytes, self.framing)),
                Step::Drip { bytes, size, .. } => {
                    for piece in bytes.chunks((*size).max(1)) {
                        out.extend(framed(&mut head, piece, self.framing));
                    }
                }
                Step::Wait(_) => {}
                Step::Stall | Step::Reset | Step::Close | Step::End => return out,
            }
        }
        out.extend(self.end(&mut head));
        out
    }

    /// The first `offset` bytes of [`Answer::wire`], then a reset. Pauses are left out.
    #[must_use]
    pub fn reset_at(&self, offset: usize) -> Answer {
        self.broken_at(offset, Step::Reset)
    }

    /// The first `offset` bytes of [`Answer::wire`], then the end of the connection. Pauses are left out.
    #[must_use]
    pub fn closed_at(&self, offset: usize) -> Answer {
        self.broken_at(offset, Step::Close)
    }

    /// The first `offset` bytes of [`Answer::wire`], then nothing until the client goes away. Pauses are left out.
    #[must_use]
    pub fn stalled_at(&self, offset: usize) -> Answer {
        self.broken_at(offset, Step::Stall)
    }

    fn broken_at(&self, offset: usize, how: Step) -> Answer {
        let mut wire = self.wire();
        wire.truncate(offset);
        Answer { steps: vec![Step::Raw(wire.into()), how], ..self.clone() }
    }

    /// The wire form `size` bytes at a time, each a segment of its own: heads and chunk sizes are cut as well.
    #[must_use]
    pub fn dripped(&self, size: usize, every: Duration) -> Answer {
        let wire = self.wire();
        let mut steps = Vec::new();
        for piece in wire.chunks(size.max(1)) {
            steps.push(Step::Raw(Bytes::copy_from_slice(piece)));
            steps.push(Step::Wait(every));
        }
        steps.push(if self.framing == Framing::Close { Step::Close } else { Step::End });
        Answer { steps, ..self.clone() }
    }

    /// `count` informational answers (103 with a header) before this one.
    #[must_use]
    pub fn after_hints(&self, count: usize) -> Answer {
        let hints = "HTTP/1.1 103 Early Hints\r\nlink: </x>; rel=preload\r\n\r\n".repeat(count);
        self.clone().insert(0, Step::Raw(hints.into()))
    }

    /// A second answer on the same connection that nobody asked for, in the same segment as the end of this one.
    #[must_use]
    pub fn and_then(self, second: &Answer) -> Answer {
        let bytes = [self.wire(), second.wire()].concat();
        Answer { steps: vec![Step::Raw(bytes.into()), Step::End], ..self }
    }

    /// All bytes of the body.
    pub fn body(&self) -> Vec<u8> {
        let parts = self.steps.iter().filter_map(|s| match s {
            Step::Bytes(b) | Step::Drip { bytes: b, .. } => Some(b.as_ref()),
            _ => None,
        });
        parts.collect::<Vec<_>>().concat()
    }

    /// What stands behind the last step: the head if nothing was written, and the mark of the end.
    pub(super) fn end(&self, head: &mut Option<Vec<u8>>) -> Vec<u8> {
        let mut end = head.take().unwrap_or_default();
        if self.framing == Framing::Chunked {
            end.extend_from_slice(b"0\r\n\r\n");
        }
        end
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

/// A piece of the body with its framing, and with the head where that has not gone out yet.
pub(super) fn framed(head: &mut Option<Vec<u8>>, piece: &[u8], framing: Framing) -> Vec<u8> {
    let mut out = head.take().unwrap_or_default();
    // An empty chunk would be the end of the body.
    if framing == Framing::Chunked && !piece.is_empty() {
        out.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        out.extend_from_slice(piece);
        out.extend_from_slice(b"\r\n");
    } else {
        out.extend_from_slice(piece);
    }
    out
}
