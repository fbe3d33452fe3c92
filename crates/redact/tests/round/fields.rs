//! Every field: a value of its own in each, and none is left in what is sent.

use crate::*;
use serde_json::{Value as Json, json};
use wire::{FieldKind, Part, Shape, anthropic, openai};

/// The values that stand in a body, `v01@x.example` and so on.
fn values(body: &str) -> Vec<String> {
    let mut all: Vec<String> = (0..100).map(|n| format!("v{n:02}@x.example")).filter(|v| body.contains(v)).collect();
    all.dedup();
    all
}

fn mask_all(ask: &Ask, body: &str) -> (Ask, Vec<String>) {
    let values = values(body);
    let all: Vec<Value<'_>> = values.iter().map(|v| (v.as_str(), MAIL.1, MAIL.2)).collect();
    let (masked, vault) = masked(ask, &all);
    for value in &values {
        let mut shown = false;
        ask.visit_fields(&mut |field| shown |= field.text.contains(value));
        assert!(shown, "{value} is in no field");
    }
    // What was seen is gone, and what stands instead comes back.
    let mut fields = String::new();
    masked.visit_fields(&mut |field| fields.push_str(field.text));
    let restored = back(&vault, &fields);
    for value in &values {
        // An id stands for nothing that an answer could say.
        let is_id = body.contains(&format!("call_{value}"));
        assert!(!fields.contains(value) && restored.contains(value) != is_id, "{value}");
    }
    (masked, values)
}

fn chat_body() -> Json {
    json!({
        "model": "m",
        "messages": [
            {"role": "system", "content": "for v01@x.example", "x_note": {"deep": ["v02@x.example"]}},
            {"role": "developer", "content": [{"type": "text", "text": "v03@x.example", "x_tag": "v04@x.example"}]},
            {"role": "user", "name": "v05@x.example", "content": [
                {"type": "text", "text": "v06@x.example"},
                {"type": "image_url", "image_url": {"url": "https://h.example/v07@x.example.png", "x": "v08@x.example"}},
                {"type": "file", "file": {"filename": "v09@x.example.pdf", "file_id": "f"}}]},
            {"role": "assistant", "content": null, "refusal": "v10@x.example", "reasoning_content": "v11@x.example",
             "tool_calls": [{"id": "call_v12@x.example", "type": "function",
                             "function": {"name": "f", "arguments": "{\"to\":\"v13\\u0040x.example\",\"v14@x.example\":1}"},
                             "extra_content": {"g": "v15@x.example"}},
                            {"id": "c2", "type": "function", "function": {"name": "g", "arguments": "broken {v16@x.example"}}]},
            {"role": "tool", "tool_call_id": "call_v12@x.example", "content": "v17@x.example"},
            {"role": "assistant", "content": "", "function_call": {"name": "h", "arguments": "v18@x.example"}}
        ],
        "tools": [
            {"type": "function", "x_t": "v19@x.example", "function": {"name": "f", "description": "v20@x.example", "x_f": "v21@x.example",
                "parameters": {"type": "object", "properties": {"v22@x.example": {"enum": ["v23@x.example"]}}, "required": ["v22@x.example"]}}},
            {"type": "custom", "custom": {"name": "c", "description": "v24@x.example"}}
        ],
        "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"note": "v25@x.example"}]}},
        "stop": ["v26@x.example"],
        "user": "v27@x.example",
        "prompt_cache_key": "v28@x.example",
        "safety_identifier": "v29@x.example",
        "metadata": {"v30@x.example": "v31@x.example", "n": 7},
        "response_format": {"type": "json_schema", "json_schema": {"name": "s", "description": "v32@x.example",
            "schema": {"title": "v33@x.example"}}},
        "prediction": {"type": "content", "content": [{"type": "text", "text": "v34@x.example"}]},
        "web_search_options": {"user_location": {"approximate": {"city": "v35@x.example"}}},
        "v36@x.example": true
    })
}

