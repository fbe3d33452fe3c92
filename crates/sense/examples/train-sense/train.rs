//! From exams to weights.
//!
//! Never here: figures of worth.

use crate::boost::{self, Field, Growth};
use crate::data::Row;
use crate::measure::Chance as Lot;
use crate::solve::{Rows, Sample, isotonic, ridge};
use sense::brain::{
    AT_BUCKETS, AT_DOUBT, AT_DOUBT_TREES, AT_FORMS, AT_KNOWN, AT_TABLES, AT_TREES, AT_VOCABULARY, BUCKET, Brain, Case,
    Chance, DOUBT_FEATURES, DOUBT_TREES, DOUBT_VALUES, FILE_BYTES, FORMS, HASHED, HEADS, KNOTS, Look, MAGIC, RANKS,
    RARE_STEPS, Rank, Shape, TREES, VALUES, VOCABULARY_BITS, doubt_features, doubt_values, look, shape,
};

/// Folds of the cross-validation.
pub const FOLDS: u64 = 5;
/// Ridge penalty of the words.
const PENALTY: f64 = 12.0;
/// Share of the first residual (squared) at which fitting the words ends.
const WORDS_EXACT: f64 = 1e-4;
/// How the trees of the form are grown.
const GROWTH: Growth = Growth { trees: TREES, rate: 0.05, pull: 30.0, rows: 0.7, values: 0.4 };
/// How the trees of doubt are grown.
const DOUBT_GROWTH: Growth = Growth { trees: DOUBT_TREES, rate: 0.1, pull: 100.0, rows: 0.7, values: 0.5 };
/// Ridge penalty of doubt.
const DOUBT_PENALTY: f64 = 30.0;
/// Weight of the models of reported pairs within the mean of their rank.
const REPORTED_WEIGHT: f64 = 20.0;
/// Rows of a form below which it counts as unknown.
const FORM_ROWS: usize = 150;
/// Rows in which a word has to stand to be known.
const WORD_ROWS: u8 = 2;

