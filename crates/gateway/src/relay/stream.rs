//! A stream from its first content to its end: with its terminal event, or with an error event in the caller's dialect,
//! or, where nobody reads it, with a connection that breaks off. Never with silence.
//!
//! Never here: what comes before the first content.

use super::body::Piece;
use super::writer::Writer;
use super::{Flow, Outbound, Reply, fail, in_band, panicked, shutting_down, truncated};
use crate::Wiring;
use crate::settle::{Account, Attempt, Meterage};
use bytes::BytesMut;
use decide::Fault;
use futures_util::{FutureExt, StreamExt};
use http::{HeaderName, HeaderValue, header};
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::{Instant, Sleep};
use wire::{Ask, Chunk, Event};

/// Pieces of a stream that may wait for a slow reader, and bytes of one at most: 256 kB in all.
const PIECES_MAX: usize = 16;
const PIECE_BYTES: usize = 16 * 1024;
/// How long the last event may wait for a slow reader once everything is cut.
const CUT_TIME: Duration = Duration::from_secs(1);

const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// What the relaying of one stream reads.
pub(super) struct Stream<'a> {
    pub(super) wiring: &'a Wiring,
    pub(super) account: &'a Account,
    /// When it has to be over.
    pub(super) due: Instant,
}

/// How a stream came to its end.
enum End {
    Done,
    Left,
    Broken(Fault),
}

impl Stream<'_> {
    /// Relays a stream to its end.
    pub(super) async fn relay(
        self,
        ask: &Arc<Ask>,
        held: Vec<Chunk>,
        mut rest: Flow,
        attempt: Attempt<'_>,
        reply: Reply,
    ) {
        let (to, from) = mpsc::channel(PIECES_MAX);
        let (dialect, id) = reply.ident();
        let mut run = Run {
            writer: Writer::new(ask),
            out: BytesMut::new(),
            whole: 0,
            meterage: Meterage::of_stream(attempt.candidate, attempt.redacted_above.is_some()),
            done: false,
            to,
            at: self,
        };
        if !run.open(from, &attempt, reply) {
            return run.at.cancelled(attempt, &run.meterage);
        }
        let followed = AssertUnwindSafe(run.follow(&held, &mut rest)).catch_unwind().await;
        if let Ok(End::Broken(_)) = followed {
            // What was held back came before the end, and is no placeholder any more.
            rest.rest().iter().for_each(|chunk| run.take(chunk));
        }
        drop(rest);
        let Stream { wiring, account, .. } = run.at;
        let candidate = attempt.candidate;
        // The place counted all of it, or we do what we can before the record is made.
        run.meterage.count(ask).await;
        match followed.unwrap_or_else(|_| End::Broken(panicked())) {
            End::Done => {
                if let Err(fault) = attempt.ok(wiring, account, &run.meterage).durable().await {
                    run.out.clear();
                    run.out.extend_from_slice(&fail::frame(dialect, &id, &fault));
                }
            }
            // Dropping the sender breaks the connection off.
            End::Left => {
                let _ = attempt.cancelled(wiring, account, &run.meterage);
                return;
            }
            End::Broken(fault) => {
                run.out.truncate(run.whole);
                run.out.extend_from_slice(&fail::frame(dialect, &id, &fault));
                let _ = attempt.failed(wiring, account, &run.meterage, &fault);
            }
        }
        let compared = account.is_sampled(wiring).then(|| std::mem::take(&mut run.meterage));
        // The record stands; now the caller may see the end.
        run.last().await;
        if let Some(mut meterage) = compared {
            wiring.metrics.reconcile.compare(candidate, ask, &mut meterage);
        }
    }

    fn cancelled(&self, attempt: Attempt<'_>, meterage: &Meterage) {
        let _ = attempt.cancelled(self.wiring, self.account, meterage);
    }
}

/// A stream under way.
struct Run<'a> {
    writer: Writer,
    /// Written and not handed over yet.
    out: BytesMut,
    /// As much of it as is whole frames.
    whole: usize,
    meterage: Meterage,
    done: bool,
    to: mpsc::Sender<Piece>,
    at: Stream<'a>,
}

