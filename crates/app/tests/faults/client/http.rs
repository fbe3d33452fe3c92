//! Faults 14, 15, 17 to 19: HTTP as the RFCs allow it, and as they forbid it.

use super::{chat, until};
use crate::rig::{Dialect, Rig};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use std::time::Duration;
use testkit::Voice;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn rig() -> Rig {
    Rig::new().place(Voice::of("openai")).start().await
}

#[tokio::test]
async fn fault_14_odd_but_lawful_http_is_served() {
    let rig = rig().await;
    let host = "host: localhost\r\n";
    // Pipelining: answered in order.
    let three = format!(
        "GET /healthz HTTP/1.1\r\n{host}\r\n{}GET /v1/models HTTP/1.1\r\n{host}connection: close\r\n\r\n",
        chat(&rig, false, "")
    );
    let raw = rig.raw(three).await;
    assert_eq!((raw.statuses(), raw.closed), (vec![200, 200, 200], true), "{}", raw.text());
    let order = ["\"status\"", "Hello from openai", "\"list\""].map(|part| raw.text().find(part).unwrap());
    assert!(order.is_sorted(), "{}", raw.text());
    // Expect: 100-continue is answered before the body is sent.
    let request = chat(&rig, false, "expect: 100-continue\r\n");
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut socket = rig.connect().await;
    let text = until(&mut socket, format!("{head}\r\n\r\n").as_bytes(), "\r\n\r\n").await;
    assert!(text.starts_with("HTTP/1.1 100"), "{text}");
    let text = until(&mut socket, body.as_bytes(), "openai").await;
    assert!(text.contains("HTTP/1.1 200"), "{text}");
    // And a refusal comes instead of 100, without the body.
    let raw =
        rig.raw(format!("POST /nowhere HTTP/1.1\r\n{host}expect: 100-continue\r\ncontent-length: 5\r\n\r\n")).await;
    assert_eq!(raw.statuses(), [404], "{}", raw.text());
    // HEAD has the head of GET and no body; OPTIONS is a method like any other.
    let raw = rig.raw(format!("HEAD /healthz HTTP/1.1\r\n{host}\r\n")).await;
    assert!(raw.status() == 200 && raw.text().ends_with("\r\n\r\n"), "{}", raw.text());
    for path in ["/v1/chat/completions", "*"] {
        let raw = rig.raw(format!("OPTIONS {path} HTTP/1.1\r\n{host}\r\n")).await;
        assert!([404, 405].contains(&raw.status()), "{path}: {}", raw.text());
    }
    // HTTP/1.0: one answer, then the end; a stream ends with the connection, without chunks.
    for stream in [false, true] {
        let raw = rig.raw(chat(&rig, stream, "").replace("HTTP/1.1", "HTTP/1.0")).await;
        assert!(raw.status() == 200 && raw.closed, "{}", raw.text());
        assert!(!raw.text().to_lowercase().contains("transfer-encoding"), "{}", raw.text());
        assert_eq!(raw.text().contains("[DONE]"), stream);
    }
    // The absolute form of a target.
    let absolute = chat(&rig, false, "").replace("POST /", "POST http://localhost/");
    assert_eq!(rig.raw(absolute).await.status(), 200);
    rig.finish().await;
}

#[tokio::test]
async fn fault_14_http_2_without_tls_is_served() {
    let rig = rig().await;
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http::<Full<bytes::Bytes>>();
    for stream in [false, true] {
        let body = rig.body(Dialect::Openai, stream).to_string();
        let request = http::Request::post(format!("http://{}/v1/chat/completions", rig.address()));
        let response = client.request(request.body(Full::new(body.into())).unwrap()).await.unwrap();
        assert_eq!((response.status().as_u16(), response.version()), (200, http::Version::HTTP_2));
        let text = String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap();
        assert!(text.contains("openai") && text.contains("[DONE]") == stream, "{text}");
    }
    drop(client);
    rig.finish().await;
}

