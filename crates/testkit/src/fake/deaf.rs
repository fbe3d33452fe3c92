//! Ports at which nothing answers: one that refuses, and one at which connections are never made.
//!
//! Never here: anything that speaks.

use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// A port of 127.0.0.1 that is held and not served.
pub struct Deaf {
    address: SocketAddr,
    _held: Held,
}

enum Held {
    Bound(#[allow(dead_code)] TcpSocket),
    Full(#[allow(dead_code)] TcpListener, #[allow(dead_code)] Vec<TcpStream>),
}

impl Deaf {
    /// Connections are refused at once. The port is held, so that nobody else takes it meanwhile.
    pub fn refusing() -> Deaf {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("a free loopback port");
        let address = socket.local_addr().expect("a bound socket has an address");
        Deaf { address, _held: Held::Bound(socket) }
    }

    /// Connections are neither made nor refused, as behind a firewall that drops: the queue of the listener is full.
    #[expect(clippy::disallowed_methods, reason = "these connections only fill the queue")]
    pub async fn silent() -> Deaf {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("a free loopback port");
        let listener = socket.listen(0).expect("a bound socket");
        let address = listener.local_addr().expect("a bound socket has an address");
        let mut queue = Vec::new();
        // Linux admits one more than the length of the queue; others round up. Whoever is not admitted waits.
        while let Ok(Ok(stream)) =
            tokio::time::timeout(std::time::Duration::from_millis(200), TcpStream::connect(address)).await
        {
            queue.push(stream);
        }
        Deaf { address, _held: Held::Full(listener, queue) }
    }

    /// `http://127.0.0.1:port`, and a path behind it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}
