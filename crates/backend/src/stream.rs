//! A streamed answer: frames out of the body, events out of frames, under the deadlines for the first chunk, the gap
//! between chunks and the whole.
//!
//! It ends after a chunk with [`Event::Done`], or with exactly one `Err`. An error that the upstream wrote into the
//! stream becomes that `Err`, never an event. Dropping the stream before its end closes the connection upstream.
//!
//! Never here: dialects (room `wire`), buffering beyond the frames of one read.

mod intake;

pub(crate) use intake::{Decode, Lines, Sse};

use crate::blame::Whom;
use crate::{Deadlines, EventStream};
use decide::Fault;
use futures_util::Stream;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use intake::Intake;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep};
use wire::{Chunk, Event};

/// After the terminal event, the end of the body is waited for this long, so that the connection can be used again.
const DRAIN: Duration = Duration::from_millis(250);

struct Relay {
    /// `None` once it has ended or is of no more use.
    body: Option<Incoming>,
    decode: Box<dyn Decode>,
    intake: Intake,
    deadlines: Deadlines,
    started: Instant,
    sleep: Pin<Box<Sleep>>,
}

/// The stream of a response whose head is good.
pub(crate) fn relay(
    body: Incoming,
    decode: Box<dyn Decode>,
    whom: Whom,
    deadlines: Deadlines,
    started: Instant,
) -> EventStream {
    let sleep = Box::pin(tokio::time::sleep_until(started + deadlines.first.min(deadlines.total)));
    Box::pin(Relay { body: Some(body), decode, intake: Intake::new(whom), deadlines, started, sleep })
}

/// A stream of what is already there.
pub(crate) fn at_once(events: Vec<Event>) -> EventStream {
    Box::pin(futures_util::stream::iter([Ok(Chunk { events, raw: None })]))
}

impl Stream for Relay {
    type Item = Result<Chunk, Fault>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(item) = this.intake.ready.pop_front() {
                return Poll::Ready(Some(item));
            }
            if !this.intake.is_open() {
                return Poll::Ready(None);
            }
            if this.read(cx).is_pending() && this.on_time(cx) {
                return Poll::Pending;
            }
        }
    }
}

impl Relay {
    /// Takes what the connection has.
    fn read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(body) = self.body.as_mut() else { return Poll::Ready(()) };
        match Pin::new(body).poll_frame(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Some(Ok(frame))) => {
                if let Ok(bytes) = frame.into_data() {
                    self.intake.saw(&bytes);
                    self.decode.feed(&bytes, &mut |chunk| self.intake.accept(chunk));
                }
            }
            Poll::Ready(Some(Err(error))) => {
                self.body = None;
                self.intake.fail(|w| w.truncated(&error.to_string()));
            }
            Poll::Ready(None) => {
                self.body = None;
                self.decode.end(&mut |chunk| self.intake.accept_last(chunk));
                self.intake.ended();
            }
        }
        if self.intake.is_done() {
            self.look_for_end(cx);
        } else if !self.intake.is_open() {
            // Failed: the connection is of no more use, and closing it stops the work upstream.
            self.body = None;
        }
        Poll::Ready(())
    }

    /// Looks once whether the body ends right behind the terminal event, as it does with most servers.
    fn look_for_end(&mut self, cx: &mut Context<'_>) {
        let Some(body) = self.body.as_mut() else { return };
        if body.is_end_stream() || matches!(Pin::new(body).poll_frame(cx), Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
    }

    /// Whether there is still time to wait; a deadline that has passed becomes the stream's fault.
    fn on_time(&mut self, cx: &mut Context<'_>) -> bool {
        let total = self.started + self.deadlines.total;
        let (due, what, limit) = match self.intake.last {
            None => (self.started + self.deadlines.first, "did not begin to answer", self.deadlines.first),
            Some(last) => (last + self.deadlines.gap, "stopped answering: nothing came", self.deadlines.gap),
        };
        let (due, what, limit) =
            if total < due { (total, "did not complete its answer", self.deadlines.total) } else { (due, what, limit) };
        // The timer is moved only when it would ring too late, or has rung too early: a chunk costs no timer.
        if self.sleep.deadline() > due {
            self.sleep.as_mut().reset(due);
        }
        while self.sleep.as_mut().poll(cx).is_ready() {
            if Instant::now() >= due {
                self.intake.fail(|w| w.late(what, limit));
                self.body = None;
                return false;
            }
            self.sleep.as_mut().reset(due);
        }
        true
    }
}

/// After a complete answer the body is read on to its end for a moment, so that the connection goes back to the pool.
/// Any other stream that is dropped takes its connection with it.
impl Drop for Relay {
    fn drop(&mut self) {
        if !self.intake.is_done() {
            return;
        }
        if let (Some(mut body), Ok(runtime)) = (self.body.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(tokio::time::timeout(DRAIN, async move { while let Some(Ok(_)) = body.frame().await {} }));
        }
    }
}
