//! Step 7: the answer in the caller's dialect. What caller and backend have in common is forwarded as it came;
//! everything else is written from the canonical events. The record is handed over before the last bytes are.
//!
//! Never here: a second parse, or a clean end for a stream that had none.

mod body;
mod fail;
pub(crate) mod writer;

pub(crate) use body::Outbound;

use crate::Wiring;
use crate::settle::{Account, Attempt, Meterage, value};
use backend::EventStream;
use bytes::{Bytes, BytesMut};
use decide::{Cause, Fault, Nanousd, PlaceId};
use futures_util::{FutureExt, StreamExt};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{mpsc, oneshot};
use wire::{Answer, Ask, Chunk, Dialect, Event};
use writer::Writer;

/// Pieces of a stream that may wait for a slow reader.
const PIECES_MAX: usize = 16;
/// Frames that are ready at once are sent together, up to about this many bytes.
const PIECE_BYTES: usize = 16 * 1024;

// Names made once: parsing them for every response is measurable.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const ANTHROPIC_REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const PLACE: HeaderName = HeaderName::from_static("x-dewpoint-place");
const MODEL: HeaderName = HeaderName::from_static("x-dewpoint-model");
const DECISION: HeaderName = HeaderName::from_static("x-dewpoint-decision");
const COST: HeaderName = HeaderName::from_static("x-dewpoint-cost-usd");
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The way back to the caller of one request.
pub(crate) struct Reply {
    dialect: Dialect,
    id: Arc<str>,
    to: oneshot::Sender<Response<Outbound>>,
}

impl Reply {
    /// A reply, and the end at which it arrives.
    pub(crate) fn new(dialect: Dialect, id: Arc<str>) -> (Reply, oneshot::Receiver<Response<Outbound>>) {
        let (to, from) = oneshot::channel();
        (Reply { dialect, id, to }, from)
    }

    /// Resolves when the caller has gone away.
    pub(crate) async fn left(&mut self) {
        self.to.closed().await;
    }

    /// Answers with an error.
    pub(crate) fn fail(self, fault: &Fault, place: Option<(&PlaceId, &HeaderValue)>) {
        let mut response = Reply::refusal(self.dialect, &self.id, fault);
        if let Some((place, decision)) = place {
            let headers = response.headers_mut();
            headers.insert(PLACE, value(place.as_str()));
            headers.insert(DECISION, decision.clone());
        }
        let _ = self.to.send(response);
    }

