//! From logits to a token, without llama.cpp's candidate arrays: they cost 12 bytes a token and a pass over all of them for
//! every step of the chain, which at a vocabulary of 152,000 is a third of a millisecond. Here the usual chain looks at
//! every logit once, in blocks, and only into the blocks that can hold one of the top k.
//!
//! The chain is llama.cpp's: top-k, top-p, min-p, temperature, and a draw. Ties go to the smaller token.
//!
//! Never here: penalties and grammars (`sampler`), text.

use crate::protocol::Sampling;

/// Logits are looked at in blocks of this many.
pub(super) const BLOCK: usize = 64;
/// With a larger k nothing is gained by looking at blocks.
const TOP_K_MAX: usize = 1024;

/// The model computed values that are not numbers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Nonsense;

/// A generator of uniform numbers: SplitMix64 (Steele, Lea, Flood 2014). One step per token, so a seed gives the same
/// numbers whatever else is computed in between.
#[derive(Debug, Clone)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u32) -> Chance {
        Chance(u64::from(seed))
    }

    /// In [0, 1).
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Memory that is used again for every token.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// The largest logit of every block.
    pub(super) most: Vec<f32>,
    ranked: Vec<f32>,
    found: Vec<(i32, f32)>,
}

/// Chooses a token. `None` where every logit is minus infinity: nothing is allowed.
///
/// # Errors
/// A logit is not a number, or plus infinity.
pub(super) fn pick(logits: &[f32], s: &Sampling, rng: &mut Chance, m: &mut Scratch) -> Result<Option<i32>, Nonsense> {
    let (best, peak) = survey(logits, &mut m.most)?;
    if peak == f32::NEG_INFINITY {
        return Ok(None);
    }
    if s.temperature <= 0.0 {
        return Ok(Some(best));
    }
    let k = if s.top_k == 0 { usize::MAX } else { s.top_k as usize };
    gather(logits, k, s, peak, m);
    let found = &mut m.found;
    if s.top_p < 1.0 {
        nucleus(found, s.top_p, peak);
    }
    if s.min_p > 0.0 {
        let least = peak + s.min_p.ln();
        found.retain(|(_, l)| *l >= least);
    }
    Ok(Some(draw(found, s.temperature, peak, rng).unwrap_or(best)))
}

/// The largest logit of every block, and the first token with the largest of all.
pub(super) fn survey(logits: &[f32], most: &mut Vec<f32>) -> Result<(i32, f32), Nonsense> {
    most.clear();
    let mut odd = false;
    for block in logits.chunks(BLOCK) {
        // Lanes of their own, since a maximum over all of them in order cannot be computed eight at a time.
        let mut lanes = [f32::NEG_INFINITY; 8];
        let whole = block.chunks_exact(8);
        let rest = whole.remainder();
        for eight in whole {
            for (lane, v) in lanes.iter_mut().zip(eight) {
                *lane = if *v > *lane { *v } else { *lane };
                odd |= v.is_nan();
            }
        }
        for v in rest {
            lanes[0] = if *v > lanes[0] { *v } else { lanes[0] };
            odd |= v.is_nan();
        }
        most.push(lanes.into_iter().fold(f32::NEG_INFINITY, |a, b| if b > a { b } else { a }));
    }
    let (mut at, mut peak) = (0, f32::NEG_INFINITY);
    for (i, m) in most.iter().enumerate() {
        if *m > peak {
            (at, peak) = (i, *m);
        }
    }
    if odd || peak == f32::INFINITY {
        return Err(Nonsense);
    }
    let block = logits.iter().skip(at * BLOCK).take(BLOCK);
    let best = at * BLOCK + block.take_while(|l| **l < peak).count();
    Ok((best as i32, peak))
}

