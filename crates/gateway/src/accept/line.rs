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
