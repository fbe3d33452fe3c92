//! Clients that close: for good, or only their side for writing. TCP shows the same FIN for both.

use super::house::*;
use decide::{Outcome, Zone};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A chat request, as bytes.
pub(crate) fn request(version: &str, extra: &str) -> String {
    let body = format!(r#"{{"model":"auto","messages":[{{"role":"user","content":"x"}}]{extra}}}"#);
    format!(
        "POST /v1/chat/completions HTTP/{version}\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A connection on which these bytes were sent.
pub(crate) async fn sent(h: &House, bytes: &str) -> TcpStream {
    #[expect(
        clippy::disallowed_methods,
        reason = "what no HTTP client would do must be done by hand, only on loopback"
    )]
    let mut socket = TcpStream::connect(h.address).await.unwrap();
    socket.write_all(bytes.as_bytes()).await.unwrap();
    socket
}

/// Everything until the connection ends (at most ten seconds).
pub(crate) async fn rest(socket: &mut TcpStream) -> String {
    let mut seen = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), socket.read_to_end(&mut seen)).await;
    assert!(read.is_ok(), "the connection stays open: {}", String::from_utf8_lossy(&seen));
    String::from_utf8_lossy(&seen).into_owned()
}

async fn asked(backend: &Arc<Scripted>, n: usize) {
    for _ in 0..2_000 {
        if backend.seen.lock().unwrap().len() >= n {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("the backend was not asked");
}

#[tokio::test]
async fn fault_13_half_close_is_still_answered() {
    for (version, stream) in [("1.1", false), ("1.1", true), ("1.0", false), ("1.0", true)] {
        for wait in [0, 150] {
            let act = if stream { good("Hello you.") } else { Act::Plain(answer("Hello you.")) };
            let backend =
                Scripted::new("local", Zone::SameHost, vec![Act::After(Duration::from_millis(wait), Box::new(act))]);
            let h = house(std::slice::from_ref(&backend)).await;
            let extra = if stream { r#","stream":true"# } else { "" };
            let mut socket = sent(&h, &request(version, extra)).await;
            socket.shutdown().await.unwrap();
            let text = rest(&mut socket).await;
            let last = text.rsplit("HTTP/1.").next().unwrap();
            assert!(last.contains("200 OK") && last.contains("you."), "HTTP/{version} {stream} {wait}: {text}");
            assert_eq!(last.contains("[DONE]"), stream, "{text}");
            assert_eq!(
                text.contains("100 Continue"),
                version == "1.1" && wait > 0,
                "asked only where it may be: {text}"
            );
            assert_eq!(h.settled(1).await[0].outcome, Outcome::Ok);
        }
    }
}

#[tokio::test]
async fn fault_13_a_client_that_closed_for_good_is_noticed_within_100_ms() {
    let stall = || Act::Stall(chunks("Hello you.").into_iter().take(2).collect());
    for (what, stream, shut_first) in [
        ("plain, closed", false, false),
        ("plain, half-closed and then closed", false, true),
        ("stream, closed", true, false),
    ] {
        let act = if stream { stall() } else { Act::Hang };
        let backend = Scripted::new("local", Zone::SameHost, vec![act]);
        let h = house(std::slice::from_ref(&backend)).await;
        let extra = if stream { r#","stream":true"# } else { "" };
        let mut socket = sent(&h, &request("1.1", extra)).await;
        asked(&backend, 1).await;
        if stream {
            let mut seen = String::new();
            while !seen.contains("Hello") {
                let mut buffer = [0; 1024];
                let n = socket.read(&mut buffer).await.unwrap();
                seen.push_str(&String::from_utf8_lossy(&buffer[..n]));
            }
        }
        if shut_first {
            socket.shutdown().await.unwrap();
            // The interim answer is not read: closing with unread bytes resets, as for a program that is killed.
            tokio::time::sleep(Duration::from_millis(80)).await;
            assert_eq!(backend.dropped.load(Ordering::SeqCst), 0, "{what}: it may still read");
        }
        drop(socket);
        let left = Instant::now();
        while backend.dropped.load(Ordering::SeqCst) == 0 {
            assert!(left.elapsed() < Duration::from_secs(5), "{what}: upstream was not cancelled");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let took = left.elapsed();
        println!("{what}: cancelled after {took:?}");
        assert!(took < Duration::from_millis(100), "{what}: {took:?}");
        assert_eq!(h.settled(1).await[0].outcome, Outcome::Cancelled, "{what}");
    }
}

#[tokio::test]
async fn fault_13_a_body_that_ends_early_is_refused_at_once() {
    let h = house(&[Scripted::new("local", Zone::SameHost, vec![])]).await;
    let begun = Instant::now();
    let mut socket =
        sent(&h, "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 50\r\n\r\n{\"m").await;
    socket.shutdown().await.unwrap();
    let text = rest(&mut socket).await;
    assert!(text.starts_with("HTTP/1.1 400") && text.contains("broke off"), "{text}");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn fault_13_pipelined_requests_before_a_half_close_are_all_answered() {
    let acts = (0..3).map(|i| Act::Plain(answer(&format!("Answer {i}.")))).collect();
    let h = house(&[Scripted::new("local", Zone::SameHost, acts)]).await;
    let mut socket = sent(&h, &request("1.1", "").repeat(3)).await;
    socket.shutdown().await.unwrap();
    let text = rest(&mut socket).await;
    for i in 0..3 {
        assert!(text.contains(&format!("Answer {i}.")), "{text}");
    }
}

#[tokio::test]
async fn fault_12_a_reset_cancels_before_the_first_content_and_in_a_stream() {
    for stream in [false, true] {
        let act = if stream { Act::Stall(chunks("Hello you.").into_iter().take(2).collect()) } else { Act::Hang };
        let backend = Scripted::new("local", Zone::SameHost, vec![act]);
        let h = house(std::slice::from_ref(&backend)).await;
        let socket = sent(&h, &request("1.1", if stream { r#","stream":true"# } else { "" })).await;
        asked(&backend, 1).await;
        if stream {
            let mut one = [0; 1];
            socket.peek(&mut one).await.unwrap();
        }
        // Linger 0: closing sends RST.
        socket.set_zero_linger().unwrap();
        drop(socket);
        let left = Instant::now();
        while backend.dropped.load(Ordering::SeqCst) == 0 {
            assert!(left.elapsed() < Duration::from_millis(100), "upstream was not cancelled");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(h.settled(1).await[0].outcome, Outcome::Cancelled);
    }
}
