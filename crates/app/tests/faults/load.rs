//! Faults 47 to 50 and those that places learn from: load, limits and slow places. (38 and 39 stand here where they are
//! about what is remembered of a place.)
//!
//! Never here: the rig (`rig`).

use crate::rig::{CALLERS, Rig, SOON, all_ways, callers};
use decide::Outcome;
use std::time::{Duration, Instant};
use testkit::{Answer, Step, Voice};
use wire::Dialect;

/// As it is where nothing is configured.
const DEFAULTS: &str = "[resilience]\n";

fn limited(rig: &Rig, place: usize, headers: &[(&str, &str)]) -> Answer {
    let error = rig.voice(place).error(429, "slow down");
    headers.iter().fold(error, |answer, (name, value)| answer.header(name, value))
}

/// The breaker stays closed: 429 is no failure.
async fn is_whole(rig: &Rig, place: &str) -> bool {
    rig.metric(&format!("dewpoint_place_breaker{{place=\"{place}\",state=\"closed\"")).await == Some(1.0)
}

#[tokio::test]
async fn fault_38_a_place_that_says_429_is_left_alone_and_others_answer() {
    for (headers, pause_s) in [
        (&[("retry-after", "30")] as &[_], 30.0),
        (&[("retry-after", "1000000000")], 60.0),
        (&[("retry-after", "Fri, 31 Dec 2100 23:59:59 GMT")], 60.0),
        (&[("retry-after", "-30")], 1.0),
        (&[("retry-after", "soon")], 1.0),
        (&[], 1.0),
        (&[("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "6m0s")], 60.0),
        (&[("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "12s")], 12.0),
        (
            &[
                ("anthropic-ratelimit-tokens-remaining", "0"),
                ("anthropic-ratelimit-tokens-reset", "2100-01-01T00:00:00Z"),
            ],
            60.0,
        ),
    ] {
        let rig = Rig::of_voices().config(DEFAULTS).start().await;
        for (place, caller, stream) in all_ways() {
            let name = ["openai", "anthropic", "ollama"][place];
            rig.script(place, limited(&rig, place, headers));
            let got = rig.ask(caller, &format!("via-{name}"), stream).await;
            assert_eq!(got.text(), "Hello from backup", "{name} {caller:?} {stream} {headers:?}: {got:#?}");
            let rest = rig.metric(&format!("dewpoint_place_pause_seconds{{place=\"{name}\"")).await.unwrap();
            assert!(rest <= pause_s, "{name} {headers:?}: {rest}");
            if pause_s > 5.0 {
                assert!(rest > pause_s - 5.0, "{name} {headers:?}: {rest}");
                assert_eq!(rig.chats(place).len(), 1, "{name} {headers:?}: asked again during its pause");
            }
            assert!(is_whole(&rig, name).await, "{name}");
        }
        rig.finish().await;
    }
}

#[tokio::test]
async fn fault_38_429_reaches_the_caller_only_when_no_place_is_left() {
    let rig = Rig::of_voices().config(DEFAULTS).start().await;
    for (place, name) in ["openai", "anthropic", "ollama"].into_iter().enumerate() {
        rig.script(place, limited(&rig, place, &[("retry-after", "1000000000")]));
        for (caller, stream) in callers() {
            let got = rig.ask(caller, &format!("{name}/m"), stream).await;
            assert_eq!(got.status, 429, "{got:#?}");
            let wait: u32 = got.header("retry-after").unwrap().parse().unwrap();
            assert!((50..=60).contains(&wait), "capped: {wait}");
            assert_eq!(got.failure().kind, "rate_limit_error");
        }
        assert_eq!(rig.chats(place).len(), 1, "{name}: asked once, then answered from what is known");
    }
    rig.finish().await;
}

#[tokio::test]
async fn fault_39_a_refused_key_is_reported_once_and_not_tried_in_a_loop() {
    let rig = Rig::of_voices().config(DEFAULTS).start().await;
    for (place, name) in ["openai", "anthropic", "ollama"].into_iter().enumerate() {
        // On a busy machine a probe may have been late.
        rig.ready(name).await;
        rig.script(place, rig.voice(place).error(401, "no such key"));
        for _ in 0..5 {
            let got = rig.ask(Dialect::Openai, &format!("via-{name}"), false).await;
            assert_eq!(got.text(), "Hello from backup", "{got:#?}");
        }
        assert_eq!(rig.chats(place).len(), 1, "{name}");
        let log = rig.log();
        let alerts = log.lines().filter(|l| l.contains("ERROR") && l.contains(name) && l.contains("credentials"));
        assert_eq!(alerts.count(), 1, "{name}\n{log}");
    }
    rig.finish().await;
}

/// Answers after a wait, plain or as a stream.
fn after(rig: &Rig, place: usize, stream: bool, wait: Duration) -> Answer {
    rig.good(place, stream).insert(0, Step::Wait(wait))
}

#[tokio::test]
async fn fault_47_the_limit_of_a_place_that_slows_down_falls_and_recovers() {
    // A wait of more than 100 ms is overload here once it is three times the best; the place has four slots.
    let rig = Rig::new()
        .place(Voice::of("openai"))
        .config("[resilience]\nlimit_slow_ms = 100\nlimit_min = 2\nlimit_max = 64\n")
        .start()
        .await;
    let limit = async || rig.metric("dewpoint_place_limit{place=\"openai\"").await.unwrap_or(64.0);
    // Well: nothing is limited.
    rig.script(0, after(&rig, 0, true, Duration::from_millis(10)));
    let burst = async |n: usize| {
        let asked = (0..n).map(|_| rig.ask(Dialect::Openai, "openai/m", true));
        futures_util::future::join_all(asked).await
    };
    for _ in 0..8 {
        assert!(burst(16).await.iter().all(|g| g.is_good()));
    }
    assert_eq!(limit().await, 64.0);
    // More and more slowly.
    let began = Instant::now();
    let mut shed = 0;
    for wait in [100, 400, 700, 1_000, 1_000, 1_000, 1_000, 1_000] {
        rig.script(0, after(&rig, 0, true, Duration::from_millis(wait)));
        for got in burst(32).await.iter().filter(|g| !g.is_good()) {
            shed += 1;
            assert_eq!((got.status, got.failure().code.as_deref()), (503, Some("overloaded")), "{got:#?}");
            assert_eq!(got.header("retry-after"), Some("1"));
        }
    }
    let low = limit().await;
    assert!(low < 24.0 && shed > 0, "limit {low}, shed {shed} in {:?}", began.elapsed());
    // Well again: every seat is back within 30 seconds.
    rig.script(0, after(&rig, 0, true, Duration::from_millis(10)));
    let well = Instant::now();
    while limit().await < 32.0 {
        assert!(well.elapsed() < Duration::from_secs(30), "{}", limit().await);
        burst(4).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(burst(32).await.iter().all(|g| g.is_good()));
    rig.finish().await;
}

/// With every candidate closed the answer comes at once, and says when to come back.
#[tokio::test]
async fn fault_48_with_all_places_down_the_refusal_is_immediate_and_says_when_to_come_back() {
    let mut rig = Rig::of_voices().config(DEFAULTS).start().await;
    (0..4).for_each(|place| rig.stop_upstream(place));
    let deadline = Instant::now() + SOON;
    // A few requests find out; then places are known to be down or their breakers are open.
    while rig.ask(Dialect::Openai, "any", false).await.status != 503 {
        assert!(Instant::now() < deadline, "{}", rig.log());
    }
    for caller in CALLERS {
        let mut waits = Vec::new();
        for stream in [false, true].into_iter().cycle().take(40) {
            let got = rig.ask(caller, "any", stream).await;
            if got.status == 503 {
                let wait: u32 = got.header("retry-after").expect("when to come back").parse().unwrap();
                assert!((1..=5).contains(&wait), "{wait}");
                waits.push(got.took);
            }
        }
        waits.sort();
        assert!(waits.len() >= 30, "{} of 40 were refused", waits.len());
        assert!(waits[waits.len() / 2] < Duration::from_millis(5), "{waits:?}");
    }
    rig.finish().await;
}

#[tokio::test]
async fn fault_50_a_place_that_policy_forbids_is_not_even_connected_to() {
    // What is said to be in a vendor's cloud may not see personal data.
    let rig = Rig::new()
        .place(Voice::of("vllm"))
        .place(Voice::of("openai"))
        .config("[policy.reach]\npersonal = \"own-network\"\n")
        .start()
        .await;
    let toml = std::fs::read_to_string(rig.data().parent().unwrap().join("dewpoint.toml")).unwrap();
    let looked = rig.upstream(1).seen().len();
    let cloud = toml.replace("profile = \"openai\"", "profile = \"openai\"\nzone = \"vendor-cloud\"");
    assert!(cloud != toml && rig.reload_file(&cloud).await, "{}", rig.log());
    // The probe that follows a reload is over: from here on every connection is a request's.
    assert!(rig.upstream(1).wait(SOON, |seen| seen.len() > looked).await, "{}", rig.log());
    let class = [("x-dewpoint-class", "personal")];
    for (caller, stream) in callers() {
        rig.script(0, Answer::json(500, "{}"));
        let before = (rig.upstream(1).connections(), rig.chats(1).len());
        let got = rig.post_with(caller, rig.body(caller, stream), &class).await;
        assert!([502, 503].contains(&got.status), "{got:#?}");
        got.failure();
        let records = rig.records(&got).await;
        assert_eq!(records.len(), 1, "one attempt, and none elsewhere: {records:#?}");
        assert_eq!(records[0].outcome, Outcome::Failed);
        assert_eq!((rig.upstream(1).connections(), rig.chats(1).len()), before, "no connection, no request");
        // The same request without the class goes there: nothing else kept it away.
        assert_eq!(rig.ask(caller, "any", stream).await.text(), "Hello from openai");
    }
    rig.finish().await;
}
