//! What a rating says of whether an answer is right: AUROC, calibration, and how right the answers are that are kept.
//!
//! Never here: where ratings come from.

use crate::eval::measure::Chance;
use serde::Serialize;

/// Resamples of a bootstrap.
const RESAMPLES: usize = 1000;
/// Bins of the expected calibration error, of as equal size as can be.
const BINS: usize = 10;

/// A figure with its 95 % bootstrap interval; `None` where it is not defined.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Figure {
    pub(super) value: Option<f64>,
    pub(super) ci: Option<[f64; 2]>,
}

impl Figure {
    /// Of a measure of these answers, and of resamples of them.
    fn of(n: usize, measure: impl Fn(&[usize]) -> Option<f64>) -> Figure {
        let all: Vec<usize> = (0..n).collect();
        let mut chance = Chance(0x70_6b_65_6e);
        let resample = |_| {
            let drawn: Vec<usize> = (0..n).map(|_| chance.below(n)).collect();
            measure(&drawn)
        };
        let samples: Vec<f64> = (0..RESAMPLES).filter_map(resample).collect();
        Figure { value: measure(&all), ci: interval(samples) }
    }
}

fn interval(mut samples: Vec<f64>) -> Option<[f64; 2]> {
    samples.sort_by(f64::total_cmp);
    let at = |share: f64| samples.get((share * samples.len().saturating_sub(1) as f64).round() as usize).copied();
    Some([at(0.025)?, at(0.975)?])
}

/// How often a wrong answer is rated higher than a right one, ties counting half: 0.5 is chance. `None` unless there are both.
pub(super) fn auroc(wrong: &[bool], rating: &[f64]) -> Figure {
    Figure::of(wrong.len(), |drawn| area(drawn, wrong, rating))
}

fn area(drawn: &[usize], wrong: &[bool], rating: &[f64]) -> Option<f64> {
    let mut order = drawn.to_vec();
    order.sort_by(|a, b| rating[*a].total_cmp(&rating[*b]));
    let (mut won, mut below, mut from) = (0.0, 0.0, 0);
    while let Some(first) = order.get(from) {
        let to = from + order[from..].iter().take_while(|i| rating[**i] == rating[*first]).count();
        let bad = order[from..to].iter().filter(|i| wrong[**i]).count() as f64;
        let good = (to - from) as f64 - bad;
        won += bad * (below + good / 2.0);
        below += good;
        from = to;
    }
    let bad = order.len() as f64 - below;
    (bad > 0.0 && below > 0.0).then(|| won / (bad * below))
}

/// The mean of the areas of each group, weighted by its pairs of a right and a wrong answer: what a rating says beyond the
/// group's label.
pub(super) fn within(groups: &[Vec<usize>], wrong: &[bool], rating: &[f64]) -> Figure {
    let of: Vec<usize> = {
        let mut of = vec![0; wrong.len()];
        groups.iter().enumerate().for_each(|(g, all)| all.iter().for_each(|i| of[*i] = g));
        of
    };
    Figure::of(wrong.len(), |drawn| {
        let mut parts = vec![Vec::new(); groups.len()];
        drawn.iter().for_each(|i| parts[of[*i]].push(*i));
        let (mut sum, mut pairs) = (0.0, 0.0);
        for part in &parts {
            if let Some(area) = area(part, wrong, rating) {
                let bad = part.iter().filter(|i| wrong[**i]).count() as f64;
                let weight = bad * (part.len() as f64 - bad);
                sum += weight * area;
                pairs += weight;
            }
        }
        (pairs > 0.0).then(|| sum / pairs)
    })
}

/// Expected calibration error of chances of being wrong: the mean distance between what a bin says and what came, over bins of
/// equal size (Naeini et al. 2015, Nixon et al. 2019).
pub(super) fn calibration_error(wrong: &[bool], chance: &[f64]) -> Figure {
    Figure::of(wrong.len(), |drawn| {
        let mut order = drawn.to_vec();
        order.sort_by(|a, b| chance[*a].total_cmp(&chance[*b]));
        let n = order.len();
        let bin = |b: usize| {
            let part = &order[b * n / BINS..(b + 1) * n / BINS];
            let said: f64 = part.iter().map(|i| chance[*i]).sum();
            let came = part.iter().filter(|i| wrong[**i]).count() as f64;
            (said - came).abs()
        };
        (n > 0).then(|| (0..BINS).map(bin).sum::<f64>() / n as f64)
    })
}

