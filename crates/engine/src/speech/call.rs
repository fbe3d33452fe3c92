//! Reads one call, or several in a list, from after its opening mark: JSON, XML, Python, or a name and JSON.
//!
//! Never here: text around calls (`parser`).

use super::parser::{Heard, Known};
use super::scan::{Scan, is_object, string};
use super::{Family, Speech, python, xml};

/// Bytes of a function's name at most.
const NAME_MAX: usize = 256;

const SEPARATOR: &str = "<｜tool▁sep｜>";

/// What a step did.
pub(super) enum Step {
    /// Read so many bytes.
    Ate(usize),
    /// It needs more.
    More,
    /// This is no call.
    Fail,
    /// All calls are read, and so many bytes belong to nobody.
    Over(usize),
}

#[derive(Clone, Copy, PartialEq)]
enum At {
    Open,
    Key,
    Value(Member),
    Name,
    Arguments,
    Body { inner: bool },
    Function,
    Parameter,
    Python,
    Next,
}

#[derive(Clone, Copy, PartialEq)]
enum Member {
    Name,
    Arguments,
    Other,
}

/// The reader of one run of calls.
pub(super) struct Reader {
    speech: Speech,
    /// Without a mark of its own, or in a fence, only a call of a known tool is one.
    strict: bool,
    code: bool,
    at: At,
    list: bool,
    closed: bool,
    /// The text since the last complete call.
    raw: String,
    object: usize,
    scan: Scan,
    value: String,
    name: Option<String>,
    arguments: String,
    argued: bool,
    /// The call's beginning was sent.
    started: bool,
}

impl Reader {
    /// After `mark`, before which stood `space`.
    pub(super) fn new(speech: Speech, mark: Option<&str>, space: &str) -> Reader {
        let at = match mark {
            Some("<function=") => At::Function,
            Some("<｜tool▁call▁begin｜>") => At::Name,
            _ => At::Open,
        };
        Reader {
            speech,
            strict: mark.is_none_or(|m| m.starts_with("```")),
            code: mark.is_some_and(|m| m.starts_with("```")),
            at,
            list: false,
            closed: false,
            raw: format!("{space}{}", mark.unwrap_or_default()),
            object: 0,
            scan: Scan::default(),
            value: String::new(),
            name: None,
            arguments: String::new(),
            argued: false,
            started: false,
        }
    }

    #[cfg(feature = "llama")]
    pub(super) fn raw(&self) -> &str {
        &self.raw
    }

    /// Can this only be a call?
    #[cfg(feature = "llama")]
    pub(super) fn is_certain(&self) -> bool {
        !self.strict || self.name.is_some()
    }

    /// Notes what was read.
    pub(super) fn keep(&mut self, text: &str) {
        self.raw.push_str(text);
    }

    /// Gives back what was read; true when part of the call was sent already.
    pub(super) fn fail(&mut self, out: &mut Vec<Heard>) -> bool {
        if self.started {
            out.push(Heard::CallEnd);
        } else if !self.raw.is_empty() {
            out.push(Heard::Text(std::mem::take(&mut self.raw)));
        }
        self.started
    }

    pub(super) fn step(&mut self, rest: &str, ended: bool, tools: &[Known], out: &mut Vec<Heard>) -> Step {
        let said = rest.trim_start();
        let raw = matches!(self.at, At::Body { .. } | At::Value(_) | At::Name | At::Function);
        if !raw && said.len() < rest.len() {
            return Step::Ate(rest.len() - said.len());
        }
        if rest.is_empty() && !(ended && self.at == At::Next) {
            return Step::More;
        }
        match self.at {
            At::Open => self.open(rest),
            At::Key => self.key(rest, tools, out),
            At::Value(member) => self.whole(rest, member, tools),
            At::Name if self.speech.family == Family::DeepSeek => self.separated(rest),
            At::Name if self.speech.family == Family::DeepSeekBare => self.separated(rest),
            At::Name => self.named(rest),
            At::Arguments => self.fenced(rest),
            At::Body { inner } => self.body(rest, inner, tools, out),
            At::Function => self.function(rest),
            At::Parameter => self.parameter(rest, tools, out),
            At::Python => self.python(rest, tools, out),
            At::Next => self.next(rest, ended),
        }
    }

