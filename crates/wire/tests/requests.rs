//! Requests: the same dialect keeps every member, other dialects get what maps (goldens under `golden/`), and what is
//! wrong is named.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::{Value, json};
use std::collections::BTreeMap;
use wire::{Ask, Content, Format, Media, Part, Role, Shape, WireError, anthropic, ollama, openai};

const CHAT: &str = include_str!("golden/chat_every_field.json");
const COMPLETIONS: &str = include_str!("golden/completions_every_field.json");
const MESSAGES: &str = include_str!("golden/messages_every_field.json");

fn shape() -> Shape {
    Shape { model: "m".to_owned(), developer: true, ..Shape::default() }
}

fn value(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(body)))
}

fn chat(body: &Value) -> Ask {
    openai::read_chat(body.to_string().as_bytes()).unwrap()
}

/// With keys in alphabetical order, whatever features `serde_json` was built with.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<String, Value> = members.into_iter().map(|(k, v)| (k, sorted(v))).collect();
            Value::Object(members.into_iter().collect())
        }
        Value::Array(list) => list.into_iter().map(sorted).collect(),
        other => other,
    }
}

/// Compares a written request with the one under `golden/`; `INSTA_UPDATE=always` writes it anew.
fn golden(name: &str, body: &[u8]) {
    insta::with_settings!({ snapshot_path => "golden", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, serde_json::to_string_pretty(&sorted(value(body))).unwrap());
    });
}

/// The top-level fields of the official description (`CreateChatCompletionRequest` with what it inherits). The one that
/// is missing is `max_tokens`, which `max_completion_tokens` replaces.
const DOCUMENTED: [&str; 37] = [
    "metadata",
    "top_logprobs",
    "temperature",
    "top_p",
    "user",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "prompt_cache_options",
    "messages",
    "model",
    "service_tier",
    "modalities",
    "verbosity",
    "reasoning_effort",
    "max_completion_tokens",
    "frequency_penalty",
    "presence_penalty",
    "web_search_options",
    "response_format",
    "audio",
    "store",
    "moderation",
    "stream",
    "stop",
    "logit_bias",
    "logprobs",
    "n",
    "prediction",
    "seed",
    "stream_options",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "function_call",
    "functions",
    "top_k",
];

#[test]
fn the_chat_fixture_has_every_documented_field() {
    let fixture = value(CHAT.as_bytes());
    for key in DOCUMENTED {
        assert!(fixture.get(key).is_some(), "{key}");
    }
}

#[test]
fn a_chat_request_keeps_every_member() {
    let ask = openai::read_chat(CHAT.as_bytes()).unwrap();
    let out = openai::write_chat(&ask, &Shape { max_completion_tokens: true, ..shape() });
    assert_eq!(value(&out), value(CHAT.as_bytes()));
}

#[test]
fn a_completions_request_keeps_every_member() {
    let ask = openai::read_completions(COMPLETIONS.as_bytes()).unwrap();
    assert_eq!(value(&openai::write_completions(&ask, &shape())), value(COMPLETIONS.as_bytes()));
    for prompt in [json!("one"), json!([1, 2, 3]), json!([[1], [2]])] {
        let body = json!({"model": "m", "prompt": prompt});
        let ask = openai::read_completions(body.to_string().as_bytes()).unwrap();
        assert_eq!(value(&openai::write_completions(&ask, &shape())), body);
        assert_eq!(ask.messages.is_empty(), prompt.is_array());
    }
    let without = json!({"model": "m"});
    let ask = openai::read_completions(without.to_string().as_bytes()).unwrap();
    assert_eq!(value(&openai::write_completions(&ask, &shape())), without, "no prompt is none, not an empty list");
}

#[test]
fn a_messages_request_keeps_every_member() {
    let ask = anthropic::read_messages(MESSAGES.as_bytes()).unwrap();
    assert_eq!(value(&anthropic::write_messages(&ask, &shape())), value(MESSAGES.as_bytes()));
}

