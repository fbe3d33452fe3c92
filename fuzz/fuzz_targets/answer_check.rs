//! Checks of answers: whatever schema, prompt and answer, they end and say the same twice; a beginning of valid JSON is never called
//! none; what fails as a beginning fails as a whole.
//!
//! Input: where the answer is cut, then a schema, a prompt and the answer, with a zero byte between them.
#![no_main]

use decide::Task;
use sense::check::{Flaw, check};
use sense::doubt::{Signals, judge};
use wire::{Answer, Ask, Choice, Endpoint, Finish, Format, Message, Role, Tool, ToolCall, ToolChoice};

fn choice(text: &str, whole: bool) -> Choice {
    Choice { text: Some(text.to_owned()), finish: whole.then_some(Finish::Stop), ..Choice::default() }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((&at, rest)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    let mut parts = text.splitn(3, '\0');
    let (schema, prompt, said) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    let raw = serde_json::value::RawValue::from_string(schema.to_owned()).ok();
    let mut ask = Ask::new(Endpoint::Chat);
    ask.messages.push(Message::text(Role::User, prompt));
    ask.format = Some(Format::JsonSchema { name: "s".into(), schema: raw.clone(), strict: None, description: None });
    let whole = check(&ask, Task::Chat, &choice(said, true), true);
    assert_eq!(whole, check(&ask, Task::Chat, &choice(said, true), true), "the same twice");
    let cut = said.floor_char_boundary(usize::from(at) * said.len() / 256);
    let begun = check(&ask, Task::Chat, &choice(&said[..cut], false), false);
    assert!(!begun.tested, "a beginning passes nothing");
    if serde_json::from_str::<serde_json::Value>(said).is_ok() {
        assert!(!begun.has(Flaw::NotJson) && !whole.has(Flaw::NotJson), "valid JSON: {said:?}");
    }
    if begun.has(Flaw::NotJson) {
        assert!(whole.has(Flaw::NotJson), "a beginning that is no JSON: {said:?}");
    }
    for checked in [whole, begun] {
        let doubt = judge(&Signals { checked, gain: Some(f32::from(at) / 100.0 - 1.0), ..Signals::default() });
        assert!((-1_000..=1_000).contains(&doubt.permille) && doubt.hard == checked.is_hard());
        assert!(doubt.to_string().is_ascii());
    }
    ask.format = None;
    ask.tool_choice = Some(ToolChoice::Required);
    let parameters = raw;
    let (name, description, strict, raw, extra) = ("f".to_owned(), None, None, None, Vec::new());
    ask.tools.push(Tool { name, description, parameters, strict, raw, extra });
    let call = ToolCall { id: "c".into(), name: if at % 2 == 0 { "f".into() } else { prompt.into() }, arguments: said.into() };
    let calling = Choice { tool_calls: vec![call], finish: Some(Finish::ToolCalls), ..Choice::default() };
    check(&ask, Task::Tool, &calling, true);
    check(&ask, Task::Code, &choice(&format!("```rs\n{said}\n```\n```js\n{prompt}\n```\n{schema}"), true), true);
    let answer = |choice| Answer { choices: vec![choice], ..Answer::default() };
    let (one, other) = (answer(choice(said, true)), answer(calling));
    sense::agree(&one, &other);
    let beside = sense::doubt::Beside {
        weak: decide::Rank::Local,
        strong: decide::Rank::Frontier,
        answer: &one,
        written: said.len(),
        helpers: &[Some(&other), None, Some(&one)],
    };
    assert!(sense::doubt::gain(&ask, &beside).is_none_or(f32::is_finite));
});
