//! Calls that are no JSON object: a name and then JSON (Mistral, DeepSeek), XML (Qwen3-Coder), Python.
//!
//! Never here: JSON objects (`call`).

use super::at::At;
use super::{Reader, Step, knows};
use crate::speech::heard::{Heard, Known};
use crate::speech::scan::Scan;
use crate::speech::{python, xml};

/// Bytes of a function's name at most.
const NAME_MAX: usize = 256;

const SEPARATOR: &str = "<｜tool▁sep｜>";

impl Reader {
    /// Mistral's name, perhaps with an id, up to its arguments.
    pub(super) fn named(&mut self, rest: &str) -> Step {
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
    pub(super) fn separated(&mut self, rest: &str) -> Step {
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
    pub(super) fn fenced(&mut self, rest: &str) -> Step {
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

    pub(super) fn function(&mut self, rest: &str) -> Step {
        let Some(end) = rest.find('>') else { return if rest.len() > NAME_MAX { Step::Fail } else { Step::More } };
        let name = rest[..end].trim().trim_matches('"');
        if name.is_empty() || end > NAME_MAX || name.contains(['<', '\n']) {
            return Step::Fail;
        }
        (self.name, self.at, self.argued) = (Some(name.to_owned()), At::Parameter, false);
        Step::Ate(end + 1)
    }

    pub(super) fn parameter(&mut self, rest: &str, tools: &[Known], out: &mut Vec<Heard>) -> Step {
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

    pub(super) fn python(&mut self, rest: &str, tools: &[Known], out: &mut Vec<Heard>) -> Step {
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
}
