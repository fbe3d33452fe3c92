//! Drafting (speculative decoding): tokens are proposed cheaply, the model checks several in one step, and those it would
//! have chosen itself are kept. The text is the same with and without; only the speed differs.
//!
//! Whoever drives it calls [`Drafts::propose`] for each slot that decodes while it puts a step together, and
//! [`Drafts::learned`] for each of them when the step is done. Where one step ends and the next begins follows from that.
//! [`Drafts::forget`] when a request leaves its slot.
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
pub(super) trait Writer {
    /// At most `most` tokens that may follow `history`, the tokens of this slot's request so far; none is a fine answer.
    fn propose(&mut self, slot: u32, history: &[i32], most: usize) -> Vec<i32>;

    /// Tokens of the history that must be read before anything can be proposed.
    fn lag(&self, slot: u32, history: &[i32]) -> usize;

    /// How long reading took in the last [`Writer::propose`].
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

/// The step under way, as far as it is known.
#[derive(Debug, Default)]
struct Step {
    /// Slots that were asked for proposals, in order.
    asked: Vec<u32>,
    open: HashMap<u32, Open>,
    /// Time that drafting took.
    drafting: Duration,
    /// Slots that were heard of since, and their tokens with logits.
    done: usize,
    fed: usize,
    /// Microseconds and tokens of all of it.
    us: u64,
    tokens: usize,
}

/// All drafting of a worker.
pub(super) struct Drafts<'m> {
    policy: Policy,
    lookup: bool,
    indexes: HashMap<u32, Ngram>,
    model: Option<Box<dyn Writer + 'm>>,
    /// Tokens that the draft model proposes at a time, at most.
    most: usize,
    step: Step,
    /// Slots that decoded in the last step.
    decoding: usize,
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
    pub(super) fn new(lookup: bool, model: Option<(Box<dyn Writer + 'm>, u16)>) -> Drafts<'m> {
        let most = model.as_ref().map_or(0, |(_, most)| usize::from(*most));
        Drafts {
            policy: Policy::new(),
            lookup,
            indexes: HashMap::new(),
            model: model.map(|(model, _)| model),
            most,
            step: Step::default(),
            decoding: 1,
            counts: Counts::default(),
        }
    }

    /// Could anything ever be proposed?
    pub(super) fn any(&self) -> bool {
        self.lookup || self.model.is_some()
    }

    /// Closes the step before, and begins the next, where that has not happened yet.
    fn turn(&mut self, slot: u32) {
        // A slot that is asked again without having been heard of was in a step that failed.
        let again = self.step.asked.contains(&slot);
        if self.step.done == 0 && !again && !self.step.asked.is_empty() {
            return;
        }
        let step = std::mem::take(&mut self.step);
        if step.done > 0 {
            self.decoding = step.done;
            let prompt = step.tokens.saturating_sub(step.fed);
            self.policy.end(step.done, prompt, (step.us as f64 - micros(step.drafting)).max(1.0));
        }
        self.policy.begin(self.decoding);
    }

    /// What to feed after the last token of `history` (prompt and answer of this slot's request, the token that is about to be
    /// fed included): at most `most` tokens, usually none.
    pub(super) fn propose(&mut self, slot: u32, history: &[i32], most: usize) -> Vec<i32> {
        self.turn(slot);
        self.step.asked.push(slot);
        let began = Instant::now();
        let tokens = self.offer(slot, history, most);
        self.step.drafting += began.elapsed();
        tokens
    }

    fn offer(&mut self, slot: u32, history: &[i32], most: usize) -> Vec<i32> {
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
            self.step.open.insert(slot, Open { arm, proposed: tokens.len() });
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

    /// A step is done in which this slot fed `proposed` tokens behind its last one (what [`Drafts::propose`] gave, or fewer,
    /// or none) and kept `kept` of them. The whole step computed `tokens` tokens in `us` microseconds, the time in
    /// [`Drafts::propose`] included.
    pub(super) fn learned(&mut self, slot: u32, proposed: usize, kept: usize, us: u64, tokens: usize) {
        self.step.done += 1;
        self.step.fed += 1 + proposed;
        (self.step.us, self.step.tokens) = (us, tokens);
        if let Some(open) = self.step.open.remove(&slot) {
            let proposed = proposed.min(open.proposed);
            let kept = kept.min(proposed);
            self.counts.accepted += kept as u64;
            self.policy.learned(slot, open.arm, proposed, kept);
        }
    }

    /// The request of this slot is over.
    pub(super) fn forget(&mut self, slot: u32) {
        self.indexes.remove(&slot);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A text that says the same again and again, through all of it as the scheduler would.
    #[test]
    fn a_text_that_repeats_itself_is_drafted_and_a_new_one_is_not() {
        let mut drafts = Drafts::new(true, None);
        let run = |drafts: &mut Drafts<'_>, next: fn(usize) -> i32| {
            let (mut history, mut steps) = ((0..8).map(next).collect::<Vec<i32>>(), 0);
            while history.len() < 400 {
                let proposed = drafts.propose(0, &history, 100);
                assert!(proposed.len() <= accept::MOST);
                let kept = proposed.iter().enumerate().take_while(|(i, t)| **t == next(history.len() + i)).count();
                let fed = 1 + proposed.len();
                drafts.learned(0, proposed.len(), kept, 10_000 + 100 * fed as u64, fed);
                (history.len()..=history.len() + kept).for_each(|at| history.push(next(at)));
                steps += 1;
            }
            drafts.forget(0);
            steps
        };
        let repeats = run(&mut drafts, |at| (at % 20) as i32);
        assert!(repeats < 150, "{repeats} steps for 400 tokens");
        let before = drafts.counts();
        assert!(before.accepted > 250 && before.drafted >= before.accepted && before.drafts > 0);
        assert!(run(&mut drafts, |at| at as i32) >= 392);
        assert_eq!(drafts.counts(), before, "what is new has nothing to look up");
    }

    #[test]
    fn a_failed_step_and_a_stranger_do_no_harm() {
        let mut drafts = Drafts::new(true, None);
        drafts.learned(7, 3, 3, 100, 4);
        drafts.forget(7);
        for _ in 0..3 {
            drafts.propose(0, &[1, 2, 1, 2], 4);
            drafts.propose(1, &[1, 2, 1, 2], 4);
        }
        assert_eq!(drafts.counts().accepted, 0);
        assert!(Drafts::new(false, None).propose(0, &[1, 2, 1, 2], 4).is_empty());
        assert!(!Drafts::new(false, None).any());
    }
}
