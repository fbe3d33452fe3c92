//! Reading a request's body: within its bound, within its time, and within what all bodies together may hold in memory.
//!
//! Never here: what is in the body.

use super::Limits;
use super::door::{Door, Room};
use super::line::Line;
use bytes::{Bytes, BytesMut};
use decide::{Cause, Fault};
use http::{HeaderMap, header};
use hyper::body::{Body as _, Incoming};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// Bytes a second that a body must bring once its first allowance of time is used up.
const FLOOR_BYTES_PER_S: u64 = 8_192;

/// A body, and its share of the memory for bodies.
pub(super) struct Held {
    /// The whole body.
    pub(super) bytes: Bytes,
    /// Given back when dropped.
    pub(super) room: Room,
}

/// Reads a body. Of a connection of HTTP/1 `line` tells when nothing more can come.
pub(super) async fn read(
    headers: &HeaderMap,
    body: Incoming,
    limits: &Limits,
    door: &Arc<Door>,
    line: &Line,
) -> Result<Held, Fault> {
    if headers.get(header::CONTENT_ENCODING).is_some_and(|v| v != "identity") {
        let shown = "Compressed request bodies are not accepted. Send the body without content-encoding.";
        return Err(Fault::new(Cause::UnsupportedMedia, shown));
    }
    if body.size_hint().lower() > limits.body_max_bytes as u64 {
        return Err(too_large(limits));
    }
    let room = door.room(limits.bodies_max_bytes);
    let mut reading = Reading { body, limits, line, room, first: None, more: None, got: 0, since: None, timer: None };
    std::future::poll_fn(|cx| reading.poll(cx)).await?;
    let Reading { first, more, room, .. } = reading;
    let bytes = match (first, more) {
        (_, Some(more)) => more.freeze(),
        (first, None) => first.unwrap_or_default(),
    };
    Ok(Held { bytes, room })
}

/// A body under way. One that comes in one piece is not copied, and has no timer.
struct Reading<'a> {
    body: Incoming,
    limits: &'a Limits,
    line: &'a Line,
    room: Room,
    first: Option<Bytes>,
    more: Option<BytesMut>,
    got: usize,
    since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Reading<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        loop {
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Ready(Some(Ok(frame))) => {
                    // Trailers mean nothing here.
                    if let Ok(data) = frame.into_data()
                        && let Err(fault) = self.take(data)
                    {
                        return Poll::Ready(Err(fault));
                    }
                }
                Poll::Ready(Some(Err(e))) => return Poll::Ready(Err(broke_off().because(e.to_string()))),
                Poll::Pending if self.line.has_ended() => return Poll::Ready(Err(broke_off())),
                Poll::Pending => return self.poll_late(cx),
            }
        }
    }

    fn take(&mut self, data: Bytes) -> Result<(), Fault> {
        self.got += data.len();
        if self.got > self.limits.body_max_bytes {
            return Err(too_large(self.limits));
        }
        if !self.room.grow(data.len()) {
            let shown = "Too many large requests are being read at once. Try again in a moment.";
            return Err(Fault::new(Cause::Overloaded, shown).after(1));
        }
        if self.more.is_none() && self.first.is_none() {
            self.first = Some(data);
            return Ok(());
        }
        if self.more.is_none() {
            // What is announced is reserved at most as far as it fits the limit; growth beyond doubles.
            let rest = usize::try_from(self.body.size_hint().lower()).unwrap_or(0);
            let mut whole = BytesMut::with_capacity(self.got + rest.min(self.limits.body_max_bytes));
            whole.extend_from_slice(&self.first.take().unwrap_or_default());
            self.more = Some(whole);
        }
        if let Some(more) = &mut self.more {
            more.extend_from_slice(&data);
        }
        Ok(())
    }

    /// Ready when the body is late: its allowance, and for what came since a second per [`FLOOR_BYTES_PER_S`].
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        let since = *self.since.get_or_insert_with(Instant::now);
        let earned = Duration::from_millis(self.got as u64 * 1_000 / FLOOR_BYTES_PER_S);
        let due = since + self.limits.read + earned;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        loop {
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if Instant::now() >= due {
                let shown = "The request body did not arrive in time. Send it faster or in one piece.";
                return Poll::Ready(Err(Fault::new(Cause::RequestTimeout, shown)));
            }
            timer.as_mut().reset(due);
        }
    }
}

fn too_large(limits: &Limits) -> Fault {
    let max = limits.body_max_bytes;
    let shown = format!("The request body is larger than {max} bytes. Send less, or raise [server] body_max_mb.");
    Fault::new(Cause::TooLarge, shown)
}

fn broke_off() -> Fault {
    Fault::new(Cause::InvalidRequest, "The request body broke off before its end.")
}
