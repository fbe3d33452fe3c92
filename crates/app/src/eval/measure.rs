//! Measures of a router between two models, as RouteLLM defines them (Ong et al., arXiv:2406.18665): PGR, APGR and CPT,
//! with bootstrap intervals.
//!
//! PGR(q) = (acc(q) − acc_weak) / (acc_strong − acc_weak) with the share q of calls sent to the strong model; APGR is the
//! area under it; CPT(x) the least share that reaches PGR x.
//!
//! Never here: files, and how prompts are sorted.

use serde::Serialize;

/// Resamples of a bootstrap.
const RESAMPLES: u32 = 400;

/// Scores of both models on the same questions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scores {
    pub(crate) weak: Vec<f64>,
    pub(crate) strong: Vec<f64>,
}

/// What a router is worth. `None` where the strong model is not better than the weak one, or the level is not reached.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Worth {
    pub(crate) apgr: Option<f64>,
    pub(crate) apgr_ci: Option<[f64; 2]>,
    pub(crate) cpt50: Option<f64>,
    pub(crate) cpt80: Option<f64>,
    pub(crate) cpt95: Option<f64>,
    pub(crate) cpt100: Option<f64>,
    pub(crate) cpt50_ci: Option<[f64; 2]>,
    pub(crate) cpt80_ci: Option<[f64; 2]>,
    pub(crate) cpt95_ci: Option<[f64; 2]>,
    pub(crate) cpt100_ci: Option<[f64; 2]>,
}

/// A small generator (SplitMix64): the same seed gives the same numbers on every machine.
#[derive(Debug, Clone)]
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `n`; 0 when `n` is.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }

    pub(crate) fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.below(last + 1));
        }
    }
}

/// Questions in the order in which they go to the strong model: highest rating first, ties by lot (with a fixed seed).
pub(crate) fn order(rating: &[f64]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..rating.len() as u32).collect();
    Chance(7).shuffle(&mut order);
    order.sort_by(|a, b| rating[*b as usize].total_cmp(&rating[*a as usize]));
    order
}

/// PGR after each question in order, from none to all; `None` where the strong model is not better.
pub(crate) fn curve(scores: &Scores, order: &[u32], counts: Option<&[u32]>) -> Option<Vec<f64>> {
    let count = |at: u32| counts.map_or(1, |c| c[at as usize]);
    let gain = |at: u32| f64::from(count(at)) * (scores.strong[at as usize] - scores.weak[at as usize]);
    let all: f64 = order.iter().map(|at| gain(*at)).sum();
    if all <= 1e-9 {
        return None;
    }
    let mut sum = 0.0;
    let mut points = vec![0.0];
    for at in order {
        let each = if count(*at) == 0 { 0.0 } else { gain(*at) / f64::from(count(*at)) / all };
        for _ in 0..count(*at) {
            sum += each;
            points.push(sum);
        }
    }
    Some(points)
}

/// Area under a curve over the share of strong calls.
pub(crate) fn area(points: &[f64]) -> f64 {
    let steps = points.len().saturating_sub(1).max(1) as f64;
    points.windows(2).map(|pair| (pair[0] + pair[1]) / 2.0).sum::<f64>() / steps
}

/// Least share of strong calls that reaches a level.
fn least(points: &[f64], level: f64) -> Option<f64> {
    let steps = points.len().saturating_sub(1).max(1) as f64;
    points.iter().position(|p| *p >= level - 1e-9).map(|at| at as f64 / steps)
}

/// Figures with the cost of helpers charged: shares are of what the strong model costs on all questions, and helpers are paid on
/// every one, first. Below their cost nothing is recovered; a share above 1 costs more than always asking the strong model.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Charged {
    pub(crate) apgr: f64,
    pub(crate) cpt50: Option<f64>,
    pub(crate) cpt80: Option<f64>,
    pub(crate) cpt95: Option<f64>,
    pub(crate) cpt100: Option<f64>,
}

/// A curve moved by what the helpers cost.
#[allow(dead_code, reason = "training does not report it")]
pub(crate) fn charged(points: &[f64], helpers: f64) -> Charged {
    let steps = points.len().saturating_sub(1);
    let left = (1.0 - helpers.clamp(0.0, 1.0)) * steps as f64;
    let (whole, part) = (left as usize, left.fract());
    let mut sum: f64 = points[..(whole + 1).min(points.len())].windows(2).map(|pair| (pair[0] + pair[1]) / 2.0).sum();
    if let [from, to, ..] = points.get(whole..).unwrap_or_default() {
        sum += part * (from + part * (to - from) / 2.0);
    }
    let cpt = |level| least(points, level).map(|share| share + helpers);
    Charged { apgr: sum / steps.max(1) as f64, cpt50: cpt(0.5), cpt80: cpt(0.8), cpt95: cpt(0.95), cpt100: cpt(1.0) }
}

/// APGR alone.
#[allow(dead_code, reason = "training reports it without its interval")]
pub(crate) fn apgr(scores: &Scores, rating: &[f64]) -> Option<f64> {
    curve(scores, &order(rating), None).map(|points| area(&points))
}

