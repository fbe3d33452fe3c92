//! Doubt in a weak answer, from what carries over to other exams: who agrees with it, what form it has, and what was
//! expected before.
//!
//! Never here: words of the prompt, and scores.

use super::answer::number;
use super::{Chance, FORMS, Rank, Shape, canonical, hedges, same, shape};

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

/// Numbers that the trees of doubt split on.
pub const DOUBT_VALUES: usize = 30;

/// The same case as numbers.
pub fn doubt_values(case: &Case<'_>) -> [f32; DOUBT_VALUES] {
    let helpers = &case.helpers[..case.helpers.len().min(3)];
    let own = case.answer.map(canonical).unwrap_or_default();
    let kind = shape(case.answer);
    let agrees = |helper: &Option<&str>| same(case.answer, *helper);
    let votes: [f32; 3] = std::array::from_fn(|at| match helpers.get(at) {
        None => -1.0,
        Some(helper) if agrees(helper) => 1.0,
        Some(helper) if shape(*helper) == Shape::Missing => 0.5,
        Some(_) => 0.0,
    });
    let bloc = |a: &Option<&str>| helpers.iter().filter(|b| same(*a, **b) && !agrees(b)).count();
    // An answer is new if none before it is the same.
    let fresh = |at: usize| {
        let answer = helpers[at];
        shape(answer) != Shape::Missing && !agrees(&answer) && !helpers[..at].iter().any(|b| same(answer, *b))
    };
    let distinct = (0..helpers.len()).filter(|at| fresh(*at)).count() + usize::from(kind != Shape::Missing);
    let n = number(&own).filter(|_| kind == Shape::Number);
    let size = |n: f64| crate::features::log2(n.abs().min(4e9) as u32);
    let wrote = |n: f32| crate::features::log2(n.clamp(0.0, 4e9) as u32);
    let (written, theirs) = (case.written.map(wrote), case.helpers_wrote.map(wrote));
    let longest = helpers.iter().flatten().map(|h| h.len()).max().unwrap_or(0);
    let yes = |it: bool| if it { 1.0 } else { 0.0 };
    let [first, second, third] = votes;
    [
        helpers.len() as f32,
        helpers.iter().filter(|h| agrees(h)).count() as f32,
        helpers.iter().map(bloc).max().unwrap_or(0) as f32,
        helpers.iter().filter(|h| shape(**h) == Shape::Missing).count() as f32,
        distinct as f32,
        first,
        second,
        third,
        f32::from(kind as u8),
        own.len().min(1 << 20) as f32,
        case.chance.form as f32,
        n.map_or(-1.0, size),
        n.map_or(-1.0, |n| yes(n < 0.0)),
        n.map_or(-1.0, |n| yes(n.fract() != 0.0)),
        n.map_or(-1.0, |n| yes(n == 0.0 || n == 1.0)),
        if kind == Shape::Option { f32::from(own.as_bytes()[0] - b'a') } else { -1.0 },
        written.unwrap_or(-1.0),
        theirs.unwrap_or(-1.0),
        written.zip(theirs).map_or(0.0, |(own, theirs)| own - theirs),
        written.map_or(0.0, |own| own - case.chance.log_bytes),
        case.chance.score[0],
        case.chance.score[1],
        case.chance.score[2],
        case.chance.score[3],
        case.chance.gain(case.weak, case.strong),
        f32::from(case.weak as u8),
        f32::from(case.strong as u8),
        yes(case.answer.is_some_and(hedges)),
        longest.min(1 << 20) as f32,
        case.chance.log_bytes,
    ]
}
