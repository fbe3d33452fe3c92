//! Attempts before the first content: deadlines, replacement, a second one beside a slow first, and leaving.

use super::house::*;
use decide::{Cause, Nanousd, Outcome, Zone};
use gateway::{CareOptions, Hedge, Limits};
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const MS: fn(u64) -> Duration = Duration::from_millis;

#[tokio::test]
async fn headers_tighten_deadlines_and_never_loosen_them() {
    let acts = || (0..4).map(|_| good("Hi.")).collect();
    let backend = Scripted::new("a", Zone::SameHost, acts());
    let h = house(std::slice::from_ref(&backend)).await;
    let configured = Limits::default().deadlines;
    for (headers, total, first) in [
        (vec![], configured.total, configured.first),
        (vec![("x-dewpoint-timeout-ms", "5000")], MS(5_000), configured.first),
        (vec![("x-dewpoint-first-token-ms", "700")], configured.total, MS(700)),
        (vec![("x-dewpoint-timeout-ms", "99999999"), ("x-stainless-timeout", "20")], configured.total, MS(20_000)),
    ] {
        assert_eq!(h.chat(r#","stream":true"#, &headers).await.status, 200);
        let bounds = backend.bounds.lock().unwrap().pop().unwrap();
        // A moment of the whole has gone by already.
        assert!(bounds.total <= total && bounds.total + MS(5_000) > total, "{headers:?}: {bounds:?}");
        assert_eq!((bounds.first, bounds.connect, bounds.gap), (first, configured.connect, configured.gap));
    }
    let before = backend.seen.lock().unwrap().len();
    for name in ["x-dewpoint-timeout-ms", "x-dewpoint-first-token-ms"] {
        let got = h.chat("", &[(name, "0")]).await;
        assert_eq!((got.status, got.json()["error"]["param"].as_str()), (400, Some(name)), "{}", got.text());
    }
    assert_eq!(backend.seen.lock().unwrap().len(), before, "nothing was sent");
}

#[tokio::test]
async fn the_total_bounds_all_attempts_together() {
    let first =
        Scripted::new("a", Zone::SameHost, vec![Act::After(MS(300), Box::new(Act::Fail(Cause::UpstreamError)))]);
    let second = Scripted::new("b", Zone::OwnNetwork, vec![Act::Silent]);
    let h = house(&[first, second.clone()]).await;
    let began = Instant::now();
    let got = h.chat("", &[("x-dewpoint-timeout-ms", "1000")]).await;
    assert_eq!((got.status, got.json()["error"]["code"].as_str()), (504, Some("upstream_timeout")));
    assert!((MS(1_000)..MS(5_000)).contains(&began.elapsed()), "{:?}", began.elapsed());
    let left = second.bounds.lock().unwrap()[0].total;
    assert!(left <= MS(700), "the second attempt has what the first one left: {left:?}");
    assert_eq!(h.records().len(), 2);
}

#[tokio::test]
async fn fault_30_a_silent_place_is_replaced_when_the_first_token_is_due() {
    let start = chunks("x").remove(0);
    let ping = wire::Chunk { events: vec![wire::Event::Ping], raw: None };
    // Silence, and a beginning without content.
    let first = Scripted::new("a", Zone::SameHost, vec![Act::Silent, Act::Stall(vec![start, ping])]);
    let second = Scripted::new("b", Zone::OwnNetwork, vec![good("Hi."), good("Hi.")]);
    let h = house(&[first.clone(), second]).await;
    for n in 1..=2 {
        let began = Instant::now();
        let got = h.chat(r#","stream":true"#, &[("x-dewpoint-first-token-ms", "200")]).await;
        assert!((MS(200)..MS(5_000)).contains(&began.elapsed()), "{:?}", began.elapsed());
        assert_eq!(got.header("x-dewpoint-place"), "b");
        assert!(got.text().ends_with("data: [DONE]\n\n"));
        assert_eq!(first.dropped.load(Ordering::SeqCst), n, "the silent one is cancelled");
    }
    let outcomes: Vec<_> = h.records().iter().map(|r| (r.outcome, r.error.clone())).collect();
    assert_eq!(outcomes[0], (Outcome::Failed, Some("upstream_timeout".into())));
    assert_eq!(outcomes[2], (Outcome::Failed, Some("upstream_timeout".into())));
}

#[tokio::test]
async fn without_fallback_there_is_one_attempt_also_where_hedging_is_on() {
    let first = Scripted::new("a", Zone::SameHost, vec![Act::Fail(Cause::UpstreamError), Act::Silent]);
    let second = Scripted::new("b", Zone::OwnNetwork, vec![]);
    let h = hedged(&[first, second.clone()], Nanousd(i64::MAX)).await;
    let alone = [("x-dewpoint-fallback", "none"), ("x-dewpoint-first-token-ms", "300")];
    for (status, records) in [(502, 1), (504, 2)] {
        assert_eq!(h.chat(r#","stream":true"#, &alone).await.status, status);
        assert_eq!(h.records().len(), records);
    }
    assert!(second.seen.lock().unwrap().is_empty());
}

async fn hedged(backends: &[Arc<Scripted>], cost_max: Nanousd) -> House {
    let care = CareOptions { hedge: Some(Hedge { after: MS(50), cost_max }), ..CareOptions::default() };
    house_of(backends, Limits::default(), vec![], care).await
}

#[tokio::test]
async fn a_hedge_wins_over_a_slow_first_and_both_are_settled() {
    let first = Scripted::new("a", Zone::SameHost, vec![Act::Hang, Act::After(MS(200), Box::new(good("Slow.")))]);
    let second = Scripted::new("b", Zone::OwnNetwork, vec![good("Fast."), Act::Hang]);
    let h = hedged(&[first.clone(), second.clone()], Nanousd(i64::MAX)).await;
    let got = h.chat(r#","stream":true"#, &[]).await;
    assert_eq!(got.header("x-dewpoint-place"), "b");
    assert!(got.text().ends_with("data: [DONE]\n\n"));
    assert_eq!(first.dropped.load(Ordering::SeqCst), 1, "the loser is cancelled");
    let got = h.chat(r#","stream":true"#, &[]).await;
    assert_eq!(got.header("x-dewpoint-place"), "a", "the first may still win");
    assert_eq!(second.dropped.load(Ordering::SeqCst), 2);
    let records = h.settled(4).await;
    let told: Vec<_> = records.iter().map(|r| (r.place.clone().unwrap(), r.outcome, r.error.clone())).collect();
    let outrun = Some("outrun".into());
    assert!(told.contains(&(decide::PlaceId::new("a"), Outcome::Cancelled, outrun.clone())), "{told:?}");
    assert!(told.contains(&(decide::PlaceId::new("b"), Outcome::Cancelled, outrun)), "{told:?}");
    assert_eq!(told.iter().filter(|t| t.1 == Outcome::Ok).count(), 2);
    assert!(records.iter().all(|r| r.usage.input > 0), "the prompt was sent twice, and is paid twice");
}

#[tokio::test]
async fn no_hedge_beyond_its_cost_nor_for_plain_answers() {
    let late = || Act::After(MS(150), Box::new(good("Hi.")));
    let plain = Act::After(MS(150), Box::new(Act::Plain(answer("Hi."))));
    let first = Scripted::new("a", Zone::SameHost, vec![late(), plain]);
    let second = Scripted::new("b", Zone::OwnNetwork, vec![]);
    let h = hedged(&[first.clone(), second.clone()], Nanousd(0)).await;
    assert_eq!(h.chat(r#","stream":true"#, &[]).await.status, 200);
    let h2 = hedged(&[first, second.clone()], Nanousd(i64::MAX)).await;
    assert_eq!(h2.chat("", &[]).await.status, 200);
    assert!(second.seen.lock().unwrap().is_empty(), "a second attempt was started");
}

#[tokio::test]
async fn a_hedge_goes_on_when_the_first_fails() {
    let first =
        Scripted::new("a", Zone::SameHost, vec![Act::After(MS(120), Box::new(Act::Fail(Cause::UpstreamError)))]);
    let second = Scripted::new("b", Zone::OwnNetwork, vec![Act::After(MS(300), Box::new(good("Hi.")))]);
    let h = hedged(&[first, second.clone()], Nanousd(i64::MAX)).await;
    assert_eq!(h.chat(r#","stream":true"#, &[]).await.header("x-dewpoint-place"), "b");
    assert_eq!(second.seen.lock().unwrap().len(), 1, "it was not started anew");
    assert_eq!(h.settled(2).await.len(), 2);
}

#[tokio::test]
async fn the_cut_answers_who_waits_and_settles() {
    let h = house(&[Scripted::new("a", Zone::SameHost, vec![Act::Hang, Act::Hang])]).await;
    let (plain, streamed, ()) = tokio::join!(h.chat("", &[]), h.chat(r#","stream":true"#, &[]), async {
        while h.wiring.board.entry(&decide::PlaceId::new("a")).unwrap().meter.load().running < 2 {
            tokio::time::sleep(MS(1)).await;
        }
        h.wiring.cut.now();
    });
    for got in [plain, streamed] {
        assert_eq!((got.status, got.json()["error"]["code"].as_str()), (503, Some("shutting_down")));
        assert!(!got.header("retry-after").is_empty());
    }
    let records = h.settled(2).await;
    assert!(records.iter().all(|r| r.error.as_deref() == Some("shutting_down") && r.usage.estimated), "{records:?}");
}

#[tokio::test]
async fn candidates_that_may_not_be_tried_do_not_use_up_attempts_and_leave_one_record() {
    let places: Vec<_> = ["a", "b"].map(|n| Scripted::new(n, Zone::VendorCloud, vec![])).into();
    let last = Scripted::new("c", Zone::SameHost, vec![Act::Plain(answer("Hi."))]);
    let h = house(&[places[0].clone(), places[1].clone(), last]).await;
    h.kept.room.store(0, Ordering::SeqCst);
    let got = h.chat("", &[]).await;
    assert_eq!((got.status, got.json()["error"]["code"].as_str()), (503, Some("ledger_unavailable")));
    h.kept.room.store(9, Ordering::SeqCst);
    assert_eq!(h.chat("", &[]).await.status, 200);
}

/// What one candidate may do.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Good,
    Refuse(Cause),
    ErrorInBand,
    Empty,
    CutAfterText,
    FailAfterText,
    PanicAtOnce,
    PanicAfterText,
}

impl Deed {
    fn act(self) -> Act {
        let some = || chunks("Hello you.").into_iter().take(2);
        match self {
            Deed::Good => good("Hello you."),
            Deed::Refuse(cause) => Act::Fail(cause),
            Deed::ErrorInBand => {
                let event = wire::Event::Error { message: "no".into(), kind: None };
                Act::Chunks(vec![Ok(wire::Chunk { events: vec![event], raw: None })])
            }
            Deed::Empty => Act::Chunks(vec![]),
            Deed::CutAfterText => Act::Chunks(some().map(Ok).collect()),
            Deed::FailAfterText => {
                let fault = decide::Fault::new(Cause::UpstreamError, "reset");
                Act::Chunks(some().map(Ok).chain([Err(fault)]).collect())
            }
            Deed::PanicAtOnce => Act::Panic,
            Deed::PanicAfterText => Act::Break(some().collect()),
        }
    }
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        Just(Deed::Good),
        prop::sample::select(vec![
            Cause::Connect,
            Cause::Timeout,
            Cause::UpstreamBusy,
            Cause::UpstreamAuth,
            Cause::UpstreamError,
            Cause::UpstreamInvalid,
            Cause::UpstreamRefused,
            Cause::Truncated,
            Cause::Engine,
        ])
        .prop_map(Deed::Refuse),
        Just(Deed::ErrorInBand),
        Just(Deed::Empty),
        Just(Deed::CutAfterText),
        Just(Deed::FailAfterText),
        Just(Deed::PanicAtOnce),
        Just(Deed::PanicAfterText),
    ]
}

/// Sends one streamed request to candidates that do this, and checks what has to hold whatever they do.
async fn holds(deeds: &[Deed], hedge: bool, anthropic: bool) {
    let zones = [Zone::SameHost, Zone::OwnNetwork, Zone::VendorCloud];
    let names = ["a", "b", "c"];
    let places: Vec<_> =
        deeds.iter().zip(zones).zip(names).map(|((d, z), n)| Scripted::new(n, z, vec![d.act()])).collect();
    let h = if hedge { hedged(&places, Nanousd(i64::MAX)).await } else { house(&places).await };
    let got = if anthropic { h.messages(r#","stream":true"#).await } else { h.chat(r#","stream":true"#, &[]).await };
    let text = got.text();
    let (ends, error) = if anthropic {
        (text.matches("message_stop\"}").count(), text.matches("event: error\n").count())
    } else {
        (text.matches("data: [DONE]").count(), text.matches("data: {\"error\"").count())
    };
    let began = got.status == 200;
    let whole = began && ends == 1 && error == 0;
    let broken = began && ends == 0 && error == 1;
    let refused = !began && got.json().get("error").is_some();
    assert!(whole ^ broken ^ refused, "{deeds:?}: {} {text}", got.status);
    assert!(!got.header("x-request-id").is_empty());

    let asked: usize = places.iter().map(|p| p.seen.lock().unwrap().len()).sum();
    let records = h.settled(asked).await;
    assert_eq!(records.len(), asked, "{deeds:?}: one record for each attempt: {records:?}");
    assert_eq!(records.iter().filter(|r| r.outcome == Outcome::Ok).count(), usize::from(whole), "{deeds:?}");
    let mut ids: Vec<_> = records.iter().map(|r| r.attempt_id).collect();
    let mut sent: Vec<_> = h.kept.sent.lock().unwrap().iter().map(|r| r.attempt_id).collect();
    ids.sort_unstable();
    sent.sort_unstable();
    assert_eq!(ids, sent, "each was announced before it was sent");
    ids.dedup();
    assert_eq!(ids.len(), asked);
    for place in names.iter().take(deeds.len()) {
        let load = h.wiring.board.entry(&decide::PlaceId::new(place)).unwrap().meter.load();
        assert_eq!(load.running, 0, "{deeds:?}: {place} counts a request that is over");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
    #[test]
    fn whatever_candidates_do_there_is_one_answer_or_one_error_and_one_record_each(
        deeds in prop::collection::vec(deed(), 1..=3),
        hedge in any::<bool>(),
        anthropic in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(holds(&deeds, hedge, anthropic));
    }
}

#[tokio::test]
async fn what_attempts_that_failed_cost_is_told_with_the_rest() {
    let cost = |got: &Got| got.header("x-dewpoint-cost-usd").to_owned();
    let sum = |records: &[decide::Record]| Nanousd(records.iter().map(|r| r.cost.unwrap().0).sum()).to_string();
    // The first one took the prompt and went silent, so that it may be billed.
    let first = || Scripted::new("a", Zone::SameHost, vec![Act::Fail(Cause::Timeout)]);
    let h = house(&[first(), Scripted::new("b", Zone::OwnNetwork, vec![Act::Plain(answer("Hi."))])]).await;
    let got = h.chat("", &[]).await;
    let records = h.settled(2).await;
    assert!(records.iter().all(|r| r.cost > Some(Nanousd::ZERO)), "{records:?}");
    assert_eq!((got.status, cost(&got)), (200, sum(&records)));
    // And where nothing came after it.
    let h = house(&[first()]).await;
    let got = h.chat("", &[]).await;
    assert_eq!((got.status, cost(&got)), (504, sum(&h.settled(1).await)));
    // One that did not take the request costs nothing; one whose price nobody knows has an unknown cost.
    let h = house(&[Scripted::new("a", Zone::SameHost, vec![Act::Fail(Cause::Connect)])]).await;
    assert_eq!(cost(&h.chat("", &[]).await), "0.000000000");
    let h = house(&[Scripted::unpriced("a", Zone::SameHost, vec![Act::Fail(Cause::Timeout)])]).await;
    assert_eq!(cost(&h.chat("", &[]).await), "unknown");
}
