//! Tests of discovery, with servers on free loopback ports.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::config::{self, Flags};
use crate::fleet;
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpListener;

fn settings(text: &str, book: &Book) -> Settings {
    let env = |name: &str| (name == "HOME").then(|| "/home/u".to_owned());
    config::load_text("d.toml", text, &Flags::default(), &env, book).unwrap()
}

fn found(config: &str, env: &[(&str, &str)], ports: &[u16]) -> Finds {
    let book = Book::built_in().unwrap();
    let settings = settings(config, &book);
    let map: HashMap<String, String> = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let dialer = fleet::dialer(&settings).unwrap();
    let lookup = |name: &str| map.get(name).cloned();
    fleet::short_runtime().unwrap().block_on(look(&settings, &lookup, &book, &dialer, ports))
}

fn names(finds: &Finds) -> Vec<&str> {
    finds.places.iter().map(|p| p.place.id.as_str()).collect()
}

/// A server on a free loopback port that answers every path by `answers`, and remembers what it was sent.
fn server(answers: &'static [(&'static str, &'static str)]) -> (u16, std::sync::Arc<std::sync::Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let log = seen.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let log = log.clone();
            std::thread::spawn(move || {
                let mut stream = stream;
                let mut bytes = [0; 4096];
                let read = stream.read(&mut bytes).unwrap_or(0);
                let request = String::from_utf8_lossy(&bytes[..read]).into_owned();
                let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                log.lock().unwrap().push_str(&request);
                let body = answers.iter().find(|(p, _)| *p == path).map(|(_, b)| *b);
                let (status, body) = body.map_or(("404 Not Found", "{}"), |b| ("200 OK", b));
                let head = format!(
                    "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(head.as_bytes());
                let _ = stream.write_all(body.as_bytes());
            });
        }
    });
    (port, seen)
}

