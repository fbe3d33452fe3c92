//! What a prompt and, afterwards, answers to it say about the chance that a model of some rank gets it right.
//!
//! Way of a prompt: `look` turns it into sparse features, one linear head for each [`Rank`] turns them into a score, a
//! monotone table turns the score into a calibrated probability. Way of answers: `answer` brings them to a form that
//! can be compared, `doubt` turns agreement and form into the expected gain of escalating. The weights are trained by
//! `cargo xtask train-sense` (MODEL_CARD.md says on what, and how well they do where they were not trained) and
//! compiled in; no text of any prompt is in them.
//!
//! Never here: scores of an exam, network, disk, choosing a place.

mod answer;
mod doubt;
mod look;
mod rank;

pub use answer::{Shape, canonical, hedges, same, shape};
pub use doubt::{Case, DOUBT_FEATURES, doubt_features};
pub use look::{FORMS, HASHED, Look, SIZE, form_name, look, knob};
pub use rank::{RANKS, Rank};

/// Points of the table that turns a score into a probability.
pub const KNOTS: usize = 17;
/// Bits of the vocabulary that the training has seen.
pub const VOCABULARY_BITS: usize = 1 << 16;
/// First bytes of the file of weights; the digit is its layout.
pub const MAGIC: [u8; 8] = *b"dwbrain1";

const HEAD: usize = 8 + 2 * SIZE + 4 * KNOTS;
const DOUBT: usize = 4 * (DOUBT_FEATURES + 1);
/// Bytes of the file of weights.
pub const FILE_BYTES: usize = MAGIC.len() + RANKS * HEAD + VOCABULARY_BITS / 8 + FORMS + DOUBT;

static SHIPPED: &[u8; FILE_BYTES] = include_bytes!("../data/brain.bin");

/// Share of known words below which a prompt counts as unlike anything trained on.
const KNOWN_SHARE: f32 = 0.6;

/// A prompt judged before any model has seen it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chance {
    /// Calibrated probability of a right answer, by [`Rank`].
    pub right: [f32; RANKS],
    /// Scores of the heads before calibration: for ranking prompts against each other.
    pub score: [f32; RANKS],
    /// Unlike what was trained on: the probabilities are the prior then, and say nothing about this prompt.
    pub unfamiliar: bool,
}

impl Chance {
    /// What a strong model is expected to gain over a weak one, in probability, for putting prompts in order.
    pub fn gain(&self, weak: Rank, strong: Rank) -> f32 {
        self.score[strong as usize] - self.score[weak as usize]
    }
}

/// The probabilities where nothing is known of a prompt: even odds for weak models, better ones for strong ones.
const PRIOR: [f32; RANKS] = [0.4, 0.55, 0.7, 0.8];
/// By how much an unfamiliar prompt counts as harder for each doubling of its length: the one sign that carries over
/// to exams the training has not seen (docs/book/brains.md).
const LENGTH_SLOPE: f32 = 0.01;

/// Trained weights, in the layout of [`MAGIC`].
#[derive(Debug, Clone, Copy)]
pub struct Brain<'a>(&'a [u8; FILE_BYTES]);

impl Brain<'static> {
    /// The weights that are compiled in.
    pub fn shipped() -> Brain<'static> {
        Brain(SHIPPED)
    }
}

impl<'a> Brain<'a> {
    /// Weights of another training; `None` where the size or the first bytes are not those of this layout.
    pub fn new(bytes: &'a [u8]) -> Option<Brain<'a>> {
        bytes.try_into().ok().filter(|b: &&[u8; FILE_BYTES]| b.starts_with(&MAGIC)).map(Brain)
    }

    /// Judges a prompt.
    pub fn chance(&self, look: &Look) -> Chance {
        let known = look.known_share(|bit| self.0[head(RANKS) + bit / 8] >> (bit % 8) & 1 == 1);
        let form_known = self.0[head(RANKS) + VOCABULARY_BITS / 8 + look.form] == 1;
        let unfamiliar = known < KNOWN_SHARE || !form_known;
        let mut chance = Chance { right: PRIOR, score: PRIOR, unfamiliar };
        for rank in 0..RANKS {
            if unfamiliar {
                chance.score[rank] -= LENGTH_SLOPE * look.log_bytes * (RANKS - rank) as f32;
            } else {
                let score = self.score(rank, look);
                chance.score[rank] = score;
                chance.right[rank] = self.calibrated(rank, score);
            }
        }
        chance
    }

    /// Expected gain of escalating a weak answer, after looking at it and at those of helpers. The higher, the sooner.
    pub fn doubt(&self, case: &Case<'_>) -> f32 {
        let at = FILE_BYTES - DOUBT;
        let mut sum = self.float(at + 4 * DOUBT_FEATURES);
        doubt_features(case, |index, value| sum += value * self.float(at + 4 * index));
        sum
    }

    fn score(&self, rank: usize, look: &Look) -> f32 {
        let at = head(rank);
        let weight = |index: u32| self.short(at + 8 + 2 * index as usize);
        let sum: f32 = look.features.iter().map(|&(index, value)| value * weight(index)).sum();
        self.float(at) + self.float(at + 4) * sum
    }

    /// Linear between knots that are evenly spread over scores from 0 to 1.
    fn calibrated(&self, rank: usize, score: f32) -> f32 {
        let at = head(rank) + 8 + 2 * SIZE;
        let place = score.clamp(0.0, 1.0) * (KNOTS - 1) as f32;
        let below = (place as usize).min(KNOTS - 2);
        let (low, high) = (self.float(at + 4 * below), self.float(at + 4 * (below + 1)));
        low + (high - low) * (place - below as f32)
    }

    fn float(&self, at: usize) -> f32 {
        let b = self.0;
        f32::from_le_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]])
    }

    fn short(&self, at: usize) -> f32 {
        f32::from(i16::from_le_bytes([self.0[at], self.0[at + 1]]))
    }
}

/// Where the head of a rank begins: bias, scale, weights, table.
const fn head(rank: usize) -> usize {
    MAGIC.len() + rank * HEAD
}
