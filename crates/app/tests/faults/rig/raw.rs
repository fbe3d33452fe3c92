//! Hand-written HTTP over a bare socket.
//!
//! Never here: a client library.

use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Silence after which an open connection is taken as saying no more.
const SILENCE: Duration = Duration::from_secs(1);

/// What came back.
#[derive(Debug)]
pub(crate) struct Raw {
    /// All bytes.
    pub(crate) bytes: Vec<u8>,
    /// Whether the server closed the connection (or reset it).
    pub(crate) closed: bool,
}

impl Raw {
    /// The status of the first answer; 0 when there is none.
    pub(crate) fn status(&self) -> u16 {
        self.statuses().first().copied().unwrap_or(0)
    }

    /// The status of each answer, in order.
    pub(crate) fn statuses(&self) -> Vec<u16> {
        let text = self.text();
        text.split("HTTP/1.").skip(1).filter_map(|s| s.get(2..5)?.parse().ok()).collect()
    }

    /// Everything as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

#[expect(clippy::disallowed_methods, reason = "a test is a client: it opens sockets to the server")]
pub(super) async fn connect(to: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(to).await.expect("the server accepts");
    socket.set_nodelay(true).expect("a TCP socket");
    socket
}

pub(super) async fn exchange(to: SocketAddr, bytes: &[u8]) -> Raw {
    let mut socket = connect(to).await;
    // A server that has seen enough may close before all is written.
    let _ = socket.write_all(bytes).await;
    let mut out = Vec::new();
    loop {
        match tokio::time::timeout(SILENCE, socket.read_buf(&mut out)).await {
            Err(_) => return Raw { bytes: out, closed: false },
            Ok(Ok(0) | Err(_)) => return Raw { bytes: out, closed: true },
            Ok(Ok(_)) => {}
        }
    }
}
