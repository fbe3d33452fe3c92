//! `POST /v1/feedback`: whose answers one may rate, what follows at once, and what is refused.

use super::house::*;
use budget::{AccountId, Budgets, Level, Terms};
use decide::{Answered, Belief, Forgotten, Outcome, PlaceId, Recall, Task};
use gateway::{Key, Limits};
use ring::digest::{SHA256, digest};
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

/// The ledger's part, over the records that the test double keeps.
impl Recall for Kept {
    fn recent(&self, _: &str, _: Option<&str>) -> Option<Answered> {
        None
    }

    fn older(&self, request_id: &str, key: Option<&str>) -> Result<Option<Answered>, Forgotten> {
        if self.failing.load(Ordering::SeqCst) {
            return Err(Forgotten("the disk is on fire".to_owned()));
        }
        let records = self.records.lock().unwrap();
        let found = records.iter().rev().find(|r| &*r.request_id == request_id && r.key.as_deref() == key);
        Ok(found.map(|r| Answered {
            request_id: r.request_id.clone(),
            key: r.key.clone(),
            arrived_unix_ms: r.arrived_unix_ms,
            task: r.task,
            by: (r.outcome == Outcome::Ok).then(|| r.place.clone().zip(r.model.clone())).flatten(),
        }))
    }
}

fn key(name: &str) -> Key {
    Key::named(name, digest(&SHA256, format!("dp_{name}").as_bytes()).as_ref().try_into().unwrap())
}

fn as_key(name: &str) -> [(String, String); 1] {
    [("authorization".to_owned(), format!("Bearer dp_{name}"))]
}

async fn say(h: &House, who: &str, body: &str) -> Got {
    let auth = as_key(who);
    let headers: Vec<(&str, &str)> = auth.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    h.call("POST", "/v1/feedback", &headers, body.to_owned()).await
}

async fn asked(h: &House, who: &str) -> String {
    let auth = as_key(who);
    let headers: Vec<(&str, &str)> = auth.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    h.chat("", &headers).await.header("x-request-id").to_owned()
}

/// All evidence of the place: the task is what was assumed.
fn evidence(h: &House) -> Belief {
    let at = |task| h.wiring.learned.evidence(&PlaceId::new("near"), "m", task);
    Task::ALL.into_iter().filter_map(at).reduce(Belief::and).unwrap_or_default()
}

fn now() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

#[tokio::test]
async fn a_thumb_counts_at_once_and_said_again_replaces() {
    let near = Scripted::named("near", "m", vec![Act::Plain(answer("Hello."))]);
    let h = house_with(&[near], Limits::default(), vec![key("a")]).await;
    let id = asked(&h, "a").await;
    h.settled(1).await;
    for _ in 0..2 {
        let got = say(&h, "a", &format!(r#"{{"request_id":"{id}","thumb":"up"}}"#)).await;
        assert_eq!(got.status, 200, "{}", got.text());
        let told = got.json();
        assert_eq!((&told["object"], &told["request_id"]), (&"feedback".into(), &id.as_str().into()));
        assert_eq!((&told["place"], &told["model"], &told["score"]), (&"near".into(), &"m".into(), &1.0.into()));
        assert_eq!(told["ignored"], serde_json::Value::Null);
        assert_eq!(evidence(&h), Belief { good_milli: 1_000, bad_milli: 0 });
    }
    let got = say(&h, "a", &format!(r#"{{"request_id":"{id}","score":0.25,"comment":"meh"}}"#)).await;
    assert_eq!(got.json()["ignored"], serde_json::json!(["comment"]));
    assert_eq!(evidence(&h), Belief { good_milli: 250, bad_milli: 750 });
}

#[tokio::test]
async fn nobody_rates_or_finds_the_requests_of_another_key() {
    let near = Scripted::named("near", "m", vec![Act::Plain(answer("Hello."))]);
    let h = house_with(&[near], Limits::default(), vec![key("a"), key("b")]).await;
    let id = asked(&h, "a").await;
    h.settled(1).await;
    let body = |id: &str| format!(r#"{{"request_id":"{id}","thumb":"down"}}"#);
    let (theirs, none) = (say(&h, "b", &body(&id)).await, say(&h, "b", &body("req_none")).await);
    assert_eq!((theirs.status, none.status), (404, 404));
    assert_eq!(theirs.text(), none.text(), "one cannot tell an id of another from one that is not");
    let error = &theirs.json()["error"];
    assert_eq!((&error["code"], &error["param"]), (&"not_found".into(), &"request_id".into()));
    assert_eq!(h.call("POST", "/v1/feedback", &[], body(&id)).await.status, 401);
    assert_eq!(evidence(&h), Belief::default());
}

#[tokio::test]
async fn what_is_wrong_is_said_and_teaches_nothing() {
    let near = Scripted::named("near", "m", vec![Act::Fail(decide::Cause::Connect), Act::Plain(answer("Hello."))]);
    let h = house_with(&[near], Limits::default(), vec![key("a")]).await;
    let failed = asked(&h, "a").await;
    let failed = say(&h, "a", &format!(r#"{{"request_id":"{failed}","thumb":"up"}}"#)).await;
    assert!(failed.status == 400 && failed.text().contains("nothing to rate"), "{}", failed.text());
    let id = asked(&h, "a").await;
    let good = format!(r#"{{"request_id":"{id}","thumb":"up"}}"#);
    // At the limit and one past it.
    let padded = |n: usize| format!("{}{good}", " ".repeat(n - good.len()));
    assert_eq!(say(&h, "a", &padded(16 * 1024)).await.status, 200);
    let large = say(&h, "a", &padded(16 * 1024 + 1)).await;
    assert!(large.status == 413 && large.text().contains("16384"), "{}", large.text());
    assert_eq!(say(&h, "a", r#"{"request_id":"x","score":2}"#).await.status, 400);
    let auth = as_key("a");
    let headers: Vec<(&str, &str)> = auth.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(h.call("GET", "/v1/feedback", &headers, "").await.status, 405);
    assert_eq!(evidence(&h), Belief { good_milli: 1_000, bad_milli: 0 });
    h.kept.failing.store(true, Ordering::SeqCst);
    let down = say(&h, "a", &good).await;
    assert_eq!((down.status, down.header("retry-after")), (503, "5"));
    assert!(!down.text().contains("fire"), "what the disk said is for the log");
    h.kept.failing.store(false, Ordering::SeqCst);
}

#[tokio::test]
async fn it_counts_in_the_requests_per_minute_of_its_key() {
    let budgets = Budgets::new();
    let ids = [AccountId::new(Level::Key, "a")];
    budgets.take_over(&[(ids[0].clone(), Terms { requests_per_minute: Some(2), ..Terms::default() })], now());
    let limited = Key { purse: budgets.purse(&ids), ..key("a") };
    let near = Scripted::named("near", "m", vec![Act::Plain(answer("Hello."))]);
    let h = house_with(&[near], Limits::default(), vec![limited]).await;
    let id = asked(&h, "a").await;
    h.settled(1).await;
    let body = format!(r#"{{"request_id":"{id}","thumb":"up"}}"#);
    assert_eq!(say(&h, "a", &body).await.status, 200);
    let limited = say(&h, "a", &body).await;
    assert_eq!(limited.status, 429, "{}", limited.text());
    assert!(!limited.header("retry-after").is_empty());
}
