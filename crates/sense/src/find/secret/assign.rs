//! `name = value` in every writing that code, configuration, headers, command lines and prose have for it.
//!
//! Never here: whether the name names a secret or the value is one (`generic`, `rules`).

use super::shape::{ALNUM, Alphabet};

/// Characters of a name.
const NAME: Alphabet = ALNUM.with(b"_.-");
/// What ends a value without quotes.
const STOPS: Alphabet = Alphabet::of(b" \t\r\n\"'`;,()<>{}[]&|\\");
/// First bytes of quotes, full stops and commas of other scripts in UTF-8.
const FOREIGN_MARKS: [u8; 3] = [0xe2, 0xe3, 0xef];
/// Bytes of a name before and after the word that was found.
const NAME_BEFORE: usize = 50;
const NAME_AFTER: usize = 28;
/// Bytes after the word within which ` is ` must stand.
const IS_WITHIN: usize = 16;
/// Bytes of a value that are looked at.
const VALUE: usize = 1024;

/// A value given to a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Assigned {
    /// Span of the name.
    pub(super) name: (usize, usize),
    /// Span of the value, without quotes.
    pub(super) value: (usize, usize),
    /// Whether it stands in quotes.
    pub(super) quoted: bool,
    /// How it is given.
    pub(super) by: By,
}

/// How a value is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// `=`, `:=`, `=>`, …
    Sign,
    /// `:`
    Colon,
    /// `,` or `(`: a quoted argument after the name.
    Comma,
    /// `>`: an element of XML.
    Element,
    /// The word `is`.
    Is,
    /// Only a space: an option of a command line (`--token x`).
    Option,
}

/// Reads assignments in one text; remembers where the last value without quotes ended, so that a long run of characters
/// is walked once.
#[derive(Debug, Default)]
pub(super) struct Reader {
    run: (usize, usize),
    /// Where the last run of words began and ended.
    words: (usize, usize),
}

impl Reader {
    /// The value given to the name that the word at `word.0..word.1` is a part of.
    pub(super) fn at(&mut self, text: &[u8], word: (usize, usize)) -> Option<Assigned> {
        if !(self.words.0 <= word.1 && word.1 <= self.words.1) {
            self.words = (word.1, NAME.with(b" \t").run(text, word.1, VALUE));
        }
        let until = self.words.1;
        let signed = if until - word.1 <= NAME_AFTER { sign(text, until) } else { None };
        let (name_end, by, after) = match signed {
            Some((by, after)) => (word.1 + text[word.1..until].trim_ascii_end().len(), by, after),
            None => prose(text, word)?,
        };
        let mut name = (NAME.run_back(text, word.0, NAME_BEFORE), name_end);
        if name.0 == word.0 && text[name.0..name.1].eq_ignore_ascii_case(b"key") {
            // `secret access key: …`
            for _ in 0..2 {
                let before = NAME.run_back(text, name.0.saturating_sub(1), 16);
                if name.0 > 0 && text[name.0 - 1] == b' ' && before + 1 < name.0 {
                    name.0 = before;
                }
            }
        }
        let after = if by == By::Colon { annotation(text, after).unwrap_or(after) } else { after };
        self.value(text, name, by, after)
    }

