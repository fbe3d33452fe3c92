//! An upstream that speaks HTTP/2 and can do what a well-behaved server would not: reset a stream, go away in the middle
//! of one, or never open the window for a request's body.
//!
//! Never here: HTTP/1 ([`super::Fake`]).

use super::Certificate;
use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{Request, Response};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// How an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TwoEnd {
    /// As it should.
    Well,
    /// With RST_STREAM.
    Reset,
    /// With GOAWAY and the end of the connection.
    Away,
    /// Not at all.
    Stall,
}

/// An answer: pieces of its body, each a DATA frame of its own, and its end.
#[derive(Debug, Clone)]
pub struct Two {
    /// The media type.
    pub media: &'static str,
    /// The body.
    pub pieces: Vec<Bytes>,
    /// The end.
    pub end: TwoEnd,
}

struct Shared {
    answer: Mutex<Two>,
    connections: AtomicUsize,
    posts: AtomicUsize,
    /// Bytes of a request's body that a client may send unasked.
    window: AtomicUsize,
}

/// The upstream, at `https://localhost`. Dropping it closes its port and every connection.
pub struct FakeTwo {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: tokio::task::JoinHandle<()>,
}

impl FakeTwo {
    /// Listens, and answers every POST like this until told otherwise; anything else is answered with 404.
    pub async fn start(certificate: &Certificate, answer: Two) -> FakeTwo {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free loopback port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            answer: Mutex::new(answer),
            connections: AtomicUsize::new(0),
            posts: AtomicUsize::new(0),
            window: AtomicUsize::new(1 << 16),
        });
        let (tls, for_all) = (certificate.acceptor_of_two(), shared.clone());
        let accepting = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                let (tls, shared) = (tls.clone(), for_all.clone());
                connections.spawn(async move {
                    if let Ok(tls) = tls.accept(socket).await {
                        let _ = connection(tls, shared).await;
                    }
                });
                while connections.try_join_next().is_some() {}
            }
        });
        FakeTwo { address, shared, accepting }
    }

    /// `https://localhost:port`, and a path behind it.
    pub fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }

    /// Answers every POST like this from now on.
    pub fn answers(&self, answer: Two) {
        *self.shared.answer.lock().unwrap() = answer;
    }

    /// Bytes of a request's body that clients of new connections may send; it is never more.
    pub fn window(&self, bytes: usize) {
        self.shared.window.store(bytes, Ordering::SeqCst);
    }

    /// Connections that spoke HTTP/2 so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// POST requests whose head has come so far.
    pub fn posts(&self) -> usize {
        self.shared.posts.load(Ordering::SeqCst)
    }
}

impl Drop for FakeTwo {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn connection(tls: tokio_rustls::server::TlsStream<TcpStream>, shared: Arc<Shared>) -> Result<(), h2::Error> {
    shared.connections.fetch_add(1, Ordering::SeqCst);
    let window = shared.window.load(Ordering::SeqCst);
    let mut builder = h2::server::Builder::new();
    builder.initial_window_size(u32::try_from(window).expect("a window of HTTP/2"));
    let mut connection = builder.handshake::<_, Bytes>(tls).await?;
    let (away, mut going) = mpsc::channel::<()>(1);
    let mut requests = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            _ = going.recv() => connection.abrupt_shutdown(Reason::INTERNAL_ERROR),
            next = connection.accept() => match next {
                None => return Ok(()),
                Some(next) => {
                    let (request, respond) = next?;
                    requests.spawn(answer(request, respond, shared.clone(), away.clone(), window));
                    while requests.try_join_next().is_some() {}
                }
            },
        }
    }
}

async fn answer(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    shared: Arc<Shared>,
    away: mpsc::Sender<()>,
    window: usize,
) -> Result<(), h2::Error> {
    if request.method() != http::Method::POST {
        respond.send_response(Response::builder().status(404).body(()).expect("a head"), true)?;
        return Ok(());
    }
    shared.posts.fetch_add(1, Ordering::SeqCst);
    let mut body = request.into_body();
    if window == 0 {
        // Nothing comes, or what a client sent before it had read our settings; either way it is not answered.
        std::future::pending::<()>().await;
    }
    while let Some(piece) = body.data().await {
        let size = piece?.len();
        body.flow_control().release_capacity(size)?;
    }
    let answer = shared.answer.lock().unwrap().clone();
    let head = Response::builder().header("content-type", answer.media).body(()).expect("a head");
    let mut stream = respond.send_response(head, false)?;
    for piece in answer.pieces {
        stream.reserve_capacity(piece.len());
        stream.send_data(piece, false)?;
        // A frame of its own for each.
        tokio::task::yield_now().await;
    }
    match answer.end {
        TwoEnd::Well => stream.send_data(Bytes::new(), true)?,
        TwoEnd::Reset => {
            // What was sent goes out first; a reset would drop what is still queued.
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            stream.send_reset(Reason::INTERNAL_ERROR);
        }
        TwoEnd::Away => {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            let _ = away.send(()).await;
            std::future::pending::<()>().await;
        }
        TwoEnd::Stall => std::future::pending::<()>().await,
    }
    Ok(())
}