/// Mean squared distance between the chance and what came.
pub(super) fn brier(wrong: &[bool], chance: &[f64]) -> f64 {
    let sum: f64 = wrong.iter().zip(chance).map(|(w, c)| (f64::from(u8::from(*w)) - c).powi(2)).sum();
    sum / wrong.len().max(1) as f64
}

/// Share of right answers among the `kept` with the lowest ratings; ties are shared out.
pub(super) fn kept_right(wrong: &[bool], rating: &[f64], kept: f64) -> Figure {
    Figure::of(wrong.len(), |drawn| {
        let mut order = drawn.to_vec();
        order.sort_by(|a, b| rating[*a].total_cmp(&rating[*b]));
        let take = ((kept * order.len() as f64).round() as usize).min(order.len());
        let last = rating[*order.get(take.checked_sub(1)?)?];
        let sure = order.iter().take_while(|i| rating[**i] < last).count();
        let tied: Vec<usize> = order[sure..].iter().take_while(|i| rating[**i] == last).copied().collect();
        let right = |part: &[usize]| part.iter().filter(|i| !wrong[**i]).count() as f64;
        let share = right(&tied) / tied.len() as f64;
        Some((right(&order[..sure]) + share * (take - sure) as f64) / take as f64)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn areas_count_pairs_and_halve_ties() {
        let wrong = [true, false, true, false];
        assert_eq!(auroc(&wrong, &[4.0, 1.0, 3.0, 2.0]).value, Some(1.0));
        assert_eq!(auroc(&wrong, &[1.0, 4.0, 2.0, 3.0]).value, Some(0.0));
        assert_eq!(auroc(&wrong, &[1.0; 4]).value, Some(0.5));
        // Pairs (wrong, right): (2, 1) won, (2, 2) half, (0, 1) and (0, 2) lost.
        assert_eq!(auroc(&wrong, &[2.0, 1.0, 0.0, 2.0]).value, Some(0.375));
        assert_eq!(auroc(&[true, true], &[1.0, 2.0]), Figure { value: None, ci: None });
    }

    #[test]
    fn within_groups_the_groups_label_says_nothing() {
        let wrong = [true, false, true, true, false, false];
        let groups = [vec![0, 1], vec![2, 3, 4, 5]];
        assert_eq!(within(&groups, &wrong, &[1.0, 1.0, 2.0, 2.0, 2.0, 2.0]).value, Some(0.5));
        // One pair won of one, and of four all lost.
        let value = within(&groups, &wrong, &[1.0, 0.0, 0.0, 0.0, 5.0, 5.0]).value.unwrap();
        assert!((value - 0.2).abs() < 1e-12, "{value}");
    }

    #[test]
    fn calibration_and_coverage_are_what_the_definitions_say() {
        let wrong: Vec<bool> = (0..1000).map(|i| i % 4 == 0).collect();
        assert!(calibration_error(&wrong, &vec![0.25; 1000]).value.unwrap() < 0.01);
        let off = calibration_error(&wrong, &vec![0.75; 1000]).value.unwrap();
        assert!((off - 0.5).abs() < 1e-9, "{off}");
        assert!((brier(&wrong, &vec![0.25; 1000]) - 0.1875).abs() < 1e-12);
        let rating: Vec<f64> = wrong.iter().map(|w| f64::from(u8::from(*w))).collect();
        assert_eq!(kept_right(&wrong, &rating, 0.75).value, Some(1.0));
        assert_eq!(kept_right(&wrong, &rating, 1.0).value, Some(0.75));
        assert_eq!(kept_right(&wrong, &vec![0.0; 1000], 0.5).value, Some(0.75));
        let [least, most] = kept_right(&wrong, &rating, 1.0).ci.unwrap();
        assert!(least > 0.71 && least < 0.75 && most < 0.79 && most > 0.75, "{least} {most}");
    }
}
