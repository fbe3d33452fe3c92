//! Whole answers.

use super::house::*;
use decide::{Cause, Nanousd, Outcome, Zone};

#[tokio::test]
async fn an_answer_is_routed_metered_and_explained() {
    let h = house(&[Scripted::new("local", Zone::SameHost, vec![Act::Plain(answer("Hello."))])]).await;
    let got = h.chat("", &[("x-request-id", "mine-1")]).await;
    assert_eq!(got.status, 200, "{}", got.text());
    assert_eq!(got.json()["choices"][0]["message"]["content"], "Hello.");
    assert_eq!(got.json()["model"], "m-2026", "the model that answered, not the alias");
    assert_eq!(got.header("x-request-id"), "mine-1");
    assert_eq!(got.header("x-dewpoint-place"), "local");
    assert!(got.header("x-dewpoint-decision").contains("chosen=local/m"));
    // 10 × 1000 + 5 × 2000 nano-dollars
    assert_eq!(got.header("x-dewpoint-cost-usd"), "0.000020000");
    let records = h.records();
    assert_eq!(records.len(), 1, "the record stands before the answer does");
    assert_eq!((records[0].outcome, records[0].cost), (Outcome::Ok, Some(Nanousd(20_000))));
    assert_eq!(&*records[0].request_id, "mine-1");
}

#[tokio::test]
async fn the_same_backend_answers_both_dialects() {
    let acts = vec![Act::Plain(answer("One.")), Act::Plain(answer("Two."))];
    let h = house(&[Scripted::new("local", Zone::SameHost, acts)]).await;
    assert_eq!(h.messages("").await.json()["content"][0]["text"], "One.");
    let body = r#"{"model":"local/m","prompt":"Say"}"#;
    let got = h.call("POST", "/v1/completions", &[], body).await;
    assert_eq!(got.json()["choices"][0]["text"], "Two.", "{}", got.text());
}

#[tokio::test]
async fn a_failure_falls_over_to_the_next_place() {
    let first = Scripted::new("a", Zone::SameHost, vec![Act::Fail(Cause::UpstreamError)]);
    let second = Scripted::new("b", Zone::OwnNetwork, vec![Act::Plain(answer("Hello."))]);
    let h = house(&[first, second]).await;
    let got = h.chat("", &[]).await;
    assert_eq!((got.status, got.header("x-dewpoint-place")), (200, "b"));
    let records = h.records();
    assert_eq!(records.len(), 2);
    assert_eq!((records[0].outcome, records[0].attempt, records[0].cost), (Outcome::Failed, 0, Some(Nanousd(0))));
    assert_eq!((records[1].outcome, records[1].attempt), (Outcome::Ok, 1));
    assert_eq!(records[0].request_id, records[1].request_id);
    assert_ne!(records[0].attempt_id, records[1].attempt_id);
}

#[tokio::test]
async fn the_caller_may_forbid_falling_over() {
    let first = Scripted::new("a", Zone::SameHost, vec![Act::Fail(Cause::UpstreamError)]);
    let second = Scripted::new("b", Zone::OwnNetwork, vec![]);
    let h = house(&[first, second]).await;
    let got = h.chat("", &[("x-dewpoint-fallback", "none")]).await;
    assert_eq!((got.status, got.header("x-dewpoint-place")), (502, "a"));
}

#[tokio::test]
async fn what_the_caller_got_wrong_is_not_tried_elsewhere() {
    let first = Scripted::new("a", Zone::SameHost, vec![Act::Fail(Cause::UpstreamRefused)]);
    let second = Scripted::new("b", Zone::OwnNetwork, vec![]);
    let h = house(&[first, second]).await;
    assert_eq!(h.chat("", &[]).await.status, 400);
    assert_eq!(h.records().len(), 1);
}

#[tokio::test]
async fn a_declared_class_keeps_an_ask_from_the_cloud_on_every_path() {
    let local = Scripted::new("local", Zone::SameHost, vec![Act::Fail(Cause::UpstreamError)]);
    let cloud = Scripted::new("cloud", Zone::VendorCloud, vec![]);
    let h = house(&[local, cloud.clone()]).await;
    let got = h.chat("", &[("x-dewpoint-class", "sensitive")]).await;
    assert_eq!(got.status, 502, "the local failure is told, not mended by a cloud");
    let body = r#"{"model":"cloud/m","messages":[{"role":"user","content":"x"}]}"#;
    let got = h.call("POST", "/v1/chat/completions", &[("x-dewpoint-class", "sensitive")], body).await;
    assert_eq!((got.status, got.json()["error"]["code"].as_str()), (403, Some("policy_denied")));
    assert!(cloud.seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn tokens_are_counted_by_the_place_that_can_and_estimated_elsewhere() {
    let body = r#"{"model":"auto","messages":[{"role":"user","content":"Say hello."}]}"#;
    let count = async |zone| {
        let h = house(&[Scripted::new("p", zone, vec![])]).await;
        h.call("POST", "/v1/messages/count_tokens", &[], body).await.json()["input_tokens"].as_u64().unwrap()
    };
    assert_eq!(count(Zone::Embedded).await, 42);
    assert!((2..20).contains(&count(Zone::SameHost).await));
    let h = house(&[Scripted::new("p", Zone::Embedded, vec![])]).await;
    let unknown = body.replace("auto", "nope");
    assert_eq!(h.call("POST", "/v1/messages/count_tokens", &[], unknown).await.status, 404);
}

#[tokio::test]
async fn a_price_that_nobody_knows_is_not_zero() {
    for stream in ["", r#","stream":true"#] {
        let cloud = Scripted::unpriced("cloud", Zone::VendorCloud, vec![Act::Echo(3)]);
        let h = house(&[cloud]).await;
        let got = h.chat(stream, &[]).await;
        assert_eq!((got.status, got.header("x-dewpoint-cost-usd")), (200, "unknown"), "{stream}");
        let record = h.settled(1).await.remove(0);
        assert_eq!((record.cost, record.price_version), (None, None));
        let cloud = Scripted::free("cloud", Zone::VendorCloud, vec![Act::Echo(3)]);
        let h = house(&[cloud]).await;
        assert_eq!(
            h.chat(stream, &[]).await.header("x-dewpoint-cost-usd"),
            "0.000000000",
            "one that is known to be 0 is"
        );
    }
}