#[tokio::test]
async fn fault_15_smuggling_is_refused_and_the_connection_ends() {
    let rig = rig().await;
    let body = rig.body(Dialect::Openai, false).to_string();
    let n = body.len();
    let start = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n";
    let second = "GET /v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let chunks = format!("{n:x}\r\n{body}\r\n0\r\n\r\n");
    for (what, request) in [
        ("two lengths", format!("{start}content-length: {n}\r\ncontent-length: {}\r\n\r\n{body}", n - 1)),
        ("two lengths in one", format!("{start}content-length: {n}, {}\r\n\r\n{body}", n - 1)),
        ("a signed length", format!("{start}content-length: +{n}\r\n\r\n{body}")),
        ("a hexadecimal length", format!("{start}content-length: 0x{n:x}\r\n\r\n{body}")),
        ("xchunked", format!("{start}transfer-encoding: xchunked\r\n\r\n{chunks}")),
        ("chunked that is not last", format!("{start}transfer-encoding: chunked, gzip\r\n\r\n{chunks}")),
        ("a folded line", format!("{start}x: a\r\n b\r\ncontent-length: {n}\r\n\r\n{body}")),
        ("a space before the colon", format!("{start}content-length : {n}\r\n\r\n{body}")),
        ("a space before the name", format!("{start} x: a\r\ncontent-length: {n}\r\n\r\n{body}")),
        ("CR in a value", format!("{start}x: a\rb\r\ncontent-length: {n}\r\n\r\n{body}")),
        ("NUL in a value", format!("{start}x: a\0b\r\ncontent-length: {n}\r\n\r\n{body}")),
        ("no colon", format!("{start}x\r\ncontent-length: {n}\r\n\r\n{body}")),
        (
            "a chunk size that is none",
            format!("{start}transfer-encoding: chunked\r\n\r\n0x{n:x}\r\n{body}\r\n0\r\n\r\n"),
        ),
        (
            "a chunk size past 64 bits",
            format!("{start}transfer-encoding: chunked\r\n\r\n1{:016x}\r\n{body}\r\n0\r\n\r\n", n),
        ),
        ("a chunk without its end", format!("{start}transfer-encoding: chunked\r\n\r\n{n:x}\r\n{body}XX0\r\n\r\n")),
        (
            "chunks in HTTP/1.0",
            format!("{start}transfer-encoding: chunked\r\n\r\n{chunks}").replace("HTTP/1.1", "HTTP/1.0"),
        ),
        ("a version of tomorrow", format!("{start}content-length: {n}\r\n\r\n{body}").replace("HTTP/1.1", "HTTP/1.9")),
    ] {
        let raw = rig.raw(format!("{request}{second}")).await;
        assert!(raw.closed, "{what}: the connection stays open: {}", raw.text());
        assert!(raw.statuses().iter().all(|s| (400..500).contains(s)), "{what}: {}", raw.text());
        assert!(raw.statuses().len() <= 1, "{what}: a second answer: {}", raw.text());
        assert!(rig.chats(0).is_empty(), "{what}: something went upstream");
    }
    // A length beside chunks: the chunks count and nothing is left over that could be a second request (RFC 9112, 6.3),
    // or it is refused.
    for order in
        [["transfer-encoding: chunked", "content-length: 4"], ["content-length: 4", "transfer-encoding: chunked"]]
    {
        let raw = rig.raw(format!("{start}{}\r\n{}\r\n\r\n{chunks}{second}", order[0], order[1])).await;
        assert_eq!((raw.status(), raw.closed), (400, true), "{}", raw.text());
        assert!(rig.chats(0).is_empty(), "something went upstream");
    }
    // A bare line feed ends a line for some and not for others.
    let raw = rig.raw(format!("{start}x: a\ncontent-length: {n}\r\n\r\n{body}")).await;
    assert_eq!((raw.status(), raw.closed), (400, true), "{}", raw.text());
    assert!(rig.chats(0).is_empty());
    rig.finish().await;
}

#[tokio::test]
async fn fault_17_large_heads_are_431() {
    let rig = rig().await;
    let many = |n: usize| (0..n).map(|i| format!("x-{i}: a\r\n")).collect::<String>();
    for (what, headers) in [
        ("64 kB in one", format!("x-large: {}\r\n", "a".repeat(65_536))),
        ("500 headers", many(500)),
        ("a head without end", format!("x-large: {}", "a".repeat(200_000))),
    ] {
        let raw = rig.raw(format!("GET /healthz HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n")).await;
        assert_eq!((raw.status(), raw.closed), (431, true), "{what}: {}", raw.text());
    }
    let raw = rig.raw(format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "a".repeat(70_000))).await;
    assert!([414, 431].contains(&raw.status()) && raw.closed, "{}", raw.text());
    let large =
        format!("GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-large: {}\r\n{}\r\n", "a".repeat(40_000), many(90));
    assert_eq!(rig.raw(large).await.status(), 200, "what a proxy may add fits");
    rig.finish().await;
}

