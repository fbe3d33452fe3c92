//! Cases of an upstream whose HTTP is odd: heads without measure, answers that nobody asked for.

use super::rig::{Rig, ask, deadlines};
use crate::{Answer, Step, Voice};
use backend::Deadlines;
use bytes::Bytes;
use decide::{Cause, Retry};
use std::time::{Duration, Instant};

/// A good plain answer as bytes, with further header lines and with headers before it that are no answer.
fn written(voice: Voice, before: &str, lines: &str, text: &str) -> Bytes {
    let body = voice.plain(text, Some(1)).body();
    let mut out = format!(
        "{before}HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{lines}content-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    out.extend_from_slice(&body);
    out.into()
}

/// Large heads are read, those without measure are refused, and two lengths are never an answer.
pub async fn heads_without_measure(voice: Voice) {
    let rig = Rig::new(voice).await;
    let text = |lines: String| Answer::of(vec![Step::Raw(written(voice, "", &lines, "fine")), Step::Close]);
    rig.fake.on(voice.chat_route(), text(format!("x-large: {}\r\n", "x".repeat(100_000))));
    assert_eq!(rig.plain().await.unwrap().choices[0].text.as_deref(), Some("fine"));
    let doubled = "x-twice: a\r\nx-twice: b\r\n".to_owned();
    rig.fake.on(voice.chat_route(), text(doubled));
    assert!(rig.plain().await.is_ok());
    let too_large = format!("x-large: {}\r\n", "x".repeat(2 << 20));
    let too_many: String = (0..2_000).map(|n| format!("x-{n}: y\r\n")).collect();
    for lines in [too_large, too_many, "content-length: 7\r\n".to_owned()] {
        rig.fake.on(voice.chat_route(), text(lines.clone()));
        let fault = rig.plain_fault().await;
        assert_eq!((fault.cause, fault.retry), (Cause::UpstreamError, Retry::NextPlace), "{:.40} {fault:?}", lines);
    }
}

/// Interim answers are passed over while there is time, and do not stop the clock.
pub async fn interim_answers(voice: Voice) {
    let rig = Rig::new(voice).await;
    let interim = "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n".repeat(1_000);
    rig.fake.on(voice.chat_route(), Answer::of(vec![Step::Raw(written(voice, &interim, "", "fine")), Step::Close]));
    assert_eq!(rig.plain().await.unwrap().choices[0].text.as_deref(), Some("fine"));
    let storm = Bytes::from(interim);
    let steps = (0..200).flat_map(|_| [Step::Raw(storm.clone()), Step::Wait(Duration::from_millis(10))]).collect();
    rig.fake.on(voice.chat_route(), Answer::of(steps));
    let short = Duration::from_millis(300);
    let began = Instant::now();
    let fault = rig.stream_of(ask(true), Deadlines { first: short, ..deadlines() }).await.fault.unwrap();
    assert_eq!((fault.cause, fault.retry), (Cause::Timeout, Retry::NextPlace), "{fault:?}");
    assert!((short..Duration::from_secs(10)).contains(&began.elapsed()), "{:?}", began.elapsed());
}

/// What comes behind the end of a stream is nobody's.
pub async fn content_behind_the_end(voice: Voice) {
    let rig = Rig::new(voice).await;
    let mut whole = voice.stream(&["one"], true);
    whole.steps.push(voice.text("smuggled"));
    rig.fake.on(voice.chat_route(), whole);
    let ended = rig.stream().await;
    assert_eq!((ended.text().as_str(), ended.fault), ("one", None));
}

/// A second answer on a connection is never taken for the answer to the next request.
pub async fn second_answer_on_a_connection(voice: Voice) {
    let rig = Rig::new(voice).await;
    let mut both = written(voice, "", "", "first").to_vec();
    both.extend_from_slice(&written(voice, "", "", "smuggled"));
    // Kept open, so that the connection looks good for another request.
    let pause = Step::Wait(Duration::from_millis(50));
    rig.fake.once(voice.chat_route(), Answer::of(vec![Step::Raw(both.into()), pause]));
    rig.fake.on(voice.chat_route(), voice.plain("second", Some(1)));
    let mut texts = Vec::new();
    for _ in 0..2 {
        texts.push(rig.plain().await.unwrap().choices[0].text.clone().unwrap());
    }
    assert_eq!(texts, ["first", "second"]);
}
