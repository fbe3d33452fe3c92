//! A client of loopback that says what it really saw: the status, whether the answer was whole, whether a stream reached
//! its terminal event, and when. It can also behave badly: leave early, or read a byte now and then.
//!
//! Never here: when requests are sent ([`crate::arrivals`]), addresses other than loopback.

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tokio::net::TcpSocket;

/// Bytes of the end of an answer that are kept.
const TAIL: usize = 4096;
/// Receive buffer of a client that reads slowly, so that it is the server that has to wait.
const SLOW_BUFFER: u32 = 4096;

/// How a client takes its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// As fast as it comes.
    Read,
    /// It leaves after this long, wherever the answer is.
    LeaveAfter(Duration),
    /// It pauses before each piece, on a connection with a small receive buffer.
    Slowly(Duration),
}

/// One request.
#[derive(Debug, Clone)]
pub struct Call {
    /// Path; the method is POST.
    pub path: String,
    /// Body, JSON.
    pub body: Bytes,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// How the answer is taken.
    pub manner: Manner,
    /// After this long the client gives up.
    pub patience: Duration,
}

/// Why a client stopped listening.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ending {
    /// The body was whole by its framing.
    Whole,
    /// There was no connection to send it on.
    NoConnection,
    /// The connection broke.
    Broken,
    /// The client left, as it was told to.
    Left,
    /// Its patience was over.
    Patience,
}

/// What a client saw of an answer.
#[derive(Debug, Clone)]
pub struct Heard {
    /// Status; `None` when no head came.
    pub status: Option<u16>,
    /// `x-request-id`.
    pub request_id: Option<String>,
    /// `retry-after`, seconds.
    pub retry_after: Option<u64>,
    /// Whether it came as a stream of events.
    pub stream: bool,
    /// Why it ended.
    pub ending: Ending,
    /// From sending to the head.
    pub head: Option<Duration>,
    /// From sending to the end.
    pub whole: Duration,
    /// Bytes of the body.
    pub bytes: u64,
    /// Its last few kilobytes.
    pub tail: Vec<u8>,
}

impl Heard {
    /// Whether the client has all that it asked for: a plain answer with status 200 that is whole, or a stream that
    /// reached the terminal event of its dialect, whatever became of the connection after it.
    pub fn complete(&self) -> bool {
        self.status == Some(200) && if self.stream { self.terminal() } else { self.ending == Ending::Whole }
    }

    /// Whether a stream reached its terminal event, `[DONE]` or `message_stop`.
    pub fn terminal(&self) -> bool {
        let text = String::from_utf8_lossy(&self.tail);
        text.ends_with("data: [DONE]\n\n") || text.contains("\"type\":\"message_stop\"")
    }

    /// Whether a stream ended with an error event, which is an honest end but no success.
    pub fn error_event(&self) -> bool {
        self.stream && String::from_utf8_lossy(&self.tail).contains("\"error\"")
    }

    /// A whole plain answer with this status, for tests of what is made of answers.
    pub fn plain(status: u16) -> Heard {
        Heard { status: Some(status), ..Heard::nothing(Ending::Whole, Instant::now()) }
    }

    fn nothing(ending: Ending, since: Instant) -> Heard {
        Heard {
            status: None,
            request_id: None,
            retry_after: None,
            stream: false,
            ending,
            head: None,
            whole: since.elapsed(),
            bytes: 0,
            tail: Vec::new(),
        }
    }

    fn headed(status: StatusCode, headers: &HeaderMap, since: Instant) -> Heard {
        let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
        Heard {
            status: Some(status.as_u16()),
            request_id: text("x-request-id").map(str::to_owned),
            retry_after: text("retry-after").and_then(|v| v.parse().ok()),
            stream: text("content-type").is_some_and(|t| t.starts_with("text/event-stream")),
            head: Some(since.elapsed()),
            ..Heard::nothing(Ending::Broken, since)
        }
    }
}

/// A client with kept connections, as many as there are requests at once.
pub struct Caller {
    target: SocketAddr,
    idle: Mutex<Vec<SendRequest<Full<Bytes>>>>,
}

impl Caller {
    /// A client of `target`.
    ///
    /// # Panics
    /// When `target` is not loopback.
    pub fn new(target: SocketAddr) -> Caller {
        assert!(target.ip().is_loopback(), "load goes to loopback only");
        Caller { target, idle: Mutex::default() }
    }

    /// Sends one request and listens to the end, or as long as `call` says.
    pub async fn call(&self, call: &Call) -> Heard {
        let sent = Instant::now();
        let mut heard = Heard::nothing(Ending::Broken, sent);
        let (limit, ending) = match call.manner {
            Manner::LeaveAfter(time) if time < call.patience => (time, Ending::Left),
            _ => (call.patience, Ending::Patience),
        };
        // Dropping what listens closes its connection: that is how a client leaves.
        if tokio::time::timeout(limit, self.listen(call, sent, &mut heard)).await.is_err() {
            heard.ending = ending;
        }
        heard.whole = sent.elapsed();
        heard
    }

    /// Fetches a page; `None` when it does not come.
    pub async fn get(&self, path: &str) -> Option<String> {
        let request = Request::get(path).header(header::HOST, self.target.to_string()).body(Full::default()).ok()?;
        let mut sender = self.connect(false).await?;
        let body = sender.send_request(request).await.ok()?.into_body().collect().await.ok()?;
        String::from_utf8(body.to_bytes().to_vec()).ok()
    }

