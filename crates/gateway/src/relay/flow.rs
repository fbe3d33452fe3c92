//! The stream of an attempt as the caller is to see it: as it came, or with the originals of what was taken out of the request.
//! Everything behind this (the wait for the first content, metering, writing) sees it only so.
//!
//! Never here: how placeholders are found (room `redact`).

use backend::EventStream;
use decide::Fault;
use futures_util::Stream;
use prometheus_client::metrics::counter::Counter;
use redact::{Restorer, Vault};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use wire::Chunk;

/// A stream as the caller is to see it: as it came, or with originals instead of placeholders.
pub(crate) struct Flow {
    stream: EventStream,
    /// Boxed: most streams have none, and every attempt would carry its size.
    restoring: Option<Box<Restoring>>,
}

struct Restoring {
    restorer: Restorer,
    /// Restored, and not handed on yet: a chunk may become several, or none for now.
    ready: VecDeque<Chunk>,
    out: Vec<Chunk>,
    /// How the stream ended, once everything else went first.
    end: Option<Option<Result<Chunk, Fault>>>,
    unknown: Counter,
}

impl Flow {
    /// As it came.
    pub(crate) fn plain(stream: EventStream) -> Flow {
        Flow { stream, restoring: None }
    }

    /// With originals; placeholders that the request never had are counted.
    pub(crate) fn restored(stream: EventStream, vault: &Arc<Vault>, unknown: Counter) -> Flow {
        let (ready, out) = (VecDeque::new(), Vec::new());
        let restoring = Restoring { restorer: vault.restorer(), ready, out, end: None, unknown };
        Flow { stream, restoring: Some(Box::new(restoring)) }
    }

    /// What was held back, where the stream is not followed to its end.
    pub(crate) fn rest(&mut self) -> Vec<Chunk> {
        let Some(restoring) = &mut self.restoring else { return Vec::new() };
        restoring.restorer.rest(&mut restoring.out);
        restoring.ready.drain(..).chain(restoring.out.drain(..)).collect()
    }
}

impl Stream for Flow {
    type Item = Result<Chunk, Fault>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(restoring) = &mut this.restoring else { return this.stream.as_mut().poll_next(cx) };
        loop {
            if let Some(chunk) = restoring.ready.pop_front() {
                return Poll::Ready(Some(Ok(chunk)));
            }
            if let Some(end) = restoring.end.take() {
                return Poll::Ready(end);
            }
            match std::task::ready!(this.stream.as_mut().poll_next(cx)) {
                Some(Ok(chunk)) => restoring.restorer.chunk(chunk, &mut restoring.out),
                end => {
                    restoring.restorer.rest(&mut restoring.out);
                    restoring.end = Some(end);
                }
            }
            restoring.ready.extend(restoring.out.drain(..));
        }
    }
}

impl Drop for Restoring {
    fn drop(&mut self) {
        self.unknown.inc_by(self.restorer.unknown().into());
    }
}
