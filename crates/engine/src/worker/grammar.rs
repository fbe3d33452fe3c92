//! The grammar of tool calls: each tool's JSON schema, turned into rules by llama.cpp, within the marks of the family.
//!
//! Never here: sampling, when a grammar begins to hold (`calls`).

use crate::protocol::ToolSpec;
use crate::speech::{Family, is_text};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Tools of one grammar at most, and bytes of all their schemas.
const TOOLS_MAX: usize = 512;
const SCHEMAS_BYTES_MAX: usize = 1 << 20;

/// Which calls, and what may stand before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Form<'t> {
    pub(super) family: Family,
    /// Only this tool.
    pub(super) only: Option<&'t str>,
    pub(super) parallel: bool,
    /// Reasoning may stand before the calls.
    pub(super) thinking: bool,
}

/// The grammar in GBNF; its first rule is `root`.
///
/// # Errors
/// Why it cannot be made; for the caller.
pub(super) fn compose(form: Form<'_>, tools: &[ToolSpec]) -> Result<String, String> {
    let bytes: usize = tools.iter().filter_map(|t| t.parameters.as_ref()).map(String::len).sum();
    if tools.len() > TOOLS_MAX || bytes > SCHEMAS_BYTES_MAX {
        return Err(format!(
            "A call can be made sure of for at most {TOOLS_MAX} tools with schemas of {SCHEMAS_BYTES_MAX} bytes in all; \
             these are {} with {bytes}. Send fewer tools, or leave tool_choice at auto.",
            tools.len()
        ));
    }
    let mut out = String::new();
    let mut calls = Vec::new();
    for (i, tool) in tools.iter().enumerate().filter(|(_, t)| form.only.is_none_or(|only| t.name == only)) {
        let schema = schema(tool)?;
        let call = match form.family {
            Family::Xml => xml(&mut out, i, tool, &schema)?,
            _ => {
                rules(&mut out, &format!("t{i}-"), &schema, tool)?;
                call(form.family, &tool.name, &format!("t{i}-root"))
            }
        };
        let _ = writeln!(out, "t{i}-call ::= {call}");
        calls.push(format!("t{i}-call"));
    }
    if calls.is_empty() {
        return Err("There is no tool that could be called.".into());
    }
    let mut root = frame(form.family, form.parallel);
    if form.thinking {
        let (open, close) = match form.family {
            Family::Mistral | Family::MistralArgs => ("[THINK]", "[/THINK]"),
            Family::Command => ("<|START_THINKING|>", "<|END_THINKING|>"),
            Family::Harmony => ("<|channel|>analysis<|message|>", "<|end|>"),
            _ => ("<think>", "</think>"),
        };
        until(&mut out, "think", close);
        root = format!("({} think)? gap {root}", literal(open));
    }
    let _ = writeln!(out, "call ::= {}\ngap ::= [ \\t\\n]{{0,4}}", calls.join(" | "));
    Ok(format!("root ::= gap {root}\n{out}"))
}

/// The grammar of an answer that obeys a JSON schema and may begin with space, as after reasoning.
///
/// # Errors
/// The schema cannot be enforced; for the caller.
pub(super) fn answer(schema: &str) -> Result<String, String> {
    let gbnf = llama_cpp_2::json_schema_to_grammar(schema)
        .map_err(|_| "This JSON schema uses something that the embedded engine cannot enforce.".to_owned())?;
    Ok(format!("root ::= gap a-root\ngap ::= [ \\t\\n]{{0,4}}\n{}\n", renamed(&gbnf, "a-")))
}

