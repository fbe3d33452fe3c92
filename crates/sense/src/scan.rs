//! One walk over the beginning and the end of a text: counts of cues, marks, numbers, lines and sentences.
//!
//! Works on bytes and never fails. A window may cut a word in two, which then counts as other words.
//!
//! Never here: what the counts mean (`task`, `difficulty`).

use crate::language::Tongues;
use crate::lexicon::{self, CUES, Cue};
use wire::Content;

/// Bytes read at each end of a text.
pub(crate) const WINDOW: usize = 2048;

/// What a walk counted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reading {
    /// Bytes of the whole text, read or not.
    pub(crate) bytes: usize,
    /// Words (pairs of characters where the script has no spaces).
    pub(crate) words: u32,
    /// Words of nine letters or more.
    pub(crate) long_words: u32,
    /// Runs of digits.
    pub(crate) numbers: u32,
    /// Sentences and lines that have words.
    pub(crate) sentences: u32,
    /// Question marks.
    pub(crate) questions: u32,
    /// `+ = < > ^ * / % | ~`
    pub(crate) math_marks: u32,
    /// Brackets, semicolons, underscores, hashes, backticks.
    pub(crate) code_marks: u32,
    /// Backslashes and dollar signs: TeX.
    pub(crate) tex_marks: u32,
    /// Code fences.
    pub(crate) fences: u32,
    /// Lines that begin like a choice: `A. …` to `J) …`.
    pub(crate) choices: u32,
    /// Lines that begin like a part: `(a)`, `1.`, `- `.
    pub(crate) parts: u32,
    /// Cues anywhere.
    pub(crate) all: [u16; CUES],
    /// Cues in the first sentence.
    pub(crate) first: [u16; CUES],
    /// Cues at the head of a sentence, where an imperative stands.
    pub(crate) lead: [u16; CUES],
    /// The cue that leads the first sentence.
    pub(crate) opens: Option<u8>,
    /// The cue that leads the last sentence.
    pub(crate) closes: Option<u8>,
    /// What speaks for each language.
    pub(crate) tongues: Tongues,
}

impl Reading {
    /// How often a cue stands anywhere.
    pub(crate) fn count(&self, cue: Cue) -> u32 {
        u32::from(self.all[cue as usize])
    }

    /// How often a cue stands where instructions stand: in the first sentence or at the head of a later one.
    pub(crate) fn asked(&self, cue: Cue) -> u32 {
        u32::from(self.first[cue as usize]) + u32::from(self.lead[cue as usize])
    }
}

/// Walks over at most [`WINDOW`] bytes at each end of a text.
#[cfg(test)]
pub(crate) fn scan(text: &str) -> Reading {
    scan_within(text, WINDOW)
}

/// Walks over at most `window` bytes at each end of a text.
pub(crate) fn scan_within(text: &str, window: usize) -> Reading {
    let mut walk = Walk::new();
    let left = walk.head(text, window);
    walk.tail(left, window);
    walk.finish()
}

/// Walks over the beginning and the end of a message of one or several parts: a question may stand before the material
/// or after it.
pub(crate) fn scan_content(content: &Content) -> Reading {
    let (mut walk, mut left, mut unread) = (Walk::new(), WINDOW, "");
    for text in content.texts().filter(|text| !text.is_empty()) {
        walk.end_sentence();
        unread = walk.head(text, left);
        left = left.saturating_sub(text.len());
    }
    walk.tail(unread, WINDOW);
    walk.finish()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Other,
    Letter,
    Digit,
    Line,
    Stop,
    Question,
    Math,
    Code,
    Tex,
    High,
    Join,
}

static CLASSES: [Class; 256] = classes();

const fn classes() -> [Class; 256] {
    let mut table = [Class::Other; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' => Class::Letter,
            b'0'..=b'9' => Class::Digit,
            b'\n' => Class::Line,
            b'.' | b'!' | b':' => Class::Stop,
            b'?' => Class::Question,
            b'+' | b'=' | b'<' | b'>' | b'^' | b'*' | b'/' | b'%' | b'|' | b'~' => Class::Math,
            b'{' | b'}' | b'(' | b')' | b'[' | b']' | b';' | b'_' | b'#' | b'`' => Class::Code,
            b'\\' | b'$' => Class::Tex,
            b'-' | b'\'' => Class::Join,
            0x80..=0xff => Class::High,
            _ => Class::Other,
        };
        byte += 1;
    }
    table
}

/// Words that the first sentence must have before a full stop ends it, so that "Hi!" does not.
const FIRST_WORDS: u32 = 3;

struct Walk {
    out: Reading,
    hash: u64,
    letters: u32,
    previous: u64,
    in_first: bool,
    at_head: bool,
    words_here: u32,
    heads: Option<u8>,
}

