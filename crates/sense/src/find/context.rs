//! Words that say what a number beside them is: "card", "IBAN", "Steuer-ID", "call me at".
//!
//! Never here: what the number is worth without them.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

/// Bytes before a value in which its word is looked for.
const BEFORE: usize = 72;
/// Bytes after it.
const AFTER: usize = 28;

/// The topic of words that go with any number ("number", "Nr."): they never count as the last word said.
pub(super) const GENERIC: usize = 0;

/// Bytes heard beyond what was asked for.
const STEP: usize = 64;
/// Words kept before old ones are let go.
const MANY: usize = 4096;

/// A set of topics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Topics([u64; 3]);

impl Topics {
    pub(super) fn has(self, topic: usize) -> bool {
        self.0.get(topic / 64).is_some_and(|bits| bits >> (topic % 64) & 1 == 1)
    }

    fn add(&mut self, topic: usize) {
        if let Some(bits) = self.0.get_mut(topic / 64) {
            *bits |= 1 << (topic % 64);
        }
    }

    pub(super) fn none(self) -> bool {
        self == Topics::default()
    }

    fn join(&mut self, other: Topics) {
        for (mine, others) in self.0.iter_mut().zip(other.0) {
            *mine |= others;
        }
    }

    /// Without [`GENERIC`].
    fn telling(mut self) -> Topics {
        self.0[GENERIC / 64] &= !(1 << (GENERIC % 64));
        self
    }
}

/// What is said around a value.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Around {
    /// Said before or closely after it.
    pub near: Topics,
    /// The last said before it.
    pub last: Topics,
}

/// The words, by topic.
#[derive(Debug)]
pub(super) struct Context {
    words: AhoCorasick,
    /// By word: the topics that it stands for.
    topics: Vec<Topics>,
}

impl Context {
    /// From (topic, its words in lower case).
    pub(super) fn new(topics: &[(usize, &[&str])]) -> Result<Context, aho_corasick::BuildError> {
        let mut words: Vec<(&str, Topics)> = Vec::new();
        for (topic, list) in topics {
            for word in *list {
                match words.iter_mut().find(|(w, _)| w == word) {
                    Some((_, set)) => set.add(*topic),
                    None => {
                        let mut set = Topics::default();
                        set.add(*topic);
                        words.push((word, set));
                    }
                }
            }
        }
        let machine = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(words.iter().map(|(w, _)| w))?;
        Ok(Context { words: machine, topics: words.into_iter().map(|(_, t)| t).collect() })
    }

    /// What is said around the stretch. A word counts where it begins (letters may follow: `Telefonnummer`); a word of up
    /// to three letters must end there too. `heard` goes along with one text, from left to right.
    pub(super) fn around(&self, heard: &mut Heard, text: &[u8], start: usize, end: usize) -> Around {
        let (from, to) = (start.saturating_sub(BEFORE), text.len().min(end + AFTER));
        let mut around = match heard.before {
            Some((at, around)) if at == start => around,
            _ => {
                self.hear(heard, text, from, to);
                heard.said_before(from, start)
            }
        };
        let after = match heard.after {
            Some((at, around)) if at == end => around,
            _ => {
                self.hear(heard, text, from, to);
                heard.said_after(text, end, to)
            }
        };
        (heard.before, heard.after) = (Some((start, around)), Some((end, after)));
        around.near.join(after.near);
        if around.last.none() {
            around.last = after.last;
        }
        around
    }

    /// What is said anywhere in the stretch, or so near that [`Context::around`] counts it for a part of it.
    pub(super) fn anywhere(&self, heard: &mut Heard, text: &[u8], start: usize, end: usize) -> Topics {
        let (from, to) = (start.saturating_sub(BEFORE), text.len().min(end + AFTER));
        self.hear(heard, text, from, to);
        let first = heard.words.partition_point(|w| w.end <= from);
        let mut all = Topics::default();
        heard.words[first..].iter().take_while(|w| w.end <= to).for_each(|w| all.join(w.topics));
        all
    }

