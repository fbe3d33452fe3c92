//! What a chat template can say, found out by rendering it, and conversations brought into a form that it can: tools it
//! ignores, roles it refuses, ids it does not accept.
//!
//! Never here: Jinja.

use crate::protocol::{Call, ToolSpec, Turn};
use crate::speech::Family;

/// A word that no template writes by itself.
const NEEDLE: &str = "dwpt7needle";

/// What a template can say. By default everything, in OpenAI's form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Manner {
    /// It lists the tools.
    pub(super) tools: bool,
    /// It accepts a system message.
    pub(super) system: bool,
    /// It writes calls and their results; how it wants them.
    pub(super) calls: Option<Shape>,
    /// It writes several calls of one message.
    pub(super) parallel: bool,
}

/// How a template wants calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    /// Arguments as an object, not as JSON text.
    pub(super) object: bool,
    /// No content beside calls is `none`, not an empty text.
    pub(super) null: bool,
}

impl Default for Manner {
    fn default() -> Manner {
        Manner { tools: true, system: true, calls: Some(Shape { object: true, null: false }), parallel: true }
    }
}

impl Manner {
    /// Finds out by `render`, which gives `None` where the template refuses.
    pub(super) fn probe(render: impl Fn(Manner, &[Turn], &[ToolSpec]) -> Option<String>) -> Manner {
        let full = Manner::default();
        let user = says("user", "u");
        if render(full, std::slice::from_ref(&user), &[]).is_none() {
            // It needs more than a user's word; what it refuses is told when it is used.
            return full;
        }
        let has = |text: &str, words: &[&str]| words.iter().all(|w| text.contains(&format!("{NEEDLE}{w}")));
        let system = render(full, &[says("system", &format!("{NEEDLE}system")), user.clone()], &[])
            .is_some_and(|text| has(&text, &["system"]));
        let tool = ToolSpec {
            name: format!("{NEEDLE}tool"),
            description: Some("d".into()),
            parameters: Some(r#"{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}"#.into()),
        };
        let tools = render(full, std::slice::from_ref(&user), std::slice::from_ref(&tool))
            .is_some_and(|text| has(&text, &["tool"]));
        let given = if tools { std::slice::from_ref(&tool) } else { &[] };
        let history = |n: usize| {
            let id = |i: usize| format!("call{i}call");
            let mut call = says("assistant", "");
            let one = |i| Call {
                id: id(i),
                name: format!("{NEEDLE}call{i}"),
                arguments: format!("{{\"a\":\"{NEEDLE}value{i}\"}}"),
            };
            call.calls = (0..n).map(one).collect();
            let result = |i| Turn {
                call_id: Some(id(i)),
                name: Some(format!("{NEEDLE}call{i}")),
                ..says("tool", &format!("{NEEDLE}result{i}"))
            };
            [user.clone(), call].into_iter().chain((0..n).map(result)).collect::<Vec<Turn>>()
        };
        let shapes = [(true, false), (true, true), (false, false), (false, true)];
        let says_all = |shape: Shape, n: usize| {
            let manner = Manner { calls: Some(shape), ..full };
            let words: Vec<String> =
                (0..n).flat_map(|i| [format!("call{i}"), format!("value{i}"), format!("result{i}")]).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            render(manner, &history(n), given).is_some_and(|text| has(&text, &words))
        };
        let calls = shapes.into_iter().map(|(object, null)| Shape { object, null }).find(|s| says_all(*s, 1));
        let parallel = calls.is_some_and(|shape| says_all(shape, 2));
        Manner { tools, system, calls, parallel }
    }

    /// The conversation as the template can say it, and the tools that it is to be given.
    pub(super) fn adapt(self, family: Family, messages: &[Turn], tools: &[ToolSpec]) -> (Vec<Turn>, Vec<ToolSpec>) {
        let mut turns = Vec::with_capacity(messages.len() + 1);
        for turn in messages {
            self.add(family, turn, &mut turns);
        }
        let mut given = tools.to_vec();
        if !self.tools && !tools.is_empty() {
            let text = instructions(family, tools);
            given.clear();
            match turns.first_mut().filter(|t| t.role == "system") {
                Some(first) => first.content = join(&first.content, &text),
                None => turns.insert(0, says("system", &text)),
            }
        }
        if !self.parallel && self.calls.is_some() {
            turns = one_by_one(turns);
        }
        if !self.system {
            fold(&mut turns);
        }
        if matches!(family, Family::Mistral | Family::MistralArgs) {
            for turn in &mut turns {
                turn.calls.iter_mut().map(|c| &mut c.id).chain(turn.call_id.as_mut()).for_each(shorten);
            }
        }
        (turns, given)
    }

    /// Adds a message, calls and results as text where the template knows none.
    fn add(self, family: Family, turn: &Turn, turns: &mut Vec<Turn>) {
        let mut turn = turn.clone();
        if self.calls.is_none() {
            if !turn.calls.is_empty() {
                let calls = written(family, &turn.calls);
                turn.content = join(&turn.content, &calls);
                turn.calls.clear();
            }
            let result = turn.role == "tool";
            if result {
                turn.content = format!("<tool_response>\n{}\n</tool_response>", turn.content);
                turn = says("user", &turn.content);
            }
            // Results, and what the user says after them, are one message: many templates want roles to alternate.
            let after_result = |last: &Turn| last.role == "user" && last.content.ends_with("</tool_response>");
            if turn.role == "user"
                && let Some(last) = turns.last_mut().filter(|last| after_result(last))
            {
                last.content = format!("{}\n{}", last.content, turn.content);
                return;
            }
        }
        turns.push(turn);
    }
}

fn says(role: &str, content: &str) -> Turn {
    Turn { role: role.into(), content: content.into(), ..Turn::default() }
}

fn join(before: &str, after: &str) -> String {
    if before.is_empty() { after.to_owned() } else { format!("{before}\n\n{after}") }
}

/// System messages become the beginning of the next user's message.
fn fold(turns: &mut Vec<Turn>) {
    let mut system = String::new();
    let mut out: Vec<Turn> = Vec::with_capacity(turns.len());
    for mut turn in turns.drain(..) {
        match turn.role.as_str() {
            "system" => system = join(&system, &turn.content),
            "user" if !system.is_empty() => {
                turn.content = join(&std::mem::take(&mut system), &turn.content);
                out.push(turn);
            }
            _ => out.push(turn),
        }
    }
    if !system.is_empty() {
        out.push(says("user", &system));
    }
    *turns = out;
}

/// Several calls of one message become several messages, each with its result after it.
fn one_by_one(turns: Vec<Turn>) -> Vec<Turn> {
    let mut out: Vec<Turn> = Vec::with_capacity(turns.len());
    let mut turns = turns.into_iter().peekable();
    while let Some(mut turn) = turns.next() {
        if turn.calls.len() < 2 {
            out.push(turn);
            continue;
        }
        let mut results = Vec::new();
        while let Some(result) = turns.next_if(|t| t.role == "tool") {
            results.push(Some(result));
        }
        for call in std::mem::take(&mut turn.calls) {
            let mine = |r: &Option<Turn>| r.as_ref().is_some_and(|r| r.call_id.as_deref() == Some(call.id.as_str()));
            let result = results.iter_mut().find(|r| mine(r)).and_then(Option::take);
            out.push(Turn { calls: vec![call], ..std::mem::replace(&mut turn, says("assistant", "")) });
            out.extend(result);
        }
        out.extend(results.into_iter().flatten());
    }
    out
}

/// Mistral's templates take ids of nine letters and digits only: the same id always becomes the same.
fn shorten(id: &mut String) {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    if id.len() == 9 && id.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return;
    }
    // FNV-1a.
    let mut hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    *id = (0..9)
        .map(|_| {
            let digit = DIGITS[(hash % 36) as usize];
            hash /= 36;
            char::from(digit)
        })
        .collect();
}

