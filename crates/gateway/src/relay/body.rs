//! The body of a response: whole, or in pieces as they come.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// Body of every response of the gateway.
pub(crate) struct Outbound(Inner);

enum Inner {
    Full(Bytes),
    Pieces(mpsc::Receiver<Bytes>),
}

impl Outbound {
    /// A whole body.
    pub(crate) fn full(bytes: impl Into<Bytes>) -> Outbound {
        Outbound(Inner::Full(bytes.into()))
    }

    /// Pieces as they come.
    pub(crate) fn pieces(from: mpsc::Receiver<Bytes>) -> Outbound {
        Outbound(Inner::Pieces(from))
    }
}

impl Outbound {
    /// The whole body, if it is one.
    pub(crate) fn whole(&self) -> Option<&Bytes> {
        match &self.0 {
            Inner::Full(bytes) => Some(bytes),
            Inner::Pieces(_) => None,
        }
    }

    /// Whether it is whole, rather than in pieces as they come.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole().is_some()
    }
}

impl Body for Outbound {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.0 {
            Inner::Full(bytes) if bytes.is_empty() => Poll::Ready(None),
            Inner::Full(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Inner::Pieces(from) => from.poll_recv(cx).map(|piece| piece.map(|p| Ok(Frame::data(p)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.0, Inner::Full(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inner::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Inner::Pieces(_) => SizeHint::default(),
        }
    }
}
