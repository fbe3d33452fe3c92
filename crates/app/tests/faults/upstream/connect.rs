//! No connection, or none that can be trusted: faults 27 to 30.
//!
//! Never here: what comes over a connection.

use crate::rig::{Dialect, Rig, SOON, VOICES, all_ways, callers, case_of};
use decide::Outcome;
use std::time::Duration;
use testkit::{Answer, Authority, Certificate, Deaf, Seen, Step, Voice};

#[tokio::test]
async fn fault_27_a_refused_connection_is_replaced() {
    let mut rig = Rig::of_voices().start().await;
    // Up when the server looked, gone when it is asked.
    (0..3).for_each(|place| rig.stop_upstream(place));
    for (place, caller, stream) in all_ways() {
        let name = VOICES[place];
        let got = rig.ask(caller, &format!("via-{name}"), stream).await;
        assert_eq!(got.text(), "Hello from backup", "{name} {caller:?} {stream}: {got:#?}");
        for failed in rig.records(&got).await.iter().filter(|r| r.outcome == Outcome::Failed) {
            assert_eq!((failed.error.as_deref(), failed.cost.map(|c| c.0)), (Some("upstream_unreachable"), Some(0)));
        }
        let alone = rig.ask(caller, &format!("{name}/m"), stream).await;
        assert!([502, 503].contains(&alone.status), "{alone:#?}");
        alone.failure();
    }
    let refused = rig.ledger().iter().filter(|r| r.error.as_deref() == Some("upstream_unreachable")).count();
    assert!(refused >= 3, "each place was really tried: {refused}");
    rig.finish().await;
}

/// A label of more than 63 characters is no name: every resolver says so at once, without asking anybody.
#[tokio::test]
async fn fault_28_a_name_that_does_not_resolve_is_replaced() {
    let nowhere = format!("https://{}.example/v1", "x".repeat(64));
    let rig =
        Rig::new().place_at("nowhere", Voice::of("openai"), &nowhere).named("backup", Voice::of("vllm")).start().await;
    for (caller, stream) in callers() {
        let got = rig.ask(caller, "via-nowhere", stream).await;
        assert_eq!(got.text(), "Hello from backup", "{got:#?}");
        let alone = rig.ask(caller, "nowhere/m", stream).await;
        assert!([502, 503].contains(&alone.status), "{alone:#?}");
        assert!(!alone.failure().message.contains("xxxx"), "addresses are for the log: {alone:#?}");
    }
    rig.finish().await;
}

#[tokio::test]
async fn fault_29_a_certificate_that_proves_nothing_gets_nothing() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let folder = tempfile::tempdir().unwrap();
    let roots = folder.path().join("roots.pem");
    ours.write(&roots);
    let good = ours.certificate("localhost");
    let rig = Rig::new()
        .place_tls("safe", Voice::of("openai"), &good)
        .named("backup", Voice::of("vllm"))
        .env("SSL_CERT_FILE", roots.to_str().unwrap())
        .start()
        .await;
    let bad = [
        ("expired", ours.expired("localhost")),
        ("not yet valid", ours.not_yet_valid("localhost")),
        ("of another name", ours.certificate("other.example")),
        ("self-signed", Certificate::self_signed("localhost")),
        ("of a stranger", theirs.certificate("localhost")),
    ];
    for ((caller, stream), (what, certificate)) in callers().flat_map(|way| bad.iter().map(move |bad| (way, bad))) {
        // A request may still go out on a connection that is just being closed; then the certificate was not seen. Or a probe
        // has seen it first: then nothing was tried there.
        let mut error = None;
        for _ in 0..20 {
            rig.upstream(0).show(&good).await;
            rig.ready("safe").await;
            assert_eq!(rig.ask(caller, "via-safe", stream).await.text(), "Hello from safe", "before {what}");
            let (asked, connections) = (rig.chats(0).len(), rig.upstream(0).connections());
            rig.upstream(0).show(certificate).await;
            let got = rig.ask(caller, "via-safe", stream).await;
            assert_eq!(got.text(), "Hello from backup", "{what}: {got:#?}");
            let failed = &rig.records(&got).await[0];
            if failed.place.as_ref().is_some_and(|p| p.as_str() == "safe") {
                assert_eq!(failed.cost.map(|c| c.0), Some(0), "{what}: {failed:#?}");
            }
            let alone = rig.ask(caller, "safe/m", stream).await;
            assert!([502, 503].contains(&alone.status), "{what}: {alone:#?}");
            alone.failure();
            assert_eq!(rig.chats(0).len(), asked, "{what}: nothing is said to it");
            let tried = rig.upstream(0).connections() - connections;
            assert!(tried <= 12, "{what}: {tried} connections for two requests and the probes");
            error = failed.error.clone();
            if error.as_deref() == Some("upstream_unreachable") {
                break;
            }
        }
        assert_eq!(error.as_deref(), Some("upstream_unreachable"), "{what}");
    }
    assert!(rig.log().contains("invalid peer certificate"), "the operator sees why");
    rig.finish().await;
}

