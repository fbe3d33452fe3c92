//! Calls written as Python: `[f(a=1, b="x"), g()]`.
//!
//! Only literals are read, as vLLM's parser does it; anything else makes the text no call.
//!
//! Never here: running anything.

use serde_json::{Map, Number, Value};

/// Lists within lists at most; a call that needs more is text.
const DEPTH_MAX: usize = 32;

/// The calls of a text, in order: names and JSON objects. Around them may be brackets or `print( )`, between them commas
/// or lines.
pub(super) fn calls(text: &str) -> Option<Vec<(String, String)>> {
    let text = text.trim();
    let inner = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    let mut reader = Reader { rest: inner };
    let mut calls = Vec::new();
    loop {
        reader.skip(|c| c.is_whitespace() || c == ',' || c == ';');
        if reader.rest.is_empty() {
            return (!calls.is_empty()).then_some(calls);
        }
        calls.push(reader.call()?);
    }
}

/// The name at the beginning of a call, and whether a bracket follows it; `None` while that is not known.
pub(super) fn begins(text: &str) -> Option<Result<&str, ()>> {
    let end = text.find(|c: char| !is_name(c))?;
    let first = text.chars().next().is_some_and(|c| !c.is_ascii_digit());
    Some(if end > 0 && first && text[end..].starts_with('(') { Ok(&text[..end]) } else { Err(()) })
}

/// Where the bracket that `text` begins with is closed: the length up to and with the closing one.
pub(super) fn end(text: &str) -> Option<usize> {
    let (mut depth, mut quote, mut escape) = (0usize, None, false);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(_), _) if escape => escape = false,
            (Some(_), '\\') => escape = true,
            (Some(q), c) if c == q => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            (None, _) => {}
        }
    }
    None
}

pub(super) fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')
}

struct Reader<'t> {
    rest: &'t str,
}

impl<'t> Reader<'t> {
    fn skip(&mut self, what: impl Fn(char) -> bool) {
        self.rest = self.rest.trim_start_matches(what);
    }

    fn space(&mut self) {
        self.skip(char::is_whitespace);
    }

    fn take(&mut self, text: &str) -> bool {
        self.space();
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn word(&mut self) -> Option<&'t str> {
        self.space();
        let end = self.rest.find(|c: char| !is_name(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    fn call(&mut self) -> Option<(String, String)> {
        let name = self.word()?;
        if !self.take("(") {
            return None;
        }
        if name == "print" {
            let inner = self.call()?;
            return self.take(")").then_some(inner);
        }
        let mut arguments = Map::new();
        while !self.take(")") {
            let key = self.word()?;
            if !self.take("=") {
                return None;
            }
            arguments.insert(key.to_owned(), self.value(DEPTH_MAX)?);
            if !self.take(",") && !self.rest.trim_start().starts_with(')') {
                return None;
            }
        }
        Some((name.to_owned(), Value::Object(arguments).to_string()))
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        let deeper = depth.checked_sub(1)?;
        self.space();
        match self.rest.chars().next()? {
            '"' | '\'' => self.text().map(Value::String),
            '[' => self.list("[", "]", deeper),
            '(' => self.list("(", ")", deeper),
            '{' => self.object(deeper),
            _ => match self.number_or_word()? {
                "True" | "true" => Some(Value::Bool(true)),
                "False" | "false" => Some(Value::Bool(false)),
                "None" | "null" => Some(Value::Null),
                number => number
                    .parse::<i64>()
                    .map(Number::from)
                    .ok()
                    .or_else(|| number.parse::<f64>().ok().and_then(Number::from_f64))
                    .map(Value::Number),
            },
        }
    }

    fn number_or_word(&mut self) -> Option<&'t str> {
        let end = self.rest.find(|c: char| !is_name(c) && c != '+').unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    fn list(&mut self, open: &str, close: &str, depth: usize) -> Option<Value> {
        self.take(open);
        let mut items = Vec::new();
        while !self.take(close) {
            items.push(self.value(depth)?);
            if !self.take(",") && !self.rest.trim_start().starts_with(close) {
                return None;
            }
        }
        Some(Value::Array(items))
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        self.take("{");
        let mut members = Map::new();
        while !self.take("}") {
            self.space();
            let key = self.text()?;
            if !self.take(":") {
                return None;
            }
            members.insert(key, self.value(depth)?);
            if !self.take(",") && !self.rest.trim_start().starts_with('}') {
                return None;
            }
        }
        Some(Value::Object(members))
    }

    fn text(&mut self) -> Option<String> {
        let quote = self.rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let mut out = String::new();
        let mut chars = self.rest[1..].char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                c if c == quote => {
                    self.rest = &self.rest[1 + at + 1..];
                    return Some(out);
                }
                '\\' => match chars.next()?.1 {
                    'n' => out.push('\n'),
                    't' => out.push('\t'),
                    'r' => out.push('\r'),
                    'u' => {
                        let code: String = chars.by_ref().take(4).map(|(_, c)| c).collect();
                        out.push(u32::from_str_radix(&code, 16).ok().and_then(char::from_u32)?);
                    }
                    c @ ('\\' | '\'' | '"' | '/') => out.push(c),
                    other => out.extend(['\\', other]),
                },
                c => out.push(c),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn literals_become_json() {
        let text = r#"[get_weather(city='Köln "x"', days=-3, f=1.5e3, ok=True, none=None, list=[1, (2,)], o={'a': "\u00e9"}), g()]"#;
        let calls = calls(text).unwrap();
        assert_eq!(calls[1], ("g".into(), "{}".into()));
        let value: Value = serde_json::from_str(&calls[0].1).unwrap();
        let wanted = serde_json::json!({"city": "Köln \"x\"", "days": -3, "f": 1500.0, "ok": true, "none": null,
            "list": [1, [2]], "o": {"a": "é"}});
        assert_eq!(value, wanted);
    }

    #[test]
    fn code_is_no_call() {
        for text in ["f(1)", "f(a=b)", "f(a=1", "x = f(a=1)", "[1, 2]", "f(a=g(b=1))", "f(a='x)", "", "[]"] {
            assert_eq!(calls(text), None, "{text}");
        }
        assert_eq!(calls("print(f(a=1))\ng(b=2)").unwrap().len(), 2);
        assert_eq!(calls(&format!("f(a={}{})", "[".repeat(33), "]".repeat(33))), None);
        assert!(calls(&format!("f(a={}{})", "[".repeat(31), "]".repeat(31))).is_some());
    }
}
