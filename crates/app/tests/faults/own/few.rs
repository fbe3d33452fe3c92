//! Fault 60: few descriptors and few threads.
//!
//! Never here: limits of single requests (`client`).

use crate::rig::{CALLERS, End, Rig, SOON};
use bytes::Bytes;
use std::time::{Duration, Instant};
use testkit::{Step, Voice};

/// More connections than descriptors: what is under way goes on, nobody waits for ever, and afterwards all is well.
#[tokio::test]
async fn fault_60_out_of_descriptors_it_sheds_connections_and_finishes_what_it_has() {
    let rig = Rig::new().place(Voice::of("openai")).before("ulimit -n 256").start().await;
    let slow = rig.good(0, true).insert(2, Step::Wait(Duration::from_secs(2)));
    rig.once(0, slow);
    let mut stream = rig.open(CALLERS[0], rig.body(CALLERS[0], true)).await;
    assert!(stream.until(|seen| seen.windows(5).any(|w| w == b"Hello")).await);
    let mut crowd = Vec::new();
    for _ in 0..600 {
        crowd.push(rig.connect().await);
    }
    let got = stream.rest().await;
    assert_eq!((got.end.clone(), got.text().as_str()), (End::Clean, "Hello from openai"), "{got:#?}");
    drop(crowd);
    let deadline = Instant::now() + SOON;
    // A connection that it shed in the meantime shows as one that is closed, not as one that hangs.
    while rig.raw("GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n").await.status() != 200 {
        assert!(Instant::now() < deadline, "it does not come back\n{}", rig.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let got = rig.ask(CALLERS[1], "openai/m", true).await;
    assert!(got.is_good(), "{got:#?}");
    rig.finish().await;
}

/// One thread for everything: a stream that nobody reads and a client that sends nothing hold up nobody else.
#[tokio::test]
async fn fault_60_on_one_thread_nobody_holds_up_the_others() {
    let rig = Rig::new().place(Voice::of("openai")).config("[server]\nworkers = 1").start().await;
    let mut steps = rig.good(0, true).steps;
    let piece = Bytes::from(format!(
        "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{}\"}},\"finish_reason\":null}}]}}\n\n",
        "x".repeat(60_000)
    ));
    for _ in 0..200 {
        steps.insert(1, Step::Bytes(piece.clone()));
    }
    let mut flood = rig.good(0, true);
    flood.steps = steps;
    rig.once(0, flood);
    let mut unread = rig.open(CALLERS[0], rig.body(CALLERS[0], true)).await;
    assert!(unread.until(|seen| !seen.is_empty()).await);
    let silent = rig.connect().await;
    for n in 0..40 {
        let start = Instant::now();
        let got = rig.ask(CALLERS[n % 2], "openai/m", n % 4 < 2).await;
        assert!(got.is_good(), "{got:#?}");
        assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    }
    drop((unread, silent));
    rig.finish().await;
}