/// Everything, with 95 % intervals over resamples of the questions (percentile bootstrap).
pub(crate) fn worth(scores: &Scores, rating: &[f64]) -> Worth {
    let order = order(rating);
    let Some(points) = curve(scores, &order, None) else { return Worth::default() };
    let figures = |points: &[f64]| {
        [Some(area(points)), least(points, 0.5), least(points, 0.8), least(points, 0.95), least(points, 1.0)]
    };
    let mut samples: [Vec<f64>; 5] = Default::default();
    let mut chance = Chance(2024);
    for _ in 0..RESAMPLES {
        let mut counts = vec![0u32; order.len()];
        (0..order.len()).for_each(|_| counts[chance.below(order.len())] += 1);
        let Some(points) = curve(scores, &order, Some(&counts)) else { continue };
        for (kept, figure) in samples.iter_mut().zip(figures(&points)) {
            kept.extend(figure);
        }
    }
    let [apgr, cpt50, cpt80, cpt95, cpt100] = figures(&points);
    let [apgr_ci, cpt50_ci, cpt80_ci, cpt95_ci, cpt100_ci] = samples.map(interval);
    Worth { apgr, apgr_ci, cpt50, cpt80, cpt95, cpt100, cpt50_ci, cpt80_ci, cpt95_ci, cpt100_ci }
}

fn interval(mut samples: Vec<f64>) -> Option<[f64; 2]> {
    samples.sort_by(f64::total_cmp);
    let at = |share: f64| samples.get((share * samples.len().saturating_sub(1) as f64).round() as usize).copied();
    Some([at(0.025)?, at(0.975)?])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn scores() -> Scores {
        let weak = vec![1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0];
        let strong = vec![1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0];
        Scores { weak, strong }
    }

    #[test]
    fn the_oracle_and_its_opposite_are_known_by_hand() {
        let s = scores();
        let gain: Vec<f64> = s.strong.iter().zip(&s.weak).map(|(a, b)| a - b).collect();
        // Three gains of 1/2 each first, then four of nothing, the loss last.
        let points = curve(&s, &order(&gain), None).unwrap();
        assert_eq!(points, [0.0, 0.5, 1.0, 1.5, 1.5, 1.5, 1.5, 1.5, 1.0]);
        assert!((area(&points) - (0.25 + 0.75 + 1.25 + 4.0 * 1.5 + 1.25) / 8.0).abs() < 1e-12);
        let worth = worth(&s, &gain);
        assert_eq!((worth.cpt50, worth.cpt80, worth.cpt100), (Some(0.125), Some(0.25), Some(0.25)));
        let worst: Vec<f64> = gain.iter().map(|g| -g).collect();
        assert!(apgr(&s, &worst).unwrap() < 0.0);
    }

    #[test]
    fn chance_is_half_on_average() {
        let s = scores();
        let mut chance = Chance(1);
        let mean = (0..3000)
            .map(|_| apgr(&s, &(0..8).map(|_| chance.next() as f64).collect::<Vec<_>>()).unwrap())
            .sum::<f64>()
            / 3000.0;
        assert!((mean - 0.5).abs() < 0.03, "{mean}");
    }

    #[test]
    fn a_strong_model_that_is_no_better_has_no_figures() {
        let s = Scores { weak: vec![1.0, 0.0], strong: vec![0.0, 1.0] };
        assert!(worth(&s, &[0.0, 1.0]).apgr.is_none());
        assert!(worth(&Scores::default(), &[]).apgr.is_none());
    }

    #[test]
    fn intervals_hold_the_figure_and_narrow_with_data() {
        let wide = |times: usize| {
            let s = scores();
            let s = Scores { weak: s.weak.repeat(times), strong: s.strong.repeat(times) };
            let rating: Vec<f64> = (0..s.weak.len()).map(|at| (at * 37 % 11) as f64).collect();
            let worth = worth(&s, &rating);
            let [low, high] = worth.apgr_ci.unwrap();
            assert!(low <= worth.apgr.unwrap() && worth.apgr.unwrap() <= high);
            high - low
        };
        assert!(wide(400) < wide(10));
    }

    #[test]
    fn helpers_are_paid_first() {
        let points = [0.0, 0.5, 1.0, 1.0, 1.0];
        let free = charged(&points, 0.0);
        assert!((free.apgr - area(&points)).abs() < 1e-12 && free.cpt100 == Some(0.5));
        let paid = charged(&points, 0.25);
        assert!((paid.apgr - (0.25 + 0.75 + 1.0) / 4.0).abs() < 1e-12, "{paid:?}");
        assert_eq!((paid.cpt50, paid.cpt100), (Some(0.5), Some(0.75)));
        let half = charged(&points, 0.125);
        assert!(half.apgr < free.apgr && half.apgr > paid.apgr);
        let dear = charged(&points, 2.0);
        assert_eq!((dear.apgr, dear.cpt50), (0.0, Some(2.25)));
        assert_eq!(charged(&[], 0.5).apgr, 0.0);
    }
}