/// What a model is told whose template tells it of no tools.
fn instructions(family: Family, tools: &[ToolSpec]) -> String {
    let mut out = String::from(
        "You can call these functions. Each line is one of them, with the JSON schema of its parameters:\n",
    );
    for tool in tools {
        let parameters = tool.parameters.as_deref().unwrap_or("{}");
        let description = serde_json::Value::from(tool.description.as_deref().unwrap_or_default());
        let name = serde_json::Value::from(tool.name.as_str());
        out += &format!("{{\"name\": {name}, \"description\": {description}, \"parameters\": {parameters}}}\n");
    }
    let example =
        Call { id: String::new(), name: "FUNCTION".into(), arguments: r#"{"PARAMETER": "VALUE"}"#.to_owned() };
    out += "To call a function, answer with nothing but this, with its name and its arguments filled in; several such in a \
            row call several:\n";
    out += &written(family, &[example]);
    out += "\nYou are then told what the function has returned. If no function is needed, answer as usual.";
    out
}

/// Calls in the family's own format.
fn written(family: Family, calls: &[Call]) -> String {
    let (name_key, arguments_key) = family.keys();
    let object = |c: &Call| {
        let name = serde_json::Value::from(c.name.as_str());
        format!("{{\"{name_key}\": {name}, \"{arguments_key}\": {}}}", c.arguments)
    };
    let each = |one: &dyn Fn(&Call) -> String, between: &str| calls.iter().map(one).collect::<Vec<_>>().join(between);
    match family {
        Family::Gemma => each(&|c| format!("```json\n{}\n```", object(c)), "\n"),
        Family::Llama => each(&object, "; "),
        Family::Mistral => format!("[TOOL_CALLS][{}]", each(&object, ", ")),
        Family::MistralArgs => each(&|c| format!("[TOOL_CALLS]{}[ARGS]{}", c.name, c.arguments), ""),
        Family::Granite => format!("<|tool_call|>[{}]", each(&object, ", ")),
        Family::Phi => format!("<|tool_call|>[{}]<|/tool_call|>", each(&object, ", ")),
        Family::Command => format!("<|START_ACTION|>[{}]<|END_ACTION|>", each(&object, ", ")),
        Family::DeepSeek => {
            let one = |c: &Call| {
                let head = "<｜tool▁call▁begin｜>function<｜tool▁sep｜>";
                format!("{head}{}\n```json\n{}\n```<｜tool▁call▁end｜>", c.name, c.arguments)
            };
            format!("<｜tool▁calls▁begin｜>{}<｜tool▁calls▁end｜>", each(&one, "\n"))
        }
        Family::DeepSeekBare => {
            let one =
                |c: &Call| format!("<｜tool▁call▁begin｜>{}<｜tool▁sep｜>{}<｜tool▁call▁end｜>", c.name, c.arguments);
            format!("<｜tool▁calls▁begin｜>{}<｜tool▁calls▁end｜>", each(&one, ""))
        }
        // A model with such a template has been told in it; these are read from every family all the same.
        Family::Hermes | Family::Xml | Family::Harmony => {
            each(&|c| format!("<tool_call>\n{}\n</tool_call>", object(c)), "\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_for_mistral_are_nine_letters_and_digits_and_stay_different() {
        let short = |id: &str| {
            let mut id = id.to_owned();
            shorten(&mut id);
            id
        };
        assert_eq!(short("abcDEF123"), "abcDEF123");
        let (a, b) = (short("call_1"), short("call_2"));
        assert!(a != b && a.len() == 9 && a.bytes().all(|c| c.is_ascii_alphanumeric()) && a == short("call_1"));
    }

    #[test]
    fn what_is_written_is_read_back_as_the_same_calls() {
        use crate::speech::{Heard, Known, Parser, Speech};
        let call = |n: &str| Call { id: String::new(), name: n.into(), arguments: r#"{"a": 1}"#.into() };
        for family in crate::speech::FAMILIES {
            if family == Family::Harmony {
                continue;
            }
            let tools = ["f", "g"].map(|name| Known { name: name.into(), parameters: None }).to_vec();
            let mut parser = Parser::new(Speech { family, ..Speech::default() }, tools, true);
            let heard = [parser.push(&written(family, &[call("f"), call("g")])), parser.finish()].concat();
            let wanted = ["f", "g"]
                .map(|n| [Heard::CallStart(n.into()), Heard::CallArguments(r#"{"a": 1}"#.into()), Heard::CallEnd]);
            assert_eq!(heard, wanted.concat(), "{family:?}");
        }
    }
}
