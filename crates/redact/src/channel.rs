//! One text as it comes, piece by piece: originals instead of placeholders, and nothing held back but what may still become
//! one.
//!
//! Never here: which texts a stream has.

use crate::book::{Book, LONGEST, Stands};
use crate::tokens::{Piece, Tokens};
use wire::TokenLogprob;
use zeroize::Zeroize;

/// How a value is written into a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writing {
    /// As it is.
    Plain,
    /// Escaped as the content of a JSON string.
    Json,
    /// Escaped if the text turns out to be JSON: its first character says so.
    Undecided,
}

/// What has been seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    /// Placeholders for which a value was put back.
    pub(crate) restored: u32,
    /// Placeholders that this request never had.
    pub(crate) unknown: u32,
    /// Placeholders that are torn.
    pub(crate) unmatched: u32,
}

/// One text.
pub(crate) struct Channel {
    writing: Writing,
    /// What may still become a placeholder.
    held: String,
    /// The byte before what is held.
    before: u8,
    /// Tokens with their log-probabilities.
    tokens: Tokens,
    /// Characters read, and by how much the text has grown behind which of them.
    pub(crate) shift: Shift,
}

/// How offsets into the masked text become offsets into the restored one, in characters.
#[derive(Debug, Default)]
pub(crate) struct Shift {
    read: usize,
    /// Where each placeholder began and ended, and by how much its value is longer.
    grown: Vec<(usize, usize, i64)>,
}

impl Shift {
    /// The offset in the restored text. One inside a placeholder becomes the beginning of its value, or its end.
    pub(crate) fn of(&self, offset: u64, is_end: bool) -> u64 {
        let mut by = 0;
        for (start, end, growth) in &self.grown {
            let (start, end) = (*start as u64, *end as u64);
            if offset >= end {
                by += growth;
            } else if offset > start {
                let inside = (offset - start).cast_signed();
                by += if is_end { growth + (end - offset).cast_signed() } else { -inside };
            }
        }
        offset.saturating_add_signed(by)
    }

    /// Whether nothing was replaced.
    pub(crate) fn is_none(&self) -> bool {
        self.grown.is_empty()
    }
}

impl Channel {
    /// A text from its beginning.
    pub(crate) fn new(writing: Writing) -> Channel {
        let (held, tokens, shift) = (String::new(), Tokens::default(), Shift::default());
        Channel { writing, held, before: b' ', tokens, shift }
    }

    /// Whether anything is held back.
    pub(crate) fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    /// The next piece; gives what can be said. `last`: no more comes, so nothing is held back.
    pub(crate) fn push(&mut self, book: &Book, piece: &str, last: bool, counts: &mut Counts) -> String {
        self.push_tokens(book, piece, Vec::new(), last, counts).0
    }

    /// As [`Channel::push`], with the tokens of the piece.
    pub(crate) fn push_tokens(
        &mut self,
        book: &Book,
        piece: &str,
        logprobs: Vec<TokenLogprob>,
        last: bool,
        counts: &mut Counts,
    ) -> (String, Vec<TokenLogprob>) {
        self.tokens.push(piece, logprobs);
        let mut joined = std::mem::take(&mut self.held);
        let text = if joined.is_empty() {
            piece
        } else {
            joined.push_str(piece);
            &joined
        };
        let mut out = String::with_capacity(text.len() + 32);
        let mut tokens = Vec::new();
        let held = self.scan(book, text, last, &mut out, &mut tokens, counts);
        let held = text[held..].to_owned();
        joined.zeroize();
        self.held = held;
        (out, tokens)
    }

    /// Writes what is decided; gives where it ends.
    fn scan(
        &mut self,
        book: &Book,
        text: &str,
        last: bool,
        out: &mut String,
        tokens: &mut Vec<TokenLogprob>,
        counts: &mut Counts,
    ) -> usize {
        let bytes = text.as_bytes();
        let (mut copied, mut at, mut before) = (0, 0, self.before);
        while at < bytes.len() {
            if !book.may_begin(bytes[at], before) {
                before = bytes[at];
                at += 1;
                continue;
            }
            let skip = match book.stands(bytes, at, last) {
                Stands::Known(length, value) => {
                    self.same(&text[copied..at], out, tokens);
                    let start = out.len();
                    self.write(value, out);
                    counts.restored += 1;
                    let piece = Piece::New(length, out.len() - start);
                    self.replaced(&text[at..at + length], &out[start..]);
                    self.tokens.step(&piece, out, tokens);
                    copied = at + length;
                    length
                }
                Stands::Part => break,
                Stands::Unknown(length) => {
                    counts.unknown += 1;
                    length
                }
                Stands::Torn(length) => {
                    counts.unmatched += 1;
                    length
                }
                Stands::Nothing => 1,
            };
            before = bytes[at + skip - 1];
            at += skip;
        }
        self.before = before;
        self.same(&text[copied..at], out, tokens);
        debug_assert!(text.len() - at <= LONGEST, "held back more than a placeholder");
        at
    }

    fn same(&mut self, text: &str, out: &mut String, tokens: &mut Vec<TokenLogprob>) {
        if text.is_empty() {
            return;
        }
        if self.writing == Writing::Undecided
            && let Some(first) = text.bytes().find(|b| !b.is_ascii_whitespace())
        {
            self.writing = if matches!(first, b'{' | b'[' | b'"') { Writing::Json } else { Writing::Plain };
        }
        self.shift.read += text.chars().count();
        out.push_str(text);
        self.tokens.step(&Piece::Same(text.len()), out, tokens);
    }

    fn write(&mut self, value: &str, out: &mut String) {
        if self.writing == Writing::Undecided {
            self.writing = Writing::Plain;
        }
        match self.writing {
            Writing::Json => out.push_str(&wire::json_escaped(value)),
            Writing::Plain | Writing::Undecided => out.push_str(value),
        }
    }

    fn replaced(&mut self, old: &str, new: &str) {
        let (old, new) = (old.chars().count(), new.chars().count());
        let start = self.shift.read;
        self.shift.read += old;
        self.shift.grown.push((start, start + old, new as i64 - old as i64));
    }
}

impl Book {
    /// A whole text with originals instead of placeholders; `None` where there are none.
    pub(crate) fn restored(&self, text: &str, writing: Writing, counts: &mut Counts) -> Option<String> {
        if !self.may_hold(text) {
            return None;
        }
        let before = counts.restored;
        let out = Channel::new(writing).push(self, text, true, counts);
        (counts.restored > before).then_some(out)
    }
}