    /// Sees to it that the words of `from..to` are heard.
    fn hear(&self, heard: &mut Heard, text: &[u8], from: usize, to: usize) {
        if from >= heard.from && to <= heard.to {
            return;
        }
        if from < heard.from || from > heard.to {
            heard.words.clear();
            (heard.from, heard.to) = (from, from);
        }
        // A step further than asked, and back by the longest word, so that none is cut.
        let stop = text.len().min(to + STEP);
        let again = heard.to.saturating_sub(BEFORE).max(heard.from);
        for found in self.words.find_overlapping_iter(&text[again..stop]) {
            let (start, end) = (again + found.start(), again + found.end());
            if end <= heard.to {
                continue;
            }
            let letter = |i: usize| text.get(i).is_some_and(u8::is_ascii_alphabetic);
            let begins = start == 0 || !letter(start - 1) || !letter(start);
            if begins && (end - start > 3 || !letter(end)) {
                heard.words.push(Word { start, end, topics: self.topics[found.pattern().as_usize()] });
            }
        }
        heard.to = stop;
        if heard.words.len() > MANY {
            let keep = heard.words.partition_point(|w| w.end <= from);
            heard.words.drain(..keep);
            heard.from = from;
        }
    }
}

/// The words of a text as far as they were looked for.
#[derive(Debug, Default)]
pub(super) struct Heard {
    from: usize,
    to: usize,
    /// By end.
    words: Vec<Word>,
    /// The last answers: many readings share where they begin or where they end.
    before: Option<(usize, Around)>,
    after: Option<(usize, Around)>,
}

impl Heard {
    /// What is said from `from` up to `start`.
    fn said_before(&self, from: usize, start: usize) -> Around {
        let mut around = Around::default();
        let mut last_end = 0;
        let first = self.words.partition_point(|w| w.end <= from);
        for word in self.words[first..].iter().take_while(|w| w.end <= start).filter(|w| w.start >= from) {
            around.near.join(word.topics);
            let topics = word.topics.telling();
            if word.end > last_end && !topics.none() {
                (around.last, last_end) = (topics, word.end);
            } else if word.end == last_end {
                around.last.join(topics);
            }
        }
        around
    }

    /// What is said from `end` up to `to`.
    fn said_after(&self, text: &[u8], end: usize, to: usize) -> Around {
        let mut around = Around::default();
        let after = self.words.partition_point(|w| w.end <= end);
        if self.words.get(after).is_none_or(|w| w.end > to) {
            return around;
        }
        // Not into the next line: there the next field begins.
        let line = memchr::memchr(b'\n', &text[end..to]).map_or(to, |i| end + i);
        for word in self.words[after..].iter().take_while(|w| w.end <= line).filter(|w| w.start >= end) {
            around.near.join(word.topics);
            around.last.join(word.topics.telling());
        }
        around
    }
}

#[derive(Debug)]
struct Word {
    start: usize,
    end: usize,
    topics: Topics,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn words_before_and_after_count_and_the_last_is_known() {
        let context = Context::new(&[(2, &["card", "cc"]), (1, &["phone", "tel"]), (150, &["карта", "cc"])]).unwrap();
        let around = |text: &str| {
            let at = text.find('#').unwrap();
            context.around(&mut Heard::default(), text.as_bytes(), at, at + 1)
        };
        assert!(around("my card number is #").near.has(2));
        assert!(!around("I discard the #").near.has(2), "not inside of a word");
        assert!(!around("they tell me #").near.has(1), "a short word is whole");
        let both = around("card, phone: #");
        assert!(both.near.has(2) && both.last.has(1) && !both.last.has(2));
        assert!(around("# is my phone").last.has(1));
        assert!(!around("#\nphone: ").near.has(1), "the next line is another field");
        let shared = around("моя карта: #");
        assert!(shared.near.has(150) && !shared.near.has(2));
        assert!(around("cc #").near.has(150) && around("CC #").near.has(2));
        assert!(!around(&format!("card {}#", ".".repeat(80))).near.has(2), "too far");
    }
}
