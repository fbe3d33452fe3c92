//! Abilities of models from exams of different difficulty.
//!
//! Never here: files.

use decide::{RANKS, Rank};
use std::collections::BTreeMap;

/// Turns of the fit; it stands still long before.
const TURNS: usize = 200;
/// What draws a model towards its rank, in exams.
const DRAWN: f64 = 0.25;
/// Observations that a foretold score stands for: no less, no more.
const OBSERVATIONS: (f64, f64) = (2.0, 40.0);

/// What one model made of one exam.
#[derive(Debug, Clone, Copy)]
pub(super) struct Score<'a> {
    pub(super) model: &'a str,
    pub(super) rank: Rank,
    pub(super) billions: Option<u32>,
    pub(super) exam: usize,
    pub(super) good: f64,
    pub(super) n: f64,
}

/// What is known of one task.
#[derive(Debug)]
pub(super) struct Fitted<'a> {
    /// Score over the task's exams and number of answers.
    pub(super) models: BTreeMap<&'a str, (f64, f64)>,
    pub(super) typical: [f64; RANKS],
    /// Log-odds at one billion parameters, and for each doubling.
    pub(super) size: (f64, f64),
    /// Root mean square error of a score foretold from other exams.
    pub(super) error_exams: Option<f64>,
    /// The same from size or rank, the model itself left out.
    pub(super) error_rank: f64,
}

impl Fitted<'_> {
    /// How many observations have a spread of such an error, in thousandths.
    pub(super) fn observations(&self, error: f64) -> u64 {
        let scores = self.models.values().map(|(s, _)| s * (1.0 - s));
        let variance = scores.sum::<f64>() / self.models.len().max(1) as f64;
        let n = (variance / (error * error) - 1.0).clamp(OBSERVATIONS.0, OBSERVATIONS.1);
        (n * 1e3).round() as u64
    }
}

fn logit(share: f64) -> f64 {
    (share / (1.0 - share)).ln()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Log-odds with one answer more on both sides.
fn odds(s: &Score<'_>) -> f64 {
    logit((s.good + 1.0) / (s.n + 2.0))
}

/// Abilities and eases of exams, whose mean is zero.
fn abilities<'a>(scores: &[Score<'a>], exams: usize) -> (BTreeMap<&'a str, f64>, Vec<f64>) {
    let mut ability: BTreeMap<&str, f64> = scores.iter().map(|s| (s.model, 0.0)).collect();
    let ranks: BTreeMap<&str, Rank> = scores.iter().map(|s| (s.model, s.rank)).collect();
    let mut ease = vec![0.0; exams];
    for _ in 0..TURNS {
        for (at, ease) in ease.iter_mut().enumerate() {
            *ease = mean(scores.iter().filter(|s| s.exam == at).map(|s| odds(s) - ability[s.model])).unwrap_or(0.0);
        }
        let centre = ease.iter().sum::<f64>() / exams as f64;
        ease.iter_mut().for_each(|e| *e -= centre);
        let of_rank =
            |rank: Rank| mean(ability.iter().filter(|(m, _)| ranks[*m] == rank).map(|(_, a)| *a)).unwrap_or(0.0);
        let drawn = Rank::ALL.map(of_rank);
        for (model, a) in &mut ability {
            let own: Vec<f64> = scores.iter().filter(|s| s.model == *model).map(|s| odds(s) - ease[s.exam]).collect();
            *a = (own.iter().sum::<f64>() + DRAWN * drawn[ranks[model] as usize]) / (own.len() as f64 + DRAWN);
        }
    }
    (ability, ease)
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, n) = values.fold((0.0, 0.0), |(s, n), v| (s + v, n + 1.0));
    (n > 0.0).then(|| sum / n)
}

/// Everything about one task.
pub(super) fn fit<'a>(scores: &[Score<'a>], exams: usize) -> Fitted<'a> {
    let (ability, _) = abilities(scores, exams);
    let answers = |model: &str| scores.iter().filter(|s| s.model == model).map(|s| s.n).sum::<f64>();
    let models = ability.iter().map(|(m, a)| (*m, (sigmoid(*a), answers(m)))).collect();
    let about: BTreeMap<&str, (Rank, Option<u32>)> = scores.iter().map(|s| (s.model, (s.rank, s.billions))).collect();
    let all: Vec<(Rank, Option<u32>, f64)> = ability.iter().map(|(m, a)| (about[m].0, about[m].1, *a)).collect();
    let typical = rising(&all);
    let errors = all.iter().enumerate().map(|(at, (rank, billions, truth))| {
        let others: Vec<_> = all.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, o)| *o).collect();
        foretold(&others, *rank, *billions) - sigmoid(*truth)
    });
    let error_rank = root(errors).unwrap_or(0.3);
    Fitted { models, typical, size: size(&all), error_exams: error_exams(scores, exams), error_rank }
}

fn root(errors: impl Iterator<Item = f64>) -> Option<f64> {
    mean(errors.map(|e| e * e)).map(f64::sqrt)
}

