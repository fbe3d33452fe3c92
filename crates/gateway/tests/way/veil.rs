//! What may not leave: found, masked for places that may not see it, restored in the answer, and refused where nothing helps.

use crate::house::*;
use decide::{Cause, Zone};
use gateway::{CareOptions, Guard, Hedge, Limits, Reader};
use sense::{Dictionary, FinderOptions, Inspection, Pattern};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use wire::Ask;

const MAIL: &str = "jane.roe@acme-corp.example";
const CARD: &str = "4111 1111 1111 1111";
/// Of the form of a GitHub token, put together so that no scanner of this repository takes it for one.
const TOKEN: [&str; 2] = ["ghp_", "x7Kq2mV9tR4wZ8nB3cF6jL1pD5sG0hYaTe2U"];
const CUSTOMER: &str = "Zephyr Ltd";

/// A gateway with detectors of its own beside the built-in ones.
async fn guarded(backends: &[Arc<Scripted>]) -> House {
    let h = house_with(backends, Limits { body_max_bytes: 1 << 20, ..Limits::default() }, vec![]).await;
    h.wiring.guard.store(Arc::new(guard()));
    h
}

fn guard() -> Guard {
    let staff = Pattern { name: "STAFF_NO".into(), regex: r"\bE-\d{6}\b".into(), class: decide::DataClass::Personal };
    let terms = vec![CUSTOMER.to_owned()];
    let customers = Dictionary { name: "CUSTOMER".into(), terms, class: decide::DataClass::Sensitive };
    let options = FinderOptions { patterns: vec![staff], dictionaries: vec![customers], ..FinderOptions::default() };
    Guard::new(&options, [7; 32]).unwrap()
}

async fn ask(h: &House, text: &str, stream: bool, headers: &[(&str, &str)]) -> Got {
    let body = json!({"model": "auto", "stream": stream, "messages": [{"role": "user", "content": text}]});
    h.call("POST", "/v1/chat/completions", headers, body.to_string()).await
}

async fn ask_messages(h: &House, text: &str, stream: bool) -> Got {
    let body =
        json!({"model": "auto", "max_tokens": 99, "stream": stream, "messages": [{"role": "user", "content": text}]});
    h.call("POST", "/v1/messages", &[("anthropic-version", "2023-06-01")], body.to_string()).await
}

/// Everything that arrived at a place, as one text.
fn arrived(place: &Scripted) -> String {
    format!("{:?}", place.seen.lock().unwrap())
}

/// The text of an answer in any of the four forms.
fn said(got: &Got) -> String {
    let of = |value: &Value| {
        let at = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        at("/choices/0/message/content")
            + &at("/choices/0/delta/content")
            + &at("/content/0/text")
            + &at("/delta/text")
            + &at("/choices/0/message/tool_calls/0/function/arguments")
            + &at("/choices/0/delta/tool_calls/0/function/arguments")
            + &at("/delta/partial_json")
    };
    match serde_json::from_slice(&got.body) {
        Ok(whole) => of(&whole),
        Err(_) => {
            let text = got.text();
            let frames =
                text.lines().filter_map(|l| l.strip_prefix("data: ")).filter_map(|f| serde_json::from_str(f).ok());
            frames.map(|f: Value| of(&f)).collect()
        }
    }
}

#[tokio::test]
async fn a_cloud_never_sees_what_the_caller_gets_back() {
    let text = format!("Grüße: {MAIL}, card {CARD}, badge E-123456. Again {MAIL}.");
    for piece in [1, 2, 3, 7, 1000] {
        for stream in [false, true] {
            for messages in [false, true] {
                let cloud = Scripted::new("cloud", Zone::VendorCloud, vec![Act::Echo(piece)]);
                let h = guarded(std::slice::from_ref(&cloud)).await;
                let got =
                    if messages { ask_messages(&h, &text, stream).await } else { ask(&h, &text, stream, &[]).await };
                let what = format!("piece {piece}, stream {stream}, messages {messages}: {}", got.text());
                assert_eq!(got.status, 200, "{what}");
                let seen = arrived(&cloud);
                for value in [MAIL, CARD, "E-123456"] {
                    assert!(!seen.contains(value), "{value} arrived: {seen}");
                }
                assert_eq!(said(&got), text, "{what}");
                assert_eq!(got.header("x-dewpoint-class"), "personal", "{what}");
                let redacted = got.header("x-dewpoint-redacted");
                assert!(redacted.contains("EMAIL_ADDRESS=2") && redacted.contains("STAFF_NO=1"), "{redacted}");
                assert!(redacted.contains("CREDIT_CARD=1"), "{redacted}");
            }
        }
    }
}

