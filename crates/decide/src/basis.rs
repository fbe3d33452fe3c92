//! What a promise rests on: the comparisons of one group of requests (one model name asked for, one kind of task), how old they
//! are, whether the traffic changed meanwhile, and how many are needed at least.
//!
//! Only comparisons of requests that were drawn by lot count ([`Origin::Shadow`]). Requests that were escalated because their answer
//! was doubted are chosen by that doubt: what is known of them says nothing of the answers that were kept, and would make
//! the loss of keeping look larger or smaller than it is.
//!
//! Whether the traffic changed is asked with the test of Kolmogorov and Smirnov for two samples (N. Smirnov, Ann. Math. Statist. 19,
//! 1948): the older half of the comparisons against the newer half, once by doubts and once by losses. With ties it errs to the
//! side of saying nothing changed.
//!
//! Never here: a clock, or where comparisons are kept.

use crate::promise::{ERROR_RATE, Evidence, Promise, promise};
use crate::{Lesson, Origin, Task};
use serde::Serialize;
use std::collections::HashMap;
use std::sync::Arc;

/// Comparisons of a group that count: the newest so many, so that a promise follows the traffic.
pub const COMPARED_MAX: usize = 4_000;
/// Days after which a comparison counts no more.
pub const COMPARED_DAYS: u64 = 28;
/// Probability with which unchanged traffic is taken for changed, by each of the two tests.
const DRIFT_RATE: f64 = 0.000_5;
/// Comparisons in each half below which nothing is said of a change.
const HALF_LEAST: usize = 50;
/// Where the search for the number of comparisons needed ends.
const NEEDED_MAX: usize = 1 << 20;
const DAY_MS: u64 = 86_400_000;

/// One comparison.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// When, Unix milliseconds.
    pub at_unix_ms: u64,
    /// Doubt and loss.
    pub evidence: Evidence,
}

/// What changed between the older and the newer half.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Drift {
    /// How much the answers are doubted.
    Doubts,
    /// How often they are worse.
    Losses,
}

impl Drift {
    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Drift::Doubts => "answers are doubted otherwise than before",
            Drift::Losses => "weak answers are wrong more or less often than before",
        }
    }
}

/// A group's promise and what it rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Promised {
    /// What may be promised; nothing after a [`Drift`].
    pub promise: Promise,
    /// Comparisons that count.
    pub evidence: usize,
    /// The oldest and the newest of them, Unix milliseconds.
    pub span_unix_ms: Option<(u64, u64)>,
    /// Mean loss if every weak answer were kept.
    pub loss_of_keeping_all: Option<f64>,
    /// What changed, where something did.
    pub drift: Option<Drift>,
}

/// The comparisons of every group, oldest first, of those that count at `now_unix_ms`.
pub fn groups(lessons: &[Lesson], now_unix_ms: u64) -> HashMap<(Arc<str>, Task), Vec<Sample>> {
    let mut groups: HashMap<(Arc<str>, Task), Vec<Sample>> = HashMap::new();
    let oldest = now_unix_ms.saturating_sub(COMPARED_DAYS * DAY_MS);
    for lesson in lessons.iter().filter(|l| l.origin == Origin::Shadow && l.at_unix_ms >= oldest) {
        let Some(compared) = &lesson.compared else { continue };
        let doubt = f32::from(compared.doubt_permille) / 1_000.0;
        let evidence = Evidence { doubt, loss: f64::from(compared.loss_permille) / 1_000.0 };
        let sample = Sample { at_unix_ms: lesson.at_unix_ms, evidence };
        groups.entry((compared.asked.clone(), lesson.task)).or_default().push(sample);
    }
    for samples in groups.values_mut() {
        samples.sort_by_key(|s| s.at_unix_ms);
        samples.drain(..samples.len().saturating_sub(COMPARED_MAX));
    }
    groups
}

/// What may be promised of a group, with at most `max_loss` lost on average. `samples` are oldest first.
pub fn promised(samples: &[Sample], max_loss: f64) -> Promised {
    let evidence: Vec<Evidence> = samples.iter().map(|s| s.evidence).collect();
    let drift = drift(&evidence);
    let promise = match drift {
        Some(_) => Promise::NotYet { evidence: evidence.len() },
        None => promise(&evidence, max_loss, ERROR_RATE),
    };
    let sum: f64 = evidence.iter().map(|e| e.loss).sum();
    Promised {
        promise,
        evidence: evidence.len(),
        span_unix_ms: samples.first().zip(samples.last()).map(|(a, b)| (a.at_unix_ms, b.at_unix_ms)),
        loss_of_keeping_all: (!evidence.is_empty()).then(|| sum / evidence.len() as f64),
        drift,
    }
}

/// The least number of comparisons with which `max_loss` could be promised: as many as the test needs where nothing is ever lost.
/// `None`: no number is enough (a loss of zero can never be shown by counting).
pub fn needed(max_loss: f64) -> Option<usize> {
    let enough = |n: usize| {
        let clean = vec![Evidence { doubt: 0.0, loss: 0.0 }; n];
        matches!(promise(&clean, max_loss, ERROR_RATE), Promise::Kept { .. })
    };
    let mut most = 1;
    while !enough(most) {
        most *= 2;
        if most > NEEDED_MAX {
            return None;
        }
    }
    let mut too_few = most / 2;
    while most - too_few > 1 {
        let middle = too_few + (most - too_few) / 2;
        if enough(middle) { most = middle } else { too_few = middle }
    }
    Some(most)
}

/// Whether the newer half is like the older one.
fn drift(evidence: &[Evidence]) -> Option<Drift> {
    let (older, newer) = evidence.split_at(evidence.len() / 2);
    if older.len() < HALF_LEAST {
        return None;
    }
    let differ = |of: fn(&Evidence) -> f64| {
        let (older, newer): (Vec<f64>, Vec<f64>) = (older.iter().map(of).collect(), newer.iter().map(of).collect());
        apart(older, newer, DRIFT_RATE)
    };
    match (differ(|e| e.loss), differ(|e| f64::from(e.doubt))) {
        (true, _) => Some(Drift::Losses),
        (false, true) => Some(Drift::Doubts),
        (false, false) => None,
    }
}

/// Whether two samples differ by the test of Kolmogorov and Smirnov: the greatest distance of their distribution functions is
/// above `sqrt(-ln(rate / 2) / 2 * (n + m) / (n * m))`.
fn apart(mut a: Vec<f64>, mut b: Vec<f64>, rate: f64) -> bool {
    a.sort_by(f64::total_cmp);
    b.sort_by(f64::total_cmp);
    let (n, m) = (a.len() as f64, b.len() as f64);
    let (mut i, mut j, mut most) = (0, 0, 0.0f64);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        let at = x.min(*y);
        i += a[i..].iter().take_while(|v| v.total_cmp(&at).is_le()).count();
        j += b[j..].iter().take_while(|v| v.total_cmp(&at).is_le()).count();
        most = most.max((i as f64 / n - j as f64 / m).abs());
    }
    most > (-(rate / 2.0).ln() / 2.0 * (n + m) / (n * m)).sqrt()
}

#[cfg(test)]
#[path = "basis_tests.rs"]
mod tests;
