//! Fault 62: a log that nobody reads, or that cannot be written; and what clients may put into metrics.
//!
//! Never here: the queue before standard error (`serve/log.rs` has its own tests).

use crate::rig::{CALLERS, Rig, SOON};
use std::time::Instant;
use testkit::Voice;

/// Standard error is a pipe that is full and that nobody reads.
#[tokio::test]
async fn fault_62_a_log_that_nobody_reads_holds_up_no_request_and_no_end() {
    let rig = Rig::new()
        .place(Voice::of("openai"))
        .before("mkfifo stuck; exec 2<>stuck")
        .env("RUST_LOG", "trace")
        .start()
        .await;
    let mut asked = 0;
    let deadline = Instant::now() + 3 * SOON;
    while rig.metric("dewpoint_log_lines_dropped_total").await == Some(0.0) {
        let start = Instant::now();
        let got = rig.ask(CALLERS[asked % 2], "openai/m", asked % 4 < 2).await;
        assert!(got.is_good(), "{got:#?}");
        assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
        assert!(Instant::now() < deadline, "nothing was dropped after {asked} requests");
        asked += 1;
    }
    for n in 0..20 {
        let got = rig.ask(CALLERS[n % 2], "openai/m", n % 4 < 2).await;
        assert!(got.is_good(), "{got:#?}");
    }
    rig.finish().await;
}

/// Standard error is a full disk, or closed.
#[tokio::test]
async fn fault_62_a_log_that_cannot_be_written_is_counted_and_harms_nobody() {
    for (before, counted) in [("exec 2>/dev/full", true), ("exec 2>&-", false)] {
        if counted && !std::path::Path::new("/dev/full").exists() {
            continue;
        }
        let rig = Rig::new().place(Voice::of("openai")).before(before).env("RUST_LOG", "trace").start().await;
        for n in 0..10 {
            let got = rig.ask(CALLERS[n % 2], "openai/m", n % 4 < 2).await;
            assert!(got.is_good(), "{before}: {got:#?}");
        }
        let dropped = rig.metric("dewpoint_log_lines_dropped_total").await;
        assert_eq!(dropped > Some(0.0), counted, "{before}: {dropped:?}");
        rig.finish().await;
    }
}

/// Nothing that a client chooses becomes a label: the page of metrics has as many lines after a thousand names as after one.
#[tokio::test]
async fn fault_62_no_label_is_a_clients_to_choose() {
    let rig = Rig::new().place(Voice::of("openai")).start().await;
    let one_round = async |n: usize| {
        for caller in CALLERS {
            let unknown = rig.ask(caller, &format!("openai/made-up-{n}"), false).await;
            assert_ne!(unknown.status, 200, "{unknown:#?}");
            let mut body = rig.body_for(caller, "openai/m", n.is_multiple_of(2));
            body["user"] = format!("user-{n}").into();
            let (id, session) = (format!("id-{n}-{caller:?}"), format!("session-{n}"));
            let headers = [("x-request-id", id.as_str()), ("x-session-id", session.as_str())];
            let got = rig.post_with(caller, body, &headers).await;
            assert!(got.is_good(), "{got:#?}");
            rig.send("GET", &format!("/v1/no-such-path-{n}"), &[], "").await;
        }
    };
    one_round(0).await;
    one_round(1).await;
    let series = |page: &str| page.lines().filter(|l| !l.starts_with('#')).count();
    let before = series(&rig.metrics().await);
    for n in 2..102 {
        one_round(n).await;
    }
    let page = rig.metrics().await;
    assert_eq!(series(&page), before, "{page}");
    for theirs in ["made-up", "user-", "id-5", "session-", "no-such-path"] {
        assert!(!page.contains(theirs), "{theirs} is in the metrics:\n{page}");
    }
    rig.finish().await;
}
