//! What placeholders stand for, and how one is recognised in a text, also where a model has changed it.
//!
//! What is taken for a placeholder: brackets (two, one, or none, each perhaps escaped as `\[` and followed by a space), the
//! type in any case, `_` (perhaps escaped, with spaces around it, or a space or hyphen in its place), the code in any case,
//! and as many closing brackets. Its code must be one of this request, under its own type: 40 bits keep an ordinary word from
//! being one. A plural or possessive stands behind the brackets and stays.
//!
//! Never here: streams, JSON, or how a code is made.

use crate::form::{CODE, Code, LABEL_MOST, fold};
use std::collections::{HashMap, HashSet};
use zeroize::Zeroizing;

/// Bytes of a placeholder at most, whatever a model has put into it: twice `\[`, space; type; space, `\\`, `_`, space; code;
/// twice space, `\]`.
pub(crate) const LONGEST: usize = 6 + LABEL_MOST + 5 + CODE + 6;

/// A value and its type.
struct Entry {
    label: String,
    value: Zeroizing<String>,
}

/// The placeholders of one request.
pub(crate) struct Book {
    /// Longest first, so that of two that fit the whole one is taken.
    labels: Vec<String>,
    /// By first byte: whether a type begins so, in either case.
    first: [bool; 256],
    entries: HashMap<Code, Entry>,
    /// Codes that the caller's own texts hold behind a type: not ours, and no model's invention either.
    given: HashSet<Code>,
}

/// What stands at a position.
#[derive(Debug, PartialEq)]
pub(crate) enum Stands<'b> {
    /// Nothing of ours.
    Nothing,
    /// What may become a placeholder when more text comes.
    Part,
    /// A placeholder of so many bytes, and its value.
    Known(usize, &'b str),
    /// So many bytes in the form of a placeholder that this request never had.
    Unknown(usize),
    /// So many bytes that begin as a placeholder and do not end as one.
    Torn(usize),
}

impl Book {
    /// A book of these types, with no values yet.
    pub(crate) fn new(labels: impl IntoIterator<Item = String>) -> Book {
        let mut labels: Vec<String> = labels.into_iter().collect();
        labels.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
        labels.dedup();
        let mut first = [false; 256];
        for byte in labels.iter().filter_map(|l| l.bytes().next()) {
            first[usize::from(byte)] = true;
            first[usize::from(byte.to_ascii_lowercase())] = true;
        }
        Book { labels, first, entries: HashMap::new(), given: HashSet::new() }
    }

    /// Whether it holds nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether there is no type, so that it will hold nothing.
    pub(crate) fn has_no_types(&self) -> bool {
        self.labels.is_empty()
    }

    /// How many values it holds.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Notes the codes that a text of the caller's holds already.
    pub(crate) fn note_given(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let mut given = Vec::new();
        for at in 0..bytes.len() {
            if self.first[usize::from(bytes[at])]
                && let Some(Core { code: Some(code), .. }) = self.core(bytes, at)
            {
                given.push(code);
            }
        }
        self.given.extend(given);
    }

    /// Writes a value down under its code. `false` where the code is taken, by another value or in a text of the caller's.
    pub(crate) fn note(&mut self, label: &str, code: Code, value: &str) -> bool {
        if self.given.contains(&code) {
            return false;
        }
        let entry = Entry { label: label.to_owned(), value: Zeroizing::new(value.to_owned()) };
        match self.entries.get(&code) {
            Some(known) => known.label == entry.label && known.value == entry.value,
            None => self.entries.insert(code, entry).is_none(),
        }
    }

    /// Whether a placeholder may begin with this byte; `before` is the byte in front of it.
    pub(crate) fn may_begin(&self, byte: u8, before: u8) -> bool {
        match byte {
            b'[' | b'\\' => true,
            _ => self.first[usize::from(byte)] && !before.is_ascii_alphanumeric() && before != b'_',
        }
    }

    /// Whether anything in a whole text is, or looks like, a placeholder.
    pub(crate) fn may_hold(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        let mut before = b' ';
        bytes.iter().enumerate().any(|(at, byte)| {
            let begins = self.may_begin(*byte, before);
            before = *byte;
            begins && self.stands(bytes, at, true) != Stands::Nothing
        })
    }