/// Means of ranks that do not fall: where an abler rank was worse, both have their common mean (pool adjacent violators, each weighed by
/// its models). One small model made for one exam does not speak for all small ones.
fn rising(all: &[(Rank, Option<u32>, f64)]) -> [f64; RANKS] {
    let mut blocks: Vec<(f64, f64, usize)> = Vec::new();
    for rank in Rank::ALL {
        let models = all.iter().filter(|(r, _, _)| *r == rank).count() as f64;
        let mut new = (of_rank(all, rank), models.max(1e-3), 1);
        while let Some(before) = blocks.pop_if(|b| b.0 > new.0) {
            let weight = before.1 + new.1;
            new = ((before.0 * before.1 + new.0 * new.1) / weight, weight, before.2 + new.2);
        }
        blocks.push(new);
    }
    let mut means = blocks.into_iter().flat_map(|(mean, _, n)| std::iter::repeat_n(mean, n));
    Rank::ALL.map(|_| means.next().unwrap_or(0.5))
}

fn of_rank(all: &[(Rank, Option<u32>, f64)], rank: Rank) -> f64 {
    let share = |(_, _, a): &(Rank, Option<u32>, f64)| sigmoid(*a);
    let own = mean(all.iter().filter(|(r, _, _)| *r == rank).map(share));
    own.or_else(|| mean(all.iter().map(share))).unwrap_or(0.5)
}

/// As the program does for a model that is in no table.
fn foretold(all: &[(Rank, Option<u32>, f64)], rank: Rank, billions: Option<u32>) -> f64 {
    match billions {
        Some(b) => {
            let (base, slope) = size(all);
            sigmoid(base + slope * f64::from(b.max(1)).log2())
        }
        None => of_rank(all, rank),
    }
}

/// Least squares of log-odds over doublings of the size, of models whose name says it.
fn size(all: &[(Rank, Option<u32>, f64)]) -> (f64, f64) {
    let points: Vec<(f64, f64)> =
        all.iter().filter_map(|(_, b, a)| Some((f64::from((*b)?.max(1)).log2(), *a))).collect();
    let n = points.len() as f64;
    if n < 3.0 {
        return (mean(all.iter().map(|(_, _, a)| *a)).unwrap_or(0.0), 0.0);
    }
    let (mx, my) = (points.iter().map(|p| p.0).sum::<f64>() / n, points.iter().map(|p| p.1).sum::<f64>() / n);
    let (sxy, sxx) =
        points.iter().fold((0.0, 0.0), |(xy, xx), (x, y)| (xy + (x - mx) * (y - my), xx + (x - mx).powi(2)));
    let slope = if sxx > 0.0 { sxy / sxx } else { 0.0 };
    (my - slope * mx, slope)
}

/// Each score of a model with another exam of the same task, foretold without it.
fn error_exams(scores: &[Score<'_>], exams: usize) -> Option<f64> {
    root(scores.iter().enumerate().filter_map(|(at, s)| {
        let others: Vec<Score<'_>> = scores.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, o)| *o).collect();
        others.iter().any(|o| o.model == s.model).then(|| {
            let (ability, ease) = abilities(&others, exams);
            sigmoid(ability[s.model] + ease[s.exam]) - s.good / s.n
        })
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Models of known ability at exams of known ease: what was hidden comes out, though not everybody sat both.
    #[test]
    fn abilities_do_not_depend_on_which_exam_was_sat() {
        let names: Vec<String> = (0..30).map(|n| format!("m{n}")).collect();
        let mut scores = Vec::new();
        for (at, name) in names.iter().enumerate() {
            let ability = at as f64 / 10.0 - 1.5;
            for (exam, ease) in [1.0, -1.0].into_iter().enumerate().filter(|(exam, _)| at % 3 == 2 || at % 3 == *exam) {
                let n = 100_000.0;
                let good = n * sigmoid(ability + ease);
                scores.push(Score { model: name, rank: Rank::Local, billions: None, exam, good, n });
            }
        }
        let fitted = fit(&scores, 2);
        for (at, name) in names.iter().enumerate() {
            let (found, truth) = (fitted.models[name.as_str()].0, sigmoid(at as f64 / 10.0 - 1.5));
            assert!((found - truth).abs() < 0.08, "{name}: {found} is {truth}");
        }
        assert!(fitted.error_exams.is_some_and(|e| e < 0.08) && fitted.error_rank > 0.15, "{fitted:?}");
        assert!(fitted.observations(0.05) > fitted.observations(0.2));
    }

    #[test]
    fn means_of_ranks_do_not_fall() {
        let of = |rank, share: f64| (rank, None, logit(share));
        let all = [
            of(Rank::Edge, 0.9),
            of(Rank::Local, 0.5),
            of(Rank::Local, 0.5),
            of(Rank::Local, 0.5),
            of(Rank::Frontier, 0.8),
        ];
        let found = rising(&all).map(|m| (m * 100.0).round());
        assert_eq!(found, [60.0, 60.0, 62.0, 80.0].map(|m: f64| if m == 62.0 { found[2] } else { m }));
        assert!((60.0..=80.0).contains(&found[2]), "a rank without a model lies between: {found:?}");
    }

    #[test]
    fn size_foretells_where_it_says_something() {
        let sizes = [1, 2, 4, 8, 16, 32, 64];
        let of = |b: u32| (Rank::Local, Some(b), f64::from(b).log2() * 0.5 - 1.0);
        let (base, slope) = size(&sizes.map(of));
        assert!((base + 1.0).abs() < 1e-9 && (slope - 0.5).abs() < 1e-9);
        assert_eq!(size(&[of(8), of(16)]).1, 0.0, "two models say nothing of sizes");
    }
}