    fn open(&mut self, rest: &str) -> Step {
        let first = rest.chars().next().unwrap_or(' ');
        let name = python::is_name(first) && !first.is_ascii_digit();
        match first {
            '{' => {
                (self.object, self.at) = (self.raw.len(), At::Key);
                Step::Ate(1)
            }
            _ if self.list => Step::Fail,
            '[' => match rest[1..].trim_start().chars().next() {
                None => Step::More,
                Some('{') => {
                    self.list = true;
                    Step::Ate(1)
                }
                Some(c) if self.strict && python::is_name(c) => self.to(At::Python),
                Some(_) => Step::Fail,
            },
            '<' => {
                for (mark, at) in [("<function=", At::Function), ("<｜tool▁call▁begin｜>", At::Name)] {
                    if rest.starts_with(mark) {
                        self.at = at;
                        return Step::Ate(mark.len());
                    }
                    if mark.starts_with(rest) {
                        return Step::More;
                    }
                }
                Step::Fail
            }
            _ if name && matches!(self.speech.family, Family::Mistral | Family::MistralArgs) => self.to(At::Name),
            _ if name && self.code => self.to(At::Python),
            _ => Step::Fail,
        }
    }

    fn to(&mut self, at: At) -> Step {
        self.at = at;
        Step::Ate(0)
    }

    /// A key of the call's object, up to where its value begins.
    fn key(&mut self, rest: &str, tools: &[Known], out: &mut Vec<Heard>) -> Step {
        match rest.chars().next() {
            Some(',') => return Step::Ate(1),
            Some('}') => return self.close(tools, out),
            Some('"') => {}
            _ => return Step::Fail,
        }
        let Some(length) = string(rest) else { return Step::More };
        let Ok(key) = serde_json::from_str::<String>(&rest[..length]) else { return Step::Fail };
        let colon = rest[length..].trim_start();
        let value = match colon.chars().next() {
            None => return Step::More,
            Some(':') => colon[1..].trim_start(),
            Some(_) => return Step::Fail,
        };
        let Some(first) = value.chars().next() else { return Step::More };
        let member = match key.as_str() {
            "name" | "tool_name" => Member::Name,
            "function" if first == '"' => Member::Name,
            "arguments" | "parameters" => Member::Arguments,
            _ => Member::Other,
        };
        let twice = match member {
            Member::Name => self.name.is_some(),
            Member::Arguments => self.argued,
            Member::Other => self.strict && !matches!(key.as_str(), "type" | "id"),
        };
        if twice {
            return Step::Fail;
        }
        self.scan = Scan::default();
        self.value.clear();
        self.argued |= member == Member::Arguments;
        self.at =
            if member == Member::Arguments && first == '{' { At::Body { inner: true } } else { At::Value(member) };
        Step::Ate(rest.len() - value.len())
    }

    /// A value that is needed as a whole.
    fn whole(&mut self, rest: &str, member: Member, tools: &[Known]) -> Step {
        let (length, done) = self.scan.feed(rest);
        self.value.push_str(&rest[..length]);
        if !done {
            return if length == 0 { Step::More } else { Step::Ate(length) };
        }
        self.at = At::Key;
        match member {
            Member::Other => {}
            Member::Name => {
                let Ok(name) = serde_json::from_str::<String>(&self.value) else { return Step::Fail };
                if name.is_empty() || (self.strict && !knows(tools, &name)) {
                    return Step::Fail;
                }
                self.name = Some(name);
            }
            // Some models write the arguments as a string of JSON.
            Member::Arguments => match serde_json::from_str::<Option<String>>(&self.value) {
                Ok(Some(text)) if is_object(&text) => self.arguments = text,
                Ok(None) => self.arguments = "{}".into(),
                _ => return Step::Fail,
            },
        }
        Step::Ate(length)
    }

    /// The end of the call's object.
    fn close(&mut self, tools: &[Known], out: &mut Vec<Heard>) -> Step {
        let text = format!("{}}}", &self.raw[self.object..]);
        let valid = self.started || serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        if !valid || (self.strict && !self.argued) {
            return Step::Fail;
        }
        if !self.argued {
            self.arguments = "{}".into();
        }
        self.complete(tools, out, 1)
    }

