//! Step 1: the socket. Connections, HTTP limits, paths, the request id, and reading the body within its bound.
//!
//! Never here: what is in the body.

mod pages;

use crate::relay::{Outbound, Reply};
use crate::{Request, Wiring, admit, answer};
use backend::Deadlines;
use bytes::Bytes;
use decide::{Cause, Fault};
use http::uri::Authority;
use http::{HeaderMap, Method, Response, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use wire::{Dialect, Endpoint, WireError};

/// Limits of connections and requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request body at most.
    pub body_max_bytes: usize,
    /// Connections at once.
    pub connections_max: usize,
    /// For the body of a request to arrive.
    pub read: Duration,
    /// Deadlines of attempts.
    pub deadlines: Deadlines,
    /// A stream on which nothing was sent for so long gets a comment (or a ping).
    pub keep_alive: Duration,
    /// How long streams may go on after the signal to stop.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            body_max_bytes: 32 * 1024 * 1024,
            connections_max: 10_000,
            read: Duration::from_secs(30),
            deadlines: Deadlines::default(),
            // Under the 30 s after which the stricter proxies drop a silent connection.
            keep_alive: Duration::from_secs(15),
            drain: Duration::from_secs(30),
        }
    }
}

/// For all headers of a request to arrive.
const HEADERS_TIME: Duration = Duration::from_secs(10);
/// Bytes of all headers of a request at most.
const HEADERS_MAX_BYTES: usize = 64 * 1024;
/// Characters of a caller's own request id at most; a longer one is replaced.
const REQUEST_ID_MAX: usize = 128;

/// Serves until `stop` resolves, then drains: `/readyz` says 503, open requests finish within `limits.drain`.
///
/// # Errors
/// When the listener itself fails for good.
pub async fn serve(listener: TcpListener, wiring: Arc<Wiring>, stop: impl Future<Output = ()>) -> std::io::Result<()> {
    let graceful = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(wiring.limits.connections_max));
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS_TIME).max_buf_size(HEADERS_MAX_BYTES);
    http.http2().timer(TokioTimer::new()).max_header_list_size(HEADERS_MAX_BYTES as u32).max_concurrent_streams(256);
    let http = Arc::new(http);
    tokio::pin!(stop);
    loop {
        let socket = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => socket,
                Err(e) => { pause_after(&e).await; continue }
            },
            () = &mut stop => break,
        };
        let Ok(seat) = room.clone().try_acquire_owned() else {
            // Over the limit the connection is closed at once: an honest refusal costs less than a queue.
            tracing::warn!(limit = wiring.limits.connections_max, "connection refused: too many are open");
            continue;
        };
        let (http, wiring, watcher) = (http.clone(), wiring.clone(), graceful.watcher());
        tokio::spawn(async move {
            let _seat = seat;
            connection(&http, socket, wiring, watcher).await;
        });
    }
    drop(listener);
    wiring.draining.store(true, Ordering::Relaxed);
    if tokio::time::timeout(wiring.limits.drain, graceful.shutdown()).await.is_err() {
        tracing::warn!(seconds = wiring.limits.drain.as_secs(), "drain limit reached: the remaining streams are cut");
    }
    Ok(())
}

/// Out of file descriptors and the like: accepting again at once would spin.
async fn pause_after(error: &std::io::Error) {
    tracing::warn!(%error, "could not accept a connection");
    tokio::time::sleep(Duration::from_millis(50)).await;
}

async fn connection(
    http: &auto::Builder<TokioExecutor>,
    socket: TcpStream,
    wiring: Arc<Wiring>,
    watcher: hyper_util::server::graceful::Watcher,
) {
    // Frames of a stream are small and must not wait for one another (Nagle).
    let _ = socket.set_nodelay(true);
    let service = service_fn(move |request| {
        let wiring = wiring.clone();
        async move { Ok::<_, Infallible>(route(wiring, request).await) }
    });
    let served = http.serve_connection(TokioIo::new(socket), service).into_owned();
    if let Err(error) = watcher.watch(served).await {
        tracing::debug!(%error, "connection ended");
    }
}

