//! Whether two answers to one request say the same, where that can be told: tool calls, JSON, options, numbers, short answers, and
//! the final answer of a longer text. What cannot be told is never guessed.
//!
//! Whether an answer can be compared is known from that answer alone, before another one is there: a promise about quality covers
//! just those, so the condition must not depend on what the stronger model says.
//!
//! Never here: whether an answer is right, or comparing free text.

use crate::brain::{Shape, same, shape};
use serde_json::Value;
use wire::{Answer, Choice, Finish};

/// Bytes of an answer's text that are looked at; a longer one is not compared.
const LONGEST: usize = 64 * 1024;
/// Tool calls of an answer at most.
const CALLS_MAX: usize = 32;
/// Words that a final answer follows, lower case.
const LEADS: [&str; 8] =
    ["final answer:", "the answer is", "answer is:", "answer:", "####", "antwort:", "respuesta:", "réponse :"];

/// What is compared of an answer.
enum Form<'a> {
    /// Names and arguments; their order says nothing.
    Calls(Vec<(&'a str, Value)>),
    Json(Value),
    Short(&'a str),
}

/// Whether an answer can be compared with another one.
pub fn comparable(answer: &Answer) -> bool {
    form(answer).is_some()
}

/// Whether `other` says the same as `answer`; `None` where `answer` cannot be compared. Another one that cannot be compared, or is
/// of another kind, does not say the same.
pub fn agree(answer: &Answer, other: &Answer) -> Option<bool> {
    let form_of_one = form(answer)?;
    Some(match (form_of_one, form(other)) {
        (Form::Calls(a), Some(Form::Calls(b))) => same_calls(&a, b),
        (Form::Json(a), Some(Form::Json(b))) => equal(&a, &b),
        (Form::Short(a), Some(Form::Short(b))) => same(Some(a), Some(b)),
        _ => false,
    })
}

fn form(answer: &Answer) -> Option<Form<'_>> {
    let [choice] = answer.choices.as_slice() else { return None };
    // An answer without an end may be the beginning of any other.
    if choice.refusal.is_some() || matches!(choice.finish, None | Some(Finish::Length | Finish::ContentFilter)) {
        return None;
    }
    if !choice.tool_calls.is_empty() {
        return calls(choice);
    }
    let text = choice.text.as_deref().map(str::trim).filter(|text| text.len() <= LONGEST)?;
    if let Some(json) = json(text) {
        return Some(Form::Json(json));
    }
    short(text).or_else(|| last_word(text).and_then(short)).map(Form::Short)
}

/// A text that is an answer and nothing else.
fn short(text: &str) -> Option<&str> {
    (!text.contains('\n') && !matches!(shape(Some(text)), Shape::Missing | Shape::Text)).then_some(text)
}

fn calls(choice: &Choice) -> Option<Form<'_>> {
    if choice.tool_calls.len() > CALLS_MAX {
        return None;
    }
    let read = |call: &'_ wire::ToolCall| -> Option<Value> {
        let text = call.arguments.trim();
        if text.is_empty() { Some(Value::Object(Default::default())) } else { serde_json::from_str(text).ok() }
    };
    let calls: Option<Vec<_>> = choice.tool_calls.iter().map(|c| Some((c.name.as_str(), read(c)?))).collect();
    calls.map(Form::Calls)
}

/// An object or a list, bare or as the one block of code of the text.
fn json(text: &str) -> Option<Value> {
    let inner = text.strip_prefix("```json").or_else(|| text.strip_prefix("```"));
    let text = inner.and_then(|t| t.strip_suffix("```")).unwrap_or(text).trim();
    text.starts_with(['{', '[']).then(|| serde_json::from_str(text).ok())?
}

/// The final answer of a text that says which it is: in `\boxed{}`, or after words such as "the answer is" in its last line.
fn last_word(text: &str) -> Option<&str> {
    if let Some(at) = text.rfind("\\boxed{") {
        return boxed(&text[at..]);
    }
    let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
    let lower = line.to_lowercase();
    // Lower case may have other lengths; where it has, nothing is cut out of the line.
    let (at, lead) = LEADS.iter().filter_map(|lead| lower.rfind(lead).map(|at| (at, lead))).max()?;
    let rest = line.get(at + lead.len()..).filter(|_| lower.len() == line.len())?;
    Some(rest.trim_matches(|c: char| c.is_whitespace() || matches!(c, ':' | '*' | '.'))).filter(|r| !r.is_empty())
}

/// `\boxed{…}` with braces that match, at the beginning of a text.
fn boxed(text: &str) -> Option<&str> {
    let mut depth = 0u32;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return text.get(..=at),
            b'}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    None
}

fn same_calls(a: &[(&str, Value)], mut b: Vec<(&str, Value)>) -> bool {
    a.len() == b.len()
        && a.iter().all(|(name, arguments)| {
            let at = b.iter().position(|(n, v)| n == name && equal(arguments, v));
            at.map(|at| b.swap_remove(at)).is_some()
        })
}

