//! How sure the model was of its own answer, from the log-probabilities of the tokens it wrote: gathered piece by piece, and
//! turned into the chance that the answer is wrong by a fit that says for what it was made.
//!
//! Sums over the tokens as in Malinin and Gales, "Uncertainty Estimation in Autoregressive Structured Prediction" (2021); the
//! least sure token as in Manakul et al., "SelfCheckGPT" (2023). What they are worth is measured by `dewpoint eval tokens`.
//!
//! Never here: a text, other signs of doubt, what is done about it.

use std::collections::VecDeque;
use std::ops::Range;
use wire::Sign;

/// Tokens at the end of an answer that can be looked at one by one ([`TokenSigns::at`]).
pub const TOKENS_KEPT: usize = 1024;

/// How sure a model was of one answer. Bounded, however long the answer is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TokenSigns {
    all: Sums,
    /// The last tokens, each with where its text ends.
    kept: VecDeque<(u64, Sign)>,
    /// Bytes of text so far.
    bytes: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Sums {
    n: u32,
    logprob: f64,
    least: f32,
    with_entropy: u32,
    entropy: f64,
    entropy_most: f32,
}

impl Sums {
    fn add(&mut self, sign: &Sign) {
        let logprob = if sign.logprob.is_finite() { sign.logprob.min(0.0) } else { wire::SIGN_LEAST };
        self.n = self.n.saturating_add(1);
        self.logprob += f64::from(logprob);
        self.least = self.least.min(logprob);
        if let Some(entropy) = sign.entropy.filter(|e| e.is_finite()) {
            self.with_entropy = self.with_entropy.saturating_add(1);
            self.entropy += f64::from(entropy.max(0.0));
            self.entropy_most = self.entropy_most.max(entropy);
        }
    }
}

impl TokenSigns {
    /// Of a whole answer.
    pub fn of(signs: &[Sign]) -> TokenSigns {
        let mut all = TokenSigns::default();
        all.extend(signs);
        all
    }

    /// Takes the next tokens.
    pub fn extend(&mut self, signs: &[Sign]) {
        for sign in signs {
            self.all.add(sign);
            self.bytes += u64::from(sign.bytes);
            if self.kept.len() == TOKENS_KEPT {
                self.kept.pop_front();
            }
            self.kept.push_back((self.bytes, *sign));
        }
    }

    /// Tokens.
    pub fn n(&self) -> u32 {
        self.all.n
    }

    /// Mean log-probability of a token, nats; 0 of no token.
    pub fn mean(&self) -> f32 {
        (self.all.logprob / f64::from(self.all.n.max(1))) as f32
    }

    /// Log-probability of the least sure token, nats; 0 of no token.
    pub fn min(&self) -> f32 {
        self.all.least
    }

    /// Mean entropy of a token, nats; `None` where the place does not say it.
    pub fn entropy_mean(&self) -> Option<f32> {
        let n = self.all.with_entropy;
        (n > 0).then(|| (self.all.entropy / f64::from(n)) as f32)
    }

    /// The largest entropy of a token, nats.
    pub fn entropy_max(&self) -> Option<f32> {
        (self.all.with_entropy > 0).then_some(self.all.entropy_most)
    }

    /// The same of the tokens that spell these bytes of the text: of the number, option or value that counts in a longer
    /// answer. `None` where they are not known: a token reaches too far back, or the bytes do not stand there. Bytes are those
    /// that the place wrote, so they fit no text in which something was put back that a permit had taken out.
    pub fn at(&self, bytes: Range<usize>) -> Option<TokenSigns> {
        let (start, end) = (bytes.start as u64, bytes.end as u64);
        let begin = |(end, sign): &(u64, Sign)| end - u64::from(sign.bytes);
        if start >= end || end > self.bytes || start < self.kept.front().map(begin)? {
            return None;
        }
        let mut part = TokenSigns::default();
        for token in self.kept.iter().filter(|t| t.0 > start && begin(t) < end) {
            part.extend(&[token.1]);
        }
        Some(part)
    }

    /// Bytes of text that its tokens stand for.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How likely the answer is wrong, per mille, after this fit; `None` of no token.
    pub fn doubt(&self, fit: &TokenFit) -> Option<u16> {
        (self.all.n > 0).then(|| (fit.wrong(self) * 1000.0).round() as u16)
    }

    /// What a fit looks at: the logarithm of how far from sure, since the step from 0.01 to 0.1 nats says as much as that from
    /// 0.1 to 1; each within bounds, so that one odd token of an odd engine cannot say more than any that a fit has seen. The
    /// second is there where entropy is known.
    pub(super) fn features(&self) -> ([f64; 2], Option<[f64; 2]>) {
        let near = |v: f32, (least, most): (f64, f64)| (least + f64::from(v).clamp(0.0, most)).ln();
        let entropy = self.entropy_mean().zip(self.entropy_max());
        (
            [near(-self.mean(), MEAN), near(-self.min(), LEAST)],
            entropy.map(|(mean, most)| [near(mean, MEAN), near(most, ENTROPY)]),
        )
    }
}

/// What is added before the logarithm, and the most that counts, in nats: of means, the least sure token, the largest entropy.
const MEAN: (f64, f64) = (0.01, 2.0);
const LEAST: (f64, f64) = (0.1, 8.0);
const ENTROPY: (f64, f64) = (0.1, 4.0);