    /// Mistral's name, perhaps with an id, up to its arguments.
    fn named(&mut self, rest: &str) -> Step {
        let Some(end) = rest.find(|c| !python::is_name(c)) else {
            return if rest.len() > NAME_MAX { Step::Fail } else { Step::More };
        };
        let (name, mut after) = rest.split_at(end);
        if name.is_empty() || end > NAME_MAX {
            return Step::Fail;
        }
        if let Some(id) = after.strip_prefix("[CALL_ID]") {
            let Some(end) = id.find(|c| !python::is_name(c)) else {
                return if id.len() > NAME_MAX { Step::Fail } else { Step::More };
            };
            after = &id[end..];
        }
        let ate = rest.len() - after.len();
        let ate = match after.trim_start() {
            a if a.starts_with('{') => ate,
            a if a.starts_with("[ARGS]") => rest.len() - a.len() + "[ARGS]".len(),
            a if "[ARGS]".starts_with(a) || "[CALL_ID]".starts_with(a) => return Step::More,
            _ => return Step::Fail,
        };
        (self.name, self.at) = (Some(name.to_owned()), At::Arguments);
        Step::Ate(ate)
    }

    /// DeepSeek's name: alone before the separator, or after it where the type `function` stands before it.
    fn separated(&mut self, rest: &str) -> Step {
        let too_long = rest.len() > 2 * NAME_MAX;
        let wait = || if too_long { Step::Fail } else { Step::More };
        let Some(at) = rest.find(SEPARATOR) else { return wait() };
        let (before, after) = (rest[..at].trim(), &rest[at + SEPARATOR.len()..]);
        let mut ate = at + SEPARATOR.len();
        let mut name = before;
        if name == "function" {
            let Some(end) = after.find(['\n', '{', '`']) else { return wait() };
            name = after[..end].trim();
            ate += end;
        }
        if name.is_empty() || name.len() > NAME_MAX {
            return Step::Fail;
        }
        (self.name, self.at) = (Some(name.to_owned()), At::Arguments);
        Step::Ate(ate)
    }

    /// Arguments after a name, perhaps in a fence.
    fn fenced(&mut self, rest: &str) -> Step {
        match rest {
            r if r.starts_with('{') => {
                (self.scan, self.argued) = (Scan::default(), true);
                self.to(At::Body { inner: false })
            }
            r if r.starts_with("```json") => Step::Ate("```json".len()),
            r if "```json".starts_with(r) => Step::More,
            r if r.starts_with("```") => Step::Ate("```".len()),
            _ => Step::Fail,
        }
    }

    fn body(&mut self, rest: &str, inner: bool, tools: &[Known], out: &mut Vec<Heard>) -> Step {
        let (length, done) = self.scan.feed(rest);
        self.piece(&rest[..length], out);
        if !done {
            return Step::Ate(length);
        }
        if inner {
            self.at = At::Key;
            return Step::Ate(length);
        }
        self.complete(tools, out, length)
    }

    fn function(&mut self, rest: &str) -> Step {
        let Some(end) = rest.find('>') else { return if rest.len() > NAME_MAX { Step::Fail } else { Step::More } };
        let name = rest[..end].trim().trim_matches('"');
        if name.is_empty() || end > NAME_MAX || name.contains(['<', '\n']) {
            return Step::Fail;
        }
        (self.name, self.at, self.argued) = (Some(name.to_owned()), At::Parameter, false);
        Step::Ate(end + 1)
    }

    fn parameter(&mut self, rest: &str, tools: &[Known], out: &mut Vec<Heard>) -> Step {
        const OPEN: &str = "<parameter=";
        const CLOSE: &str = "</parameter>";
        const END: &str = "</function>";
        if rest.starts_with(END) {
            self.piece(if self.argued { "}" } else { "{}" }, out);
            return self.complete(tools, out, END.len());
        }
        let Some(after) = rest.strip_prefix(OPEN) else {
            return if OPEN.starts_with(rest) || END.starts_with(rest) { Step::More } else { Step::Fail };
        };
        let Some(end) = after.find('>') else { return if after.len() > NAME_MAX { Step::Fail } else { Step::More } };
        let Some(length) = after[end..].find(CLOSE) else { return Step::More };
        let (key, value) = (after[..end].trim().trim_matches('"'), &after[end + 1..end + length]);
        let value = value.strip_prefix('\n').unwrap_or(value);
        let value = value.strip_suffix('\n').unwrap_or(value);
        let tool = tools.iter().find(|t| Some(&t.name) == self.name.as_ref());
        let value = xml::json(tool.and_then(|t| t.parameters.as_ref()), key, value);
        let before = if self.argued { ", " } else { "{" };
        self.argued = true;
        self.piece(&format!("{before}{}: {value}", serde_json::Value::from(key)), out);
        Step::Ate(OPEN.len() + end + length + CLOSE.len())
    }

