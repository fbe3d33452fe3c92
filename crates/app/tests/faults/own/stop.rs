//! Fault 59: told to stop with streams under way.
//!
//! Never here: SIGKILL (the kill test).

use crate::rig::{CALLERS, End, Live, Rig, SOON};
use decide::Outcome;
use futures_util::future::join_all;
use std::time::{Duration, Instant};
use testkit::{Step, Voice};

/// Streams of both dialects that have begun, `count` of them.
async fn begun(rig: &Rig, count: usize) -> Vec<Live<'_>> {
    let open = |n: usize| async move {
        let caller = CALLERS[n % CALLERS.len()];
        let mut stream = rig.open(caller, rig.body_for(caller, "openai/m", true)).await;
        assert!(stream.until(|seen| seen.windows(5).any(|w| w == b"Hello")).await, "{:?}", stream.frames());
        stream
    };
    join_all((0..count).map(open)).await
}

#[tokio::test]
async fn fault_59_two_hundred_streams_finish_after_sigterm_and_the_ledger_has_them_all() {
    let mut rig = Rig::new().place(Voice::of("openai")).start().await;
    rig.script(0, rig.good(0, true).insert(2, Step::Wait(Duration::from_secs(4))));
    let streams = begun(&rig, 200).await;
    rig.signal("TERM");
    assert!(rig.logged("stopping").await);
    let ready = rig.raw("GET /readyz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n").await;
    assert_eq!(ready.status(), 503, "{}", ready.text());
    for got in join_all(streams.into_iter().map(Live::rest)).await {
        assert_eq!((got.end.clone(), got.text().as_str()), (End::Clean, "Hello from openai"), "{got:#?}");
    }
    assert_eq!(rig.exited().await, Some(0), "{}", rig.log());
    let records = rig.ledger();
    assert_eq!(records.len(), 200);
    assert!(records.iter().all(|r| r.outcome == Outcome::Ok), "{records:#?}");
    rig.finish().await;
}

#[tokio::test]
async fn fault_59_streams_that_do_not_finish_in_time_get_an_error_event() {
    let mut rig = Rig::new().place(Voice::of("openai")).config("[server]\ndrain_s = 1").start().await;
    rig.script(0, rig.good(0, true).cut(2, Step::Stall));
    let streams = begun(&rig, 40).await;
    let start = Instant::now();
    rig.signal("TERM");
    for got in join_all(streams.into_iter().map(Live::rest)).await {
        assert!(matches!(got.end, End::Error(_)), "{got:#?}");
    }
    assert_eq!(rig.exited().await, Some(0), "{}", rig.log());
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    let records = rig.ledger();
    assert_eq!(records.len(), 40);
    assert!(records.iter().all(|r| !matches!(r.outcome, Outcome::Ok | Outcome::Unknown)), "{records:#?}");
    rig.finish().await;
}

#[tokio::test]
async fn fault_59_a_second_signal_stops_at_once() {
    for (first, second) in [("TERM", "TERM"), ("INT", "INT"), ("TERM", "INT")] {
        let mut rig = Rig::new().place(Voice::of("openai")).config("[server]\ndrain_s = 300").start().await;
        rig.script(0, rig.good(0, true).cut(2, Step::Stall));
        let streams = begun(&rig, 10).await;
        rig.signal(first);
        assert!(rig.logged("stopping").await);
        rig.signal(second);
        let start = Instant::now();
        for got in join_all(streams.into_iter().map(Live::rest)).await {
            assert!(matches!(got.end, End::Error(_)), "{got:#?}");
        }
        assert_eq!(rig.exited().await, Some(0), "{}", rig.log());
        assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
        assert_eq!(rig.ledger().len(), 10);
        rig.finish().await;
    }
}
