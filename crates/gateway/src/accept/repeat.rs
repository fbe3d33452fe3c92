//! An answer that is kept for its `Idempotency-Key`, and one that is given again.
//!
//! Never here: which request is the first (`once`).

use super::once::{ANSWER_MAX_BYTES, Kept, Ticket};
use crate::relay::{Outbound, Reply};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, response};
use wire::Dialect;

/// The header that names a request.
pub(super) const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Set on an answer that is given again.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const COST: HeaderName = HeaderName::from_static("x-dewpoint-cost-usd");

/// What headers declare of the data in a request. An answer belongs to its class: under another one it is another request.
pub(super) fn declared(headers: &HeaderMap) -> Vec<u8> {
    let mut out = Vec::new();
    for name in ["x-dewpoint-class", "x-dewpoint-tags", "x-dewpoint-policy"] {
        for value in headers.get_all(name) {
            out.extend_from_slice(value.as_bytes());
            // No header value has this byte in it.
            out.push(0);
        }
        out.push(b'\n');
    }
    out
}

/// A stream that is copied while it goes out, to be kept when it comes to its good end.
pub(super) struct Copying {
    ticket: Ticket,
    status: StatusCode,
    headers: HeaderMap,
    body: BytesMut,
}

impl Copying {
    /// Begins a copy. A whole answer is kept at once.
    pub(super) fn of(ticket: Ticket, head: &response::Parts, body: &Outbound) -> Option<Box<Copying>> {
        let (status, headers) = (head.status, head.headers.clone());
        if let Some(whole) = body.whole() {
            ticket.answered(Kept { status, headers, body: whole.clone() });
            return None;
        }
        ticket.streams();
        Some(Box::new(Copying { ticket, status, headers, body: BytesMut::new() }))
    }

    /// Takes a piece; `None` when the whole becomes too large to keep.
    pub(super) fn piece(mut self: Box<Copying>, piece: &Bytes) -> Option<Box<Copying>> {
        if self.body.len() + piece.len() > ANSWER_MAX_BYTES {
            return None;
        }
        self.body.extend_from_slice(piece);
        Some(self)
    }

    /// The stream is out. It is kept if its last frame is the end that its dialect wants; a stream that broke has
    /// another one, and what a model writes cannot look like a frame.
    pub(super) fn ended(self) {
        let Copying { ticket, status, headers, body } = self;
        if is_complete(&body) {
            ticket.answered(Kept { status, headers, body: body.freeze() });
        }
    }
}

fn is_complete(body: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(body) else { return false };
    let frames = text.trim_end();
    let last = frames.rsplit("\n\n").next().unwrap_or_default();
    last == "data: [DONE]" || last.starts_with("event: message_stop\n")
}

/// Gives an answer again: as it was, under this request's id, and at no cost.
pub(super) fn again(kept: &Kept, dialect: Dialect, id: &str) -> Response<Outbound> {
    let mut response = Response::new(Outbound::full(kept.body.clone()));
    *response.status_mut() = kept.status;
    let headers = response.headers_mut();
    *headers = kept.headers.clone();
    Reply::name(headers, dialect, id);
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    headers.insert(COST, HeaderValue::from_static("0.000000000"));
    response
}

#[cfg(test)]
mod tests {
    use super::is_complete;

    #[test]
    fn only_a_stream_with_its_terminal_event_is_complete() {
        for (text, complete) in [
            ("data: {}\n\ndata: [DONE]\n\n", true),
            ("data: {}\n\ndata: [DONE]", true),
            ("event: x\ndata: {}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n", true),
            ("data: {}\n\n", false),
            ("data: {\"error\":{\"message\":\"data: [DONE]\"}}\n\n", false),
            ("data: [DONE]\n\ndata: {\"error\":{}}\n\n", false),
            ("", false),
        ] {
            assert_eq!(is_complete(text.as_bytes()), complete, "{text}");
        }
    }
}