impl Run<'_> {
    /// Sends the head. Whether anybody is there.
    fn open(&self, from: mpsc::Receiver<Piece>, attempt: &Attempt<'_>, reply: Reply) -> bool {
        let kind = "text/event-stream; charset=utf-8";
        let mut response = reply.head(attempt, self.at.account, attempt.expected_cost(), kind, Outbound::pieces(from));
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
        reply.send(response)
    }

    /// Writes one chunk.
    fn take(&mut self, chunk: &Chunk) {
        for event in &chunk.events {
            self.meterage.event(event);
            self.at.account.heard_event(event);
            self.done |= matches!(event, Event::Done);
        }
        self.writer.write(chunk, &mut self.out);
        self.whole = self.out.len();
    }

    /// Follows a stream until its terminal event, whose bytes stay in `out` to be sent after settling.
    async fn follow(&mut self, held: &[Chunk], rest: &mut Flow) -> End {
        held.iter().for_each(|chunk| self.take(chunk));
        let cut = &self.at.wiring.cut;
        let mut made = pin!(cut.made());
        let every = self.at.wiring.limits.keep_alive;
        let mut quiet = pin!(tokio::time::sleep(every));
        let mut sent = Instant::now();
        while !self.done {
            if cut.is_made() {
                return End::Broken(shutting_down());
            }
            if !self.out.is_empty() {
                if let Err(end) = self.hand_over(made.as_mut()).await {
                    return end;
                }
                sent = Instant::now();
            }
            let next = tokio::select! {
                biased;
                next = rest.next() => next,
                () = self.to.closed() => return End::Left,
                () = &mut made => return End::Broken(shutting_down()),
                () = &mut quiet => {
                    self.keep_alive(sent, every, quiet.as_mut());
                    continue;
                }
            };
            if let Err(fault) = self.take_ready(next, rest) {
                return End::Broken(fault);
            }
            self.meterage.last = Some(Instant::now().into_std());
        }
        End::Done
    }

    /// Takes a chunk and what else is there already, up to a piece.
    fn take_ready(&mut self, first: Option<Result<Chunk, Fault>>, rest: &mut Flow) -> Result<(), Fault> {
        let mut next = Some(first);
        while let Some(chunk) = next.take() {
            let chunk = chunk.ok_or_else(truncated)??;
            if let Some(fault) = in_band(&chunk) {
                return Err(fault);
            }
            self.take(&chunk);
            if !self.done && self.out.len() < PIECE_BYTES {
                next = rest.next().now_or_never();
            }
        }
        Ok(())
    }

    /// A comment or ping where nothing was sent for a while, so that nobody between us and the caller takes the
    /// connection for dead. The timer is only moved here: a piece costs no timer.
    fn keep_alive(&mut self, sent: Instant, every: Duration, quiet: Pin<&mut Sleep>) {
        let now = Instant::now();
        let again = if now.duration_since(sent) < every {
            sent + every
        } else {
            self.writer.keep_alive(&mut self.out);
            self.whole = self.out.len();
            now + every
        };
        quiet.reset(again);
    }

    /// Hands over what is written, piece by piece, while the caller takes it.
    async fn hand_over(&mut self, mut made: Pin<&mut impl Future<Output = ()>>) -> Result<(), End> {
        while !self.out.is_empty() {
            let room = match self.to.try_reserve() {
                Ok(room) => room,
                Err(TrySendError::Closed(())) => return Err(End::Left),
                Err(TrySendError::Full(())) => {
                    let due = self.at.due.min(Instant::now() + self.at.wiring.limits.deadlines.gap);
                    tokio::select! {
                        biased;
                        room = tokio::time::timeout_at(due, self.to.reserve()) => match room {
                            Ok(Ok(room)) => room,
                            _ => return Err(End::Left),
                        },
                        () = made.as_mut() => return Err(End::Broken(shutting_down())),
                    }
                }
            };
            let length = self.out.len().min(PIECE_BYTES);
            room.send(Piece::More(self.out.split_to(length).freeze()));
            self.whole = self.out.len();
        }
        Ok(())
    }

    /// The last bytes. A caller who does not take them in time gets a connection that breaks off.
    async fn last(mut self) {
        let wiring = self.at.wiring;
        let patience = if wiring.cut.is_made() { CUT_TIME } else { wiring.limits.deadlines.gap };
        let due = Instant::now() + patience;
        loop {
            let Ok(Ok(room)) = tokio::time::timeout_at(due, self.to.reserve()).await else { return };
            let length = self.out.len().min(PIECE_BYTES);
            let piece = self.out.split_to(length).freeze();
            if self.out.is_empty() {
                return room.send(Piece::Last(piece));
            }
            room.send(Piece::More(piece));
        }
    }
}
