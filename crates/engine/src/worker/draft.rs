//! Drafting (speculative decoding): tokens are proposed cheaply, the model checks several in one step, and those it would
//! have chosen itself are kept. The text is the same with and without; only the speed differs.
//!
//! The way of a step, for whoever drives it: [`Drafts::begin`] with the numbers of decoding slots and prompt tokens; for each
//! decoding slot [`Drafts::propose`]; after the step and the choosing of tokens, for each slot that had proposals
//! [`Drafts::learned`]; then [`Drafts::end`] with the step's time. [`Drafts::forget`] when a request leaves its slot.
//!
//! Never here: checking proposals (the scheduler does, with the request's own sampler), frames.

mod accept;
mod cost;
mod model;
mod ngram;
mod policy;
#[cfg(test)]
mod simulation;

pub(super) use model::{DraftModel, Drafter};

use self::ngram::Ngram;
use self::policy::{Arm, Offer, Policy};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Something that proposes what may follow.
pub(super) trait Proposer {
    /// At most `most` tokens that may follow `history`, the tokens of this slot's request so far; none is a fine answer.
    fn propose(&mut self, slot: u32, history: &[i32], most: usize) -> Vec<i32>;

    /// Tokens of the history that must be read before anything can be proposed.
    fn lag(&self, slot: u32, history: &[i32]) -> usize;

    /// How long reading took in the last [`Proposer::propose`].
    fn read_for(&self) -> Duration;

    /// The request of this slot is over.
    fn forget(&mut self, slot: u32);
}

/// What was proposed to a slot in this step.
#[derive(Debug, Clone, Copy)]
struct Open {
    arm: Arm,
    proposed: usize,
}

/// All drafting of a worker.
pub(super) struct Drafts<'m> {
    policy: Policy,
    lookup: bool,
    indexes: HashMap<u32, Ngram>,
    model: Option<Box<dyn Proposer + 'm>>,
    /// Tokens that the draft model proposes at a time, at most.
    most: usize,
    open: HashMap<u32, Open>,
    counts: Counts,
}

/// Counters since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Times that something was proposed.
    pub(super) drafts: u64,
    /// Tokens proposed, and of these kept.
    pub(super) drafted: u64,
    pub(super) accepted: u64,
}

impl<'m> Drafts<'m> {
    /// Prompt lookup where `lookup` says so, and a draft model with the most tokens that it proposes at a time.
    pub(super) fn new(lookup: bool, model: Option<(Box<dyn Proposer + 'm>, u16)>) -> Drafts<'m> {
        let most = model.as_ref().map_or(0, |(_, most)| usize::from(*most));
        Drafts {
            policy: Policy::new(),
            lookup,
            indexes: HashMap::new(),
            model: model.map(|(model, _)| model),
            most,
            open: HashMap::new(),
            counts: Counts::default(),
        }
    }

    /// Could anything ever be proposed?
    pub(super) fn any(&self) -> bool {
        self.lookup || self.model.is_some()
    }

    /// A step begins: so many slots decode, and so many tokens of prompts are computed with them.
    pub(super) fn begin(&mut self, decoding: usize, prompt: usize) {
        self.open.clear();
        self.policy.begin(decoding, prompt);
    }

    /// What to feed after the last token of `history` (prompt and answer of this slot's request, the token that is about to be
    /// fed included): at most `most` tokens, usually none.
    pub(super) fn propose(&mut self, slot: u32, history: &[i32], most: usize) -> Vec<i32> {
        if most == 0 || !self.any() {
            return Vec::new();
        }
        let found = if self.lookup {
            self.indexes.entry(slot).or_default().propose(history, most.min(accept::MOST))
        } else {
            None
        };
        let mut offers = Vec::with_capacity(2);
        if let Some((tokens, n)) = &found {
            let arm = match n {
                ..=2 => Arm::Lookup2,
                3 => Arm::Lookup3,
                _ => Arm::Lookup4,
            };
            offers.push(Offer { arm, most: tokens.len(), lag: 0 });
        }
        if let Some(model) = &self.model {
            let lag = model.lag(slot, history);
            offers.push(Offer { arm: Arm::Model, most: most.min(self.most), lag });
        }
        let Some((arm, k)) = self.policy.choose(slot, &offers) else { return Vec::new() };
        let tokens = self.draft(slot, arm, k, history, found);
        if !tokens.is_empty() {
            self.open.insert(slot, Open { arm, proposed: tokens.len() });
            self.counts.drafts += 1;
            self.counts.drafted += tokens.len() as u64;
        }
        tokens
    }

    fn draft(&mut self, slot: u32, arm: Arm, k: usize, history: &[i32], found: Option<(Vec<i32>, usize)>) -> Vec<i32> {
        if arm != Arm::Model {
            let mut tokens = found.map(|(tokens, _)| tokens).unwrap_or_default();
            tokens.truncate(k);
            self.policy.drafted(slot, arm, tokens.len(), 0.0, 0, 0.0);
            return tokens;
        }
        let Some(model) = &mut self.model else { return Vec::new() };
        let lag = model.lag(slot, history);
        let began = Instant::now();
        let tokens = model.propose(slot, history, k);
        let read = model.read_for();
        let own = began.elapsed().saturating_sub(read);
        self.policy.drafted(slot, arm, tokens.len(), micros(own), lag, micros(read));
        tokens
    }

    /// Of the tokens proposed to this slot in this step, so many were kept. Slots without proposals may be told too.
    pub(super) fn learned(&mut self, slot: u32, kept: usize) {
        if let Some(open) = self.open.remove(&slot) {
            let kept = kept.min(open.proposed);
            self.counts.accepted += kept as u64;
            self.policy.learned(slot, open.arm, open.proposed, kept);
        }
    }

    /// The step is over. `took` is from the decoding's start to the last token chosen, without the time in [`Drafts::propose`].
    pub(super) fn end(&mut self, took: Duration) {
        self.policy.end(micros(took));
    }

    /// The request of this slot is over.
    pub(super) fn forget(&mut self, slot: u32) {
        self.indexes.remove(&slot);
        self.open.remove(&slot);
        self.policy.forget(slot);
        if let Some(model) = &mut self.model {
            model.forget(slot);
        }
    }

    /// Counters since the start.
    pub(super) fn counts(&self) -> Counts {
        self.counts
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