    fn value(&mut self, text: &[u8], name: (usize, usize), by: By, after: usize) -> Option<Assigned> {
        let lead = Alphabet::of(b" \t\r\n=\\").run(text, after, 6);
        let mut start = lead;
        for call in [b"ConvertTo-SecureString ".as_slice(), b"ConvertTo-SecureString -String "] {
            start += if text[start..].starts_with(call) { call.len() } else { 0 };
        }
        if b"rbfuLR@$".contains(text.get(start)?) && matches!(text.get(start + 1), Some(b'"' | b'\'')) {
            start += 1;
        }
        start = second(text, name, start).unwrap_or(start);
        let quote = *text.get(start)?;
        if matches!(quote, b'"' | b'\'' | b'`') {
            let escaped = start > 0 && text[start - 1] == b'\\';
            start += 1;
            while text.get(start) == Some(&quote) {
                start += 1;
            }
            start = scheme(text, start);
            return Some(Assigned { name, value: (start, close(text, start, quote, escaped)?), quoted: true, by });
        }
        if by == By::Comma || (by != By::Element && text[after..lead].contains(&b'\n') && by != By::Colon) {
            return None;
        }
        let start = scheme(text, lead);
        if !(self.run.0 <= start && start < self.run.1) {
            let end = text.len().min(start + VALUE);
            let length =
                text[start..end].iter().position(|c| STOPS.has(*c) || FOREIGN_MARKS.contains(c)).unwrap_or(end - start);
            self.run = (start, start + length);
        }
        // Marks of a sentence at its end are not the value's.
        let mark = |c: &&u8| matches!(c, b'.' | b':') || (by == By::Is && matches!(c, b'!' | b'?'));
        let trimmed = text[start..self.run.1].iter().rev().take_while(mark).count();
        let end = match self.run.1 {
            end if text.get(end).is_none_or(|c| c.is_ascii_whitespace()) && trimmed < 3 => end - trimmed.min(1),
            end => end,
        };
        let call = by != By::Element && matches!(text.get(self.run.1), Some(b'(' | b'[' | b'{' | b'<'));
        // `open(token: x)`: a bare argument is a name of the program.
        let argument =
            text.get(self.run.1) == Some(&b')') && matches!(text[..name.0], [.., before, b'('] if ALNUM.has(before));
        (end > start && !call && !argument).then_some(Assigned { name, value: (start, end), quoted: false, by })
    }
}

/// The sign that gives a value, at `at` or after closing quotes; and where it ends.
fn sign(text: &[u8], at: usize) -> Option<(By, usize)> {
    let i = Alphabet::of(b" \t\"'`\\]").run(text, at, 4);
    let rest = &text[i..];
    let quoted = i > at && text[at..i].iter().any(|c| matches!(c, b'"' | b'\'' | b'`'));
    let colons = rest.iter().take_while(|c| **c == b':').count();
    let (by, length) = match rest.get(colons) {
        Some(b'=') if colons <= 3 => (By::Sign, colons + 1 + usize::from(rest.get(colons + 1) == Some(&b'>'))),
        _ if colons == 1 => (By::Colon, 1),
        Some(b'?' | b'|' | b'!') if colons == 0 && rest.get(1) == Some(&b'=') => (By::Sign, 2),
        Some(b'|') if colons == 0 && rest.get(1) == Some(&b'|') => (By::Sign, 2),
        Some(b'-') if colons == 0 && rest.get(1) == Some(&b'>') => (By::Sign, 2),
        Some(b'>') if colons == 0 => (By::Element, 1),
        Some(b',') if colons == 0 && quoted => (By::Comma, 1),
        Some(b'(') if colons == 0 && i == at => (By::Comma, 1),
        Some(0xef) if rest.starts_with("：".as_bytes()) => (By::Colon, 3),
        Some(0xe6) if rest.starts_with("是".as_bytes()) => (By::Is, 3),
        _ => return beside(text, at),
    };
    Some((by, i + length))
}

/// `name: X, value: …` and `key="X" value="…"`.
fn beside(text: &[u8], at: usize) -> Option<(By, usize)> {
    let i = Alphabet::of(b" \t\r\n\"'`,;\\").run(text, at, 40);
    let rest = text.get(i..i + 5).filter(|w| i > at && w.eq_ignore_ascii_case(b"value"))?;
    let i = Alphabet::of(b" \"'\\").run(text, i + rest.len(), 4);
    match text.get(i) {
        Some(b':') => Some((By::Colon, i + 1)),
        Some(b'=') => Some((By::Sign, i + 1)),
        _ => None,
    }
}

