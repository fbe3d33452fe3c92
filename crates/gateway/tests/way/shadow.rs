//! Shadow mode: the alternative is asked after the caller has the answer, on the way of every request and within its bounds; what
//! comes of it are lessons and nothing else.

use super::house::*;
use budget::{AccountId, Budgets, Level, OnBudget, Terms};
use decide::{Cascade, Cause, DataClass, Lesson, Lessons, Origin, Outcome, Record, Zone};
use gateway::{CareOptions, Key, Learned, Limits};
use ring::digest::{SHA256, digest};
use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[derive(Default)]
struct Kept(Mutex<Vec<Lesson>>);

impl Lessons for Kept {
    fn take(&self, lesson: Lesson) {
        self.0.lock().unwrap().push(lesson);
    }
}

struct Shadowed {
    house: House,
    kept: Arc<Kept>,
}

/// A house in which every request is drawn.
async fn shadowed(places: &[Arc<Scripted>], keys: Vec<Key>) -> Shadowed {
    let kept = Arc::new(Kept::default());
    let options = (Limits::default(), keys, CareOptions::default());
    let house = house_learning(places, options, Arc::new(decide::Blind), Learned::keeping(kept.clone())).await;
    let cascade = Cascade { shadow_permille: 1_000, escalate: false, ..Cascade::default() };
    let policy = decide::Policy { cascade, ..decide::Policy::clone(&house.policy.load()) };
    house.policy.store(Arc::new(policy));
    Shadowed { house, kept }
}

impl Shadowed {
    async fn ask(&self, text: &str, extra: serde_json::Value, headers: &[(&str, &str)]) -> Got {
        let mut body = json!({"model": "auto", "messages": [{"role": "user", "content": text}]});
        for (key, value) in extra.as_object().unwrap() {
            body[key] = value.clone();
        }
        let got = self.house.call("POST", "/v1/chat/completions", headers, body.to_string()).await;
        assert_eq!(got.status, 200, "{}", got.text());
        got
    }

