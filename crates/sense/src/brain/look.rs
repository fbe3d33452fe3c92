//! A prompt as hashed words and pairs of words, beside what `form` says of it.
//!
//! Never here: weights.

use super::form::{self, Counted, START, VALUES, step};

/// Buckets of hashed words.
pub const HASHED: usize = 1 << 17;

/// Bytes of the question that are read for words, at its end.
const WINDOW: usize = 3072;

/// Bytes at the end of a prompt in which worked examples are looked for.
const SHOWN: usize = 1 << 16;

/// A prompt, read.
#[derive(Debug, Clone)]
pub struct Look {
    /// Buckets of its words and pairs of words; each stands once.
    pub buckets: Vec<u32>,
    /// Numbers that its form is described by.
    pub values: [f32; VALUES],
    /// Kind of form, below [`super::FORMS`].
    pub form: usize,
    /// log2 of the bytes of the question.
    pub log_bytes: f32,
    /// log2 of its distinct words.
    pub log_distinct: f32,
    /// Bits of the vocabulary that its words have; each stands once, in order.
    pub words: Vec<u16>,
}

impl Look {
    /// Share of its distinct words that `known` knows; 1 for a prompt without words.
    pub fn known_share(&self, known: impl Fn(usize) -> bool) -> f32 {
        let hits = self.words.iter().filter(|bit| known(usize::from(**bit))).count();
        if self.words.is_empty() { 1.0 } else { hits as f32 / self.words.len() as f32 }
    }
}

/// Reads a prompt. `tools` is the text of the tools that stand with it, empty without any.
pub fn look(prompt: &str, tools: &str) -> Look {
    let block = question(prompt);
    let text = tail(block, WINDOW);
    let tools = head(tools, WINDOW);
    let mut words = Words::new(text.len() + tools.len().min(WINDOW / 4));
    words.read(text);
    words.cut();
    words.settle();
    let bits = std::mem::take(&mut words.bits);
    let counted = std::mem::take(&mut words.counted);
    words.read(head(tools, WINDOW / 4));
    let (form, mut values) = form::read(block, text, tools, &counted);
    let form = if form == 2 && block.len() < prompt.trim_end().len() { 10 } else { form };
    values[VALUES - 1] = form as f32;
    Look {
        buckets: words.buckets,
        values,
        form,
        log_bytes: form::log2(block.len()),
        log_distinct: form::log2(counted.distinct),
        words: bits,
    }
}

/// The question itself: behind the worked examples of a prompt that shows some (`… Answer: B`, then the next one).
fn question(prompt: &str) -> &str {
    let trimmed = prompt.trim_end();
    let near = tail(trimmed, SHOWN);
    let shown = near.strip_suffix("Answer:").unwrap_or(near);
    let Some(last) = memchr::memmem::rfind(shown.as_bytes(), b"Answer:") else { return trimmed };
    let rest = &near[last..];
    rest.find("\n\n").map_or(trimmed, |gap| rest[gap..].trim_start())
}

fn tail(text: &str, most: usize) -> &str {
    let mut from = text.len().saturating_sub(most);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    &text[from..]
}

fn head(text: &str, most: usize) -> &str {
    let mut until = text.len().min(most);
    while !text.is_char_boundary(until) {
        until -= 1;
    }
    &text[..until]
}

/// Words on their way into buckets.
struct Words {
    /// Buckets that were seen, placed by their low bits: more slots than a text of this length has buckets.
    seen: Vec<u32>,
    buckets: Vec<u32>,
    bits: Vec<u16>,
    numbers: Vec<u32>,
    before: u32,
    counted: Counted,
}

impl Words {
    fn new(bytes: usize) -> Words {
        Words {
            // At most two for each byte (a mark, and its pair with the one before).
            seen: vec![0; (2 * bytes + 1).next_power_of_two()],
            buckets: Vec::with_capacity(bytes.min(2048)),
            bits: Vec::with_capacity(bytes.min(2048) / 4),
            numbers: Vec::new(),
            before: 0,
            counted: Counted::default(),
        }
    }

    fn cut(&mut self) {
        self.before = 0;
    }

    /// Counts what is distinct.
    fn settle(&mut self) {
        self.bits.sort_unstable();
        self.bits.dedup();
        self.numbers.sort_unstable();
        self.numbers.dedup();
        self.counted.distinct = self.bits.len();
        self.counted.distinct_numbers = self.numbers.len();
    }