#[test]
fn requests_in_other_dialects() {
    let ask = openai::read_chat(CHAT.as_bytes()).unwrap();
    golden("chat_to_anthropic", &anthropic::write_messages(&ask, &shape()));
    golden("chat_to_ollama", &ollama::write_chat(&ask, &shape()));
    golden("chat_to_completions", &openai::write_completions(&ask, &shape()));
    let ask = anthropic::read_messages(MESSAGES.as_bytes()).unwrap();
    golden("messages_to_chat", &openai::write_chat(&ask, &shape()));
    golden("messages_to_ollama", &ollama::write_chat(&ask, &shape()));
    let ask = openai::read_completions(COMPLETIONS.as_bytes()).unwrap();
    golden("completions_to_chat", &openai::write_chat(&ask, &shape()));
    golden("completions_to_anthropic", &anthropic::write_messages(&ask, &shape()));
}

#[test]
fn the_canonical_form_is_what_it_says() {
    let ask = openai::read_chat(CHAT.as_bytes()).unwrap();
    let roles: Vec<Role> = ask.messages.iter().map(|m| m.role).collect();
    assert_eq!(roles[..4], [Role::Developer, Role::System, Role::User, Role::Assistant]);
    assert_eq!(ask.messages[7].role, Role::Tool);
    assert_eq!(ask.messages[3].reasoning, Some(("A cat, I think.".to_owned(), None)));
    let Content::Parts(parts) = &ask.messages[2].content else { panic!() };
    assert!(matches!(&parts[1], Part::Image { media: Media::Url(_), detail: Some(d), .. } if d == "low"));
    assert!(
        matches!(&parts[2], Part::Image { media: Media::Base64 { media_type, .. }, .. } if media_type == "image/png")
    );
    assert!(matches!(&parts[4], Part::Other { kind, .. } if kind == "file"));
    assert_eq!(ask.logprobs, Some(5));
    assert!(ask.include_usage && ask.stream);
    assert!(matches!(&ask.format, Some(Format::JsonSchema { strict: Some(true), .. })));

    let ask = anthropic::read_messages(MESSAGES.as_bytes()).unwrap();
    let roles: Vec<Role> = ask.messages.iter().map(|m| m.role).collect();
    use Role::{Assistant, System, Tool, User};
    assert_eq!(roles, [System, User, Assistant, User, Assistant, Tool, Tool, User, Assistant, Tool]);
    assert!(ask.messages[6].is_error);
    assert_eq!(ask.messages[4].tool_calls[0].arguments, r#"{"at": "cat", "deep": {"z": 1, "a": [true]}}"#);
    assert_eq!(ask.messages[4].reasoning.as_ref().unwrap().1.as_deref(), Some("c2ln"));
    assert_eq!(ask.reasoning.as_ref().unwrap().budget_tokens, Some(1000));
    assert_eq!(ask.parallel_tool_calls, Some(false));
    assert_eq!(ask.user.as_deref(), Some("u-1"));
}

#[test]
fn members_in_alphabetical_order_read_the_same() {
    // `type` comes last here, so the parts are read late.
    let body = sorted(value(CHAT.as_bytes())).to_string();
    let ask = openai::read_chat(body.as_bytes()).unwrap();
    let out = openai::write_chat(&ask, &Shape { max_completion_tokens: true, ..shape() });
    assert_eq!(value(&out), value(CHAT.as_bytes()));
    let body = sorted(value(MESSAGES.as_bytes())).to_string();
    let ask = anthropic::read_messages(body.as_bytes()).unwrap();
    assert_eq!(value(&anthropic::write_messages(&ask, &shape())), value(MESSAGES.as_bytes()));
}

#[test]
fn a_shape_is_obeyed() {
    let ask = openai::read_chat(CHAT.as_bytes()).unwrap();
    let strip = ["temperature", "metadata", "messages"].map(str::to_owned).to_vec();
    let keep_extra = Some(vec!["store".to_owned()]);
    let out = value(&openai::write_chat(&ask, &Shape { strip, keep_extra, ..shape() }));
    for gone in ["temperature", "metadata", "messages", "field_of_tomorrow", "max_completion_tokens"] {
        assert!(out.get(gone).is_none(), "{gone}");
    }
    assert_eq!((&out["store"], &out["max_tokens"]), (&json!(false), &json!(300)));
    assert_eq!(out["stream_options"], json!({"include_usage": true}));

    let plain = chat(&json!({"model": "x", "messages": [{"role": "user", "content": "a"}]}));
    let out = value(&openai::write_chat(&plain, &Shape { stream_usage: true, ..shape() }));
    assert_eq!(out, json!({"model": "m", "messages": [{"role": "user", "content": "a"}]}), "nothing is made up");
    let streamed = chat(&json!({"model": "x", "stream": true, "messages": [{"role": "user", "content": "a"}]}));
    let out = value(&openai::write_chat(&streamed, &Shape { stream_usage: true, ..shape() }));
    assert_eq!(out["stream_options"], json!({"include_usage": true}));
}

#[test]
fn safety_identifier_stands_in_for_user_without_becoming_it() {
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "a"}], "safety_identifier": "s"});
    let ask = chat(&body);
    assert_eq!(ask.user.as_deref(), Some("s"));
    assert_eq!(value(&openai::write_chat(&ask, &shape())), body);
}

