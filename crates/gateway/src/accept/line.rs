//! What a connection's socket and its requests tell each other: how many requests are open, since when it is quiet,
//! whether the client has closed its side for writing, and whether something may be said to find out if it is gone.
//!
//! Never here: reading or writing the socket.

use super::repeat::Copying;
use crate::relay::{BrokeOff, Outbound};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use tokio::time::Instant;

/// Where the one request of an HTTP/1 connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Stage {
    /// Its body is being read, or there is none.
    Asking = 0,
    /// It waits for its answer.
    Waiting = 1,
    /// The head of its answer is out, and a stream of server-sent events follows.
    Events = 2,
    /// The head of another answer is out.
    Answering = 3,
}

/// One connection, seen from both ends. All of it runs in the connection's own task but for HTTP/2, whose streams only
/// count.
#[derive(Debug)]
pub(super) struct Line {
    born: Instant,
    /// Requests that were begun, ever.
    begun: AtomicU32,
    /// Requests without the end of their answer.
    open: AtomicU32,
    /// Milliseconds after `born` at which the last request ended.
    quiet_ms: AtomicU64,
    stage: AtomicU8,
    /// The version is HTTP/1.1, so that interim answers (1xx) may be sent.
    interim: AtomicBool,
    /// The version is HTTP/2, where half of a connection cannot be closed.
    h2: AtomicBool,
    /// The client has closed its side for writing, and the end is kept from the reader until the answer is out.
    fin: AtomicBool,
    /// A comment is wanted in the stream of events.
    comment: AtomicBool,
    /// The bytes of the head at hand, and of what came with it.
    head: std::sync::Mutex<Vec<u8>>,
    /// Who waits in `Socket` while `fin` holds.
    waker: std::sync::Mutex<Option<Waker>>,
}

impl Line {
    /// A new connection.
    pub(super) fn new() -> Arc<Line> {
        Arc::new(Line {
            born: Instant::now(),
            begun: AtomicU32::new(0),
            open: AtomicU32::new(0),
            quiet_ms: AtomicU64::new(0),
            stage: AtomicU8::new(Stage::Asking as u8),
            interim: AtomicBool::new(false),
            h2: AtomicBool::new(false),
            fin: AtomicBool::new(false),
            comment: AtomicBool::new(false),
            head: std::sync::Mutex::default(),
            waker: std::sync::Mutex::default(),
        })
    }

    /// One more request; it is open until the guard is dropped.
    pub(super) fn begin(self: &Arc<Line>, version: http::Version) -> Open {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.open.fetch_add(1, Ordering::Relaxed);
        self.stage.store(Stage::Asking as u8, Ordering::Relaxed);
        self.interim.store(version == http::Version::HTTP_11, Ordering::Relaxed);
        self.h2.store(version == http::Version::HTTP_2, Ordering::Relaxed);
        Open(self.clone())
    }

    /// Bytes that came while no request was open; `begins` when they are the first of a head.
    pub(super) fn head(&self, bytes: &[u8], begins: bool) {
        if let Ok(mut head) = self.head.lock() {
            if begins {
                head.clear();
            }
            let room = super::HEADERS_MAX_BYTES.saturating_sub(head.len());
            head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }

    /// How the lines of the head at hand were written, which its parsed form no longer shows.
    pub(super) fn lines(&self) -> Lines {
        self.head.lock().map_or(Lines::default(), |mut head| {
            let lines = Lines::of(&head);
            // The next one on this connection may have come along with this one, and is not known then.
            head.clear();
            lines
        })
    }

    /// Whether the end of the client's bytes is kept from the reader: an answer is due that the client may yet read.
    pub(super) fn holds(&self) -> bool {
        self.open.load(Ordering::Relaxed) > 0 && !self.h2.load(Ordering::Relaxed)
    }

    /// Requests begun so far, and whether one is open.
    pub(super) fn requests(&self) -> (u32, bool) {
        (self.begun.load(Ordering::Relaxed), self.open.load(Ordering::Relaxed) > 0)
    }

    /// When the last request ended; the start of the connection before the first.
    pub(super) fn quiet_since(&self) -> Instant {
        self.born + std::time::Duration::from_millis(self.quiet_ms.load(Ordering::Relaxed))
    }

    /// Where the request of an HTTP/1 connection stands.
    pub(super) fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Relaxed) {
            1 => Stage::Waiting,
            2 => Stage::Events,
            3 => Stage::Answering,
            _ => Stage::Asking,
        }
    }

    /// Whether interim answers may be sent.
    pub(super) fn interim(&self) -> bool {
        self.interim.load(Ordering::Relaxed)
    }

    /// The client's bytes ended while an answer is due. `waker` is woken when none is due any more.
    pub(super) fn ended(&self, waker: &Waker) {
        self.fin.store(true, Ordering::Relaxed);
        if let Ok(mut slot) = self.waker.lock() {
            slot.replace(waker.clone());
        }
    }

    /// Whether no more bytes will come from the client.
    pub(super) fn has_ended(&self) -> bool {
        self.fin.load(Ordering::Relaxed)
    }

    /// Wants a comment in the stream of events.
    pub(super) fn want_comment(&self) {
        self.comment.store(true, Ordering::Relaxed);
    }
}

