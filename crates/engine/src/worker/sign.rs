//! How sure the model is of a token: its log-probability and the entropy of what could have stood there, over the whole
//! vocabulary. Blocks of tokens near the peak are summed up wholly; of the far ones, which together say little, every eighth
//! stands for the others. That takes about as long as finding the peak.
//!
//! Never here: choosing a token (`pick`).

use super::pick::BLOCK;
use crate::protocol::Sign;

/// Blocks whose likeliest token is less than this far below the peak, in nats, are summed up wholly.
const NEAR: f32 = 10.0;
/// Blocks whose likeliest token is this far below are left out: 152,000 tokens, all just below, would have 3·10⁻⁴ of the
/// probability.
const FAR: f32 = 20.0;
/// Of the blocks between, one in so many is summed up.
const EVERY: u32 = 8;
/// With fewer blocks than this nothing is left out: an eighth of them would be too few to stand for the others.
const FEW: usize = 256;
const LANES: usize = 16;
/// What is further below the peak counts as this far; its share is nothing.
const LEAST: f32 = -80.0;

/// What is said of `token`, whose text has so many bytes. `most` is the largest logit of every block of `logits`.
pub(super) fn sign(logits: &[f32], most: &[f32], token: i32, bytes: usize) -> Sign {
    let peak = most.iter().fold(f32::NEG_INFINITY, |a, b| if *b > a { *b } else { a });
    let (mut sum, mut weighted) = (0.0f64, 0.0f64);
    let (mut rest, mut rest_weighted, mut seen, mut all) = (0.0f64, 0.0f64, 0u32, 0u32);
    let exact = most.len() < FEW;
    for (block, most) in logits.chunks(BLOCK).zip(most) {
        let gap = peak - most;
        if exact || gap < NEAR {
            let (s, w) = share(block, peak);
            sum += f64::from(s);
            weighted += f64::from(w);
        } else if gap < FAR {
            if all.is_multiple_of(EVERY) {
                let (s, w) = share(block, peak);
                rest += f64::from(s);
                rest_weighted += f64::from(w);
                seen += 1;
            }
            all += 1;
        }
    }
    let times = f64::from(all) / f64::from(seen.max(1));
    let (sum, weighted) = (sum + times * rest, weighted + times * rest_weighted);
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
    // Lanes of their own, so that as many are computed at a time as the processor can.
    let (mut sum, mut weighted) = ([0.0f32; LANES], [0.0f32; LANES]);
    let (whole, rest) = block.as_chunks::<LANES>();
    let mut add = |logits: &[f32; LANES]| {
        let x: [f32; LANES] = std::array::from_fn(|i| {
            let x = logits[i] - peak;
            if x > LEAST { x } else { LEAST }
        });
        let e = x.map(exp);
        for i in 0..LANES {
            sum[i] += e[i];
            weighted[i] += x[i] * e[i];
        }
    };
    whole.iter().for_each(&mut add);
    if !rest.is_empty() {
        let mut last = [f32::NEG_INFINITY; LANES];
        last[..rest.len()].copy_from_slice(rest);
        add(&last);
    }
    (sum.iter().sum(), weighted.iter().sum())
}

/// e^x for x from -80 to 0, to 5·10⁻⁵ of its value: a power of two and a polynomial, without a branch, so that it is computed
/// for eight at once (after Schraudolph 1999 and Cody and Waite 1980).
fn exp(x: f32) -> f32 {
    // Adding 1.5·2²³ rounds to a whole number, which then stands in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let t = x * std::f32::consts::LOG2_E;
    let rounded = t + ROUND;
    let r = (t - (rounded - ROUND)) * std::f32::consts::LN_2;
    let p = 1.0 + r * (1.0 + r * (0.5 + r * (1.0 / 6.0 + r * (1.0 / 24.0))));
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

    /// Logits of a large vocabulary: normal with this deviation, and two that stand out.
    fn normal(deviation: f32, peak: f32, seed: u64) -> Vec<f32> {
        let mut state = seed;
        let mut uniform = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u64 << 24) as f32
        };
        let mut all: Vec<f32> =
            (0..152_000).map(|_| ((0..12).map(|_| uniform()).sum::<f32>() - 6.0) * deviation).collect();
        (all[777], all[90_000]) = (peak, peak - 1.0);
        all
    }

    #[test]
    fn of_a_large_vocabulary_it_is_near_enough() {
        let mut skipped = 0;
        for (seed, peak) in (0u64..).zip([6.0, 10.0, 14.0, 16.0, 18.0, 20.0, 24.0, 30.0, 40.0]) {
            let logits = normal(2.5, peak, seed);
            let (surprise, entropy) = slowly(&logits, 777);
            let Sign(a, b, _) = said(&logits, 777);
            assert!((f64::from(a) / 1000.0 - surprise).abs() < 0.01, "{peak}: {a} {surprise}");
            assert!((f64::from(b) / 1000.0 - entropy).abs() < 0.05, "{peak}: {b} {entropy}");
            let mut most = Vec::new();
            survey(&logits, &mut most).unwrap();
            skipped += most.iter().filter(|m| peak - **m >= NEAR).count();
        }
        assert!(skipped > 10_000, "it is the skipping that is tested: {skipped}");
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
