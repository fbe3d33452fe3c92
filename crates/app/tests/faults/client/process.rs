//! Faults 58 to 60: reloading, stopping, and few resources, with clients that have something under way.

use super::{chat, chat_of, to_the_end, until, written};
use crate::rig::{CALLERS, Dialect, Rig, SOON};
use decide::Outcome;
use std::time::{Duration, Instant};
use testkit::{Step, Voice};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// Lets the place stop after its first word for a while; for ever without one.
fn pause(rig: &Rig, wait: Option<Duration>) {
    let step = wait.map_or(Step::Stall, Step::Wait);
    let voice = rig.voice(0);
    let mut steps = voice.opening(false, true);
    steps.extend([voice.text("Hello "), step, voice.text("you.")]);
    steps.extend(voice.closing(false, 3, true));
    rig.script(0, voice.streamed(steps));
}

/// Streams that have brought their first word.
async fn streams(rig: &Rig, number: usize) -> Vec<(Dialect, TcpStream)> {
    let one = async |i: usize| {
        let caller = CALLERS[i % CALLERS.len()];
        let mut socket = rig.connect().await;
        until(&mut socket, chat_of(rig, caller, true, "connection: close\r\n").as_bytes(), "Hello").await;
        (caller, socket)
    };
    futures_util::future::join_all((0..number).map(one)).await
}

fn clean_end(caller: Dialect) -> &'static str {
    if caller == Dialect::Anthropic { "event: message_stop" } else { "data: [DONE]" }
}

#[tokio::test]
async fn fault_58_a_bad_file_changes_nothing_and_a_good_one_counts_at_once() {
    let mut rig = Rig::new().place(Voice::of("openai")).start().await;
    pause(&rig, Some(Duration::from_secs(3)));
    let running = streams(&rig, 4).await;
    for (what, bad) in [
        ("no TOML", "[server\n"),
        ("an unknown field", "[server]\nbody_max = 3\n"),
        ("a value past its range", "[server]\nbody_max_mb = 0\n"),
    ] {
        assert!(!rig.reload(bad).await, "{what} was taken over");
        assert_eq!(rig.get("/v1/models").await.status, 200);
    }
    // Tightened while the streams run: new requests are refused, and the streams finish.
    let tight = "[policy.reach]\npublic = \"embedded\"\ninternal = \"embedded\"\npersonal = \"embedded\"\nsensitive = \"embedded\"\nsecret = \"embedded\"\n";
    assert!(rig.reload(tight).await, "{}", rig.log());
    for caller in CALLERS {
        let got = rig.ask(caller, "any", false).await;
        assert_eq!(got.status, 403, "{got:#?}");
        got.failure();
    }
    for (caller, mut socket) in running {
        let text = to_the_end(&mut socket).await;
        assert!(text.contains("you.") && text.contains(clean_end(caller)), "{text}");
    }
    assert!(rig.reload("").await);
    rig.heal(0);
    assert!(rig.ask(Dialect::Openai, "any", false).await.is_good());
    rig.finish().await;
}