    /// An error response in the caller's dialect.
    pub(crate) fn refusal(dialect: Dialect, id: &str, fault: &Fault) -> Response<Outbound> {
        let mut response = Response::new(Outbound::full(fail::body(dialect, id, fault)));
        *response.status_mut() =
            StatusCode::from_u16(fault.cause.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        name_request(headers, dialect, id);
        headers.insert(PLACE, HeaderValue::from_static("none"));
        headers.insert(DECISION, HeaderValue::from_static("none"));
        headers.insert(COST, HeaderValue::from_static("0.000000000"));
        if let Some(seconds) = fault.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    /// The head of a good answer, with everything that explains it.
    fn head(
        &self,
        attempt: &Attempt<'_>,
        account: &Account,
        cost: Option<Nanousd>,
        kind: &'static str,
        body: Outbound,
    ) -> Response<Outbound> {
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        headers.reserve(8);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        name_request(headers, self.dialect, &self.id);
        headers.insert(PLACE, value(attempt.candidate.place.id.as_str()));
        headers.insert(MODEL, value(&attempt.candidate.model.id));
        headers.insert(DECISION, account.decision_header());
        let cost = cost.map_or(HeaderValue::from_static("unknown"), |c| value(&c.to_string()));
        headers.insert(COST, cost);
        response
    }
}

/// The request id under the name of the ecosystem, and under Anthropic's for its SDK.
fn name_request(headers: &mut HeaderMap, dialect: Dialect, id: &str) {
    let id = value(id);
    if dialect == Dialect::Anthropic {
        headers.insert(ANTHROPIC_REQUEST_ID, id.clone());
    }
    headers.insert(REQUEST_ID, id);
}

/// Relays a whole answer.
pub(crate) async fn plain(wiring: &Wiring, answer: Answer, attempt: Attempt<'_>, account: &Account, reply: Reply) {
    let mut meterage = Meterage::default();
    meterage.plain(&answer);
    let body = writer::plain(account.endpoint, &answer);
    let cost = attempt.cost(&meterage, account);
    let response = reply.head(&attempt, account, cost, "application/json", Outbound::full(body));
    match attempt.ok(wiring, account, &meterage).durable().await {
        Ok(()) => drop(reply.to.send(response)),
        Err(fault) => reply.fail(&fault, account.last_place()),
    }
}

/// Relays vectors or scores, already written.
pub(crate) async fn encoded(
    wiring: &Wiring,
    body: Bytes,
    usage: Option<wire::Usage>,
    attempt: Attempt<'_>,
    account: &Account,
    reply: Reply,
) {
    let meterage = Meterage::counted(usage);
    let cost = attempt.cost(&meterage, account);
    let response = reply.head(&attempt, account, cost, "application/json", Outbound::full(body));
    match attempt.ok(wiring, account, &meterage).durable().await {
        Ok(()) => drop(reply.to.send(response)),
        Err(fault) => reply.fail(&fault, account.last_place()),
    }
}

/// Relays a stream from its first content to its end.
pub(crate) async fn stream(
    wiring: &Wiring,
    ask: &Ask,
    held: Vec<Chunk>,
    mut rest: EventStream,
    attempt: Attempt<'_>,
    account: &Account,
    reply: Reply,
) {
    let (to, from) = mpsc::channel(PIECES_MAX);
    let mut response = reply.head(
        &attempt,
        account,
        attempt.expected_cost(),
        "text/event-stream; charset=utf-8",
        Outbound::pieces(from),
    );
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    let Reply { dialect, id, to: head } = reply;
    if head.send(response).is_err() {
        return attempt.cancelled(wiring, account, &Meterage::default());
    }
    let mut run = Run { writer: Writer::new(ask), out: BytesMut::new(), meterage: Meterage::default(), done: false };
    for chunk in &held {
        run.take(chunk);
    }
    let end = run.follow(&mut rest, &to, wiring).await;
    drop(rest);
    match end {
        End::Done => {
            if let Err(fault) = attempt.ok(wiring, account, &run.meterage).durable().await {
                run.out.clear();
                run.out.extend_from_slice(&fail::frame(dialect, &id, &fault));
            }
        }
        End::Left => return attempt.cancelled(wiring, account, &run.meterage),
        End::Broken(fault) => {
            run.out.extend_from_slice(&fail::frame(dialect, &id, &fault));
            attempt.failed(wiring, account, &run.meterage, &fault);
        }
    }
    // The record stands; now the caller may see the end.
    let _ = tokio::time::timeout(wiring.limits.deadlines.gap, to.send(run.out.freeze())).await;
}

/// How a stream came to its end.
enum End {
    Done,
    Left,
    Broken(Fault),
}

/// A stream under way.
struct Run {
    writer: Writer,
    out: BytesMut,
    meterage: Meterage,
    done: bool,
}

impl Run {
    /// Writes one chunk.
    fn take(&mut self, chunk: &Chunk) {
        for event in &chunk.events {
            self.meterage.event(event);
            self.done |= matches!(event, Event::Done);
        }
        self.writer.write(chunk, &mut self.out);
    }

    /// Follows a stream until its terminal event, whose bytes stay in `out` to be sent after settling.
    async fn follow(&mut self, rest: &mut EventStream, to: &mpsc::Sender<Bytes>, wiring: &Wiring) -> End {
        loop {
            if self.done {
                return End::Done;
            }
            if !self.out.is_empty() {
                let piece = self.out.split().freeze();
                match tokio::time::timeout(wiring.limits.deadlines.gap, to.send(piece)).await {
                    Ok(Ok(())) => {}
                    _ => return End::Left,
                }
            }
            let mut next = tokio::select! {
                next = rest.next() => Some(next),
                () = to.closed() => return End::Left,
            };
            while let Some(chunk) = next.take() {
                match chunk {
                    Some(Ok(chunk)) => match in_band(&chunk) {
                        Some(fault) => return End::Broken(fault),
                        None => self.take(&chunk),
                    },
                    Some(Err(fault)) => return End::Broken(fault),
                    None => return End::Broken(truncated()),
                }
                if !self.done && self.out.len() < PIECE_BYTES {
                    next = rest.next().now_or_never();
                }
            }
            self.meterage.last = Some(Instant::now());
        }
    }
}

/// A stream that ended without its terminal event.
pub(crate) fn truncated() -> Fault {
    Fault::new(
        Cause::Truncated,
        "The model's answer broke off before its end. What came so far may be incomplete; ask again.",
    )
}

/// An error inside a stream, as a fault that the next place may mend.
pub(crate) fn in_band(chunk: &Chunk) -> Option<Fault> {
    chunk.events.iter().find_map(|e| match e {
        Event::Error { message, kind } => {
            let shown =
                format!("The model's server reported an error: {}", message.chars().take(500).collect::<String>());
            Some(Fault::new(Cause::UpstreamError, shown).because(kind.clone().unwrap_or_default()))
        }
        _ => None,
    })
}
