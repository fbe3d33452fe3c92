//! Answers that are wrong in what they say: faults 37 and 41 to 44.
//!
//! Never here: framing.

use crate::rig::{CALLERS, End, Rig, VOICES, all_ways};
use decide::{Api, Outcome};
use serde_json::{Value, json};
use testkit::{Answer, Framing, Step, Voice};

/// Must reach no caller.
const SECRET: &str = "INTERNAL-PAGE-4711";

fn garbage() -> Vec<(&'static str, Answer)> {
    let page = format!("<!doctype html><html><body>Please log in. {SECRET}</body></html>");
    vec![
        ("a login page", Answer::new(200, "text/html; charset=utf-8", page.clone())),
        ("a login page that says it is JSON", Answer::json(200, page.clone())),
        ("a login page that says it is a stream", Answer::new(200, "text/event-stream", page)),
        ("a list", Answer::json(200, format!(r#"["{SECRET}"]"#))),
        ("another object", Answer::json(200, format!(r#"{{"page":"{SECRET}"}}"#))),
        ("a number", Answer::json(200, "4711")),
        ("nothing", Answer::json(200, "")),
        ("half of an object", Answer::json(200, format!(r#"{{"choices":[{{"message":{{"content":"{SECRET}"#))),
        ("bytes", Answer::json(200, vec![0xff, 0xfe, 0x00, 0x9c])),
        ("no HTTP", Answer::garbage(format!("{SECRET}\r\n\r\n"))),
        ("an empty stream", Answer::stream("text/event-stream", Vec::<String>::new())),
    ]
}

#[tokio::test]
async fn fault_37_garbage_is_the_places_fault_and_is_not_shown() {
    let rig = Rig::of_voices().start().await;
    for (place, caller, stream) in all_ways() {
        for (what, answer) in garbage() {
            let what = format!("{} {caller:?} stream {stream}: {what}", VOICES[place]);
            rig.script(place, answer);
            let got = rig.ask(caller, &format!("via-{}", VOICES[place]), stream).await;
            assert_eq!(got.text(), "Hello from backup", "{what}: {got:#?}");
            let error = rig.records(&got).await[0].error.clone();
            assert!(
                ["upstream_invalid", "upstream_truncated", "upstream_error"].contains(&error.as_deref().unwrap()),
                "{what}: {error:?}"
            );
            let got = rig.ask(caller, &format!("{}/m", VOICES[place]), stream).await;
            assert_eq!(got.status, 502, "{what}: {got:#?}");
            assert!(!got.text_of_body().contains(SECRET), "{what}: {got:#?}");
        }
        rig.heal(place);
    }
    rig.finish().await;
}

#[tokio::test]
async fn fault_37_a_garbled_frame_behind_content_ends_the_stream_as_an_error() {
    let rig = Rig::of_voices().start().await;
    for (place, name) in VOICES.iter().enumerate() {
        let voice = rig.voice(place);
        let (open, close) = if voice.profile.api == Api::Ollama { ("", "\n") } else { ("data: ", "\n\n") };
        for frame in
            [format!("{{{SECRET}"), format!("<html>{SECRET}</html>"), "[1,2".to_owned(), "\u{1}\u{2}".to_owned()]
        {
            let bad = Step::Bytes(format!("{open}{frame}{close}").into());
            let steps =
                [voice.opening(false, true), vec![voice.text("Hel"), bad], voice.closing(false, 1, true)].concat();
            rig.script(place, voice.streamed(steps));
            for caller in CALLERS {
                let got = rig.ask(caller, &format!("{name}/m"), true).await;
                assert_eq!(got.text(), "Hel", "{frame:?}: {got:#?}");
                assert!(matches!(got.end, End::Error(_)), "{frame:?}: {got:#?}");
                assert!(!got.text_of_body().contains(SECRET), "{frame:?}: {got:#?}");
                assert_eq!(rig.records(&got).await[0].error.as_deref(), Some("upstream_invalid"), "{frame:?}");
            }
        }
    }
    rig.finish().await;
}

#[tokio::test]
async fn fault_41_odd_heads_are_survived() {
    let rig = Rig::of_voices().start().await;
    for (place, caller, stream) in all_ways() {
        let name = VOICES[place];
        let good = rig.good(place, stream);
        let doubled = good.clone().header("content-type", "text/plain").header("x-twice", "1").header("x-twice", "2");
        let many = (0..60).fold(good.clone(), |a, i| a.header(&format!("x-{i}"), "y"));
        for (what, answer) in [
            ("doubled headers", doubled),
            ("many headers", many),
            ("100 kB in one header", good.clone().header("x-large", &"y".repeat(100_000))),
            ("a hint", good.after_hints(1)),
            ("a storm of hints", good.after_hints(2_000)),
            ("a cookie", good.clone().header("set-cookie", "upstream=1").header("x-powered-by", "php")),
        ] {
            rig.script(place, answer);
            let got = rig.ask(caller, &format!("{name}/m"), stream).await;
            assert!(got.is_good() && got.text() == format!("Hello from {name}"), "{name} {what}: {got:#?}");
            assert!(got.header("set-cookie").is_none() && got.header("x-powered-by").is_none(), "{what}: {got:#?}");
        }
        let two_lengths = Answer::garbage(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{} ",
        );
        for (what, answer) in [
            ("two lengths", two_lengths),
            ("9 MB of headers", (0..90).fold(good.clone(), |a, i| a.header(&format!("x-{i}"), &"y".repeat(100_000)))),
            ("204 with a body", Answer { status: 204, ..good.clone() }),
            ("206", Answer { status: 206, ..good.clone() }),
        ] {
            rig.script(place, answer);
            let got = rig.ask(caller, &format!("via-{name}"), stream).await;
            assert_eq!(got.text(), "Hello from backup", "{name} {what}: {got:#?}");
            let got = rig.ask(caller, &format!("{name}/m"), stream).await;
            assert_eq!(got.status, 502, "{name} {what}: {got:#?}");
        }
        rig.heal(place);
    }
    rig.finish().await;
}

#[tokio::test]
async fn fault_41_a_redirect_is_not_followed() {
    let rig = Rig::of_voices().start().await;
    let elsewhere = testkit::Fake::start().await;
    for (place, caller, stream) in all_ways() {
        for status in [301, 302, 303, 307, 308] {
            let (_, path) = rig.voice(place).chat_route().split_once(' ').unwrap();
            rig.script(place, Answer::json(status, "{}").header("location", &elsewhere.url(path)));
            let got = rig.ask(caller, &format!("via-{}", VOICES[place]), stream).await;
            assert_eq!(got.text(), "Hello from backup", "{got:#?}");
            let got = rig.ask(caller, &format!("{}/m", VOICES[place]), stream).await;
            assert_eq!(got.status, 502, "{got:#?}");
            assert!(!got.text_of_body().contains(&elsewhere.address().to_string()), "{got:#?}");
        }
        rig.heal(place);
    }
    assert_eq!(elsewhere.connections(), 0);
    rig.finish().await;
}

#[tokio::test]
async fn fault_42_only_identity_is_asked_for_and_nothing_is_unpacked() {
    let rig = Rig::of_voices().start().await;
    for (place, caller, stream) in all_ways() {
        let name = VOICES[place];
        let good = rig.good(place, stream);
        // The beginning of a real gzip file, and of what would be a bomb: nobody is to look at more of it.
        let packed = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..], &[0; 64]].concat();
        for (what, answer) in [
            ("gzip", Answer::new(200, "text/event-stream", packed.clone()).header("content-encoding", "gzip")),
            ("gzip that is none", good.clone().header("content-encoding", "gzip")),
            ("brotli", good.clone().header("content-encoding", "br")),
            ("gzip that does not say so", Answer::json(200, packed)),
        ] {
            rig.script(place, answer);
            let got = rig.ask(caller, &format!("via-{name}"), stream).await;
            assert_eq!(got.text(), "Hello from backup", "{name} {what}: {got:#?}");
            let got = rig.ask(caller, &format!("{name}/m"), stream).await;
            assert_eq!(got.status, 502, "{name} {what}: {got:#?}");
        }
        rig.script(place, good.clone().header("content-encoding", "identity"));
        assert!(rig.ask(caller, &format!("{name}/m"), stream).await.is_good());
        assert!(rig.chats(place).iter().all(|s| s.header("accept-encoding") == Some("identity")));
        rig.heal(place);
    }
    rig.finish().await;
}

/// An answer with its usage replaced (or taken away), wherever it stands.
fn with_usage(answer: &Answer, voice: Voice, usage: Option<&Value>) -> Answer {
    let (open, close) = if voice.profile.api == Api::Ollama { ("", "\n") } else { ("data: ", "\n\n") };
    let edit = |text: &str| {
        let at = text.find('{').unwrap_or(text.len());
        let (before, json) = text.split_at(at);
        let Ok(mut v) = serde_json::from_str::<Value>(json) else { return text.to_owned() };
        edit_usage(&mut v, voice, usage);
        if before.is_empty() && close != "\n" { v.to_string() } else { format!("{before}{v}{close}") }
    };
    let _ = open;
    let steps = answer.steps.iter().map(|s| match s {
        Step::Bytes(b) => Step::Bytes(edit(std::str::from_utf8(b).unwrap()).into()),
        other => other.clone(),
    });
    Answer { steps: steps.collect(), ..answer.clone() }
}

fn edit_usage(v: &mut Value, voice: Voice, usage: Option<&Value>) {
    let Some(object) = v.as_object_mut() else { return };
    if voice.profile.api == Api::Ollama {
        if object.contains_key("eval_count") {
            object.remove("eval_count");
            object.remove("prompt_eval_count");
            if let Some(n) = usage {
                object.insert("eval_count".into(), n.clone());
                object.insert("prompt_eval_count".into(), n.clone());
            }
        }
        return;
    }
    if object.remove("usage").is_some()
        && let Some(n) = usage
    {
        let names = ["prompt_tokens", "completion_tokens", "total_tokens", "input_tokens", "output_tokens"];
        object.insert("usage".into(), names.iter().map(|name| ((*name).to_owned(), n.clone())).collect());
    }
    if let Some(message) = object.get_mut("message") {
        edit_usage(message, voice, usage);
    }
}

#[tokio::test]
async fn fault_43_counts_that_cannot_be_are_estimated() {
    let rig = Rig::of_voices().start().await;
    for (place, caller, stream) in all_ways() {
        let (name, voice) = (VOICES[place], rig.voice(place));
        let good = rig.good(place, stream);
        for (what, usage) in [
            ("missing", None),
            ("zero", Some(json!(0))),
            ("negative", Some(json!(-5))),
            ("absurd", Some(json!(1_000_000_000_000_000_000u64))),
            ("beyond every integer", Some(json!(1e300))),
            ("no number", Some(json!("many"))),
        ] {
            let what = format!("{name} {caller:?} stream {stream}: {what}");
            rig.script(place, with_usage(&good, voice, usage.as_ref()));
            let got = rig.ask(caller, &format!("{name}/m"), stream).await;
            assert!(got.is_good() && got.text() == format!("Hello from {name}"), "{what}: {got:#?}");
            let records = rig.records(&got).await;
            let usage = &records[0].usage;
            assert!(usage.estimated, "{what}: {usage:?}");
            assert!((1..1000).contains(&usage.input) && (1..1000).contains(&usage.output), "{what}: {usage:?}");
            assert!(records[0].cost.is_some_and(|c| (1..1_000_000).contains(&c.0)), "{what}: {records:?}");
        }
        rig.heal(place);
    }
    rig.finish().await;
}

/// The frames of a stream or the body, in the OpenAI form, with odd things in them.
fn odd(stream: bool) -> Vec<(&'static str, Answer)> {
    let one = |choices: Value| {
        let usage = json!({"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12});
        if stream {
            let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices, "usage": usage});
            Answer::stream("text/event-stream", [format!("data: {chunk}\n\n"), "data: [DONE]\n\n".to_owned()])
        } else {
            let body = json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": choices, "usage": usage});
            Answer::json(200, body.to_string())
        }
    };
    let part = if stream { "delta" } else { "message" };
    let text = json!({"role": "assistant", "content": "hi"});
    let call = |index: u32, arguments: &str| json!({"index": index, "id": "c1", "type": "function", "function": {"name": "weather", "arguments": arguments}});
    vec![
        ("no finish reason", one(json!([{"index": 0, part: text.clone()}]))),
        ("an unknown finish reason", one(json!([{"index": 0, part: text.clone(), "finish_reason": "bored"}]))),
        (
            "an index out of range",
            one(json!([{"index": 4_000_000_000u64, part: text.clone(), "finish_reason": "stop"}])),
        ),
        ("a negative index", one(json!([{"index": -1, part: text.clone(), "finish_reason": "stop"}]))),
        ("no choices", one(json!([]))),
        ("choices that are none", one(json!("x"))),
        ("null choices", one(Value::Null)),
        (
            "arguments that are no JSON",
            one(json!([{"index": 0, part: {"tool_calls": [call(0, "{\"city\": Os")]}, "finish_reason": "tool_calls"}])),
        ),
        (
            "a gap between calls",
            one(
                json!([{"index": 0, part: {"tool_calls": [call(0, "{}"), call(7, "{}")]}, "finish_reason": "tool_calls"}]),
            ),
        ),
        (
            "a call far out",
            one(
                json!([{"index": 0, part: {"tool_calls": [call(4_000_000_000, "{}")]}, "finish_reason": "tool_calls"}]),
            ),
        ),
        ("another role", one(json!([{"index": 0, part: {"role": "user", "content": "hi"}, "finish_reason": "stop"}]))),
        ("content that is no text", one(json!([{"index": 0, part: {"content": 7}, "finish_reason": "stop"}]))),
        ("a null message", one(json!([{"index": 0, part: null, "finish_reason": "stop"}]))),
    ]
}

/// The same for Anthropic's events and Ollama's lines, where they have the notion.
fn odd_others(api: Api) -> Vec<(&'static str, Answer)> {
    let event = |v: &Value| format!("event: {}\ndata: {v}\n\n", v["type"].as_str().unwrap_or_default());
    let start = json!({"type": "message_start", "message": {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": {"input_tokens": 9, "output_tokens": 1}}});
    let delta = |index: i64, delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
    let stop = json!({"type": "message_stop"});
    let events = |middle: &[Value]| {
        let all = [&[start.clone()][..], middle, &[stop.clone()]].concat();
        Answer::stream("text/event-stream", all.iter().map(event).collect::<Vec<_>>())
    };
    let lines = |lines: &[Value]| {
        Answer::stream("application/x-ndjson", lines.iter().map(|l| format!("{l}\n")).collect::<Vec<_>>())
    };
    let text = json!({"type": "text_delta", "text": "hi"});
    if api == Api::Anthropic {
        return vec![
            ("no stop reason", events(&[delta(0, text.clone())])),
            ("a block that was not begun", events(&[delta(7, text.clone())])),
            ("an index out of range", events(&[delta(4_000_000_000, text.clone())])),
            ("a negative index", events(&[delta(-1, text.clone())])),
            ("arguments of no call", events(&[delta(0, json!({"type": "input_json_delta", "partial_json": "{\"a"}))])),
            ("an unknown event", events(&[json!({"type": "news"}), delta(0, text.clone())])),
            ("an unknown delta", events(&[delta(0, json!({"type": "smell_delta"})), delta(0, text.clone())])),
            ("two beginnings", events(&[start.clone(), delta(0, text)])),
        ];
    }
    let done = json!({"model": "m", "done": true, "message": {"role": "assistant", "content": ""}});
    vec![
        (
            "an unknown reason",
            lines(&[json!({"model": "m", "done": true, "done_reason": "bored", "message": {"content": "hi"}})]),
        ),
        ("no message", lines(&[json!({"model": "m", "done": false}), done.clone()])),
        ("a message that is none", lines(&[json!({"model": "m", "message": "hi", "done": false}), done.clone()])),
        (
            "another role",
            lines(&[json!({"model": "m", "message": {"role": "user", "content": "hi"}, "done": false}), done.clone()]),
        ),
        (
            "a call without a name",
            lines(&[json!({"model": "m", "message": {"tool_calls": [{"function": {}}]}, "done": false}), done]),
        ),
    ]
}

/// Passed on, made regular, or refused as the place's fault: never a panic, never a broken answer.
#[tokio::test]
async fn fault_44_odd_content_harms_nobody() {
    let rig = Rig::of_voices().start().await;
    for (place, caller, stream) in all_ways() {
        let (name, api) = (VOICES[place], rig.voice(place).profile.api);
        let cases = match api {
            Api::Openai | Api::Engine => odd(stream),
            _ if stream => odd_others(api),
            _ => continue,
        };
        for (what, answer) in cases {
            let what = format!("{name} {caller:?} stream {stream}: {what}");
            rig.script(place, answer.framed(if stream { Framing::Chunked } else { Framing::Length }));
            let got = rig.ask(caller, &format!("{name}/m"), stream).await;
            assert!(matches!(got.end, End::Clean | End::Error(_)), "{what}: {got:#?}");
            assert!([200, 502].contains(&got.status), "{what}: {got:#?}");
            let outcome = rig.records(&got).await[0].outcome;
            assert_eq!(outcome == Outcome::Ok, got.end == End::Clean, "{what}: {got:#?}");
        }
        rig.heal(place);
    }
    rig.finish().await;
}