    fn read(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let byte = bytes[at];
            let from = at;
            at += 1;
            if byte.is_ascii_alphabetic() || byte >= 0x80 {
                let (mut hash, mut stem) = (step(START, byte), 0);
                while at < bytes.len() && (bytes[at].is_ascii_alphabetic() || bytes[at] >= 0x80) {
                    hash = step(hash, bytes[at]);
                    at += 1;
                    if at - from == 5 {
                        stem = hash;
                    }
                }
                if at - from >= 7 {
                    self.bucket(mix(stem ^ 0x5bd1_e995));
                }
                self.counted.word(hash, at - from);
                self.bits.push((mix(hash) >> 16) as u16);
                self.token(hash);
            } else if byte.is_ascii_digit() {
                let mut hash = step(START, byte);
                while at < bytes.len() && bytes[at].is_ascii_digit() {
                    hash = step(hash, bytes[at]);
                    at += 1;
                }
                self.counted.numbers += 1;
                self.counted.longest_number = self.counted.longest_number.max(at - from);
                self.numbers.push(hash);
                self.token(mix(0x23 + (at - from).min(5) as u32));
            } else if !byte.is_ascii_whitespace() {
                self.token(mix(u32::from(byte)));
            }
        }
    }

    fn token(&mut self, hash: u32) {
        self.bucket(mix(hash));
        if self.before != 0 {
            self.bucket(mix(self.before.rotate_left(7) ^ hash.wrapping_mul(0x9e37_79b1)));
        }
        self.before = hash;
    }

    fn bucket(&mut self, hash: u32) {
        // 0 is an empty slot.
        let bucket = hash % HASHED as u32;
        let last = self.seen.len() - 1;
        let mut slot = bucket as usize & last;
        while self.seen[slot] != 0 {
            if self.seen[slot] == bucket + 1 {
                return;
            }
            slot = (slot + 1) & last;
        }
        self.seen[slot] = bucket + 1;
        self.buckets.push(bucket);
    }
}

/// The finisher of MurmurHash3: every bit of the input reaches every bit of the output.
fn mix(mut hash: u32) -> u32 {
    hash ^= hash >> 16;
    hash = hash.wrapping_mul(0x85eb_ca6b);
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}

#[cfg(test)]
mod tests {
    use super::super::form_name;
    use super::*;

    #[test]
    fn features_stand_once_and_within_bounds() {
        // The most buckets that a text can have: every byte is a mark, and every pair is new.
        let marks: String = (0..WINDOW).map(|n| char::from(b'!' + (n * n * 7 % 15) as u8)).collect();
        for text in ["", "a", "😀", "Was ist 3 + 4?", &"word ".repeat(100_000), &"ü".repeat(5000), &marks] {
            let look = look(text, "");
            let mut buckets = look.buckets.clone();
            buckets.sort_unstable();
            assert!(buckets.windows(2).all(|pair| pair[0] != pair[1]));
            assert!(buckets.iter().all(|bucket| (*bucket as usize) < HASHED));
            assert!(look.values.iter().all(|value| value.is_finite()));
        }
    }

    #[test]
    fn worked_examples_are_not_the_question() {
        let shown = "Two?\nA) 1\nB) 2\nAnswer:\nB\n\nThree?\nA) 3\nB) 4\nAnswer:";
        assert_eq!(question(shown), "Three?\nA) 3\nB) 4\nAnswer:");
        assert_eq!(question("One?\nAnswer:"), "One?\nAnswer:");
        assert_eq!(question(""), "");
        let long = |bytes: usize| format!("Two?\nAnswer:\nB\n\n{}", "x".repeat(bytes));
        assert_eq!(question(&long(SHOWN - 11)).len(), SHOWN - 11, "the mark at the bound");
        assert_eq!(question(&long(SHOWN - 10)).len(), SHOWN + 6, "and one past it");
    }

    #[test]
    fn forms_are_told_apart() {
        let form = |prompt: &str, tools: &str| form_name(look(prompt, tools).form);
        assert_eq!(form("Weather in Bonn?", "[{\"name\": \"weather\"}]"), "tools");
        assert_eq!(form("Which?\nA. 1\nB. 2\nC. 3\nD. 4\nAnswer:", ""), "letter only");
        assert_eq!(form("Which?\nA. 1\nB. 2\nC. 3\nD. 4", ""), "options");
        assert_eq!(form("Which?\nA. 1\nB. 2\nC. 3\nD. 4\nE. 5", ""), "many options");
        assert_eq!(form("He ate _ of it.\nA) all\nB) none", ""), "two options");
        assert_eq!(form("Write a python function to sort.", ""), "code wanted");
        assert_eq!(form("What does this return?\ndef f(a):\n    return a\n", ""), "code");
        assert_eq!(form("Anna has 3 apples.", ""), "numbers");
        assert_eq!(form("He pays $5, then $10, then $20.", ""), "numbers", "money is no formula");
        assert_eq!(form("Solve $x^2 = 4$.", ""), "formulas");
        assert_eq!(form("Hello", ""), "plain");
    }
}
