//! A promise about quality in the real program: without evidence everything goes to the stronger place; comparisons of requests that
//! were drawn by lot come in; then answers are kept as far as these allow, and `dewpoint routes` shows it.
//!
//! Never here: the test behind a promise (room `decide`).

use crate::rig::{Got, Rig};
use decide::{Origin, Outcome};
use serde_json::Value;
use std::time::{Duration, Instant};
use testkit::Voice;
use wire::Dialect;

const LOCAL: usize = 0;
const CLOUD: usize = 1;
const SETTINGS: &str = "[cascade]\nmax_quality_loss = 0.1\nshadow = 1\n";

async fn rig(settings: &str) -> Rig {
    let places = Rig::new().place(Voice::of("vllm")).model("small-8b", "quality_permille = 500, tier = \"local\"");
    places
        .place(Voice::of("openai"))
        .model("gpt-large-70b", "quality_permille = 900, tier = \"cloud\"")
        .config(settings)
        .start()
        .await
}

fn says(rig: &Rig, place: usize, text: &str) {
    rig.script(place, rig.voice(place).plain(text, Some(3)));
}

/// With a prompt like none that was trained on: the weaker place is good enough for it.
async fn ask(rig: &Rig) -> Got {
    let body = rig.body_for(Dialect::Openai, "auto", false);
    let got = rig.note(rig.post(Dialect::Openai, body).await);
    assert!(got.is_good(), "{:?} {}", got.end, got.text());
    got
}

/// `dewpoint routes auto --json`, beside the running server.
fn routes(rig: &Rig) -> Value {
    let folder = rig.data().parent().unwrap().to_owned();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_dewpoint"));
    command.args(["routes", "auto", "--json", "--config"]).arg(folder.join("dewpoint.toml"));
    command.env_clear().env("DEWPOINT_DATA", rig.data());
    for place in [LOCAL, CLOUD] {
        command.env(format!("RIG_URL_{place}"), rig.upstream(place).url(rig.voice(place).base_path()));
    }
    let out = command.output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let report: Value = serde_json::from_slice(&out.stdout).unwrap();
    report["routes"][0].clone()
}

/// The one task of all these requests.
fn task(route: &Value) -> &Value {
    let tasks = route["tasks"].as_array().unwrap();
    assert_eq!(tasks.len(), 1, "{route:#}");
    &tasks[0]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promise_begins_with_everything_escalated_and_ends_with_answers_kept() {
    let rig = rig(SETTINGS).await;
    for place in [LOCAL, CLOUD] {
        says(&rig, place, "51");
    }
    let first = ask(&rig).await;
    assert_eq!(first.header("x-dewpoint-place"), Some("openai"), "{:?}", first.headers);
    assert_eq!(first.header("x-dewpoint-escalated-from"), Some("vllm/small-8b"));
    assert!(first.header("x-dewpoint-doubt").unwrap().contains("unpromised"), "{:?}", first.headers);
    rig.ledger_when(|all| all.len() >= 2).await;
    let route = routes(&rig);
    assert_eq!(task(&route)["promise"], "not-yet", "{route:#}");
    let needed = route["evidence_needed"].as_u64().unwrap();
    assert!((20..80).contains(&needed), "{needed}");
    // Everything is escalated until enough was compared, and then nothing of this kind is.
    let deadline = Instant::now() + Duration::from_secs(120);
    let mut escalated = 1;
    let kept = loop {
        assert!(Instant::now() < deadline, "nothing is promised after {escalated} requests: {:#}", routes(&rig));
        let got = ask(&rig).await;
        if got.header("x-dewpoint-escalated-from").is_none() {
            break got;
        }
        escalated += 1;
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert!(escalated >= needed, "{escalated} were compared, {needed} are needed");
    assert_eq!(kept.header("x-dewpoint-place"), Some("vllm"));
    let route = routes(&rig);
    let task = task(&route);
    assert_eq!(task["promise"], "promised", "{route:#}");
    assert!(task["evidence"].as_u64().unwrap() >= needed && task["loss_of_keeping_all"] == 0.0, "{route:#}");
    assert!(task["escalated"].as_u64().unwrap() >= needed && task["doubt_max"].is_number(), "{route:#}");
    assert_eq!((route["max_quality_loss"].as_f64(), route["shadow"].as_f64()), (Some(0.1), Some(1.0)));
    // The escalated ones had both answers and were asked nothing more; the kept one was asked of the cloud afterwards.
    let id = kept.request_id();
    let all = rig.records_when(&id, |all| all.len() == 2).await;
    let endpoints: std::collections::BTreeSet<&str> = all.iter().map(|r| &*r.endpoint).collect();
    assert_eq!(endpoints.into_iter().collect::<Vec<_>>(), ["chat", "shadow"]);
    assert!(all.iter().all(|r| r.outcome == Outcome::Ok));
    assert_eq!(rig.chats(CLOUD).len() as u64, escalated + 1);
    // What cannot be compared is not covered, whatever is promised.
    says(
        &rig,
        LOCAL,
        "That depends on how one looks at it, and there are indeed several ways in which one might look at this.",
    );
    assert_eq!(ask(&rig).await.header("x-dewpoint-place"), Some("openai"));
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn weak_answers_that_differ_are_never_promised() {
    let rig = rig(SETTINGS).await;
    says(&rig, LOCAL, "52");
    says(&rig, CLOUD, "51");
    for _ in 0..60 {
        assert_eq!(ask(&rig).await.header("x-dewpoint-place"), Some("openai"));
    }
    // How many are compared depends on how soon the evidence puts the stronger place first.
    let weak = |l: &decide::Lesson| l.origin == Origin::Shadow && l.place.as_str() == "vllm";
    let deadline = Instant::now() + Duration::from_secs(20);
    let lessons = loop {
        let lessons = ledger::lessons(&rig.data(), None).unwrap();
        if lessons.iter().any(|l| weak(l) && l.compared.is_some()) {
            break lessons;
        }
        assert!(Instant::now() < deadline, "the comparisons are not kept");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(lessons.iter().filter(|l| weak(l)).all(|l| l.score_permille < 500));
    let lost = |l: &decide::Lesson| l.compared.as_ref().is_none_or(|c| c.loss_permille == 1_000);
    assert!(lessons.iter().filter(|l| weak(l)).all(lost), "{lessons:?}");
    let route = routes(&rig);
    assert_eq!(task(&route)["promise"], "not-yet", "{route:#}");
    assert_eq!(ask(&rig).await.header("x-dewpoint-place"), Some("openai"), "all evidence is against it");
    rig.finish().await;
}
