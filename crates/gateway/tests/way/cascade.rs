//! Looking at an answer before it is trusted: what is held, what is replaced, what that costs, and that nobody sees a byte of an
//! answer that was doubted.

use super::house::*;
use decide::{
    Cascade, Cause, DataClass, Lesson, Lessons, Origin, Outcome, PlaceId, Policy, Promise, Record, Target, Task, Zone,
};
use gateway::{CareOptions, Hedge, Learned, Limits};
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use wire::{Answer, Choice, Chunk, Event, Finish, ToolCall};

const MS: fn(u64) -> Duration = Duration::from_millis;
const SCHEMA: &str = r#","response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{"type":"object",
    "properties":{"n":{"type":"integer"}},"required":["n"]}}}"#;
const TOOLS: &str = r#","tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object",
    "properties":{"city":{"type":"string"}},"required":["city"]}}}]"#;
const BAD: &str = "Sure, MARK here it is: {\"n\": 3}";
const GOOD: &str = "{\"n\": 3}";

/// A small model on this host, which comes first.
fn weak(acts: Vec<Act>) -> Arc<Scripted> {
    Scripted::named("edge", "small-8b", acts)
}

/// A large one in a cloud.
fn strong(acts: Vec<Act>) -> Arc<Scripted> {
    Scripted::new("cloud", Zone::VendorCloud, acts)
}

fn plain(text: &str) -> Act {
    Act::Plain(answer(text))
}

fn with(h: &House, cascade: Cascade) {
    h.policy.store(Arc::new(Policy { cascade, ..Policy::default() }));
}

