//! How sure an upstream was of each token: asked for in its own words, read from what engines really send, and taken out of
//! what a caller gets who did not ask. Shapes are those of vLLM 0.33, llama.cpp's server, Ollama and OpenAI's two endpoints.

#![allow(clippy::unwrap_used, clippy::panic, clippy::float_cmp)]

use backend::{Backend, Deadlines, Dialer, DialerOptions, PlaceSpec, Reply, Secret, build};
use decide::Place;
use futures_util::StreamExt;
use serde_json::{Value, json};
use std::sync::Arc;
use testkit::{Answer as FakeAnswer, Fake, Voice, permit_for, place};
use wire::{Answer, Ask, Chunk, Endpoint, Event, Join, Message, Role, SIGN_LEAST, SIGNS_TOP, Sign};

struct Rig {
    fake: Fake,
    place: Arc<Place>,
    backend: Arc<dyn Backend>,
}

impl Rig {
    async fn new(profile: &'static str) -> Rig {
        let voice = Voice::of(profile);
        let fake = Fake::start().await;
        let place = place("there", voice.profile);
        let spec = PlaceSpec {
            place: place.clone(),
            models: Vec::new(),
            base_url: fake.url(voice.base_path()),
            key: Some(Secret::new("sk-test-0123456789abcdef")),
            profile: voice.profile,
        };
        let backend = build(spec, &Dialer::new(DialerOptions::default()).unwrap()).unwrap();
        Rig { fake, place, backend }
    }

    async fn send(&self, ask: Ask) -> Reply {
        let permit = permit_for(ask.id, &self.place, "test-model");
        self.backend.send(permit, Arc::new(ask), Deadlines::default()).await.unwrap()
    }

    async fn plain(&self, ask: Ask) -> Answer {
        let Reply::Plain(answer) = self.send(ask).await else { panic!("a plain answer") };
        *answer
    }

    async fn stream(&self, ask: Ask) -> Vec<Chunk> {
        let Reply::Stream(stream) = self.send(ask).await else { panic!("a stream") };
        stream.map(Result::unwrap).collect().await
    }
}

fn ask(endpoint: Endpoint, stream: bool, signs: bool, logprobs: Option<u32>) -> Ask {
    let mut ask = Ask::new(endpoint);
    ask.id = 7;
    ask.model = "test-model".into();
    ask.messages = vec![Message::text(Role::User, "6 times 7?")];
    (ask.stream, ask.signs, ask.logprobs) = (stream, signs, logprobs);
    ask
}

fn joined(chunks: &[Chunk]) -> Answer {
    let mut join = Join::default();
    chunks.iter().flat_map(|c| c.events.clone()).for_each(|e| join.push(e));
    assert!(join.is_done());
    join.finish()
}

fn raw(answer: &Answer) -> String {
    String::from_utf8(answer.raw.as_ref().unwrap().bytes.to_vec()).unwrap()
}

fn signs_of(answer: &Answer) -> &[Sign] {
    &answer.choices[0].signs
}

/// Entropy by hand: of the alternatives, with the rest as one more.
fn entropy(logprobs: &[f64]) -> f32 {
    let p: Vec<f64> = logprobs.iter().map(|l| l.exp()).collect();
    let rest = 1.0 - p.iter().sum::<f64>();
    p.iter().chain((rest > 1e-9).then_some(&rest)).map(|p| -p * p.ln()).sum::<f64>() as f32
}

fn near(sign: Sign, logprob: f32, entropy: f32, bytes: u16) {
    assert!((sign.logprob - logprob).abs() < 1e-6, "{sign:?}");
    assert!((sign.entropy.unwrap() - entropy).abs() < 1e-5, "{sign:?} {entropy}");
    assert_eq!(sign.bytes, bytes);
}

/// `choices[].logprobs` of the chat endpoint, as OpenAI and vLLM write it; llama.cpp adds `id`.
fn chat_logprobs() -> Value {
    let one = |token: &str, l: f64, top: &[(&str, f64)]| {
        let entry = |token: &str, l: f64| json!({"id": 42, "token": token, "bytes": token.as_bytes(), "logprob": l});
        let mut one = entry(token, l);
        one["top_logprobs"] = top.iter().map(|(t, l)| entry(t, *l)).collect();
        one
    };
    json!({"content": [
        one("4", -0.1, &[("4", -0.1), ("3", -2.5), ("5", -9999.0)]),
        one("2é", -1.25, &[("8", -0.5), ("1", -2.0)]),
    ], "refusal": null})
}