#[tokio::test]
async fn arguments_of_tool_calls_stay_json_with_the_original_in_it() {
    let terms = vec!["Ann \"Ace\" O\\Neil".to_owned()];
    let quoted = Dictionary { name: "PERSON".into(), terms, class: decide::DataClass::Personal };
    let options = FinderOptions { dictionaries: vec![quoted], ..FinderOptions::default() };
    let text = r#"Mail to Ann "Ace" O\Neil now"#;
    for piece in [1, 5, 1000] {
        for stream in [false, true] {
            let cloud = Scripted::new("cloud", Zone::VendorCloud, vec![Act::EchoCall(piece)]);
            let h = guarded(std::slice::from_ref(&cloud)).await;
            h.wiring.guard.store(Arc::new(Guard::new(&options, [7; 32]).unwrap()));
            let got = ask(&h, text, stream, &[]).await;
            assert!(!arrived(&cloud).contains("Neil"), "{}", arrived(&cloud));
            let arguments: Value = serde_json::from_str(&said(&got)).unwrap_or_else(|e| panic!("{e}: {}", got.text()));
            assert_eq!(arguments["to"], text, "piece {piece}, stream {stream}");
        }
    }
}

#[tokio::test]
async fn a_secret_is_gone_for_good() {
    let token = TOKEN.concat();
    for stream in [false, true] {
        let cloud = Scripted::new("cloud", Zone::VendorCloud, vec![Act::Echo(3)]);
        let h = guarded(std::slice::from_ref(&cloud)).await;
        let got = ask(&h, &format!("use {token} for {MAIL}"), stream, &[]).await;
        assert_eq!(got.status, 200, "{}", got.text());
        assert!(!arrived(&cloud).contains(&token) && !got.text().contains(&token), "{}", got.text());
        assert!(said(&got).contains(MAIL), "what is no secret comes back: {}", got.text());
        assert_eq!(got.header("x-dewpoint-class"), "secret");
    }
}

#[tokio::test]
async fn what_is_declared_or_found_sensitive_is_answered_at_home() {
    for (text, headers) in
        [(format!("card {CARD}"), &[("x-dewpoint-class", "sensitive")][..]), (format!("about {CUSTOMER}"), &[][..])]
    {
        let local = Scripted::free("local", Zone::SameHost, vec![Act::Echo(4)]);
        let cloud = Scripted::new("cloud", Zone::VendorCloud, vec![]);
        let h = guarded(&[cloud.clone(), local.clone()]).await;
        let got = ask(&h, &text, true, headers).await;
        assert_eq!((got.status, said(&got)), (200, text.clone()), "{}", got.text());
        assert_eq!(got.header("x-dewpoint-place"), "local");
        assert!(arrived(&local).contains(&text), "own ground sees it as it is");
        assert!(got.headers.get("x-dewpoint-redacted").is_none());
        // With own ground away there is no quiet way to the cloud.
        let cloud = Scripted::new("cloud", Zone::VendorCloud, vec![]);
        let h = guarded(std::slice::from_ref(&cloud)).await;
        let got = ask(&h, &text, false, headers).await;
        assert_eq!((got.status, got.json()["error"]["code"].as_str()), (403, Some("policy_denied")), "{}", got.text());
        assert!(!got.text().contains(CARD) && !got.text().contains(CUSTOMER), "{}", got.text());
        assert_eq!(got.header("x-dewpoint-class"), "sensitive");
        assert!(cloud.seen.lock().unwrap().is_empty());
    }
}

/// A detector with a bug.
struct Broken;

impl Reader for Broken {
    fn inspect(&self, _: &Ask) -> Inspection {
        panic!("a bug of the detector")
    }
}