    /// What stands at `at`. `last`: no more text comes.
    pub(crate) fn stands(&self, text: &[u8], at: usize, last: bool) -> Stands<'_> {
        let part = if last { Stands::Nothing } else { Stands::Part };
        let (opened, inner) = match opening(text, at) {
            Opening::None => return Stands::Nothing,
            Opening::Part => return part,
            Opening::Of(opened, inner) => (opened, inner),
        };
        let Some(core) = self.core(text, inner) else {
            return if self.may_grow(text, inner) { part } else { Stands::Nothing };
        };
        let Some(code) = core.code else {
            return match core.cut {
                true if !last => Stands::Part,
                // `[[EMAIL_` and then no code: torn, and left as it is.
                _ if opened == 2 && core.strict => Stands::Torn(core.end - at),
                _ => Stands::Nothing,
            };
        };
        let (closed, end, cut) = closing(text, core.end, opened);
        if cut && !last {
            return Stands::Part;
        }
        if opened == 1 && closed == 0 {
            // The bracket of a list, and a bare one in it.
            return Stands::Nothing;
        }
        match self.entries.get(&code).filter(|e| e.label.eq_ignore_ascii_case(core.label)) {
            Some(entry) => Stands::Known(end - at, &entry.value),
            None if opened == 0 || !core.strict || closed == 0 => Stands::Nothing,
            None if self.given.contains(&code) => Stands::Nothing,
            None => Stands::Unknown(end - at),
        }
    }

    /// Type, joint and code at `at`; `None` where no whole type and joint stand there.
    fn core<'b>(&'b self, text: &[u8], at: usize) -> Option<Core<'b>> {
        let fits =
            |label: &&String| text.get(at..at + label.len()).is_some_and(|t| t.eq_ignore_ascii_case(label.as_bytes()));
        self.labels.iter().filter(fits).find_map(|label| {
            let (start, strict) = joint(text, at + label.len())?;
            let mut code = [0; CODE];
            let mut length = 0;
            while let (true, Some(byte)) = (length < CODE, text.get(start + length)) {
                let Some(folded) = fold(*byte) else { break };
                code[length] = folded;
                length += 1;
            }
            let end = start + length;
            Some(Core { label, end, strict, code: (length == CODE).then_some(code), cut: end == text.len() })
        })
    }

    /// Whether the rest of the text, from `at`, is the beginning of a type and its joint.
    fn may_grow(&self, text: &[u8], at: usize) -> bool {
        let rest = text.get(at..).unwrap_or_default();
        self.labels.iter().any(|label| {
            let length = label.len().min(rest.len());
            let begins = rest[..length].eq_ignore_ascii_case(&label.as_bytes()[..length]);
            begins && joint_may_grow(&rest[length..])
        })
    }
}

/// Type, joint and code.
struct Core<'b> {
    label: &'b str,
    /// Where it ends, or where what may be a code ends.
    end: usize,
    /// Joined by `_`.
    strict: bool,
    /// Where it is whole.
    code: Option<Code>,
    /// The text ends in it.
    cut: bool,
}

enum Opening {
    None,
    Part,
    Of(usize, usize),
}

/// The opening brackets at `at`: how many, and where they end.
fn opening(text: &[u8], at: usize) -> Opening {
    let bare = !matches!(text.get(at), Some(b'[' | b'\\'));
    if bare {
        return Opening::Of(0, at);
    }
    let (mut end, mut opened) = (at, 0);
    while opened < 2 {
        match (text.get(end), text.get(end + 1), text.get(end + 2)) {
            (Some(b'['), ..) => end += 1,
            (Some(b'\\'), None, _) | (Some(b'\\'), Some(b'['), None) => return Opening::Part,
            // `\[[`: a backslash of the caller's before one of ours.
            (Some(b'\\'), Some(b'['), Some(b'[')) if opened == 0 => return Opening::None,
            (Some(b'\\'), Some(b'['), _) => end += 2,
            _ => break,
        }
        opened += 1;
        end += usize::from(text.get(end) == Some(&b' '));
    }
    match (opened, end == text.len()) {
        (0, _) => Opening::None,
        (_, true) => Opening::Part,
        (opened, false) => Opening::Of(opened, end),
    }
}

/// What joins type and code: where it ends, and whether it is `_`.
fn joint(text: &[u8], at: usize) -> Option<(usize, bool)> {
    let mut end = at + usize::from(text.get(at) == Some(&b' '));
    let spaced = end > at;
    let escapes = text.get(end..).unwrap_or_default().iter().take(2).take_while(|b| **b == b'\\').count();
    end += escapes;
    match text.get(end) {
        Some(joint @ (b'_' | b'-')) => {
            end += 1;
            Some((end + usize::from(text.get(end) == Some(&b' ')), *joint == b'_'))
        }
        _ if spaced && escapes == 0 => Some((end, false)),
        _ => None,
    }
}

/// Whether this, after a type, is nothing yet or the beginning of a joint.
fn joint_may_grow(rest: &[u8]) -> bool {
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    rest.len() <= 2 && rest.iter().all(|b| *b == b'\\')
}

/// Closing brackets at `at`, as many as were opened at most: how many, where they end, and whether the text ends before
/// all of them.
fn closing(text: &[u8], at: usize, opened: usize) -> (usize, usize, bool) {
    let (mut closed, mut end) = (0, at);
    while closed < opened {
        let mut next = end + usize::from(text.get(end) == Some(&b' '));
        next += usize::from(text.get(next) == Some(&b'\\'));
        match text.get(next) {
            Some(b']') => end = next + 1,
            Some(_) => break,
            None => return (closed, end, true),
        }
        closed += 1;
    }
    (closed, end, false)
}
