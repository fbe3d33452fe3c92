//! What an answer has to do with the disk of the ledger: estimates before anything is sent, strict keys and routes, and a disk that
//! fails.

use super::house::*;
use decide::{Durability, Outcome, Route, Zone};
use gateway::{Key, Limits};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

fn key(durability: Durability) -> Vec<Key> {
    let secret_sha256 = ring::digest::digest(&ring::digest::SHA256, b"dp_key").as_ref().try_into().unwrap();
    vec![Key { durability, ..Key::named("k", secret_sha256) }]
}

const AUTH: [(&str, &str); 1] = [("authorization", "Bearer dp_key")];

#[tokio::test]
async fn an_estimate_is_left_before_anything_is_sent() {
    let h = house(&[Scripted::new("cloud", Zone::VendorCloud, vec![Act::Plain(answer("Hello."))])]).await;
    assert_eq!(h.chat(r#","max_tokens":500"#, &[]).await.status, 200);
    let (sent, records) = (h.kept.sent.lock().unwrap().clone(), h.records());
    assert_eq!((sent.len(), records.len()), (1, 1));
    assert_eq!((sent[0].attempt_id, sent[0].outcome), (records[0].attempt_id, Outcome::Unknown));
    assert!(sent[0].usage.estimated && sent[0].usage.output > 0, "{:?}", sent[0]);
    assert!(sent[0].cost > records[0].cost, "what may come is in the estimate: {:?}", sent[0].cost);
}

#[tokio::test]
async fn a_strict_answer_that_is_not_on_the_disk_is_no_clean_answer() {
    let acts = || vec![Act::Plain(answer("Hello.")), good("Hello you")];
    for durability in [Durability::Standard, Durability::Strict] {
        for commits in [true, false] {
            let local = Scripted::new("local", Zone::SameHost, acts());
            let h = house_with(&[local], Limits::default(), key(durability)).await;
            h.kept.commits.store(commits, SeqCst);
            let clean = commits || durability == Durability::Standard;
            let got = h.chat("", &AUTH).await;
            assert_eq!(got.status, if clean { 200 } else { 503 }, "{}", got.text());
            if !clean {
                assert_eq!(got.json()["error"]["code"], "ledger_unavailable");
                assert!(!got.text().contains("Hello"));
            }
            let got = h.chat(r#","stream":true"#, &AUTH).await;
            let text = got.text();
            assert_eq!((got.status, text.contains("[DONE]")), (200, clean), "{text}");
            assert_eq!(text.contains("ledger_unavailable"), !clean, "{text}");
            // It was answered by the place and is paid for: both are in the ledger as such.
            let records = h.settled(2).await;
            assert!(records.iter().all(|r| r.outcome == Outcome::Ok) && records.len() == 2, "{records:?}");
        }
    }
}

#[tokio::test]
async fn a_strict_route_is_strict_for_whoever_calls_it() {
    let h =
        house(&[Scripted::new("local", Zone::SameHost, vec![Act::Plain(answer("a")), Act::Plain(answer("b"))])]).await;
    let mut policy = decide::Policy::default();
    let route = Route { durability: Durability::Strict, ..Route::default() };
    policy.routes.insert("audited".into(), route);
    h.policy.store(Arc::new(policy));
    h.kept.commits.store(false, SeqCst);
    let ask = |model: &str| format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"Hi"}}]}}"#);
    assert_eq!(h.call("POST", "/v1/chat/completions", &[], ask("audited")).await.status, 503);
    assert_eq!(h.call("POST", "/v1/chat/completions", &[], ask("auto")).await.status, 200);
}

#[tokio::test]
async fn fault_53_while_the_disk_fails_paid_is_refused_and_free_goes_on() {
    let paid = Scripted::new("cloud", Zone::VendorCloud, vec![Act::Plain(answer("paid"))]);
    let h = house(std::slice::from_ref(&paid)).await;
    h.kept.failing.store(true, SeqCst);
    let got = h.chat("", &[]).await;
    assert_eq!((got.status, got.json()["error"]["code"].as_str()), (503, Some("ledger_unavailable")));
    assert_eq!(got.header("retry-after"), "1");
    assert!(paid.seen.lock().unwrap().is_empty(), "nothing was sent");
    assert_eq!(h.records()[0].outcome, Outcome::Refused);
    let ready = h.call("GET", "/readyz", &[], "").await;
    assert_eq!((ready.status, &ready.json()["ledger"]["refused"]), (200, &"paid".into()));
    assert_eq!(ready.json()["ledger"]["why"], "the disk is full");
    h.kept.failing.store(false, SeqCst);
    assert_eq!(h.chat("", &[]).await.status, 200);
    assert_eq!(h.call("GET", "/readyz", &[], "").await.json()["ledger"]["state"], "writing");

    // A place that costs nothing answers in the stead of one that does.
    let (paid, free) = (
        Scripted::new("cloud", Zone::VendorCloud, vec![]),
        Scripted::free("local", Zone::SameHost, vec![Act::Plain(answer("free"))]),
    );
    let h = house(&[paid.clone(), free]).await;
    h.kept.failing.store(true, SeqCst);
    let ask = r#"{"model":"auto:best","messages":[{"role":"user","content":"Hi"}]}"#;
    let got = h.call("POST", "/v1/chat/completions", &[], ask).await;
    assert_eq!((got.status, got.header("x-dewpoint-place")), (200, "local"), "{}", got.text());
    assert!(paid.seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_panic_ends_the_attempt_that_was_under_way() {
    let h = house(&[Scripted::new("local", Zone::SameHost, vec![Act::Panic])]).await;
    assert_eq!(h.chat("", &[]).await.status, 500);
    let (sent, records) = (h.kept.sent.lock().unwrap().clone(), h.records());
    assert_eq!((sent.len(), records.len()), (1, 1));
    assert_eq!((sent[0].attempt_id, sent[0].attempt), (records[0].attempt_id, records[0].attempt));
}
