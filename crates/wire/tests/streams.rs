//! Streams as they stand on the wire: what the writers send, byte for byte, and what the readers make of real backends'
//! habits.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bytes::Bytes;
use wire::{Answer, Choice, Event, Finish, Flavour, TokenLogprob, ToolCall, Usage, anthropic, ollama, openai};

fn text(text: &str) -> Event {
    Event::Text { choice: 0, text: text.into(), logprobs: Vec::new() }
}

fn start() -> Event {
    Event::Start { id: "id-1".into(), model: "m".into(), created: 7 }
}

fn call(call: u32, id: &str, name: &str) -> Event {
    Event::CallStart { choice: 0, call, id: id.into(), name: name.into() }
}

fn arguments(call: u32, text: &str) -> Event {
    Event::CallArguments { choice: 0, call, text: text.into() }
}

fn finish(finish: Finish) -> Event {
    Event::Finish { choice: 0, finish }
}

/// Text, then two calls, as an OpenAI backend would send them, usage last.
fn mixed() -> Vec<Event> {
    vec![
        start(),
        Event::Reasoning { choice: 0, text: "Hm".into(), signature: None },
        text("Hi"),
        call(0, "c1", "f"),
        arguments(0, "{\"a\":"),
        arguments(0, "1}"),
        call(1, "c2", "g"),
        finish(Finish::Stop),
        Event::Usage(Usage { input: 10, output: 5, cached: 4, cache_write: 1, reasoning: 2, ..Usage::default() }),
        Event::Done,
    ]
}

fn written(mut write: impl FnMut(&Event, &mut Vec<u8>), events: &[Event]) -> String {
    let mut out = Vec::new();
    events.iter().for_each(|e| write(e, &mut out));
    String::from_utf8(out).unwrap()
}

