//! Lists of words, made to be asked often: whether a word is one of them, whether one of them stands in a text.
//!
//! Never here: the words.

use aho_corasick::{AhoCorasick, AhoCorasickKind};

/// A list of words by their first byte.
#[derive(Debug)]
pub(super) struct Words {
    /// By first byte: where its words begin in `all`; one more for the end.
    from: [u16; 257],
    all: Vec<&'static [u8]>,
}

impl Words {
    /// Of words with one space between them.
    pub(super) fn of(list: &'static str) -> Words {
        let mut all: Vec<&'static [u8]> = list.split(' ').filter(|w| !w.is_empty()).map(str::as_bytes).collect();
        all.sort_unstable();
        let mut from = [0; 257];
        for (byte, place) in from.iter_mut().enumerate() {
            *place = all.partition_point(|w| usize::from(w[0]) < byte) as u16;
        }
        Words { from, all }
    }

    /// Whether it is one of the words, written the same.
    pub(super) fn has(&self, word: &[u8]) -> bool {
        let Some(&first) = word.first() else { return false };
        let (from, to) = (self.from[usize::from(first)], self.from[usize::from(first) + 1]);
        self.all[usize::from(from)..usize::from(to)].binary_search(&word).is_ok()
    }
}

/// A set of pairs of letters, whatever their case.
#[derive(Debug)]
pub(super) struct Pairs([u32; 26]);

impl Pairs {
    /// Of pairs with one space between them.
    pub(super) const fn of(list: &str) -> Pairs {
        let (pairs, mut set, mut i) = (list.as_bytes(), [0; 26], 0);
        while i + 1 < pairs.len() {
            set[(pairs[i] | 0x20) as usize - b'a' as usize] |= 1 << ((pairs[i + 1] | 0x20) - b'a');
            i += 3;
        }
        Pairs(set)
    }

    /// Whether the text begins with one of them.
    pub(super) fn begin(&self, text: &[u8]) -> bool {
        let letter = |i: usize| text.get(i).filter(|b| b.is_ascii_alphabetic()).map(|b| (b | 0x20) - b'a');
        let bits = letter(0).and_then(|i| self.0.get(usize::from(i)));
        letter(1).is_some_and(|i| bits.is_some_and(|bits| bits >> i & 1 == 1))
    }
}

/// A machine that finds any of the pieces in one pass, whatever their case. `None` where none can be built; there are too few
/// pieces for that, and tests build each.
pub(super) fn any_of<'p>(pieces: impl IntoIterator<Item = &'p str>) -> Option<AhoCorasick> {
    AhoCorasick::builder().ascii_case_insensitive(true).kind(Some(AhoCorasickKind::DFA)).build(pieces).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn words_of_a_list_and_no_others() {
        let list = Words::of("b abc ab zz ä");
        for word in ["b", "abc", "ab", "zz", "ä"] {
            assert!(list.has(word.as_bytes()), "{word}");
        }
        for word in ["", "a", "abcd", "z", "bb", "B"] {
            assert!(!list.has(word.as_bytes()), "{word}");
        }
        let pairs = Pairs::of("de ZZ");
        assert!(pairs.begin(b"DEx") && pairs.begin(b"zz") && !pairs.begin(b"d") && !pairs.begin(b"ed"));
        let any = any_of(["host=", "uid="]).unwrap();
        assert!(any.is_match("x UID=1") && !any.is_match("uid 1"));
    }
}