/// Sends a request to its endpoint or page.
async fn route(wiring: Arc<Wiring>, request: http::Request<Incoming>) -> Response<Outbound> {
    let arrived = Instant::now();
    let unix_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64);
    let number = ulid::Ulid::from_parts(unix_ms, fastrand::u128(..)).0;
    let id = request_id(request.headers(), number);
    let dialect = dialect_of(request.uri().path(), request.headers());
    let door = |fault: &Fault| Reply::refusal(dialect, &id, fault);
    if let Err(fault) = one_host(&request) {
        return door(&fault);
    }

    let endpoint = match (request.method(), request.uri().path()) {
        (&Method::POST, "/v1/chat/completions") => Endpoint::Chat,
        (&Method::POST, "/v1/completions") => Endpoint::Completions,
        (&Method::POST, "/v1/messages") => Endpoint::Messages,
        (&Method::POST, "/v1/embeddings") => Endpoint::Embeddings,
        (&Method::POST, "/v1/rerank" | "/v2/rerank" | "/rerank") => Endpoint::Rerank,
        (&Method::GET | &Method::HEAD, "/healthz" | "/readyz" | "/metrics") => {
            return pages::open(&wiring, request.uri().path(), &id);
        }
        (method, path) => {
            if let Some(fault) = pages::unknown(method, path) {
                return door(&fault);
            }
            return match admit::caller(&wiring, request.headers()) {
                Err(fault) => door(&fault),
                Ok(caller) => pages::closed(&wiring, request, &caller, &id, dialect).await,
            };
        }
    };
    let caller = match admit::caller(&wiring, request.headers()) {
        Ok(caller) => caller,
        Err(fault) => return door(&fault),
    };
    let (head, body) = request.into_parts();
    let body = match read_body(&head.headers, body, &wiring.limits).await {
        Ok(body) => body,
        Err(fault) => return door(&fault),
    };
    let request =
        Request { id: id.clone(), number, endpoint, headers: head.headers, body, arrived, arrived_unix_ms: unix_ms };
    let (reply, answered) = Reply::new(dialect, id.clone());
    let task = tokio::spawn(answer(wiring, request, caller, reply));
    match answered.await {
        Ok(response) => response,
        Err(_) => {
            // Only a panic drops the reply unanswered; it harms no other request. Its record first, then the answer.
            let _ = task.await;
            tracing::error!(request = %id, "a request panicked");
            let shown = "Something went wrong inside Dewpoint. Please report this with the request id.";
            door(&Fault::new(Cause::Internal, shown))
        }
    }
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

/// Reads a body within its bound and time.
async fn read_body(headers: &HeaderMap, body: Incoming, limits: &Limits) -> Result<Bytes, Fault> {
    if headers.get(header::CONTENT_ENCODING).is_some_and(|v| v != "identity") {
        let shown = "Compressed request bodies are not accepted. Send the body without content-encoding.";
        return Err(Fault::new(Cause::UnsupportedMedia, shown));
    }
    let max = limits.body_max_bytes;
    let too_large = || {
        Fault::new(
            Cause::TooLarge,
            format!("The request body is larger than {max} bytes. Send less, or raise [server] body_max_mb."),
        )
    };
    if body.size_hint().lower() > max as u64 {
        return Err(too_large());
    }
    match tokio::time::timeout(limits.read, Limited::new(body, max).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(e)) if e.is::<http_body_util::LengthLimitError>() => Err(too_large()),
        Ok(Err(e)) => {
            Err(Fault::new(Cause::InvalidRequest, "The request body broke off before its end.").because(e.to_string()))
        }
        Err(_) => Err(Fault::new(
            Cause::RequestTimeout,
            "The request body did not arrive in time. Send it faster or in one piece.",
        )),
    }
}

/// A body that is not what its dialect says, as the caller's fault.
pub(crate) fn malformed(error: &WireError) -> Fault {
    let fault = Fault::new(Cause::InvalidRequest, error.message.clone());
    match &error.param {
        Some(param) => fault.at(param.clone()),
        None => fault,
    }
}
