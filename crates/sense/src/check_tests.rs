//! What the checks find, and that they end whatever is said.
//!
//! Never here: how a flaw weighs.
#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;
use wire::openai::read_chat;

fn ask(extra: &str) -> Ask {
    let body =
        format!(r#"{{"model":"auto","messages":[{{"role":"user","content":"What is known of Paris?"}}]{extra}}}"#);
    read_chat(body.as_bytes()).unwrap()
}

fn text(text: &str) -> Choice {
    Choice { text: Some(text.into()), finish: Some(Finish::Stop), ..Choice::default() }
}

fn call(name: &str, arguments: &str) -> Choice {
    let tool_calls = vec![ToolCall { id: "c".into(), name: name.into(), arguments: arguments.into() }];
    Choice { tool_calls, finish: Some(Finish::ToolCalls), ..Choice::default() }
}

fn flaws(ask: &Ask, choice: &Choice, whole: bool) -> Vec<Flaw> {
    check(ask, Task::Chat, choice, whole).flaws().collect()
}

const SCHEMA: &str = r#","response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{"type":"object",
    "properties":{"n":{"type":"integer"}},"required":["n"],"additionalProperties":false}}}"#;
const OBJECT: &str = r#","response_format":{"type":"json_object"}"#;
const TOOLS: &str = r#","tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object",
    "properties":{"city":{"type":"string"}},"required":["city"]}}},{"type":"function","function":{"name":"now"}}]"#;

