//! The socket of one connection, as hyper reads it: with time limits for heads and idle connections (`408` for a head
//! that comes too slowly), and with an answer to the question whether a client that closed its side is still there.
//!
//! A client that shuts down its side for writing still wants its answer; one that closed for good does not, and TCP
//! shows the same FIN for both. What tells them apart is what comes back when something is sent: a reset, or nothing.
//! So after a FIN the server says something harmless: `100 Continue` before the head of an answer, a comment inside a
//! stream of events. Before HTTP/1.1 and inside other answers there is nothing harmless to say; there the next bytes of
//! the answer find out.
//!
//! Never here: what a request is, or how long its answer may take.

use super::Limits;
use super::line::{Line, Stage};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// How an HTTP/2 connection begins (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// What may be said before the head of an answer. Clients that know only one interim answer know this one.
const INTERIM: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
/// After a FIN, an answer that comes within this time needs no question.
const PATIENCE: Duration = Duration::from_millis(25);
/// The answer to a head that comes too slowly.
const TOO_SLOW: &str =
    "HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ";
const TOO_SLOW_BODY: &str = r#"{"error":{"message":"The headers of the request did not arrive in time. Send them in one piece.","type":"invalid_request_error","param":null,"code":"request_timeout"}}"#;

/// A socket with its limits.
pub(super) struct Socket {
    tcp: TcpStream,
    line: Arc<Line>,
    head: Duration,
    idle: Duration,
    /// Bytes of [`PREFACE`] seen so far; `None` when the connection speaks HTTP/1.
    preface: Option<usize>,
    /// When the head at hand began, and how many requests there were before it.
    head_from: Option<(u32, Instant)>,
    timer: Option<Pin<Box<Sleep>>>,
    /// How long a client may take nothing of what is written.
    write: Duration,
    /// Runs while it takes nothing.
    stuck: Option<Pin<Box<Sleep>>>,
    gone: Gone,
}

/// Finding out whether a client that closed its side is gone.
enum Gone {
    /// It has not closed.
    Open,
    /// It has; nothing was said yet. With when to speak, and for which request.
    Patient(Pin<Box<Sleep>>),
    /// Something was said; resolves when a reset comes back.
    Asked(Pin<Box<dyn Future<Output = ()> + Send>>),
    /// There was no way to ask; the next write finds out.
    Unknown,
}

impl Socket {
    /// A socket that was just accepted.
    pub(super) fn new(tcp: TcpStream, line: Arc<Line>, limits: &Limits) -> Socket {
        Socket {
            tcp,
            line,
            head: limits.head,
            idle: limits.idle,
            preface: Some(0),
            head_from: None,
            timer: None,
            write: limits.deadlines.gap,
            stuck: None,
            gone: Gone::Open,
        }
    }

    fn is_h2(&self) -> bool {
        self.preface == Some(PREFACE.len())
    }

    /// Takes note of bytes that came in.
    fn saw(&mut self, bytes: &[u8]) {
        if let Some(seen) = self.preface.filter(|n| *n < PREFACE.len()) {
            let upto = bytes.len().min(PREFACE.len() - seen);
            self.preface = (bytes[..upto] == PREFACE[seen..seen + upto]).then_some(seen + upto);
        }
        let (begun, open) = self.line.requests();
        if open {
            return;
        }
        let begins = self.head_from.is_none_or(|(of, _)| of != begun);
        if begins {
            self.head_from = Some((begun, Instant::now()));
        }
        self.line.head(bytes, begins);
    }

    /// When the client must have done its part, and whether that is the head of a request.
    fn due(&self) -> Option<(Instant, bool)> {
        let (begun, open) = self.line.requests();
        if open {
            return None;
        }
        let head = self.head_from.filter(|(of, _)| *of == begun && !self.is_h2());
        Some(match head {
            Some((_, from)) => (from + self.head, true),
            None if begun == 0 && !self.is_h2() => (self.line.quiet_since() + self.head, false),
            None => (self.line.quiet_since() + self.idle, false),
        })
    }