#[test]
fn a_chat_stream_as_openai_sends_it() {
    let mut writer = openai::ChatWriter::new(true);
    let head = r#"data: {"id":"id-1","object":"chat.completion.chunk","created":7,"model":"m","choices":["#;
    let chunk = |delta: &str, reason: &str| {
        format!(
            "{head}{{\"index\":0,\"delta\":{delta},\"logprobs\":null,\"finish_reason\":{reason}}}],\"usage\":null}}\n\n"
        )
    };
    let expected = [
        chunk(r#"{"role":"assistant","content":""}"#, "null"),
        chunk(r#"{"reasoning_content":"Hm"}"#, "null"),
        chunk(r#"{"content":"Hi"}"#, "null"),
        chunk(
            r#"{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":""}}]}"#,
            "null",
        ),
        chunk(r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":"}}]}"#, "null"),
        chunk(r#"{"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]}"#, "null"),
        chunk(
            r#"{"tool_calls":[{"index":1,"id":"c2","type":"function","function":{"name":"g","arguments":""}}]}"#,
            "null",
        ),
        chunk("{}", r#""stop""#),
        format!(
            "{head}],\"usage\":{}}}\n\n",
            r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"prompt_tokens_details":{"cached_tokens":4,"cache_write_tokens":1},"completion_tokens_details":{"reasoning_tokens":2}}"#
        ),
        "data: [DONE]\n\n".to_owned(),
    ];
    assert_eq!(written(|e, out| writer.write(e, out), &mixed()), expected.concat());
}

#[test]
fn usage_is_sent_only_if_asked_for() {
    let mut writer = openai::ChatWriter::new(false);
    let sent = written(|e, out| writer.write(e, out), &mixed());
    assert!(!sent.contains("usage") && sent.ends_with("data: [DONE]\n\n"), "{sent}");
    let mut writer = openai::ChatWriter::new(true);
    let sent = written(|e, out| writer.write(e, out), &[start(), text("a"), finish(Finish::Stop), Event::Done]);
    assert!(!sent.contains("\"choices\":[]"), "unknown usage is not made up: {sent}");
}

#[test]
fn each_choice_announces_its_role_once() {
    let mut writer = openai::ChatWriter::new(false);
    let say = |choice, text: &str| Event::Text { choice, text: text.into(), logprobs: Vec::new() };
    let sent = written(|e, out| writer.write(e, out), &[start(), say(0, "a"), say(1, "b"), say(0, "c"), say(1, "d")]);
    assert_eq!(sent.matches("\"role\"").count(), 2);
}

#[test]
fn a_messages_stream_as_anthropic_sends_it() {
    let mut writer = anthropic::Writer::new();
    let expected = r#"event: message_start
data: {"type":"message_start","message":{"id":"id-1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hm"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Hi"}}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: content_block_start
data: {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"c1","name":"f","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}

event: content_block_delta
data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"1}"}}

event: content_block_stop
data: {"type":"content_block_stop","index":2}

event: content_block_start
data: {"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"c2","name":"g","input":{}}}

event: content_block_stop
data: {"type":"content_block_stop","index":3}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":5,"cache_creation_input_tokens":1,"cache_read_input_tokens":4,"cache_creation":{"ephemeral_5m_input_tokens":1,"ephemeral_1h_input_tokens":0},"output_tokens":5,"output_tokens_details":{"thinking_tokens":2}}}

event: message_stop
data: {"type":"message_stop"}

"#;
    assert_eq!(written(|e, out| writer.write(e, out), &mixed()), expected);
}

#[test]
fn an_ollama_stream_holds_calls_until_they_are_whole() {
    let mut writer = ollama::Writer::new();
    let head = r#"{"model":"m","created_at":"1970-01-01T00:00:07Z","message":{"role":"assistant","content":"#;
    let expected = [
        format!("{head}\"\",\"thinking\":\"Hm\"}},\"done\":false}}\n"),
        format!("{head}\"Hi\"}},\"done\":false}}\n"),
        format!(
            "{head}\"\",\"tool_calls\":[{},{}]}},\"done\":false}}\n",
            r#"{"id":"c1","function":{"index":0,"name":"f","arguments":{"a":1}}}"#,
            r#"{"id":"c2","function":{"index":1,"name":"g","arguments":{}}}"#
        ),
        format!("{head}\"\"}},\"done\":true,\"done_reason\":\"stop\",\"prompt_eval_count\":10,\"eval_count\":5}}\n"),
    ];
    assert_eq!(written(|e, out| writer.write(e, out), &mixed()), expected.concat());
}

#[test]
fn completions_count_offsets_in_characters() {
    let mut writer = openai::CompletionsWriter::new(false);
    let token =
        |t: &str| TokenLogprob { token: t.into(), logprob: -0.5, bytes: None, top: vec![("x".into(), -1.5, None)] };
    let say = |t: &str, tokens| Event::Text { choice: 0, text: t.into(), logprobs: tokens };
    let sent = written(
        |e, out| writer.write(e, out),
        &[start(), say("äö", vec![token("ä"), token("ö")]), say("u", vec![token("u")])],
    );
    let (first, second) = sent.split_once("\n\n").unwrap();
    assert!(first.contains(r#""logprobs":{"tokens":["ä","ö"],"token_logprobs":[-0.5,-0.5],"top_logprobs":[{"x":-1.5},{"x":-1.5}],"text_offset":[0,1]}"#), "{first}");
    assert!(second.contains(r#""text_offset":[2]"#), "{second}");
}

#[test]
fn errors_inside_a_stream_end_it_in_each_dialect() {
    let error = Event::Error { message: "broke".into(), kind: Some("overloaded_error".into()) };
    let (mut chat, mut messages, mut lines) =
        (openai::ChatWriter::new(true), anthropic::Writer::new(), ollama::Writer::new());
    let sent = written(|e, out| chat.write(e, out), std::slice::from_ref(&error));
    assert_eq!(
        sent,
        "data: {\"error\":{\"message\":\"broke\",\"type\":\"overloaded_error\",\"param\":null,\"code\":null}}\n\n"
    );
    let sent = written(|e, out| messages.write(e, out), std::slice::from_ref(&error));
    assert_eq!(
        sent,
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"broke\"}}\n\n"
    );
    assert_eq!(written(|e, out| lines.write(e, out), &[error]), "{\"error\":\"broke\"}\n");
}

fn chat(payloads: &[&str]) -> Vec<Event> {
    let mut reader = openai::ChatReader::default();
    payloads.iter().flat_map(|p| reader.read(&Bytes::copy_from_slice(p.as_bytes())).unwrap().events).collect()
}

#[test]
fn openai_backends_and_their_habits() {
    // Azure: a chunk about prompt filters first. vLLM: `reasoning`. llama-server: content null, logprobs with ids.
    let events = chat(&[
        r#"{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[]}"#,
        r#"{"id":"i","created":1.5,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":null},"finish_reason":null}],"usage":null}"#,
        r#"{"id":"i","choices":[{"index":0,"delta":{"reasoning":"r","reasoning_content":"r"}}]}"#,
        r#"{"id":"i","choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":[{"id":5,"token":"a","logprob":-1,"bytes":[97],"top_logprobs":[]}]}}]}"#,
        r#"{"id":"i","choices":[{"index":0,"delta":{},"finish_reason":"stop","stop_reason":"END"}]}"#,
        r#"{"id":"i","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,"prompt_tokens_details":{"cached_tokens":8},"completion_tokens_details":null}}"#,
        " [DONE] ",
    ]);
    let logprobs = vec![TokenLogprob { token: "a".into(), logprob: -1.0, bytes: Some(vec![97]), top: Vec::new() }];
    assert_eq!(
        events,
        [
            Event::Start { id: "i".into(), model: "m".into(), created: 1 },
            Event::Reasoning { choice: 0, text: "r".into(), signature: None },
            Event::Text { choice: 0, text: "a".into(), logprobs },
            finish(Finish::StopSequence(Some("END".into()))),
            Event::Usage(Usage { input: 9, output: 2, cached: 8, ..Usage::default() }),
            Event::Done,
        ]
    );
}

#[test]
fn tool_calls_in_pieces_without_index_and_without_id() {
    let calls =
        |fragment: &str| format!(r#"{{"id":"i","model":"m","choices":[{{"delta":{{"tool_calls":[{fragment}]}}}}]}}"#);
    // OpenAI: pieces, by index.
    let pieces = [
        calls(r#"{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}"#),
        calls(r#"{"index":0,"function":{"arguments":"{}"}}"#),
        calls(r#"{"index":1,"id":"b","function":{"name":"g","arguments":"{\"x\":"}}"#),
        calls(r#"{"index":1,"function":{"arguments":"1}"}}"#),
    ];
    let events = chat(&pieces.each_ref().map(String::as_str));
    assert_eq!(
        events[1..],
        [call(0, "a", "f"), arguments(0, "{}"), call(1, "b", "g"), arguments(1, "{\"x\":"), arguments(1, "1}")]
    );
    // Gemini: whole calls, all numbered 0.
    let whole = [
        calls(r#"{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}"#),
        calls(r#"{"index":0,"id":"b","function":{"name":"f","arguments":"{}"}}"#),
    ];
    let events = chat(&whole.each_ref().map(String::as_str));
    assert_eq!(events[1..], [call(0, "a", "f"), arguments(0, "{}"), call(1, "b", "f"), arguments(1, "{}")]);
    // No index, no id, arguments as an object.
    let bare = calls(r#"{"function":{"name":"f","arguments":{"a":1}}},{"function":{"name":"g"}}"#);
    let events = chat(&[&bare]);
    let [
        _,
        Event::CallStart { id: first, .. },
        Event::CallArguments { text, .. },
        Event::CallStart { id: second, call: 1, .. },
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert!(text == "{\"a\":1}" && first != second && first.starts_with("call_"));
}

#[test]
fn errors_inside_streams_are_events() {
    for payload in [
        r#"{"error":{"message":"out of memory","type":"ServerError","code":500}}"#,
        r#"{"object":"error","message":"out of memory","type":"ServerError"}"#,
        r#"{"id":"i","model":"m","choices":[{"delta":{"content":""},"finish_reason":"error"}],"error":{"message":"out of memory","type":"ServerError"}}"#,
    ] {
        let wanted = Event::Error { message: "out of memory".into(), kind: Some("ServerError".into()) };
        assert_eq!(chat(&[payload]), [wanted], "{payload}");
    }
    let mut lines = ollama::Reader::default();
    let chunk = lines.read(&Bytes::from_static(b"{\"error\":\"model runner stopped\"}")).unwrap();
    assert_eq!(chunk.events, [Event::Error { message: "model runner stopped".into(), kind: None }]);
    let mut messages = anthropic::Reader::default();
    let payload = Bytes::from_static(br#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#);
    let chunk = messages.read(Some("error"), &payload).unwrap();
    assert_eq!(chunk.events, [Event::Error { message: "Overloaded".into(), kind: Some("overloaded_error".into()) }]);
}

#[test]
fn payloads_that_are_not_of_the_dialect_are_errors() {
    for payload in
        ["", "x", "[]", "{\"choices\":7}", "{\"choices\":[{\"index\":99999}]}", "{\"choices\":[{\"delta\":7}]}"]
    {
        let mut reader = openai::ChatReader::default();
        assert!(reader.read(&Bytes::copy_from_slice(payload.as_bytes())).is_err(), "{payload}");
    }
    for body in ["", "{}", "{\"error\":\"x\"}", "{\"choices\":null}"] {
        assert!(openai::read_chat_answer(&Bytes::copy_from_slice(body.as_bytes())).is_err(), "{body}");
    }
    for body in ["{}", r#"{"type":"error","error":{"message":"x"}}"#] {
        assert!(anthropic::read_answer(&Bytes::copy_from_slice(body.as_bytes())).is_err(), "{body}");
    }
    for body in ["{}", r#"{"error":"x"}"#] {
        assert!(ollama::read_answer(&Bytes::copy_from_slice(body.as_bytes())).is_err(), "{body}");
    }
}

#[test]
fn anthropic_streams_and_their_raw_frames() {
    let mut reader = anthropic::Reader::default();
    let mut events = Vec::new();
    for (name, payload) in [
        (
            "message_start",
            r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"model":"claude","stop_reason":null,"usage":{"input_tokens":3,"cache_creation_input_tokens":2,"cache_read_input_tokens":5,"output_tokens":1}}}"#,
        ),
        (
            "content_block_start",
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
        ),
        (
            "content_block_delta",
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"t"}}"#,
        ),
        (
            "content_block_delta",
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"s"}}"#,
        ),
        ("content_block_stop", r#"{"type":"content_block_stop","index":0}"#),
        ("ping", r#"{"type": "ping"}"#),
        (
            "content_block_start",
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"server_tool_use","id":"x","name":"web_search","input":{}}}"#,
        ),
        (
            "content_block_start",
            r#"{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"toolu_1","name":"f","input":{}}}"#,
        ),
        ("content_block_stop", r#"{"type":"content_block_stop","index":2}"#),
        (
            "message_delta",
            r#"{"type":"message_delta","delta":{"stop_reason":"pause_turn","stop_sequence":null},"usage":{"output_tokens":9}}"#,
        ),
        ("message_stop", r#"{"type":"message_stop"}"#),
    ] {
        let chunk = reader.read(Some(name), &Bytes::copy_from_slice(payload.as_bytes())).unwrap();
        let raw = chunk.raw.unwrap();
        assert_eq!(
            (raw.name, raw.flavour, &raw.bytes[..]),
            (Some(name), Flavour::AnthropicMessages, payload.as_bytes())
        );
        events.extend(chunk.events);
    }
    let usage = Usage { input: 10, output: 1, cached: 5, cache_write: 2, ..Usage::default() };
    assert_eq!(
        events,
        [
            Event::Start { id: "msg_1".into(), model: "claude".into(), created: 0 },
            Event::Usage(usage),
            Event::Reasoning { choice: 0, text: "t".into(), signature: None },
            Event::Reasoning { choice: 0, text: String::new(), signature: Some("s".into()) },
            Event::Ping,
            call(0, "toolu_1", "f"),
            arguments(0, "{}"),
            finish(Finish::Other("pause_turn".into())),
            Event::Usage(Usage { output: 9, ..usage }),
            Event::Done,
        ]
    );
}

#[test]
fn a_payload_of_several_lines_is_forwarded_as_one() {
    let mut reader = openai::ChatReader::default();
    let chunk = reader.read(&Bytes::from_static(b"{\"id\":\"i\",\n\"choices\":[]}")).unwrap();
    assert_eq!(chunk.raw.unwrap().bytes, &b"{\"id\":\"i\", \"choices\":[]}"[..]);
}

#[test]
fn ollama_leaves_out_what_is_zero() {
    let mut reader = ollama::Reader::default();
    let mut events = Vec::new();
    for line in [
        r#"{"model":"llama","created_at":"2023-08-04T08:52:19.385406455-07:00","message":{"role":"assistant","content":"","thinking":"t"},"done":false}"#,
        r#"{"model":"llama","created_at":"2023-08-04T08:52:20Z","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":{"b":1,"a":[2]}}}]},"done":false}"#,
        r#"{"model":"llama","created_at":"2023-08-04T08:52:21Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","total_duration":5,"eval_count":3}"#,
    ] {
        events.extend(reader.read(&Bytes::copy_from_slice(line.as_bytes())).unwrap().events);
    }
    let Event::CallStart { id, .. } = &events[2] else { panic!("{events:?}") };
    assert_eq!(
        events[1..],
        [
            Event::Reasoning { choice: 0, text: "t".into(), signature: None },
            call(0, id, "f"),
            arguments(0, r#"{"b":1,"a":[2]}"#),
            finish(Finish::ToolCalls),
            Event::Usage(Usage { output: 3, ..Usage::default() }),
            Event::Done,
        ]
    );
    assert!(matches!(&events[0], Event::Start { created: 1_691_164_339, model, .. } if model == "llama"));
}

#[test]
fn a_cut_call_stays_cut_everywhere() {
    let cut = ToolCall { id: "c".into(), name: "f".into(), arguments: "{\"a\":".into() };
    let choice = Choice { tool_calls: vec![cut.clone()], finish: Some(Finish::Length), ..Choice::default() };
    let answer = Answer { choices: vec![choice], ..Answer::default() };
    let chat = openai::read_chat_answer(&openai::write_chat_answer(&answer).into()).unwrap();
    assert_eq!((&chat.choices[0].tool_calls[0], &chat.choices[0].finish), (&cut, &Some(Finish::Length)));
    let messages = anthropic::read_answer(&anthropic::write_answer(&answer).into()).unwrap();
    assert_eq!(messages.choices[0].finish, Some(Finish::Length));
    assert_eq!(messages.choices[0].tool_calls[0].arguments, r#"{"arguments":"{\"a\":"}"#);
    let lines = ollama::read_answer(&ollama::write_answer(&answer).into()).unwrap();
    assert_eq!(lines.choices[0].finish, Some(Finish::Length));
}

#[test]
fn plain_answers_with_odd_members() {
    // Mistral: content as parts. A number as id, choices out of order, usage with floats and nulls.
    let body = br#"{"id":5,"created":null,"model":"m","choices":[
        {"index":1,"message":{"content":"b"},"finish_reason":"length"},
        {"index":0,"message":{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"t"}]},{"type":"text","text":"a"}],"refusal":null,"annotations":[]},"finish_reason":"stop","logprobs":null}],
        "usage":{"prompt_tokens":3.0,"completion_tokens":null,"reasoning_tokens":2}}"#;
    let body = Bytes::from_static(body);
    let answer = openai::read_chat_answer(&body).unwrap();
    assert_eq!((answer.id.as_str(), answer.created), ("5", 0));
    assert_eq!(answer.choices[0].text.as_deref(), Some("a"));
    assert_eq!(answer.choices[0].reasoning, Some(("t".to_owned(), None)));
    assert_eq!(answer.choices[1].finish, Some(Finish::Length));
    assert_eq!(answer.usage, Some(Usage { input: 3, reasoning: 2, ..Usage::default() }));
    assert_eq!(answer.raw.unwrap().bytes.as_ptr(), body.as_ptr(), "the body goes on without a copy");
}

#[test]
fn signed_thinking_is_closed_and_more_of_it_is_another_block() {
    let think = |text: &str, signature: Option<&str>| Event::Reasoning {
        choice: 0,
        text: text.into(),
        signature: signature.map(str::to_owned),
    };
    let mut writer = anthropic::Writer::new();
    let events = [start(), think("a", None), think("", Some("s1")), think("b", Some("s2")), text("c"), Event::Done];
    let sent = written(|e, out| writer.write(e, out), &events);
    let blocks = |of: &str| sent.matches(&format!("event: content_block_{of}\n")).count();
    assert_eq!((blocks("start"), blocks("stop")), (3, 3), "{sent}");
    assert!(
        sent.contains(
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"signature_delta","signature":"s2"}}"#
        )
    );
}