#[test]
fn thinking_goes_to_anthropic_only_where_it_is_taken() {
    let base = json!({"model": "m", "messages": [{"role": "user", "content": "a"}], "reasoning_effort": "medium", "temperature": 0.5});
    let sent = |changes: Value| {
        let mut body = base.clone();
        body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        value(&anthropic::write_messages(&chat(&body), &shape()))
    };
    let out = sent(json!({}));
    assert_eq!(out["thinking"], json!({"type": "enabled", "budget_tokens": 4096}));
    assert_eq!((&out["max_tokens"], out.get("temperature")), (&json!(8192), None));
    assert_eq!(sent(json!({"max_tokens": 2000}))["thinking"]["budget_tokens"], json!(1999));
    let tool = json!([{"type": "function", "function": {"name": "f"}}]);
    for without in [
        json!({"max_tokens": 500}),
        json!({"reasoning_effort": "none"}),
        json!({"tools": tool, "tool_choice": "required"}),
    ] {
        let out = sent(without);
        assert!(out.get("thinking").is_none() && out["temperature"] == json!(0.5), "{out}");
    }
}

#[test]
fn old_conversations_fit_anthropic() {
    let out = value(&anthropic::write_messages(
        &chat(&json!({"model": "m", "messages": [
            {"role": "user", "content": "a"},
            {"role": "user", "content": "b"},
            {"role": "assistant", "content": ""},
            {"role": "assistant", "content": null, "tool_calls": [{"id": "call:1", "type": "function", "function": {"name": "f", "arguments": "{\"cut"}}]},
            {"role": "tool", "tool_call_id": "call:1", "content": "r"},
            {"role": "system", "content": "late"},
            {"role": "user", "content": "c"}
        ]})),
        &shape(),
    ));
    assert_eq!(out["system"], json!("late"));
    assert_eq!(
        out["messages"],
        json!([
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "call_1", "name": "f", "input": {"arguments": "{\"cut"}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "r"}, {"type": "text", "text": "c"}]},
        ])
    );
}

