//! Tests of the report of routes.

#![allow(clippy::unwrap_used)]
use super::*;
use decide::{Cascade, Drift, Nanousd, Promised, Target, Task};
use ledger::Asked;
use std::sync::Arc;

const NOW: u64 = 1_000 * DAY_MS;

fn made(promise: Promise, evidence: usize, drift: Option<Drift>) -> Promised {
    let span_unix_ms = (evidence > 0).then_some((NOW - 3 * DAY_MS, NOW - 90_000));
    let loss_of_keeping_all = (evidence > 0).then_some(0.125);
    Promised { promise, evidence, span_unix_ms, loss_of_keeping_all, drift }
}

fn group(asked: &str, task: Task, loss: Option<u16>, made: Promised) -> Group {
    Group { asked: Arc::from(asked), task, max_loss_permille: loss, made }
}

fn asked(asked: &str, task: &str, requests: u64, escalated: u64) -> Asked {
    Asked { asked: asked.into(), task: task.into(), requests, escalated }
}

fn example() -> Report {
    let cascade = Cascade { max_quality_loss_permille: Some(20), shadow_permille: 50, ..Cascade::default() };
    let mut policy = Policy { cascade, ..Policy::default() };
    let helper = Target { place: "here".into(), model: "other".into() };
    let own = Cascade { max_quality_loss_permille: None, helpers: vec![helper], ..policy.cascade.clone() };
    let targets = vec![Target { place: "here".into(), model: "*".into() }];
    let route = decide::Route { targets, cascade: Some(own), ..decide::Route::default() };
    policy.routes.insert("mine".into(), route);
    let kept = Promise::Kept { doubt: 0.31, evidence: 412, share: 0.8 };
    let not_yet = |evidence| Promise::NotYet { evidence };
    let groups = [
        group("auto", Task::Math, Some(20), made(kept, 412, None)),
        group("auto", Task::Extract, Some(20), made(not_yet(37), 37, None)),
        group("auto", Task::Answer, Some(20), made(not_yet(900), 900, None)),
        group("auto", Task::Code, Some(20), made(not_yet(500), 500, Some(Drift::Losses))),
        group("mine", Task::Math, None, made(not_yet(12), 12, None)),
    ];
    let uses = Uses {
        asked: vec![
            asked("auto", "math", 930, 112),
            asked("auto", "chat", 50, 50),
            asked("auto:cheap", "chat", 3, 0),
            asked("here/m", "chat", 1_000, 0),
        ],
        beside: vec![
            Beside { asked: "auto".into(), kind: "shadow".into(), attempts: 49, cost: Nanousd(1_500_000), unknown: 2 },
            Beside { asked: "mine".into(), kind: "helper".into(), attempts: 8, cost: Nanousd(0), unknown: 0 },
        ],
    };
    report(&policy, &groups, &uses, None)
}

#[test]
fn the_report_says_what_is_promised_and_by_what() {
    insta::assert_snapshot!("routes", text::told(&example(), NOW));
}

#[test]
fn the_json_has_the_same_in_numbers() {
    let value = serde_json::to_value(example()).unwrap();
    let auto = &value["routes"][0];
    assert_eq!((auto["name"].as_str(), auto["objective"].as_str()), (Some("auto"), Some("sufficient")));
    assert_eq!((auto["max_quality_loss"].as_f64(), auto["shadow"].as_f64()), (Some(0.02), Some(0.05)));
    assert_eq!(auto["evidence_needed"].as_u64(), needed(0.02).map(|n| n as u64));
    let tasks: Vec<(&str, &str)> = auto["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| (t["task"].as_str().unwrap(), t["promise"].as_str().unwrap()))
        .collect();
    let expected = [
        ("answer", "not-yet"),
        ("chat", "not-yet"),
        ("code", "withdrawn"),
        ("extract", "not-yet"),
        ("math", "promised"),
    ];
    assert_eq!(tasks, expected);
    assert_eq!(auto["shadow_calls"]["cost_usd"], "0.001500000");
    let math = &auto["tasks"][4];
    assert!((math["doubt_max"].as_f64().unwrap() - 0.31).abs() < 1e-6 && math["kept"] == 0.8);
    assert!((math["escalation_rate"].as_f64().unwrap() - 112.0 / 930.0).abs() < 1e-9);
    let names: Vec<&str> = value["routes"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["auto", "auto:cheap", "mine"], "a model of a place is no route");
}