/// One call, whose arguments are the rule `arguments`.
fn call(family: Family, name: &str, arguments: &str) -> String {
    let quoted = literal(&Value::from(name).to_string());
    let (name_key, arguments_key) = family.keys();
    let (name_key, arguments_key) = (literal(&format!("\"{name_key}\"")), literal(&format!("\"{arguments_key}\"")));
    let object = format!(
        "\"{{\" gap {name_key} gap \":\" gap {quoted} gap \",\" gap {arguments_key} gap \":\" gap {arguments} gap \"}}\""
    );
    let plain = literal(name);
    match family {
        Family::Hermes | Family::Xml => format!("\"<tool_call>\" gap {object} gap \"</tool_call>\""),
        Family::Gemma => {
            format!("{object} | \"```\" (\"json\" | \"tool_call\" | \"tool_code\") gap {object} gap \"```\"")
        }
        Family::Command => {
            let id = r#"("\"tool_call_id\"" gap ":" gap "\"" [0-9]{1,2} "\"" gap "," gap)? "#;
            object.replacen("\"{\" gap ", &format!("\"{{\" gap {id}"), 1)
        }
        Family::MistralArgs => {
            format!("\"[TOOL_CALLS]\" gap {plain} (\"[CALL_ID]\" [a-zA-Z0-9]{{9}})? \"[ARGS]\" gap {arguments}")
        }
        Family::DeepSeek => {
            let head = literal("<｜tool▁call▁begin｜>function<｜tool▁sep｜>");
            format!("{head} {plain} \"\\n```json\\n\" {arguments} gap \"```\" gap \"<｜tool▁call▁end｜>\"")
        }
        Family::DeepSeekBare => {
            format!("\"<｜tool▁call▁begin｜>\" {plain} \"<｜tool▁sep｜>\" gap {arguments} gap \"<｜tool▁call▁end｜>\"")
        }
        Family::Harmony => {
            let head = literal(&format!("<|channel|>commentary to=functions.{name} <|constrain|>json<|message|>"));
            format!("{head} {arguments}")
        }
        Family::Llama | Family::Mistral | Family::Granite | Family::Phi => object,
    }
}

/// What stands around and between calls.
fn frame(family: Family, parallel: bool) -> String {
    let several = |between: &str| if parallel { format!("call ({between} call)*") } else { "call".to_owned() };
    match family {
        Family::Hermes | Family::Xml | Family::Gemma | Family::MistralArgs => several("gap"),
        Family::Llama => format!("\"<|python_tag|>\"? gap {}", several("gap \";\" gap")),
        Family::Mistral => format!("\"[TOOL_CALLS]\" gap \"[\" gap {} gap \"]\"", several("gap \",\" gap")),
        Family::Granite => {
            let list = several("gap \",\" gap");
            format!("(\"<|tool_call|>\" | \"<tool_call>\") gap \"[\" gap {list} gap \"]\"")
        }
        Family::Phi => {
            format!("\"<|tool_call|>\" gap \"[\" gap {} gap \"]\" gap \"<|/tool_call|>\"", several("gap \",\" gap"))
        }
        Family::Command => {
            format!("\"<|START_ACTION|>\" gap \"[\" gap {} gap \"]\" gap \"<|END_ACTION|>\"", several("gap \",\" gap"))
        }
        Family::DeepSeek | Family::DeepSeekBare => {
            format!("\"<｜tool▁calls▁begin｜>\" gap {} gap \"<｜tool▁calls▁end｜>\"", several("gap"))
        }
        // The end of a call is a token that ends the answer.
        Family::Harmony => "\"<|start|>assistant\"? call".into(),
    }
}

/// A tool's schema as the schema of an object.
fn schema(tool: &ToolSpec) -> Result<Value, String> {
    let refused = |why: &str| format!("The parameters of the tool `{}` {why}.", tool.name);
    // serde_json's own depth limit; the C++ parser behind it has none.
    let mut schema = match tool.parameters.as_deref() {
        None => Value::Object(serde_json::Map::new()),
        Some(text) => serde_json::from_str(text).map_err(|e| refused(&format!("are no JSON schema: {e}")))?,
    };
    let Some(members) = schema.as_object_mut() else { return Err(refused("are no JSON schema")) };
    let composed = ["$ref", "anyOf", "oneOf", "allOf"].iter().any(|k| members.contains_key(*k));
    if !composed && !members.contains_key("type") {
        members.insert("type".into(), "object".into());
    }
    if members.get("type").is_some_and(|t| t != "object") {
        return Err(refused("must be of type object"));
    }
    Ok(schema)
}