/// What is wrong, and where: body, field, a word of the message.
#[test]
fn mistakes_are_named() {
    let ok = r#""messages":[{"role":"user","content":"a"}]"#;
    let cases: Vec<(String, Option<&str>, &str)> = vec![
        (String::new(), None, "empty"),
        ("[]".into(), None, "must be an object, but it is a list"),
        ("{} {}".into(), None, "not valid JSON"),
        ("{".into(), None, "ends too early"),
        ("\u{0}".into(), None, "not valid JSON"),
        ("{}".into(), Some("model"), "missing"),
        (format!(r#"{{"model":"",{ok}}}"#), Some("model"), "missing"),
        (format!(r#"{{"model":7,{ok}}}"#), Some("model"), "must be a string, but it is the number 7"),
        (format!(r#"{{"model":"a","model":"b",{ok}}}"#), Some("model"), "duplicate field"),
        (format!(r#"{{"model":"a",{ok},{ok}}}"#), Some("messages"), "duplicate field"),
        (format!(r#"{{"model":"a","stream":true,"stream":null,{ok}}}"#), Some("stream"), "duplicate field"),
        (format!(r#"{{"model":"a","stream":"yes",{ok}}}"#), Some("stream"), "true or false, but it is a string"),
        (format!(r#"{{"model":"a","temperature":NaN,{ok}}}"#), None, "not valid JSON"),
        (format!(r#"{{"model":"a","temperature":1e400,{ok}}}"#), Some("temperature"), "out of range"),
        (format!(r#"{{"model":"a","temperature":1e300,{ok}}}"#), Some("temperature"), "from 0 to 100"),
        (format!(r#"{{"model":"a","top_p":-1,{ok}}}"#), Some("top_p"), "from 0 to 1"),
        (format!(r#"{{"model":"a","n":1000000,{ok}}}"#), Some("n"), "from 1 to 128"),
        (format!(r#"{{"model":"a","max_tokens":99999999999,{ok}}}"#), Some("max_tokens"), "at most"),
        (format!(r#"{{"model":"a","max_tokens":-7,{ok}}}"#), Some("max_tokens"), "not be negative"),
        (format!(r#"{{"model":"a","max_tokens":1.5,{ok}}}"#), Some("max_tokens"), "whole number"),
        (format!(r#"{{"model":"a","stop":7,{ok}}}"#), Some("stop"), "a string or a list"),
        (format!(r#"{{"model":"a","stop":["a",7],{ok}}}"#), Some("stop[1]"), "must be a string"),
        (format!(r#"{{"model":"a","tool_choice":7,{ok}}}"#), Some("tool_choice"), "auto"),
        (format!(r#"{{"model":"a","tools":[{{"type":"function"}}],{ok}}}"#), Some("tools[0].function"), "missing"),
        (
            format!(r#"{{"model":"a","tools":[{{"type":"function","function":{{}}}}],{ok}}}"#),
            Some("tools[0].function.name"),
            "missing",
        ),
        (
            format!(r#"{{"model":"a","response_format":{{"type":"json_schema"}},{ok}}}"#),
            Some("response_format.json_schema"),
            "missing",
        ),
        (r#"{"model":"a","messages":[]}"#.into(), Some("messages"), "empty"),
        (r#"{"model":"a","messages":{}}"#.into(), Some("messages"), "must be a list, but it is an object"),
        (r#"{"model":"a","messages":["hi"]}"#.into(), Some("messages[0]"), "a message (an object), but it is a string"),
        (r#"{"model":"a","messages":[{"content":"x"}]}"#.into(), Some("messages[0].role"), "missing"),
        (r#"{"model":"a","messages":[{"role":"boss"}]}"#.into(), Some("messages[0].role"), "system, developer, user"),
        (
            r#"{"model":"a","messages":[{"role":"user","content":7}]}"#.into(),
            Some("messages[0].content"),
            "a string or a list",
        ),
        (
            r#"{"model":"a","messages":[{"role":"user","content":[{"text":"x"}]}]}"#.into(),
            Some("messages[0].content[0].type"),
            "missing",
        ),
        (
            r#"{"model":"a","messages":[{"role":"user","content":[{"type":"text"}]}]}"#.into(),
            Some("messages[0].content[0].text"),
            "missing",
        ),
        (
            r#"{"model":"a","messages":[{"role":"user","content":[{"text":7,"type":"text"}]}]}"#.into(),
            Some("messages[0].content[0].text"),
            "must be a string, but it is the number 7",
        ),
        (
            r#"{"model":"a","messages":[{"role":"user","content":[{"type":"image_url","image_url":{}}]}]}"#.into(),
            Some("messages[0].content[0].image_url.url"),
            "missing",
        ),
        (
            r#"{"model":"a","messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{}}]}]}"#.into(),
            Some("messages[0].content[0].input_audio"),
            "base64",
        ),
        (
            r#"{"model":"a","messages":[{"role":"assistant","tool_calls":[{"function":{"name":7}}]}]}"#.into(),
            Some("messages[0].tool_calls[0].function.name"),
            "string",
        ),
    ];
    for (body, param, word) in cases {
        check(openai::read_chat(body.as_bytes()), &body, param, word);
    }
    check(openai::read_chat(b"{\"model\":\"\xFF\"}"), "invalid UTF-8", None, "UTF-8");
    check(openai::read_chat("[".repeat(100_000).as_bytes()), "deep", None, "128");
    let deep = format!(r#"{{"model":"a","x":{}{},{ok}}}"#, "[".repeat(200), "]".repeat(200));
    check(openai::read_chat(deep.as_bytes()), "deep in an unknown member", None, "128");
}

#[test]
fn mistakes_in_prompts_are_named() {
    for (prompt, param, word) in [
        ("7", "prompt", "a string, a list"),
        ("[]", "prompt", "not empty"),
        (r#"["a",7]"#, "prompt[1]", "must be a string"),
        ("{}", "prompt", "a string, a list"),
    ] {
        let body = format!(r#"{{"model":"a","prompt":{prompt}}}"#);
        check(openai::read_completions(body.as_bytes()), &body, Some(param), word);
    }
}

#[test]
fn mistakes_in_messages_are_named() {
    let ok = r#""max_tokens":5,"messages":[{"role":"user","content":"a"}]"#;
    for (body, param, word) in [
        (r#"{"model":"a","messages":[{"role":"user","content":"a"}]}"#.to_owned(), Some("max_tokens"), "missing"),
        (format!(r#"{{{ok}}}"#), Some("model"), "missing"),
        (format!(r#"{{"model":"a",{ok},"messages":[]}}"#), Some("messages"), "duplicate field"),
        (format!(r#"{{"model":"a",{ok},"temperature":1.5}}"#), Some("temperature"), "from 0 to 1"),
        (format!(r#"{{"model":"a",{ok},"tools":[{{"name":"f"}}]}}"#), Some("tools[0].input_schema"), "JSON Schema"),
        (format!(r#"{{"model":"a",{ok},"tool_choice":{{"type":"tool"}}}}"#), Some("tool_choice.name"), "missing"),
        (format!(r#"{{"model":"a",{ok},"tool_choice":"auto"}}"#), Some("tool_choice"), "must be an object"),
        (format!(r#"{{"model":"a",{ok},"system":[{{"type":"tool_use","id":"a","name":"b"}}]}}"#), Some("system[0].type"), "cannot stand here"),
        (r#"{"model":"a","max_tokens":5,"messages":[{"role":"tool","content":"a"}]}"#.to_owned(), Some("messages[0].role"), "user or assistant"),
        (r#"{"model":"a","max_tokens":5,"messages":[{"role":"user"}]}"#.to_owned(), Some("messages[0].content"), "missing"),
        (r#"{"model":"a","max_tokens":5,"messages":[{"role":"user","content":[{"type":"tool_result"}]}]}"#.to_owned(), Some("messages[0].content[0].tool_use_id"), "missing"),
        (r#"{"model":"a","max_tokens":5,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64"}}]}]}"#.to_owned(), Some("messages[0].content[0].source"), "needs `data`"),
    ] {
        check(anthropic::read_messages(body.as_bytes()), &body, param, word);
    }
    let body = r#"{"model":"a","messages":[{"role":"user","content":"a"}]}"#;
    assert!(anthropic::read_count_tokens(body.as_bytes()).is_ok());
}

fn check(read: Result<Ask, WireError>, body: &str, param: Option<&str>, word: &str) {
    let error = read.err().unwrap_or_else(|| panic!("accepted: {body}"));
    assert_eq!(error.param.as_deref(), param, "{body}: {error}");
    assert!(error.message.contains(word), "{body}: {error}");
}

/// A second value under one key must not travel beside the one that was read.
#[test]
fn doubled_members_of_parts_do_not_hide_anything() {
    let body = r#"{"model":"a","max_tokens":5,"messages":[{"role":"user","content":[
        {"content":"hidden","content":"seen","tool_use_id":"t","type":"tool_result"},
        {"text":"hidden","text":"seen","type":"text"}]}]}"#;
    let ask = anthropic::read_messages(body.as_bytes()).unwrap();
    assert_eq!(ask.texts().map(|(_, t)| t).collect::<Vec<_>>(), ["seen", "seen"]);
    let out = String::from_utf8(anthropic::write_messages(&ask, &shape())).unwrap();
    assert!(!out.contains("hidden"), "{out}");
}

#[test]
fn upstreams_that_do_not_know_the_developer_are_told_system() {
    let body =
        r#"{"model":"a","messages":[{"role":"developer","content":"Be brief."},{"role":"user","content":"Hi"}]}"#;
    let ask = openai::read_chat(body.as_bytes()).unwrap();
    let role =
        |developer| value(&openai::write_chat(&ask, &Shape { developer, ..shape() }))["messages"][0]["role"].clone();
    assert_eq!((role(true), role(false)), ("developer".into(), "system".into()));
}
