//! The engine's numbers after requests that end well, are given up, or are refused; and `ignore_eos`.
#![cfg(feature = "llama")]
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "support/rig.rs"]
mod rig;
#[path = "support/tiny.rs"]
mod tiny;

use engine::{Histogram, Numbers};
use futures_util::StreamExt;
use rig::{Rig, raw, text};
use std::time::{Duration, Instant};
use tiny::Tiny;

fn observed(h: &Histogram) -> u64 {
    h.counts.iter().sum()
}

fn ended(numbers: &Numbers, how: &str) -> u64 {
    numbers.request_success.iter().find(|(name, _)| *name == how).unwrap().1
}

fn numbers(rig: &Rig) -> Numbers {
    rig.engine.numbers().remove(0)
}

#[tokio::test]
async fn every_request_is_counted_by_how_it_ended() {
    let rig = Rig::new(Tiny::default());
    let mut ask = raw("abc");
    ask.max_tokens = Some(5);
    let mut stream = rig.stream(ask.clone()).await.unwrap();
    while let Some(chunk) = stream.next().await {
        chunk.unwrap();
    }
    drop(stream);
    // The digits end by themselves: 5 to 9 and the end mark.
    assert_eq!(text(&rig.plain(raw("01234")).await.unwrap()), "56789");
    let seen = numbers(&rig);
    assert_eq!((ended(&seen, "length"), ended(&seen, "stop")), (1, 1), "{seen:?}");
    assert_eq!(seen.generation_tokens, 11);
    assert_eq!(seen.prompt_tokens, seen.prefix_cache_queries);
    assert!(seen.prompt_tokens >= 8, "{seen:?}");
    assert_eq!(observed(&seen.time_to_first_token), 2);
    // Five letters and five digits, each a piece; the first of each answer has none before it.
    assert_eq!(observed(&seen.inter_token_latency), 8);
    for histogram in [&seen.e2e_request_latency, &seen.request_queue_time, &seen.request_decode_time] {
        assert_eq!(observed(histogram), 2);
    }

    let mut long = raw("a");
    long.max_tokens = Some(400);
    let mut stream = rig.stream(long).await.unwrap();
    stream.next().await.unwrap().unwrap();
    drop(stream);
    assert_eq!(ended(&numbers(&rig), "abort"), 1);

    rig.plain(raw(&"a".repeat(600))).await.unwrap_err();
    assert_eq!(ended(&numbers(&rig), "error"), 1);
    assert_eq!(numbers(&rig).generation_tokens, 11);
}

#[tokio::test]
async fn with_ignore_eos_an_answer_goes_on_past_its_end() {
    let rig = Rig::new(Tiny::default());
    let mut ask = raw("01234");
    ask.max_tokens = Some(12);
    ask.extra.push(("ignore_eos".into(), serde_json::value::RawValue::from_string("true".into()).unwrap()));
    let answer = rig.plain(ask).await.unwrap();
    assert_eq!(answer.usage.unwrap_or_default().output, 12);
    assert!(text(&answer).starts_with("56789"), "{}", text(&answer));
}

#[tokio::test]
async fn what_the_worker_says_of_itself_arrives() {
    let rig = Rig::new(Tiny::default());
    let mut ask = raw("a");
    ask.max_tokens = Some(3);
    rig.plain(ask).await.unwrap();
    // It speaks once it has become idle.
    let began = Instant::now();
    loop {
        let seen = numbers(&rig);
        if let Some(usage) = seen.kv_cache_usage {
            assert!(usage <= 1.0 && seen.num_requests_running == 0, "{seen:?}");
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "no word of the worker");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