    /// Waits until `result` was counted `n` times.
    async fn counted(&self, result: &str, n: u64) -> String {
        let line = format!("dewpoint_shadow_total{{result=\"{result}\"}} {n}\n");
        for _ in 0..500 {
            let text = self.house.call("GET", "/metrics", &[], "").await.text();
            if text.contains(&line) && text.contains("dewpoint_shadow_under_way 0\n") {
                return text;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{line} never: {}", self.house.call("GET", "/metrics", &[], "").await.text());
    }

    fn lessons(&self) -> Vec<Lesson> {
        self.kept.0.lock().unwrap().clone()
    }
}

fn here(acts: Vec<Act>) -> Arc<Scripted> {
    Scripted::free("here", Zone::SameHost, acts)
}

fn cloud(acts: Vec<Act>) -> Arc<Scripted> {
    Scripted::vendor("cloud", "big", acts)
}

fn plain(text: &str) -> Act {
    Act::Plain(answer(text))
}

fn seen(place: &Scripted) -> usize {
    place.seen.lock().unwrap().len()
}

#[tokio::test]
async fn the_stronger_place_is_asked_after_the_weaker_one_answered() {
    // The cloud answers only when it is let: the caller has its answer long before.
    let places =
        [here(vec![plain("42")]), cloud(vec![Act::After(Duration::from_millis(150), Box::new(plain("42.0")))])];
    let s = shadowed(&places, vec![]).await;
    let got = s.ask("Say hello. canary-0011223344556677", json!({}), &[("x-request-id", "r1")]).await;
    assert_eq!((got.header("x-dewpoint-place"), got.header("x-dewpoint-cost-usd")), ("here", "0.000000000"));
    assert!(s.lessons().is_empty(), "nothing is known yet");
    s.counted("agreed", 1).await;
    let records = s.house.settled(2).await;
    let shadow: Vec<&Record> = records.iter().filter(|r| &*r.endpoint == "shadow").collect();
    let [shadow] = shadow[..] else { panic!("{records:?}") };
    assert_eq!((shadow.place.as_ref().unwrap().as_str(), shadow.outcome), ("cloud", Outcome::Ok));
    assert_eq!((&*shadow.request_id, &*shadow.asked, shadow.stream), ("r1", "cloud/big", false));
    assert!(shadow.cost.unwrap().0 > 0, "it is charged like any other");
    let lessons = s.lessons();
    assert_eq!(lessons.len(), 2, "{lessons:?}");
    for (lesson, place) in lessons.iter().zip(["here", "cloud"]) {
        assert_eq!((lesson.place.as_str(), lesson.origin, lesson.score_permille), (place, Origin::Shadow, 1_000));
        assert_eq!(lesson.compared, None, "the answer was not judged, so that no threshold can be learned from it");
    }
    let metrics = s.counted("agreed", 1).await;
    let cost = format!("dewpoint_shadow_cost_usd_total {}\n", shadow.cost.unwrap());
    assert!(metrics.contains(&cost), "{cost}{metrics}");
}

#[tokio::test]
async fn a_stream_is_compared_as_a_whole_answer_is() {
    let places = [here(vec![Act::Chunks(chunks("Paris").into_iter().map(Ok).collect())]), cloud(vec![plain("Berlin")])];
    let s = shadowed(&places, vec![]).await;
    let got = s.ask("The capital of France?", json!({"stream": true}), &[]).await;
    assert!(got.text().contains("Paris") && got.text().ends_with("data: [DONE]\n\n"));
    s.counted("differed", 1).await;
    let asked = places[1].seen.lock().unwrap()[0].clone();
    assert!(!asked.stream, "the alternative is asked whole");
    let [weak, strong] = &s.lessons()[..] else { panic!("two lessons") };
    assert!(weak.score_permille < strong.score_permille, "{weak:?} {strong:?}");
}

#[tokio::test]
async fn free_text_is_not_compared_and_its_alternative_not_paid_for() {
    let prose = "It depends on what you want from it, and there is a great deal to be said for either of the two ways.";
    let places = [here(vec![plain(prose)]), cloud(vec![])];
    let s = shadowed(&places, vec![]).await;
    s.ask("Which way is better?", json!({}), &[]).await;
    s.counted("not_comparable", 1).await;
    assert_eq!((seen(&places[1]), s.lessons().len(), s.house.settled(1).await.len()), (0, 0, 1));
}

#[tokio::test]
async fn what_may_not_leave_is_not_shadowed_elsewhere() {
    let places = [here(vec![plain("42"), plain("42")]), cloud(vec![plain("42")])];
    let s = shadowed(&places, vec![]).await;
    s.ask("What is 6 * 7?", json!({}), &[("x-dewpoint-class", "secret")]).await;
    // Another one shows that the first had its time.
    s.ask("What is 6 * 7?", json!({}), &[]).await;
    s.counted("agreed", 1).await;
    assert_eq!(seen(&places[1]), 1, "only the second went to the cloud");
    let records = s.house.settled(3).await;
    assert!(
        records.iter().filter(|r| r.place.as_ref().unwrap().as_str() == "cloud").all(|r| r.class < DataClass::Secret)
    );
}

#[tokio::test]
async fn what_is_taken_out_for_the_request_is_taken_out_for_its_shadow() {
    let mail = "anna.schmidt@example.com";
    let places = [here(vec![plain("yes")]), cloud(vec![plain("yes")])];
    let s = shadowed(&places, vec![]).await;
    s.ask(&format!("Is {mail} an address? yes or no"), json!({}), &[]).await;
    s.counted("agreed", 1).await;
    let text = last(&places[1].seen.lock().unwrap()[0]);
    assert!(!text.contains(mail) && text.contains("an address"), "{text}");
}

#[tokio::test]
async fn who_wants_no_other_place_gets_none_and_nothing_is_drawn_at_zero() {
    let places = [here(vec![plain("1"), plain("1"), plain("1")]), cloud(vec![])];
    let s = shadowed(&places, vec![]).await;
    s.ask("1?", json!({}), &[("x-dewpoint-fallback", "none")]).await;
    s.ask("1?", json!({"model": "here/m"}), &[]).await;
    let policy = decide::Policy { cascade: Cascade::default(), ..decide::Policy::clone(&s.house.policy.load()) };
    s.house.policy.store(Arc::new(policy));
    s.ask("1?", json!({}), &[]).await;
    s.counted("agreed", 0).await;
    assert_eq!((seen(&places[1]), s.house.settled(3).await.len()), (0, 3));
}

#[tokio::test]
async fn an_alternative_that_fails_is_settled_and_teaches_nothing() {
    let places = [here(vec![plain("1"), plain("1")]), cloud(vec![Act::Fail(Cause::UpstreamError), Act::Panic])];
    let s = shadowed(&places, vec![]).await;
    for n in 1..=2 {
        s.ask("1?", json!({}), &[]).await;
        s.counted("failed", n).await;
    }
    let records = s.house.settled(4).await;
    let failed = records.iter().filter(|r| &*r.endpoint == "shadow" && r.outcome == Outcome::Failed).count();
    assert_eq!((failed, s.lessons().len()), (2, 0), "{records:?}");
}

fn now() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

#[tokio::test]
async fn a_key_at_the_soft_limit_of_its_budget_pays_for_no_shadow() {
    // An answer of the cloud costs 20,000 nano-dollars; 80 % of the budget is soft.
    for (budget, shadows) in [(1_000_000_000, 2), (22_000, 1)] {
        let budgets = Budgets::new();
        let id = AccountId::new(Level::Key, "k");
        let terms = Terms {
            budget_nanousd: [None, None, Some(budget)],
            soft_permille: 800,
            on_budget: OnBudget::Degrade,
            ..Terms::default()
        };
        budgets.take_over(&[(id.clone(), terms)], now());
        let secret = digest(&SHA256, b"dp_key").as_ref().try_into().unwrap();
        let key = Key { purse: budgets.purse(&[id]), ..Key::named("k", secret) };
        let places = [here(vec![plain("1"), plain("1")]), cloud(vec![plain("1"), plain("1")])];
        let s = shadowed(&places, vec![key]).await;
        let auth = [("authorization", "Bearer dp_key")];
        s.ask("1?", json!({"max_tokens": 5}), &auth).await;
        s.counted("agreed", 1).await;
        s.ask("1?", json!({"max_tokens": 5}), &auth).await;
        if shadows == 2 {
            s.counted("agreed", 2).await;
        }
        s.house.settled(2 + shadows).await;
        assert_eq!(seen(&places[1]), shadows, "{budget}");
    }
}

#[tokio::test]
async fn too_many_at_once_are_dropped_and_counted_and_an_end_waits_for_nobody() {
    let n = 60;
    let acts = |act: fn() -> Act| (0..n).map(|_| act()).collect();
    let places = [here(acts(|| plain("1"))), cloud(acts(|| Act::Hang))];
    let mut s = shadowed(&places, vec![]).await;
    for _ in 0..n {
        s.ask("1?", json!({}), &[]).await;
    }
    let text = s.house.call("GET", "/metrics", &[], "").await.text();
    assert!(text.contains("dewpoint_shadow_under_way 36\n"), "4 are asked and 32 wait: {text}");
    assert!(text.contains(&format!("dewpoint_shadow_total{{result=\"busy\"}} {}\n", n - 36)), "{text}");
    assert_eq!(seen(&places[1]), 4);
    s.house.stop.take().unwrap().send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(20), &mut s.house.served).await.unwrap().unwrap().unwrap();
    let records = s.house.records();
    let shadows: Vec<&Record> = records.iter().filter(|r| &*r.endpoint == "shadow").collect();
    assert_eq!(shadows.len(), 4, "those that were sent are settled: {shadows:?}");
}
