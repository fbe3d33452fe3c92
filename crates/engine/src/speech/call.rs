//! Reads one call, or several in a list, from after its opening mark: JSON, XML, Python, or a name and JSON.
//!
//! Never here: text around calls (`parser`), forms other than JSON objects (`forms`).

mod at;
mod forms;

use self::at::{At, Member};
use super::heard::{Heard, Known};
use super::scan::{Scan, is_object, string};
use super::{Family, Speech, python};

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
