//! Places that fail, ask us to wait or have enough work: what becomes of requests, and what is not sent.

use super::house::*;
use decide::{Cause, Fault, Outcome, PlaceId, Zone};
use gateway::CareOptions;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the breaker of these tests stays open.
const OPEN: Duration = Duration::from_millis(300);

fn options() -> CareOptions {
    CareOptions { open: OPEN, open_max: OPEN, ..CareOptions::default() }
}

async fn house_of(places: &[&Arc<Scripted>], options: CareOptions) -> House {
    let backends: Vec<_> = places.iter().map(|p| Arc::clone(p)).collect();
    let h = house(&backends).await;
    let ids: Vec<_> = ["near", "far"].map(PlaceId::new).to_vec();
    h.wiring.care.take_over(options, &ids);
    h
}

fn near(acts: Vec<Act>) -> Arc<Scripted> {
    Scripted::new("near", Zone::SameHost, acts)
}

fn far(answers: usize) -> Arc<Scripted> {
    Scripted::new("far", Zone::VendorCloud, (0..answers).map(|_| Act::Plain(answer("Far."))).collect())
}

fn asked(place: &Scripted) -> usize {
    place.seen.lock().unwrap().len()
}

fn failures(n: usize) -> Vec<Act> {
    (0..n).map(|_| Act::Fail(Cause::Connect)).collect()
}

async fn metric(h: &House, line: &str) -> bool {
    h.call("GET", "/metrics", &[], "").await.text().lines().any(|l| l == line)
}

