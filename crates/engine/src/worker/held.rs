//! What is known of tokens whose text is not sent yet: a stop sequence may still take it back.
//!
//! Never here: text.

use crate::protocol::{Logprob, Sign};
use std::collections::VecDeque;

/// What is known of some tokens.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Known {
    pub(super) logprobs: Vec<Logprob>,
    pub(super) signs: Vec<Sign>,
}

/// Tokens in order, each with where its text begins and ends.
#[derive(Debug, Default)]
pub(super) struct Held {
    tokens: VecDeque<(usize, usize, Option<Logprob>, Option<Sign>)>,
    assembled: usize,
    released: usize,
}

impl Held {
    /// A token whose text has so many bytes, and what is known of it.
    pub(super) fn push(&mut self, bytes: usize, logprob: Option<Logprob>, sign: Option<Sign>) {
        let begins = self.assembled;
        self.assembled += bytes;
        if logprob.is_some() || sign.is_some() {
            self.tokens.push_back((begins, self.assembled, logprob, sign));
        }
    }

    /// So many bytes more were sent.
    pub(super) fn release(&mut self, bytes: usize) {
        self.released += bytes;
    }

    /// Of tokens that were sent wholly.
    pub(super) fn ready(&mut self) -> Known {
        let ready = self.tokens.iter().take_while(|t| t.1 <= self.released).count();
        self.first(ready)
    }

    /// At a stop sequence: tokens that lie wholly in it are not shown.
    pub(super) fn cut(&mut self) -> Known {
        let shown = self.tokens.iter().take_while(|t| t.0 < self.released).count();
        let known = self.first(shown);
        self.tokens.clear();
        known
    }

    /// At any other end.
    pub(super) fn rest(&mut self) -> Known {
        self.first(self.tokens.len())
    }

    fn first(&mut self, n: usize) -> Known {
        let mut known = Known::default();
        for (_, _, logprob, sign) in self.tokens.drain(..n) {
            known.logprobs.extend(logprob);
            known.signs.extend(sign);
        }
        known
    }
}
