//! Tool calls through the real worker process, in the format of every family, with a model that knows none of it: what is
//! valid here is so because of the grammar.
#![cfg(feature = "llama")]
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "support/rig.rs"]
mod rig;
#[path = "support/tiny.rs"]
mod tiny;

use decide::Cause;
use rig::{Rig, chat, events};
use serde_json::Value;
use serde_json::value::RawValue;
use tiny::Tiny;
use wire::{Answer, Ask, Event, Finish, Format, Join, Tool, ToolChoice};

/// A template that names a family's marks, lists tools and says every message.
macro_rules! template {
    ($marks:literal) => {
        template!($marks, "")
    };
    ($marks:literal, $end:literal) => {
        concat!(
            "{# ",
            $marks,
            " #}{% for t in tools or [] %}{{ t.function.name }}{% endfor %}",
            "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}",
            $end
        )
    };
}

const FAMILIES: [(&str, &str); 12] = [
    ("Hermes", template!("<tool_call>")),
    ("Xml", template!("<tool_call><function=")),
    ("Llama", template!("<|python_tag|>")),
    ("Mistral", template!("[TOOL_CALLS]")),
    ("MistralArgs", template!("[TOOL_CALLS][ARGS]")),
    ("Gemma", template!("<start_of_turn>")),
    ("DeepSeek", template!("<｜tool▁sep｜>```json")),
    ("DeepSeekBare", template!("<｜tool▁sep｜>")),
    ("Granite", template!("<|tool_call|>")),
    ("Phi", template!("<|tool_call|><|/tool_call|>")),
    ("Command", template!("<|START_ACTION|>")),
    ("Harmony", template!("<|channel|><|message|>")),
];

fn rig(template: &'static str) -> Rig {
    Rig::new(Tiny { template: Some(template), context: 2048, ..Tiny::default() })
}

fn tool(name: &str, parameters: &str) -> Tool {
    Tool {
        name: name.into(),
        description: Some("Does it.".into()),
        parameters: RawValue::from_string(parameters.into()).ok(),
        strict: None,
        raw: None,
        extra: Vec::new(),
    }
}

/// Parameters that say what a random answer would never do by chance.
const LAMP: &str = r##"{"type":"object","properties":{"on":{"type":"boolean"},"colour":{"type":"string","enum":["red","green"]},
    "levels":{"type":"array","items":{"$ref":"#/$defs/level"},"minItems":1,"maxItems":2}},
    "required":["on","colour","levels"],"additionalProperties":false,"$defs":{"level":{"enum":[1,2,3]}}}"##;
const DOOR: &str =
    r#"{"type":"object","properties":{"open":{"type":"boolean"}},"required":["open"],"additionalProperties":false}"#;

fn ask(choice: ToolChoice, seed: i64) -> Ask {
    let mut ask = chat("do it");
    ask.tools = vec![tool("set_lamp", LAMP), tool("move_door", DOOR)];
    ask.tool_choice = Some(choice);
    ask.sampling.temperature = Some(if seed == 0 { 0.0 } else { 2.0 });
    ask.sampling.top_k = Some(0);
    ask.sampling.top_p = Some(1.0);
    ask.sampling.min_p = Some(0.0);
    ask.sampling.seed = Some(seed);
    ask.max_tokens = Some(1500);
    // Random weights are in no hurry to end a list of calls.
    ask.parallel_tool_calls = Some(false);
    ask
}

fn check(family: &str, answer: &Answer) -> String {
    let choice = &answer.choices[0];
    assert_eq!(choice.finish, Some(Finish::ToolCalls), "{family}: {answer:?}");
    assert_eq!(choice.text.as_deref().unwrap_or_default(), "", "{family}");
    let [call] = choice.tool_calls.as_slice() else { panic!("{family}: {answer:?}") };
    assert!(call.id.starts_with("call_") && call.id.len() == 29, "{}", call.id);
    let value: Value = serde_json::from_str(&call.arguments).unwrap_or_else(|e| panic!("{family}: {e}: {call:?}"));
    match call.name.as_str() {
        "set_lamp" => {
            assert!(value["on"].is_boolean(), "{family}: {value}");
            assert!(["red", "green"].contains(&value["colour"].as_str().unwrap()), "{family}: {value}");
            let levels = value["levels"].as_array().unwrap();
            assert!((1..=2).contains(&levels.len()) && levels.iter().all(|l| (1..=3).contains(&l.as_i64().unwrap())));
        }
        "move_door" => assert!(value["open"].is_boolean(), "{family}: {value}"),
        other => panic!("{family}: {other}"),
    }
    call.name.clone()
}

#[tokio::test]
async fn a_required_call_is_valid_in_every_family_plain_and_streamed() {
    for (family, template) in FAMILIES {
        let rig = rig(template);
        for seed in 0..3 {
            let plain = rig.plain(ask(ToolChoice::Required, seed)).await.unwrap_or_else(|e| panic!("{family}: {e:?}"));
            check(family, &plain);
            let (events, fault) = events(rig.stream(ask(ToolChoice::Required, seed)).await.unwrap()).await;
            assert_eq!(fault, None, "{family}");
            let mut join = Join::default();
            events.into_iter().for_each(|e| join.push(e));
            let streamed = join.finish();
            check(family, &streamed);
            let said =
                |a: &Answer| (a.choices[0].tool_calls[0].name.clone(), a.choices[0].tool_calls[0].arguments.clone());
            assert_eq!(said(&streamed), said(&plain), "{family}");
        }
    }
}

