//! Bad input, limits (at the limit and one past it), paths, keys.

use super::house::*;
use decide::{DataClass, Zone};
use gateway::{Key, Limits};
use ring::digest::{SHA256, digest};

async fn one() -> House {
    house(&[Scripted::new("local", Zone::SameHost, vec![Act::Plain(answer("Hello."))])]).await
}

#[tokio::test]
async fn errors_of_openai_have_all_four_keys() {
    let h = one().await;
    for (body, status) in [
        ("", 400),
        ("{", 400),
        ("null", 400),
        ("[]", 400),
        (r#"{"model":"auto"}"#, 400),
        (r#"{"model":1,"messages":[]}"#, 400),
    ] {
        let got = h.call("POST", "/v1/chat/completions", &[], body).await;
        assert_eq!(got.status, status, "{body}: {}", got.text());
        let error = &got.json()["error"];
        for key in ["message", "type", "param", "code"] {
            assert!(error.get(key).is_some(), "{body}: {key} is missing in {error}");
        }
        assert!(!got.header("x-request-id").is_empty());
    }
}

#[tokio::test]
async fn content_that_nobody_knows_is_refused_and_a_vendors_own_goes_to_its_kind_only() {
    let h = one().await;
    let body = |part: &str| format!(r#"{{"model":"auto","messages":[{{"role":"user","content":[{part}]}}]}}"#);
    let got = h.call("POST", "/v1/chat/completions", &[], body(r#"{"type":"hologram"}"#)).await;
    assert_eq!((got.status, got.json()["error"]["param"].as_str()), (400, Some("messages[0].content[0].type")));
    let document = r#"{"type":"document","source":{"type":"url","url":"https://example.com/a.pdf"}}"#;
    let anthropic = body(document).replace("\"model\"", "\"max_tokens\":9,\"model\"");
    let got = h.call("POST", "/v1/messages", &[], anthropic).await;
    assert_eq!(got.status, 400, "an OpenAI place cannot be given it: {}", got.text());
    let file = r#"{"type":"file","file":{"file_id":"f"}}"#;
    assert_eq!(h.call("POST", "/v1/chat/completions", &[], body(file)).await.status, 200);
}

#[tokio::test]
async fn errors_of_anthropic_carry_the_request_id() {
    let h = one().await;
    let got = h.call("POST", "/v1/messages", &[("x-request-id", "abc")], "{").await;
    let body = got.json();
    assert_eq!((got.status, body["type"].as_str(), body["request_id"].as_str()), (400, Some("error"), Some("abc")));
    assert_eq!(body["error"]["type"], "invalid_request_error");
}

#[tokio::test]
async fn a_body_at_the_limit_passes_and_one_past_it_does_not() {
    let h = one().await;
    let body = |length: usize| {
        let head = r#"{"model":"auto","messages":[{"role":"user","content":""#;
        let tail = r#""}]}"#;
        format!("{head}{}{tail}", "a".repeat(length - head.len() - tail.len()))
    };
    assert_eq!(h.call("POST", "/v1/chat/completions", &[], body(2_048)).await.status, 200);
    let got = h.call("POST", "/v1/chat/completions", &[], body(2_049)).await;
    assert_eq!((got.status, got.json()["error"]["code"].as_str()), (413, Some("request_too_large")));
}

#[tokio::test]
async fn compressed_bodies_are_refused_not_guessed() {
    let h = one().await;
    let got = h.call("POST", "/v1/chat/completions", &[("content-encoding", "gzip")], "x").await;
    assert_eq!(got.status, 415);
}

#[tokio::test]
async fn unknown_paths_and_methods() {
    let h = one().await;
    for path in [
        "/",
        "/v1",
        "/v1//chat/completions",
        "/v1/chat/completions/",
        "/V1/models",
        "/v1/models/",
        "/admin",
        "/v1/%2e%2e/x",
    ] {
        let got = h.call("POST", path, &[], "{}").await;
        assert_eq!(got.status, 404, "{path}");
        assert_eq!(got.json()["error"]["code"], "not_found", "{path}");
    }
    assert_eq!(h.call("GET", "/v1/chat/completions", &[], "").await.status, 405);
    assert_eq!(h.call("DELETE", "/v1/models", &[], "").await.status, 405);
}

#[tokio::test]
async fn unknown_models_are_named_with_what_there_is() {
    let h = one().await;
    for model in ["gpt-9", "../../etc/passwd", "http://169.254.169.254/", "auto:wrong"] {
        let body = serde_json::json!({"model": model, "messages": [{"role": "user", "content": "x"}]}).to_string();
        let got = h.call("POST", "/v1/chat/completions", &[], body).await;
        assert_eq!((got.status, got.json()["error"]["code"].as_str()), (404, Some("model_not_found")), "{model}");
        assert!(got.text().contains("local/m"), "{}", got.text());
    }
    let long =
        serde_json::json!({"model": "a".repeat(300), "messages": [{"role": "user", "content": "x"}]}).to_string();
    assert_eq!(h.call("POST", "/v1/chat/completions", &[], long).await.status, 400);
}

#[tokio::test]
async fn models_are_listed_and_found_by_either_name() {
    let h = one().await;
    let list = h.call("GET", "/v1/models", &[], "").await.json();
    let ids: Vec<_> = list["data"].as_array().unwrap().iter().map(|m| m["id"].as_str().unwrap().to_owned()).collect();
    assert!(ids.contains(&"auto".to_owned()) && ids.contains(&"local/m".to_owned()), "{ids:?}");
    for name in ["m", "local/m", "local%2Fm", "auto"] {
        assert_eq!(h.call("GET", &format!("/v1/models/{name}"), &[], "").await.status, 200, "{name}");
    }
    let got = h.call("GET", "/v1/models/nope", &[], "").await;
    assert_eq!((got.status, got.json()["error"]["code"].as_str()), (404, Some("model_not_found")));
    let anthropic = h.call("GET", "/v1/models", &[("anthropic-version", "2023-06-01")], "").await.json();
    assert_eq!(anthropic["has_more"], false);
}

#[tokio::test]
async fn health_readiness_and_metrics() {
    let h = one().await;
    assert_eq!(h.call("GET", "/healthz", &[], "").await.status, 200);
    let ready = h.call("GET", "/readyz", &[], "").await;
    assert_eq!((ready.status, ready.json()["status"].as_str()), (200, Some("ready")));
    h.chat("", &[]).await;
    let text = h.call("GET", "/metrics", &[], "").await.text();
    for name in [
        "gen_ai_client_token_usage_bucket",
        "gen_ai_client_operation_duration_seconds_count",
        "dewpoint_attempts_total",
    ] {
        assert!(text.contains(name), "{name} in {text}");
    }
    h.wiring.draining.store(true, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(h.call("GET", "/readyz", &[], "").await.status, 503);
    let empty = house(&[]).await;
    assert_eq!(empty.call("GET", "/readyz", &[], "").await.status, 503);
}

#[tokio::test]
async fn with_keys_only_keys_are_admitted_and_scopes_hold() {
    let key = |secret: &str, class, places: Option<Vec<String>>| Key {
        places,
        class,
        ..Key::named(secret, digest(&SHA256, secret.as_bytes()).as_ref().try_into().unwrap())
    };
    let keys = vec![
        key("good", None, None),
        key("narrow", None, Some(vec!["nowhere".into()])),
        key("private", Some(DataClass::Sensitive), None),
    ];
    let backends = [Scripted::new("cloud", Zone::VendorCloud, vec![Act::Plain(answer("Hello."))])];
    let h = house_with(&backends, Limits::default(), keys).await;
    let status = async |key: &str| h.chat("", &[("authorization", &format!("Bearer {key}"))]).await;
    assert_eq!(h.chat("", &[]).await.status, 401);
    assert_eq!(status("wrong").await.status, 401);
    assert_eq!(status("' OR '1'='1").await.status, 401);
    assert_eq!(status("good").await.status, 200);
    assert_eq!(status("narrow").await.json()["error"]["code"], "forbidden");
    // A key's class cannot be lowered by the request.
    let lowered = [("x-api-key", "private"), ("x-dewpoint-class", "public")];
    assert_eq!(h.chat("", &lowered).await.json()["error"]["code"], "policy_denied");
    assert_eq!(h.call("GET", "/v1/models", &[], "").await.status, 401);
    assert_eq!(h.call("GET", "/healthz", &[], "").await.status, 200, "health needs no key");
    let keys: Vec<_> = h.records().iter().map(|r| r.key.clone().unwrap().to_string()).collect();
    assert_eq!(keys, ["good", "narrow", "private"]);
}

#[tokio::test]
async fn a_web_page_cannot_use_an_open_gateway() {
    let h = one().await;
    assert_eq!(h.chat("", &[("origin", "https://evil.example")]).await.status, 403);
    assert_eq!(h.chat("", &[("host", "evil.example")]).await.status, 403);
    assert_eq!(h.chat("", &[("origin", "http://localhost:3000")]).await.status, 200);
}

/// Sends bytes as they are and gives the status that comes back.
async fn raw(h: &House, request: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    #[expect(
        clippy::disallowed_methods,
        reason = "what no HTTP client would send must be sent by hand, and only on loopback"
    )]
    let mut socket = tokio::net::TcpStream::connect(h.address).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut buffer = [0; 64];
    let n = socket.read(&mut buffer).await.unwrap();
    String::from_utf8_lossy(&buffer[..n]).split(' ').nth(1).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_request_names_exactly_one_host() {
    let h = one().await;
    for (head, status) in [
        ("GET /v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n", "200"),
        ("HEAD /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n", "200"),
        ("GET /healthz HTTP/1.0\r\n\r\n", "200"),
        ("GET /v1/models HTTP/1.1\r\n\r\n", "400"),
        ("GET /v1/models HTTP/1.1\r\nhost: localhost\r\nhost: localhost\r\n\r\n", "400"),
        ("GET /v1/models HTTP/1.1\r\nhost: localhost/#@evil\r\n\r\n", "400"),
        ("GET http://evil.example/v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n", "400"),
        ("GET http://evil.example/v1/models HTTP/1.1\r\nhost: evil.example\r\n\r\n", "403"),
    ] {
        assert_eq!(raw(&h, head).await, status, "{head}");
    }
}

#[tokio::test]
async fn connections_are_served_up_to_the_limit_and_closed_one_past_it() {
    use tokio::io::AsyncReadExt;
    let backends = [Scripted::new("local", Zone::SameHost, vec![])];
    let h = house_with(&backends, Limits { connections_max: 2, ..Limits::default() }, vec![]).await;
    let ask = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut socket = crate::gone::sent(&h, ask).await;
        let mut seen = [0; 12];
        socket.read_exact(&mut seen).await.unwrap();
        assert_eq!(&seen, b"HTTP/1.1 200", "at the limit");
        open.push(socket);
    }
    let mut socket = crate::gone::sent(&h, "").await;
    assert_eq!(crate::gone::rest(&mut socket).await, "", "one past it");
    drop(open.pop());
    for _ in 0..200 {
        let mut socket = crate::gone::sent(&h, "").await;
        let read = tokio::time::timeout(std::time::Duration::from_millis(20), socket.read(&mut [0; 1])).await;
        if read.is_err() {
            return;
        }
    }
    panic!("a place that became free is not given again");
}
