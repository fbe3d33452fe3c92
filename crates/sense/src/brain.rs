//! What a prompt and, afterwards, answers to it say about the chance that a model of some rank gets it right.
//!
//! Way of a prompt: `look` hashes its words and describes its form; linear heads over the words and small boosted trees over
//! the form are averaged into a score for each [`Rank`], a monotone table turns the score into a calibrated probability. Way of answers: `answer` brings them to a form that
//! can be compared, `doubt` turns agreement and form into the expected gain of escalating. The weights are trained by
//! `cargo xtask train-sense` (MODEL_CARD.md says on what, and how well they do where they were not trained) and
//! compiled in; no text of any prompt is in them.
//!
//! Never here: scores of an exam, network, disk, choosing a place.

mod answer;
mod doubt;
mod form;
mod look;
mod trees;

pub use answer::{Shape, canonical, hedges, same, shape};
pub use decide::{RANKS, Rank};
pub use doubt::{Case, DOUBT_FEATURES, DOUBT_VALUES, doubt_features, doubt_values};
pub use form::{FORMS, VALUES, form_name};
pub use look::{HASHED, Look, look};
pub use trees::{BORDERS, DEPTH, LEAVES};

/// Points of the table that turns a score into a probability.
pub const KNOTS: usize = 17;
/// Bits of the vocabulary that the training has seen.
pub const VOCABULARY_BITS: usize = 1 << 16;
/// First bytes of the file of weights; the digit is its layout.
pub const MAGIC: [u8; 8] = *b"dwbrain2";
/// What is fitted: the score of [`Rank::Frontier`], then how much less each other rank has.
pub const HEADS: usize = RANKS;
/// Trees that look at the form of a prompt.
pub const TREES: usize = 160;
/// Trees that look at answers.
pub const DOUBT_TREES: usize = 160;

/// Bytes of a bucket of words: how rare it is, and its weight in each head.
pub const BUCKET: usize = 2 + 2 * HEADS;
/// Where the parts of the file begin: bias of each head, then its scale; the weight of each form in each head; buckets; the table
/// of each rank; the vocabulary; which forms are known; trees; doubt.
pub const AT_FORMS: usize = MAGIC.len() + 8 * HEADS;
/// See [`AT_FORMS`].
pub const AT_BUCKETS: usize = AT_FORMS + 4 * FORMS * HEADS;
/// See [`AT_FORMS`].
pub const AT_TABLES: usize = AT_BUCKETS + BUCKET * HASHED;
/// See [`AT_FORMS`].
pub const AT_VOCABULARY: usize = AT_TABLES + 4 * KNOTS * RANKS;
/// See [`AT_FORMS`].
pub const AT_KNOWN: usize = AT_VOCABULARY + VOCABULARY_BITS / 8;
/// See [`AT_FORMS`].
pub const AT_TREES: usize = AT_KNOWN + FORMS;
/// See [`AT_FORMS`].
pub const AT_DOUBT: usize = AT_TREES + trees::bytes(VALUES, TREES, HEADS);
/// See [`AT_FORMS`].
pub const AT_DOUBT_TREES: usize = AT_DOUBT + 4 * (DOUBT_FEATURES + 1);
/// Bytes of the file of weights.
pub const FILE_BYTES: usize = AT_DOUBT_TREES + trees::bytes(DOUBT_VALUES, DOUBT_TREES, 1);

static SHIPPED: &[u8; FILE_BYTES] = include_bytes!("../data/brain.bin");

/// Share of known words below which a prompt counts as unlike anything trained on.
const KNOWN_SHARE: f32 = 0.6;
/// Steps in which the rareness of a bucket is kept.
pub const RARE_STEPS: f32 = 4096.0;

/// A prompt judged before any model has seen it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chance {
    /// Calibrated probability of a right answer, by [`Rank`].
    pub right: [f32; RANKS],
    /// Scores before calibration: for ranking prompts against each other.
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
        self.score[strong as usize] - self.score[weak as usize]
    }
}