fn chat_body(logprobs: &Value) -> String {
    format!(
        r#"{{"id":"c1","object":"chat.completion", "created":5,"model":"m","choices":[{{"index":0,"message":{{"role":"assistant","content":"42é","logprobs":"not these"}}, "logprobs": {logprobs} ,"finish_reason":"stop","x_logprobs":[1]}}],"usage":{{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}},"system_fingerprint":"fp_1"}}"#
    )
}

fn check_chat(signs: &[Sign]) {
    assert_eq!(signs.len(), 2);
    near(signs[0], -0.1, entropy(&[-0.1, -2.5]), 1);
    // What was drawn stands beside what was likelier.
    near(signs[1], -1.25, entropy(&[-0.5, -2.0, -1.25]), 3);
}

#[tokio::test]
async fn whole_chat_answers_give_signs_and_the_caller_sees_none() {
    for profile in ["openai", "vllm", "llama-server", "sglang", "generic"] {
        let rig = Rig::new(profile).await;
        let body = chat_body(&chat_logprobs());
        rig.fake.on("POST /v1/chat/completions", FakeAnswer::json(200, body.clone()));
        let answer = rig.plain(ask(Endpoint::Chat, false, true, None)).await;
        let sent = rig.fake.last().json();
        assert_eq!((&sent["logprobs"], &sent["top_logprobs"]), (&json!(true), &json!(SIGNS_TOP)), "{profile}");
        check_chat(signs_of(&answer));
        assert!(answer.choices[0].logprobs.is_empty());
        // Byte for byte what an upstream writes that was not asked.
        assert_eq!(raw(&answer), chat_body(&Value::Null));
        assert_eq!(answer.choices[0].text.as_deref(), Some("42é"));
    }
}

#[tokio::test]
async fn who_asks_for_log_probabilities_gets_what_he_asked_for() {
    let rig = Rig::new("vllm").await;
    let body = chat_body(&chat_logprobs());
    rig.fake.on("POST /v1/chat/completions", FakeAnswer::json(200, body.clone()));
    let answer = rig.plain(ask(Endpoint::Chat, false, true, Some(2))).await;
    assert_eq!(rig.fake.last().json()["top_logprobs"], json!(2));
    check_chat(signs_of(&answer));
    assert_eq!(raw(&answer), body);
    let tokens: Vec<&str> = answer.choices[0].logprobs.iter().map(|t| t.token.as_str()).collect();
    assert_eq!(tokens, ["4", "2é"]);
    assert_eq!(answer.choices[0].logprobs[0].top.len(), 3);
    // Only the chosen token: nothing is known of the others.
    rig.fake.on(
        "POST /v1/chat/completions",
        FakeAnswer::json(
            200,
            chat_body(&json!({"content": [{"token": "42", "logprob": -9999.0, "bytes": null, "top_logprobs": []}]})),
        ),
    );
    let answer = rig.plain(ask(Endpoint::Chat, false, true, Some(0))).await;
    let sent = rig.fake.last().json();
    assert_eq!((&sent["logprobs"], sent.get("top_logprobs")), (&json!(true), None));
    assert_eq!(signs_of(&answer), [Sign { logprob: SIGN_LEAST, entropy: None, bytes: 2 }]);
}

#[tokio::test]
async fn without_signs_nothing_is_asked_for_and_nothing_is_touched() {
    let rig = Rig::new("vllm").await;
    let body = chat_body(&chat_logprobs());
    rig.fake.on("POST /v1/chat/completions", FakeAnswer::json(200, body.clone()));
    let answer = rig.plain(ask(Endpoint::Chat, false, false, None)).await;
    let sent = rig.fake.last().json();
    assert!(sent.get("logprobs").is_none() && sent.get("top_logprobs").is_none(), "{sent}");
    assert!(signs_of(&answer).is_empty());
    assert_eq!((raw(&answer), answer.choices[0].logprobs.len()), (body, 2));
}