/// The candidates: the k likeliest in falling order, or where k is no bound all that the other steps may leave.
fn gather(logits: &[f32], k: usize, s: &Sampling, peak: f32, m: &mut Scratch) {
    m.found.clear();
    let all = || (0..).zip(logits.iter().copied()).filter(|(_, l)| *l > f32::NEG_INFINITY);
    if k >= logits.len() {
        // Without top-p what min-p cuts need not be looked at.
        let least = if s.top_p >= 1.0 && s.min_p > 0.0 { peak + s.min_p.ln() } else { f32::NEG_INFINITY };
        m.found.extend(all().filter(|(_, l)| *l >= least));
        return;
    }
    if k <= TOP_K_MAX && k < m.most.len() {
        // At least k blocks have a logit of this size, so none of the top k is smaller.
        m.ranked.clone_from(&m.most);
        let (_, least, _) = m.ranked.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a));
        let least = *least;
        for (i, _) in m.most.iter().enumerate().filter(|(_, most)| **most >= least) {
            let block = (i * BLOCK..).zip(logits.iter().skip(i * BLOCK).take(BLOCK));
            let large = block.filter(|(_, l)| **l >= least && **l > f32::NEG_INFINITY);
            m.found.extend(large.map(|(t, l)| (t as i32, *l)));
        }
    } else {
        m.found.extend(all());
    }
    if m.found.len() > k {
        m.found.select_nth_unstable_by(k - 1, falling);
        m.found.truncate(k);
    }
    m.found.sort_unstable_by(falling);
}

/// By falling logit, then by token.
fn falling(a: &(i32, f32), b: &(i32, f32)) -> std::cmp::Ordering {
    b.1.total_cmp(&a.1).then(a.0.cmp(&b.0))
}

/// Keeps the likeliest that together have the share `p`, at least one. Only as many are sorted as are needed: those below the
/// peak by little come first, and most often they are enough.
fn nucleus(found: &mut Vec<(i32, f32)>, p: f32, peak: f32) {
    let weight = |l: f32| f64::from((l - peak).exp());
    let enough = f64::from(p) * found.iter().map(|(_, l)| weight(*l)).sum::<f64>();
    for below in [4.0, 8.0, f32::INFINITY] {
        let near = |(_, l): &&(i32, f32)| *l >= peak - below;
        if below < f32::INFINITY && found.iter().filter(near).map(|(_, l)| weight(*l)).sum::<f64>() < enough {
            continue;
        }
        found.retain(|f| near(&f));
        break;
    }
    found.sort_unstable_by(falling);
    let mut sum = 0.0;
    let short = |(_, l): &&(i32, f32)| {
        let short = sum < enough;
        sum += weight(*l);
        short
    };
    let n = found.iter().take_while(short).count();
    found.truncate(n.max(1));
}

/// Draws one in proportion to its probability at this temperature.
fn draw(found: &[(i32, f32)], temperature: f32, peak: f32, rng: &mut Chance) -> Option<i32> {
    let weight = |l: f32| f64::from(((l - peak) / temperature).exp());
    let all: f64 = found.iter().map(|(_, l)| weight(*l)).sum();
    let mut left = rng.next() * all;
    for (token, l) in found {
        left -= weight(*l);
        if left < 0.0 {
            return Some(*token);
        }
    }
    found.last().map(|(token, _)| *token)
}