impl Walk {
    fn new() -> Walk {
        Walk {
            out: Reading::default(),
            hash: lexicon::EMPTY,
            letters: 0,
            previous: 0,
            in_first: true,
            at_head: true,
            words_here: 0,
            heads: None,
        }
    }

    /// Counts a whole text, walks over its first `most` bytes (no character is cut) and gives back the rest.
    fn head<'t>(&mut self, text: &'t str, most: usize) -> &'t str {
        self.out.bytes = self.out.bytes.saturating_add(text.len());
        let (head, rest) = text.split_at(text.floor_char_boundary(most));
        self.over(head.as_bytes());
        rest
    }

    /// Walks over the last `most` bytes of what [`Walk::head`] left.
    fn tail(&mut self, rest: &str, most: usize) {
        let from = rest.ceil_char_boundary(rest.len().saturating_sub(most));
        self.at_head = self.at_head && from == 0;
        self.over(&rest.as_bytes()[from..]);
    }

    fn over(&mut self, bytes: &[u8]) {
        self.line_start(bytes);
        let mut at = 0;
        while at < bytes.len() {
            at += self.step(&bytes[at..]);
        }
        self.end_word();
    }

    /// Takes the next character and says how many bytes it had.
    fn step(&mut self, rest: &[u8]) -> usize {
        let byte = rest[0];
        match CLASSES[byte as usize] {
            Class::Letter => self.letter(byte),
            Class::High => return self.high(rest),
            Class::Digit => return self.digits(rest),
            Class::Join if self.letters > 0 && rest.get(1).is_some_and(u8::is_ascii_alphabetic) => self.letter(byte),
            class => {
                self.end_word();
                self.mark(class, rest);
            }
        }
        1
    }

    fn mark(&mut self, class: Class, rest: &[u8]) {
        match class {
            Class::Stop if rest.get(1).is_none_or(u8::is_ascii_whitespace) => self.end_sentence(),
            Class::Question => {
                self.out.questions += 1;
                self.end_sentence();
            }
            Class::Line => {
                self.end_sentence();
                self.line_start(&rest[1..]);
            }
            Class::Math => self.out.math_marks += 1,
            Class::Code => {
                self.out.code_marks += 1;
                self.out.fences += u32::from(rest.starts_with(b"```"));
            }
            Class::Tex => self.out.tex_marks += 1,
            _ => {}
        }
    }

    #[inline]
    fn letter(&mut self, byte: u8) {
        self.hash = lexicon::grow(self.hash, byte);
        self.letters += 1;
    }

    /// A run of digits is a number, unless it ends a word (`utf8`).
    fn digits(&mut self, rest: &[u8]) -> usize {
        if self.letters > 0 {
            self.letter(rest[0]);
            return 1;
        }
        let run = rest.iter().position(|b| !b.is_ascii_digit()).unwrap_or(rest.len());
        self.out.numbers += 1;
        self.words_here += 1;
        if run >= 4 && rest[run..].starts_with(b" word") || rest[run..].starts_with(b"-word") {
            self.note(Cue::Long as u8, false); // "a 2000 word essay"
        }
        self.previous = 0;
        self.at_head = false;
        run
    }

    /// Characters beyond ASCII: Chinese and Japanese ones pair with the next one, and since pairs overlap, the first
    /// four of a sentence count as its head; others are letters.
    fn high(&mut self, rest: &[u8]) -> usize {
        self.out.tongues.character(rest);
        match rest {
            [0xe3..=0xe9, _, _, ..] if !rest.starts_with("\u{3002}".as_bytes()) => {
                self.end_word();
                if let [_, _, _, 0xe3..=0xe9, _, _, ..] = rest {
                    self.hash = rest[..6].iter().fold(lexicon::EMPTY, |h, b| lexicon::grow(h, *b));
                    self.letters = 2;
                    let head = self.at_head && self.words_here < 4;
                    self.end_word();
                    self.at_head = head;
                }
                3
            }
            [0xe3, 0x80, 0x82, ..] | [0xef, 0xbc, 0x81 | 0x8c | 0x9a | 0x9f, ..] => {
                self.end_word();
                self.out.questions += u32::from(rest[2] == 0x9f);
                self.end_sentence();
                3
            }
            [0xc3, low @ 0x80..=0x9e, ..] => {
                self.letter(0xc3);
                self.letter(low + 0x20); // É is é
                2
            }
            [byte, ..] => {
                self.letter(*byte);
                1
            }
            [] => 1,
        }
    }

    #[inline]
    fn end_word(&mut self) {
        if self.letters == 0 {
            return;
        }
        let hash = self.hash;
        self.out.words += 1;
        self.out.long_words += u32::from(self.letters >= 9);
        self.words_here += 1;
        let phrase = lexicon::cue(lexicon::pair(self.previous, hash));
        let single = lexicon::cue(hash);
        self.out.tongues.word(hash);
        if let Some(cue) = phrase {
            self.note(cue, true);
        }
        match single {
            Some(cue) => self.note(cue, false),
            None => self.at_head = self.at_head && phrase.is_some(),
        }
        self.previous = hash;
        self.hash = lexicon::EMPTY;
        self.letters = 0;
    }

    /// Counts a cue. A phrase is at the head when its first word was.
    fn note(&mut self, cue: u8, phrase: bool) {
        let index = cue as usize;
        let leads = self.at_head || (phrase && self.words_here <= 2);
        bump(&mut self.out.all[index]);
        if self.in_first {
            bump(&mut self.out.first[index]);
        }
        if leads && cue != Cue::Filler as u8 {
            if !self.in_first {
                bump(&mut self.out.lead[index]);
            } else if cue != Cue::Greet as u8 && self.out.opens.is_none() {
                self.out.opens = Some(cue);
            }
            self.heads.get_or_insert(cue);
        }
        self.at_head = self.at_head && (cue == Cue::Filler as u8 || cue == Cue::Greet as u8);
    }

    fn end_sentence(&mut self) {
        if self.words_here > 0 {
            self.out.sentences += 1;
            self.out.closes = self.heads;
        }
        if self.out.words >= FIRST_WORDS {
            self.in_first = false;
        }
        self.heads = None;
        self.words_here = 0;
        self.previous = 0;
        self.at_head = true;
    }

    fn line_start(&mut self, rest: &[u8]) {
        match rest {
            [b'A'..=b'J', b'.' | b')', ..] => self.out.choices += 1,
            [b'(', b'A'..=b'J' | b'a'..=b'h', b')', ..] | [b'-' | b'*', b' ', ..] => self.out.parts += 1,
            [b'0'..=b'9', b'.' | b')', b' ', ..] => self.out.parts += 1,
            _ => {}
        }
    }

    fn finish(mut self) -> Reading {
        self.end_sentence();
        self.out
    }
}