/// A stream of frames.
fn frames(frames: &[String]) -> FakeAnswer {
    let pieces: Vec<String> = frames.iter().map(|f| format!("data: {f}\n\n")).collect();
    FakeAnswer::stream("text/event-stream", pieces)
}

fn delta(delta: &Value, logprobs: &Value, finish: &Value) -> String {
    json!({"id":"c1","object":"chat.completion.chunk","created":5,"model":"m","system_fingerprint":"fp_1",
           "choices":[{"index":0,"delta":delta,"logprobs":logprobs,"finish_reason":finish}]})
    .to_string()
}

fn one(token: &str, l: f64) -> Value {
    json!({"content": [{"token": token, "logprob": l, "bytes": token.as_bytes(),
                        "top_logprobs": [{"token": token, "logprob": l, "bytes": token.as_bytes()}]}]})
}

fn streamed(told: bool) -> Vec<String> {
    let l = |token: &str, p: f64| if told { one(token, p) } else { Value::Null };
    vec![
        delta(&json!({"role": "assistant", "content": ""}), &Value::Null, &Value::Null),
        delta(&json!({"reasoning_content": "Hm"}), &l("Hm", -3.0), &Value::Null),
        delta(&json!({"content": "4"}), &l("4", -0.25), &Value::Null),
        delta(&json!({"content": "2"}), &l("2", -0.75), &Value::Null),
        delta(
            &json!({"tool_calls": [{"index": 0, "id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}),
            &l("{}", -0.5),
            &Value::Null,
        ),
        delta(&json!({}), &Value::Null, &json!("stop")),
        json!({"id":"c1","object":"chat.completion.chunk","created":5,"model":"m","choices":[],
               "usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}})
        .to_string(),
        "[DONE]".into(),
    ]
}

#[tokio::test]
async fn streams_give_signs_before_the_text_and_the_caller_sees_none() {
    let rig = Rig::new("vllm").await;
    rig.fake.on("POST /v1/chat/completions", frames(&streamed(true)));
    let chunks = rig.stream(ask(Endpoint::Chat, true, true, None)).await;
    let sent = rig.fake.last().json();
    assert_eq!((&sent["logprobs"], &sent["top_logprobs"]), (&json!(true), &json!(SIGNS_TOP)));
    // Of the text and of the call, not of the reasoning.
    let answer = joined(&chunks);
    let said: Vec<(f32, u16)> = signs_of(&answer).iter().map(|s| (s.logprob, s.bytes)).collect();
    assert_eq!(said, [(-0.25, 1), (-0.75, 1), (-0.5, 2)]);
    assert!(answer.choices[0].logprobs.is_empty());
    for chunk in &chunks {
        let signs = chunk.events.iter().position(|e| matches!(e, Event::Signs { .. }));
        let about = chunk.events.iter().position(|e| matches!(e, Event::Text { text, .. } if !text.is_empty()));
        let call = chunk.events.iter().position(|e| matches!(e, Event::CallArguments { .. }));
        assert!(signs.is_none_or(|s| about.or(call).is_some_and(|a| s < a)), "{:?}", chunk.events);
        assert!(!chunk.events.iter().any(|e| matches!(e, Event::Text { logprobs, .. } if !logprobs.is_empty())));
    }
    let bytes = |chunks: &[Chunk]| -> Vec<String> {
        chunks.iter().filter_map(|c| c.raw.as_ref()).map(|r| String::from_utf8(r.bytes.to_vec()).unwrap()).collect()
    };
    assert_eq!(bytes(&chunks), streamed(false));
    // And who asked gets the frames as they came.
    let chunks = rig.stream(ask(Endpoint::Chat, true, true, Some(1))).await;
    assert_eq!(bytes(&chunks), streamed(true));
    assert_eq!(signs_of(&joined(&chunks)).len(), 3);
}

#[tokio::test]
async fn the_completions_endpoint_has_parallel_lists() {
    let rig = Rig::new("vllm").await;
    let logprobs = json!({"text_offset": [0, 1, 2], "tokens": ["4", "2", "\n"], "token_logprobs": [-0.25, null, -0.5],
                          "top_logprobs": [{"4": -0.25, "5": -1.75}, null, {"\n": -0.5}]});
    let body = |l: &Value| {
        json!({"id":"c","object":"text_completion","created":1,"model":"m",
               "choices":[{"index":0,"text":"42\n","logprobs":l,"finish_reason":"stop"}]})
        .to_string()
    };
    rig.fake.on("POST /v1/completions", FakeAnswer::json(200, body(&logprobs)));
    let answer = rig.plain(ask(Endpoint::Completions, false, true, None)).await;
    assert_eq!(rig.fake.last().json()["logprobs"], json!(SIGNS_TOP));
    let signs = signs_of(&answer);
    assert_eq!(signs.len(), 2, "a token without one has none: {signs:?}");
    near(signs[0], -0.25, entropy(&[-0.25, -1.75]), 1);
    near(signs[1], -0.5, entropy(&[-0.5]), 1);
    assert_eq!(raw(&answer), body(&Value::Null));
    // An echoed prompt has log-probabilities, too, which nobody doubts.
    let mut echoed = ask(Endpoint::Completions, false, true, None);
    echoed.echo = true;
    let answer = rig.plain(echoed).await;
    assert!(rig.fake.last().json().get("logprobs").is_none());
    assert!(signs_of(&answer).is_empty());
}

#[tokio::test]
async fn ollama_says_them_beside_each_line() {
    let rig = Rig::new("ollama").await;
    let line = |text: &str, l: f64| {
        let token = json!({"token": text, "logprob": l, "bytes": text.as_bytes(),
                           "top_logprobs": [{"token": text, "logprob": l, "bytes": text.as_bytes()}]});
        json!({"model": "m", "created_at": "2026-08-01T00:00:00Z", "message": {"role": "assistant", "content": text},
               "done": false, "logprobs": [token]})
        .to_string()
            + "\n"
    };
    let end = json!({"model": "m", "created_at": "2026-08-01T00:00:00Z", "message": {"role": "assistant", "content": ""},
                     "done": true, "done_reason": "stop", "prompt_eval_count": 3, "eval_count": 2});
    let lines = [line("4", -0.5), line("2", -1.5), end.to_string() + "\n"];
    rig.fake.on("POST /api/chat", FakeAnswer::stream("application/x-ndjson", lines.to_vec()));
    let chunks = rig.stream(ask(Endpoint::Chat, true, true, None)).await;
    let sent = rig.fake.last().json();
    assert_eq!((&sent["logprobs"], &sent["top_logprobs"]), (&json!(true), &json!(SIGNS_TOP)));
    let answer = joined(&chunks);
    assert_eq!(signs_of(&answer).iter().map(|s| s.logprob).collect::<Vec<_>>(), [-0.5, -1.5]);
    assert!(answer.choices[0].logprobs.is_empty());
    assert_eq!(answer.choices[0].text.as_deref(), Some("42"));
    let whole = json!({"model": "m", "created_at": "2026-08-01T00:00:00Z", "message": {"role": "assistant", "content": "42"},
                       "done": true, "done_reason": "stop", "logprobs": [{"token": "42", "logprob": -0.5}]});
    rig.fake.on("POST /api/chat", FakeAnswer::json(200, whole.to_string()));
    let answer = rig.plain(ask(Endpoint::Chat, false, true, None)).await;
    assert_eq!(signs_of(&answer), [Sign { logprob: -0.5, entropy: None, bytes: 2 }]);
    assert!(answer.choices[0].logprobs.is_empty());
}

#[tokio::test]
async fn anthropic_has_none_and_is_asked_for_none() {
    let rig = Rig::new("anthropic").await;
    let body = json!({"id": "m1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn", "stop_sequence": null,
                      "content": [{"type": "text", "text": "42"}], "usage": {"input_tokens": 3, "output_tokens": 2}});
    rig.fake.on("POST /v1/messages", FakeAnswer::json(200, body.to_string()));
    let answer = rig.plain(ask(Endpoint::Chat, false, true, None)).await;
    assert!(!rig.fake.last().json().to_string().contains("logprobs"));
    assert!(signs_of(&answer).is_empty());
    assert_eq!(raw(&answer), body.to_string());
}
