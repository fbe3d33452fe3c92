//! Cases of time: every deadline, and what leaving does. Deadlines under test are short, all others long.

use super::rig::{ASK_ID, Rig, ask, deadlines};
use crate::{Answer, Step, Voice, permit_for};
use backend::{Deadlines, Reply};
use decide::{Cause, Retry};
use futures_util::StreamExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(250);
/// A busy machine may take this long for anything.
const LONG: Duration = Duration::from_secs(10);

/// Nothing comes: neither a head nor a first chunk.
pub async fn slow_first_chunk(voice: Voice) {
    let rig = Rig::new(voice).await;
    let short = Deadlines { first: SHORT, ..deadlines() };
    let head_only = Answer { steps: vec![Step::Head, Step::Stall], ..voice.streamed(Vec::new()) };
    for answer in [Answer::of(vec![Step::Stall]), head_only] {
        rig.fake.on(voice.chat_route(), answer);
        let began = Instant::now();
        let fault = rig.stream_of(ask(true), short).await.fault.unwrap();
        assert_eq!((fault.cause, fault.retry), (Cause::Timeout, Retry::NextPlace));
        assert!((SHORT..LONG).contains(&began.elapsed()), "{:?}", began.elapsed());
    }
    let both_left = rig.fake.wait(LONG, |seen| seen.iter().filter(|s| s.closed_early()).count() == 2).await;
    assert!(both_left, "the connections are closed");
}

/// A plain answer has the total time, not the time to the first chunk.
pub async fn slow_plain_answer(voice: Voice) {
    let rig = Rig::new(voice).await;
    rig.fake.on(voice.chat_route(), voice.plain("slow", Some(1)).insert(0, Step::Wait(SHORT * 2)));
    let patient = Deadlines { first: SHORT, gap: SHORT, ..deadlines() };
    assert!(rig.send_within(ask(false), patient).await.is_ok());
    let hasty = Deadlines { total: SHORT, ..deadlines() };
    let fault = rig.send_within(ask(false), hasty).await.err().unwrap();
    assert_eq!((fault.cause, fault.retry), (Cause::Timeout, Retry::NextPlace));
}

/// A plain answer that begins and then stops is not waited for to the end of all time.
pub async fn stall_in_a_plain_answer(voice: Voice) {
    let rig = Rig::new(voice).await;
    let body = voice.plain("half of it", Some(1)).body();
    let half = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{{", body.len());
    rig.fake.on(voice.chat_route(), Answer::of(vec![Step::Raw(half.into()), Step::Stall]));
    let began = Instant::now();
    let fault = rig.send_within(ask(false), Deadlines { gap: SHORT, ..deadlines() }).await.err().unwrap();
    assert_eq!((fault.cause, fault.retry), (Cause::Timeout, Retry::NextPlace));
    assert!((SHORT..LONG).contains(&began.elapsed()), "{:?}", began.elapsed());
    assert!(rig.fake.wait(LONG, |seen| seen[0].closed_early()).await);
}

/// The text stops in the middle.
pub async fn stall_in_the_stream(voice: Voice) {
    let rig = Rig::new(voice).await;
    let mut steps = voice.opening(false, true);
    steps.extend([voice.text("half"), Step::Stall]);
    rig.fake.on(voice.chat_route(), voice.streamed(steps));
    let began = Instant::now();
    let ended = rig.stream_of(ask(true), Deadlines { gap: SHORT, ..deadlines() }).await;
    assert!((SHORT..LONG).contains(&began.elapsed()), "{:?}", began.elapsed());
    assert_eq!(ended.text(), "half");
    assert_eq!(ended.fault.unwrap().cause, Cause::Timeout);
    assert!(rig.fake.wait(LONG, |seen| seen[0].closed_early()).await);
}

/// A stream that never stalls and never ends is ended.
pub async fn total_of_a_dripping_stream(voice: Voice) {
    let rig = Rig::new(voice).await;
    let mut steps = voice.opening(false, true);
    for _ in 0..2000 {
        steps.extend([voice.text("x"), Step::Wait(Duration::from_millis(10))]);
    }
    rig.fake.on(voice.chat_route(), voice.streamed(steps));
    let began = Instant::now();
    let ended = rig.stream_of(ask(true), Deadlines { total: SHORT * 2, ..deadlines() }).await;
    assert!((SHORT * 2..LONG).contains(&began.elapsed()), "{:?}", began.elapsed());
    assert!(ended.text().starts_with('x'));
    assert_eq!(ended.fault.unwrap().cause, Cause::Timeout);
}

/// Within 100 ms; one of three tries is enough, since the machine may be busy.
async fn closes(rig: &Rig, streamed: bool) -> bool {
    for _ in 0..3 {
        let before = rig.fake.seen().len();
        let permit = permit_for(ASK_ID, &rig.place, "test-model");
        let mut sending = rig.backend.send(permit, Arc::new(ask(true)), deadlines());
        if streamed {
            let Ok(Reply::Stream(mut stream)) = sending.await else { panic!("no stream") };
            assert!(stream.next().await.is_some_and(|c| c.is_ok()));
            drop(stream);
        } else {
            let sent = rig.fake.wait(LONG, |seen| seen.len() > before);
            tokio::select! {
                _ = &mut sending => panic!("an answer came"),
                sent = sent => assert!(sent),
            }
            drop(sending);
        }
        if rig.fake.wait(Duration::from_millis(100), |seen| seen[before].closed_early()).await {
            return true;
        }
    }
    false
}

/// A caller that leaves costs nothing further upstream.
pub async fn leaving_the_stream_closes_the_connection(voice: Voice) {
    let rig = Rig::new(voice).await;
    let mut steps = voice.opening(false, true);
    steps.extend([voice.text("half"), Step::Stall]);
    rig.fake.on(voice.chat_route(), voice.streamed(steps));
    assert!(closes(&rig, true).await);
}

/// Also before anything has come.
pub async fn leaving_before_the_head_closes_the_connection(voice: Voice) {
    let rig = Rig::new(voice).await;
    rig.fake.on(voice.chat_route(), Answer::of(vec![Step::Stall]));
    assert!(closes(&rig, false).await);
}
