//! What the witness is told: every decision before anything is sent, denials too, and every end.

use super::house::*;
use decide::*;
use gateway::{CareOptions, Limits};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Keeps what it is told; may be full, and may keep decisions waiting.
#[derive(Default)]
pub(crate) struct Notebook {
    decisions: Mutex<Vec<Decision>>,
    endings: Mutex<Vec<Ending>>,
    waiting: Mutex<Vec<Written>>,
    /// Does not write.
    stuck: AtomicBool,
    /// Takes nothing that may leave own ground, or is above `internal`.
    full: AtomicBool,
}

impl Witness for Notebook {
    fn keeps(&self) -> bool {
        true
    }

    fn decided(&self, decision: Decision, written: Option<Written>) -> Taken {
        if self.full.load(Ordering::SeqCst) && decision.denied.is_none() {
            let ours = decision.verdict.order.iter().any(|c| c.place.zone.is_own_ground());
            match (decision.may_leave(), decision.class() > DataClass::Internal, ours) {
                (false, false, _) => return Taken::Unrecorded,
                (true, false, true) => return Taken::OwnGroundOnly,
                _ => return Taken::Refused,
            }
        }
        assert_eq!(written.is_some(), decision.may_leave(), "who may leave own ground waits, and nobody else");
        self.decisions.lock().unwrap().push(decision);
        match written {
            Some(written) if self.stuck.load(Ordering::SeqCst) => self.waiting.lock().unwrap().push(written),
            Some(written) => written(),
            None => {}
        }
        Taken::Recorded
    }

    fn ended(&self, ending: Ending) {
        self.endings.lock().unwrap().push(ending);
    }

    fn trouble(&self) -> Option<Trouble> {
        let full = self.full.load(Ordering::SeqCst);
        full.then(|| Trouble { why: "no space".into(), refuses_all: false })
    }
}

impl Notebook {
    pub(crate) fn decisions(&self) -> Vec<Decision> {
        self.decisions.lock().unwrap().clone()
    }

