//! With the detectors themselves: what they find is taken out, nothing that they would find is left, and it comes back.
#![allow(clippy::unwrap_used, missing_docs)]

use decide::DataClass;
use redact::{Scope, mask};
use sense::{Finder, FinderOptions};
use wire::{Answer, Ask, Choice, Part, anthropic, openai};

fn finder() -> Finder {
    Finder::new(&FinderOptions::default()).unwrap()
}

/// Masks what is above `internal`, checks that nothing is left, and gives what is sent and what comes back of it.
fn there_and_back(finder: &Finder, ask: &Ask) -> (Ask, String) {
    let seen = finder.inspect(ask);
    assert_eq!(seen.found.failed, None);
    let scope = Scope { key: [7; 32].into(), conversation: "c".into() };
    let (masked, vault) = mask(ask, &seen, DataClass::Internal, &scope).unwrap();
    let left = finder.inspect(&masked);
    assert!(!left.found.any_above(DataClass::Internal), "{:?}", left.found);
    let mut sent = String::new();
    masked.visit_fields(&mut |field| sent.push_str(field.text));
    let choice = Choice { text: Some(sent), ..Choice::default() };
    let back = vault.restore(Answer { choices: vec![choice], ..Answer::default() });
    (masked, back.choices[0].text.clone().unwrap())
}

const TEXT: &str =
    "Please mail alice@example.com or call +49 30 901820; card 4111 1111 1111 1111, IBAN DE89 3704 0044 0532 0130 00.";

#[test]
fn structured_data_of_a_chat() {
    let finder = finder();
    let body = serde_json::json!({"model": "m", "metadata": {"owner": "bob@example.com"}, "messages": [
        {"role": "user", "content": TEXT},
        {"role": "assistant", "content": null, "tool_calls": [{"id": "call_1", "type": "function", "function":
            {"name": "pay", "arguments": "{\"iban\":\"DE89370400440532013000\",\"to\":\"carol\\u0040example.com\"}"}}]}]});
    let ask = openai::read_chat(body.to_string().as_bytes()).unwrap();
    let (masked, back) = there_and_back(&finder, &ask);
    let out = String::from_utf8(openai::write_chat(&masked, &wire::Shape::default())).unwrap();
    for value in ["alice@", "901820", "4111 1111", "DE89", "bob@", "carol"] {
        assert!(!out.contains(value), "{value}: {out}");
    }
    assert!(back.contains(TEXT) && back.contains("carol@example.com") && back.contains("bob@example.com"), "{back}");
}

#[test]
fn an_address_cut_between_two_parts() {
    let finder = finder();
    let body = serde_json::json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": [
        {"type": "text", "text": "write to alice@exa"}, {"type": "text", "text": "mple.com today"}]}]});
    let ask = anthropic::read_messages(body.to_string().as_bytes()).unwrap();
    let (masked, back) = there_and_back(&finder, &ask);
    let wire::Content::Parts(parts) = &masked.messages[0].content else { return };
    let texts: Vec<&str> =
        parts.iter().filter_map(|p| if let Part::Text { text, .. } = p { Some(text.as_str()) } else { None }).collect();
    assert!(texts[0].starts_with("write to [[EMAIL_") && texts[1] == " today", "{texts:?}");
    assert!(back.contains("write to alice@example.com today"), "{back}");
}

#[test]
fn secrets_are_gone_for_good() {
    let finder = finder();
    let token = format!("ghp_{}", "k3J9dQ2xV7mT1bR5wZ8nC4yL6pF0sH3aG2eU");
    let mut ask = Ask::new(wire::Endpoint::Chat);
    ask.messages.push(wire::Message::text(wire::Role::User, format!("deploy with GITHUB_TOKEN={token} now")));
    let (masked, back) = there_and_back(&finder, &ask);
    let sent = masked.messages[0].content.joined();
    assert!(sent.contains("[[REMOVED_") && !sent.contains("k3J9dQ2x"), "{sent}");
    assert!(!back.contains("k3J9dQ2x"), "{back}");
}

#[test]
fn what_holds_nothing_stays_as_it_is() {
    let finder = finder();
    let mut ask = Ask::new(wire::Endpoint::Chat);
    ask.messages
        .push(wire::Message::text(wire::Role::User, "Prove that there are infinitely many primes. [[EMAIL_7Q3K9DXZ]]"));
    let (masked, back) = there_and_back(&finder, &ask);
    assert_eq!(masked.messages[0].content.joined(), ask.messages[0].content.joined());
    assert!(back.contains("[[EMAIL_7Q3K9DXZ]]"));
}