/// Natural logarithm of the probability of `token`, and of the `top` likeliest tokens, before any sampling parameter.
pub(super) fn logprobs(logits: &[f32], token: i32, top: usize) -> (f32, Vec<(i32, f32)>) {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|l| f64::from((l - most).exp())).sum();
    let log_sum = f64::from(most) + sum.ln();
    let of = |token: i32| {
        let logit = usize::try_from(token).ok().and_then(|t| logits.get(t)).copied().unwrap_or(f32::NEG_INFINITY);
        (f64::from(logit) - log_sum) as f32
    };
    let mut ranked: Vec<(i32, f32)> = Vec::new();
    if top > 0 {
        let mut m = Scratch::default();
        if survey(logits, &mut m.most).is_ok() {
            gather(logits, top, &Sampling { top_p: 1.0, min_p: 0.0, ..Sampling::default() }, most, &mut m);
            ranked = m.found;
            ranked.sort_unstable_by(falling);
        }
    }
    (of(token), ranked.into_iter().take(top).map(|(t, _)| (t, of(t))).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn sampling(top_k: u32, top_p: f32, min_p: f32, temperature: f32) -> Sampling {
        Sampling { top_k, top_p, min_p, temperature, ..Sampling::default() }
    }

    /// The chain as its definition has it, over everything, slowly.
    fn slowly(logits: &[f32], s: &Sampling) -> Vec<i32> {
        let mut all: Vec<(i32, f32)> = (0..).zip(logits.iter().copied()).collect();
        all.sort_by(falling);
        all.retain(|(_, l)| *l > f32::NEG_INFINITY);
        if s.top_k > 0 {
            all.truncate(s.top_k as usize);
        }
        let peak = all[0].1;
        let sum: f64 = all.iter().map(|(_, l)| f64::from((l - peak).exp())).sum();
        let (mut before, mut left) = (0.0, Vec::new());
        for (token, l) in all {
            let weight = f64::from((l - peak).exp());
            let inside = left.is_empty() || s.top_p >= 1.0 || before < f64::from(s.top_p) * sum;
            if inside && (s.min_p <= 0.0 || l >= peak + s.min_p.ln()) {
                left.push(token);
            }
            before += weight;
        }
        left
    }

    proptest! {
        #[test]
        fn only_and_all_of_what_the_chain_leaves_can_come(
            logits in proptest::collection::vec(prop_oneof![9 => -8.0f32..8.0, 1 => Just(f32::NEG_INFINITY)], 1..700),
            k in prop_oneof![Just(0u32), 1u32..50],
            p in prop_oneof![Just(1.0f32), 0.05f32..1.0],
            min in prop_oneof![Just(0.0f32), 0.001f32..0.5],
        ) {
            prop_assume!(logits.iter().any(|l| *l > f32::NEG_INFINITY));
            let s = sampling(k, p, min, 1.0);
            let wanted = slowly(&logits, &s);
            let mut m = Scratch::default();
            let mut rng = Chance::new(1);
            let token = pick(&logits, &s, &mut rng, &mut m).unwrap().unwrap();
            prop_assert!(wanted.contains(&token));
            let mut left: Vec<i32> = m.found.iter().map(|f| f.0).collect();
            left.sort_unstable();
            let mut wanted = wanted;
            wanted.sort_unstable();
            prop_assert_eq!(left, wanted);
        }

        #[test]
        fn greedy_takes_the_first_of_the_largest(logits in proptest::collection::vec(-3i8..3, 1..300)) {
            let logits: Vec<f32> = logits.into_iter().map(f32::from).collect();
            let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let first = logits.iter().position(|l| *l == most).unwrap() as i32;
            let got = pick(&logits, &sampling(0, 1.0, 0.0, 0.0), &mut Chance::new(0), &mut Scratch::default());
            prop_assert_eq!(got, Ok(Some(first)));
        }
    }

    #[test]
    fn draws_follow_the_probabilities() {
        let logits = [0.0f32, 1.0, 2.0, -50.0];
        let (mut rng, mut m, mut counts) = (Chance::new(7), Scratch::default(), [0u32; 4]);
        for _ in 0..20_000 {
            let token = pick(&logits, &sampling(0, 1.0, 0.0, 1.0), &mut rng, &mut m).unwrap().unwrap();
            counts[token as usize] += 1;
        }
        let sum: f32 = logits.iter().map(|l| l.exp()).sum();
        for (n, l) in counts.iter().zip(logits) {
            let (got, wanted) = (*n as f32 / 20_000.0, l.exp() / sum);
            assert!((got - wanted).abs() < 0.015, "{counts:?}");
        }
    }

    #[test]
    fn what_is_no_number_is_an_error_and_nothing_allowed_is_none() {
        let mut m = Scratch::default();
        let mut one = |logits: &[f32]| pick(logits, &sampling(40, 0.9, 0.1, 0.7), &mut Chance::new(0), &mut m);
        assert_eq!(one(&[0.0, f32::NAN]), Err(Nonsense));
        assert_eq!(one(&[0.0, f32::INFINITY]), Err(Nonsense));
        let mut wide = vec![0.0; 1000];
        wide[990] = f32::NAN;
        assert_eq!(one(&wide), Err(Nonsense));
        assert_eq!(one(&[f32::NEG_INFINITY; 70]), Ok(None));
        assert_eq!(one(&[]), Ok(None));
    }

    #[test]
    fn logprobs_are_a_log_softmax() {
        let logits = [1.0f32, 3.0, 2.0, -1000.0];
        let (chosen, top) = logprobs(&logits, 0, 2);
        let sum: f32 = logits.iter().map(|l| l.exp()).sum();
        assert!((chosen - (1.0f32.exp() / sum).ln()).abs() < 1e-5);
        assert_eq!(top.iter().map(|t| t.0).collect::<Vec<_>>(), [1, 2]);
        let all: f32 = logprobs(&logits, 0, 9).1.iter().map(|t| t.1.exp()).sum();
        assert!((all - 1.0).abs() < 1e-5);
    }
}
