//! gpt-oss' format, in which an answer is several messages with headers: `<|channel|>analysis<|message|>…<|end|>`.
//!
//! Never here: other families.

use super::heard::{Heard, held};
use super::scan::is_object;

const MESSAGE: &str = "<|message|>";
/// What ends a message's body, and whether the next header begins with it.
const ENDS: [(&str, bool); 5] =
    [("<|end|>", false), ("<|return|>", false), ("<|call|>", false), ("<|start|>", true), ("<|channel|>", true)];
/// Bytes of a header at most.
const HEADER_MAX: usize = 512;

/// Where an answer stands.
#[derive(Debug, Default)]
pub(super) struct Harmony {
    at: At,
    /// The body of a call so far.
    body: String,
}

#[derive(Debug, Default, Clone, PartialEq)]
enum At {
    #[default]
    Between,
    Header,
    Text,
    Reasoning,
    Call(String),
}

impl Harmony {
    pub(super) fn thinking(&self) -> bool {
        self.at == At::Reasoning
    }

    /// How many bytes were read; `None` when more are needed.
    pub(super) fn step(&mut self, rest: &str, ended: bool, calls: bool, out: &mut Vec<Heard>) -> Option<usize> {
        if rest.is_empty() {
            if ended {
                self.close(out);
            }
            return None;
        }
        match self.at.clone() {
            At::Between => self.between(rest, ended),
            At::Header => self.header(rest, ended, calls, out),
            _ => self.body(rest, ended, out),
        }
    }

    fn between(&mut self, rest: &str, ended: bool) -> Option<usize> {
        let said = rest.trim_start();
        let begins = ["<|start|>", "<|channel|>", "to="];
        if begins.iter().any(|b| said.starts_with(b)) {
            self.at = At::Header;
            return Some(0);
        }
        if !ended && begins.iter().any(|b| b.starts_with(said)) {
            return None;
        }
        self.at = At::Text;
        Some(0)
    }

    fn header(&mut self, rest: &str, ended: bool, calls: bool, out: &mut Vec<Heard>) -> Option<usize> {
        let Some(length) = rest.find(MESSAGE).filter(|l| *l <= HEADER_MAX) else {
            if ended || rest.len() > HEADER_MAX + MESSAGE.len() {
                // Not a header after all: nothing is lost.
                let text = rest.chars().next().map_or(0, char::len_utf8);
                out.push(Heard::Text(rest[..text].to_owned()));
                self.at = At::Text;
                return Some(text);
            }
            return None;
        };
        let header = &rest[..length];
        let word = |after: &str| {
            let from = header.find(after)? + after.len();
            let end = header[from..].find(|c: char| c.is_whitespace() || c == '<').unwrap_or(length - from);
            Some(&header[from..from + end])
        };
        self.at = match (word("to=functions."), word("<|channel|>")) {
            (Some(name), _) if calls && !name.is_empty() => At::Call(name.to_owned()),
            (_, Some("analysis")) => At::Reasoning,
            _ => At::Text,
        };
        out.push(Heard::Mark);
        Some(length + MESSAGE.len())
    }

    fn body(&mut self, rest: &str, ended: bool, out: &mut Vec<Heard>) -> Option<usize> {
        let first = ENDS.iter().filter_map(|(mark, header)| rest.find(mark).map(|at| (at, mark.len(), *header))).min();
        let free = match first {
            Some((at, ..)) => at,
            None if ended => rest.len(),
            None => rest.len() - held(rest, ENDS.iter().map(|(mark, _)| *mark)),
        };
        let piece = &rest[..free];
        match &self.at {
            At::Call(_) => self.body.push_str(piece),
            At::Reasoning if free > 0 => out.push(Heard::Reasoning(piece.to_owned())),
            _ if free > 0 => out.push(Heard::Text(piece.to_owned())),
            _ => {}
        }
        match first {
            Some((at, length, header)) => {
                self.close(out);
                self.at = if header { At::Header } else { At::Between };
                // What begins a header is part of it.
                Some(at + if header { 0 } else { length })
            }
            None if free > 0 => Some(free),
            None => None,
        }
    }

    /// The end of a body: a call is complete, or it is none.
    fn close(&mut self, out: &mut Vec<Heard>) {
        if let At::Call(name) = std::mem::take(&mut self.at) {
            let body = std::mem::take(&mut self.body);
            if is_object(&body) {
                let arguments = body.trim().to_owned();
                out.extend([Heard::CallStart(name), Heard::CallArguments(arguments), Heard::CallEnd]);
            } else {
                out.push(Heard::Text(body));
            }
        }
    }
}
