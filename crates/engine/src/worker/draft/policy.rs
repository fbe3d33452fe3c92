//! Whether to draft, how, and how many tokens: what yields the most tokens per second by what was measured here, and
//! nothing where nothing wins.
//!
//! A step with `t` tokens takes C(t) ([`super::cost`]); `k` drafted tokens yield E(k) tokens ([`super::accept`], the formula of
//! Leviathan et al. 2023) and cost D·k to draft. With the other tokens of the step T in time C, drafting wins where
//! (T + E(k) − 1) / (C(t + k) + D·k) is above T / C(t). The slots of a step are asked one after the other, each on top of
//! what the earlier ones drafted, so a full batch, where tokens cost more, drafts less.
//!
//! What it cannot know it tries, on credit: a share of the time that passes, bounded, which what is lost by drafting takes
//! away and what is gained gives back. Without credit nothing is drafted, so drafting can never lose more than that
//! share, whatever the estimates say.
//!
//! Never here: tokens, clocks, a vendor type.

use super::accept::{Acceptance, MOST};
use super::cost::StepCost;
use std::collections::HashMap;

/// Who proposes. Lookup is told apart by the length of the run that was found: longer ones are kept more often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arm {
    Lookup2,
    Lookup3,
    Lookup4,
    Model,
}

const ARMS: usize = 4;

/// Share of the time that drafting may lose.
const CREDIT_SHARE: f64 = 0.01;
/// Credit at the start, and at most, in plain steps.
const CREDIT_START: f64 = 8.0;
const CREDIT_MOST: f64 = 16.0;
/// Drafting must promise so much more than not drafting: estimates are noisy.
const MARGIN: f64 = 1.05;
/// Tokens that a trial drafts.
const TRIAL: usize = 3;
/// Steps between the trials of one proposer in one request, at first and at most; each that does not convince doubles it.
const PAUSE_MIN: u32 = 4;
const PAUSE_MAX: u32 = 256;
/// After so many steps with drafts one goes without, so that the plain cost stays known.
const PLAIN_EVERY: u32 = 32;
/// Steps within which a draft model's catching up with a request must pay off.
const HORIZON: f64 = 64.0;
/// Chance of a proposed token before anything is known.
const UNKNOWN: f64 = 0.5;

/// What a proposer could do now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Offer {
    pub(super) arm: Arm,
    /// Tokens it can propose.
    pub(super) most: usize,
    /// Tokens that it must read first.
    pub(super) lag: usize,
}

/// One request's experience with one proposer.
#[derive(Debug, Clone)]
struct Trials {
    seen: Acceptance,
    /// Steps until the next trial.
    wait: u32,
    pause: u32,
    trying: bool,
}

impl Default for Trials {
    fn default() -> Trials {
        Trials { seen: Acceptance::default(), wait: PAUSE_MIN, pause: PAUSE_MIN, trying: false }
    }
}

/// The step that is being put together.
#[derive(Debug, Clone, Copy, Default)]
struct Step {
    decoding: usize,
    drafted: usize,
    /// Tokens that it is expected to yield, and that it yielded.
    expected: f64,
    produced: usize,
    /// Microseconds of drafting, catching up of what is known to win left out.
    draft_us: f64,
    /// A slot tries something in it: one at a time, since the credit is for one.
    trial: bool,
}

/// Measures and decides.
#[derive(Debug)]
pub(super) struct Policy {
    cost: StepCost,
    /// All requests together: what a new one begins with.
    all: [Acceptance; ARMS],
    slots: HashMap<u32, [Trials; ARMS]>,
    /// Microseconds of one token that a draft model proposes, and of one that it reads while catching up.
    draft_us: Option<f64>,
    lag_us: Option<f64>,
    /// Microseconds; `None` before the first plain step.
    credit: Option<f64>,
    since_plain: u32,
    step: Step,
}

impl Policy {
    pub(super) fn new() -> Policy {
        Policy {
            cost: StepCost::new(),
            all: Default::default(),
            slots: HashMap::new(),
            draft_us: None,
            lag_us: None,
            credit: None,
            since_plain: 0,
            step: Step::default(),
        }
    }

    /// A step begins, in which so many slots will decode, as far as one can know.
    pub(super) fn begin(&mut self, decoding: usize) {
        self.step = Step { decoding: decoding.max(1), expected: decoding.max(1) as f64, ..Step::default() };
    }

    /// Which of the offers this slot takes, and how many tokens.
    pub(super) fn choose(&mut self, slot: u32, offers: &[Offer]) -> Option<(Arm, usize)> {
        let credit = self.credit.filter(|credit| *credit > 0.0)?;
        let now = self.now()?;
        let best = self.best(slot, offers, now);
        let trials = self.slots.entry(slot).or_default();
        if let Some((arm, k, _)) = best {
            trials[arm as usize].pause = PAUSE_MIN;
            trials[arm as usize].wait = PAUSE_MIN;
            return (self.since_plain < PLAIN_EVERY).then_some((arm, k));
        }
        let mut chosen = None;
        for offer in offers.iter().filter(|o| o.most > 0) {
            let trial = &mut trials[offer.arm as usize];
            trial.wait = trial.wait.saturating_sub(1);
            if trial.wait == 0 && chosen.is_none() && !self.step.trial {
                // Of a draft model that was never asked only one token: nobody knows what it costs.
                let blind = offer.arm == Arm::Model && self.draft_us.is_none();
                let k = if blind { 1 } else { TRIAL.min(offer.most) };
                let size = self.step.decoding + self.step.drafted;
                // Not measured yet: as if every token cost what one costs now.
                let worst = now * (size + k) as f64 / size.max(1) as f64;
                let drafts =
                    draft_cost(*offer, k, self.draft_us.unwrap_or(now / 2.0), self.lag_us.unwrap_or(now / 8.0));
                let step = self.cost.of(size + k).unwrap_or(worst);
                if step - now + drafts <= credit {
                    chosen = Some((offer.arm, k));
                    trial.trying = true;
                    self.step.trial = true;
                    trial.seen.fade();
                }
            }
        }
        chosen
    }