#[tokio::test]
async fn fault_59_sigterm_lets_streams_finish_and_refuses_new_work() {
    let mut rig = Rig::new().place(Voice::of("openai")).start().await;
    pause(&rig, Some(Duration::from_secs(2)));
    let running = streams(&rig, 200).await;
    let mut idle = rig.connect().await;
    until(&mut idle, b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n", "ok").await;
    rig.signal("TERM");
    let begun = Instant::now();
    let ready = async || rig.raw("GET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    while ready().await.status() != 503 {
        assert!(begun.elapsed() < SOON, "/readyz does not say 503");
    }
    let raw = ready().await;
    assert!(raw.text().contains("draining") && raw.closed, "said, and the connection ends: {}", raw.text());
    let raw = rig.raw(chat(&rig, false, "")).await;
    assert_eq!((raw.status(), raw.closed), (503, true), "{}", raw.text());
    assert!(raw.text().contains("shutting_down") && raw.text().contains("retry-after: 1"), "{}", raw.text());
    assert_eq!(to_the_end(&mut idle).await, "", "an idle connection ends");
    for (caller, mut socket) in running {
        let text = to_the_end(&mut socket).await;
        assert!(text.contains("you.") && text.contains(clean_end(caller)), "{text}");
    }
    assert_eq!(rig.exited().await, Some(0));
    println!("200 streams finished {:?} after SIGTERM", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(10), "it does not wait for its limit: {:?}", begun.elapsed());
    let all = rig.ledger();
    assert_eq!(all.iter().filter(|r| r.outcome == Outcome::Ok).count(), 200, "the ledger is complete");
    assert_eq!(all.len(), 200);
    rig.finish().await;
}

/// What every cut stream ends with: an error of its dialect, and no end as if it were whole.
async fn all_cut(running: Vec<(Dialect, TcpStream)>) {
    for (caller, mut socket) in running {
        let text = to_the_end(&mut socket).await;
        assert!(!text.contains(clean_end(caller)), "{text}");
        let error = if caller == Dialect::Anthropic { "event: error" } else { "\"error\":" };
        assert!(text.contains(error), "{text}");
    }
}

#[tokio::test]
async fn fault_59_at_the_drain_limit_streams_end_with_an_error() {
    let mut rig = Rig::new().place(Voice::of("openai")).config("[server]\ndrain_s = 1\n").start().await;
    pause(&rig, None);
    let running = streams(&rig, 50).await;
    rig.signal("TERM");
    let begun = Instant::now();
    all_cut(running).await;
    assert_eq!(rig.exited().await, Some(0));
    let took = begun.elapsed();
    println!("50 stalled streams cut and settled {took:?} after SIGTERM with drain_s = 1");
    assert!(took > Duration::from_millis(900) && took < Duration::from_secs(6), "{took:?}");
    let all = rig.ledger();
    assert_eq!(all.len(), 50);
    assert!(all.iter().all(|r| r.outcome != Outcome::Ok && r.usage.estimated && r.usage.output > 0), "{:#?}", all[0]);
    rig.finish().await;
}

#[tokio::test]
async fn fault_59_a_second_signal_stops_at_once_and_still_settles() {
    for signals in [["TERM", "TERM"], ["INT", "INT"], ["TERM", "INT"]] {
        let mut rig = Rig::new().place(Voice::of("openai")).config("[server]\ndrain_s = 60\n").start().await;
        pause(&rig, None);
        let running = streams(&rig, 10).await;
        rig.signal(signals[0]);
        assert!(rig.logged("stopping (again").await);
        let begun = Instant::now();
        rig.signal(signals[1]);
        all_cut(running).await;
        assert_eq!(rig.exited().await, Some(0), "{signals:?}");
        assert!(begun.elapsed() < Duration::from_secs(6), "{signals:?}: {:?}", begun.elapsed());
        assert_eq!(rig.ledger().len(), 10, "{signals:?}");
        rig.finish().await;
    }
}

#[tokio::test]
async fn fault_60_few_descriptors_shed_connections_and_recover() {
    let rig = Rig::new().place(Voice::of("openai")).before("ulimit -n 256").start().await;
    assert!(rig.log().contains("may open 256 files"), "the operator is told: {}", rig.log());
    let mut open = Vec::new();
    let mut refused = 0;
    for _ in 0..400 {
        let mut socket = rig.connect().await;
        let mut one = [0; 1];
        // Refused ones are closed at once; the others wait for a request.
        match tokio::time::timeout(Duration::from_millis(20), socket.read(&mut one)).await {
            Ok(_) => refused += 1,
            Err(_) => open.push(socket),
        }
    }
    println!("{} connections served, {refused} refused", open.len());
    assert!(refused >= 300 && open.len() >= 60, "{} open, {refused} refused", open.len());
    // Every one of those that were let in is served, upstream connection included.
    for socket in &mut open {
        let text = until(socket, chat(&rig, false, "").as_bytes(), "Hello from openai").await;
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    }
    drop(open);
    let begun = Instant::now();
    while rig.raw("GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.status() != 200 {
        assert!(begun.elapsed() < SOON, "it does not recover");
    }
    assert!(rig.metric("dewpoint_connections_refused_total").await.unwrap() >= 300.0);
    rig.finish().await;
}

#[tokio::test]
async fn fault_60_bodies_past_the_room_for_them_are_refused() {
    let config = "[server]\nbody_max_mb = 4\nbodies_max_mb = 10\n";
    let rig = Rig::new().place(Voice::of("openai")).config(config).start().await;
    pause(&rig, None);
    let mut body = rig.body(Dialect::Openai, true);
    body["user"] = "a".repeat(3_900_000).into();
    // Two of 3.9 MB fit into 10 MB, and stay until their streams end.
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut socket = rig.connect().await;
        until(&mut socket, written(Dialect::Openai, "", &body).as_bytes(), "Hello").await;
        held.push(socket);
    }
    let shed = rig.post(Dialect::Openai, body).await;
    assert_eq!(
        (shed.status, shed.failure().code.as_deref(), shed.header("retry-after")),
        (503, Some("overloaded"), Some("1"))
    );
    drop(held);
    let begun = Instant::now();
    while rig.metric("dewpoint_request_body_bytes").await != Some(0.0) {
        assert!(begun.elapsed() < SOON, "not all of it is given back");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    rig.heal(0);
    assert!(rig.ask(Dialect::Openai, "any", true).await.is_good());
    rig.finish().await;
}