#[tokio::test]
async fn fault_18_host_tricks_are_refused_alike() {
    let config = "[[key]]\nname = \"a\"\nsecret = { env = \"RIG_CALLER\" }\n";
    let rig = Rig::new()
        .place(Voice::of("openai"))
        .config(config)
        .env("RIG_CALLER", "dp_caller_secret_0123456789")
        .start()
        .await;
    for key in ["", "authorization: Bearer dp_caller_secret_0123456789\r\n"] {
        for (what, hosts) in [
            ("a fragment", "host: x/#@evil.example\r\n"),
            ("userinfo", "host: localhost@evil.example/\r\n"),
            ("none", ""),
            ("two", "host: localhost\r\nhost: localhost\r\n"),
            ("two names", "host: localhost, evil.example\r\n"),
            ("a space", "host: local host\r\n"),
        ] {
            let raw = rig.raw(format!("GET /v1/models HTTP/1.1\r\n{hosts}{key}\r\n")).await;
            assert_eq!(raw.status(), 400, "{what}: {}", raw.text());
        }
        for host in ["localhost", "localhost:4141", "evil.example", "[::1]:80"] {
            let raw = rig.raw(format!("GET /v1/models HTTP/1.1\r\nhost: {host}\r\n{key}\r\n")).await;
            assert_eq!(raw.status(), if key.is_empty() { 401 } else { 200 }, "{host}: the key decides, not the host");
        }
    }
    rig.finish().await;
}

#[tokio::test]
async fn fault_19_path_tricks_match_nothing() {
    let config = "[[key]]\nname = \"a\"\nsecret = { env = \"RIG_CALLER\" }\n";
    let rig = Rig::new()
        .place(Voice::of("openai"))
        .config(config)
        .env("RIG_CALLER", "dp_caller_secret_0123456789")
        .start()
        .await;
    for path in [
        "/v1//chat/completions",
        "//v1/chat/completions",
        "/v1/chat/completions/",
        "/v1/chat/completions%00",
        "/v1/chat%2fcompletions",
        "/V1/chat/completions",
        "/v1/chat/Completions",
        "/v1/./chat/completions",
        "/v1/models/../chat/completions",
        "/healthz/../v1/chat/completions",
        "/healthz/",
        "/v1/chat/completions;a=b",
        "/v1/%63hat/completions",
        "/v1/%2e%2e/admin",
        "\\v1\\chat\\completions",
    ] {
        let body = rig.body(Dialect::Openai, false).to_string();
        let request =
            format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let raw = rig.raw(request).await;
        assert!([400, 401, 404, 405].contains(&raw.status()), "{path}: {}", raw.text());
        assert!(rig.chats(0).is_empty(), "{path}: went upstream without a key");
    }
    // What is below /v1/models/ needs the key, whatever it is called; with it, it is a name and not a path.
    for name in ["..%2f..%2fadmin", "%2e%2e", "..%5c..", "a%00b", "openai%2f..%2f..%2fetc%2fpasswd"] {
        for (key, status) in [("", 401), ("authorization: Bearer dp_caller_secret_0123456789\r\n", 404)] {
            let raw = rig.raw(format!("GET /v1/models/{name} HTTP/1.1\r\nhost: localhost\r\n{key}\r\n")).await;
            assert_eq!(raw.status(), status, "{name}: {}", raw.text());
        }
    }
    rig.finish().await;
}

/// A connection that is refused by the grammar is closed even if the client goes on sending.
#[tokio::test]
async fn fault_15_what_follows_a_refusal_is_not_read() {
    let rig = rig().await;
    let mut socket = rig.connect().await;
    socket.write_all(b"GET /healthz HTTP/1.1\r\nhost : localhost\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    socket.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 400");
    tokio::time::sleep(Duration::from_millis(50)).await;
    let _ = socket.write_all(chat(&rig, false, "").as_bytes()).await;
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(crate::rig::SOON, socket.read_to_end(&mut rest)).await.expect("closed");
    assert!(!String::from_utf8_lossy(&rest).contains("HTTP/1.1"), "a second answer");
    assert!(rig.chats(0).is_empty());
    rig.finish().await;
}