#[tokio::test]
async fn when_detectors_fail_nothing_leaves_this_host() {
    for size in [10, 300 << 10] {
        let cloud = Scripted::new("cloud", Zone::VendorCloud, vec![]);
        let near = Scripted::new("near", Zone::OwnNetwork, vec![]);
        let h = guarded(&[cloud.clone(), near.clone()]).await;
        h.wiring.guard.store(Arc::new(Guard::with(Arc::new(Broken), "broken", [7; 32])));
        let got = ask(&h, &"x ".repeat(size / 2), false, &[]).await;
        assert_eq!(got.status, 403, "{}", got.text());
        assert!(cloud.seen.lock().unwrap().is_empty() && near.seen.lock().unwrap().is_empty());
    }
    let here = Scripted::free("here", Zone::SameHost, vec![Act::Echo(9)]);
    let cloud = Scripted::new("cloud", Zone::VendorCloud, vec![]);
    let h = guarded(&[cloud.clone(), here.clone()]).await;
    h.wiring.guard.store(Arc::new(Guard::with(Arc::new(Broken), "broken", [7; 32])));
    let got = ask(&h, "hello", false, &[]).await;
    assert_eq!((got.status, got.header("x-dewpoint-place")), (200, "here"), "{}", got.text());
    assert!(cloud.seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn every_attempt_gets_what_its_own_permit_allows() {
    let text = format!("card {CARD}");
    // The cloud is named first, fails, and the next one is on own ground: it sees the original.
    let first = Scripted::new("first", Zone::VendorCloud, vec![Act::Fail(Cause::UpstreamError)]);
    let second = Scripted::new("second", Zone::VendorCloud, vec![Act::Fail(Cause::UpstreamBusy)]);
    let own = Scripted::free("own", Zone::OwnNetwork, vec![Act::Echo(4)]);
    let h = guarded(&[first.clone(), second.clone(), own.clone()]).await;
    let target = |place: &str| decide::Target { place: place.into(), model: "*".into() };
    let mut policy = decide::Policy::clone(&h.policy.load());
    let route =
        decide::Route { targets: vec![target("first"), target("second"), target("own")], ..decide::Route::default() };
    policy.routes.insert("line".into(), route);
    h.policy.store(Arc::new(policy));
    let body = json!({"model": "line", "messages": [{"role": "user", "content": text}]});
    let got = h.call("POST", "/v1/chat/completions", &[], body.to_string()).await;
    assert_eq!((got.status, said(&got)), (200, text.clone()), "{}", got.text());
    for cloud in [&first, &second] {
        assert_eq!(cloud.seen.lock().unwrap().len(), 1);
        assert!(!arrived(cloud).contains(CARD), "{}", arrived(cloud));
    }
    assert_eq!(last(&first.seen.lock().unwrap()[0]), last(&second.seen.lock().unwrap()[0]), "masked once");
    assert_eq!(last(&own.seen.lock().unwrap()[0]), text);
    assert!(got.headers.get("x-dewpoint-redacted").is_none(), "the place that answered saw all");
}

/// On either side of the size from which a request is masked beside the threads that serve; the second place needs no second
/// masking.
#[tokio::test]
async fn small_and_large_requests_are_masked_alike() {
    for bytes in [256 << 10, (256 << 10) + 1] {
        let clouds = ["first", "second"].map(|name| {
            let then = if name == "first" { Act::Fail(Cause::UpstreamError) } else { Act::Echo(4_000) };
            Scripted::wide(name, Zone::VendorCloud, vec![then])
        });
        let h = guarded(&clouds).await;
        let target = |place: &str| decide::Target { place: place.into(), model: "*".into() };
        let mut policy = decide::Policy::clone(&h.policy.load());
        let route = decide::Route { targets: vec![target("first"), target("second")], ..decide::Route::default() };
        policy.routes.insert("line".into(), route);
        h.policy.store(Arc::new(policy));
        let body = |text: &str| json!({"model": "line", "messages": [{"role": "user", "content": text}]}).to_string();
        let mut text = format!("mail {MAIL} ");
        text.push_str(&"x".repeat(bytes - body(&text).len()));
        let sent = body(&text);
        assert_eq!(sent.len(), bytes);
        let got = h.call("POST", "/v1/chat/completions", &[], sent).await;
        assert_eq!((got.status, said(&got) == text), (200, true), "{bytes}");
        for cloud in &clouds {
            assert_eq!(cloud.seen.lock().unwrap().len(), 1, "{bytes}");
            assert!(!arrived(cloud).contains(MAIL), "{bytes}");
        }
        let metrics = h.call("GET", "/metrics", &[], "").await.text();
        assert!(metrics.contains("dewpoint_redacted_requests_total 1"), "masked once: {metrics}");
    }
}

#[tokio::test]
async fn a_second_attempt_beside_a_slow_one_is_masked_as_well() {
    let slow = Scripted::free("slow", Zone::VendorCloud, vec![Act::Hang, Act::Hang]);
    let fast = Scripted::free("fast", Zone::VendorCloud, vec![Act::Echo(3), Act::Echo(3)]);
    let hedge = Some(Hedge { after: Duration::from_millis(20), cost_max: decide::Nanousd(i64::MAX) });
    let limits = Limits { body_max_bytes: 1 << 20, ..Limits::default() };
    let care = CareOptions { hedge, ..CareOptions::default() };
    let h = house_of(&[slow.clone(), fast.clone()], limits, vec![], care).await;
    h.wiring.guard.store(Arc::new(guard()));
    let target = |place: &str| decide::Target { place: place.into(), model: "*".into() };
    let mut policy = decide::Policy::clone(&h.policy.load());
    let route = decide::Route { targets: vec![target("slow"), target("fast")], ..decide::Route::default() };
    policy.routes.insert("line".into(), route);
    h.policy.store(Arc::new(policy));
    let text = format!("mail {MAIL}");
    let body = json!({"model": "line", "stream": true, "messages": [{"role": "user", "content": text}]});
    let got = h.call("POST", "/v1/chat/completions", &[], body.to_string()).await;
    assert_eq!((got.status, said(&got)), (200, text), "{}", got.text());
    for place in [&slow, &fast] {
        assert_eq!(place.seen.lock().unwrap().len(), 1);
        assert!(!arrived(place).contains(MAIL), "{}", arrived(place));
    }
}

#[tokio::test]
async fn what_was_held_back_goes_out_before_the_error_of_a_broken_stream() {
    // Somewhere in there a placeholder is cut: what came of it is no placeholder, and is not lost.
    let text = format!("mail {MAIL} now");
    for most in 1..40 {
        let cloud = Scripted::new("cloud", Zone::VendorCloud, vec![Act::EchoBroken(most)]);
        let h = guarded(std::slice::from_ref(&cloud)).await;
        let got = ask(&h, &text, true, &[]).await;
        let masked = last(&cloud.seen.lock().unwrap()[0]);
        assert!(!masked.contains("jane.roe"), "{masked}");
        let came: String = masked.chars().take(most).collect();
        let told = said(&got);
        assert!(told == came || told.starts_with(&format!("mail {MAIL}")), "{told:?} of {came:?}: {}", got.text());
        assert!(got.text().contains("upstream_truncated"), "{}", got.text());
    }
}

#[tokio::test]
async fn kinds_and_requests_are_counted_and_nothing_else() {
    let cloud = Scripted::new("cloud", Zone::VendorCloud, vec![Act::Echo(3), Act::Plain(answer("all good"))]);
    let h = guarded(std::slice::from_ref(&cloud)).await;
    ask(&h, &format!("{MAIL} and {MAIL}"), true, &[]).await;
    ask(&h, "nothing in it", false, &[]).await;
    let metrics = h.call("GET", "/metrics", &[], "").await.text();
    assert!(metrics.contains("dewpoint_findings_total{kind=\"EMAIL_ADDRESS\"} 2"), "{metrics}");
    assert!(metrics.contains("dewpoint_redacted_requests_total 1"), "{metrics}");
    assert!(metrics.contains("dewpoint_placeholders_unknown_total 0"), "{metrics}");
    assert!(!metrics.contains(MAIL));
    for record in h.settled(2).await {
        assert!(!format!("{record:?}").contains("jane.roe"), "{record:?}");
    }
}

#[tokio::test]
async fn switched_off_only_what_is_declared_counts() {
    let cloud = Scripted::new("cloud", Zone::VendorCloud, vec![Act::Echo(3)]);
    let h = guarded(std::slice::from_ref(&cloud)).await;
    h.wiring.guard.store(Arc::new(Guard::off([7; 32])));
    let text = format!("mail {MAIL}");
    let got = ask(&h, &text, false, &[]).await;
    assert_eq!((said(&got), got.header("x-dewpoint-class")), (text.clone(), "internal"));
    assert_eq!(last(&cloud.seen.lock().unwrap()[0]), text);
}

#[tokio::test]
async fn tokens_are_counted_at_home_or_estimated() {
    // The scripted cloud could count too, were it asked: it panics on any request it has no act for.
    let cloud = Scripted::new("cloud", Zone::VendorCloud, vec![]);
    let h = guarded(std::slice::from_ref(&cloud)).await;
    let body = json!({"model": "auto", "messages": [{"role": "user", "content": format!("card {CARD}")}]});
    let got = h.call("POST", "/v1/messages/count_tokens", &[], body.to_string()).await;
    assert_eq!(got.status, 200, "{}", got.text());
    assert!(cloud.seen.lock().unwrap().is_empty());
}
