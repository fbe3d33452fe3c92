//! Faults 1 to 26: what clients do. And what stopping, reloading and few resources do to them (58 to 60).
//!
//! Never here: the rig (`rig`).

mod body;
mod floods;
mod http;
mod leave;
mod once;
mod process;
mod slow;
mod steer;

use crate::rig::{Dialect, Got, Rig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The endpoint of a dialect.
fn path_of(dialect: Dialect) -> &'static str {
    if dialect == Dialect::Anthropic { "/v1/messages" } else { "/v1/chat/completions" }
}

/// A refusal as it should be: this status, complete in its dialect, and nothing went upstream.
fn refused(rig: &Rig, got: &Got, status: u16, what: &str) {
    assert_eq!(got.status, status, "{what}: {got:#?}");
    got.failure();
    assert!(rig.chats(0).is_empty(), "{what}: something went upstream");
}

/// A chat request as bytes, with these further header lines.
fn chat(rig: &Rig, stream: bool, headers: &str) -> String {
    chat_of(rig, Dialect::Openai, stream, headers)
}

/// The same in a dialect.
fn chat_of(rig: &Rig, dialect: Dialect, stream: bool, headers: &str) -> String {
    written(dialect, headers, &rig.body(dialect, stream))
}

/// A chat with this body, as it goes over the wire.
fn written(dialect: Dialect, headers: &str, body: &serde_json::Value) -> String {
    let (path, body) = (path_of(dialect), body.to_string());
    format!("POST {path} HTTP/1.1\r\nhost: localhost\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

/// Writes, and reads until this text was seen or the connection ends.
async fn until(socket: &mut TcpStream, said: &[u8], wanted: &str) -> String {
    socket.write_all(said).await.unwrap();
    let mut seen = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&seen).into_owned();
        if text.contains(wanted) {
            return text;
        }
        let read = tokio::time::timeout(crate::rig::SOON, socket.read_buf(&mut seen)).await;
        let n = read.unwrap_or_else(|_| panic!("{wanted} does not come: {text}")).unwrap_or(0);
        assert!(n > 0, "the connection ended before {wanted}: {text}");
    }
}

/// Everything until the connection ends.
async fn to_the_end(socket: &mut TcpStream) -> String {
    let mut seen = Vec::new();
    let read = tokio::time::timeout(crate::rig::SOON, socket.read_to_end(&mut seen)).await;
    assert!(read.is_ok(), "the connection stays open: {}", String::from_utf8_lossy(&seen));
    String::from_utf8_lossy(&seen).into_owned()
}
