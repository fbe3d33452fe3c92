//! Faults 10 and 11: clients that write or read too slowly.

use super::{chat, to_the_end, until};
use crate::rig::{Dialect, Rig, SOON};
use decide::Outcome;
use std::time::{Duration, Instant};
use testkit::Voice;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn fault_10_slow_heads_and_bodies_end_with_408() {
    let rig =
        Rig::new().place(Voice::of("openai")).config("[server]\nhead_s = 1\nbody_s = 1\nidle_s = 2\n").start().await;
    let begun = Instant::now();
    // Heads: nothing at all, the first letter, a byte at a time, all but the last line.
    for (what, said, answered) in [
        ("nothing", "", false),
        ("a letter", "P", true),
        ("most of it", "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nx: ", true),
    ] {
        let mut socket = rig.connect().await;
        socket.write_all(said.as_bytes()).await.unwrap();
        let text = to_the_end(&mut socket).await;
        assert_eq!(text.starts_with("HTTP/1.1 408"), answered, "{what}: {text}");
        assert_eq!(text.contains("request_timeout"), answered, "{what}: {text}");
    }
    let (mut reader, mut writer) = rig.connect().await.into_split();
    let dripping = tokio::spawn(async move {
        for byte in
            "GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".bytes()
        {
            if writer.write_all(&[byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let mut text = String::new();
    let _ = tokio::time::timeout(SOON, reader.read_to_string(&mut text)).await.expect("it ends");
    assert!(text.starts_with("HTTP/1.1 408"), "every byte does not buy more time: {text}");
    dripping.abort();
    // A body that stops.
    let mut socket = rig.connect().await;
    let request = chat(&rig, false, "");
    socket.write_all(&request.as_bytes()[..request.len() - 10]).await.unwrap();
    let text = to_the_end(&mut socket).await;
    assert!(text.starts_with("HTTP/1.1 408") && text.contains("request_timeout"), "{text}");
    // An idle connection is closed without a word, later than a head.
    let mut socket = rig.connect().await;
    until(&mut socket, b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n", "ok").await;
    let idle = Instant::now();
    assert_eq!(to_the_end(&mut socket).await, "");
    assert!(idle.elapsed() > Duration::from_millis(1_500), "idle is not slow: {:?}", idle.elapsed());
    assert!(begun.elapsed() < SOON);
    rig.finish().await;
}

/// A body over a slow line is not a slow writer: what comes buys time.
#[tokio::test]
async fn fault_10_a_body_that_keeps_coming_is_read() {
    let rig = Rig::new().place(Voice::of("openai")).config("[server]\nbody_s = 1\n").start().await;
    let mut body = rig.body(Dialect::Openai, false);
    body["user"] = "a".repeat(60_000).into();
    let body = body.to_string();
    let mut socket = rig.connect().await;
    let head =
        format!("POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n", body.len());
    socket.write_all(head.as_bytes()).await.unwrap();
    // About 30 kB a second: over the floor, and longer than the allowance.
    for piece in body.as_bytes().chunks(3_000) {
        socket.write_all(piece).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let text = until(&mut socket, b"", "Hello from openai").await;
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    rig.finish().await;
}

#[tokio::test]
async fn fault_10_a_thousand_slow_clients_do_not_slow_others() {
    let rig = Rig::new().place(Voice::of("openai")).config("[server]\nhead_s = 30\n").start().await;
    let p99 = async |rig: &Rig| {
        let mut took = Vec::new();
        for _ in 0..200 {
            let got = rig.ask(Dialect::Openai, "any", false).await;
            assert!(got.is_good(), "{got:#?}");
            took.push(got.took);
        }
        took.sort();
        took[197]
    };
    let alone = p99(&rig).await;
    let mut slow = Vec::new();
    for i in 0..1_000 {
        let mut socket = rig.connect().await;
        let said = if i % 2 == 0 {
            "POST /v1/chat/comp".to_owned()
        } else {
            chat(&rig, false, "").split_off(0)[..150].to_owned()
        };
        socket.write_all(said.as_bytes()).await.unwrap();
        slow.push(socket);
    }
    let among = p99(&rig).await;
    println!("p99 alone {alone:?}, among a thousand slow clients {among:?}");
    assert!(among < alone * 5 + Duration::from_millis(50), "alone {alone:?}, among them {among:?}");
    drop(slow);
    rig.finish().await;
}

#[tokio::test]
async fn fault_11_a_slow_reader_is_bounded_and_then_cut() {
    let rig = Rig::new().place(Voice::of("openai")).config("[server]\ngap_s = 2\n").start().await;
    let long = "a".repeat(16_000);
    let texts = vec![long.as_str(); 4_000];
    rig.script(0, rig.voice(0).stream(&texts, true));
    let rss = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", rig.pid())).unwrap();
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
    };
    let before = rss();
    let mut readers = Vec::new();
    for _ in 0..10 {
        let mut socket = rig.connect().await;
        until(&mut socket, chat(&rig, true, "").as_bytes(), "aaaa").await;
        readers.push(socket);
    }
    let mut most = 0;
    let mut early = 0;
    let begun = Instant::now();
    while rig.ledger().iter().filter(|r| r.outcome == Outcome::Cancelled).count() < 10 {
        most = most.max(rss().saturating_sub(before));
        if begun.elapsed() < Duration::from_secs(1) {
            early = most;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "slow readers are not cut");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!("ten readers of 64 MB each that do not read: {early} kB more after a second, {most} kB at most");
    // Sixteen pieces, what hyper holds on both sides, and the allocator's slack; a tenth of what is offered.
    assert!(most < 10 * 6_400, "{most} kB for ten readers of 64,000 kB each");
    assert!(most - early < 10 * 1_024, "it grows: {early} kB after a second, {most} kB at the end");
    drop(readers);
    rig.finish().await;
}