#[tokio::test]
async fn a_named_tool_is_the_one_that_is_called() {
    let rig = rig(FAMILIES[0].1);
    for name in ["set_lamp", "move_door"] {
        for seed in 0..2 {
            let answer = rig.plain(ask(ToolChoice::Named(name.into()), seed)).await.unwrap();
            assert_eq!(check("Hermes", &answer), name);
        }
    }
}

#[tokio::test]
async fn arguments_of_a_bound_call_come_in_pieces() {
    let rig = rig(FAMILIES[0].1);
    let (events, _) = events(rig.stream(ask(ToolChoice::Named("set_lamp".into()), 1)).await.unwrap()).await;
    let pieces = events.iter().filter(|e| matches!(e, Event::CallArguments { .. })).count();
    assert!(pieces > 3, "{events:?}");
}

#[tokio::test]
async fn a_call_that_cannot_be_made_sure_of_is_refused_only_where_it_is_forced() {
    let rig = rig(FAMILIES[0].1);
    let with = |choice| {
        let mut ask = ask(choice, 0);
        ask.tools.push(tool("odd", r##"{"type":"object","properties":{"a":{"$ref":"#/nowhere"}}}"##));
        ask
    };
    let fault = rig.plain(with(ToolChoice::Required)).await.unwrap_err();
    assert!(fault.cause == Cause::InvalidRequest && fault.shown.contains("`odd`"), "{fault:?}");
    assert!(rig.plain(with(ToolChoice::Auto)).await.is_ok());
    // The other tools of the same request are not concerned.
    check("Hermes", &rig.plain(with(ToolChoice::Named("move_door".into()))).await.unwrap());
}

#[tokio::test]
async fn without_a_call_the_answer_is_text() {
    let rig = rig(template!("<tool_call>", "\n"));
    for choice in [ToolChoice::Auto, ToolChoice::None] {
        let answer = rig.plain(ask(choice, 0)).await.unwrap();
        assert_eq!(rig::text(&answer), "0123456789");
        assert_eq!((&answer.choices[0].finish, answer.choices[0].tool_calls.len()), (&Some(Finish::Stop), 0));
    }
}

#[tokio::test]
async fn reasoning_that_the_template_has_begun_is_no_text() {
    let rig = rig(template!("<think></think>", "<think>{{ '\n' }}"));
    let answer = rig.plain(chat("x")).await.unwrap();
    let choice = &answer.choices[0];
    assert_eq!(choice.reasoning.as_ref().map(|(text, _)| text.as_str()), Some("0123456789"));
    assert_eq!(choice.text.as_deref(), Some(""));
    // Ten digits; the end of the answer shows nothing.
    assert_eq!(answer.usage.unwrap().reasoning, 10);
}

/// A model that says `mark`, a control token, as its first word.
fn marking(mark: &'static str, template: &'static str) -> Rig {
    Rig::new(Tiny { template: Some(template), context: 2048, mark: Some(mark), ..Tiny::default() })
}

#[tokio::test]
async fn a_call_that_the_model_begins_by_itself_is_valid() {
    for (family, mark) in [
        ("Hermes", "<tool_call>"),
        ("Xml", "<tool_call>"),
        ("Mistral", "[TOOL_CALLS]"),
        ("MistralArgs", "[TOOL_CALLS]"),
        ("DeepSeek", "<｜tool▁calls▁begin｜>"),
        ("Granite", "<|tool_call|>"),
        ("Phi", "<|tool_call|>"),
        ("Command", "<|START_ACTION|>"),
    ] {
        let rig = marking(mark, FAMILIES.iter().find(|f| f.0 == family).unwrap().1);
        for seed in 0..3 {
            let mut ask = ask(ToolChoice::Auto, seed);
            ask.sampling.temperature = Some(if seed == 0 { 0.0 } else { 0.05 });
            let answer = rig.plain(ask.clone()).await.unwrap();
            check(family, &answer);
            // Without tools the mark is text like any other.
            ask.tools.clear();
            ask.max_tokens = Some(3);
            assert!(rig::text(&rig.plain(ask).await.unwrap()).starts_with(mark), "{family}");
        }
    }
}

#[tokio::test]
async fn what_is_forced_comes_after_the_reasoning() {
    let rig = marking("</think>", template!("<tool_call><think>", "<think>{{ '\n' }}"));
    for seed in 0..3 {
        let mut forced = ask(ToolChoice::Required, seed);
        forced.sampling.temperature = Some(0.0);
        check("Hermes", &rig.plain(forced).await.unwrap());
        let mut json = chat("x");
        json.format = Some(Format::JsonSchema {
            name: "door".into(),
            schema: RawValue::from_string(DOOR.into()).ok(),
            strict: Some(true),
            description: None,
        });
        let answer = rig.plain(json).await.unwrap();
        let value: Value = serde_json::from_str(rig::text(&answer)).unwrap();
        assert!(value["open"].is_boolean(), "{answer:?}");
    }
}

#[tokio::test]
async fn a_call_that_the_limit_cuts_ends_with_length() {
    let rig = rig(FAMILIES[0].1);
    let mut ask = ask(ToolChoice::Named("set_lamp".into()), 1);
    let whole = rig.plain(ask.clone()).await.unwrap().usage.unwrap().output;
    ask.max_tokens = Some(whole - 25);
    let answer = rig.plain(ask).await.unwrap();
    assert_eq!(answer.choices[0].finish, Some(Finish::Length));
}
