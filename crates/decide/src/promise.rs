//! A bound on the quality that is lost by keeping weak answers: which doubts may be kept so that, with confidence, the mean
//! loss against always asking the strong model stays below what was allowed.
//!
//! Learn-then-Test (Angelopoulos, Bates, Candès, Jordan, Lei, arXiv:2110.01052): thresholds are tested from the safest on, each at
//! the full error rate, until one fails (fixed sequence testing). The test of one threshold is the betting bound of Waudby-Smith
//! and Ramdas (arXiv:2010.09686), which holds for any distribution of bounded losses and any number of samples; losses may be
//! negative (the weak answer was the better one), so the risk need not grow with the threshold, and plain conformal risk control
//! (arXiv:2208.02814), which needs that, is not used.
//!
//! Assumes that the evidence is a random sample of what is to come, in random order. Never here: where doubts come from.

/// Probability with which a promise may be wrong: half of the 5 % that are said, since what a user counts afterwards is no true mean
/// but one more sample, with noise of its own.
pub const ERROR_RATE: f64 = 0.025;
/// Most of the largest possible bet that is staked on one sample.
const STAKE_MAX: f64 = 0.9;
/// Doubts at which thresholds are tested, in hundredths: an expected gain is between -1 and 1.
const GRID: std::ops::RangeInclusive<i32> = -50..=100;

/// One request of which both answers are known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// Doubt in the weak answer.
    pub doubt: f32,
    /// Quality lost by keeping it: score of the strong answer less that of the weak one, from -1 to 1.
    pub loss: f64,
}

/// What can be promised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Promise {
    /// Not enough evidence: everything goes to the strong place.
    NotYet {
        /// Size of the sample.
        evidence: usize,
    },
    /// Answers with at most this doubt may be kept.
    Kept {
        /// The greatest doubt that is kept.
        doubt: f32,
        /// Size of the sample.
        evidence: usize,
        /// Share of the sample that is kept.
        share: f64,
    },
}

impl Promise {
    /// Whether an answer of this doubt may be kept.
    pub fn keeps(self, doubt: f32) -> bool {
        matches!(self, Promise::Kept { doubt: most, .. } if doubt <= most)
    }
}

/// The greatest doubt that may be kept so that the mean loss over all requests is at most `max_loss`, wrong with a probability of at
/// most `error_rate`.
pub fn promise(evidence: &[Evidence], max_loss: f64, error_rate: f64) -> Promise {
    let mut best = Promise::NotYet { evidence: evidence.len() };
    let mut before = usize::MAX;
    for hundredths in GRID {
        let doubt = hundredths as f32 / 100.0;
        let kept = evidence.iter().filter(|e| e.doubt <= doubt).count();
        if kept == before {
            continue;
        }
        before = kept;
        if !below(evidence, doubt, max_loss, error_rate) {
            break;
        }
        if kept > 0 {
            best = Promise::Kept { doubt, evidence: evidence.len(), share: kept as f64 / evidence.len() as f64 };
        }
    }
    best
}

/// Whether the evidence rejects "the mean loss at this threshold is above `max_loss`".
fn below(evidence: &[Evidence], threshold: f32, max_loss: f64, error_rate: f64) -> bool {
    if evidence.is_empty() || !(-1.0..1.0).contains(&max_loss) || !(error_rate > 0.0 && error_rate < 1.0) {
        return false;
    }
    // Losses from -1..1 to 0..1.
    let bound = (max_loss + 1.0) / 2.0;
    let goal = (1.0 / error_rate).ln();
    let (mut wealth, mut sum, mut squares) = (0.0f64, 0.5, 0.25);
    for (at, one) in evidence.iter().enumerate() {
        let seen = (at + 1) as f64;
        let variance = squares / seen;
        let stake = (2.0 * goal / (evidence.len() as f64 * variance)).sqrt().min(STAKE_MAX / (1.0 - bound));
        let loss = if one.doubt <= threshold { one.loss.clamp(-1.0, 1.0) } else { 0.0 };
        let loss = (loss + 1.0) / 2.0;
        wealth += (1.0 - stake * (loss - bound)).ln();
        if wealth >= goal {
            return true;
        }
        sum += loss;
        let mean = sum / (seen + 1.0);
        squares += (loss - mean) * (loss - mean);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers in 0..1, the same on every machine.
    fn lot(state: &mut u64) -> f64 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*state >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Doubt is uniform; the strong answer is better with a probability of doubt squared times `scale`.
    fn sample(n: usize, scale: f64, state: &mut u64) -> Vec<Evidence> {
        let one = |state: &mut u64| {
            let doubt = lot(state);
            Evidence { doubt: doubt as f32, loss: f64::from(u8::from(lot(state) < scale * doubt * doubt)) }
        };
        (0..n).map(|_| one(state)).collect()
    }

    #[test]
    fn the_true_risk_is_above_the_bound_no_more_often_than_allowed() {
        let (mut state, mut broken, mut kept) = (1, 0, 0.0);
        for _ in 0..400 {
            if let Promise::Kept { doubt, share, .. } = promise(&sample(800, 1.0, &mut state), 0.02, ERROR_RATE) {
                // The true mean loss with threshold t is the integral of x² up to t.
                broken += i32::from(f64::from(doubt).powi(3) / 3.0 > 0.02);
                kept += share / 400.0;
            }
        }
        assert!(broken <= 18, "{broken} of 400: at most 10 in expectation, here three standard deviations more");
        assert!(kept > 0.2, "{kept}: the most that is possible is 0.39");
    }

    #[test]
    fn little_evidence_promises_nothing_and_more_of_it_more() {
        let mut state = 5;
        assert_eq!(promise(&[], 0.02, ERROR_RATE), Promise::NotYet { evidence: 0 });
        assert_eq!(promise(&sample(100, 1.0, &mut state), 0.02, ERROR_RATE), Promise::NotYet { evidence: 100 });
        let share = |n: usize, state: &mut u64| match promise(&sample(n, 1.0, state), 0.02, ERROR_RATE) {
            Promise::Kept { share, .. } => share,
            Promise::NotYet { .. } => 0.0,
        };
        assert!(share(20_000, &mut state) > share(1000, &mut state));
    }

    #[test]
    fn nothing_is_kept_of_answers_that_are_always_worse() {
        let bad: Vec<Evidence> = (0..5000).map(|_| Evidence { doubt: 0.0, loss: 1.0 }).collect();
        let made = promise(&bad, 0.02, ERROR_RATE);
        assert!(!made.keeps(-1.0) && matches!(made, Promise::NotYet { .. }));
    }

    #[test]
    fn odd_numbers_promise_nothing() {
        let good = vec![Evidence { doubt: 0.0, loss: 0.0 }; 2000];
        for (max, rate) in [(f64::NAN, 0.05), (1.0, 0.05), (0.02, 0.0), (0.02, f64::NAN)] {
            assert!(matches!(promise(&good, max, rate), Promise::NotYet { .. }));
        }
        let odd = vec![Evidence { doubt: f32::NAN, loss: f64::NAN }; 2000];
        assert!(!promise(&odd, 0.02, 0.05).keeps(f32::NAN));
        assert!(promise(&good, 0.02, 0.05).keeps(0.0));
    }
}
