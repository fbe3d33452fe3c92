//! Prompt lookup: what followed the last few tokens the last time they stood in this very request is proposed again.
//! It costs next to nothing, and copying (quotes, code that is edited, names, tables) is what it guesses.
//!
//! The idea is prompt lookup decoding (Saxena 2023; in llama.cpp "lookup" and `ngram-simple`). The index grows with the
//! history, a token at a time, in constant time per token.
//!
//! Never here: a model, the decision whether it is worth it.

use std::collections::HashMap;

/// Shortest and longest run of tokens that is looked up.
pub(super) const SHORTEST: usize = 2;
pub(super) const LONGEST: usize = 4;
/// Tokens of one request that are indexed at most (three entries each, about 10 MB). Beyond that the index begins anew.
const INDEXED_MAX: usize = 1 << 17;

/// Where each run of tokens of one request stood last.
#[derive(Debug, Default)]
pub(super) struct Ngram {
    /// Hash of a run of n tokens to the position after it, for each n.
    ends: [HashMap<u64, u32>; LONGEST - SHORTEST + 1],
    /// Tokens of the history that are indexed.
    seen: usize,
    /// For each n, where the run that ends the history stood before, as the position after it.
    earlier: [Option<u32>; LONGEST - SHORTEST + 1],
}

impl Ngram {
    /// What may follow, at most `most` tokens, and the length of the run that was found. `history` is what was given
    /// before and what came since; nothing where its end was never there before.
    pub(super) fn propose(&mut self, history: &[i32], most: usize) -> Option<(Vec<i32>, usize)> {
        self.index(history);
        let found = (SHORTEST..=LONGEST).rev().find_map(|n| {
            let after = self.earlier[n - SHORTEST]? as usize;
            // Compared, since a hash is no proof and the history may be another one.
            let same = after < history.len() && history.get(after.checked_sub(n)?..after) == tail(history, n);
            same.then_some((after, n))
        });
        let (after, n) = found?;
        // A run that reaches into its own repetition goes on in circles.
        let circle = &history[after..];
        let tokens = circle.iter().copied().cycle().take(most).collect();
        Some((tokens, n))
    }

    /// Takes in what is new.
    fn index(&mut self, history: &[i32]) {
        if history.len() < self.seen || history.len() - self.seen > INDEXED_MAX || self.seen > INDEXED_MAX {
            *self = Ngram { seen: history.len().saturating_sub(INDEXED_MAX / 2), ..Ngram::default() };
        }
        for end in self.seen + 1..=history.len() {
            for n in SHORTEST..=LONGEST {
                let run = tail(&history[..end], n);
                self.earlier[n - SHORTEST] = run.and_then(|run| self.ends[n - SHORTEST].insert(hash(run), end as u32));
            }
        }
        self.seen = history.len();
    }
}

/// The last n tokens.
fn tail(history: &[i32], n: usize) -> Option<&[i32]> {
    history.len().checked_sub(n).and_then(|from| history.get(from..))
}

/// FNV-1a over the tokens; what is found is compared.
fn hash(run: &[i32]) -> u64 {
    run.iter().fold(0xcbf2_9ce4_8422_2325, |h, t| (h ^ u64::from(t.cast_unsigned())).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_longest_run_wins_and_of_equals_the_latest() {
        let mut index = Ngram::default();
        // "1 2 3 4" was followed by 50, later "9 2 3 4" by 60, and "7 4" is not there.
        let history = [1, 2, 3, 4, 50, 9, 2, 3, 4, 60, 1, 2, 3, 4];
        assert_eq!(index.propose(&history, 2), Some((vec![50, 9], 4)));
        let history = [1, 2, 3, 4, 50, 9, 2, 3, 4, 60, 1, 2, 3, 4, 8, 2, 3, 4];
        assert_eq!(index.propose(&history, 3), Some((vec![8, 2, 3], 3)), "the latest 2 3 4 was followed by 8");
    }

    #[test]
    fn nothing_is_proposed_for_what_is_new() {
        assert_eq!(Ngram::default().propose(&[1, 2, 3, 4, 5], 4), None);
        assert_eq!(Ngram::default().propose(&[1], 4), None);
        assert_eq!(Ngram::default().propose(&[], 4), None);
    }

    #[test]
    fn a_repetition_goes_round() {
        let mut index = Ngram::default();
        assert_eq!(index.propose(&[5, 6, 5, 6], 5), Some((vec![5, 6, 5, 6, 5], 2)));
        assert_eq!(index.propose(&[5, 5, 5], 3), Some((vec![5, 5, 5], 2)));
    }

    #[test]
    fn another_history_in_the_same_slot_is_never_quoted_wrongly() {
        let mut index = Ngram::default();
        index.propose(&[1, 2, 3, 1, 2], 1);
        assert_eq!(index.propose(&[7, 8], 1), None);
        // Not announced, and longer: what is proposed still comes from what is there.
        assert_eq!(index.propose(&[9, 9, 1, 2, 4, 4], 2), None);
    }

    #[test]
    fn a_very_long_history_stays_bounded() {
        let history: Vec<i32> = (0..INDEXED_MAX as i32 + 1).chain([5, 6]).collect();
        let mut index = Ngram::default();
        index.propose(&history, 1);
        let held: usize = index.ends.iter().map(HashMap::len).sum();
        assert!(held <= 3 * INDEXED_MAX, "{held}");
        let recent = [&history[..], &[INDEXED_MAX as i32 - 1, INDEXED_MAX as i32]].concat();
        assert_eq!(index.propose(&recent, 1), Some((vec![5], 2)), "the recent half is still there");
    }

    /// The definition, by looking at everything.
    fn slow(history: &[i32], most: usize) -> Option<(Vec<i32>, usize)> {
        (SHORTEST..=LONGEST).rev().find_map(|n| {
            let run = tail(history, n)?;
            let after = (n..history.len()).rev().find(|after| &history[after - n..*after] == run)?;
            Some((history[after..].iter().copied().cycle().take(most).collect(), n))
        })
    }

    proptest! {
        #[test]
        fn the_index_says_what_a_search_says(
            tokens in proptest::collection::vec(0i32..4, 0..80), steps in proptest::collection::vec(1usize..5, 1..40)
        ) {
            let mut index = Ngram::default();
            let mut end = 0;
            for step in steps {
                end = (end + step).min(tokens.len());
                prop_assert_eq!(index.propose(&tokens[..end], 6), slow(&tokens[..end], 6));
            }
        }
    }
}
