//! How sure the model is of a token: its log-probability and the entropy of what could have stood there, over the whole
//! vocabulary, in one pass that skips the blocks too unlikely to count.
//!
//! Never here: choosing a token (`pick`).

use super::pick::BLOCK;
use crate::protocol::Sign;

/// A block whose likeliest token is this far below the peak, in nats, is not looked at. Of 152,000 tokens, all just below it,
/// it would take 3·10⁻⁴ of the probability and 7·10⁻³ nats of the entropy; of real vocabularies far less.
const BELOW: f32 = 20.0;
const LANES: usize = 8;

/// What is said of `token`, whose text has so many bytes. `most` is the largest logit of every block of `logits`.
pub(super) fn sign(logits: &[f32], most: &[f32], token: i32, bytes: usize) -> Sign {
    let peak = most.iter().fold(f32::NEG_INFINITY, |a, b| if *b > a { *b } else { a });
    let (mut sum, mut weighted) = (0.0f64, 0.0f64);
    for (block, most) in logits.chunks(BLOCK).zip(most) {
        if *most > peak - BELOW {
            let (s, w) = share(block, peak);
            sum += f64::from(s);
            weighted += f64::from(w);
        }
    }
    let log_sum = sum.ln();
    let logit = usize::try_from(token).ok().and_then(|t| logits.get(t)).copied().unwrap_or(f32::NEG_INFINITY);
    let surprise = log_sum - f64::from(logit - peak);
    let entropy = log_sum - weighted / sum;
    Sign(thousandths(surprise), thousandths(entropy), u16::try_from(bytes).unwrap_or(u16::MAX))
}

/// Thousandths of a nat, at most thirty nats; so much, too, where it is no number.
fn thousandths(nats: f64) -> u16 {
    const MOST: f64 = -1000.0 * wire::SIGN_LEAST as f64;
    if nats.is_nan() { MOST as u16 } else { (nats * 1000.0).round().clamp(0.0, MOST) as u16 }
}

/// Sum of e^x and of x·e^x of a block, x being the logit below the peak.
fn share(block: &[f32], peak: f32) -> (f32, f32) {
    // Lanes of their own, so that eight are computed at a time.
    let (mut sum, mut weighted) = ([0.0f32; LANES], [0.0f32; LANES]);
    let whole = block.chunks_exact(LANES);
    let rest = whole.remainder();
    for eight in whole {
        for (i, l) in eight.iter().enumerate() {
            let x = below(*l, peak);
            let e = exp(x);
            sum[i] += e;
            weighted[i] += x * e;
        }
    }
    for (i, l) in rest.iter().enumerate() {
        let x = below(*l, peak);
        let e = exp(x);
        sum[i] += e;
        weighted[i] += x * e;
    }
    (sum.iter().sum(), weighted.iter().sum())
}

fn below(logit: f32, peak: f32) -> f32 {
    let x = logit - peak;
    if x > -80.0 { x } else { -80.0 }
}

/// e^x for x from -80 to 0, to 3·10⁻⁶ of its value: a power of two and a polynomial, without a branch, so that it is computed
/// for eight at once (after Schraudolph 1999 and Cody and Waite 1980).
fn exp(x: f32) -> f32 {
    // Adding 1.5·2²³ rounds to a whole number, which then stands in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let t = x * std::f32::consts::LOG2_E;
    let rounded = t + ROUND;
    let r = (t - (rounded - ROUND)) * std::f32::consts::LN_2;
    let p = 1.0 + r * (1.0 + r * (0.5 + r * (1.0 / 6.0 + r * (1.0 / 24.0 + r * (1.0 / 120.0)))));
    let exponent = rounded.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127);
    f32::from_bits(exponent << 23) * p
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::pick::{logprobs, survey};
    use super::*;
    use proptest::prelude::*;

    fn said(logits: &[f32], token: i32) -> Sign {
        let mut most = Vec::new();
        survey(logits, &mut most).unwrap();
        sign(logits, &most, token, 3)
    }

    /// Over everything, slowly, in double precision.
    fn slowly(logits: &[f32], token: usize) -> (f64, f64) {
        let peak = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = logits.iter().map(|l| f64::from(l - peak).exp()).sum();
        let p = |l: f32| f64::from(l - peak).exp() / sum;
        let entropy: f64 = logits.iter().map(|l| p(*l)).filter(|p| *p > 0.0).map(|p| -p * p.ln()).sum();
        (-p(logits[token]).ln(), entropy)
    }

    proptest! {
        #[test]
        fn it_is_what_the_definition_says(
            logits in proptest::collection::vec(prop_oneof![9 => -30.0f32..30.0, 1 => Just(f32::NEG_INFINITY)], 1..700),
            at in 0usize..700,
        ) {
            prop_assume!(logits.iter().any(|l| *l > f32::NEG_INFINITY));
            let at = at % logits.len();
            let (surprise, entropy) = slowly(&logits, at);
            let Sign(a, b, bytes) = said(&logits, at as i32);
            prop_assert!((f64::from(a) / 1000.0 - surprise.min(30.0)).abs() < 0.002, "{a} {surprise}");
            prop_assert!((f64::from(b) / 1000.0 - entropy).abs() < 0.002, "{b} {entropy}");
            prop_assert_eq!(bytes, 3);
        }
    }

    #[test]
    fn a_wide_flat_tail_costs_no_more_than_is_said() {
        // The worst case of skipping: everything but one token just below the bound.
        let mut logits = vec![0.0f32; 152_000];
        logits[64] = BELOW + 0.001;
        let (surprise, entropy) = slowly(&logits, 64);
        let Sign(a, b, _) = said(&logits, 64);
        assert!((f64::from(a) / 1000.0 - surprise).abs() < 0.002, "{a} {surprise}");
        assert!((f64::from(b) / 1000.0 - entropy).abs() < 0.009, "{b} {entropy}");
        // Nothing is known of 152,000 equal ones.
        let Sign(a, b, _) = said(&vec![7.0; 152_000], 5);
        assert_eq!((a, b), (11_932, 11_932));
    }

    #[test]
    fn it_agrees_with_the_log_probabilities_that_callers_get_and_has_bounds() {
        let logits = [1.0f32, 3.0, 2.0, -1000.0];
        assert_eq!(f64::from(said(&logits, 0).0), (f64::from(-logprobs(&logits, 0, 0).0) * 1000.0).round());
        assert_eq!(said(&logits, 3).0, 30_000);
        assert_eq!(said(&logits, -1).0, 30_000);
        assert_eq!(said(&[5.0], 0), Sign(0, 0, 3));
    }
}
