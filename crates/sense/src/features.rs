//! The numbers that the learned part of the estimate reads, made from one [`Reading`].
//!
//! The training script reads the same numbers through `examples/features.rs`, so the two can never drift apart.
//!
//! Never here: weights.

use crate::lexicon::Cue;
use crate::scan::{self, Reading};
use wire::{Ask, Role};

/// Names of the features, in order.
pub const FEATURE_NAMES: [&str; 24] = [
    "bytes",
    "words",
    "long_words",
    "numbers",
    "math_marks",
    "tex_marks",
    "code_marks",
    "questions",
    "sentences",
    "choices",
    "parts",
    "fact",
    "explain",
    "reason",
    "limit",
    "not",
    "code",
    "math",
    "hard_math",
    "proof",
    "science",
    "law",
    "medicine",
    "money",
];

/// The features of the last user message; all zero when there is none.
pub fn features(ask: &Ask) -> [f32; FEATURE_NAMES.len()] {
    let user = ask.messages.iter().rev().find(|m| m.role == Role::User);
    of(&user.map(|m| scan::scan_content(&m.content)).unwrap_or_default())
}

pub(crate) fn of(r: &Reading) -> [f32; FEATURE_NAMES.len()] {
    let cue = |cue: Cue| log2(r.count(cue));
    [
        log2(u32::try_from(r.bytes).unwrap_or(u32::MAX)),
        log2(r.words),
        8.0 * r.long_words as f32 / r.words.max(1) as f32,
        log2(r.numbers),
        log2(r.math_marks),
        log2(r.tex_marks),
        log2(r.code_marks),
        log2(r.questions),
        log2(r.sentences),
        log2(r.choices),
        log2(r.parts),
        cue(Cue::Fact),
        cue(Cue::Explain),
        cue(Cue::Reason),
        cue(Cue::Limit),
        cue(Cue::Not),
        cue(Cue::Code) + cue(Cue::HardCode),
        cue(Cue::Math),
        cue(Cue::HardMath),
        cue(Cue::Proof),
        cue(Cue::Science),
        cue(Cue::Law),
        cue(Cue::Medicine),
        cue(Cue::Money),
    ]
}

/// log2(1 + n), linear between powers of two. Made of exact operations only, so that every machine gets the same bits.
pub(crate) fn log2(n: u32) -> f32 {
    let n = u64::from(n) + 1;
    let power = n.ilog2();
    power as f32 + (n - (1 << power)) as f32 / (1u64 << power) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log2_is_exact_at_powers_and_monotone() {
        assert_eq!((log2(0), log2(1), log2(3), log2(1023)), (0.0, 1.0, 2.0, 10.0));
        assert!((0..5000).all(|n| log2(n) < log2(n + 1)));
        assert!(log2(u32::MAX) == 32.0);
    }
}
