//! Each dialect's own: several choices and calls, log-probabilities, annotations, structured outputs, members that nobody
//! here knows.

use crate::*;
use bytes::Bytes;
use serde_json::{Value as Json, json};
use wire::{Finish, Flavour, TokenLogprob, anthropic, ollama, openai};

fn frames(all: &[Json]) -> Vec<Chunk> {
    let mut reader = openai::ChatReader::default();
    all.iter().map(|f| reader.read(&Bytes::from(f.to_string())).unwrap()).collect()
}

fn reread(chunks: &[Chunk]) -> Answer {
    let mut reader = openai::ChatReader::default();
    let again: Vec<Chunk> = payloads(chunks).iter().map(|r| reader.read(&r.bytes).unwrap()).collect();
    joined(&again)
}

fn delta(choice: u32, delta: Json) -> Json {
    json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
           "choices": [{"index": choice, "delta": delta, "finish_reason": null}]})
}

#[test]
fn choices_and_calls_are_held_apart() {
    let (sent, vault) = sent("alice@example.com", &[MAIL]);
    let (head, tail) = sent.split_at(6);
    let call = |choice, call, text: &str| {
        delta(choice, json!({"tool_calls": [{"index": call, "function": {"arguments": text}}]}))
    };
    let begin = |choice, call, id: &str| {
        delta(
            choice,
            json!({"tool_calls": [{"index": call, "id": id, "type": "function", "function": {"name": id, "arguments": ""}}]}),
        )
    };
    let all = [
        delta(0, json!({"reasoning_content": format!("I see {head}")})),
        delta(1, json!({"content": format!("one {head}")})),
        delta(0, json!({"reasoning_content": format!("{tail} so")})),
        delta(0, json!({"content": format!("zero {head}")})),
        delta(1, json!({"content": tail})),
        delta(0, json!({"content": format!("{tail}!")})),
        begin(0, 0, "a"),
        begin(0, 1, "b"),
        call(0, 0, &format!("[\"{head}")),
        call(0, 1, &format!("[1,\"{head}")),
        call(0, 0, &format!("{tail}\"]")),
        call(0, 1, &format!("{tail}\"]")),
        json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}, {"index": 1, "delta": {}, "finish_reason": "stop"}]}),
    ];
    let out = run(&vault, frames(&all));
    let (raw, events) = (reread(&out), joined(&out));
    assert_eq!(raw.choices, events.choices);
    let [zero, one] = &raw.choices[..] else { panic!("{raw:?}") };
    assert_eq!(zero.text.as_deref(), Some("zero alice@example.com!"));
    assert_eq!(zero.reasoning.as_ref().unwrap().0, "I see alice@example.com so");
    assert_eq!(one.text.as_deref(), Some("one alice@example.com"));
    let arguments: Vec<&str> = zero.tool_calls.iter().map(|c| c.arguments.as_str()).collect();
    assert_eq!(arguments, [r#"["alice@example.com"]"#, r#"[1,"alice@example.com"]"#]);
}

#[test]
fn what_is_held_is_said_before_another_kind_begins() {
    let (_, vault) = sent("alice@example.com", &[MAIL]);
    let all = [
        delta(0, json!({"reasoning_content": "thus ["})),
        delta(0, json!({"content": "so [[EMAI"})),
        delta(
            0,
            json!({"tool_calls": [{"index": 0, "id": "t", "type": "function", "function": {"name": "f", "arguments": "{\"a\":\"["}}]}),
        ),
        delta(0, json!({})),
        json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]}),
    ];
    for raw in [true, false] {
        let chunks: Vec<Chunk> = frames(&all).into_iter().map(|c| Chunk { raw: c.raw.filter(|_| raw), ..c }).collect();
        let out = run(&vault, chunks);
        let said: Vec<String> = out
            .iter()
            .filter_map(|c| match &c.raw {
                Some(raw) => Some(String::from_utf8(raw.bytes.to_vec()).unwrap()),
                None => c.events.iter().map(|e| format!("{e:?}")).reduce(|a, b| a + &b),
            })
            .collect();
        let at =
            |what: &str| said.iter().position(|s| s.contains(what)).unwrap_or_else(|| panic!("{what} in {said:?}"));
        let (thought, shown, call) = (at("thus"), at("\"so "), at("\"f\""));
        let held = said.iter().position(|s| s.contains("\"[\"")).unwrap();
        assert!(thought < held && held <= shown, "{said:?}");
        assert!(at("[[EMAI") <= call, "{said:?}");
        assert_eq!(joined(&out).choices[0].finish, Some(Finish::Length));
        assert_eq!(joined(&out).choices[0].tool_calls[0].arguments, "{\"a\":\"[");
    }
}

