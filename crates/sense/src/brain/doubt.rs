//! Doubt in a weak answer, from what carries over to other exams: who agrees with it, what form it has, and what was
//! expected before.
//!
//! Never here: words of the prompt, and scores.

use super::{Chance, FORMS, Rank, Shape, hedges, same, shape};

/// A weak answer with what stands beside it.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// What was expected before.
    pub chance: &'a Chance,
    /// Rank of the model that answered.
    pub weak: Rank,
    /// Rank of the model it would be escalated to.
    pub strong: Rank,
    /// Its answer, where one could be found.
    pub answer: Option<&'a str>,
    /// Characters that it wrote on the way there, where known.
    pub written: Option<f32>,
    /// Answers of helpers; an answer that could not be found is `None`. Only the first three are looked at.
    pub helpers: &'a [Option<&'a str>],
    /// Characters that the helpers wrote on average, where known.
    pub helpers_wrote: Option<f32>,
}

/// Votes: agreeing helpers (0 to 3), helpers that agree with each other against it (0, 2 or 3), helpers without an answer.
const PATTERNS: usize = 4 * 3 * 4;
const SHAPES: usize = 6;
const RANK_PAIRS: usize = 3;
const AGREE: usize = 4;
const BASE: usize = PATTERNS + SHAPES * AGREE + RANK_PAIRS * AGREE;
/// Number of features of doubt.
pub const DOUBT_FEATURES: usize = BASE + AGREE * 4 + 6 + FORMS * AGREE;

/// Gives each feature with its value.
pub fn doubt_features(case: &Case<'_>, mut give: impl FnMut(usize, f32)) {
    let helpers = &case.helpers[..case.helpers.len().min(3)];
    let agree = helpers.iter().filter(|h| same(case.answer, **h)).count();
    let absent = helpers.iter().filter(|h| shape(**h) == Shape::Missing).count();
    let against = |a: &Option<&str>| helpers.iter().filter(|b| same(*a, **b) && !same(case.answer, **b)).count();
    let bloc = helpers.iter().map(against).max().unwrap_or(0);
    let level = match agree {
        _ if helpers.is_empty() => 3,
        0 => 0,
        all if all == helpers.len() => 2,
        _ => 1,
    };
    give((agree * 3 + bloc.saturating_sub(1).min(2)) * 4 + absent.min(3), 1.0);
    let kind = shape(case.answer);
    give(PATTERNS + kind as usize * AGREE + level, 0.7);
    let pair = (case.weak as usize).saturating_sub(1).min(RANK_PAIRS - 1);
    give(PATTERNS + SHAPES * AGREE + pair * AGREE + level, 0.5);
    let gain = case.chance.gain(case.weak, case.strong);
    let (weak, strong) = (case.chance.score[case.weak as usize], case.chance.score[case.strong as usize]);
    let length = case.written.map_or(0.0, |n| (1.0 + n.max(0.0)).log2() / 10.0 - 1.0);
    let beyond = match (case.written, case.helpers_wrote) {
        (Some(own), Some(theirs)) => ((1.0 + own.max(0.0)) / (1.0 + theirs.max(0.0))).log2().clamp(-2.0, 2.0) / 2.0,
        _ => 0.0,
    };
    for (index, value) in [gain, strong, weak, length].into_iter().enumerate() {
        give(BASE + level * 4 + index, value);
    }
    let rest = BASE + AGREE * 4;
    for (index, value) in [gain, strong, weak, length, beyond].into_iter().enumerate() {
        give(rest + index, value);
    }
    give(rest + 6 + case.chance.form.min(FORMS - 1) * AGREE + level, 0.4);
    give(rest + 5, if case.answer.is_some_and(hedges) { 1.0 } else { 0.0 });
}