/// A pair to report: name, file, task, weak, strong, helpers.
pub type Pair = (&'static str, usize, Option<&'static str>, &'static str, &'static str, [&'static str; 2]);

pub const PAIRS: [Pair; 7] = [
    ("MMLU, mixtral to gpt-4", 0, Some("mmlu"), "mixtral-8x7b-instruct-v0.1", "gpt-4-1106-preview", ["", ""]),
    ("GSM8K, mixtral to gpt-4", 0, Some("gsm8k"), "mixtral-8x7b-instruct-v0.1", "gpt-4-1106-preview", ["", ""]),
    (
        "ZeroEval, Llama-3.1-8B to gpt-4o",
        1,
        None,
        "Meta-Llama-3.1-8B-Instruct",
        "gpt-4o-2024-08-06",
        ["gemma-2-9b-it", "Phi-3.5-mini-instruct"],
    ),
    (
        "ZeroEval, 4o-mini to sonnet",
        1,
        None,
        "gpt-4o-mini-2024-07-18",
        "claude-3-5-sonnet-20241022",
        ["Meta-Llama-3.1-70B-Instruct", "gemini-1.5-flash-exp-0827"],
    ),
    ("BFCL, Hermes-2-8B to gpt-4", 4, None, "NousResearch_Hermes-2-Pro-Llama-3-8B", "gpt-4-1106-preview", ["", ""]),
    ("RouterBench, mixtral to gpt-4", 3, None, "mistralai/mixtral-8x7b-chat", "gpt-4-1106-preview", ["", ""]),
    (
        "MMLU-Pro, Llama-3.1-8B to gemini-1.5-pro",
        2,
        None,
        "Meta-Llama-3_1-8B-Instruct",
        "gemini-1.5-pro-002",
        ["mathstral-7B", "Phi-3-mini-4k-instruct"],
    ),
];

/// Every row with its features and targets.
pub struct Set {
    pub rows: Vec<(usize, Row)>,
    pub looks: Vec<Look>,
    pub folds: Vec<u64>,
    pub targets: Vec<[Option<f32>; RANKS]>,
}

impl Set {
    pub fn new(rows: Vec<(usize, Row)>) -> Set {
        let looks: Vec<Look> =
            rows.iter().map(|(_, row)| look(&row.prompt, row.functions.as_deref().unwrap_or_default())).collect();
        let folds = rows.iter().map(|(_, row)| hash(&row.gid) % FOLDS).collect();
        let targets = rows.iter().map(|(file, row)| targets(*file, row)).collect();
        Set { rows, looks, folds, targets }
    }

    /// Rows that may be trained on and that `keep` keeps.
    fn trainable(&self, keep: &dyn Fn(usize) -> bool) -> Vec<usize> {
        (0..self.rows.len()).filter(|at| self.rows[*at].1.in_routerarena == 0 && keep(*at)).collect()
    }
}

/// FNV-1a.
pub fn hash(text: &str) -> u64 {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    hash >> 16
}

/// Mean score of the models of each rank: less noise than one model's.
fn targets(file: usize, row: &Row) -> [Option<f32>; RANKS] {
    let (mut sums, mut weights) = ([0.0; RANKS], [0.0; RANKS]);
    for (name, mark) in &row.m {
        let Some(score) = mark.as_ref().and_then(|m| m.s) else { continue };
        let reported = PAIRS.iter().any(|p| p.1 == file && (p.3 == name || p.4 == name));
        let weight = if reported { REPORTED_WEIGHT } else { 1.0 };
        let rank = Rank::of_name(name) as usize;
        sums[rank] += weight * score;
        weights[rank] += weight;
    }
    std::array::from_fn(|rank| (weights[rank] > 0.0).then(|| (sums[rank] / weights[rank]) as f32))
}

/// What the heads are to say of a row: the score of the strongest rank, then how much less each other has.
fn wanted(targets: &[Option<f32>; RANKS]) -> [Option<f32>; HEADS] {
    let strong = targets[RANKS - 1];
    std::array::from_fn(|head| match head {
        0 => strong,
        _ => Some(strong? - targets[head - 1]?),
    })
}

/// Weights as a file, without calibration and doubt.
pub fn heads(set: &Set, keep: &dyn Fn(usize) -> bool) -> Vec<u8> {
    let rows = set.trainable(keep);
    let targets: Vec<[Option<f32>; HEADS]> = rows.iter().map(|at| wanted(&set.targets[*at])).collect();
    let mut bytes = MAGIC.to_vec();
    bytes.resize(AT_TREES, 0);
    words(set, &rows, &targets, &mut bytes);
    for rank in 0..RANKS {
        let even: Vec<f32> = (0..KNOTS).map(|k| k as f32 / (KNOTS - 1) as f32).collect();
        put(&mut bytes, AT_TABLES + 4 * KNOTS * rank, &even);
    }
    familiar(set, &rows, &mut bytes);
    let values: Vec<f32> = rows.iter().flat_map(|at| set.looks[*at].values).collect();
    let weights = vec![1.0; rows.len()];
    bytes.extend(boost::grow(&Field { width: VALUES, values: &values, targets: &targets, weights: &weights }, GROWTH));
    bytes.resize(FILE_BYTES, 0);
    bytes
}

fn put(bytes: &mut [u8], at: usize, floats: &[f32]) {
    for (index, float) in floats.iter().enumerate() {
        bytes[at + 4 * index..at + 4 * index + 4].copy_from_slice(&float.to_le_bytes());
    }
}

/// Linear heads over words, weighted by how rare they are in what is trained on.
fn words(set: &Set, rows: &[usize], targets: &[[Option<f32>; HEADS]], bytes: &mut [u8]) {
    let mut found = vec![0u32; HASHED];
    rows.iter().flat_map(|at| &set.looks[*at].buckets).for_each(|bucket| found[*bucket as usize] += 1);
    let rare = |n: &u32| ((rows.len() as f32 + 1.0) / (*n as f32 + 1.0)).ln() * RARE_STEPS;
    let rare: Vec<u16> = found.iter().map(|n| rare(n).round() as u16).collect();
    let mut sparse = Rows::default();
    for at in rows {
        let look = &set.looks[*at];
        let value = |bucket: &u32| f32::from(rare[*bucket as usize]) / RARE_STEPS;
        let length = look.buckets.iter().map(|b| value(b) * value(b)).sum::<f32>().max(1e-12).sqrt();
        let words = look.buckets.iter().map(|b| (*b, value(b) / length));
        sparse.push(words.chain([((HASHED + look.form) as u32, 1.0)]));
    }
    for (bucket, rare) in rare.iter().enumerate() {
        bytes[AT_BUCKETS + BUCKET * bucket..][..2].copy_from_slice(&rare.to_le_bytes());
    }
    let fit = |head: usize| {
        let known = |(at, t): (usize, &[Option<f32>; HEADS])| Some((at as u32, t[head]?, 1.0));
        let samples: Vec<Sample> = targets.iter().enumerate().filter_map(known).collect();
        ridge(&sparse, HASHED + FORMS, &samples, PENALTY, WORDS_EXACT)
    };
    let fits: Vec<(Vec<f32>, f32)> = std::thread::scope(|scope| {
        let fit = &fit;
        let halves = [[0, 1], [2, 3]].map(|two| scope.spawn(move || two.map(fit)));
        halves.into_iter().flat_map(|half| half.join().unwrap_or_default()).collect()
    });
    for (head, (weights, bias)) in fits.iter().enumerate() {
        let Some((words, forms)) = weights.split_at_checked(HASHED) else { continue };
        let scale = words.iter().fold(1e-9f32, |most, w| most.max(w.abs())) / f32::from(i16::MAX);
        put(bytes, MAGIC.len() + 8 * head, &[*bias, scale]);
        forms.iter().enumerate().for_each(|(form, w)| put(bytes, AT_FORMS + 4 * (HEADS * form + head), &[*w]));
        for (bucket, weight) in words.iter().enumerate() {
            let at = AT_BUCKETS + BUCKET * bucket + 2 + 2 * head;
            bytes[at..at + 2].copy_from_slice(&((weight / scale).round() as i16).to_le_bytes());
        }
    }
}

/// The words and forms that the training has seen.
fn familiar(set: &Set, rows: &[usize], bytes: &mut [u8]) {
    let (mut seen, mut forms) = (vec![0u8; VOCABULARY_BITS], [0usize; FORMS]);
    for at in rows {
        set.looks[*at].words.iter().for_each(|bit| seen[usize::from(*bit)] = seen[usize::from(*bit)].saturating_add(1));
        forms[set.looks[*at].form] += 1;
    }
    for (byte, eight) in seen.chunks(8).enumerate() {
        bytes[AT_VOCABULARY + byte] =
            eight.iter().enumerate().fold(0, |b, (bit, n)| b | u8::from(*n >= WORD_ROWS) << bit);
    }
    bytes[AT_KNOWN..AT_KNOWN + FORMS].copy_from_slice(&forms.map(|n| u8::from(n >= FORM_ROWS)));
}

/// Weights for each fold, trained on the other folds, and what each row is judged by those that have not seen it.
pub struct Crossed {
    pub files: Vec<Vec<u8>>,
    pub chances: Vec<Chance>,
}

pub fn crossed(set: &Set) -> Crossed {
    let mut files: Vec<Vec<u8>> = (0..FOLDS).map(|fold| heads(set, &|at| set.folds[at] != fold)).collect();
    let mut chances =
        vec![
            Chance { right: [0.0; RANKS], score: [0.0; RANKS], form: 0, log_bytes: 0.0, unfamiliar: false };
            set.rows.len()
        ];
    for (at, chance) in chances.iter_mut().enumerate() {
        if let Some(brain) = Brain::new(&files[set.folds[at] as usize]) {
            *chance = brain.chance(&set.looks[at]);
        }
    }
    for fold in 0..FOLDS {
        doubt(set, &chances, &|at| set.folds[at] != fold, &mut files[fold as usize]);
    }
    Crossed { files, chances }
}

/// Everything that is shipped.
pub fn all(set: &Set) -> Vec<u8> {
    let chances = crossed(set).chances;
    let mut bytes = heads(set, &|_| true);
    for rank in 0..RANKS {
        let table = calibration(set, &chances, rank, &|_| true);
        put(&mut bytes, AT_TABLES + 4 * KNOTS * rank, &table);
    }
    doubt(set, &chances, &|_| true, &mut bytes);
    bytes
}

/// The table from scores of rows that were not trained on to shares of right answers.
pub fn calibration(set: &Set, chances: &[Chance], rank: usize, keep: &dyn Fn(usize) -> bool) -> Vec<f32> {
    let rows = set.trainable(keep);
    let points = rows.iter().filter(|at| !chances[**at].unfamiliar);
    isotonic(points.filter_map(|at| Some((chances[*at].score[rank], set.targets[*at][rank]?))).collect(), KNOTS)
}

/// Fits doubt on many weak models with many helpers, so that it learns agreement and not names.
fn doubt(set: &Set, chances: &[Chance], keep: &dyn Fn(usize) -> bool, bytes: &mut [u8]) {
    let (mut rows, mut samples) = (Rows::default(), Vec::new());
    let (mut values, mut targets, mut weights) = (Vec::new(), Vec::new(), Vec::new());
    for at in set.trainable(keep) {
        let (_, row) = &set.rows[at];
        let Some(strong) = set.targets[at][Rank::Frontier as usize] else { continue };
        let able: Vec<&String> =
            row.m.iter().filter(|(_, m)| m.as_ref().is_some_and(|m| m.s.is_some())).map(|(n, _)| n).collect();
        if able.iter().all(|name| row.mark(name).is_none_or(|m| m.answer().is_none())) {
            continue;
        }
        for (weak, helpers, weight) in setups(set.rows[at].0, row, &able) {
            let Some(score) = row.mark(weak).and_then(|m| m.s) else { continue };
            let mut features = vec![0.0f32; DOUBT_FEATURES];
            judge(row, &chances[at], weak, Rank::Frontier, &helpers, |case| {
                doubt_features(case, |index, value| features[index] += value);
                values.extend(doubt_values(case));
            });
            rows.push(features.iter().enumerate().filter(|f| *f.1 != 0.0).map(|(i, v)| (i as u32, *v)));
            samples.push((samples.len() as u32, strong - score as f32, weight));
            targets.push([Some(strong - score as f32)]);
            weights.push(weight);
        }
    }
    let field = Field { width: DOUBT_VALUES, values: &values, targets: &targets, weights: &weights };
    let trees = boost::grow(&field, DOUBT_GROWTH);
    bytes[AT_DOUBT_TREES..].copy_from_slice(&trees);
    let (weights, bias) = ridge(&rows, DOUBT_FEATURES, &samples, DOUBT_PENALTY, 1e-7);
    put(bytes, AT_DOUBT, &weights);
    put(bytes, AT_DOUBT + 4 * DOUBT_FEATURES, &[bias]);
}

/// Weak models with helpers to learn doubt from: the reported ones of the file, and draws from all that are about as able.
fn setups<'a>(file: usize, row: &Row, able: &[&'a String]) -> Vec<(&'a str, Vec<&'a str>, f32)> {
    let find = |name: &str| able.iter().find(|a| **a == name).map(|a| a.as_str());
    let mut setups = Vec::new();
    for pair in PAIRS.iter().filter(|p| p.1 == file) {
        let Some(weak) = find(pair.3) else { continue };
        setups.push((weak, pair.5.iter().filter_map(|h| find(h)).collect(), REPORTED_SETUP_WEIGHT));
    }
    let mut lot = Lot(hash(&row.id));
    for setup in 0..SETUPS {
        let weak = able[lot.below(able.len())];
        let rank = Rank::of_name(weak);
        let near = |name: &&&String| {
            let other = Rank::of_name(name);
            **name != weak && other <= rank && rank as usize - other as usize <= 1
        };
        let mut helpers: Vec<&String> = able.iter().filter(near).copied().collect();
        if rank == Rank::Frontier || rank == Rank::Edge || helpers.len() < 2 {
            continue;
        }
        lot.shuffle(&mut helpers);
        helpers.truncate([2, 2, 2, 1, 2, 2, 3, 0][setup % 8]);
        setups.push((weak, helpers.iter().map(|h| h.as_str()).collect(), 1.0));
    }
    setups
}