    /// Ready when the client let its time pass; a head that is under way is answered.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let (now, due) = (Instant::now(), self.due());
            if let Some((due, head)) = due
                && now >= due
            {
                if head {
                    let said = format!("{TOO_SLOW}{}\r\n\r\n{TOO_SLOW_BODY}", TOO_SLOW_BODY.len());
                    // If the little that it is does not fit, the client reads nothing either.
                    let _ = self.tcp.try_write(said.as_bytes());
                }
                return Poll::Ready(());
            }
            // It always runs, since nobody asks again when a request ends. One that rings early is set again then, which
            // costs less than setting it for every request.
            let next = due.map_or(now + self.idle, |(due, _)| due);
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(next)));
            if timer.deadline() > next || timer.is_elapsed() {
                timer.as_mut().reset(next);
            }
            ready!(timer.as_mut().poll(cx));
        }
    }

    /// What came of a write. One that waits longer than it may fails, so that a client who reads nothing holds nothing.
    fn wrote(&mut self, cx: &mut Context<'_>, done: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if done.is_ready() {
            self.stuck = None;
            return done;
        }
        let write = self.write;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(tokio::time::sleep(write)));
        ready!(stuck.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Ready when a client that closed its side is known to be gone.
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match &mut self.gone {
                Gone::Open => self.gone = Gone::Patient(Box::pin(tokio::time::sleep(PATIENCE))),
                Gone::Patient(until) => {
                    ready!(until.as_mut().poll(cx));
                    self.gone = self.ask();
                }
                Gone::Asked(reset) => return reset.as_mut().poll(cx),
                Gone::Unknown => return Poll::Pending,
            }
        }
    }

    /// Says something harmless, if there is something, and watches for a reset.
    fn ask(&self) -> Gone {
        match self.line.stage() {
            Stage::Waiting if self.line.interim() => {
                if !matches!(self.tcp.try_write(INTERIM), Ok(n) if n == INTERIM.len()) {
                    return Gone::Unknown;
                }
            }
            // Written by the body of the answer, in its place.
            Stage::Events => self.line.want_comment(),
            _ => return Gone::Unknown,
        }
        reset_of(&self.tcp).map_or(Gone::Unknown, Gone::Asked)
    }
}

/// Resolves when the connection was reset. On a second descriptor, since the first one's readiness is hyper's; only
/// connections whose client closed its side and that still wait for an answer need it.
#[cfg(unix)]
fn reset_of(tcp: &TcpStream) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
    use std::os::fd::AsFd;
    let second = tcp.as_fd().try_clone_to_owned().ok()?;
    let second = TcpStream::from_std(std::net::TcpStream::from(second)).ok()?;
    Some(Box::pin(async move {
        let _ = second.ready(tokio::io::Interest::ERROR).await;
    }))
}

#[cfg(not(unix))]
fn reset_of(_: &TcpStream) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
    None
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let me = &mut *self;
        if !me.line.has_ended() {
            let before = buf.filled().len();
            match Pin::new(&mut me.tcp).poll_read(cx, buf) {
                Poll::Ready(Ok(())) if buf.filled().len() > before => {
                    me.saw(&buf.filled()[before..]);
                    return Poll::Ready(Ok(()));
                }
                Poll::Ready(Ok(())) if me.line.holds() => me.line.ended(cx.waker()),
                Poll::Pending => {
                    // The end of the stream: nothing more is read, and the connection closes in order.
                    return me.poll_late(cx).map(Ok);
                }
                other => return other,
            }
        }
        if !me.line.holds() {
            return Poll::Ready(Ok(()));
        }
        me.line.ended(cx.waker());
        ready!(me.poll_gone(cx));
        Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.tcp).poll_write(cx, buf);
        self.wrote(cx, done)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.tcp).poll_write_vectored(cx, bufs);
        self.wrote(cx, done)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
