//! A scripted upstream on loopback. It writes its answers byte by byte itself instead of through an HTTP library, so that
//! it can do what no library would: cut an answer anywhere, reset, stall, drip, or send something that is not HTTP.
//!
//! Never here: the shapes of engines ([`crate::Voice`]), addresses other than loopback (but for [`Fake::start_on`], which
//! tests with a network namespace of their own use).

mod connection;
mod deaf;
mod script;
mod tls;
mod two;

pub use deaf::Deaf;
pub use script::{Answer, Framing, Step};
pub use tls::{Authority, Certificate};
pub use two::{FakeTwo, Two, TwoEnd};

use bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio_rustls::TlsAcceptor;

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    /// `POST`.
    pub method: String,
    /// `/v1/chat/completions`, without the query.
    pub path: String,
    /// The query, without its question mark.
    pub query: String,
    /// Names in lower case, in their order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    closed_early: Arc<AtomicBool>,
}

impl Seen {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The body as JSON; null when it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Whether the client went away before the answer was complete.
    pub fn closed_early(&self) -> bool {
        self.closed_early.load(Ordering::SeqCst)
    }
}

type Responder = Arc<dyn Fn(&Seen) -> Answer + Send + Sync>;

#[derive(Default)]
struct Route {
    once: VecDeque<Answer>,
    always: Option<Responder>,
}

/// What all connections share.
struct Shared {
    routes: Mutex<HashMap<String, Route>>,
    seen: Mutex<Vec<Seen>>,
    connections: AtomicUsize,
    requests: AtomicUsize,
    forgetful: AtomicBool,
    changed: Notify,
    /// The certificate that new connections are shown; `None` is no TLS.
    tls: watch::Sender<Option<TlsAcceptor>>,
    /// All connections are to end now.
    turned: Notify,
    /// Changes when they have ended.
    open: watch::Sender<()>,
}

/// The upstream. Dropping it closes its port and every connection.
pub struct Fake {
    address: SocketAddr,
    scheme: &'static str,
    shared: Arc<Shared>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Fake {
    /// Listens on a free port of 127.0.0.1. Every path answers 404 until it is told otherwise.
    pub async fn start() -> Fake {
        Fake::start_at(0).await
    }

    /// As [`Fake::start`], on this port: an upstream that comes back. See [`crate::quiet_port`].
    ///
    /// # Panics
    /// When the port is taken.
    pub async fn start_at(port: u16) -> Fake {
        Fake::listen((Ipv4Addr::LOCALHOST, port).into(), None).await
    }

    /// The same behind TLS, with this certificate.
    pub async fn start_tls(certificate: &Certificate) -> Fake {
        Fake::listen((Ipv4Addr::LOCALHOST, 0).into(), Some(certificate.acceptor())).await
    }

    /// As [`Fake::start`], on an address that is not loopback: of an interface that the test made itself, in a network
    /// namespace that it made itself, where nobody else can come.
    ///
    /// # Panics
    /// When this host has no such address.
    pub async fn start_on(address: IpAddr) -> Fake {
        Fake::listen((address, 0).into(), None).await
    }

    async fn listen(at: SocketAddr, tls: Option<TlsAcceptor>) -> Fake {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let listener = TcpListener::bind(at).await.expect("a free port of an address that is there");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            routes: Mutex::default(),
            seen: Mutex::default(),
            connections: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
            forgetful: AtomicBool::new(false),
            changed: Notify::new(),
            tls: watch::Sender::new(tls),
            turned: Notify::new(),
            open: watch::Sender::new(()),
        });
        let accepting = tokio::spawn(accept(listener, shared.clone()));
        Fake { address, scheme, shared, accepting }
    }

    /// Shows this certificate from now on, and ends every connection that was made before.
    pub async fn show(&self, certificate: &Certificate) {
        self.shared.tls.send_replace(Some(certificate.acceptor()));
        let mut open = self.shared.open.subscribe();
        self.shared.turned.notify_one();
        open.changed().await.expect("the upstream is there as long as we are");
    }

    /// `http://127.0.0.1:port`, or `https://localhost:port` under TLS, and a path behind it.
    pub fn url(&self, path: &str) -> String {
        if self.scheme == "https" {
            return format!("https://localhost:{}{path}", self.address.port());
        }
        format!("http://{}{path}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers every request to `route` (`POST /v1/chat/completions`) like this from now on.
    pub fn on(&self, route: &str, answer: Answer) {
        self.on_fn(route, move |_| answer.clone());
    }

    /// As [`Fake::on`], by a function of the request.
    pub fn on_fn(&self, route: &str, answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) {
        let mut routes = self.shared.routes.lock().unwrap();
        routes.entry(route.to_owned()).or_default().always = Some(Arc::new(answer));
    }

    /// Answers the next request to `route` like this; several stand in line.
    pub fn once(&self, route: &str, answer: Answer) {
        self.shared.routes.lock().unwrap().entry(route.to_owned()).or_default().once.push_back(answer);
    }

    /// All requests so far, in the order in which their bodies were complete.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// The last request.
    ///
    /// # Panics
    /// When there was none.
    pub fn last(&self) -> Seen {
        self.seen().pop().expect("a request")
    }

    /// Keeps no request from now on, so that a long run does not fill the memory of the test.
    pub fn forget(&self) {
        self.shared.forgetful.store(true, Ordering::SeqCst);
        self.shared.seen.lock().unwrap().clear();
    }

    /// Requests so far, forgotten ones included.
    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Waits until `wanted` holds for the requests so far. Gives back whether it did before the time was over.
    pub async fn wait(&self, limit: Duration, wanted: impl Fn(&[Seen]) -> bool) -> bool {
        let waiting = async {
            loop {
                let changed = self.shared.changed.notified();
                if wanted(&self.seen()) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(limit, waiting).await.is_ok()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Dropped together with this task, which ends every connection.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let socket = tokio::select! {
            biased;
            () = shared.turned.notified() => {
                connections.shutdown().await;
                shared.open.send_replace(());
                continue;
            }
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => socket,
                Err(_) => return,
            },
        };
        shared.connections.fetch_add(1, Ordering::SeqCst);
        let (tls, shared) = (shared.tls.borrow().clone(), shared.clone());
        connections.spawn(async move {
            match tls {
                None => connection::serve(socket, shared).await,
                // A client that refuses the certificate ends here.
                Some(tls) => {
                    if let Ok(socket) = tls.accept(socket).await {
                        connection::serve(socket, shared).await;
                    }
                }
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

impl Shared {
    /// Notes a request and says how to answer it.
    fn answer(&self, seen: &Seen) -> Answer {
        self.requests.fetch_add(1, Ordering::SeqCst);
        if !self.forgetful.load(Ordering::SeqCst) {
            self.seen.lock().unwrap().push(seen.clone());
        }
        self.changed.notify_waiters();
        let mut routes = self.routes.lock().unwrap();
        let Some(route) = routes.get_mut(&format!("{} {}", seen.method, seen.path)) else {
            return Answer::json(404, r#"{"error":{"message":"no such route in this script","type":"not_found"}}"#);
        };
        if let Some(answer) = route.once.pop_front() {
            return answer;
        }
        let always = route.always.clone();
        drop(routes);
        always.map_or_else(|| Answer::json(404, r#"{"error":"the script is over"}"#), |answer| answer(seen))
    }

    fn closed_early(&self, seen: &Seen) {
        seen.closed_early.store(true, Ordering::SeqCst);
        self.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