const OLLAMA: &[(&str, &str)] = &[("/api/version", r#"{"version":"0.12.1"}"#)];
const VLLM: &[(&str, &str)] = &[("/v1/models", r#"{"object":"list","data":[{"id":"m","owned_by":"vllm"}]}"#)];
const STRANGER: &[(&str, &str)] =
    &[("/v1/models", r#"{"object":"list","data":[{"id":"gpt-4o","owned_by":"someone"}]}"#)];

#[test]
fn keys_in_the_environment_become_places_at_their_own_origin() {
    let finds =
        found("", &[("OPENAI_API_KEY", "sk-a"), ("ANTHROPIC_API_KEY", " sk-b\n"), ("QUBRID_API_KEY", "q")], &[]);
    assert_eq!(names(&finds), ["openai", "anthropic", "qubrid"]);
    for place in &finds.places {
        assert_eq!(Some(place.base_url.as_str()), place.profile.base_url);
        assert_eq!(place.place.zone, Zone::VendorCloud);
        assert!(place.key.is_some());
    }
    assert!(finds.places[0].models.len() >= 3 && finds.places[0].models[0].price.is_some());
    // Nothing is known of Qubrid's models: they are asked of the place, not guessed.
    assert!(finds.places[2].models.is_empty());
    assert!(finds.missed.contains(&"GEMINI_API_KEY".to_owned()), "{:?}", finds.missed);
}

#[test]
fn a_key_that_may_be_meant_for_another_address_is_left_alone() {
    let finds = found("", &[("OPENAI_API_KEY", "sk-a"), ("OPENAI_BASE_URL", "http://127.0.0.1:4000/v1")], &[]);
    assert!(finds.places.is_empty());
    assert_eq!(finds.left, ["OPENAI_API_KEY: OPENAI_BASE_URL names another address; configure it as a [[place]]"]);
    let same = found("", &[("OPENAI_API_KEY", "sk-a"), ("OPENAI_BASE_URL", "https://api.openai.com/v1/")], &[]);
    assert_eq!(names(&same), ["openai"]);
}

#[test]
fn keys_that_are_none_are_not_used() {
    let finds = found("", &[("OPENAI_API_KEY", "  "), ("GROQ_API_KEY", "two words")], &[]);
    assert!(finds.places.is_empty());
    assert!(finds.missed.contains(&"OPENAI_API_KEY".to_owned()));
    assert!(finds.left[0].starts_with("GROQ_API_KEY: ") && !finds.left[0].contains("words"), "{:?}", finds.left);
}

#[test]
fn what_is_configured_is_not_found_again() {
    let config =
        "[[place]]\nname = \"work\"\napi = \"openai\"\nbase_url = \"https://api.openai.com/v1\"\nmodels = [\"m\"]\n";
    let finds = found(config, &[("OPENAI_API_KEY", "sk-a")], &[]);
    assert!(finds.places.is_empty() && !finds.missed.contains(&"OPENAI_API_KEY".to_owned()));
    let named =
        "[[place]]\nname = \"openai\"\napi = \"openai\"\nbase_url = \"https://mine.example/v1\"\nmodels = [\"m\"]\n";
    let finds = found(named, &[("OPENAI_API_KEY", "sk-a")], &[]);
    assert!(finds.places.is_empty());
    assert_eq!(finds.left, ["OPENAI_API_KEY: another place is called \"openai\""]);
}

#[test]
fn engines_on_loopback_are_found_without_a_key_in_sight() {
    let (ollama, seen) = server(OLLAMA);
    let (vllm, _) = server(VLLM);
    let finds = found("", &[("OPENAI_API_KEY", "sk-secret")], &[ollama, vllm]);
    assert_eq!(names(&finds), ["openai", "ollama", "vllm"]);
    let p = &finds.places[1];
    assert_eq!(
        (p.base_url.clone(), p.place.zone, p.key.is_some()),
        (format!("http://127.0.0.1:{ollama}"), Zone::SameHost, false)
    );
    assert_eq!(finds.places[2].base_url, format!("http://127.0.0.1:{vllm}/v1"));
    let sent = seen.lock().unwrap().to_lowercase();
    assert!(sent.contains("get /api/version"), "{sent}");
    assert!(!sent.contains("secret") && !sent.contains("authorization"), "{sent}");
}

#[test]
fn a_server_that_does_not_say_what_it_is_is_left_alone() {
    let (port, _) = server(STRANGER);
    let finds = found("", &[], &[port]);
    assert!(finds.places.is_empty());
    assert!(finds.left[0].starts_with(&format!("port {port}: an OpenAI-compatible server")), "{:?}", finds.left);
}

#[test]
fn silence_is_reported_and_costs_little() {
    // A port that accepts and never answers, and one where nobody listens.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let port = silent.local_addr().unwrap().port();
    let started = std::time::Instant::now();
    let finds = found("", &[], &[port, closed]);
    assert!(started.elapsed() < Duration::from_millis(900), "{:?}", started.elapsed());
    assert!(finds.places.is_empty());
    let line = finds.missed_line();
    assert!(line.starts_with("looked for and not found: OPENAI_API_KEY, "), "{line}");
    assert!(line.ends_with(&format!("port {port}, port {closed}")), "{line}");
}

#[test]
fn two_engines_of_a_kind_get_two_names_and_ours_is_not_asked() {
    let ((a, _), (b, _)) = (server(VLLM), server(VLLM));
    let finds = found("", &[], &[a, b]);
    assert_eq!(names(&finds), ["vllm".to_owned(), format!("vllm-{b}")]);
    let own = format!("[server]\nlisten = \"127.0.0.1:{a}\"\n");
    assert_eq!(names(&found(&own, &[], &[a, b])), ["vllm"]);
}

#[test]
fn discovery_can_be_switched_off_in_parts() {
    let (port, seen) = server(VLLM);
    let env = [("OPENAI_API_KEY", "sk-a")];
    assert!(found("[discovery]\nenabled = false\n", &env, &[port]).places.is_empty());
    assert_eq!(names(&found("[discovery]\nloopback = false\n", &env, &[port])), ["openai"]);
    assert!(seen.lock().unwrap().is_empty());
    assert_eq!(names(&found("[discovery]\nenvironment = false\n", &env, &[port])), ["vllm"]);
}

#[test]
fn ollama_host_counts_only_on_this_host() {
    for (host, port) in [
        ("127.0.0.1:11500", Some(11500)),
        ("http://localhost:11434/", Some(11434)),
        (":11500", Some(11500)),
        ("0.0.0.0", Some(11434)),
        ("[::1]:11500", Some(11500)),
        ("192.168.1.5:11434", None),
        ("https://ollama.example.com", None),
        ("localhost.example.com:1", None),
        ("", Some(11434)),
        ("127.0.0.1:99999", None),
    ] {
        assert_eq!(loopback_port(host), port, "{host}");
    }
}