#[test]
fn json_is_held_against_what_was_asked_for() {
    for (extra, said, is) in [
        (SCHEMA, r#"{"n": 3}"#, vec![]),
        (SCHEMA, " {\"n\": 3.0}\n", vec![]),
        (SCHEMA, r#"{"n": "3"}"#, vec![Flaw::OffSchema]),
        (SCHEMA, "{\"n\": 3", vec![Flaw::NotJson]),
        (SCHEMA, "Sure! {\"n\": 3}", vec![Flaw::NotJson]),
        (SCHEMA, "[3]", vec![Flaw::OffSchema]),
        (OBJECT, "[3]", vec![Flaw::NotJson]),
        (OBJECT, r#"{"any": [1, 2]}"#, vec![]),
        (OBJECT, "```json\n{}\n```", vec![Flaw::NotJson]),
        (OBJECT, "  ", vec![Flaw::Empty]),
        ("", "not json", vec![]),
        (r#","response_format":{"type":"text"}"#, "not json", vec![]),
    ] {
        assert_eq!(flaws(&ask(extra), &text(said), true), is, "{extra} {said}");
    }
    assert!(check(&ask(SCHEMA), Task::Chat, &text(r#"{"n": 3}"#), true).tested);
    assert!(!check(&ask(""), Task::Chat, &text("Paris"), true).tested);
    let partial = SCHEMA.replace(r#""type":"integer""#, r#""type":"string","pattern":"^a""#);
    assert!(!check(&ask(&partial), Task::Chat, &text(r#"{"n": "b"}"#), true).tested, "a pattern is not judged");
}

#[test]
fn of_half_an_answer_only_what_cannot_heal_is_a_flaw() {
    for (extra, said, is) in [
        (SCHEMA, "{\"n\": ", vec![]),
        (SCHEMA, "Sure! Here", vec![Flaw::NotJson]),
        (SCHEMA, "", vec![]),
        ("", "```rust\nfn main() {", vec![]),
        ("", "I'm sorry, but I can't help with", vec![Flaw::Refused]),
    ] {
        assert_eq!(flaws(&ask(extra), &text(said), false), is, "{extra} {said}");
    }
    assert_eq!(flaws(&ask(TOOLS), &call("weather", "{\"ci"), false), vec![]);
    assert_eq!(flaws(&ask(TOOLS), &call("wether", ""), false), vec![Flaw::UnknownTool]);
}

#[test]
fn calls_name_tools_that_exist_and_fit_them() {
    for (name, arguments, is) in [
        ("weather", r#"{"city": "Bonn"}"#, vec![]),
        ("now", "", vec![]),
        ("now", "{}", vec![]),
        ("weather", "", vec![Flaw::BadCall]),
        ("weather", r#"{"city": 3}"#, vec![Flaw::BadCall]),
        ("weather", r#"{"city": "#, vec![Flaw::BadCall]),
        ("weather", r#""Bonn""#, vec![Flaw::BadCall]),
        ("rain", "{}", vec![Flaw::UnknownTool]),
    ] {
        assert_eq!(flaws(&ask(TOOLS), &call(name, arguments), true), is, "{name} {arguments}");
    }
    let required = format!("{TOOLS},\"tool_choice\":\"required\"");
    assert_eq!(flaws(&ask(&required), &text("It rains."), true), vec![Flaw::NoCall]);
    assert_eq!(flaws(&ask(&required), &text("It ra"), false), vec![]);
    let named = format!(r#"{TOOLS},"tool_choice":{{"type":"function","function":{{"name":"now"}}}}"#);
    assert_eq!(flaws(&ask(&named), &call("weather", r#"{"city":"Bonn"}"#), true), vec![Flaw::NoCall]);
    assert_eq!(flaws(&ask(&named), &call("now", ""), true), vec![]);
    assert_eq!(flaws(&ask(TOOLS), &text("It rains."), true), vec![], "a call is not owed");
    let both = format!("{TOOLS}{OBJECT}");
    assert_eq!(flaws(&ask(&both), &call("now", ""), true), vec![], "a call comes before the JSON");
}

#[test]
fn ends_and_refusals() {
    let with = |finish, refusal: Option<&str>| Choice {
        finish: Some(finish),
        refusal: refusal.map(str::to_owned),
        ..text("The town has")
    };
    let cut = with(Finish::Length, None);
    assert_eq!(flaws(&ask(""), &cut, true), vec![Flaw::CutOff]);
    assert_eq!(flaws(&ask(r#","max_tokens":3"#), &cut, true), vec![], "the caller wanted no more");
    assert_eq!(flaws(&ask(""), &with(Finish::Stop, Some("No.")), true), vec![Flaw::Refused]);
    assert_eq!(flaws(&ask(""), &with(Finish::ContentFilter, None), true), vec![Flaw::Refused]);
    assert_eq!(flaws(&ask(""), &Choice::default(), true), vec![Flaw::Empty]);
    assert_eq!(flaws(&ask(""), &Choice::default(), false), vec![]);
    let limited = format!("{SCHEMA},\"max_tokens\":3");
    let half = Choice { finish: Some(Finish::Length), ..text("{\"n\":") };
    assert_eq!(flaws(&ask(&limited), &half, true), vec![], "cut by the caller's own limit");
}

#[test]
fn what_is_too_long_is_not_checked() {
    let long = |bytes: usize| text(&"x".repeat(bytes));
    assert_eq!(flaws(&ask(OBJECT), &long(CHECKED_MAX), true), vec![Flaw::NotJson, Flaw::Repeats]);
    assert_eq!(flaws(&ask(OBJECT), &long(CHECKED_MAX + 1), true), vec![]);
}

#[test]
fn hard_flaws_are_those_that_make_an_answer_useless() {
    let hard: Vec<_> = Flaw::ALL.into_iter().filter(|flaw| flaw.is_hard()).collect();
    assert_eq!(hard, &Flaw::ALL[..7]);
    assert!(Flaw::ALL.windows(2).all(|pair| pair[0] < pair[1]));
}

proptest! {
    /// Whatever is said, checking ends, and a longer beginning of a good answer is never called worse than the whole.
    #[test]
    fn no_beginning_of_a_good_answer_has_a_hard_flaw(n in any::<i64>(), at in 0usize..40) {
        let good = serde_json::json!({"n": n}).to_string();
        let cut = good.floor_char_boundary(at.min(good.len()));
        let found = check(&ask(SCHEMA), Task::Chat, &text(&good[..cut]), false);
        prop_assert!(!found.is_hard(), "{:?}", &good[..cut]);
    }

    #[test]
    fn any_text_is_checked(said in any::<String>(), schema in any::<String>(), whole in any::<bool>()) {
        for extra in ["", SCHEMA, OBJECT, TOOLS] {
            check(&ask(extra), Task::Code, &text(&said), whole);
            check(&ask(extra), Task::Chat, &call("weather", &said), whole);
        }
        check(&ask(""), Task::Chat, &text(&format!("```rs\n{said}\n```\n```js\n{schema}\n```")), whole);
    }
}
