//! Engines on loopback ports are told apart, by the answers that their real versions give.
#![allow(clippy::unwrap_used, clippy::panic)]

use backend::{Dialer, DialerOptions, identify};
use std::time::{Duration, Instant};
use testkit::{Answer, Fake, Step, Voice};

async fn found(fake: &Fake) -> Option<&'static str> {
    let dialer = Dialer::new(DialerOptions::default()).unwrap();
    identify(&fake.url(""), &dialer).await.map(|p| p.name)
}

#[tokio::test]
async fn each_engine_is_known_by_its_list() {
    for name in ["vllm", "sglang", "llama-server", "tensorrt-llm"] {
        let fake = Fake::start().await;
        let voice = Voice::of(name);
        fake.on(voice.models_route(), voice.models(&["m"]));
        assert_eq!(found(&fake).await, Some(name));
        let asked: Vec<_> = fake.seen().iter().map(|s| s.method.clone()).collect();
        assert!(asked.iter().all(|m| m == "GET"), "only questions: {asked:?}");
        assert!(fake.seen().iter().all(|s| s.header("authorization").is_none()));
    }
}

#[tokio::test]
async fn ollama_is_known_by_its_version_though_it_lists_models_as_openai_does() {
    let fake = Fake::start().await;
    fake.on("GET /api/version", Answer::json(200, r#"{"version":"0.12.1"}"#));
    fake.on("GET /v1/models", Answer::json(200, r#"{"object":"list","data":[{"id":"m","owned_by":"library"}]}"#));
    assert_eq!(found(&fake).await, Some("ollama"));
}

#[tokio::test]
async fn web_servers_silence_and_ourselves_are_nobody() {
    let web = Fake::start().await;
    for path in ["/api/version", "/v1/models", "/model_info"] {
        web.on(&format!("GET {path}"), Answer::new(200, "text/html", "<html>It works!</html>"));
    }
    assert_eq!(found(&web).await, None);
    let silent = Fake::start().await;
    for path in ["/api/version", "/v1/models", "/model_info"] {
        silent.on(&format!("GET {path}"), Answer::of(vec![Step::Stall]));
    }
    let began = Instant::now();
    assert_eq!(found(&silent).await, None);
    assert!(began.elapsed() < Duration::from_secs(5), "start-up does not wait for it");
    let ours = Fake::start().await;
    ours.on("GET /v1/models", Answer::json(200, r#"{"object":"list","data":[{"id":"edge","owned_by":"dewpoint"}]}"#));
    assert_eq!(found(&ours).await, None);
}
