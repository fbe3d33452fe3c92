//! What key, route and request say of the data reaches the decision, and a denial says why in the caller's dialect.

use super::house::*;
use decide::{DataClass, Demand, Policy, Route, Rule, Zone};
use gateway::{Key, Limits};
use ring::digest::{SHA256, digest};
use std::sync::Arc;

fn cloud() -> Arc<Scripted> {
    Scripted::new("cloud", Zone::VendorCloud, vec![Act::Plain(answer("Hello.")), Act::Plain(answer("Hello."))])
}

/// Data with this tag stays on the own network.
fn at_home(tag: &str) -> Policy {
    let demand = Demand { zone: Some(Zone::OwnNetwork), ..Demand::default() };
    let rule = Rule { id: "at-home".into(), tags: [Arc::from(tag)].into(), demand, ..Rule::default() };
    let mut policy = Policy { rules: vec![Arc::new(rule)], ..Policy::default() };
    let route = Route { tags: vec![tag.into()], ..Route::default() };
    policy.routes.insert("help".into(), route);
    policy
}

fn seen(backend: &Scripted) -> usize {
    backend.seen.lock().unwrap().len()
}

#[tokio::test]
async fn a_request_tightens_with_headers_and_is_told_which_rule_refused() {
    let backend = cloud();
    let h = house(std::slice::from_ref(&backend)).await;
    for (value, told) in [
        ("zdr", "rule `x-dewpoint-policy` wants retention of at most none; this place says nothing"),
        ("region=DE|FR", "rule `x-dewpoint-policy` wants regions within DE, FR; this place says nothing"),
        ("zone=own-network, zdr", "rule `x-dewpoint-policy` wants own-network or nearer; this place is vendor-cloud"),
    ] {
        let got = h.chat("", &[("x-dewpoint-policy", value)]).await;
        assert_eq!((got.status, got.json()["error"]["code"].as_str()), (403, Some("policy_denied")), "{value}");
        assert!(got.text().contains(told), "{}", got.text());
    }
    let got = h.chat("", &[("x-dewpoint-policy", "eu-only")]).await;
    assert_eq!((got.status, got.json()["error"]["param"].as_str()), (400, Some("x-dewpoint-policy")));
    assert!(got.text().contains("no-training"), "the words are listed: {}", got.text());
    assert_eq!(h.chat("", &[("x-dewpoint-tags", "a b")]).await.status, 400);
    assert_eq!(seen(&backend), 0, "nothing was sent");
    assert_eq!(h.chat("", &[("x-dewpoint-policy", "zone=vendor-cloud"), ("x-dewpoint-tags", "any")]).await.status, 200);
}

#[tokio::test]
async fn a_rule_about_a_tag_holds_wherever_the_tag_comes_from() {
    let key = |secret: &str, tags: Vec<Arc<str>>| Key {
        tags,
        ..Key::named(secret, digest(&SHA256, secret.as_bytes()).as_ref().try_into().unwrap())
    };
    let keys = vec![key("plain", vec![]), key("acme", vec!["customer:acme".into()])];
    let backend = cloud();
    let h = house_with(std::slice::from_ref(&backend), Limits::default(), keys).await;
    h.policy.store(Arc::new(at_home("customer:acme")));
    let code = |got: Got| (got.status != 200).then(|| got.json()["error"]["code"].as_str().unwrap().to_owned());
    let denied = Some("policy_denied".to_owned());
    assert_eq!(code(h.chat("", &[("x-api-key", "acme")]).await), denied);
    let header = [("x-api-key", "plain"), ("x-dewpoint-tags", "Customer:ACME")];
    assert_eq!(code(h.chat("", &header).await), denied);
    let body = r#"{"model":"help","messages":[{"role":"user","content":"Hi"}]}"#;
    let route = h.call("POST", "/v1/chat/completions", &[("x-api-key", "plain")], body).await;
    assert_eq!(code(route), denied);
    assert_eq!(seen(&backend), 0);
    assert_eq!(code(h.chat("", &[("x-api-key", "plain")]).await), None);
    // Anthropic's dialect has an error of its own shape.
    let body = r#"{"model":"help","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}"#;
    let got = h.call("POST", "/v1/messages", &[("x-api-key", "plain")], body).await;
    assert_eq!((got.status, got.json()["error"]["type"].as_str()), (403, Some("permission_error")), "{}", got.text());
    assert!(got.text().contains("rule `at-home` wants own-network or nearer"), "{}", got.text());
}

#[tokio::test]
async fn what_openrouter_reads_in_the_body_counts_elsewhere() {
    let backends = [cloud(), Scripted::new("openrouter", Zone::VendorCloud, vec![Act::Plain(answer("Hello."))])];
    let h = house(&backends).await;
    let body = r#"{"model":"auto","provider":{"zdr":true},"messages":[{"role":"user","content":"Hi"}]}"#;
    let got = h.call("POST", "/v1/chat/completions", &[], body).await;
    assert_eq!((got.status, got.header("x-dewpoint-place")), (200, "openrouter"), "{}", got.text());
    assert_eq!((seen(&backends[0]), seen(&backends[1])), (0, 1));
    let wrong = body.replace("true", "\"yes\"");
    assert_eq!(h.call("POST", "/v1/chat/completions", &[], wrong).await.status, 400);
}

#[tokio::test]
async fn data_that_must_stay_does_not_leave_when_its_place_fails() {
    let local = Scripted::new(
        "local",
        Zone::SameHost,
        vec![Act::Fail(decide::Cause::Connect), Act::Fail(decide::Cause::Connect)],
    );
    let backends = [local, cloud()];
    let h = house(&backends).await;
    let got = h.chat("", &[("x-dewpoint-class", "sensitive")]).await;
    assert!(got.status >= 500, "{}", got.text());
    assert_eq!(seen(&backends[1]), 0, "the cloud saw nothing");
    assert!(
        h.records()
            .iter()
            .all(|r| r.class == DataClass::Sensitive && r.place.as_ref().is_some_and(|p| p.as_str() == "local"))
    );
}