#[test]
fn every_field_of_chat() {
    let body = chat_body().to_string().replace("v13\\\\u0040x", "v13@x");
    assert_eq!(values(&body).len(), 36, "the body holds each value");
    let ask = openai::read_chat(chat_body().to_string().as_bytes()).unwrap();
    let (masked, values) = mask_all(&ask, &body);
    let out = String::from_utf8(openai::write_chat(
        &masked,
        &Shape { model: "m".into(), developer: true, ..Shape::default() },
    ))
    .unwrap();
    let written: Json = serde_json::from_str(&out).unwrap();
    for value in values {
        assert!(!out.contains(&value), "{value}: {out}");
    }
    assert!(!out.contains("v13\\\\u0040x"), "{out}");
    // Call and result still belong together.
    let call = &written["messages"][3]["tool_calls"][0];
    assert_eq!(call["id"], written["messages"][4]["tool_call_id"]);
    let arguments: Json = serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap();
    assert!(arguments["to"].as_str().unwrap().starts_with("[[EMAIL_"), "{arguments}");
    // A schema says the same word wherever it says it.
    let parameters = &written["tools"][0]["function"]["parameters"];
    assert!(parameters["properties"].as_object().unwrap().contains_key(parameters["required"][0].as_str().unwrap()));
    assert_eq!(written["metadata"]["n"], 7);
}

#[test]
fn every_field_of_messages() {
    let body = json!({
        "model": "m", "max_tokens": 9,
        "system": [{"type": "text", "text": "v01@x.example", "cache_control": {"type": "ephemeral", "x": "v02@x.example"}}],
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "v03@x.example"},
                {"type": "document", "title": "v04@x.example", "context": "v05@x.example",
                 "source": {"type": "text", "media_type": "text/plain", "data": "v06@x.example"}},
                {"type": "search_result", "source": "v07@x.example", "title": "t", "content": [{"type": "text", "text": "v08@x.example"}]}]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "v09@x.example", "signature": "c2ln"},
                {"type": "text", "text": "v10@x.example"},
                {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"v11@x.example": ["v12@x.example"]}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "v13@x.example"}]}]},
            // Not in canonical order, so kept whole as well.
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "toolu_2", "name": "f", "input": {"a": "v14@x.example"}},
                {"type": "text", "text": "v15@x.example"}]}
        ],
        "tools": [{"name": "f", "description": "v16@x.example", "input_schema": {"type": "object", "title": "v17@x.example"}},
                  {"type": "web_search_20250305", "name": "web_search", "allowed_domains": ["v18@x.example"]}],
        "stop_sequences": ["v19@x.example"],
        "metadata": {"user_id": "v20@x.example", "x": "v21@x.example"}
    });
    let text = body.to_string();
    assert_eq!(values(&text).len(), 21);
    let ask = anthropic::read_messages(text.as_bytes()).unwrap();
    assert!(!ask.has_unscannable(), "all of it is text");
    let (masked, values) = mask_all(&ask, &text);
    let out = String::from_utf8(anthropic::write_messages(&masked, &Shape::default())).unwrap();
    let written: Json = serde_json::from_str(&out).unwrap();
    for value in values {
        assert!(!out.contains(&value), "{value}: {out}");
    }
    assert_eq!(written["messages"][1]["content"][0]["signature"], "c2ln");
}