    /// Microseconds of the step as it stands, drafting and prompts left out.
    fn now(&self) -> Option<f64> {
        self.cost.of(self.step.decoding + self.step.drafted)
    }

    /// The offer and length with the most tokens per second, where that is more than now.
    fn best(&self, slot: u32, offers: &[Offer], now: f64) -> Option<(Arm, usize, f64)> {
        let size = self.step.decoding + self.step.drafted;
        let rest = self.step.draft_us;
        let mut floor = self.step.expected / (now + rest) * MARGIN;
        let mut best = None;
        for offer in offers {
            let all = &self.all[offer.arm as usize];
            if !all.tried() {
                continue;
            }
            let prior = all.rate(UNKNOWN);
            let own = self.slots.get(&slot).map(|s| &s[offer.arm as usize].seen).unwrap_or(all);
            for k in 1..=offer.most.min(MOST) {
                let Some(step) = self.cost.of(size + k) else { break };
                let drafts = draft_cost(Offer { lag: 0, ..*offer }, k, self.draft_us.unwrap_or(0.0), 0.0);
                let yields = own.expected(k, prior) - 1.0;
                let rate = (self.step.expected + yields) / (step + drafts + rest);
                // What it saves in a step, against what it must read before the first.
                let saves = yields * (now / self.step.decoding.max(1) as f64) - (step + drafts - now);
                let lag = offer.lag as f64 * self.lag_us.unwrap_or(now / 8.0);
                if rate > floor && lag <= saves * HORIZON {
                    floor = rate;
                    best = Some((offer.arm, k, yields));
                }
            }
        }
        best
    }

    /// A slot drafted: `proposed` tokens in `us` microseconds, after reading `lag` tokens in `lag_us`.
    pub(super) fn drafted(&mut self, slot: u32, arm: Arm, proposed: usize, us: f64, lag: usize, lag_us: f64) {
        if arm == Arm::Model {
            learn(&mut self.draft_us, us / proposed.max(1) as f64);
            if lag > 0 {
                learn(&mut self.lag_us, lag_us / lag as f64);
            }
        }
        let trials = self.slots.entry(slot).or_default();
        let own = &mut trials[arm as usize];
        let prior = self.all[arm as usize].rate(UNKNOWN);
        self.step.expected += own.seen.expected(proposed, prior) - 1.0;
        self.step.drafted += proposed;
        self.step.draft_us += us + if own.trying { lag_us } else { 0.0 };
        if proposed == 0 {
            own.again(false);
        }
    }

    /// Of a slot's proposals so many were kept.
    pub(super) fn learned(&mut self, slot: u32, arm: Arm, proposed: usize, kept: usize) {
        self.step.produced += kept;
        self.all[arm as usize].learn(proposed, kept);
        if let Some(own) = self.slots.get_mut(&slot).map(|s| &mut s[arm as usize]) {
            own.seen.learn(proposed, kept);
            own.again(kept == proposed);
        }
    }

    /// The step is over: so many slots decoded, so many tokens of prompts went with them, and it took so many microseconds,
    /// drafting left out. A step with prompts says nothing of what a drafted token costs, and is not counted.
    pub(super) fn end(&mut self, decoding: usize, prompt: usize, us: f64) {
        let step = std::mem::take(&mut self.step);
        let step = Step { decoding, ..step };
        let size = step.decoding + step.drafted;
        if step.decoding == 0 || prompt > 0 || !us.is_finite() || us <= 0.0 {
            return;
        }
        let us = self.cost.plausible(size, us);
        self.cost.learn(size, us);
        self.since_plain = if step.drafted == 0 { 0 } else { self.since_plain.saturating_add(1) };
        let Some(plain) = self.cost.of(step.decoding) else { return };
        let credit = self.credit.unwrap_or(plain * CREDIT_START) + us * CREDIT_SHARE;
        // What the same tokens would have taken without drafts; a step without drafts changes nothing.
        let without = plain * (step.decoding + step.produced) as f64 / step.decoding as f64;
        let gained = if step.drafted > 0 || step.draft_us > 0.0 { without - us - step.draft_us } else { 0.0 };
        self.credit = Some((credit + gained).min(plain * CREDIT_MOST));
    }

    /// The request of this slot is over.
    pub(super) fn forget(&mut self, slot: u32) {
        self.slots.remove(&slot);
    }
}

impl Trials {
    /// After a trial: the next one soon where this one went well, else later than the last.
    fn again(&mut self, well: bool) {
        if std::mem::take(&mut self.trying) {
            self.pause = if well { PAUSE_MIN } else { (self.pause * 2).min(PAUSE_MAX) };
            self.wait = if well { 1 } else { self.pause };
        }
    }
}

/// Microseconds of drafting; looking up is free.
fn draft_cost(offer: Offer, k: usize, each: f64, lag: f64) -> f64 {
    if offer.arm == Arm::Model { each * k as f64 + lag * offer.lag as f64 } else { 0.0 }
}

fn learn(mean: &mut Option<f64>, new: f64) {
    if new.is_finite() && new >= 0.0 {
        *mean = Some(mean.map_or(new, |old| old + 0.2 * (new.min(old * 3.0 + 1.0) - old)));
    }
}
