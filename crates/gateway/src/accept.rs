//! Step 1: the socket. Connections and their limits, and the end of all of them; then paths, the request id, and reading
//! the body within its bound.
//!
//! Never here: what is in the body.

mod body;
mod door;
mod feedback;
mod line;
mod once;
mod pages;
mod repeat;
mod route;
mod socket;

pub use door::Door;

use crate::Wiring;
use backend::Deadlines;
use decide::{Cause, Fault};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use line::Line;
use socket::Socket;
use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wire::WireError;

/// Limits of connections and requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request body at most.
    pub body_max_bytes: usize,
    /// Bytes of all request bodies in memory at most.
    pub bodies_max_bytes: usize,
    /// Connections at once.
    pub connections_max: usize,
    /// For all headers of a request to arrive.
    pub head: Duration,
    /// For the body of a request to arrive; a second more for every 8,192 bytes that came.
    pub read: Duration,
    /// How long a connection without a request stays open.
    pub idle: Duration,
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
            bodies_max_bytes: 512 * 1024 * 1024,
            connections_max: 10_000,
            head: Duration::from_secs(10),
            read: Duration::from_secs(30),
            idle: Duration::from_secs(75),
            deadlines: Deadlines::default(),
            // Under the 30 s after which the stricter proxies drop a silent connection.
            keep_alive: Duration::from_secs(15),
            drain: Duration::from_secs(30),
        }
    }
}

/// Bytes of all headers of a request at most.
const HEADERS_MAX_BYTES: usize = 64 * 1024;
/// Bytes of a stream that wait in memory for a slow reader, per request of HTTP/2.
const SEND_MAX_BYTES: usize = 64 * 1024;
/// Between two pings of a quiet HTTP/2 connection, and for the answer to one.
const PING: Duration = Duration::from_secs(20);
/// What requests get to end with an error after they are cut.
const CUT_GRACE: Duration = Duration::from_secs(3);

/// Serves until `stop` resolves, then drains: `/readyz` says 503, requests under way finish within `limits.drain`, new
/// ones are answered with 503. At the limit, or when [`crate::Cut`] is made before, the rest end with an error.
///
/// # Errors
/// When the listener itself fails for good.
pub async fn serve(listener: TcpListener, wiring: Arc<Wiring>, stop: impl Future<Output = ()>) -> std::io::Result<()> {
    let graceful = GracefulShutdown::new();
    let door = Listening::new(listener, wiring.clone());
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = door.one(Some(&graceful)) => {}
            () = &mut stop => break,
        }
    }
    wiring.draining.store(true, Ordering::Relaxed);
    let ended = async {
        graceful.shutdown().await;
        // A request outlives its connection by the time that settling takes.
        wiring.door.idle().await;
    };
    let out_of_time = async {
        tokio::select! {
            () = tokio::time::sleep(wiring.limits.drain) => {}
            () = wiring.cut.made() => {}
        }
        let left = wiring.door.working();
        tracing::warn!(requests = left, "the time to finish is over: the remaining requests are cut");
        wiring.cut.now();
        tokio::time::sleep(CUT_GRACE).await;
    };
    // The listener stays open: a refused connection does not say why, and who balances load asks /readyz.
    let answering = async {
        loop {
            door.one(None).await;
        }
    };
    tokio::select! {
        () = ended => {}
        () = out_of_time => tracing::warn!("some requests did not end in time; their attempts are recovered from the ledger"),
        () = answering => {}
    }
    // Alternatives in the shadow have no caller: they end as cut, and are settled on what was seen.
    wiring.cut.now();
    let _ = tokio::time::timeout(CUT_GRACE, wiring.learned.shadow.idle()).await;
    Ok(())
}

/// The listener and what every connection of it gets.
struct Listening {
    listener: TcpListener,
    http: Arc<auto::Builder<TokioExecutor>>,
    seats: Arc<Semaphore>,
    wiring: Arc<Wiring>,
    /// When a problem of accepting was last logged: a flood of connections must not be one of log lines too.
    told: std::sync::Mutex<Option<Instant>>,
}

impl Listening {
    fn new(listener: TcpListener, wiring: Arc<Wiring>) -> Listening {
        let mut http = auto::Builder::new(TokioExecutor::new());
        // The times of heads are kept in `socket`, which knows a head from an idle connection.
        http.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(HEADERS_MAX_BYTES);
        http.http2()
            .timer(TokioTimer::new())
            .max_header_list_size(HEADERS_MAX_BYTES as u32)
            .max_concurrent_streams(256)
            .max_send_buf_size(SEND_MAX_BYTES)
            .keep_alive_interval(PING)
            .keep_alive_timeout(PING);
        let seats = Arc::new(Semaphore::new(wiring.limits.connections_max));
        Listening { listener, http: Arc::new(http), seats, wiring, told: std::sync::Mutex::default() }
    }

    /// Accepts one connection and serves it in a task of its own.
    async fn one(&self, graceful: Option<&GracefulShutdown>) {
        let door = &self.wiring.door;
        let socket = match self.listener.accept().await {
            Ok((socket, _)) => socket,
            Err(error) => {
                door.failed.fetch_add(1, Ordering::Relaxed);
                if self.may_tell() {
                    tracing::warn!(%error, "could not accept a connection");
                }
                if !of_the_peer(&error) {
                    // Out of descriptors or memory: accepting again at once would spin.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                return;
            }
        };
        let Ok(seat) = self.seats.clone().try_acquire_owned() else {
            // Over the limit the connection is closed at once: an honest refusal costs less than a queue.
            door.refused.fetch_add(1, Ordering::Relaxed);
            if self.may_tell() {
                tracing::warn!(limit = self.wiring.limits.connections_max, "connections refused: too many are open");
            }
            return;
        };
        let watcher = graceful.map(GracefulShutdown::watcher);
        tokio::spawn(connection(self.http.clone(), socket, self.wiring.clone(), watcher, seat));
    }

    /// Once a second.
    fn may_tell(&self) -> bool {
        let Ok(mut told) = self.told.lock() else { return false };
        let may = told.is_none_or(|at| at.elapsed() >= Duration::from_secs(1));
        if may {
            *told = Some(Instant::now());
        }
        may
    }
}

/// Whether only the connection at hand failed, before it was accepted.
fn of_the_peer(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn connection(
    http: Arc<auto::Builder<TokioExecutor>>,
    socket: TcpStream,
    wiring: Arc<Wiring>,
    watcher: Option<Watcher>,
    _seat: OwnedSemaphorePermit,
) {
    // Frames of a stream are small and must not wait for one another (Nagle).
    let _ = socket.set_nodelay(true);
    let _counted = wiring.door.connected();
    let line = Line::new();
    let socket = Socket::new(socket, line.clone(), &wiring.limits);
    let service = service_fn(move |request| {
        let (wiring, open) = (wiring.clone(), line.begin(request.version()));
        async move { Ok::<_, Infallible>(route::route(wiring, request, open).await) }
    });
    let served = http.serve_connection(TokioIo::new(socket), service).into_owned();
    let ended = match watcher {
        Some(watcher) => watcher.watch(served).await,
        None => served.await,
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
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