/// Appends the rules of a schema under a prefix; the schema itself is the rule `<prefix>root`.
fn rules(out: &mut String, prefix: &str, schema: &Value, tool: &ToolSpec) -> Result<(), String> {
    let gbnf = llama_cpp_2::json_schema_to_grammar(&schema.to_string()).map_err(|_| {
        format!(
            "The parameters of the tool `{}` use something in their JSON schema that the embedded engine cannot enforce. \
             Simplify the schema, or leave tool_choice at auto.",
            tool.name
        )
    })?;
    out.push_str(&renamed(&gbnf, prefix));
    out.push('\n');
    Ok(())
}

/// Rules with a prefix before every name, so that several grammars fit into one.
fn renamed(gbnf: &str, prefix: &str) -> String {
    let mut out = String::with_capacity(gbnf.len() * 2);
    // The end of what is copied as it is: a string, a class of characters, a bound, a comment.
    let mut end: Option<char> = None;
    let mut escape = false;
    let mut in_name = false;
    for c in gbnf.chars() {
        if let Some(wanted) = end {
            if escape {
                escape = false;
            } else if c == '\\' && wanted != '\n' {
                escape = true;
            } else if c == wanted {
                end = None;
            }
            out.push(c);
            continue;
        }
        let name = c.is_ascii_alphanumeric() || c == '-';
        if name && !in_name {
            out.push_str(prefix);
        }
        in_name = name;
        end = match c {
            '"' => Some('"'),
            '[' => Some(']'),
            '{' => Some('}'),
            '#' => Some('\n'),
            _ => None,
        };
        out.push(c);
    }
    out
}

/// Qwen3-Coder's call: a rule per property, in the schema's order, as text or JSON.
fn xml(out: &mut String, i: usize, tool: &ToolSpec, schema: &Value) -> Result<String, String> {
    let mut call = format!("(\"<tool_call>\" gap)? {} ", literal(&format!("<function={}>\n", tool.name)));
    let required = |key: &str| {
        let list = schema.get("required").and_then(Value::as_array);
        list.is_some_and(|l| l.iter().any(|r| r.as_str() == Some(key)))
    };
    let properties = schema.get("properties").and_then(Value::as_object);
    let mut text_rule = false;
    for (k, (key, property)) in properties.into_iter().flatten().enumerate() {
        let choices = property.get("enum").and_then(Value::as_array);
        let value = match choices {
            Some(choices) if is_text(property) => {
                let words = choices.iter().map(|c| c.as_str().map_or_else(|| c.to_string(), str::to_owned));
                let words: Vec<String> = words.map(|w| literal(&w)).collect();
                format!("({}) \"\\n</parameter>\"", words.join(" | "))
            }
            _ if is_text(property) => {
                text_rule = true;
                format!("t{i}-text")
            }
            _ => {
                let mut property = property.clone();
                if let Some(members) = property.as_object_mut() {
                    for shared in ["$defs", "definitions"] {
                        if let Some(definitions) = schema.get(shared) {
                            members.insert(shared.into(), definitions.clone());
                        }
                    }
                }
                rules(out, &format!("t{i}-p{k}-"), &property, tool)?;
                format!("t{i}-p{k}-root \"\\n</parameter>\"")
            }
        };
        let one = format!("{} {value} \"\\n\"", literal(&format!("<parameter={key}>\n")));
        call += &if required(key) { format!("{one} ") } else { format!("({one})? ") };
    }
    if text_rule {
        until(out, &format!("t{i}-text"), "\n</parameter>");
    }
    Ok(call + "\"</function>\" gap (\"</tool_call>\")?")
}

