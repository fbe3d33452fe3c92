//! Known failures of others (trust.md A3), one test each.

use crate::*;
use wire::ToolCall;

/// BerriAI/litellm #14516: the placeholder reaches the user, since restoring does nothing.
#[test]
fn the_answer_holds_the_original_and_no_placeholder() {
    let (sent, vault) = sent("Write to alice@example.com please", &[MAIL]);
    assert!(!sent.contains("alice") && sent.contains("[[EMAIL_"), "{sent}");
    assert_eq!(back(&vault, &format!("Done: {sent}")), "Done: Write to alice@example.com please");
}

/// litellm #23037, #24291: originals are cut at offsets of the rewritten text.
#[test]
fn offsets_are_those_of_the_original_text() {
    let text = "é alice@example.com, 4111 1111 1111 1111 – alice@example.com; 4111 1111 1111 1111 ü";
    let (sent, vault) = sent(text, &[CARD, MAIL]);
    assert!(!sent.contains("4111") && !sent.contains('@'), "{sent}");
    assert_eq!(sent.matches("[[EMAIL_").count(), 2);
    assert_eq!(sent.matches("[[CARD_").count(), 2);
    assert_eq!(back(&vault, &sent), text);
}

/// litellm #24291: masking and restoring run in two instances with two maps.
#[test]
fn another_instance_with_the_same_key_makes_the_same_placeholder() {
    let (here, _) = sent("a alice@example.com", &[MAIL]);
    let (there, vault) = sent("b alice@example.com c", &[MAIL]);
    assert_eq!(back(&vault, &here), "a alice@example.com", "{there}");
}

/// litellm #19950: a map shared between requests shows one caller another's data.
#[test]
fn another_requests_placeholder_stands_for_nothing_here() {
    let other = chat("alice@example.com");
    let (other, _) = mask(&other, &see(&other, &[MAIL]), DataClass::Internal, &scope("other/conversation")).unwrap();
    let stolen = text_of(&other);
    // The caller who writes it, in the prompt and through the model, gets it back as it is.
    let text = format!("what is {stolen}? ask bob@example.com");
    let bob = ("bob@example.com", MAIL.1, MAIL.2);
    let (sent, vault) = sent(&text, &[bob]);
    assert!(sent.contains(&stolen));
    assert_eq!(back(&vault, &format!("It is {stolen}.")), format!("It is {stolen}."));
    // The same value has another placeholder in another conversation.
    assert!(!masked(&chat("alice@example.com"), &[MAIL]).0.messages[0].content.joined().contains(&stolen));
}

