//! A byte-level BPE vocabulary of any size: trained on a list of common English words, then filled up with joined
//! pieces, so that English-like text costs about four characters a token, as with real vocabularies.
//!
//! Never here: the other kinds of vocabulary, special tokens.

use std::collections::{HashMap, HashSet};

/// Common words, the most frequent first; written for this file.
const WORDS: &str = include_str!("words.txt");
/// Longest token made of joined pieces, characters.
const LONGEST: usize = 14;

/// Tokens by id (the 256 bytes first, in GPT-2's printable form) and merges by rank.
#[derive(Debug, Clone)]
pub(crate) struct Bpe {
    pub(crate) tokens: Vec<String>,
    pub(crate) merges: Vec<String>,
}

/// A vocabulary of 256 bytes and `merges` merges.
pub(crate) fn bpe(merges: usize) -> Bpe {
    let mut out = Bpe { tokens: (0..=255u8).map(|b| printable(b).to_string()).collect(), merges: Vec::new() };
    let mut known: HashSet<String> = out.tokens.iter().cloned().collect();
    train(&mut out, &mut known, merges);
    fill(&mut out, &mut known, merges);
    out
}

impl Bpe {
    fn join(&mut self, known: &mut HashSet<String>, a: usize, b: usize) -> Option<usize> {
        let joined = format!("{}{}", self.tokens[a], self.tokens[b]);
        if !known.insert(joined.clone()) {
            return None;
        }
        self.merges.push(format!("{} {}", self.tokens[a], self.tokens[b]));
        self.tokens.push(joined);
        Some(self.tokens.len() - 1)
    }
}

/// The words, each once, the most frequent first.
pub(crate) fn words() -> impl Iterator<Item = &'static str> {
    let mut seen = HashSet::new();
    WORDS.split_ascii_whitespace().filter(move |word| seen.insert(*word))
}

/// Joins the most frequent pair again and again until each word is one token or there are merges enough. A word counts
/// by its place in the list, with a space before it eight times as much as without.
fn train(out: &mut Bpe, known: &mut HashSet<String>, merges: usize) {
    let mut texts: Vec<(Vec<usize>, u64)> = Vec::new();
    for (place, word) in words().enumerate() {
        let weight = 10_000_000 / (place as u64 + 4);
        let letters: Vec<usize> = word.bytes().map(usize::from).collect();
        let spaced = std::iter::once(usize::from(b' ')).chain(letters.iter().copied()).collect();
        texts.push((spaced, weight));
        texts.push((letters, weight / 8));
    }
    while out.merges.len() < merges {
        let mut counts: HashMap<(usize, usize), u64> = HashMap::new();
        for (text, weight) in &texts {
            text.windows(2).for_each(|pair| *counts.entry((pair[0], pair[1])).or_default() += weight);
        }
        let best = counts.into_iter().max_by_key(|(pair, count)| (*count, std::cmp::Reverse(*pair)));
        let Some(((a, b), _)) = best else { return };
        let joined = match out.join(known, a, b) {
            Some(id) => id,
            // Another merge made the same text: this one leads to the same token.
            None => {
                let text = format!("{}{}", out.tokens[a], out.tokens[b]);
                out.merges.push(format!("{} {}", out.tokens[a], out.tokens[b]));
                out.tokens.iter().position(|t| *t == text).expect("a known text has a token")
            }
        };
        for (text, _) in &mut texts {
            replace(text, (a, b), joined);
        }
        texts.retain(|(text, _)| text.len() > 1);
    }
}

fn replace(text: &mut Vec<usize>, (a, b): (usize, usize), joined: usize) {
    let mut i = 0;
    while i + 1 < text.len() {
        if text[i] == a && text[i + 1] == b {
            text[i] = joined;
            text.remove(i + 1);
        }
        i += 1;
    }
}

/// Joins pieces with pieces, early ones first, until there are enough.
fn fill(out: &mut Bpe, known: &mut HashSet<String>, merges: usize) {
    let letters = |text: &str| text.chars().all(|c| c.is_ascii_alphabetic());
    let space = printable(b' ');
    let begins: Vec<usize> = (256..out.tokens.len())
        .filter(|id| letters(out.tokens[*id].trim_start_matches(space)) && out.tokens[*id].chars().count() > 1)
        .collect();
    let ends: Vec<usize> = begins.iter().copied().filter(|id| letters(&out.tokens[*id])).collect();
    for sum in 0..begins.len() + ends.len() {
        for (i, begin) in begins.iter().enumerate().take(sum + 1) {
            let Some(end) = ends.get(sum - i) else { continue };
            if out.merges.len() >= merges {
                return;
            }
            if out.tokens[*begin].len() + out.tokens[*end].len() <= LONGEST {
                out.join(known, *begin, *end);
            }
        }
    }
}

/// GPT-2's printable stand-in for a byte.
pub(crate) fn printable(b: u8) -> char {
    let keeps = |b: u8| matches!(b, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    if keeps(b) {
        return char::from(b);
    }
    let rank = (0..b).filter(|x| !keeps(*x)).count() as u32;
    char::from_u32(256 + rank).expect("256 to 323 are letters")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Merges a word the slow way: the pair of lowest rank, again and again.
    fn pieces(bpe: &Bpe, word: &str) -> usize {
        let ranks: HashMap<&str, usize> = bpe.merges.iter().enumerate().map(|(i, m)| (m.as_str(), i)).collect();
        let mut parts: Vec<String> = word.bytes().map(|b| printable(b).to_string()).collect();
        loop {
            let pairs = (1..parts.len()).filter_map(|i| {
                let rank = ranks.get(format!("{} {}", parts[i - 1], parts[i]).as_str())?;
                Some((*rank, i))
            });
            let Some((_, i)) = pairs.min() else { return parts.len() };
            let right = parts.remove(i);
            parts[i - 1].push_str(&right);
        }
    }

    #[test]
    fn every_token_is_there_once_and_every_merge_leads_to_one() {
        let bpe = bpe(20_000);
        let known: HashSet<&String> = bpe.tokens.iter().collect();
        assert_eq!((bpe.merges.len(), known.len()), (20_000, bpe.tokens.len()));
        for merge in &bpe.merges {
            let (a, b) = merge.split_once(' ').unwrap();
            for text in [a.to_owned(), b.to_owned(), format!("{a}{b}")] {
                assert!(known.contains(&text), "{merge}");
            }
        }
    }

    #[test]
    fn english_costs_about_four_characters_a_token() {
        let bpe = bpe(20_000);
        let text = "The committee met on Tuesday to discuss the new budget. Most members agreed that spending on roads was \
                    too low, but nobody wanted to raise taxes before the election, which is only three months away.";
        let tokens: usize = text
            .split_inclusive(|c: char| !c.is_alphabetic())
            .map(|w| pieces(&bpe, &format!(" {}", w.trim_end())))
            .sum();
        let each = text.len() as f64 / tokens as f64;
        assert!((3.0..5.5).contains(&each), "{each}");
    }
}
