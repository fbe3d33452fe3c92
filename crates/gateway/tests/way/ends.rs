//! How streams end once content has gone out: never in silence, whoever of the three parties fails.

use super::house::*;
use decide::{Outcome, Zone};
use gateway::Limits;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;
use wire::{Chunk, Event};

fn head() -> Vec<Chunk> {
    chunks("Hello you.").into_iter().take(2).collect()
}

fn quick() -> Limits {
    let mut limits = Limits { keep_alive: Duration::from_millis(100), ..Limits::default() };
    limits.deadlines.gap = Duration::from_secs(2);
    limits
}

#[tokio::test]
async fn fault_63_a_panic_in_a_stream_ends_it_with_an_error_and_a_record() {
    let h =
        house(&[Scripted::new("a", Zone::SameHost, vec![Act::Break(head()), Act::Break(head()), good("Hi.")])]).await;
    let text = h.chat(r#","stream":true"#, &[]).await.text();
    assert!(text.contains("Hello") && !text.contains("[DONE]"), "{text}");
    let last = text.trim_end().rsplit("data: ").next().unwrap();
    let error: serde_json::Value = serde_json::from_str(last).unwrap();
    assert_eq!(error["error"]["code"], "internal_error");
    let text = h.messages(r#","stream":true"#).await.text();
    assert!(text.contains("event: error\n") && !text.contains("message_stop"), "{text}");
    assert_eq!(h.chat(r#","stream":true"#, &[]).await.status, 200, "others are not harmed");
    let records = h.settled(3).await;
    assert_eq!(records.len(), 3);
    for record in &records[..2] {
        assert_eq!((record.outcome, record.error.as_deref()), (Outcome::Failed, Some("internal_error")));
        assert!(record.usage.estimated && record.usage.output > 0, "{record:?}");
    }
    let load = h.wiring.board.entry(&decide::PlaceId::new("a")).unwrap().meter.load();
    assert_eq!(load.running, 0);
}

#[tokio::test]
async fn fault_33_a_stalled_stream_is_kept_alive_in_each_dialect() {
    let backend = Scripted::new("a", Zone::SameHost, vec![Act::Stall(head()), Act::Stall(head())]);
    let h = house_with(std::slice::from_ref(&backend), quick(), vec![]).await;
    for (path, mark) in [("/v1/chat/completions", ": ping\n\n"), ("/v1/messages", "event: ping\n")] {
        let began = Instant::now();
        drop(read_until(&h, path, true, mark).await);
        assert!(began.elapsed() >= Duration::from_millis(100), "not before it is quiet");
    }
}

#[tokio::test]
async fn nothing_is_sent_before_the_first_content() {
    let start = head().remove(0);
    let backend = Scripted::new("a", Zone::SameHost, vec![Act::Stall(vec![start])]);
    let h = house_with(std::slice::from_ref(&backend), quick(), vec![]).await;
    let mut socket = read_until(&h, "/v1/chat/completions", true, "").await;
    let read = tokio::time::timeout(Duration::from_millis(400), socket.read(&mut [0; 64])).await;
    assert!(read.is_err(), "a head or a comment came: {read:?}");
}

#[tokio::test]
async fn fault_59_the_cut_ends_streams_with_an_error_event() {
    let backend = Scripted::new("a", Zone::SameHost, vec![Act::Stall(head()), Act::Stall(head())]);
    let h = house(std::slice::from_ref(&backend)).await;
    let mut chat = read_until(&h, "/v1/chat/completions", true, "Hello").await;
    let mut messages = read_until(&h, "/v1/messages", true, "Hello").await;
    h.wiring.cut.now();
    for (socket, mark) in [(&mut chat, "\"code\":\"shutting_down\""), (&mut messages, "event: error\n")] {
        let mut rest = Vec::new();
        let mut buffer = [0; 1024];
        while !rest.ends_with(b"0\r\n\r\n") {
            let read = tokio::time::timeout(Duration::from_secs(5), socket.read(&mut buffer)).await.unwrap().unwrap();
            assert!(read > 0, "broken off: {}", String::from_utf8_lossy(&rest));
            rest.extend_from_slice(&buffer[..read]);
        }
        let rest = String::from_utf8_lossy(&rest);
        assert!(rest.contains(mark) && !rest.contains("[DONE]") && !rest.contains("message_stop"), "{rest}");
    }
    let records = h.settled(2).await;
    assert!(records.iter().all(|r| r.error.as_deref() == Some("shutting_down") && r.usage.output > 0), "{records:?}");
}

#[tokio::test]
async fn fault_11_a_reader_who_does_not_read_holds_little_and_is_let_go() {
    let big = Chunk { events: vec![Event::Text { choice: 0, text: "x".repeat(10_000), logprobs: vec![] }], raw: None };
    let backend = Scripted::new("a", Zone::SameHost, vec![Act::Again(big, 1_000_000)]);
    let mut limits = quick();
    limits.deadlines.gap = Duration::from_millis(500);
    let h = house_with(std::slice::from_ref(&backend), limits, vec![]).await;
    let socket = read_until(&h, "/v1/chat/completions", true, "HTTP/1.1 200").await;
    let record = h.settled(1).await[0].clone();
    assert_eq!(record.outcome, Outcome::Cancelled, "{record:?}");
    let taken = backend.taken.load(Ordering::SeqCst);
    // The kernel's buffers of both ends take some megabytes on loopback; the stream would be ten thousand.
    assert!(taken < 4_000, "{taken} chunks of 10 kB were taken from upstream for a reader who does not read");
    assert_eq!(backend.dropped.load(Ordering::SeqCst), 1);
    drop(socket);
}

#[tokio::test]
async fn fault_11_a_stream_whose_reader_was_let_go_breaks_off_and_does_not_end() {
    let big = Chunk { events: vec![Event::Text { choice: 0, text: "x".repeat(10_000), logprobs: vec![] }], raw: None };
    let backend = Scripted::new("a", Zone::SameHost, vec![Act::Again(big, 1_000_000)]);
    let mut limits = quick();
    limits.deadlines.gap = Duration::from_millis(300);
    let h = house_with(std::slice::from_ref(&backend), limits, vec![]).await;
    let mut socket = read_until(&h, "/v1/chat/completions", true, "HTTP/1.1 200").await;
    h.settled(1).await;
    let mut tail = Vec::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match tokio::time::timeout(Duration::from_secs(5), socket.read(&mut buffer)).await.expect("an end") {
            Ok(0) | Err(_) => break,
            Ok(n) => tail.extend_from_slice(&buffer[n.saturating_sub(64)..n]),
        }
    }
    assert!(!tail.ends_with(b"0\r\n\r\n"), "it looked complete");
}

#[tokio::test]
async fn fault_12_a_caller_who_leaves_cancels_upstream_wherever_the_stream_stands() {
    let almost: Vec<_> = {
        let mut all = chunks("Hello you.");
        all.truncate(all.len() - 2);
        all
    };
    for (name, act, until) in [
        ("before the first token", Act::Hang, ""),
        ("after a beginning", Act::Stall(vec![head().remove(0)]), ""),
        ("in the middle", Act::Stall(head()), "Hello"),
        ("just before the usage", Act::Stall(almost), "\"finish_reason\":\"stop\""),
    ] {
        let backend = Scripted::new("a", Zone::SameHost, vec![act]);
        let h = house(std::slice::from_ref(&backend)).await;
        let socket = read_until(&h, "/v1/chat/completions", true, until).await;
        while backend.seen.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        drop(socket);
        let left = Instant::now();
        while backend.dropped.load(Ordering::SeqCst) == 0 {
            assert!(left.elapsed() < Duration::from_secs(2), "{name}: upstream was not cancelled");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        println!("{name}: cancelled after {:?}", left.elapsed());
        let record = h.settled(1).await[0].clone();
        assert_eq!(record.outcome, Outcome::Cancelled, "{name}");
        assert!(record.usage.estimated && record.usage.input > 0, "{name}: {record:?}");
        assert_eq!(record.usage.output > 0, !until.is_empty(), "{name}: {record:?}");
    }
}
