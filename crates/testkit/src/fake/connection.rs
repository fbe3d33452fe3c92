//! One connection of the fake: requests in, scripts out, and an eye on the client all the while.

use super::script::framed;
use super::{Answer, Framing, Seen, Shared, Step};
use bytes::{Bytes, BytesMut};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// Larger requests than this are a mistake of the test.
const REQUEST_MAX: usize = 64 << 20;

/// A connection, in the clear or under TLS.
pub(super) trait Socket: AsyncRead + AsyncWrite + Unpin {
    fn tcp(&self) -> &TcpStream;
}

impl Socket for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Socket for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

pub(super) async fn serve(mut socket: impl Socket, shared: Arc<Shared>) {
    socket.tcp().set_nodelay(true).expect("a TCP socket");
    let mut buffer = BytesMut::new();
    while let Some(seen) = request(&mut socket, &mut buffer).await {
        let answer = shared.answer(&seen);
        match play(&mut socket, &mut buffer, &answer).await {
            Ended::Complete => {}
            Ended::Closed => return,
            Ended::ClientLeft => return shared.closed_early(&seen),
        }
    }
}

/// How an answer ended.
enum Ended {
    /// The connection can be used again.
    Complete,
    /// We closed or reset it.
    Closed,
    ClientLeft,
}

async fn play(socket: &mut impl Socket, buffer: &mut BytesMut, answer: &Answer) -> Ended {
    let mut head = Some(answer.head());
    for step in &answer.steps {
        let going = match step {
            Step::Head => write(socket, head.take().unwrap_or_default()).await,
            Step::Raw(bytes) => write(socket, bytes.to_vec()).await,
            Step::Bytes(bytes) => write(socket, framed(&mut head, bytes, answer.framing)).await,
            Step::Drip { bytes, size, every } => {
                let mut going = true;
                for piece in bytes.chunks((*size).max(1)) {
                    going = going
                        && idle(socket, buffer, Some(*every)).await
                        && write(socket, framed(&mut head, piece, answer.framing)).await;
                }
                going
            }
            Step::Wait(time) => idle(socket, buffer, Some(*time)).await,
            Step::Stall => idle(socket, buffer, None).await,
            Step::Close => return Ended::Closed,
            Step::Reset => {
                socket.tcp().set_zero_linger().expect("a TCP socket");
                return Ended::Closed;
            }
            Step::End => return Ended::Complete,
        };
        if !going {
            return Ended::ClientLeft;
        }
    }
    match (write(socket, answer.end(&mut head)).await, answer.framing) {
        (false, _) => Ended::ClientLeft,
        (true, Framing::Close) => Ended::Closed,
        (true, _) => Ended::Complete,
    }
}

async fn write(socket: &mut impl Socket, bytes: Vec<u8>) -> bool {
    socket.write_all(&bytes).await.is_ok()
}

/// Waits (for ever without a time) and watches whether the client goes away meanwhile.
async fn idle(socket: &mut impl Socket, buffer: &mut BytesMut, time: Option<Duration>) -> bool {
    let gone = async {
        loop {
            match socket.read_buf(buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    };
    match time {
        Some(time) => tokio::time::timeout(time, gone).await.is_err(),
        None => {
            gone.await;
            false
        }
    }
}

/// Reads one request. `None` when the client has closed, or speaks no HTTP.
async fn request(socket: &mut impl Socket, buffer: &mut BytesMut) -> Option<Seen> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
            break at;
        }
        if buffer.len() > REQUEST_MAX || socket.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&buffer.split_to(end + 4)).into_owned();
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers: Vec<(String, String)> = lines
        .filter_map(|l| l.split_once(':'))
        .map(|(n, v)| (n.trim().to_ascii_lowercase(), v.trim().to_owned()))
        .collect();
    let (path, query) = (path.to_owned(), query.to_owned());
    let find = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    let body = if find("transfer-encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked")) {
        chunked(socket, buffer).await?
    } else {
        exactly(socket, buffer, find("content-length").and_then(|v| v.parse().ok()).unwrap_or(0)).await?
    };
    Some(Seen { method, path, query, headers, body, closed_early: Arc::default() })
}

async fn exactly(socket: &mut impl Socket, buffer: &mut BytesMut, length: usize) -> Option<Bytes> {
    while buffer.len() < length {
        if length > REQUEST_MAX || socket.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    Some(buffer.split_to(length).freeze())
}

/// A chunked body; our own client never sends one, a proxy between may.
async fn chunked(socket: &mut impl Socket, buffer: &mut BytesMut) -> Option<Bytes> {
    let mut body = BytesMut::new();
    loop {
        let line = loop {
            if let Some(at) = buffer.windows(2).position(|w| w == b"\r\n") {
                break buffer.split_to(at + 2);
            }
            if socket.read_buf(buffer).await.ok()? == 0 {
                return None;
            }
        };
        let size = usize::from_str_radix(std::str::from_utf8(&line).ok()?.trim(), 16).ok()?;
        let piece = exactly(socket, buffer, size + 2).await?;
        if size == 0 {
            return Some(body.freeze());
        }
        body.extend_from_slice(&piece[..size]);
    }
}