    async fn listen(&self, call: &Call, sent: Instant, heard: &mut Heard) {
        let Some((mut sender, response)) = self.send(call).await else {
            heard.ending = Ending::NoConnection;
            return;
        };
        let Ok(response) = response else { return };
        *heard = Heard::headed(response.status(), response.headers(), sent);
        let mut body = response.into_body();
        loop {
            if let Manner::Slowly(pause) = call.manner {
                tokio::time::sleep(pause).await;
            }
            match body.frame().await {
                None => break,
                Some(Err(_)) => return,
                Some(Ok(frame)) => {
                    let Some(data) = frame.data_ref() else { continue };
                    heard.bytes += data.len() as u64;
                    heard.tail.extend_from_slice(data);
                    let over = heard.tail.len().saturating_sub(TAIL);
                    heard.tail.drain(..over);
                }
            }
        }
        heard.ending = Ending::Whole;
        if !matches!(call.manner, Manner::Slowly(_)) && sender.ready().await.is_ok() {
            self.idle.lock().unwrap().push(sender);
        }
    }

    /// Sends on a kept connection if there is one that still stands, else on a new one. `None` without a connection.
    async fn send(&self, call: &Call) -> Option<(SendRequest<Full<Bytes>>, hyper::Result<http::Response<Incoming>>)> {
        let slow = matches!(call.manner, Manner::Slowly(_));
        let one_kept = || if slow { None } else { self.idle.lock().unwrap().pop() };
        while let Some(mut kept) = one_kept() {
            if kept.is_closed() || kept.ready().await.is_err() {
                continue;
            }
            match kept.try_send_request(self.request(call)?).await {
                Ok(response) => return Some((kept, Ok(response))),
                Err(mut error) => {
                    // With the message in it, it was closed just then, and nothing of the request went out.
                    if error.take_message().is_none() {
                        return Some((kept, Err(error.into_error())));
                    }
                }
            }
        }
        let mut fresh = self.connect(slow).await?;
        let response = fresh.send_request(self.request(call)?).await;
        Some((fresh, response))
    }

    fn request(&self, call: &Call) -> Option<Request<Full<Bytes>>> {
        let mut request = Request::post(&call.path)
            .header(header::HOST, self.target.to_string())
            .header(header::CONTENT_TYPE, "application/json");
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        request.body(Full::new(call.body.clone())).ok()
    }

    #[expect(clippy::disallowed_methods, reason = "a load client for loopback; it is not shipped")]
    async fn connect(&self, slow: bool) -> Option<SendRequest<Full<Bytes>>> {
        let socket = TcpSocket::new_v4().ok()?;
        if slow {
            socket.set_recv_buffer_size(SLOW_BUFFER).ok()?;
        }
        let socket = socket.connect(self.target).await.ok()?;
        socket.set_nodelay(true).ok()?;
        let (sender, connection) = handshake(TokioIo::new(socket)).await.ok()?;
        tokio::spawn(connection);
        Some(sender)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Answer, Fake, Step, Voice};

    fn call(manner: Manner) -> Call {
        Call { path: "/x".into(), body: Bytes::from("{}"), headers: vec![], manner, patience: Duration::from_secs(5) }
    }

    #[tokio::test]
    async fn it_tells_whole_from_cut_and_streams_by_their_terminal_event() {
        let fake = Fake::start().await;
        let caller = Caller::new(fake.address());
        fake.once("POST /x", Answer::json(200, "{}").header("x-request-id", "r1"));
        let heard = caller.call(&call(Manner::Read)).await;
        assert!(heard.complete() && heard.ending == Ending::Whole, "{heard:?}");
        assert_eq!((heard.request_id.as_deref(), heard.bytes), (Some("r1"), 2));
        fake.once("POST /x", Answer::json(503, "{}").header("retry-after", "7"));
        let heard = caller.call(&call(Manner::Read)).await;
        assert_eq!((heard.complete(), heard.status, heard.retry_after), (false, Some(503), Some(7)));
        assert_eq!(fake.connections(), 1, "connections are kept");
        for profile in ["openai", "anthropic"] {
            let stream = Voice::of(profile).stream(&["a", "b"], true);
            let pieces = stream.steps.len();
            // Cut behind the terminal event: the client has everything. Cut before it: it has not.
            fake.once("POST /x", stream.clone().cut(pieces, Step::Reset).insert(pieces, Step::Wait(SHORT)));
            let heard = caller.call(&call(Manner::Read)).await;
            assert!(heard.complete() && heard.ending == Ending::Broken, "{profile} {heard:?}");
            fake.once("POST /x", stream.cut(pieces - 1, Step::Close));
            let heard = caller.call(&call(Manner::Read)).await;
            assert!(!heard.complete() && heard.ending == Ending::Broken, "{profile} {heard:?}");
        }
    }

    const SHORT: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn it_leaves_and_loses_patience_and_finds_nobody() {
        let fake = Fake::start().await;
        fake.on("POST /x", Answer::of(vec![Step::Bytes("x".into()), Step::Stall]));
        let caller = Caller::new(fake.address());
        let heard = caller.call(&call(Manner::LeaveAfter(SHORT))).await;
        assert_eq!((heard.ending, heard.status, heard.bytes), (Ending::Left, Some(200), 1));
        assert!(fake.wait(Duration::from_secs(5), |seen| seen[0].closed_early()).await, "the fake saw it leave");
        let heard = caller.call(&Call { patience: SHORT, ..call(Manner::Read) }).await;
        assert_eq!(heard.ending, Ending::Patience);
        fake.once("POST /x", Answer::json(200, "{}"));
        let heard = caller.call(&call(Manner::Slowly(SHORT))).await;
        assert!(heard.complete() && heard.whole >= SHORT);
        let nobody = Caller::new(SocketAddr::from(([127, 0, 0, 1], crate::quiet_port())));
        assert_eq!(nobody.call(&call(Manner::Read)).await.ending, Ending::NoConnection);
    }
}
