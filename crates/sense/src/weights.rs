//! Weights of the learned correction. Written by `train/fit.py`; do not edit by hand.
//!
//! Origin: logistic regression of "the weak model failed" over 7609 questions (half of each source, by question hash)
//! of RouteLLM's MMLU and GSM8K (Apache-2.0; mixtral-8x7b-instruct-v0.1), ZeroEval's GSM, CRUX and MATH level 5
//! (Apache-2.0; Llama-3.1-8B-Instruct) and MMLU-Pro (Apache-2.0; Llama-3.1-8B-Instruct), contaminated rows and rows of
//! RouterArena left out. No text of any question is in it.
//!
//! Never here: anything else.

/// Mean log-odds over the questions fitted on, so that an average exam question gets no correction.
pub(crate) const CENTRE: f32 = 3.0345;

/// One weight per feature, in the order of [`crate::FEATURE_NAMES`]; log-odds per unit.
#[rustfmt::skip]
pub(crate) const WEIGHTS: [f32; 24] = [
    0.2695, // bytes
    0.0000, // words
    -0.1429, // long_words
    0.0648, // numbers
    0.1672, // math_marks
    0.0723, // tex_marks
    0.0958, // code_marks
    0.0000, // questions
    0.1285, // sentences
    0.0000, // choices
    0.0119, // parts
    -0.1382, // fact
    0.0000, // explain
    0.0000, // reason
    0.0711, // limit
    0.1148, // not
    0.0000, // code
    0.1470, // math
    0.0574, // hard_math
    0.0000, // proof
    -0.1322, // science
    -0.2552, // law
    -0.1607, // medicine
    0.0579, // money
];
