//! Streams: order, ends, and what happens when one of the three parties goes away.

use super::house::*;
use decide::{Cause, Fault, Outcome, Zone};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use wire::{Chunk, Event, Flavour, Raw};

#[tokio::test]
async fn a_stream_ends_with_its_terminal_event() {
    let h = house(&[Scripted::new("local", Zone::SameHost, vec![good("Hello you there.")])]).await;
    let got = h.chat(r#","stream":true"#, &[]).await;
    let text = got.text();
    assert!(got.header("content-type").starts_with("text/event-stream"));
    assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
    let words: String = text
        .lines()
        .filter_map(|l| serde_json::from_str::<serde_json::Value>(l.strip_prefix("data: ")?).ok())
        .filter_map(|v| v["choices"][0]["delta"]["content"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(words, "Hello you there.");
    assert!(!text.contains("\"usage\":{"), "usage was not asked for: {text}");
    assert_eq!(h.records()[0].usage.output, 5);
    assert!(h.records()[0].ttft_us.is_some());
}

#[tokio::test]
async fn usage_comes_when_it_was_asked_for_and_messages_have_it_always() {
    let h = house(&[Scripted::new("local", Zone::SameHost, vec![good("Hi."), good("Hi.")])]).await;
    let text = h.chat(r#","stream":true,"stream_options":{"include_usage":true}"#, &[]).await.text();
    assert!(text.contains("\"completion_tokens\":5"), "{text}");
    let text = h.messages(r#","stream":true"#).await.text();
    assert!(text.contains("event: message_start\n"), "{text}");
    assert!(text.contains("\"output_tokens\":5"), "{text}");
    assert!(text.trim_end().ends_with(r#"{"type":"message_stop"}"#), "{text}");
}

#[tokio::test]
async fn frames_of_the_same_flavour_are_forwarded_as_they_came() {
    let raw = |bytes: &'static str, event| Chunk {
        events: vec![event],
        raw: Some(Raw { flavour: Flavour::OpenaiChat, name: None, bytes: bytes.into() }),
    };
    let text = |t: &str| Event::Text { choice: 0, text: t.into(), logprobs: vec![] };
    let frames = || {
        vec![
            Ok(raw(r#"{"vendor":"field","choices":[{"delta":{"content":"Hi"}}]}"#, text("Hi"))),
            Ok(raw(
                r#"{"choices":[],"usage":{"completion_tokens":1}}"#,
                Event::Usage(wire::Usage { output: 1, ..Default::default() }),
            )),
            Ok(raw("[DONE]", Event::Done)),
        ]
    };
    let h = house(&[Scripted::new("local", Zone::SameHost, vec![Act::Chunks(frames()), Act::Chunks(frames())])]).await;
    assert_eq!(
        h.chat(r#","stream":true"#, &[]).await.text(),
        "data: {\"vendor\":\"field\",\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\ndata: [DONE]\n\n"
    );
    let with_usage = h.chat(r#","stream":true,"stream_options":{"include_usage":true}"#, &[]).await.text();
    assert!(with_usage.contains("\"completion_tokens\":1"));
}

#[tokio::test]
async fn an_error_before_any_content_falls_over() {
    let start = chunks("x").remove(0);
    let error = Chunk { events: vec![Event::Error { message: "overloaded".into(), kind: None }], raw: None };
    let first = Scripted::new(
        "a",
        Zone::SameHost,
        vec![Act::Chunks(vec![Ok(start.clone()), Ok(error)]), Act::Chunks(vec![Ok(start)])],
    );
    let second = Scripted::new("b", Zone::OwnNetwork, vec![good("Hi."), good("Hi.")]);
    let h = house(&[first, second]).await;
    for why in ["an error inside a 200", "an end before any content"] {
        let got = h.chat(r#","stream":true"#, &[]).await;
        assert_eq!(got.header("x-dewpoint-place"), "b", "{why}");
        assert!(got.text().ends_with("data: [DONE]\n\n"), "{why}");
    }
}

#[tokio::test]
async fn a_stream_that_breaks_after_content_ends_with_an_error_in_the_dialect() {
    let broken = |end: Option<Fault>| {
        let mut list: Vec<_> = chunks("Hello you.").into_iter().take(2).map(Ok).collect();
        list.extend(end.map(Err));
        Act::Chunks(list)
    };
    let reset = Fault::new(Cause::UpstreamError, "reset");
    let acts = vec![broken(None), broken(Some(reset.clone())), broken(None), broken(Some(reset))];
    let h = house(&[Scripted::new("local", Zone::SameHost, acts)]).await;
    for _ in 0..2 {
        let text = h.chat(r#","stream":true"#, &[]).await.text();
        let last = text.trim_end().rsplit("data: ").next().unwrap();
        let error: serde_json::Value = serde_json::from_str(last).unwrap();
        for key in ["message", "type", "param", "code"] {
            assert!(error["error"].get(key).is_some(), "{key} in {last}");
        }
        assert!(!text.contains("[DONE]"), "{text}");
    }
    for _ in 0..2 {
        let text = h.messages(r#","stream":true"#).await.text();
        assert!(text.contains("event: error\n"), "{text}");
        assert!(!text.contains("message_stop"), "{text}");
    }
    let records = h.records();
    assert_eq!(records.len(), 4);
    assert!(
        records.iter().all(|r| r.outcome == Outcome::Failed && r.usage.estimated && r.usage.output > 0),
        "{records:?}"
    );
}

#[tokio::test]
async fn a_caller_who_leaves_cancels_upstream_and_is_settled_on_what_was_seen() {
    let stall = Act::Stall(chunks("Hello you.").into_iter().take(2).collect());
    let backend = Scripted::new("local", Zone::SameHost, vec![stall, Act::Hang]);
    let h = house(std::slice::from_ref(&backend)).await;
    for (stream, until) in [(true, "Hello"), (false, "")] {
        let before = h.records().len();
        let socket = read_until(&h, "/v1/chat/completions", stream, until).await;
        while backend.seen.lock().unwrap().len() <= before {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        drop(socket);
        let left = Instant::now();
        while backend.dropped.load(Ordering::SeqCst) <= before {
            assert!(left.elapsed() < Duration::from_millis(500), "upstream was not cancelled");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let record = h.settled(before + 1).await[before].clone();
        assert_eq!(record.outcome, Outcome::Cancelled);
        assert!(record.usage.estimated);
        assert_eq!(record.usage.output > 0, stream, "{record:?}");
    }
}

#[tokio::test]
async fn stopping_lets_streams_finish_and_says_not_ready() {
    let stall = Act::Stall(chunks("Hi.").into_iter().take(2).collect());
    let mut h = house(&[Scripted::new("local", Zone::SameHost, vec![stall])]).await;
    let socket = read_until(&h, "/v1/chat/completions", true, "Hi").await;
    let _ = h.stop.take().unwrap().send(());
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(h.wiring.draining.load(Ordering::SeqCst));
    assert!(!h.served.is_finished(), "a stream is still open");
    drop(socket);
    tokio::time::timeout(Duration::from_secs(5), &mut h.served).await.expect("drained").unwrap().unwrap();
    assert_eq!(h.records().len(), 1);
}
