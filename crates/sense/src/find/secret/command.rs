//! Credentials on command lines of curl: `-u user:password`.
//!
//! Never here: headers given to curl (they are assignments, see `generic`).

use super::allow;
use super::shape::WORD;

/// Bytes of a command at most.
const COMMAND: usize = 4096;

/// Tells the spans of the passwords in the command whose `curl` stands at `word`; returns how far was read.
pub(super) fn users(text: &[u8], word: (usize, usize), tell: &mut dyn FnMut((usize, usize))) -> usize {
    let alone = !word.0.checked_sub(1).is_some_and(|i| WORD.has(text[i]) && text[i] != b'n');
    if !alone || !text.get(word.1).is_some_and(|c| c.is_ascii_whitespace() || *c == b'\\') {
        return word.1;
    }
    let end = command_end(text, word.1);
    let mut i = word.1;
    while i < end {
        if !text[i].is_ascii_whitespace() {
            i += 1;
            continue;
        }
        i += 1;
        if let Some(value) = option(&text[..end], i) {
            i = argument(&text[..end], value, tell);
        }
    }
    end
}

/// Whether the place is within a command of curl.
pub(super) fn within(text: &[u8], at: usize) -> bool {
    let before = at.saturating_sub(COMMAND / 4);
    let found = memchr::memmem::rfind(&text[before..at], b"curl ").map(|i| before + i);
    found.is_some_and(|curl| command_end(text, curl) > at)
}

/// Where the command ends: at the end of a line that does not go on.
fn command_end(text: &[u8], from: usize) -> usize {
    let end = text.len().min(from + COMMAND);
    let mut line = from;
    while let Some(at) = memchr::memchr(b'\n', &text[line..end]).map(|i| line + i) {
        let last = text[from..at].trim_ascii_end().last();
        if !matches!(last, Some(b'\\' | b'^' | b'`')) {
            return at;
        }
        line = at + 1;
    }
    end
}

/// Where the value of `-u`, `--user` or `-ku` at `at` begins.
fn option(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let length = if rest.starts_with(b"--user") {
        6
    } else if rest.starts_with(b"-") {
        let letters = rest[1..].iter().take_while(|c| c.is_ascii_alphabetic()).count();
        (letters <= 5 && rest[1..=letters].ends_with(b"u")).then_some(letters + 1)?
    } else {
        return None;
    };
    let gap = rest[length..].iter().take_while(|c| matches!(c, b' ' | b'\t' | b'=')).count();
    (gap > 0 && at + length + gap < text.len()).then_some(at + length + gap)
}

/// Reads the shell's word at `at`, tells the password in it, returns its end.
fn argument(text: &[u8], at: usize, tell: &mut dyn FnMut((usize, usize))) -> usize {
    let (mut value, mut places, mut quote, mut i) = (Vec::new(), Vec::new(), None, at);
    while let Some(&c) = text.get(i) {
        match (quote, c) {
            (None, b'"' | b'\'') => quote = Some(c),
            (Some(q), c) if q == c => quote = None,
            (None, b'\\') if matches!(text.get(i + 1), Some(b'"' | b'\'')) => {}
            (Some(_), b'\\') if matches!(text.get(i + 1), Some(b'"')) => {}
            (None, c) if c.is_ascii_whitespace() => break,
            (Some(_), b'\n') => break,
            (_, c) => {
                value.push(c);
                places.push(i);
            }
        }
        i += 1;
    }
    let span = |from: usize, to: usize| Some((*places.get(from)?, places.get(to.checked_sub(1)?)? + 1));
    let (user, password) = match value.iter().position(|c| *c == b':').map(|colon| value.split_at(colon)) {
        Some((user, [_, password @ ..])) => (user, password),
        _ => return i,
    };
    let skip = |v: &[u8]| v.len() < 3 || allow::variable(v) || allow::stand_in(v);
    if !skip(password) && user != password {
        span(user.len() + 1, value.len()).into_iter().for_each(tell);
    } else if password.is_empty() && !skip(user) && user.len() >= 8 && allow::random_looking(user) {
        span(0, user.len()).into_iter().for_each(tell);
    }
    i
}