#[test]
fn every_field_of_the_other_endpoints() {
    let shape = Shape::default();
    let body = json!({"model": "m", "prompt": ["v01@x.example", "v02@x.example"], "suffix": "v03@x.example", "stop": "v04@x.example"});
    let ask = openai::read_completions(body.to_string().as_bytes()).unwrap();
    let (masked, _) = mask_all(&ask, &body.to_string());
    let out = String::from_utf8(openai::write_completions(&masked, &shape)).unwrap();
    assert!(values(&out).is_empty() && values(&body.to_string()).len() == 4, "{out}");
    let body = json!({"model": "m", "input": ["v01@x.example", "v02@x.example"], "user": "v03@x.example", "x": ["v04@x.example"]});
    let ask = openai::read_embeddings(body.to_string().as_bytes()).unwrap();
    let (masked, _) = mask_all(&ask, &body.to_string());
    let out = String::from_utf8(openai::write_embeddings(&masked, &shape)).unwrap();
    assert!(values(&out).is_empty() && values(&body.to_string()).len() == 4, "{out}");
    let body = json!({"model": "m", "query": "v01@x.example", "documents": ["v02@x.example", {"text": "v03@x.example"}], "return_documents": true});
    let ask = openai::read_rerank(body.to_string().as_bytes()).unwrap();
    let (masked, _) = mask_all(&ask, &body.to_string());
    let out = String::from_utf8(openai::write_rerank(&masked, &shape)).unwrap();
    assert!(values(&out).is_empty() && values(&body.to_string()).len() == 3, "{out}");
    // The documents come back from the request as it was.
    let ranking =
        openai::read_ranking(&bytes::Bytes::from_static(br#"{"results":[{"index":1,"relevance_score":0.5}]}"#))
            .unwrap();
    let reply = String::from_utf8(openai::write_ranking(&ranking, &ask)).unwrap();
    assert!(reply.contains("v03@x.example"), "{reply}");
}

#[test]
fn reading_and_rewriting_walk_the_same_way() {
    let mut ask = openai::read_chat(chat_body().to_string().as_bytes()).unwrap();
    let mut seen = Vec::new();
    ask.visit_fields(&mut |f| seen.push((f.index, f.text.to_owned(), f.joints.to_vec(), f.kind)));
    let mut plain = Vec::new();
    ask.visit_texts(&mut |index, text| plain.push((index, text.to_owned())));
    let mut edited = Vec::new();
    let missed = ask.edit_fields(&mut |f| {
        edited.push((f.index, f.text.to_owned(), f.joints.to_vec(), f.kind));
        Vec::new()
    });
    assert_eq!((missed, &edited), (0, &seen));
    assert_eq!(plain, seen.iter().map(|(i, t, ..)| (*i, t.clone())).collect::<Vec<_>>());
    assert!(seen.iter().enumerate().all(|(at, (index, ..))| at == *index));
    assert!(
        seen.iter().any(|(.., kind)| *kind == FieldKind::Id) && seen.iter().any(|(.., kind)| *kind == FieldKind::Name)
    );
}

#[test]
fn a_value_cut_between_parts_is_taken_out_of_both() {
    let mut ask = chat("");
    let part = |text: &str| Part::Text { text: text.to_owned(), extra: Vec::new() };
    ask.messages[0].content =
        wire::Content::Parts(vec![part("to ali"), part("ce@exam"), part(""), part("ple.com now")]);
    let (masked, vault) = masked(&ask, &[MAIL]);
    let wire::Content::Parts(parts) = &masked.messages[0].content else { panic!("parts stay parts") };
    let texts: Vec<&str> =
        parts.iter().map(|p| if let Part::Text { text, .. } = p { text.as_str() } else { "-" }).collect();
    assert!(texts[0].starts_with("to [[EMAIL_") && texts[1].is_empty() && texts[3] == " now", "{texts:?}");
    assert_eq!(back(&vault, &text_of(&masked)), "to alice@example.com now");
}

#[test]
fn numbers_become_strings() {
    let mut ask = chat("x");
    let call = |arguments: &str| wire::ToolCall { id: "i".into(), name: "f".into(), arguments: arguments.into() };
    ask.messages[0].tool_calls.push(call(r#"{"card":4111111111111111,"n":12}"#));
    let (masked, vault) = masked(&ask, &[("4111111111111111", "CREDIT_CARD", DataClass::Personal)]);
    let sent: Json = serde_json::from_str(&masked.messages[0].tool_calls[0].arguments).unwrap();
    assert!(sent["card"].as_str().unwrap().starts_with("[[CARD_") && sent["n"] == 12);
    assert_eq!(back(&vault, sent["card"].as_str().unwrap()), "4111111111111111");
}

#[test]
fn names_are_refused_without_saying_what_they_hold() {
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}],
        "tools": [{"type": "function", "function": {"name": "lookup_4111111111111111"}}]});
    let ask = openai::read_chat(body.to_string().as_bytes()).unwrap();
    let seen = see(&ask, &[("4111111111111111", "CREDIT_CARD", DataClass::Personal)]);
    let error = mask(&ask, &seen, DataClass::Internal, &scope("c")).unwrap_err().to_string();
    assert!(error.contains("CREDIT_CARD") && error.contains("rename") && !error.contains("4111"), "{error}");
    // At a place that may have it, nothing is refused.
    assert!(mask(&ask, &seen, DataClass::Personal, &scope("c")).is_ok());
}

