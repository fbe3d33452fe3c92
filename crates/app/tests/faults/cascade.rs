//! Answers that are looked at before they are trusted, in the real program: a place that answers what nobody can use, and a better
//! one behind it.
//!
//! Never here: faults of the catalogue.

use crate::rig::{Got, Rig};
use decide::Outcome;
use serde_json::json;
use testkit::Voice;
use wire::Dialect;

const LOCAL: usize = 0;
const CLOUD: usize = 1;
const BAD: &str = "Sure! BROKEN is what you get: {\"n\": ";

async fn rig() -> Rig {
    let places = Rig::new().place(Voice::of("vllm")).model("small-8b", "quality_permille = 500");
    places.place(Voice::of("openai")).model("gpt-large-70b", "quality_permille = 900, tier = \"cloud\"").start().await
}

/// Both answers as the two places would give them.
fn script(rig: &Rig, good: &str, stream: bool) {
    for (place, text) in [(LOCAL, BAD), (CLOUD, good)] {
        let voice = rig.voice(place);
        let middle = text.len() / 2;
        let answer =
            if stream { voice.stream(&[&text[..middle], &text[middle..]], true) } else { voice.plain(text, Some(3)) };
        rig.script(place, answer);
    }
}

async fn ask(rig: &Rig, stream: bool) -> Got {
    let mut body = rig.body_for(Dialect::Openai, "auto", stream);
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]});
    body["response_format"] = json!({"type": "json_schema", "json_schema": {"name": "s", "schema": schema}});
    rig.post(Dialect::Openai, body).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalid_json_of_a_local_place_is_replaced_and_both_are_in_the_ledger_and_on_the_bill() {
    let rig = rig().await;
    for stream in [false, true] {
        script(&rig, "{\"n\": 3}", stream);
        let got = rig.note(ask(&rig, stream).await);
        assert!(got.is_good(), "{:?} {}", got.end, got.text());
        assert_eq!(got.header("x-dewpoint-escalated-from"), Some("vllm/small-8b"), "{:?}", got.headers);
        assert_eq!(got.header("x-dewpoint-place"), Some("openai"));
        assert!(!got.text().contains("BROKEN"), "{}", got.text());
        let records = rig.records(&got).await;
        let ends: Vec<_> = records.iter().map(|r| (r.place.as_ref().unwrap().as_str(), r.outcome)).collect();
        assert_eq!(ends, [("vllm", Outcome::Doubted), ("openai", Outcome::Ok)]);
        assert_eq!(records[0].error.as_deref(), Some("not-json"));
        let paid: i64 = records.iter().map(|r| r.full.or(r.cost).unwrap().0).sum();
        assert!(records.iter().all(|r| r.full.or(r.cost).unwrap().0 > 0), "{records:?}");
        if !stream {
            assert_eq!(got.header("x-dewpoint-cost-usd"), Some(decide::Nanousd(paid).to_string().as_str()));
        }
    }
    let id = rig.ledger().last().unwrap().request_id.to_string();
    let mut explain = tokio::process::Command::new(env!("CARGO_BIN_EXE_dewpoint"));
    explain.args(["explain", "--request", &id]).env_clear().env("HOME", rig.data());
    let told = explain.env("DEWPOINT_DATA", rig.data()).current_dir(rig.data()).output().await.unwrap();
    let text = String::from_utf8_lossy(&told.stdout);
    assert!(text.contains("vllm/small-8b") && text.contains("not-json: JSON was asked for"), "{text} {told:?}");
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_better_place_fails_the_held_answer_goes_out() {
    let rig = rig().await;
    script(&rig, "", false);
    rig.script(CLOUD, testkit::Answer::json(500, "{}"));
    let got = rig.note(ask(&rig, false).await);
    assert!(got.is_good() && got.text().contains("BROKEN"), "{}", got.text());
    assert_eq!(got.header("x-dewpoint-escalated-from"), None);
    assert_eq!(got.header("x-dewpoint-doubt"), Some("1.00;why=not-json"));
    let ends: Vec<_> = rig.records(&got).await.iter().map(|r| r.outcome).collect();
    assert_eq!(ends, [Outcome::Ok, Outcome::Failed]);
    rig.finish().await;
}