/// Rules for any text up to and with the first `end` (not empty): the automaton of Knuth, Morris and Pratt, a rule per
/// state, since a grammar has no other way to say "not this word".
fn until(out: &mut String, name: &str, end: &str) {
    let word: Vec<char> = end.chars().collect();
    let state = |k: usize| if k == 0 { name.to_owned() } else { format!("{name}-{k}") };
    for k in 0..word.len() {
        let mut next: BTreeMap<char, usize> = BTreeMap::new();
        for c in &word {
            let seen: Vec<char> = word[..k].iter().copied().chain([*c]).collect();
            let longest = (0..=k + 1).rev().find(|n| seen.ends_with(&word[..*n])).unwrap_or(0);
            next.insert(*c, longest);
        }
        let mut ways: Vec<String> = Vec::new();
        for (c, to) in next.iter().filter(|(_, to)| **to > 0) {
            let rest = if *to == word.len() { String::new() } else { format!(" {}", state(*to)) };
            ways.push(format!("{}{rest}", literal(&c.to_string())));
        }
        let others: String = next.iter().filter(|(_, to)| **to > 0).map(|(c, _)| class(*c)).collect();
        ways.push(format!("[^{others}] {}", state(0)));
        let _ = writeln!(out, "{} ::= {}", state(k), ways.join(" | "));
    }
}

fn class(c: char) -> String {
    match c {
        '\n' => "\\n".into(),
        ']' | '[' | '\\' | '^' | '-' => format!("\\x{:02x}", u32::from(c)),
        c => c.to_string(),
    }
}

/// A text as a string of the grammar.
fn literal(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_get_a_prefix_and_nothing_else_changes() {
        let gbnf = "root ::= \"a b \\\" c\" space [a-z\\]x]{1,2} # root\nspace ::= | \" \"\n";
        let wanted = "p-root ::= \"a b \\\" c\" p-space [a-z\\]x]{1,2} # root\np-space ::= | \" \"\n";
        assert_eq!(renamed(gbnf, "p-"), wanted);
    }

    #[test]
    fn the_automaton_knows_how_a_word_overlaps_itself() {
        let mut out = String::new();
        until(&mut out, "u", "\n\n<");
        let wanted =
            "u ::= \"\\n\" u-1 | [^\\n] u\nu-1 ::= \"\\n\" u-2 | [^\\n] u\nu-2 ::= \"\\n\" u-2 | \"<\" | [^\\n<] u\n";
        assert_eq!(out, wanted);
    }

    #[test]
    fn too_much_is_refused_and_the_limit_is_not() {
        let tool = |i: usize| ToolSpec { name: format!("t{i}"), description: None, parameters: None };
        let form = Form { family: Family::Hermes, only: None, parallel: true, thinking: false };
        let tools: Vec<ToolSpec> = (0..=TOOLS_MAX).map(tool).collect();
        assert!(compose(form, &tools[..TOOLS_MAX]).is_ok());
        assert!(compose(form, &tools).is_err());
        let mut large = tool(0);
        let pad = |n: usize| format!("{{\"description\":\"{}\"}}", "x".repeat(n - 18));
        large.parameters = Some(pad(SCHEMAS_BYTES_MAX));
        assert!(compose(form, std::slice::from_ref(&large)).is_ok());
        large.parameters = Some(pad(SCHEMAS_BYTES_MAX + 1));
        assert!(compose(form, &[large]).is_err());
    }

    #[test]
    fn a_schema_that_is_none_is_named() {
        let form = Form { family: Family::Hermes, only: None, parallel: true, thinking: false };
        for parameters in
            ["[", "7", r#"{"type":"string"}"#, r##"{"type":"object","properties":{"a":{"$ref":"#/no"}}}"##]
        {
            let tool = ToolSpec { name: "get".into(), description: None, parameters: Some(parameters.into()) };
            let error = compose(form, &[tool]).err().unwrap_or_default();
            assert!(error.contains("`get`"), "{parameters}: {error}");
        }
    }
}