/// Weight of a reported setup against that of one draw.
const REPORTED_SETUP_WEIGHT: f32 = 8.0;
/// Draws of a weak model with helpers for each row.
const SETUPS: usize = 24;

/// Puts a row into the form that doubt reads.
pub fn judge<T>(
    row: &Row,
    chance: &Chance,
    weak: &str,
    strong: Rank,
    helpers: &[&str],
    ask: impl FnOnce(&Case<'_>) -> T,
) -> T {
    let answers: Vec<Option<String>> =
        helpers.iter().map(|h| row.mark(h).and_then(|m| m.answer()).map(|a| a.into_owned())).collect();
    let answers: Vec<Option<&str>> = answers.iter().map(|a| a.as_deref()).collect();
    let own = row.mark(weak).and_then(|m| m.answer());
    let wrote: Vec<f64> = helpers.iter().filter_map(|h| row.mark(h)?.oc).collect();
    let helpers_wrote = (!wrote.is_empty()).then(|| (wrote.iter().sum::<f64>() / wrote.len() as f64) as f32);
    ask(&Case {
        chance,
        weak: Rank::of_name(weak),
        strong,
        answer: own.as_deref(),
        written: row.mark(weak).and_then(|m| m.oc).map(|n| n as f32),
        helpers: &answers,
        helpers_wrote,
    })
}

/// Whether a row has an answer of this model that can be compared.
pub fn answered(row: &Row, model: &str) -> bool {
    shape(row.mark(model).and_then(|m| m.answer()).as_deref()) != Shape::Missing
}
