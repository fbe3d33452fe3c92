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

pub use answer::{Shape, canonical, hedges, same, shape};
pub use decide::{RANKS, Rank};
pub use doubt::{Case, DOUBT_FEATURES, doubt_features};
pub use look::{FORMS, HASHED, Look, SIZE, form_name, look};

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
    /// Kind of form of the prompt.
    pub form: usize,
    /// log2 of the bytes of the question.
    pub log_bytes: f32,
    /// Unlike what was trained on: the probabilities are the prior then, and say nothing about this prompt.
    pub unfamiliar: bool,
}

impl Chance {
    /// What a strong model is expected to gain over a weak one, in probability, for putting prompts in order.
    pub fn gain(&self, weak: Rank, strong: Rank) -> f32 {
        let ranks = strong as usize as f32 - weak as usize as f32;
        self.score[strong as usize] - self.score[weak as usize] + LENGTH_SLOPE * self.log_bytes * ranks
    }
}

/// The probabilities where nothing is known of a prompt: even odds for weak models, better ones for strong ones.
const PRIOR: [f32; RANKS] = [0.4, 0.55, 0.7, 0.8];
/// By how much the expected gain grows with each doubling of the length, for each rank between the two models: the one sign that
/// carries over to most exams that the training has not seen, and all that speaks for an unfamiliar prompt (docs/book/brains.md).
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
        let mut chance = Chance { right: PRIOR, score: PRIOR, form: look.form, log_bytes: look.log_bytes, unfamiliar };
        for rank in 0..RANKS {
            if !unfamiliar {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shipped_was_trained_and_says_probabilities() {
        assert!(Brain::new(SHIPPED).is_some());
        let brain = Brain::shipped();
        assert!(SHIPPED[MAGIC.len()..].iter().filter(|b| **b != 0).count() > FILE_BYTES / 2);
        for prompt in [
            "",
            "What is 3 + 4?",
            "Which is a metal?\nA. Iron\nB. Oxygen\nC. Wood\nD. Glass\nAnswer:",
            "Wie geht es dir?",
        ] {
            let chance = brain.chance(&look(prompt, ""));
            assert!(chance.right.iter().all(|p| (0.0..=1.0).contains(p)), "{chance:?}");
            assert_eq!(chance, brain.chance(&look(prompt, "")));
        }
    }

    #[test]
    fn other_layouts_are_refused() {
        assert!(Brain::new(&SHIPPED[1..]).is_none());
        let mut other = SHIPPED.to_vec();
        other[7] = b'9';
        assert!(Brain::new(&other).is_none());
    }

    #[test]
    fn a_frontier_model_is_expected_to_do_better_and_foreign_words_are_unfamiliar() {
        let brain = Brain::shipped();
        let exam =
            "Which of the following is the derivative of sin(x)?\nA. cos(x)\nB. -cos(x)\nC. tan(x)\nD. 1\nAnswer:";
        let chance = brain.chance(&look(exam, ""));
        assert!(!chance.unfamiliar && chance.right[Rank::Frontier as usize] > chance.right[Rank::Local as usize]);
        let foreign = brain.chance(&look("Przepraszam, gdzie znajduje się najbliższa stacja kolejowa?", ""));
        assert!(foreign.unfamiliar && foreign.right == PRIOR);
        let longer = brain.chance(&look(&"gdzie znajduje się ".repeat(40), ""));
        assert!(longer.gain(Rank::Local, Rank::Frontier) > foreign.gain(Rank::Local, Rank::Frontier));
    }

    #[test]
    fn helpers_that_agree_take_doubt_away() {
        let brain = Brain::shipped();
        let chance = brain.chance(&look("Anna has 3 apples and buys 4. How many has she?", ""));
        let doubt = |helpers: &[Option<&str>]| {
            let case = Case {
                chance: &chance,
                weak: Rank::Local,
                strong: Rank::Frontier,
                answer: Some("7"),
                written: Some(200.0),
                helpers,
                helpers_wrote: Some(200.0),
            };
            brain.doubt(&case)
        };
        let (both, one, none) =
            (doubt(&[Some("7"), Some("7.0")]), doubt(&[Some("7"), Some("8")]), doubt(&[Some("9"), Some("9")]));
        assert!(both < one && one < none, "{both} {one} {none}");
        assert!(doubt(&[None, None]).is_finite() && doubt(&[]).is_finite() && doubt(&[Some("7"); 9]).is_finite());
    }
}