#[test]
fn what_was_not_read_or_is_not_there_is_refused() {
    let ask = chat("alice@example.com");
    let mut seen = see(&ask, &[MAIL]);
    seen.found.failed = Some("out of time".into());
    let error = mask(&ask, &seen, DataClass::Internal, &scope("c")).unwrap_err().to_string();
    assert!(error.contains("out of time"), "{error}");
    // Findings of another request: a field that is not there, or beyond its end.
    for (field, start, end) in [(99, 0, 5), (0, 17, 20), (0, 3, 3)] {
        let seen = Inspection { found: Found::default(), fields: vec![(field, vec![finding(start, end, MAIL)])] };
        assert!(mask(&ask, &seen, DataClass::Internal, &scope("c")).is_err(), "{field} {start}");
    }
}

#[test]
fn the_bytes_of_a_file_are_neither_read_nor_changed() {
    let data = format!("data:application/pdf;base64,{}", "QUJD".repeat(5000));
    let body = json!({"model": "m", "messages": [{"role": "user", "content": [
        {"type": "file", "file": {"filename": "for alice@example.com.pdf", "file_data": data}}]}]});
    let ask = openai::read_chat(body.to_string().as_bytes()).unwrap();
    assert!(ask.has_unscannable());
    ask.visit_fields(&mut |field| assert!(!field.text.contains("QUJDQUJD")));
    let (masked, _) = masked(&ask, &[MAIL]);
    let out: Json = serde_json::from_slice(&openai::write_chat(&masked, &Shape::default())).unwrap();
    let file = &out["messages"][0]["content"][0]["file"];
    assert_eq!(file["file_data"], data);
    assert!(file["filename"].as_str().unwrap().starts_with("for [[EMAIL_"), "{file}");
}

#[test]
fn what_cannot_be_read_is_told() {
    let unscannable = |content: Json| {
        let body = json!({"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": content}]});
        anthropic::read_messages(body.to_string().as_bytes()).unwrap().has_unscannable()
    };
    assert!(!unscannable(json!("text")));
    assert!(!unscannable(json!([{"type": "text", "text": "x"}])));
    assert!(!unscannable(
        json!([{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}])
    ));
    assert!(!unscannable(
        json!([{"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "x"}]}}])
    ));
    for part in [
        json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"}}),
        json!({"type": "image", "source": {"type": "url", "url": "https://h.example/x.png"}}),
        json!({"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "QUJD"}}),
        json!({"type": "document", "source": {"type": "url", "url": "https://h.example/x.pdf"}}),
        json!({"type": "document", "source": {"type": "content", "content": [{"type": "image", "source": {"type": "file", "file_id": "f"}}]}}),
        json!({"type": "redacted_thinking", "data": "QUJD"}),
        json!({"type": "web_search_tool_result", "content": [{"encrypted_content": "QUJD"}]}),
        json!({"type": "search_result", "content": [{"type": "text", "text": "x", "\u{65}ncrypted_content": "QUJD"}]}),
        json!({"type": "anything_new"}),
        json!({"type": "mcp_tool_result", "content": [{"type": "text", "text": "QUJD".repeat(2000)}]}),
    ] {
        assert!(unscannable(json!([part])), "{part}");
    }
    let body = br#"{"model":"m","input":[[1,2,3]]}"#;
    assert!(openai::read_embeddings(body).unwrap().has_unscannable());
    let body = br#"{"model":"m","prompt":[1,2,3]}"#;
    assert!(openai::read_completions(body).unwrap().has_unscannable());
}