/// litellm #31950: restored in content, never in the arguments of calls.
#[test]
fn arguments_of_calls_are_restored_and_stay_json() {
    let (sent, vault) = sent(QUOTED.0, &[QUOTED]);
    let arguments = format!(r#"{{"customer":"{sent}","n":1}}"#);
    let call = ToolCall { id: "c".into(), name: "f".into(), arguments };
    let choice = Choice { tool_calls: vec![call], ..Choice::default() };
    let restored = vault.restore(Answer { choices: vec![choice], ..Answer::default() });
    let json: serde_json::Value = serde_json::from_str(&restored.choices[0].tool_calls[0].arguments).unwrap();
    assert_eq!(json, serde_json::json!({"customer": QUOTED.0, "n": 1}));
}

/// litellm #22821, #23037: Anthropic's bodies and raw SSE bytes are not handled.
#[test]
fn raw_bytes_of_anthropic_are_restored() {
    let body = br#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"to alice@example.com"}]}]}"#;
    let ask = wire::anthropic::read_messages(body).unwrap();
    let (masked, vault) = masked(&ask, &[MAIL]);
    let out = wire::anthropic::write_messages(&masked, &wire::Shape::default());
    let out = String::from_utf8(out).unwrap();
    assert!(!out.contains("alice") && out.contains("[[EMAIL_"), "{out}");
    let said = text_of(&masked);
    let reply = format!(
        r#"{{"id":"i","type":"message","role":"assistant","model":"m","content":[{{"type":"text","text":"{said}","citations":null}},{{"type":"tool_use","id":"t","name":"f","input":{{"a":["{said}"]}}}}],"new_member":1.50,"stop_reason":"tool_use","usage":{{"input_tokens":1,"output_tokens":1}}}}"#
    );
    let answer = wire::anthropic::read_answer(&bytes::Bytes::from(reply.clone())).unwrap();
    let raw = vault.restore(answer).raw.unwrap();
    assert_eq!(raw.bytes, reply.replace(&said, "to alice@example.com"));
}

/// litellm #29134: the whole stream is buffered, or placeholders are split between chunks.
#[test]
fn a_stream_stays_a_stream() {
    let (sent, vault) = sent("Mail alice@example.com now, thanks.", &[MAIL]);
    let chunks = sent.char_indices().map(|(at, c)| chunk(vec![text(0, &sent[at..at + c.len_utf8()])]));
    let mut restorer = vault.restorer();
    let mut shown = String::new();
    for (said, chunk) in chunks.enumerate() {
        let mut out = Vec::new();
        restorer.chunk(chunk, &mut out);
        for event in out.iter().flat_map(|c| &c.events) {
            let Event::Text { text, .. } = event else { panic!("{event:?}") };
            shown.push_str(text);
        }
        if !(5..5 + 17).contains(&said) {
            // Outside the placeholder nothing waits.
            assert_eq!(shown, back(&vault, &sent[..=said]));
        }
    }
    assert_eq!(shown, "Mail alice@example.com now, thanks.");
}

/// litellm #28197: what was just restored is masked again on the way out.
#[test]
fn what_was_put_back_is_not_touched_again() {
    // A value that itself looks like a placeholder of this request.
    let (inner, _) = sent("alice@example.com", &[MAIL]);
    let tricky = (inner.as_str(), "customer", DataClass::Personal);
    let text = format!("{inner} and alice@example.com");
    let (sent, vault) = sent(&text, &[tricky, MAIL]);
    assert_eq!(back(&vault, &sent), text);
}

/// Kong 3.11.0.5, 3.12: placeholders that share a prefix (`<X_1>`, `<X_10>`) are mixed up.
#[test]
fn no_placeholder_begins_another() {
    let values: Vec<String> = (0..300).map(|n| format!("user{n}@example.com")).collect();
    let text = values.join(" ");
    let ask = chat(&text);
    let mut seen = Inspection::default();
    let mut at = 0;
    let findings = values.iter().map(|v| {
        at += v.len() + 1;
        finding(at - v.len() - 1, at - 1, MAIL)
    });
    seen.fields.push((0, findings.collect()));
    let (masked, vault) = mask(&ask, &seen, DataClass::Internal, &scope("c")).unwrap();
    let sent = text_of(&masked);
    let all: std::collections::HashSet<&str> = sent.split(' ').collect();
    assert_eq!(all.len(), 300);
    assert!(all.iter().all(|p| p.len() == "[[EMAIL_12345678]]".len()));
    assert_eq!(back(&vault, &sent), text);
}

/// protectai/llm-guard PR #82: a second request with a filled vault counts from the start again: the wrong person.
#[test]
fn a_later_turn_keeps_who_is_who() {
    let bob = ("bob@example.com", MAIL.1, MAIL.2);
    let (first, _) = sent("alice@example.com", &[MAIL, bob]);
    // Bob comes first now, and Alice's placeholder is the same.
    let (second, vault) = sent("bob@example.com then alice@example.com", &[MAIL, bob]);
    assert!(second.ends_with(&first), "{first} {second}");
    assert_eq!(back(&vault, &first), "alice@example.com");
}

/// presidio #1151: deanonymize(anonymize(t)) is not t. (The property is in `property`.)
#[test]
fn the_way_out_and_back_changes_nothing() {
    for text in [
        "alice@example.com",
        "alice@example.comalice@example.com",
        "[[alice@example.com]]",
        "\\[[alice@example.com\\]]",
        "[[EMAIL_alice@example.com_EMAIL]]",
        "[[EMAIL_AAAAAAAA]] alice@example.com EMAIL_ZZZZZZZZ",
        "日本alice@example.com語\u{200d}",
    ] {
        let (sent, vault) = sent(text, &[MAIL]);
        assert!(!sent.contains("alice"));
        assert_eq!(back(&vault, &sent), text, "{sent}");
    }
}

/// arXiv 2602.16800: a pseudonymised text can still be re-identified by what stays in it. No test can show otherwise; what
/// holds is that a placeholder says the type and nothing of the value.
#[test]
fn a_placeholder_says_nothing_of_its_value() {
    let (short, _) = sent("a@b.co", &[("a@b.co", MAIL.1, MAIL.2)]);
    let long = format!("{}@example.com", "x".repeat(60));
    let (long, _) = sent(&long, &[(&long, MAIL.1, MAIL.2)]);
    assert_eq!(short.len(), long.len());
    // With another key of the installation it is another one: it cannot be looked up in a table.
    let ask = chat("a@b.co");
    let seen = see(&ask, &[("a@b.co", MAIL.1, MAIL.2)]);
    let other = Scope { key: [8; 32].into(), conversation: "key/conversation".into() };
    let (other, vault) = mask(&ask, &seen, DataClass::Internal, &other).unwrap();
    assert_ne!(text_of(&other), short);
    assert!(!format!("{vault:?}").contains("a@b"), "{vault:?}");
}