/// Equal values: members in any order, `1` and `1.0` the same, texts to the letter but for spaces around them.
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| equal(value, other)))
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::String(a), Value::String(b)) => a.trim() == b.trim(),
        (a, b) => a == b,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::brain::canonical;
    use wire::ToolCall;

    fn with(choice: Choice) -> Answer {
        let (id, model) = (String::new(), String::new());
        Answer { id, model, created: 0, choices: vec![choice], usage: None, raw: None }
    }

    fn text(text: &str) -> Answer {
        with(Choice { text: Some(text.to_owned()), finish: Some(Finish::Stop), ..Choice::default() })
    }

    fn calling(list: &[(&str, &str)]) -> Answer {
        let call = |(name, arguments): &(&str, &str)| ToolCall {
            id: format!("call_{name}"),
            name: (*name).to_owned(),
            arguments: (*arguments).to_owned(),
        };
        with(Choice {
            tool_calls: list.iter().map(call).collect(),
            finish: Some(Finish::ToolCalls),
            ..Choice::default()
        })
    }

    #[test]
    fn answers_that_say_the_same_agree_in_whatever_dress() {
        let long = "First we add 2 and 3.\nThen we double it.\n";
        for (a, b) in [
            ("B", "b."),
            ("70000", "70,000"),
            ("Paris", "paris"),
            ("{\"a\": 1, \"b\": [1.0]}", "```json\n{\"b\":[1],\"a\":1}\n```"),
            ("10", &*format!("{long}The answer is 10.")),
            ("10", &*format!("{long}**Final answer:** 10")),
            (&*format!("{long}So \\boxed{{\\frac{{1}}{{2}}}} it is"), "0.5"),
            (&*format!("{long}#### 10"), "Quite another way to it.\n\nAnswer: 10"),
        ] {
            assert_eq!(agree(&text(a), &text(b)), Some(true), "{a} | {b}");
        }
    }

    #[test]
    fn answers_that_differ_do_not() {
        for (a, b) in [
            ("B", "C"),
            ("10", "11"),
            ("{\"a\": 1}", "{\"a\": 2}"),
            ("{\"a\": 1}", "{\"a\": 1, \"b\": 1}"),
            ("[1, 2]", "[2, 1]"),
            ("{\"a\": 1}", "Well, that depends on many things, and I would like to explain them all at some length."),
            ("Paris", ""),
            ("true", "{\"a\": true}"),
        ] {
            assert_eq!(agree(&text(a), &text(b)), Some(false), "{a} | {b}");
        }
    }

    #[test]
    fn calls_are_compared_by_name_and_arguments_in_any_order() {
        let a = calling(&[("get", r#"{"city": "Bonn", "days": 3}"#), ("now", "")]);
        let b = calling(&[("now", "{}"), ("get", r#"{"days":3.0,"city":"Bonn "}"#)]);
        assert_eq!(agree(&a, &b), Some(true));
        for other in [
            calling(&[("get", r#"{"city": "Bonn", "days": 3}"#)]),
            calling(&[("get", r#"{"city": "Bonn", "days": 3}"#), ("get", r#"{"city": "Bonn", "days": 3}"#)]),
            calling(&[("get", r#"{"city": "Köln", "days": 3}"#), ("now", "")]),
            text("Bonn"),
        ] {
            assert_eq!(agree(&a, &other), Some(false));
        }
        assert_eq!(agree(&calling(&[("get", "{\"city\":")]), &a), None, "a call that does not parse");
    }

    #[test]
    fn what_cannot_be_told_is_not_guessed() {
        let prose = "The house stood on a hill above the town, and nobody had lived there for many years.";
        let cut = with(Choice { text: Some("10".into()), finish: Some(Finish::Length), ..Choice::default() });
        let open = with(Choice { text: Some("10".into()), ..Choice::default() });
        let refused = with(Choice { refusal: Some("no".into()), ..Choice::default() });
        let twice = Answer { choices: vec![text("1").choices[0].clone(); 2], ..text("1") };
        for answer in [text(prose), text(""), text("a\nb"), cut, open, refused, twice, with(Choice::default())] {
            assert!(!comparable(&answer), "{answer:?}");
            assert_eq!(agree(&answer, &text("10")), None);
            assert_eq!(agree(&text("10"), &answer), Some(false), "the other one may be anything");
        }
    }

    #[test]
    fn odd_texts_do_no_harm() {
        let deep = "[".repeat(100_000);
        for odd in
            ["\\boxed{", "\\boxed{}", "\\boxed{a}}", "####", "İİİ answer: 1", "```", "```json```", &deep, "answer:"]
        {
            let _ = agree(&text(odd), &text(odd));
        }
        let most = |n: usize| text(&format!("{}answer: 1", " \n".repeat(n)));
        assert!(comparable(&most(10)), "spaces around it are no text");
        let at = |bytes: usize| text(&format!("{}\nanswer: 1", "x".repeat(bytes - 10)));
        assert!(comparable(&at(LONGEST)) && !comparable(&at(LONGEST + 1)));
        let many = |n| calling(&vec![("now", "{}"); n]);
        assert!(comparable(&many(CALLS_MAX)) && !comparable(&many(CALLS_MAX + 1)));
        assert_eq!(canonical("\\boxed{7}"), "7", "what `same` makes of a box");
    }
}
