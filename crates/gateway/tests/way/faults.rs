//! One request's misfortune is nobody else's.

use super::house::*;
use decide::{Cause, Outcome, Zone};
use std::sync::atomic::Ordering;

#[tokio::test]
async fn fault_63_a_panic_harms_no_other_request() {
    let h = house(&[Scripted::new("local", Zone::SameHost, vec![Act::Panic, Act::Plain(answer("Hello."))])]).await;
    let got = h.chat("", &[]).await;
    assert_eq!((got.status, got.json()["error"]["code"].as_str()), (500, Some("internal_error")));
    assert_eq!(h.chat("", &[]).await.status, 200);
    let records = h.records();
    assert_eq!((records[0].outcome, records[0].error.as_deref()), (Outcome::Failed, Some("internal_error")));
    assert!(records[0].usage.estimated && records[0].cost > Some(decide::Nanousd(0)), "it was sent, so it is not free");
    assert_eq!(records.len(), 2);
    let load = h.wiring.board.entry(&decide::PlaceId::new("local")).unwrap().meter.load();
    assert_eq!(load.running, 0, "the panicked request is not counted as running for ever");
}

#[tokio::test]
async fn a_full_ledger_refuses_new_work_and_recovers() {
    let backend = Scripted::new("local", Zone::SameHost, vec![Act::Plain(answer("Hello."))]);
    let h = house(std::slice::from_ref(&backend)).await;
    h.kept.room.store(0, Ordering::SeqCst);
    let got = h.chat("", &[]).await;
    assert_eq!((got.status, got.json()["error"]["code"].as_str()), (503, Some("ledger_unavailable")));
    assert_eq!(got.header("retry-after"), "1");
    assert!(backend.seen.lock().unwrap().is_empty(), "nothing was sent");
    h.kept.room.store(10, Ordering::SeqCst);
    assert_eq!(h.chat("", &[]).await.status, 200);
}

#[tokio::test]
async fn a_tightened_policy_holds_for_the_next_attempt() {
    let h = house(&[Scripted::new("cloud", Zone::VendorCloud, vec![Act::Plain(answer("Hello."))])]).await;
    assert_eq!(h.chat("", &[]).await.status, 200);
    let mut strict = decide::Policy::default();
    strict.reach.insert(decide::DataClass::Internal, Zone::OwnNetwork);
    h.policy.store(std::sync::Arc::new(strict));
    let got = h.chat("", &[]).await;
    assert_eq!(got.status, 403, "{}", got.text());
    assert_eq!(h.records()[1].outcome, Outcome::Refused);
}

#[tokio::test]
async fn what_may_have_been_billed_is_not_free() {
    for (cause, free) in [
        (Cause::Connect, true),
        (Cause::UpstreamBusy, true),
        (Cause::Timeout, false),
        (Cause::Truncated, false),
        (Cause::UpstreamInvalid, false),
    ] {
        let h = house(&[Scripted::new("a", Zone::SameHost, vec![Act::Fail(cause)])]).await;
        h.chat("", &[]).await;
        let record = h.records()[0].clone();
        assert_eq!(record.cost == Some(decide::Nanousd(0)), free, "{cause:?}: {record:?}");
        assert_eq!(record.usage.estimated, !free, "{cause:?}");
    }
}
