//! Frames to chunks, and chunks to what the caller of the stream gets.
//!
//! Never here: sockets and timers.

use crate::blame::Whom;
use bytes::Bytes;
use decide::Fault;
use std::collections::VecDeque;
use tokio::time::Instant;
use wire::sse::{NdjsonReader, SseReader};
use wire::{Chunk, Event, WireError};

/// Where decoded chunks go.
type Out<'a> = &'a mut dyn FnMut(Result<Chunk, WireError>);

/// Bytes of one body into chunks.
pub(crate) trait Decode: Send {
    /// Takes the next bytes of the body, wherever they were cut, and gives the chunks they complete.
    fn feed(&mut self, bytes: &Bytes, out: Out<'_>);
    /// The body has ended; gives a frame that only lacks its closing line.
    fn end(&mut self, out: Out<'_>);
}

/// Server-sent events, read by `R`.
pub(crate) struct Sse<R> {
    frames: SseReader,
    read: R,
}

impl<R> Sse<R> {
    pub(crate) fn new(read: R) -> Sse<R> {
        Sse { frames: SseReader::new(), read }
    }
}

impl<R: FnMut(Option<&str>, &Bytes) -> Result<Chunk, WireError> + Send> Decode for Sse<R> {
    fn feed(&mut self, bytes: &Bytes, out: Out<'_>) {
        self.frames.push(bytes);
        for frame in &mut self.frames {
            out(frame.and_then(|f| (self.read)(f.name.as_deref(), &f.data)));
        }
    }

    fn end(&mut self, out: Out<'_>) {
        if let Some(f) = self.frames.rest() {
            out((self.read)(f.name.as_deref(), &f.data));
        }
    }
}

/// Lines of JSON, read by `R`.
pub(crate) struct Lines<R> {
    lines: NdjsonReader,
    read: R,
}

impl<R> Lines<R> {
    pub(crate) fn new(read: R) -> Lines<R> {
        Lines { lines: NdjsonReader::new(), read }
    }
}

impl<R: FnMut(&Bytes) -> Result<Chunk, WireError> + Send> Decode for Lines<R> {
    fn feed(&mut self, bytes: &Bytes, out: Out<'_>) {
        self.lines.push(bytes);
        for line in &mut self.lines {
            out(line.and_then(|l| (self.read)(&l)));
        }
    }

    fn end(&mut self, out: Out<'_>) {
        if let Some(line) = self.lines.rest() {
            out((self.read)(&line));
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// The terminal event was seen.
    Done,
    /// A fault was found; it is the last thing in `ready`.
    Failed,
}

/// What has come of a stream so far.
pub(super) struct Intake {
    pub(super) ready: VecDeque<Result<Chunk, Fault>>,
    /// When the last chunk came.
    pub(super) last: Option<Instant>,
    /// The first byte of the body.
    first_byte: Option<u8>,
    state: State,
    whom: Whom,
}

impl Intake {
    pub(super) fn new(whom: Whom) -> Intake {
        Intake { ready: VecDeque::with_capacity(4), last: None, first_byte: None, state: State::Open, whom }
    }

    pub(super) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Bytes came, whatever is in them.
    pub(super) fn saw(&mut self, bytes: &Bytes) {
        self.first_byte = self.first_byte.or_else(|| bytes.first().copied());
    }

    pub(super) fn fail(&mut self, fault: impl FnOnce(&Whom) -> Fault) {
        self.state = State::Failed;
        self.ready.push_back(Err(fault(&self.whom)));
    }

    /// The next chunk; what comes behind the end or a fault is dropped.
    pub(super) fn accept(&mut self, chunk: Result<Chunk, WireError>) {
        if self.state != State::Open {
            return;
        }
        match chunk {
            Ok(chunk) => self.take(chunk),
            Err(error) => self.fail(|w| w.invalid(&error.message)),
        }
    }

    /// The frame at the end of the body that lacks its closing line: if it cannot be read, it was cut.
    pub(super) fn accept_last(&mut self, chunk: Result<Chunk, WireError>) {
        if self.state != State::Open {
            return;
        }
        match chunk {
            Ok(chunk) => self.take(chunk),
            Err(error) => self.fail(|w| w.truncated(&error.message)),
        }
    }

    fn take(&mut self, mut chunk: Chunk) {
        self.last = Some(Instant::now());
        let Some(at) = chunk.events.iter().position(|e| matches!(e, Event::Error { .. })) else {
            if chunk.events.contains(&Event::Done) {
                self.state = State::Done;
            }
            self.ready.push_back(Ok(chunk));
            return;
        };
        let error = chunk.events.drain(at..).next();
        if !chunk.events.is_empty() {
            // Without the frame as it came, since the error is in it.
            self.ready.push_back(Ok(Chunk { events: chunk.events, raw: None }));
        }
        if let Some(Event::Error { message, kind }) = error {
            self.fail(|w| w.in_band(&message, kind.as_deref()));
        }
    }

    /// The body has ended: well only after the terminal event.
    pub(super) fn ended(&mut self) {
        if self.state != State::Open {
            return;
        }
        // A comment is the usual way of saying "wait" before the first frame, so it is no garbage.
        if self.last.is_none() && self.first_byte.is_some_and(|b| b != b':') {
            self.fail(|w| w.invalid("the body has no frame of the protocol"));
        } else {
            self.fail(|w| w.truncated("the body ended before the terminal event"));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use decide::{Cause, PlaceId};

    fn intake() -> Intake {
        Intake::new(Whom { place: PlaceId::new("p"), key: None })
    }

    fn chunk(events: Vec<Event>) -> Result<Chunk, WireError> {
        Ok(Chunk { events, raw: None })
    }

    fn text(text: &str) -> Event {
        Event::Text { choice: 0, text: text.into(), logprobs: Vec::new() }
    }

    #[test]
    fn nothing_comes_behind_the_end() {
        let mut intake = intake();
        intake.accept(chunk(vec![text("a")]));
        intake.accept(chunk(vec![Event::Done]));
        intake.accept(chunk(vec![text("b")]));
        intake.ended();
        assert!(intake.is_done());
        assert_eq!(intake.ready.len(), 2);
    }

    #[test]
    fn an_error_in_the_stream_is_its_only_fault_and_no_event() {
        let mut intake = intake();
        intake.accept(chunk(vec![text("a"), Event::Error { message: "boom".into(), kind: None }, Event::Done]));
        intake.accept(chunk(vec![Event::Done]));
        intake.ended();
        assert_eq!(intake.ready.pop_front().unwrap().unwrap().events, [text("a")]);
        assert_eq!(intake.ready.pop_front().unwrap().unwrap_err().cause, Cause::UpstreamError);
        assert!(intake.ready.is_empty());
    }

    #[test]
    fn an_end_without_done_is_truncated_and_garbage_is_invalid() {
        let mut cut = intake();
        cut.accept(chunk(vec![text("a")]));
        cut.ended();
        assert_eq!(cut.ready.pop_back().unwrap().unwrap_err().cause, Cause::Truncated);
        let mut garbage = intake();
        garbage.saw(&Bytes::from_static(b"x"));
        garbage.ended();
        assert_eq!(garbage.ready.pop_back().unwrap().unwrap_err().cause, Cause::UpstreamInvalid);
        let mut empty = intake();
        empty.saw(&Bytes::from_static(b": wait\n"));
        empty.ended();
        assert_eq!(empty.ready.pop_back().unwrap().unwrap_err().cause, Cause::Truncated);
    }
}