/// What the lines of a head are like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Lines {
    /// The whole head was seen.
    pub(super) known: bool,
    /// A line ends with LF alone: for some servers it ends there, for others not.
    pub(super) bare: bool,
    /// One gives the length of the body.
    pub(super) length: bool,
}

impl Lines {
    fn of(head: &[u8]) -> Lines {
        let mut lines = Lines::default();
        let (mut rest, mut begun) = (head, false);
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let Some(line) = rest[..end].strip_suffix(b"\r") else {
                return Lines { bare: true, ..lines };
            };
            if line.is_empty() {
                // Empty lines before the first are allowed (RFC 9112, 2.2).
                if begun {
                    lines.known = true;
                    break;
                }
            } else {
                begun = true;
            }
            const LENGTH: &[u8] = b"content-length";
            lines.length |= line.get(..LENGTH.len()).is_some_and(|name| name.eq_ignore_ascii_case(LENGTH));
            rest = &rest[end + 1..];
        }
        lines
    }
}

/// An open request of a connection.
#[derive(Debug)]
pub(super) struct Open(Arc<Line>);

impl Open {
    /// Its line.
    pub(super) fn line(&self) -> &Line {
        &self.0
    }

    /// The request stands here now.
    pub(super) fn at(&self, stage: Stage) {
        self.0.stage.store(stage as u8, Ordering::Relaxed);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let line = &self.0;
        let quiet = u64::try_from(line.born.elapsed().as_millis()).unwrap_or(u64::MAX);
        line.quiet_ms.store(quiet, Ordering::Relaxed);
        line.open.fetch_sub(1, Ordering::Relaxed);
        if line.has_ended()
            && let Ok(mut slot) = line.waker.lock()
            && let Some(waker) = slot.take()
        {
            waker.wake();
        }
    }
}

/// A response's body on its way out. While it lives its request is open.
pub(super) struct Outgoing {
    inner: Outbound,
    open: Open,
    /// Kept while it goes out, for a repeated `Idempotency-Key`.
    copy: Option<Box<Copying>>,
}

impl Outgoing {
    /// The body of the answer to `open`.
    pub(super) fn new(inner: Outbound, open: Open, copy: Option<Box<Copying>>) -> Outgoing {
        Outgoing { inner, open, copy }
    }

    fn keep(&mut self, frame: &Poll<Option<Result<Frame<Bytes>, BrokeOff>>>) {
        match frame {
            Poll::Ready(Some(Ok(frame))) => {
                if let (Some(copy), Some(piece)) = (self.copy.take(), frame.data_ref()) {
                    self.copy = copy.piece(piece);
                }
                // A body that says that it has ended is not asked again.
                if self.inner.is_end_stream()
                    && let Some(copy) = self.copy.take()
                {
                    copy.ended();
                }
            }
            Poll::Ready(None) => {
                if let Some(copy) = self.copy.take() {
                    copy.ended();
                }
            }
            _ => {}
        }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = BrokeOff;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokeOff>>> {
        let frame = Pin::new(&mut self.inner).poll_frame(cx);
        // Between two pieces, which are whole frames, a comment of one line disturbs nobody (SSE, 9.2.6).
        if frame.is_pending() && self.open.line().comment.swap(false, Ordering::Relaxed) {
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b":\n\n")))));
        }
        if self.copy.is_some() {
            self.keep(&frame);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn lines_are_read_as_they_were_written() {
        let of = |head: &str| {
            let lines = Lines::of(head.as_bytes());
            (lines.known, lines.bare, lines.length)
        };
        assert_eq!(of("GET / HTTP/1.1\r\nhost: a\r\n\r\n"), (true, false, false));
        let late = "\r\n\r\nPOST / HTTP/1.1\r\ncontent-length: 4\r\n\r\n";
        assert_eq!(of(late), (true, false, true), "empty lines before the first are passed over");
        assert_eq!(of("\r\n\r\n"), (false, false, false));
        assert_eq!(of("POST / HTTP/1.1\r\nContent-LENGTH: 4\r\n\r\ncontent-length"), (true, false, true));
        assert_eq!(
            of("POST / HTTP/1.1\r\nx: a\r\n\r\ncontent-length: 4\n\n"),
            (true, false, false),
            "a body is not a head"
        );
        assert_eq!(of("GET / HTTP/1.1\r\nx: a\ny: b\r\n\r\n"), (false, true, false));
        assert_eq!(of("GET / HTTP/1.1\r\nx: a\r\n\n"), (false, true, false));
        assert_eq!(of("GET / HTTP/1.1\r\nx"), (false, false, false));
        assert_eq!(of(""), (false, false, false));
    }
}