/// From signs to the chance of a wrong answer: a logistic regression. Two, since not every place says entropy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TokenFit {
    /// Of base, mean, least, mean entropy, largest entropy.
    pub with_entropy: [f64; 5],
    /// Of base, mean, least.
    pub without: [f64; 3],
}

impl TokenFit {
    /// Fitted on the 2,400 answers of the bundled model to its own exam (`dewpoint eval tokens`): short answers of a model of 5
    /// million parameters to the narrow tasks that it was made for. Of any other model it is no more than an order; where the
    /// exact chance counts, fit one on that model's own answers.
    pub const BUNDLED: TokenFit =
        TokenFit { with_entropy: [-0.3146, -1.2244, 1.3951, 2.0259, -0.2705], without: [1.0095, 0.7975, 0.822] };

    /// The chance of a wrong answer, 0 to 1.
    pub fn wrong(&self, signs: &TokenSigns) -> f64 {
        let ([mean, least], entropy) = signs.features();
        let z = match entropy {
            Some([entropy, most]) => {
                let [base, a, b, c, d] = self.with_entropy;
                base + a * mean + b * least + c * entropy + d * most
            }
            None => {
                let [base, a, b] = self.without;
                base + a * mean + b * least
            }
        };
        1.0 / (1.0 + (-z).exp())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn sign(logprob: f32, entropy: f32, bytes: u16) -> Sign {
        Sign { logprob, entropy: Some(entropy), bytes }
    }

    #[test]
    fn pieces_give_what_the_whole_gives() {
        let all: Vec<Sign> =
            (0..40u16).map(|i| sign(-0.1 * f32::from(i % 7), 0.05 * f32::from(i), 1 + i % 3)).collect();
        let whole = TokenSigns::of(&all);
        for cut in 0..=all.len() {
            let mut pieces = TokenSigns::default();
            pieces.extend(&all[..cut]);
            pieces.extend(&all[cut..]);
            assert_eq!(pieces, whole);
        }
        assert_eq!((whole.n(), whole.min(), whole.entropy_max()), (40, -0.6, Some(1.95)));
        let mean: f32 = all.iter().map(|s| s.logprob).sum::<f32>() / 40.0;
        assert!((whole.mean() - mean).abs() < 1e-5 && (whole.entropy_mean().unwrap() - 0.975).abs() < 1e-4);
    }

    #[test]
    fn the_tokens_of_some_bytes_are_found_and_others_are_not_guessed() {
        // "The answer is 42." as four tokens.
        let all = [sign(-0.01, 0.1, 10), sign(-0.02, 0.2, 4), sign(-3.0, 2.0, 2), sign(-0.03, 0.3, 1)];
        let signs = TokenSigns::of(&all);
        let number = signs.at(14..16).unwrap();
        assert_eq!((number.n(), number.min(), number.entropy_max()), (1, -3.0, Some(2.0)));
        // A token that begins before counts.
        assert_eq!(signs.at(13..16).unwrap().n(), 2);
        assert_eq!(signs.at(0..17).unwrap().n(), 4);
        assert!(signs.at(0..18).is_none(), "beyond the text");
        let (from, to) = (5, 4);
        assert!(signs.at(from..to).is_none() && signs.at(4..4).is_none());
        assert!(TokenSigns::default().at(0..1).is_none());
    }

    #[test]
    fn of_a_long_answer_the_last_tokens_are_kept_and_all_are_counted() {
        let mut signs = TokenSigns::of(&vec![sign(-0.5, 1.0, 1); TOKENS_KEPT]);
        assert_eq!(signs.at(0..1).unwrap().n(), 1);
        signs.extend(&[sign(-2.0, 1.0, 1)]);
        assert!(signs.at(0..1).is_none(), "one past the bound");
        assert_eq!(signs.at(1..TOKENS_KEPT + 1).unwrap().n() as usize, TOKENS_KEPT);
        assert_eq!((signs.n() as usize, signs.min()), (TOKENS_KEPT + 1, -2.0));
        assert_eq!(signs.kept.len(), TOKENS_KEPT);
    }

    #[test]
    fn doubt_rises_with_unsureness_and_odd_numbers_do_no_harm() {
        let of = |l: f32, e: Option<f32>| TokenSigns::of(&[Sign { logprob: l, entropy: e, bytes: 1 }]);
        let doubt = |l, e| of(l, e).doubt(&TokenFit::BUNDLED).unwrap();
        let by_entropy: Vec<u16> = [0.001, 0.05, 0.3, 1.0, 2.5].map(|e| doubt(-e, Some(e))).to_vec();
        assert!(by_entropy.is_sorted() && by_entropy[0] < 20 && by_entropy[4] > 300, "{by_entropy:?}");
        let without: Vec<u16> = [0.001, 0.05, 0.3, 1.0, 2.5].map(|l| doubt(-l, None)).to_vec();
        assert!(without.is_sorted() && without[0] < 30 && without[4] > 300, "{without:?}");
        assert_eq!(TokenSigns::default().doubt(&TokenFit::BUNDLED), None);
        for odd in [f32::NAN, f32::NEG_INFINITY, f32::INFINITY, 5.0, -9999.0] {
            assert!(doubt(odd, Some(odd)) <= 1000);
            assert!(doubt(odd, None) <= 1000);
        }
        // Beyond the bounds of what the fit has seen nothing more is said.
        assert_eq!(doubt(-8.0, Some(4.0)), doubt(-30.0, Some(30.0)));
    }
}