/// `… password is x`, `--token x`, `token x`: the name's end, and where the value may begin.
fn prose(text: &[u8], word: (usize, usize)) -> Option<(usize, By, usize)> {
    let tail = &text[word.1..text.len().min(word.1 + NAME_AFTER)];
    memchr::memchr(b' ', tail)?;
    let tail = &tail[..tail.len().min(IS_WITHIN)];
    for is in [b" is ".as_slice(), b" ist ", b" est ", b" es "] {
        if let Some(at) = tail.windows(is.len()).position(|w| w == is) {
            return Some((word.1 + at, By::Is, word.1 + at + is.len()));
        }
    }
    let name_end = NAME.run(text, word.1, NAME_AFTER);
    let option = || text[NAME.run_back(text, word.0, NAME_BEFORE)..].starts_with(b"-");
    if text.get(name_end) != Some(&b' ') {
        return None;
    }
    // A long value beside the name (`use token 0a1b…`), or the file of passwords that programs log in with.
    let long = || {
        let value = &text[name_end + 1..ALNUM.with(b"_.+/=-").run(text, name_end + 1, 64)];
        value.len() >= 20 && value.iter().any(u8::is_ascii_digit)
    };
    let login = || memchr::memmem::find(&text[word.0.saturating_sub(120)..word.0], b"login ").is_some();
    let by = if option() {
        By::Option
    } else if long() || (text[word.0..name_end].eq_ignore_ascii_case(b"password") && login()) {
        By::Is
    } else {
        return None;
    };
    Some((name_end, by, name_end + 1))
}

/// Past the type in `name: type = "value"`.
fn annotation(text: &[u8], at: usize) -> Option<usize> {
    memchr::memchr(b'=', &text[at..text.len().min(at + 34)])?;
    let kind = ALNUM.with(b" _&<>[]|.:*?'").run(text, at, 32);
    let named = text[at..kind].trim_ascii_start().first().is_some_and(|c| c.is_ascii_alphabetic() || *c == b'&');
    let quote = text.get(kind + 1..kind + 3)?;
    (named && text.get(kind) == Some(&b'=') && quote.iter().any(|c| matches!(c, b'"' | b'\''))).then_some(kind + 1)
}

/// The second text in `auth=("me", "…")`.
fn second(text: &[u8], name: (usize, usize), at: usize) -> Option<usize> {
    let rest = text.get(at..text.len().min(at + 80))?.strip_prefix(b"(")?;
    let quote = *rest.first().filter(|c| matches!(c, b'"' | b'\'') && text[name.0..name.1].ends_with(b"auth"))?;
    let user = rest.iter().skip(1).position(|c| *c == quote)? + 2;
    let next = Alphabet::of(b" ,\n").run(rest, user, 8);
    (rest.get(next) == Some(&quote)).then_some(at + 1 + next)
}

/// Past `Bearer ` and the like.
fn scheme(text: &[u8], at: usize) -> usize {
    let rest = &text[at..text.len().min(at + 12)];
    let past = |word: &&&str| rest.get(..word.len()).is_some_and(|h| h.eq_ignore_ascii_case(word.as_bytes()));
    ["bearer ", "basic ", "token ", "apikey ", "api-key "].iter().find(past).map_or(at, |word| at + word.len())
}

/// Where the value in quotes ends.
fn close(text: &[u8], start: usize, quote: u8, escaped: bool) -> Option<usize> {
    let end = text.len().min(start + VALUE);
    let mut i = start;
    while i < end {
        match text[i] {
            b'\n' => return None,
            c if c == quote => return Some(if escaped && i > start && text[i - 1] == b'\\' { i - 1 } else { i }),
            b'\\' if !escaped => i += 1,
            _ => {}
        }
        i += 1;
    }
    // A text that was cut within a value.
    (end == text.len() && end > start).then_some(end)
}