/// The probabilities where nothing is known of a prompt: even odds for weak models, better ones for strong ones.
const PRIOR: [f32; RANKS] = [0.4, 0.55, 0.7, 0.8];
/// By how much the score of each rank below the strongest falls with each doubling of the distinct words of an unfamiliar prompt:
/// the one sign that carries over to most exams that the training has not seen (docs/book/brains.md).
const LENGTH_SLOPE: f32 = 0.01;
/// log2 of the distinct words of a common prompt; its expected gain is the mean of all that was trained on.
const MIDDLE: f32 = 5.0;
/// The form for which it does not: a blank with two options.
const TWO_OPTIONS: usize = 9;

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
        let known = look.known_share(|bit| self.0[AT_VOCABULARY + bit / 8] >> (bit % 8) & 1 == 1);
        let unfamiliar = known < KNOWN_SHARE || self.0[AT_KNOWN + look.form] != 1;
        let mut chance = Chance { right: PRIOR, score: PRIOR, form: look.form, log_bytes: look.log_bytes, unfamiliar };
        if unfamiliar {
            let long = if look.form == TWO_OPTIONS { 0.0 } else { LENGTH_SLOPE * (look.log_distinct - MIDDLE) };
            for rank in 0..RANKS - 1 {
                let mean = self.float(MAGIC.len() + 8 * (rank + 1));
                chance.score[rank] = PRIOR[RANKS - 1] - mean - long * (RANKS - 1 - rank) as f32;
            }
            return chance;
        }
        let (words, forms) = (self.words(look), self.forms(look));
        let both: [f32; HEADS] = std::array::from_fn(|head| (words[head] + forms[head]) / 2.0);
        for rank in 0..RANKS {
            chance.score[rank] = both[0] - if rank + 1 < RANKS { both[rank + 1] } else { 0.0 };
            chance.right[rank] = self.calibrated(rank, chance.score[rank]);
        }
        chance
    }

    /// Expected gain of escalating a weak answer, after looking at it and at those of helpers. The higher, the sooner.
    pub fn doubt(&self, case: &Case<'_>) -> f32 {
        let mut sum = self.float(AT_DOUBT + 4 * DOUBT_FEATURES);
        doubt_features(case, |index, value| sum += value * self.float(AT_DOUBT + 4 * index));
        let [trees] = trees::sums::<DOUBT_VALUES, 1>(&self.0[AT_DOUBT_TREES..], &doubt_values(case));
        (sum + trees) / 2.0
    }

    /// What the words say: a linear head each, over words weighted by how rare they are, of length 1.
    fn words(&self, look: &Look) -> [f32; HEADS] {
        let (mut sums, mut squares) = ([0.0; HEADS], 0.0);
        for bucket in &look.buckets {
            let at = AT_BUCKETS + BUCKET * *bucket as usize;
            let rare = f32::from(u16::from_le_bytes([self.0[at], self.0[at + 1]])) / RARE_STEPS;
            squares += rare * rare;
            for (head, sum) in sums.iter_mut().enumerate() {
                let at = at + 2 + 2 * head;
                *sum += rare * f32::from(i16::from_le_bytes([self.0[at], self.0[at + 1]]));
            }
        }
        let length = squares.max(1e-12).sqrt();
        std::array::from_fn(|head| {
            let at = MAGIC.len() + 8 * head;
            let form = self.float(AT_FORMS + 4 * (HEADS * look.form + head));
            self.float(at) + form + self.float(at + 4) * sums[head] / length
        })
    }

    /// What the form says.
    fn forms(&self, look: &Look) -> [f32; HEADS] {
        trees::sums::<VALUES, HEADS>(&self.0[AT_TREES..AT_DOUBT], &look.values)
    }

    /// Linear between knots that are evenly spread over scores from 0 to 1.
    fn calibrated(&self, rank: usize, score: f32) -> f32 {
        let at = AT_TABLES + 4 * KNOTS * rank;
        let place = score.clamp(0.0, 1.0) * (KNOTS - 1) as f32;
        let below = (place as usize).min(KNOTS - 2);
        let (low, high) = (self.float(at + 4 * below), self.float(at + 4 * (below + 1)));
        low + (high - low) * (place - below as f32)
    }

    fn float(&self, at: usize) -> f32 {
        let b = self.0;
        f32::from_le_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]])
    }
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
        let longer = brain.chance(&look("Dzień dobry, chciałbym zapytać, gdzie znajduje się najbliższa stacja kolejowa, jak daleko tam jest, ile kosztuje bilet do Krakowa, czy odjeżdża jeszcze dzisiaj wieczorem pociąg, oraz gdzie mogę zostawić swój ciężki bagaż na kilka godzin?", ""));
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