    /// Waits until there are `n` endings.
    pub(crate) async fn endings(&self, n: usize) -> Vec<Ending> {
        for _ in 0..1_000 {
            if self.endings.lock().unwrap().len() >= n {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.endings.lock().unwrap().clone()
    }
}

async fn told(backends: &[Arc<Scripted>]) -> (House, Arc<Notebook>) {
    let book = Arc::new(Notebook::default());
    (house_told(backends, Limits::default(), vec![], CareOptions::default(), book.clone()).await, book)
}

fn names(decision: &Decision) -> Vec<&str> {
    decision.verdict.order.iter().map(|c| c.place.id.as_str()).collect()
}

#[tokio::test]
async fn a_fallback_is_one_decision_and_an_end_with_every_attempt() {
    let near = Scripted::new("near", Zone::SameHost, vec![Act::Fail(Cause::UpstreamError)]);
    let cloud = Scripted::new("cloud", Zone::VendorCloud, vec![Act::Plain(answer("Hello."))]);
    let (h, book) = told(&[near, cloud]).await;
    let got = h.chat("", &[("x-request-id", "r-1")]).await;
    assert_eq!(got.status, 200, "{}", got.text());
    let decisions = book.decisions();
    assert_eq!((decisions.len(), names(&decisions[0])), (1, vec!["near", "cloud"]));
    let d = &decisions[0];
    assert_eq!((&*d.request_id, d.endpoint, d.class(), d.denied), ("r-1", "chat", DataClass::Internal, None));
    assert!(d.prompt_hmac.is_some());
    let end = book.endings(1).await.pop().unwrap();
    let sent: Vec<_> = end.sent.iter().map(|s| (s.place.id.as_str(), s.outcome)).collect();
    assert_eq!(sent, [("near", Outcome::Failed), ("cloud", Outcome::Ok)]);
    assert_eq!((end.ask_id, end.begun), (d.ask_id, 2));
    let records = h.records();
    assert_eq!(end.sent[1].cost, records[1].cost, "as in the ledger");
}

#[tokio::test]
async fn streams_panics_and_denials_are_told() {
    let near = Scripted::new("near", Zone::SameHost, vec![good("Hi"), Act::Panic]);
    let cloud = Scripted::new("cloud", Zone::VendorCloud, vec![]);
    let (h, book) = told(&[near, cloud]).await;
    let sensitive = [("x-dewpoint-class", "sensitive")];
    assert_eq!(h.chat(r#","stream":true"#, &sensitive).await.status, 200);
    assert_eq!(h.chat("", &sensitive).await.status, 500);
    let ends = book.endings(2).await;
    assert_eq!((ends[0].sent.len(), ends[0].sent[0].outcome, ends[0].class), (1, Outcome::Ok, DataClass::Sensitive));
    let panicked = &ends[1].sent[0];
    assert_eq!(
        (panicked.outcome, panicked.error.as_deref(), ends[1].begun),
        (Outcome::Failed, Some("internal_error"), 1)
    );
    // A denial has a decision and no end; a body that is no request has none.
    let body = r#"{"model":"cloud/m","messages":[{"role":"user","content":"x"}]}"#;
    assert_eq!(h.call("POST", "/v1/chat/completions", &sensitive, body).await.status, 403);
    assert_eq!(h.call("POST", "/v1/chat/completions", &[], "{").await.status, 400);
    let decisions = book.decisions();
    assert_eq!(decisions.len(), 3);
    assert_eq!((decisions[2].denied, decisions[2].verdict.refused.len()), (Some(Cause::PolicyDenied), 1));
    assert_eq!(book.endings(2).await.len(), 2);
}

#[tokio::test]
async fn nothing_leaves_before_the_decision_has_been_written() {
    let cloud = Scripted::new("cloud", Zone::VendorCloud, vec![Act::Plain(answer("Hello."))]);
    let (h, book) = told(std::slice::from_ref(&cloud)).await;
    book.stuck.store(true, Ordering::SeqCst);
    let writer = async {
        while book.waiting.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(cloud.seen.lock().unwrap().is_empty(), "it waits");
        let written = book.waiting.lock().unwrap().pop().unwrap();
        written();
    };
    let (got, ()) = tokio::join!(h.chat("", &[]), writer);
    assert_eq!(got.status, 200);
    // One that can not be written is refused, and ends without an attempt.
    let drops = async {
        while book.waiting.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        book.waiting.lock().unwrap().clear();
    };
    let (got, ()) = tokio::join!(h.chat("", &[]), drops);
    assert_eq!((got.status, got.json()["error"]["code"].as_str()), (503, Some("audit_unavailable")));
    assert_eq!(got.header("retry-after"), "1");
    let ends = book.endings(2).await;
    assert_eq!((ends[1].begun, ends[1].sent.len()), (0, 0));
    assert_eq!(cloud.seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_full_trail_keeps_requests_on_own_ground() {
    let near = Scripted::new("near", Zone::SameHost, vec![Act::Plain(answer("Hi.")), Act::Fail(Cause::UpstreamError)]);
    let cloud = Scripted::new("cloud", Zone::VendorCloud, vec![]);
    let (h, book) = told(&[near.clone(), cloud.clone()]).await;
    book.full.store(true, Ordering::SeqCst);
    assert_eq!(h.chat("", &[]).await.status, 200, "a local place answers");
    assert_eq!(h.chat("", &[]).await.status, 502, "and there is no fallback to the cloud");
    let got = h.chat("", &[("x-dewpoint-class", "sensitive")]).await;
    assert_eq!((got.status, got.json()["error"]["code"].as_str()), (503, Some("audit_unavailable")));
    assert!(cloud.seen.lock().unwrap().is_empty());
    assert!(book.decisions().is_empty() && book.endings(0).await.is_empty());
    let ready = h.call("GET", "/readyz", &[], "").await.json();
    assert_eq!((&ready["audit"]["state"], &ready["audit"]["why"]), (&"failing".into(), &"no space".into()));
}