/// Asks in words that no estimate knows, so that only the signs in the answer count.
async fn ask(h: &House, extra: &str, headers: &[(&str, &str)]) -> Got {
    let body = format!(r#"{{"model":"auto","messages":[{{"role":"user","content":"Zażółć gęślą jaźń"}}]{extra}}}"#);
    h.call("POST", "/v1/chat/completions", headers, body).await
}

fn ends(records: &[Record]) -> Vec<(String, Outcome, Option<&str>)> {
    let place = |r: &Record| r.place.as_ref().map_or_else(String::new, |p| p.as_str().to_owned());
    records.iter().map(|r| (place(r), r.outcome, r.error.as_deref())).collect()
}

fn of(place: &str, outcome: Outcome, why: Option<&'static str>) -> (String, Outcome, Option<&'static str>) {
    (place.to_owned(), outcome, why)
}

/// Keeps lessons.
#[derive(Default)]
struct Notes(Mutex<Vec<Lesson>>);

impl Lessons for Notes {
    fn take(&self, lesson: Lesson) {
        self.0.lock().unwrap().push(lesson);
    }
}

async fn noted(backends: &[Arc<Scripted>]) -> (House, Arc<Notes>) {
    let notes = Arc::new(Notes::default());
    let all = (Limits::default(), vec![], CareOptions::default());
    (house_learning(backends, all, Arc::new(decide::Blind), Learned::keeping(notes.clone())).await, notes)
}

fn told(notes: &Notes) -> Vec<(String, Origin, u16)> {
    let notes = notes.0.lock().unwrap();
    notes.iter().map(|l| (l.place.as_str().to_owned(), l.origin, l.score_permille)).collect()
}

#[tokio::test]
async fn what_breaks_the_schema_is_replaced_and_both_are_paid() {
    let (first, second) = (weak(vec![plain(BAD)]), strong(vec![plain(GOOD)]));
    let (h, notes) = noted(&[first, second]).await;
    let got = ask(&h, SCHEMA, &[]).await;
    assert_eq!((got.status, got.json()["choices"][0]["message"]["content"].as_str()), (200, Some(GOOD)));
    assert!(!got.text().contains("MARK"));
    assert_eq!(got.header("x-dewpoint-place"), "cloud");
    assert_eq!(got.header("x-dewpoint-escalated-from"), "edge/small-8b");
    assert_eq!(got.header("x-dewpoint-doubt"), "1.00;why=not-json");
    // Ten tokens of prompt and five of answer, twice.
    assert_eq!(got.header("x-dewpoint-cost-usd"), "0.000040000");
    let records = h.settled(2).await;
    let mut all = ends(&records);
    all.sort_by_key(|end| end.0.clone());
    assert_eq!(all, [of("cloud", Outcome::Ok, None), of("edge", Outcome::Doubted, Some("not-json"))]);
    let doubted = records.iter().find(|r| r.outcome == Outcome::Doubted).unwrap();
    assert_eq!((doubted.doubt_permille, doubted.cost.map(|c| c.0)), (Some(1_000), Some(20_000)));
    assert_ne!(records[0].attempt_id, records[1].attempt_id);
    assert_eq!(told(&notes), [("edge".to_owned(), Origin::Check, 0)]);
    let metrics = h.call("GET", "/metrics", &[], "").await.text();
    for line in [
        "dewpoint_judged_answers_total{end=\"escalated\"} 1",
        "dewpoint_attempts_total{place=\"edge\",outcome=\"doubted\",error_type=\"not-json\"} 1",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
}

#[tokio::test]
async fn a_good_answer_is_kept_and_says_how_much_it_is_doubted() {
    let (h, notes) = noted(&[weak(vec![plain(GOOD), good(GOOD), plain("Hello.")]), strong(vec![])]).await;
    for extra in [SCHEMA.to_owned(), format!("{SCHEMA},\"stream\":true"), String::new()] {
        let got = ask(&h, &extra, &[]).await;
        assert_eq!((got.header("x-dewpoint-place"), got.header("x-dewpoint-doubt")), ("edge", "0.00"));
        assert!(!got.headers.contains_key("x-dewpoint-escalated-from"));
        assert_eq!(got.header("x-dewpoint-cost-usd").len(), "0.000020000".len());
    }
    let records = h.settled(3).await;
    assert!(records.iter().all(|r| r.doubt_permille == Some(0) && r.outcome == Outcome::Ok), "{records:?}");
    let passed = ("edge".to_owned(), Origin::Check, 1_000);
    assert_eq!(told(&notes), [passed.clone(), passed], "free text passes no check");
}

#[tokio::test]
async fn a_held_answer_goes_out_after_all_where_no_other_comes() {
    for (act, n) in [(Act::Fail(Cause::UpstreamError), 2), (Act::Fail(Cause::Connect), 2), (Act::Panic, 2)] {
        let h = house(&[weak(vec![plain(BAD)]), strong(vec![act])]).await;
        let got = ask(&h, SCHEMA, &[]).await;
        assert_eq!((got.status, got.header("x-dewpoint-place")), (200, "edge"), "{}", got.text());
        assert!(got.text().contains("MARK"));
        assert_eq!(got.header("x-dewpoint-doubt"), "1.00;why=not-json");
        let records = h.settled(n).await;
        assert_eq!((records.len(), records[0].outcome, records[1].outcome), (n, Outcome::Failed, Outcome::Ok));
        assert_eq!(records[1].doubt_permille, Some(1_000));
    }
    // The same of a stream that was let go before its end.
    let text = format!("{BAD} {}", "and so on ".repeat(200));
    let h = house(&[weak(vec![good(&text)]), strong(vec![Act::Fail(Cause::UpstreamError)])]).await;
    let got = ask(&h, &format!("{SCHEMA},\"stream\":true"), &[]).await;
    assert!(got.text().contains("MARK") && got.text().ends_with("data: [DONE]\n\n"), "{}", got.text());
    assert_eq!(got.text().matches("and ").count(), 200, "nothing is lost of it");
}

#[tokio::test]
async fn each_hard_flaw_escalates_in_each_dialect() {
    let call = |name: &str, arguments: &str| {
        let tool_calls = vec![ToolCall { id: "c".into(), name: name.into(), arguments: arguments.into() }];
        let choice = Choice { tool_calls, finish: Some(Finish::ToolCalls), ..Choice::default() };
        Answer { choices: vec![choice], ..answer("") }
    };
    let refused = answer("I'm sorry, but I can't help with that.");
    for (name, bad, extra) in [
        ("empty", answer("  "), ""),
        ("refused", refused, ""),
        ("unknown-tool", call("wether", "{}"), TOOLS),
        ("bad-call", call("weather", "{\"city\": 3}"), TOOLS),
        ("bad-call", call("weather", "{\"city"), TOOLS),
    ] {
        for stream in [false, true] {
            let act = || match stream {
                false => Act::Plain(bad.clone()),
                true => Act::Chunks(
                    bad.clone().into_events().into_iter().map(|e| Ok(Chunk { events: vec![e], raw: None })).collect(),
                ),
            };
            let better = || if stream { good("It is well.") } else { plain("It is well.") };
            let h = house(&[weak(vec![act(), act()]), strong(vec![better(), better()])]).await;
            let stream = format!(",\"stream\":{stream}");
            let got = ask(&h, &format!("{extra}{stream}"), &[]).await;
            assert_eq!(got.header("x-dewpoint-doubt"), format!("1.00;why={name}"), "{}", got.text());
            assert!(got.text().contains("well.") && !got.text().contains("wether"), "{}", got.text());
            let tools = r#","tools":[{"name":"weather","input_schema":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}]"#;
            let got = h.messages(&format!("{}{stream}", if extra.is_empty() { "" } else { tools })).await;
            assert_eq!(got.header("x-dewpoint-doubt"), format!("1.00;why={name}"), "{}", got.text());
            assert!(got.text().contains("well."), "{}", got.text());
            assert_eq!(h.settled(4).await.iter().filter(|r| r.error.as_deref() == Some(name)).count(), 2);
        }
    }
}

#[tokio::test]
async fn what_may_not_escalate_is_not_held() {
    let bad = || good(BAD);
    for (model, extra, headers) in [
        ("edge/small-8b", "", vec![]),
        ("small-8b", "", vec![]),
        ("auto", "", vec![("x-dewpoint-fallback", "none")]),
        ("auto", ",\"n\":2", vec![]),
        ("auto:fast", "", vec![]),
        ("auto:local", "", vec![]),
        ("auto", "", vec![("x-dewpoint-class", "sensitive")]),
    ] {
        let (first, second) = (weak(vec![bad()]), strong(vec![]));
        let h = house(&[first, second.clone()]).await;
        let body = format!(
            r#"{{"model":"{model}","stream":true,"messages":[{{"role":"user","content":"Say hello."}}]{SCHEMA}{extra}}}"#
        );
        let got = h.call("POST", "/v1/chat/completions", &headers, body).await;
        assert_eq!((got.status, got.header("x-dewpoint-place")), (200, "edge"), "{model} {extra}: {}", got.text());
        assert!(!got.headers.contains_key("x-dewpoint-doubt"), "{model} {extra}");
        assert!(second.seen.lock().unwrap().is_empty(), "not a byte goes there");
    }
    let (first, second) = (weak(vec![bad()]), strong(vec![]));
    let h = house(&[first, second]).await;
    with(&h, Cascade { escalate: false, ..Cascade::default() });
    assert!(ask(&h, &format!("{SCHEMA},\"stream\":true"), &[]).await.text().contains("MARK"));
}

#[tokio::test]
async fn a_stream_is_held_for_so_long_or_so_many_tokens_at_most() {
    let stalled = || Act::Stall(chunks("One two three.").into_iter().take(3).collect());
    let cascade = |hold_ms, hold_tokens| Cascade { hold_ms, hold_tokens, ..Cascade::default() };
    for (settings, least, most) in [(cascade(300, 4_096), 300, 8_000), (cascade(60_000, 1), 0, 8_000)] {
        let (first, second) = (weak(vec![stalled()]), strong(vec![]));
        let h = house(&[first, second]).await;
        with(&h, settings);
        let began = Instant::now();
        drop(read_until(&h, "/v1/chat/completions", true, "two").await);
        assert!((MS(least)..MS(most)).contains(&began.elapsed()), "{:?}", began.elapsed());
        let records = h.settled(1).await;
        assert_eq!(ends(&records), [of("edge", Outcome::Cancelled, Some("client_closed_request"))]);
        assert_eq!(records[0].doubt_permille, Some(0), "what came so far was judged");
    }
    let h = house(&[weak(vec![stalled()])]).await;
    with(&h, cascade(60_000, 4_096));
    drop(read_until(&h, "/v1/chat/completions", true, "One").await);
}

#[tokio::test]
async fn a_caller_who_leaves_while_it_is_held_cancels_everything() {
    let stalled = Act::Stall(chunks("One two three.").into_iter().take(3).collect());
    let (first, second) = (weak(vec![stalled]), strong(vec![Act::Hang]));
    let h = house(&[first.clone(), second.clone()]).await;
    with(&h, Cascade { hold_ms: 60_000, ..Cascade::default() });
    let socket = read_until(&h, "/v1/chat/completions", true, "").await;
    asked(&first).await;
    drop(socket);
    let records = h.settled(1).await;
    assert_eq!(ends(&records), [of("edge", Outcome::Cancelled, Some("client_closed_request"))]);
    assert_eq!(first.dropped.load(Ordering::SeqCst), 1, "cancelled upstream");
    // While another place is asked in its stead.
    let (first, second) = (weak(vec![plain(" ")]), strong(vec![Act::Hang]));
    let h = house(&[first, second.clone()]).await;
    let socket = read_until(&h, "/v1/chat/completions", false, "").await;
    asked(&second).await;
    drop(socket);
    let records = h.settled(2).await;
    assert!(records.len() == 2 && records.iter().all(|r| r.outcome == Outcome::Cancelled), "{records:?}");
    assert_eq!(second.dropped.load(Ordering::SeqCst), 1);
}

async fn asked(backend: &Arc<Scripted>) {
    for _ in 0..2_000 {
        if !backend.seen.lock().unwrap().is_empty() {
            return;
        }
        tokio::time::sleep(MS(1)).await;
    }
    panic!("the backend was not asked");
}

#[tokio::test]
async fn a_stream_that_breaks_while_it_is_held_never_began() {
    let head = || chunks("MARK two").into_iter().take(2);
    for broken in [
        Act::Chunks(head().map(Ok).collect()),
        Act::Chunks(head().map(Ok).chain([Err(decide::Fault::new(Cause::UpstreamError, "scripted"))]).collect()),
        Act::Break(head().collect()),
    ] {
        let panics = matches!(broken, Act::Break(_));
        let h = house(&[weak(vec![broken]), strong(vec![good("It is well.")])]).await;
        let got = ask(&h, ",\"stream\":true", &[]).await;
        let records = h.settled(if panics { 1 } else { 2 }).await;
        assert_eq!((records[0].place.clone(), records[0].outcome), (Some(PlaceId::new("edge")), Outcome::Failed));
        assert!(records[0].usage.output > 0, "what was written is paid");
        if panics {
            assert_eq!(got.status, 500, "a bug of ours is told, and not asked again");
        } else {
            assert_eq!((got.status, got.header("x-dewpoint-place")), (200, "cloud"));
        }
        assert!(!got.text().contains("MARK"), "{}", got.text());
    }
}

#[tokio::test]
async fn stopping_lets_go_of_what_is_held() {
    let stalled = Act::Stall(chunks("One two three.").into_iter().take(3).collect());
    let first = weak(vec![stalled]);
    let h = house(&[first.clone(), strong(vec![])]).await;
    with(&h, Cascade { hold_ms: 60_000, ..Cascade::default() });
    let asking = ask(&h, ",\"stream\":true", &[]);
    let cut = async {
        asked(&first).await;
        h.wiring.cut.now();
    };
    let (got, ()) = tokio::join!(asking, cut);
    assert!(got.text().contains("shutting_down"), "{}", got.text());
    assert_eq!(ends(&h.settled(1).await), [of("edge", Outcome::Failed, Some("shutting_down"))]);
}

#[tokio::test]
async fn soft_doubt_escalates_above_the_default_and_not_below() {
    let open = "Here you are:\n```rust\nfn main() {";
    for (text, doubt, replaced) in
        [("I am not sure, perhaps so.", "0.25;why=hedges", false), (open, "0.55;why=open-code", true)]
    {
        let (h, notes) = noted(&[weak(vec![plain(text)]), strong(vec![plain("Done.")])]).await;
        let got = ask(&h, "", &[]).await;
        assert_eq!(got.header("x-dewpoint-doubt"), doubt);
        assert_eq!(got.headers.contains_key("x-dewpoint-escalated-from"), replaced);
        let expected = if replaced { vec![("edge".to_owned(), Origin::Escalation, 450)] } else { vec![] };
        assert_eq!(told(&notes), expected, "an estimate counts as one");
    }
}

#[tokio::test]
async fn a_promise_sets_the_threshold_and_without_one_everything_escalates() {
    let settings = || Cascade { max_quality_loss_permille: Some(20), ..Cascade::default() };
    let promise = |h: &House, promise| {
        let tasks: HashMap<Task, Promise> = Task::ALL.iter().map(|task| (*task, promise)).collect();
        h.wiring.learned.promise_all(HashMap::from([("auto".to_owned(), tasks)]));
    };
    let kept = |doubt| Promise::Kept { doubt, evidence: 900, share: 0.5 };
    let hedged = "I am not sure: 7";
    for (made, text, place, doubt) in [
        (None, "7", "cloud", "0.00;why=unpromised"),
        (Some(Promise::NotYet { evidence: 3 }), "7", "cloud", "0.00;why=unpromised"),
        (Some(kept(0.2)), "7", "edge", "0.00"),
        (Some(kept(0.2)), hedged, "cloud", "0.25;why=hedges"),
        (Some(kept(0.25)), hedged, "edge", "0.25;why=hedges"),
        (
            Some(kept(1.0)),
            "Long prose is nothing that can be compared with anything else, so nothing is promised.",
            "cloud",
            "0.00;why=unpromised",
        ),
        (Some(kept(1.0)), " ", "cloud", "1.00;why=empty"),
    ] {
        let h = house(&[weak(vec![plain(text)]), strong(vec![plain("8")])]).await;
        with(&h, settings());
        if let Some(made) = made {
            promise(&h, made);
        }
        let got = ask(&h, "", &[]).await;
        assert_eq!((got.header("x-dewpoint-place"), got.header("x-dewpoint-doubt")), (place, doubt), "{made:?} {text}");
    }
}

fn helped(helpers: &[&str]) -> Cascade {
    let target = |place: &&str| Target { place: (*place).to_owned(), model: "m".into() };
    Cascade { helpers: helpers.iter().map(target).collect(), ..Cascade::default() }
}

#[tokio::test]
async fn helpers_that_say_something_else_cast_doubt_and_are_paid() {
    for (said, place, reasons) in [("8", "cloud", true), ("7", "edge", false)] {
        let first = weak(vec![plain("7")]);
        let helpers = ["h1", "h2"].map(|name| Scripted::new(name, Zone::OwnNetwork, vec![plain(said)]));
        let h = house(&[first, helpers[0].clone(), helpers[1].clone(), strong(vec![plain("8")])]).await;
        with(&h, helped(&["h1", "h2"]));
        let got = ask(&h, "", &[]).await;
        assert_eq!(got.header("x-dewpoint-place"), place, "{}", got.header("x-dewpoint-doubt"));
        assert_eq!(got.header("x-dewpoint-doubt").contains("helpers"), reasons);
        let attempts = if reasons { 4 } else { 3 };
        let records = h.settled(attempts).await;
        let paid: i64 = records.iter().map(|r| r.cost.unwrap().0).sum();
        assert_eq!(got.header("x-dewpoint-cost-usd"), decide::Nanousd(paid).to_string(), "every call is in it");
        let beside: Vec<_> = records.iter().filter(|r| &*r.endpoint == "helper").collect();
        assert_eq!(beside.len(), 2);
        assert!(beside.iter().all(|r| r.outcome == Outcome::Ok && r.request_id == records[0].request_id));
        assert!(helpers.iter().all(|h| !h.seen.lock().unwrap()[0].stream));
        let metrics = h.call("GET", "/metrics", &[], "").await.text();
        assert!(metrics.contains("dewpoint_helpers_cost_nanousd_total 40000"), "{metrics}");
    }
}

#[tokio::test]
async fn helpers_are_asked_only_where_answers_can_be_compared_and_only_what_they_may_see() {
    let prose = "This is a longer text in which nothing stands that could be held against another one.";
    let first = weak(vec![plain(prose), plain("7")]);
    let helper = Scripted::new("h1", Zone::VendorCloud, vec![]);
    let h = house(&[first, helper.clone(), strong(vec![])]).await;
    with(&h, helped(&["h1"]));
    assert_eq!(ask(&h, "", &[]).await.header("x-dewpoint-place"), "edge");
    assert!(helper.seen.lock().unwrap().is_empty(), "prose is not compared");
    let h = house(&[
        weak(vec![plain("7")]),
        helper.clone(),
        Scripted::able("near", Zone::OwnNetwork, decide::Caps { tools: true, ..Default::default() }, vec![]),
    ])
    .await;
    with(&h, helped(&["h1"]));
    let got = ask(&h, "", &[("x-dewpoint-class", "sensitive")]).await;
    assert_eq!(got.header("x-dewpoint-place"), "edge");
    assert!(helper.seen.lock().unwrap().is_empty(), "the border holds for helpers");
}

#[tokio::test]
async fn a_helper_that_is_late_or_fails_is_left_out() {
    let helpers = [
        Scripted::new("h1", Zone::OwnNetwork, vec![Act::Hang]),
        Scripted::new("h2", Zone::OwnNetwork, vec![Act::Fail(Cause::UpstreamError)]),
    ];
    let h = house(&[weak(vec![good("7")]), helpers[0].clone(), helpers[1].clone(), strong(vec![good("7")])]).await;
    with(&h, Cascade { hold_ms: 300, ..helped(&["h1", "h2"]) });
    let began = Instant::now();
    let got = ask(&h, ",\"stream\":true", &[]).await;
    assert!(began.elapsed() < MS(8_000), "{:?}", began.elapsed());
    assert_eq!(got.status, 200);
    let records = h.settled(3).await;
    let beside = |outcome| records.iter().filter(|r| &*r.endpoint == "helper" && r.outcome == outcome).count();
    assert_eq!((beside(Outcome::Cancelled), beside(Outcome::Failed)), (1, 1), "{records:?}");
}

#[tokio::test]
async fn it_goes_up_step_by_step_within_the_attempts_that_are_allowed() {
    let (first, second, third) = (
        weak(vec![plain(" ")]).rated("small-8b", 500),
        Scripted::new("mid", Zone::SameHost, vec![plain("I can't help with that.")]).rated("mid", 700),
        strong(vec![plain("Well.")]),
    );
    let h = house(&[first, second, third]).await;
    let got = ask(&h, "", &[]).await;
    assert_eq!((got.header("x-dewpoint-place"), got.header("x-dewpoint-escalated-from")), ("cloud", "mid/mid"));
    let outcomes: Vec<_> = h.settled(3).await.iter().map(|r| r.outcome).collect();
    assert_eq!(outcomes, [Outcome::Doubted, Outcome::Doubted, Outcome::Ok]);
    let (first, second) = (weak(vec![plain(" ")]), strong(vec![]));
    let h = house(&[first, second]).await;
    h.policy.store(Arc::new(Policy { attempts_max: 1, ..Policy::default() }));
    assert_eq!(ask(&h, "", &[]).await.header("x-dewpoint-place"), "edge");
}

#[tokio::test]
async fn of_two_doubted_answers_the_better_one_goes_out_where_no_third_comes() {
    let open = "Here you are:\n```rust\nfn main() {";
    for (first, second, shown) in [(open, " ", "edge"), (" ", open, "mid")] {
        let h = house(&[
            Scripted::new("edge", Zone::SameHost, vec![plain(first)]).rated("small", 500),
            Scripted::new("mid", Zone::SameHost, vec![plain(second)]).rated("mid", 700),
            strong(vec![Act::Fail(Cause::UpstreamError)]),
        ])
        .await;
        let got = ask(&h, "", &[]).await;
        assert_eq!((got.header("x-dewpoint-place"), got.header("x-dewpoint-doubt")), (shown, "0.55;why=open-code"));
        let records = h.settled(3).await;
        let outcome = |place: &str| records.iter().find(|r| r.place == Some(PlaceId::new(place))).unwrap().outcome;
        let other = if shown == "edge" { "mid" } else { "edge" };
        assert_eq!(
            (outcome(shown), outcome(other), outcome("cloud")),
            (Outcome::Ok, Outcome::Doubted, Outcome::Failed)
        );
    }
}

#[tokio::test]
async fn a_place_is_asked_for_signs_where_its_answer_will_be_looked_at() {
    let signs = vec![wire::Sign { logprob: -4.0, entropy: Some(3.0), bytes: 1 }; 6];
    let unsure = Choice { signs, ..answer("Perhaps so.").choices.remove(0) };
    let (first, second) = (weak(vec![Act::Plain(Answer { choices: vec![unsure], ..answer("") })]), strong(vec![]));
    let h = house(&[first.clone(), second]).await;
    let got = ask(&h, "", &[]).await;
    assert!(got.header("x-dewpoint-doubt").ends_with(";why=tokens"), "{}", got.header("x-dewpoint-doubt"));
    assert!(first.seen.lock().unwrap()[0].signs);
    let alone = weak(vec![plain("Hello.")]);
    let h = house(std::slice::from_ref(&alone)).await;
    assert_eq!(ask(&h, "", &[]).await.status, 200);
    assert!(!alone.seen.lock().unwrap()[0].signs, "nothing could come of them");
}

#[tokio::test]
async fn a_hedge_beside_a_slow_first_is_looked_at_too() {
    let care = CareOptions {
        hedge: Some(Hedge { after: MS(50), cost_max: decide::Nanousd(i64::MAX) }),
        ..CareOptions::default()
    };
    let (first, rival) = (weak(vec![Act::Hang]), Scripted::named("rival", "other-8b", vec![good(" ")]));
    let h = house_of(&[first, rival, strong(vec![good("It is well.")])], Limits::default(), vec![], care).await;
    let got = ask(&h, ",\"stream\":true", &[]).await;
    assert_eq!(got.header("x-dewpoint-place"), "cloud", "{}", got.text());
    let mut all = ends(&h.settled(3).await).iter().map(|e| (e.0.clone(), e.1)).collect::<Vec<_>>();
    all.sort_by_key(|end| end.0.clone());
    let expected = [("cloud", Outcome::Ok), ("edge", Outcome::Cancelled), ("rival", Outcome::Doubted)];
    assert_eq!(all, expected.map(|(place, outcome)| (place.to_owned(), outcome)));
}

#[tokio::test]
async fn what_is_judged_is_what_the_caller_would_see() {
    // The place sees a placeholder and gives it back; the schema wants the original.
    let mail = "jane.roe@acme-corp.example";
    let schema = SCHEMA
        .replace(r#""n":{"type":"integer"}"#, &format!(r#""to":{{"const":"{mail}"}}"#))
        .replace("[\"n\"]", "[\"to\"]");
    let place = |name| Scripted::new(name, Zone::VendorCloud, vec![Act::Echo(3), Act::Echo(3)]);
    let (first, far) = (place("vendor").rated("small", 500), place("cloud").rated("big", 900));
    let h = house_with(&[first.clone(), far], Limits::default(), vec![]).await;
    let content = serde_json::json!({ "to": mail }).to_string();
    for stream in [false, true] {
        let body = format!(
            r#"{{"model":"auto","stream":{stream},"messages":[{{"role":"user","content":{}}}]{schema}}}"#,
            serde_json::Value::from(content.as_str())
        );
        let got = h.call("POST", "/v1/chat/completions", &[], body).await;
        assert_eq!((got.status, got.header("x-dewpoint-place")), (200, "vendor"), "{}", got.text());
        assert!(!got.header("x-dewpoint-doubt").contains("off-schema"), "{}", got.header("x-dewpoint-doubt"));
    }
    assert!(!format!("{:?}", first.seen.lock().unwrap()).contains(mail), "the place did not see it");
}

/// The bytes of a streamed answer as deltas of its text.
fn streamed(text: &str, cuts: &[usize]) -> Vec<Chunk> {
    let one = |event| Chunk { events: vec![event], raw: None };
    let mut out = vec![one(Event::Start { id: "c".into(), model: "m".into(), created: 1 })];
    let chars: Vec<char> = text.chars().collect();
    let mut at = 0;
    for cut in cuts.iter().map(|cut| (*cut).max(1)).chain([chars.len()]) {
        let end = (at + cut).min(chars.len());
        if at < end {
            out.push(one(Event::Text { choice: 0, text: chars[at..end].iter().collect(), logprobs: vec![] }));
        }
        at = end;
    }
    out.push(one(Event::Finish { choice: 0, finish: Finish::Stop }));
    out.push(one(Event::Usage(wire::Usage { input: 10, output: 5, ..wire::Usage::default() })));
    out.push(one(Event::Done));
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    /// Whatever the split of a stream and however long it is held: a caller who gets another answer sees no byte of the doubted one,
    /// and both are in the ledger.
    #[test]
    fn no_byte_of_a_doubted_answer_is_seen(
        cuts in prop::collection::vec(1usize..9, 0..12),
        tokens in 1u32..80,
        dialect in any::<bool>(),
        kind in 0usize..3,
    ) {
        let bad = ["QQQQ QQQQ {\"n\": QQQQ} QQQQ", "{\"n\": \"QQQQQQQQ\"}", "QQQQ I'm sorry, but I can't help with QQQQ."][kind];
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let first = weak(vec![Act::Chunks(streamed(bad, &cuts).into_iter().map(Ok).collect())]);
            let h = house(&[first, strong(vec![good(GOOD)])]).await;
            with(&h, Cascade { hold_tokens: tokens, hold_ms: 60_000, ..Cascade::default() });
            let got = if dialect && kind == 2 {
                h.messages(",\"stream\":true").await
            } else {
                ask(&h, &format!("{SCHEMA},\"stream\":true"), &[]).await
            };
            assert_eq!(got.status, 200);
            let escalated = got.headers.contains_key("x-dewpoint-escalated-from");
            assert_eq!(escalated, !got.text().contains('Q'), "either all of the one or all of the other: {}", got.text());
            let records = h.settled(if escalated { 2 } else { 1 }).await;
            assert_eq!(records.iter().any(|r| r.outcome == Outcome::Doubted), escalated);
            // What fits into the hold is judged whole.
            if tokens as usize * 4 > bad.len() {
                assert!(escalated, "{}", got.text());
            }
        });
    }
}

#[tokio::test]
async fn data_of_a_class_that_may_not_leave_is_not_escalated_to_a_cloud() {
    let (first, second, far) = (
        Scripted::new("edge", Zone::SameHost, vec![plain(" ")]).rated("small", 500),
        Scripted::new("near", Zone::SameHost, vec![plain("Well.")]).rated("big", 700),
        strong(vec![]),
    );
    let h = house(&[first, second, far.clone()]).await;
    let got = ask(&h, "", &[("x-dewpoint-class", DataClass::Sensitive.as_str())]).await;
    assert_eq!((got.header("x-dewpoint-place"), got.header("x-dewpoint-escalated-from")), ("near", "edge/small"));
    assert!(far.seen.lock().unwrap().is_empty());
}
