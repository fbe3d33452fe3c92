//! The body of a response: whole, or in pieces as they come.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// Body of every response of the gateway.
pub(crate) struct Outbound(Inner);

enum Inner {
    Full(Bytes),
    Pieces(mpsc::Receiver<Piece>),
    Ended,
}

/// One piece of a stream.
pub(crate) enum Piece {
    /// More will come.
    More(Bytes),
    /// The terminal event, good or bad, is in it or was before it.
    Last(Bytes),
}

/// A stream without its last piece: whoever wrote it is gone. The connection breaks off, so that nobody takes what came
/// for the whole.
#[derive(Debug, thiserror::Error)]
#[error("the stream broke off")]
pub(crate) struct BrokeOff;

impl Outbound {
    /// A whole body.
    pub(crate) fn full(bytes: impl Into<Bytes>) -> Outbound {
        Outbound(Inner::Full(bytes.into()))
    }

    /// Pieces as they come.
    pub(crate) fn pieces(from: mpsc::Receiver<Piece>) -> Outbound {
        Outbound(Inner::Pieces(from))
    }
}

impl Outbound {
    /// The whole body, if it is one.
    pub(crate) fn whole(&self) -> Option<&Bytes> {
        match &self.0 {
            Inner::Full(bytes) => Some(bytes),
            Inner::Pieces(_) | Inner::Ended => None,
        }
    }

    /// Whether it is whole, rather than in pieces as they come.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole().is_some()
    }
}

impl Body for Outbound {
    type Data = Bytes;
    type Error = BrokeOff;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokeOff>>> {
        let next = match &mut self.0 {
            Inner::Full(bytes) => (!bytes.is_empty()).then(|| Ok(Frame::data(std::mem::take(bytes)))),
            Inner::Ended => None,
            Inner::Pieces(from) => match std::task::ready!(from.poll_recv(cx)) {
                Some(Piece::More(bytes)) => Some(Ok(Frame::data(bytes))),
                Some(Piece::Last(bytes)) => {
                    self.0 = Inner::Ended;
                    (!bytes.is_empty()).then(|| Ok(Frame::data(bytes)))
                }
                None => {
                    self.0 = Inner::Ended;
                    Some(Err(BrokeOff))
                }
            },
        };
        Poll::Ready(next)
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Inner::Full(bytes) => bytes.is_empty(),
            Inner::Pieces(_) => false,
            Inner::Ended => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inner::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Inner::Pieces(_) => SizeHint::default(),
            Inner::Ended => SizeHint::with_exact(0),
        }
    }
}
