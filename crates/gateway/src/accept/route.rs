//! From a request's head to its answer: path, host, request id, caller, body; then the rest of the way as a task.
//!
//! Never here: connections.

use super::body;
use super::line::{Open, Outgoing, Stage};
use super::{pages, repeat};
use crate::relay::{Outbound, Reply};
use crate::{Request, Wiring, admit, answer, spend};
use decide::{Cause, Fault};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Method, Response, Version, header};
use hyper::body::Incoming;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use wire::{Dialect, Endpoint};

/// Characters of a caller's own request id at most; a longer one is replaced.
const REQUEST_ID_MAX: usize = 128;

/// Answers a request. While the answer is under way `open` says so to the connection.
pub(super) async fn route(wiring: Arc<Wiring>, request: http::Request<Incoming>, open: Open) -> Response<Outgoing> {
    let h1 = request.version() <= Version::HTTP_11;
    let mut said = if h1 { Said::of(request.headers(), &open) } else { Said::default() };
    let mut response = to(&wiring, request, &open, &mut said).await;
    if h1 && (said.close || wiring.draining.load(Ordering::Relaxed)) {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    open.at(if response.body().is_whole() { Stage::Answering } else { Stage::Events });
    let (head, body) = response.into_parts();
    let copy = said.ticket.and_then(|ticket| repeat::Copying::of(ticket, &head, &body));
    Response::from_parts(head, Outgoing::new(body, open, copy))
}

/// What is learnt on the way and is needed at its end.
#[derive(Default)]
struct Said {
    /// The connection ends with the answer.
    close: bool,
    /// The request is refused: its lines can be read in two ways.
    refused: Option<&'static str>,
    /// The answer is to be kept for this.
    ticket: Option<super::once::Ticket>,
}

impl Said {
    /// What is said of a request of HTTP/1 by the way its head was written. Where two servers could take its end for
    /// two different places, it is refused and the connection ends (RFC 9112, 2.2 and 6.3).
    fn of(headers: &HeaderMap, open: &Open) -> Said {
        let lines = open.line().lines();
        let chunked = headers.contains_key(header::TRANSFER_ENCODING);
        let refused = if lines.bare {
            Some("A line of the request's head ends with a line feed alone. End every line with CR LF.")
        } else if chunked && lines.length {
            Some("The request has both content-length and transfer-encoding. Send one of them.")
        } else {
            None
        };
        Said { close: refused.is_some() || (chunked && !lines.known), refused, ticket: None }
    }
}

/// A request as it came in.
struct Arrival {
    at: Instant,
    unix_ms: u64,
    number: u128,
    id: Arc<str>,
    dialect: Dialect,
}

impl Arrival {
    fn now(request: &http::Request<Incoming>) -> Arrival {
        let unix_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64);
        let number = ulid::Ulid::from_parts(unix_ms, fastrand::u128(..)).0;
        let id = request_id(request.headers(), number);
        let dialect = dialect_of(request.uri().path(), request.headers());
        Arrival { at: Instant::now(), unix_ms, number, id, dialect }
    }

    /// The time of now on the clock of the arrival.
    fn now_unix_ms(&self) -> u64 {
        self.unix_ms.saturating_add(u64::try_from(self.at.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    fn refuse(&self, fault: &Fault) -> Response<Outbound> {
        Reply::refusal(self.dialect, &self.id, fault)
    }
}

/// Sends a request to its endpoint or page.
async fn to(
    wiring: &Arc<Wiring>,
    request: http::Request<Incoming>,
    open: &Open,
    said: &mut Said,
) -> Response<Outbound> {
    let arrival = Arrival::now(&request);
    if let Some(shown) = said.refused {
        return arrival.refuse(&Fault::new(Cause::InvalidRequest, shown));
    }
    if let Err(fault) = one_host(&request) {
        return arrival.refuse(&fault);
    }
    let (method, path) = (request.method(), request.uri().path());
    let endpoint = (method == Method::POST).then(|| endpoint(path)).flatten();
    if endpoint.is_none() {
        if matches!(*method, Method::GET | Method::HEAD) && matches!(path, "/healthz" | "/readyz" | "/metrics") {
            return pages::open(wiring, path, &arrival.id);
        }
        if let Some(fault) = pages::unknown(method, path) {
            return arrival.refuse(&fault);
        }
    }
    let caller = match admit::caller(wiring, request.headers(), arrival.unix_ms) {
        Ok(caller) => caller,
        Err(fault) => return arrival.refuse(&fault),
    };
    let limited = caller.key.clone();
    let mut response = match endpoint {
        None => {
            pages::closed(wiring, request, &caller, &arrival.id, (arrival.dialect, arrival.unix_ms), open.line()).await
        }
        Some(endpoint) => match asked(wiring, request, endpoint, caller, &arrival, open, said).await {
            Ok(response) => response,
            Err(fault) => arrival.refuse(&fault),
        },
    };
    if let Some(key) = limited {
        spend::tell(&key, arrival.dialect, arrival.now_unix_ms(), response.headers_mut());
    }
    response
}

/// The endpoint that models answer at a path.
fn endpoint(path: &str) -> Option<Endpoint> {
    match path {
        "/v1/chat/completions" => Some(Endpoint::Chat),
        "/v1/completions" => Some(Endpoint::Completions),
        "/v1/messages" => Some(Endpoint::Messages),
        "/v1/embeddings" => Some(Endpoint::Embeddings),
        "/v1/rerank" | "/v2/rerank" | "/rerank" => Some(Endpoint::Rerank),
        _ => None,
    }
}

/// Reads the body of a request, and has it answered by the rest of the way.
async fn asked(
    wiring: &Arc<Wiring>,
    request: http::Request<Incoming>,
    endpoint: Endpoint,
    caller: admit::Caller,
    arrival: &Arrival,
    open: &Open,
    said: &mut Said,
) -> Result<Response<Outbound>, Fault> {
    if wiring.draining.load(Ordering::Relaxed) {
        let shown = "This gateway is stopping and takes no new requests. Ask again; another instance may answer.";
        return Err(Fault::new(Cause::ShuttingDown, shown).after(1));
    }
    let (head, body) = request.into_parts();
    let held = body::read(&head.headers, body, &wiring.limits, &wiring.door, open.line()).await?;
    open.at(Stage::Waiting);
    if let Some(key) = head.headers.get(&repeat::KEY) {
        let scope = caller.key.as_ref().map_or("", |k| &*k.id);
        let asked = (head.uri.path(), &*repeat::declared(&head.headers));
        match wiring.door.once.turn(key.as_bytes(), scope, asked, &held.bytes).await? {
            super::once::Turn::First(ticket) => said.ticket = Some(ticket),
            super::once::Turn::Again(kept) => return Ok(repeat::again(&kept, arrival.dialect, &arrival.id)),
        }
    }
    let request = Request {
        id: arrival.id.clone(),
        number: arrival.number,
        endpoint,
        headers: head.headers,
        body: held.bytes,
        arrived: arrival.at,
        arrived_unix_ms: arrival.unix_ms,
    };
    let (reply, answered) = Reply::new(arrival.dialect, arrival.id.clone());
    let (working, wiring) = (wiring.door.begin_work(held.room), wiring.clone());
    let task = tokio::spawn(async move {
        answer(wiring, request, caller, reply).await;
        drop(working);
    });
    if let Ok(response) = answered.await {
        return Ok(response);
    }
    // Only a panic drops the reply unanswered; it harms no other request. Its record first, then the answer.
    let _ = task.await;
    tracing::error!(request = %arrival.id, "a request panicked");
    let shown = "Something went wrong inside Dewpoint. Please report this with the request id.";
    Err(Fault::new(Cause::Internal, shown))
}

const ANTHROPIC_VERSION: http::HeaderName = http::HeaderName::from_static("anthropic-version");

/// The dialect in which to answer a request, errors included.
fn dialect_of(path: &str, headers: &HeaderMap) -> Dialect {
    if path.starts_with("/v1/messages") || headers.contains_key(ANTHROPIC_VERSION) {
        Dialect::Anthropic
    } else if path.starts_with("/api/") {
        Dialect::Ollama
    } else {
        Dialect::Openai
    }
}

/// Exactly one well-formed host, so that everything that looks at it sees the same (RFC 9112, 3.2).
fn one_host(request: &http::Request<Incoming>) -> Result<(), Fault> {
    let named = request.uri().authority();
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let well_formed = match (hosts.next(), hosts.next()) {
        (Some(host), None) => {
            let host = host.to_str().ok().and_then(|h| h.parse::<Authority>().ok());
            host.is_some_and(|h| named.is_none_or(|n| *n == h))
        }
        (None, None) => named.is_some() || request.version() == http::Version::HTTP_10,
        _ => false,
    };
    if well_formed {
        return Ok(());
    }
    let shown = "The request must have exactly one well-formed `Host` header, the same as in its target.";
    Err(Fault::new(Cause::InvalidRequest, shown))
}

/// The caller's `x-request-id` if it is short printable ASCII, else ours.
fn request_id(headers: &HeaderMap, number: u128) -> Arc<str> {
    const REQUEST_ID: http::HeaderName = http::HeaderName::from_static("x-request-id");
    headers
        .get(REQUEST_ID)
        .and_then(|v| v.to_str().ok())
        .filter(|v| !v.is_empty() && v.len() <= REQUEST_ID_MAX && v.bytes().all(|b| b.is_ascii_graphic()))
        .map_or_else(|| Arc::from(format!("req_{}", ulid::Ulid(number))), Arc::from)
}
