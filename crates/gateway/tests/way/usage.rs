//! Tokens by our own count: where a place does not count, where a stream is cut, and against what a place says.

use super::house::*;
use decide::{Cause, Fault, Outcome, Record, Zone};
use sense::Tokenizer;
use wire::{Chunk, Event, Usage};

const TEXT: &str = "Counting tokens exactly needs the model's own vocabulary, 12345 times.";
/// Of the request that `House::chat` makes.
const PROMPT: &str = r#"{"model":"auto","messages":[{"role":"user","content":"Say hello."}]}"#;

fn tokens() -> (u64, u64) {
    let ask = wire::openai::read_chat(PROMPT.as_bytes()).unwrap();
    (Tokenizer::O200k.prompt(&ask).unwrap(), Tokenizer::O200k.count(TEXT))
}

fn counts(record: &Record) -> (u64, u64, bool) {
    (record.usage.input, record.usage.output, record.usage.estimated)
}

/// The first chunks of a stream, up to all of its text.
fn beginning(usage: Option<Usage>) -> Vec<Chunk> {
    let mut all = chunks(TEXT);
    all.truncate(all.len() - 3);
    if let Some(usage) = usage {
        all.insert(1, Chunk { events: vec![Event::Usage(usage)], raw: None });
    }
    all
}

#[tokio::test]
async fn a_place_that_does_not_count_is_counted_by_the_models_tokenizer() {
    let (input, output) = tokens();
    let mut plain = answer(TEXT);
    plain.usage = None;
    let streamed = chunks(TEXT).into_iter().filter(|c| !matches!(c.events[0], Event::Usage(_))).map(Ok).collect();
    let backend = Scripted::named("api", "gpt-4o", vec![Act::Plain(plain), Act::Chunks(streamed)]);
    let h = house(std::slice::from_ref(&backend)).await;
    assert_eq!(h.chat("", &[]).await.status, 200);
    assert_eq!(h.chat(r#","stream":true"#, &[]).await.status, 200);
    for record in h.settled(2).await {
        assert_eq!(counts(&record), (input, output, true), "stream: {}", record.stream);
    }
}

#[tokio::test]
async fn a_stream_that_is_cut_keeps_what_it_said_of_its_cache_and_is_counted_as_far_as_it_came() {
    let said = tokens().1;
    let start = Usage { input: 90, output: 1, cached: 60, cache_write: 20, ..Usage::default() };
    let cut = Err(Fault::new(Cause::Truncated, "scripted"));
    let act = Act::Chunks(beginning(Some(start)).into_iter().map(Ok).chain([cut]).collect());
    let backend = Scripted::named("api", "gpt-4o-mini", vec![act]);
    let h = house(std::slice::from_ref(&backend)).await;
    assert!(h.chat(r#","stream":true"#, &[]).await.text().contains("error"));
    let record = h.settled(1).await.remove(0);
    assert_eq!(record.outcome, Outcome::Failed);
    assert_eq!(counts(&record), (90, said, true));
    assert_eq!((record.usage.cached, record.usage.cache_write), (60, 20));
}

#[tokio::test]
async fn a_caller_who_leaves_pays_for_what_was_seen() {
    let said = tokens().1;
    let backend = Scripted::named("api", "gpt-4o", vec![Act::Stall(beginning(None))]);
    let h = house(std::slice::from_ref(&backend)).await;
    drop(read_until(&h, "/v1/chat/completions", true, "times.").await);
    let record = h.settled(1).await.remove(0);
    assert_eq!((record.outcome, record.usage.output, record.usage.estimated), (Outcome::Cancelled, said, true));
}

#[tokio::test]
async fn what_a_place_says_is_compared_with_our_own_count() {
    // What it says is ten prompt tokens and five of an answer, which is fewer than there are.
    let text = TEXT.repeat(4);
    let backend = Scripted::named("cheap", "gpt-4o", (0..40).map(|_| Act::Plain(answer(&text))).collect());
    let other = Scripted::new("unknown", Zone::SameHost, vec![]);
    let h = house(&[backend, other]).await;
    let mut page = String::new();
    for _ in 0..40 {
        assert_eq!(h.chat("", &[]).await.status, 200);
        page = h.call("GET", "/metrics", &[], "").await.text();
        if page.contains(r#"dewpoint_usage_ratio_count{place="cheap",gen_ai_token_type="output"}"#) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let low = page.lines().find(|l| l.starts_with("dewpoint_usage_ratio_bucket") && l.contains(r#"le="2.0""#)).unwrap();
    assert!(low.ends_with(" 0"), "ours is more than twice of theirs: {low}");
    assert!(!page.contains(r#"dewpoint_usage_ratio_count{place="unknown""#));
}

#[tokio::test]
async fn count_tokens_is_exact_for_a_model_of_a_published_tokenizer() {
    let prompt = tokens().0;
    let backend = Scripted::named("api", "gpt-4o", vec![]);
    let h = house(std::slice::from_ref(&backend)).await;
    let body = PROMPT.replace("auto", "api/gpt-4o");
    let got = h.call("POST", "/v1/messages/count_tokens", &[("anthropic-version", "2023-06-01")], body).await;
    assert_eq!(got.json()["input_tokens"], prompt, "{}", got.text());
}