#[test]
fn members_that_nobody_knows_stay() {
    let (sent, vault) = sent("alice@example.com", &[MAIL]);
    let frame = format!(
        r#"{{"id":"c","model":"m", "vendor":{{"cost":1.50,"note":"for {sent}"}},"choices":[{{"index":0,"delta":{{"content":"x","audio":{{"id":"a","transcript":"to {sent}"}}}}}}]}}"#
    );
    let mut reader = openai::ChatReader::default();
    let out = run(&vault, [reader.read(&Bytes::from(frame.clone())).unwrap()]);
    assert_eq!(payloads(&out)[0].bytes, frame.replace(&sent, "alice@example.com"));
    // And a frame in which nothing changes is the very bytes that came.
    let frame = Bytes::from_static(br#"{ "id":"c","choices":[{"index":0,"delta":{"content":"x\u0041"}}] }"#);
    let out = run(&vault, [reader.read(&frame).unwrap()]);
    assert_eq!(payloads(&out)[0].bytes.as_ptr(), frame.as_ptr());
}

#[test]
fn an_empty_vault_touches_nothing() {
    let (_, vault) = sent("nothing here", &[MAIL]);
    let came = frames(&[delta(0, json!({"content": "[[EMAIL_"}))]);
    assert_eq!(run(&vault, came.clone()), came);
    let other = Answer {
        raw: Some(Raw { flavour: Flavour::OllamaChat, name: None, bytes: Bytes::from_static(b"x") }),
        ..answer("x")
    };
    assert_eq!(vault.restore(other.clone()), other);
}

#[test]
fn completions() {
    let mut ask = chat("Say alice@example.com");
    ask.endpoint = Endpoint::Completions;
    ask.echo = true;
    let (masked, vault) = masked(&ask, &[MAIL]);
    let sent = text_of(&masked);
    let body = json!({"id": "c", "object": "text_completion", "created": 1, "model": "m",
                      "choices": [{"index": 0, "text": format!("{sent}."), "logprobs": null, "finish_reason": "stop"}]});
    let plain = vault.restore(openai::read_completions_answer(&Bytes::from(body.to_string())).unwrap());
    let expected = body.to_string().replace(&sent, "Say alice@example.com");
    assert_eq!(plain.raw.as_ref().unwrap().bytes, expected);
    assert_eq!(plain.choices[0].text.as_deref(), Some("Say alice@example.com."));
    let mut reader = openai::CompletionsReader::default();
    let chunks: Vec<Chunk> = sent
        .char_indices()
        .map(|(at, c)| {
            json!({"id": "c", "object": "text_completion", "created": 1, "model": "m",
                              "choices": [{"index": 0, "text": &sent[at..at + c.len_utf8()], "finish_reason": null}]})
        })
        .chain([json!({"choices": [{"index": 0, "text": "", "finish_reason": "stop"}]})])
        .map(|f| reader.read(&Bytes::from(f.to_string())).unwrap())
        .collect();
    let out = run(&vault, chunks);
    let mut reader = openai::CompletionsReader::default();
    let again: Vec<Chunk> = payloads(&out).iter().map(|r| reader.read(&r.bytes).unwrap()).collect();
    assert_eq!(joined(&again).choices[0].text.as_deref(), Some("Say alice@example.com"));
}

#[test]
fn ollama_lines() {
    let (sent, vault) = sent("Say alice@example.com", &[MAIL]);
    let line = |content: &str, thinking: &str| {
        json!({"model": "m", "created_at": "2026-01-01T00:00:00Z", "done": false,
        "message": {"role": "assistant", "content": content, "thinking": thinking}})
    };
    let mut lines: Vec<Json> = sent.char_indices().map(|(at, c)| line("", &sent[at..at + c.len_utf8()])).collect();
    lines.extend(sent.char_indices().map(|(at, c)| line(&sent[at..at + c.len_utf8()], "")));
    lines.push(json!({"model": "m", "created_at": "2026-01-01T00:00:00Z", "done": false,
        "message": {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": {"to": sent}}}]}}));
    lines.push(
        json!({"model": "m", "done": true, "done_reason": "stop", "message": {"role": "assistant", "content": ""}}),
    );
    let mut reader = ollama::Reader::default();
    let chunks: Vec<Chunk> = lines.iter().map(|l| reader.read(&Bytes::from(l.to_string())).unwrap()).collect();
    let out = run(&vault, chunks);
    // The caller is of another dialect: the bytes are of no use to him, and must not be kept with a placeholder in them.
    assert!(out.iter().all(|c| c.raw.is_none()));
    let answer = joined(&out);
    assert_eq!(answer.choices[0].text.as_deref(), Some("Say alice@example.com"));
    assert_eq!(answer.choices[0].reasoning.as_ref().unwrap().0, "Say alice@example.com");
    assert_eq!(answer.choices[0].tool_calls[0].arguments, r#"{"to":"Say alice@example.com"}"#);
    // Written for a caller of Anthropic's, the frames are whole and in order.
    let mut writer = anthropic::Writer::new();
    let mut body = Vec::new();
    out.iter().flat_map(|c| &c.events).for_each(|e| writer.write(e, &mut body));
    let body = String::from_utf8(body).unwrap();
    assert!(!body.contains("EMAIL") && body.contains("alice@example.com"), "{body}");
}

#[test]
fn structured_outputs_stay_json() {
    let mut ask = chat(QUOTED.0);
    ask.format = Some(wire::Format::JsonObject);
    let (masked, vault) = masked(&ask, &[QUOTED]);
    let sent = text_of(&masked);
    let said = format!("\n{{\"name\": \"{sent}\"}}");
    let value: Json = serde_json::from_str(&back(&vault, &said)).unwrap();
    assert_eq!(value, json!({"name": QUOTED.0}));
    // In pieces, and through bytes.
    let pieces = said.char_indices().map(|(at, c)| delta(0, json!({"content": &said[at..at + c.len_utf8()]})));
    let end = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    let out = run(&vault, frames(&pieces.chain([end]).collect::<Vec<_>>()));
    let value: Json = serde_json::from_str(reread(&out).choices[0].text.as_deref().unwrap()).unwrap();
    assert_eq!(value, json!({"name": QUOTED.0}));
    // A model that answers in words all the same is not escaped.
    assert_eq!(back(&vault, &format!("{sent}: no")), format!("{}: no", QUOTED.0));
    assert_eq!(back(&vault, &format!("Sorry, {sent}")), format!("Sorry, {}", QUOTED.0));
}

fn tokens(pieces: &[&str]) -> Vec<TokenLogprob> {
    let token = |t: &&str| TokenLogprob {
        token: (*t).to_owned(),
        logprob: -0.25,
        bytes: Some(t.as_bytes().to_vec()),
        top: vec![((*t).to_owned(), -0.25, None)],
    };
    pieces.iter().map(token).collect()
}

#[test]
fn tokens_of_a_placeholder_become_one() {
    let mut ask = chat("alice@example.com");
    ask.logprobs = Some(1);
    let (masked, vault) = masked(&ask, &[MAIL]);
    let sent = text_of(&masked);
    let (a, b) = sent.split_at(9);
    let last = format!("{b}.");
    let pieces = ["To", " [", "x", "]", " ", a, &last, " Bye"];
    let check = |got: &[TokenLogprob]| {
        let spelt: Vec<(&str, f64, usize)> = got.iter().map(|t| (t.token.as_str(), t.logprob, t.top.len())).collect();
        assert_eq!(
            spelt,
            [
                ("To", -0.25, 1),
                (" [", -0.25, 1),
                ("x", -0.25, 1),
                ("]", -0.25, 1),
                (" ", -0.25, 1),
                ("alice@example.com.", -0.5, 0),
                (" Bye", -0.25, 1)
            ]
        );
        assert_eq!(got[5].bytes.as_deref(), Some(&b"alice@example.com."[..]));
    };
    let whole = pieces.concat();
    let raw = Raw { flavour: Flavour::OpenaiChat, name: None, bytes: Bytes::from_static(b"{}") };
    let choice = Choice { text: Some(whole.clone()), logprobs: tokens(&pieces), ..Choice::default() };
    let plain = vault.restore(Answer { choices: vec![choice], raw: Some(raw.clone()), ..Answer::default() });
    check(&plain.choices[0].logprobs);
    // The bytes hold the tokens one by one and cannot go on.
    assert_eq!(plain.raw, None);
    let chunks = pieces.iter().map(|p| Chunk {
        events: vec![Event::Text { choice: 0, text: (*p).to_owned(), logprobs: tokens(&[p]) }],
        raw: Some(raw.clone()),
    });
    let out = run(&vault, chunks.chain([chunk(vec![Event::Done])]));
    assert!(out.iter().all(|c| c.raw.is_none()));
    let streamed = joined(&out);
    check(&streamed.choices[0].logprobs);
    assert_eq!(streamed.choices[0].text, plain.choices[0].text);
    // Tokens that do not spell the text are left out rather than wrong.
    let choice = Choice { text: Some(whole), logprobs: tokens(&["odd"]), ..Choice::default() };
    let plain = vault.restore(Answer { choices: vec![choice], ..Answer::default() });
    assert!(plain.choices[0].logprobs.is_empty());
}

#[test]
fn offsets_of_annotations_move() {
    let (sent, vault) = sent("é alice@example.com", &[MAIL]);
    let content = format!("{sent} says [1] {sent} [2]");
    let restored = "é alice@example.com says [1] é alice@example.com [2]";
    let place = |text: &str, what: &str| {
        let at = text.find(what).unwrap();
        let start = text[..at].chars().count();
        json!({"type": "url_citation", "url_citation": {"start_index": start, "end_index": start + 3, "url": "https://x.example"}})
    };
    let notes = |text: &str| json!([place(text, "[1]"), place(text, "[2]")]);
    let body = |text: &str| {
        json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [
        {"index": 0, "message": {"role": "assistant", "content": text, "annotations": notes(text)}, "finish_reason": "stop"}]})
    };
    let plain = openai::read_chat_answer(&Bytes::from(body(&content).to_string())).unwrap();
    let raw = vault.restore(plain).raw.unwrap();
    assert_eq!(serde_json::from_slice::<Json>(&raw.bytes).unwrap(), body(restored));
    let all = [delta(0, json!({"content": content})), delta(0, json!({"annotations": notes(&content)}))];
    let out = run(&vault, frames(&all));
    let last: Json = serde_json::from_slice(&payloads(&out).last().unwrap().bytes).unwrap();
    assert_eq!(last["choices"][0]["delta"]["annotations"], notes(restored));
}

#[test]
fn stop_sequences_come_back_as_they_were_asked_for() {
    let mut ask = chat("x");
    ask.endpoint = Endpoint::Messages;
    ask.stop = vec!["alice@example.com".into()];
    let (masked, vault) = masked(&ask, &[MAIL]);
    assert!(masked.stop[0].starts_with("[[EMAIL_"));
    let finish = Finish::StopSequence(Some(masked.stop[0].clone()));
    let out = run(&vault, [chunk(vec![Event::Finish { choice: 0, finish: finish.clone() }])]);
    assert_eq!(joined(&out).choices[0].finish, Some(Finish::StopSequence(Some("alice@example.com".into()))));
    let choice = Choice { finish: Some(finish), ..Choice::default() };
    let plain = vault.restore(Answer { choices: vec![choice], ..Answer::default() });
    assert_eq!(plain.choices[0].finish, Some(Finish::StopSequence(Some("alice@example.com".into()))));
}

#[test]
fn refusals_and_thoughts_of_a_plain_answer() {
    let (sent, vault) = sent("alice@example.com", &[MAIL]);
    let choice = Choice {
        reasoning: Some((sent.clone(), Some("sig".into()))),
        refusal: Some(format!("not {sent}")),
        ..Choice::default()
    };
    let plain = vault.restore(Answer { choices: vec![choice], ..Answer::default() });
    assert_eq!(plain.choices[0].reasoning, Some(("alice@example.com".into(), Some("sig".into()))));
    assert_eq!(plain.choices[0].refusal.as_deref(), Some("not alice@example.com"));
    let all = [delta(0, json!({"refusal": &sent[..4]})), delta(0, json!({"refusal": &sent[4..]}))];
    let out = run(&vault, frames(&all));
    assert_eq!(reread(&out).choices[0].refusal.as_deref(), Some("alice@example.com"));
}
