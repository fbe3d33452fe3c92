//! Texts wrapped in Base64 or percent signs, unwrapped, so that what is inside can be looked at.
//!
//! Each byte is unwrapped once per level; only what unwraps to plain text is told.
//!
//! Never here: compressed or encrypted data.

use super::jwt::decode;
use super::shape::{Alphabet, HEX, URL};

/// Characters a run of Base64 has at least: 16 bytes.
const LEAST: usize = 22;
/// Columns from which on a line of Base64 may go on in the next.
const LINE: usize = 60;
const RUN: Alphabet = URL.with(b"+/");
/// What ends a run of percent signs.
const STOPS: Alphabet = Alphabet::of(b" \t\r\n\"'`<>\\");

/// Where a span of the unwrapped text stands in the wrapped one.
pub(super) type Place<'a> = &'a dyn Fn(usize, usize) -> (usize, usize);

/// Tells each unwrapped text.
pub(super) fn each(text: &str, tell: &mut dyn FnMut(&str, Place<'_>)) {
    base64(text.as_bytes(), tell);
    percent(text.as_bytes(), tell);
}

fn base64(text: &[u8], tell: &mut dyn FnMut(&str, Place<'_>)) {
    let mut at = 0;
    // A run that long has one of its characters at each such step.
    while let Some(&probe) = text.get(at + LEAST - 1) {
        if !RUN.has(probe) {
            at += LEAST;
            continue;
        }
        let start = RUN.run_back(text, at + LEAST - 1, LEAST - 1);
        if start > at {
            at = start;
            continue;
        }
        let (run, end) = run_of(text, at);
        if let Some(inner) = plain(&run) {
            tell(&inner, &|_, _| (at, end));
        }
        at = end + 1;
    }
}

/// The run that begins at `at`, over the ends of full lines, and where it ends.
fn run_of(text: &[u8], at: usize) -> (Vec<u8>, usize) {
    let mut run = Vec::new();
    let mut from = at;
    loop {
        let end = RUN.run(text, from, text.len());
        run.extend_from_slice(&text[from..end]);
        let line =
            [b"\n".as_slice(), b"\r\n", b"\\n", b"\\r\\n"].into_iter().find(|line| text[end..].starts_with(line));
        match line.filter(|line| end - from >= LINE && text.get(end + line.len()).is_some_and(|c| RUN.has(*c))) {
            Some(line) => from = end + line.len(),
            None => return (run, Alphabet::of(b"=").run(text, end, 2)),
        }
    }
}

/// The text that a run stands for, if it is one.
fn plain(run: &[u8]) -> Option<String> {
    let text = |bytes: &[u8]| bytes.iter().all(|c| matches!(c, b' '..=b'~' | b'\t' | b'\r' | b'\n' | 128..));
    let head = decode(run.get(..16)?)?;
    if !text(&head) || head.iter().filter(|c| c.is_ascii()).count() * 2 < head.len() {
        return None;
    }
    let whole = decode(run)?;
    if text(&whole) { String::from_utf8(whole).ok() } else { None }
}

fn percent(text: &[u8], tell: &mut dyn FnMut(&str, Place<'_>)) {
    let mut done = 0;
    while let Some(at) = memchr::memchr(b'%', &text[done..]).map(|i| done + i) {
        if escaped(text, at).is_none() {
            done = at + 1;
            continue;
        }
        let start = text[done..at].iter().rposition(|c| STOPS.has(*c)).map_or(done, |i| done + i + 1);
        let end = text[at..].iter().position(|c| STOPS.has(*c)).map_or(text.len(), |i| at + i);
        let (mut inner, mut places, mut i) =
            (Vec::with_capacity(end - start), Vec::with_capacity(end - start + 1), start);
        while i < end {
            places.push(i);
            match escaped(text, i).filter(|_| i + 2 < end) {
                Some(byte) => {
                    inner.push(byte);
                    i += 3;
                }
                None => {
                    inner.push(text[i]);
                    i += 1;
                }
            }
        }
        places.push(end);
        if let Ok(inner) = String::from_utf8(inner) {
            tell(&inner, &|from, to| {
                let place = |at: usize| places.get(at).copied().unwrap_or(end);
                (place(from), place(to))
            });
        }
        done = end;
    }
}

/// The ASCII character written as `%XX` at `at`.
fn escaped(text: &[u8], at: usize) -> Option<u8> {
    let digits = text.get(at + 1..at + 3).filter(|d| text[at] == b'%' && d.iter().all(|c| HEX.has(*c)))?;
    let digit = |c: u8| char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok());
    Some(digit(digits[0])? << 4 | digit(digits[1])?).filter(u8::is_ascii)
}