#[tokio::test]
async fn a_place_that_fails_is_left_alone_and_taken_back_by_one_success() {
    let mut acts = failures(5);
    acts.extend([Act::Plain(answer("Near.")), Act::Plain(answer("Near."))]);
    let (near, far) = (near(acts), far(8));
    let h = house_of(&[&near, &far], options()).await;
    for _ in 0..5 {
        assert_eq!(h.chat("", &[]).await.header("x-dewpoint-place"), "far");
    }
    for _ in 0..3 {
        let got = h.chat("", &[]).await;
        assert_eq!(got.header("x-dewpoint-place"), "far");
        assert!(got.header("x-dewpoint-decision").contains("chosen=far"), "decided, not fallen over");
    }
    assert_eq!((asked(&near), asked(&far)), (5, 8), "the open breaker kept three requests away");
    assert!(metric(&h, r#"dewpoint_place_breaker{place="near",state="open"} 1"#).await);
    tokio::time::sleep(OPEN).await;
    for _ in 0..2 {
        assert_eq!(h.chat("", &[]).await.header("x-dewpoint-place"), "near");
    }
    assert!(metric(&h, r#"dewpoint_place_breaker{place="near",state="closed"} 1"#).await);
    assert_eq!(h.records().len(), 5 * 2 + 3 + 2);
}

/// Fault 38: 429 pauses the place, and is passed on only when no other may answer.
#[tokio::test]
async fn a_place_that_limits_us_is_paused_and_not_broken() {
    let busy = |s| Act::Refuse(Fault::new(Cause::UpstreamBusy, "limits our requests").after(s));
    let (near, far) = (near(vec![busy(3_600)]), far(6));
    let h = house_of(&[&near, &far], options()).await;
    for _ in 0..6 {
        assert_eq!(h.chat("", &[]).await.header("x-dewpoint-place"), "far");
    }
    assert_eq!((asked(&near), asked(&far)), (1, 6));
    assert!(metric(&h, r#"dewpoint_place_breaker{place="near",state="closed"} 1"#).await);

    let alone = self::near(vec![busy(7)]);
    let h = house_of(&[&alone], options()).await;
    for after in ["7", "7", "7"] {
        let got = h.chat("", &[]).await;
        assert_eq!((got.status, got.json()["error"]["code"].as_str()), (429, Some("upstream_busy")));
        assert_eq!(got.header("retry-after"), after);
    }
    assert_eq!(asked(&alone), 1, "it asked us to wait, so we do");
    let records = h.records();
    assert_eq!(records.iter().filter(|r| r.outcome == Outcome::Refused).count(), 2, "what was not asked is recorded");
}

#[tokio::test]
async fn an_absurd_wait_is_not_passed_on() {
    let alone = near(vec![Act::Refuse(Fault::new(Cause::UpstreamBusy, "limits").after(3_600))]);
    let h = house_of(&[&alone], options()).await;
    for _ in 0..2 {
        assert_eq!(h.chat("", &[]).await.header("retry-after"), "60");
    }
}

/// Fault 48 in the small: the last place is tried by one request at a time, all others are answered at once.
#[tokio::test]
async fn with_everything_down_requests_are_refused_at_once_until_one_succeeds() {
    let mut acts = failures(6);
    acts.extend((0..2).map(|_| Act::Plain(answer("Back."))));
    let alone = near(acts);
    let long = Duration::from_secs(5);
    let h = house_of(&[&alone], CareOptions { open: long, open_max: long, ..options() }).await;
    for _ in 0..5 {
        assert_eq!(h.chat("", &[]).await.status, 502);
    }
    let mut quickest = Duration::MAX;
    for _ in 0..20 {
        let began = Instant::now();
        let got = h.messages("").await;
        quickest = quickest.min(began.elapsed());
        assert_eq!((got.status, got.json()["error"]["type"].as_str()), (503, Some("overloaded_error")));
        assert_eq!(got.header("retry-after"), "1");
    }
    assert!(quickest < Duration::from_millis(5), "{quickest:?}");
    assert_eq!(asked(&alone), 5);
    // Well before the five seconds are over one request tries it, fails, and the next may try later.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(h.chat("", &[]).await.status, 502);
    assert_eq!(h.chat("", &[]).await.status, 503);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(h.chat("", &[]).await.status, 200);
    assert_eq!(h.chat("", &[]).await.status, 200, "its success closed the breaker");
    assert_eq!(h.records().len(), 5 + 20 + 4, "each request has its record");
}

#[tokio::test]
async fn further_attempts_end_with_the_budget() {
    let (near, far) = (near(failures(3)), far(1));
    let h = house_of(&[&near, &far], CareOptions { retry_percent: 50, retry_floor_per_s: 0, ..options() }).await;
    let got = h.chat("", &[]).await;
    assert_eq!((got.status, got.json()["error"]["code"].as_str()), (502, Some("upstream_unreachable")));
    assert_eq!(h.chat("", &[]).await.header("x-dewpoint-place"), "far", "two requests have earned one");
    assert_eq!(h.chat("", &[]).await.status, 502);
    assert_eq!((asked(&near), asked(&far)), (3, 1));
    assert!(metric(&h, r#"dewpoint_further_attempts_total{result="denied"} 2"#).await);
    assert!(metric(&h, "dewpoint_retry_budget_remaining 0").await);
}

/// Fault 47 in the small: over the limit a request goes elsewhere, and is shed where there is no elsewhere.
#[tokio::test]
async fn over_its_limit_a_place_gets_nothing_and_batch_gives_way() {
    let slow = || Act::After(Duration::from_millis(1_500), Box::new(Act::Plain(answer("Near."))));
    let near = near((0..2).map(|_| slow()).collect());
    let h =
        Arc::new(house_of(&[&near], CareOptions { limit_min: 1, limit_max: 2, batch_percent: 50, ..options() }).await);
    let call = |headers: &'static [(&'static str, &'static str)]| {
        let h = h.clone();
        tokio::spawn(async move { h.chat("", headers).await })
    };
    let first = call(&[]);
    while asked(&near) < 1 {
        tokio::task::yield_now().await;
    }
    let batch = h.chat("", &[("x-dewpoint-priority", "batch")]).await;
    assert_eq!((batch.status, batch.json()["error"]["code"].as_str()), (503, Some("overloaded")));
    assert_eq!(batch.header("retry-after"), "1");
    assert_eq!(h.chat(r#","service_tier":"flex""#, &[]).await.status, 503, "flex is batch");
    let second = call(&[]);
    while asked(&near) < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(h.chat("", &[]).await.status, 503, "now interactive requests have no seat either");
    assert_eq!((first.await.unwrap().status, second.await.unwrap().status), (200, 200));
    assert!(metric(&h, r#"dewpoint_shed_total{class="batch"} 2"#).await);
    assert!(metric(&h, r#"dewpoint_shed_total{class="interactive"} 1"#).await);
    assert!(metric(&h, r#"dewpoint_place_running{place="near"} 0"#).await);
    assert!(metric(&h, r#"dewpoint_place_outstanding_tokens{place="near"} 0"#).await);
}

#[tokio::test]
async fn a_caller_who_leaves_says_nothing_of_a_place_and_gives_its_seat_back() {
    let near = near((0..8).map(|_| Act::Hang).chain([Act::Plain(answer("Near."))]).collect());
    let h = house_of(&[&near], CareOptions { limit_min: 1, limit_max: 1, ..options() }).await;
    for n in 1..=8 {
        let gave_up = tokio::time::timeout(Duration::from_millis(30), h.chat("", &[])).await;
        assert!(gave_up.is_err());
        assert_eq!(h.settled(n).await.len(), n);
    }
    assert_eq!(h.chat("", &[]).await.status, 200);
}

#[tokio::test]
async fn a_refused_key_rests_longer_than_a_failure_and_is_not_the_caller_s() {
    let (near, far) = (near(vec![Act::Fail(Cause::UpstreamAuth)]), far(3));
    let h = house_of(&[&near, &far], options()).await;
    assert_eq!(h.chat("", &[]).await.header("x-dewpoint-place"), "far");
    tokio::time::sleep(OPEN + Duration::from_millis(100)).await;
    for _ in 0..2 {
        assert_eq!(h.chat("", &[]).await.header("x-dewpoint-place"), "far");
    }
    assert_eq!(asked(&near), 1);
}

#[tokio::test]
async fn a_caller_s_own_mistakes_break_no_place() {
    let mut acts: Vec<_> = (0..12).map(|_| Act::Fail(Cause::UpstreamRefused)).collect();
    acts.push(Act::Plain(answer("Near.")));
    let near = near(acts);
    let h = house_of(&[&near], options()).await;
    for _ in 0..12 {
        assert_eq!(h.chat("", &[]).await.status, 400);
    }
    assert_eq!(h.chat("", &[]).await.status, 200);
}