/// A server that never finishes the handshake, and one that never begins it.
#[tokio::test]
async fn fault_29_a_handshake_that_stalls_has_a_deadline() {
    let silent = Deaf::silent().await;
    let never = testkit::Fake::start().await;
    let url = format!("https://localhost:{}/v1", never.address().port());
    let rig = Rig::new()
        .place_at("stalled", Voice::of("openai"), &url)
        .place_at("silent", Voice::of("openai"), &silent.url("/v1").replace("http:", "https:"))
        .named("backup", Voice::of("vllm"))
        .config("[server]\nconnect_s = 1\n")
        .start()
        .await;
    for (caller, stream) in callers() {
        for name in ["stalled", "silent"] {
            let got = rig.ask(caller, &format!("via-{name}"), stream).await;
            assert_eq!(got.text(), "Hello from backup", "{name}: {got:#?}");
            assert!(got.took < SOON, "{:?}", got.took);
        }
    }
    assert!(never.seen().is_empty(), "nothing is said in the clear");
    rig.finish().await;
}

#[tokio::test]
async fn fault_30_a_place_that_never_answers_runs_into_its_deadline() {
    let rig = Rig::of_voices().config("[server]\nfirst_s = 1\ntotal_s = 3\n").start().await;
    for place in 0..VOICES.len() {
        let (voice, good) = (rig.voice(place), rig.good(place, true));
        rig.script_fn(place, move |seen| match case_of(seen) {
            0 => Answer::of(vec![Step::Stall]),
            1 => Answer { steps: vec![Step::Head, Step::Stall], ..good.clone() },
            _ => voice.streamed([voice.opening(false, true), vec![Step::Stall]].concat()),
        });
    }
    let rig_ = &rig;
    let ways =
        all_ways().filter(|way| way.2).flat_map(|(place, caller, _)| (0..3).map(move |case| (place, caller, case)));
    futures_util::future::join_all(ways.map(|(place, caller, case)| black_hole(rig_, VOICES[place], caller, case)))
        .await;
    for (place, name) in VOICES.iter().enumerate() {
        let let_go =
            |seen: &[Seen]| seen.iter().filter(|s| s.body.windows(5).any(|w| w == b"case=")).all(Seen::closed_early);
        assert!(rig.upstream(place).wait(SOON, let_go).await, "{name}");
    }
    rig.finish().await;
}

async fn black_hole(rig: &Rig, name: &str, caller: Dialect, case: usize) {
    let got = rig.ask_case(caller, &format!("via-{name}"), true, case).await;
    assert_eq!(got.text(), "Hello from backup", "{name}, {case}: {got:#?}");
    assert!(got.took >= Duration::from_millis(900) && got.took < SOON, "{:?}", got.took);
    let records = rig.records(&got).await;
    assert_eq!(records[0].error.as_deref(), Some("upstream_timeout"), "{records:#?}");
    assert!(records[0].usage.estimated, "it may have been billed: {records:#?}");
    // Nothing else to fall over to; an answer in one piece has the whole time.
    for stream in [true, false] {
        let alone = rig.ask_case(caller, &format!("{name}/m"), stream, case).await;
        assert_eq!(alone.status, 504, "{alone:#?}");
        assert!(alone.took < SOON, "{:?}", alone.took);
    }
}