    fn python(&mut self, rest: &str, tools: &[Known], out: &mut Vec<Heard>) -> Step {
        let inner = rest.strip_prefix('[').unwrap_or(rest).trim_start();
        match python::begins(inner) {
            None if inner.len() > NAME_MAX => return Step::Fail,
            None => return Step::More,
            Some(Err(())) => return Step::Fail,
            Some(Ok(name)) if name != "print" && !knows(tools, name) => return Step::Fail,
            Some(Ok(_)) => {}
        }
        let end = if self.code { rest.find("```") } else { python::end(rest) };
        let Some(end) = end else { return Step::More };
        let Some(calls) = python::calls(&rest[..end]).filter(|c| c.iter().all(|(name, _)| knows(tools, name))) else {
            return Step::Fail;
        };
        for (name, arguments) in calls {
            out.extend([Heard::CallStart(name), Heard::CallArguments(arguments), Heard::CallEnd]);
        }
        self.reset();
        Step::Ate(end)
    }

    fn next(&mut self, rest: &str, ended: bool) -> Step {
        if rest.is_empty() {
            return if ended { Step::Over(0) } else { Step::More };
        }
        if self.list {
            return match rest.chars().next() {
                Some(',') => {
                    self.at = At::Open;
                    Step::Ate(1)
                }
                Some(']') => {
                    self.list = false;
                    Step::Ate(1)
                }
                _ => Step::Fail,
            };
        }
        self.raw.clear();
        // A second fence does not close, it opens.
        let closes = || self.speech.family.closes().iter().filter(|c| !self.closed || **c != "```");
        if let Some(close) = closes().find(|c| rest.starts_with(**c)) {
            self.closed = true;
            return Step::Ate(close.len());
        }
        if closes().any(|c| c.starts_with(rest)) {
            return if ended { Step::Over(rest.len()) } else { Step::More };
        }
        let separated = rest.strip_prefix([';', ',']).map(str::trim_start);
        match separated.unwrap_or(rest).chars().next() {
            Some('{') if !self.closed => {
                self.at = At::Open;
                Step::Ate(rest.len() - separated.unwrap_or(rest).len())
            }
            None if !ended && !self.closed => Step::More,
            _ => Step::Over(0),
        }
    }

    /// Does a grammar hold? Not where the family has marks and the model does without them.
    fn bound(&self) -> bool {
        self.speech.bound && (!self.strict || matches!(self.speech.family, Family::Llama | Family::Gemma))
    }

    /// A piece of the arguments.
    fn piece(&mut self, text: &str, out: &mut Vec<Heard>) {
        match &self.name {
            Some(name) if self.bound() => {
                if !self.started {
                    self.started = true;
                    out.push(Heard::CallStart(name.clone()));
                }
                if !text.is_empty() {
                    out.push(Heard::CallArguments(text.to_owned()));
                }
            }
            _ => self.arguments.push_str(text),
        }
    }

    /// The call is read, the last `ate` bytes of it in this step.
    fn complete(&mut self, tools: &[Known], out: &mut Vec<Heard>, ate: usize) -> Step {
        let Some(name) = self.name.take() else { return Step::Fail };
        if !self.started {
            if !is_object(&self.arguments) || (self.strict && !knows(tools, &name)) {
                return Step::Fail;
            }
            out.extend([Heard::CallStart(name), Heard::CallArguments(std::mem::take(&mut self.arguments))]);
        }
        out.push(Heard::CallEnd);
        self.reset();
        Step::Ate(ate)
    }

    fn reset(&mut self) {
        self.at = At::Next;
        self.name = None;
        self.arguments.clear();
        (self.argued, self.started) = (false, false);
        self.raw.clear();
    }
}

fn knows(tools: &[Known], name: &str) -> bool {
    tools.iter().any(|t| t.name == name)
}