fn bump(count: &mut u16) {
    *count = count.saturating_add(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_sentence_and_heads_are_told_apart() {
        let r = scan("Hi! Could you please summarize this article? Prove nothing. He wrote a proof.");
        assert_eq!(r.first[Cue::Summarize as usize], 1);
        assert_eq!(r.opens, Some(Cue::Summarize as u8));
        assert_eq!(r.lead[Cue::Proof as usize], 1);
        assert_eq!(r.count(Cue::Proof), 2);
        assert_eq!(r.asked(Cue::Proof), 1);
        assert_eq!(r.closes, None);
        assert_eq!((r.questions, r.sentences), (1, 4));
    }

    #[test]
    fn choices_parts_numbers_and_marks_are_counted() {
        let r = scan("What is 3.14 * 2?\nA. 6.28\nB) 7\n(a) one\n- two\n```\nlet x_1 = \\frac{1}{2};\n```");
        assert_eq!((r.choices, r.parts, r.fences), (2, 2, 2));
        assert!(r.numbers >= 6, "{}", r.numbers);
        assert!(r.math_marks >= 2 && r.tex_marks == 1);
    }

    #[test]
    fn phrases_lead_when_their_first_word_does() {
        assert_eq!(scan("Show that x is even.").opens, Some(Cue::Proof as u8));
    }

    #[test]
    fn chinese_is_read_in_pairs() {
        let r = scan("请证明素数有无穷多个。为什么？");
        assert_eq!(r.count(Cue::Proof), 1);
        assert_eq!(r.count(Cue::Explain), 1);
        assert_eq!((r.sentences, r.questions), (2, 1));
    }

    #[test]
    fn only_the_ends_of_a_long_text_are_read() {
        let text = format!("Summarize this. {} What is the court's view?", "prove ".repeat(100_000));
        let r = scan(&text);
        assert_eq!(r.bytes, text.len());
        assert!(r.count(Cue::Proof) < 800);
        assert_eq!((r.count(Cue::Law), r.questions), (0, 1));
        assert_eq!(r.opens, Some(Cue::Summarize as u8));
    }

    #[test]
    fn any_window_of_any_characters_will_do() {
        for window in 0..24 {
            let r = scan_within("ä中😀É证明\u{2028}x", window);
            assert_eq!(r.bytes, "ä中😀É证明\u{2028}x".len());
        }
    }

    #[test]
    fn the_question_may_stand_in_any_part() {
        let part = |text: &str| wire::Part::Text { text: text.into(), extra: Vec::new() };
        let material = "Once upon a time there was a court. ".repeat(1000);
        let before = scan_content(&Content::Parts(vec![part("Translate this."), part(&material)]));
        assert_eq!(before.opens, Some(Cue::Transform as u8));
        let after = scan_content(&Content::Parts(vec![part(&material), part("Translate this.")]));
        assert_eq!(after.closes, Some(Cue::Transform as u8));
        assert_eq!(before.bytes, after.bytes);
    }
}
