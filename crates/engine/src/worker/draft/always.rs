//! Drafting without a policy: what the policy is measured against.
//!
//! Never here: anything that is shipped.

use super::model::Drafter;
use super::ngram::Ngram;
use crate::worker::propose::Proposer;

/// Drafts so many tokens in every step, from the text or by a draft model. For one request at a time.
pub(in crate::worker) struct Always<'m> {
    tokens: usize,
    index: Ngram,
    model: Option<Drafter<'m>>,
}

impl<'m> Always<'m> {
    pub(in crate::worker) fn new(tokens: usize, model: Option<Drafter<'m>>) -> Always<'m> {
        Always { tokens, index: Ngram::default(), model }
    }
}

impl Proposer for Always<'_> {
    fn propose(&mut self, slot: u32, history: &[i32], most: usize) -> Vec<i32> {
        let most = most.min(self.tokens);
        match &mut self.model {
            Some(model) => model.propose(slot, history, most),
            None => self.index.propose(history, most).map(|(tokens, _)| tokens).unwrap_or_default(),
        }
    }

    fn learned(&mut self, _: u32, _: usize, _: usize, _: u64, _: usize) {}

    fn forget(&mut self, slot: u32) {
        self.index = Ngram::default();
        if let Some(model) = &mut self.model {
            model.forget(slot);
        }
    }
}
