//! What came of an exam: what each rating is worth beside its controls, and the fit.
//!
//! Never here: asking a model.

use super::worth::{Figure, auroc, brier, calibration_error, kept_right, within};
use crate::eval::measure::Chance;
use crate::table::{columns, printable};
use sense::{TokenFit, TokenSigns};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The fit that is in the program; on the bundled model's exam at temperature 0 it is the one thing here that has seen the answers.
const SHIPPED: &str = "shipped fit";
/// Shares of answers that are kept.
const KEPT: [f64; 6] = [0.5, 0.7, 0.8, 0.9, 0.95, 1.0];

/// One question that was answered.
#[derive(Debug, Clone)]
pub(super) struct Answered {
    pub(super) task: String,
    pub(super) wrong: bool,
    pub(super) signs: TokenSigns,
    /// Characters of the answer, and of what was asked.
    pub(super) written: usize,
    pub(super) asked: usize,
}

/// Everything that was measured. Ratings are higher where the answer is more doubtful.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    model: String,
    temperature: f64,
    asked: usize,
    answered: usize,
    right: usize,
    /// Share of right answers.
    accuracy: Option<f64>,
    tokens_per_answer: f64,
    signs: Vec<Rated>,
    controls: Vec<Rated>,
    /// Why there is no fit, where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    no_fit: Option<String>,
    calibration: Vec<Calibration>,
    coverage: Vec<Coverage>,
    /// Fitted on every answer, for use elsewhere.
    fit: Option<Fit>,
    tasks: Vec<Task>,
}

/// A rating.
#[derive(Debug, Serialize)]
struct Rated {
    name: &'static str,
    /// How often a wrong answer is rated higher than a right one.
    auroc: Figure,
    /// The same among the answers of one task.
    within_task: Figure,
}

/// How far the chances that a fit gives are from what came, on answers that it was not fitted on.
#[derive(Debug, Serialize)]
struct Calibration {
    name: &'static str,
    ece: Figure,
    brier: f64,
    /// Of always giving the share of wrong answers.
    brier_base: f64,
}

/// Share of right answers among those that a rating keeps.
#[derive(Debug, Serialize)]
struct Coverage {
    kept: f64,
    halves: Option<Figure>,
    least_sure_token: Figure,
    task: Figure,
    answer_length: Figure,
    oracle: Figure,
}

#[derive(Debug, Serialize)]
struct Fit {
    with_entropy: [f64; 5],
    without_entropy: [f64; 3],
}

#[derive(Debug, Serialize)]
struct Task {
    task: String,
    answered: usize,
    right: usize,
    /// Of the least sure token, in this task.
    auroc: Option<f64>,
}

/// Answers in a form to measure.
struct Data<'a> {
    all: &'a [Answered],
    wrong: Vec<bool>,
    /// Answers of each task.
    tasks: BTreeMap<&'a str, Vec<usize>>,
    groups: Vec<Vec<usize>>,
    halves: Vec<Vec<usize>>,
}

impl<'a> Data<'a> {
    fn of(all: &'a [Answered]) -> Data<'a> {
        let mut tasks: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        all.iter().enumerate().for_each(|(i, a)| tasks.entry(&a.task).or_default().push(i));
        let groups = tasks.values().cloned().collect();
        Data { all, wrong: all.iter().map(|a| a.wrong).collect(), tasks, groups, halves: halves(all.len()) }
    }

    fn each(&self, rate: impl Fn(&Answered) -> f64) -> Vec<f64> {
        self.all.iter().map(rate).collect()
    }

    fn rated(&self, name: &'static str, rating: &[f64]) -> Rated {
        Rated { name, auroc: auroc(&self.wrong, rating), within_task: within(&self.groups, &self.wrong, rating) }
    }

    /// Share of wrong answers.
    fn base(&self) -> f64 {
        self.wrong.iter().filter(|w| **w).count() as f64 / self.wrong.len().max(1) as f64
    }

    fn calibrated(&self, name: &'static str, chance: &[f64]) -> Calibration {
        let base = self.base();
        Calibration {
            name,
            ece: calibration_error(&self.wrong, chance),
            brier: brier(&self.wrong, chance),
            brier_base: base * (1.0 - base),
        }
    }

    fn least(&self) -> Vec<f64> {
        self.each(|a| f64::from(-a.signs.min()))
    }

    /// What the signs say as they are.
    fn signs(&self) -> Vec<Rated> {
        let mut signs = vec![
            self.rated("mean log-probability", &self.each(|a| f64::from(-a.signs.mean()))),
            self.rated("least log-probability", &self.least()),
            self.rated("sum of log-probabilities", &self.each(|a| -f64::from(a.signs.mean()) * f64::from(a.signs.n()))),
        ];
        if self.all.iter().any(|a| a.signs.entropy_mean().is_some()) {
            let mean = self.each(|a| a.signs.entropy_mean().map_or(0.0, f64::from));
            let most = self.each(|a| a.signs.entropy_max().map_or(0.0, f64::from));
            signs.extend([self.rated("mean entropy", &mean), self.rated("largest entropy", &most)]);
        }
        signs
    }

    fn controls(&self) -> Vec<Rated> {
        let mut chance = Chance(1);
        let random: Vec<f64> = self.all.iter().map(|_| (chance.next() >> 11) as f64).collect();
        vec![
            self.rated("random", &random),
            self.rated("answer length", &self.each(|a| a.written as f64)),
            self.rated("prompt length", &self.each(|a| a.asked as f64)),
            self.rated("task label, other half", &labels(self.all, &self.halves)),
        ]
    }

    fn coverage(&self, fitted: Option<&[f64]>) -> Vec<Coverage> {
        let (least, label) = (self.least(), labels(self.all, &self.halves));
        let written = self.each(|a| a.written as f64);
        let oracle = self.each(|a| f64::from(u8::from(a.wrong)));
        let of = |rating: &[f64], kept| kept_right(&self.wrong, rating, kept);
        let one = |kept| Coverage {
            kept,
            halves: fitted.map(|f| of(f, kept)),
            least_sure_token: of(&least, kept),
            task: of(&label, kept),
            answer_length: of(&written, kept),
            oracle: of(&oracle, kept),
        };
        KEPT.map(one).into()
    }

    fn tasks(&self) -> Vec<Task> {
        let least = self.least();
        let one = |(task, part): (&&str, &Vec<usize>)| {
            let (w, r): (Vec<bool>, Vec<f64>) = part.iter().map(|i| (self.wrong[*i], least[*i])).unzip();
            let right = w.iter().filter(|w| !**w).count();
            Task { task: (*task).to_owned(), answered: part.len(), right, auroc: auroc(&w, &r).value }
        };
        self.tasks.iter().map(one).collect()
    }
}

impl Report {
    pub(super) fn of(model: String, temperature: f64, asked: usize, all: &[Answered]) -> Report {
        let data = Data::of(all);
        let fitted = crossed(all, &data.halves);
        let left_out = if data.groups.len() > 1 { crossed(all, &data.groups) } else { Err("one task only".to_owned()) };
        let shipped = Ok(data.each(|a| TokenFit::BUNDLED.wrong(&a.signs)));
        let (mut signs, mut calibration) = (data.signs(), Vec::new());
        for (name, chance) in [("fit, other half", &fitted), ("fit, other tasks", &left_out), (SHIPPED, &shipped)] {
            if let Ok(chance) = chance {
                signs.push(data.rated(name, chance));
                calibration.push(data.calibrated(name, chance));
            }
        }
        let pairs: Vec<(&TokenSigns, bool)> = all.iter().map(|a| (&a.signs, !a.wrong)).collect();
        let fit = TokenFit::of(&pairs).ok();
        Report {
            model,
            temperature,
            asked,
            answered: all.len(),
            right: all.iter().filter(|a| !a.wrong).count(),
            accuracy: (!all.is_empty()).then(|| 1.0 - data.base()),
            tokens_per_answer: all.iter().map(|a| f64::from(a.signs.n())).sum::<f64>() / all.len().max(1) as f64,
            signs,
            controls: data.controls(),
            calibration,
            coverage: data.coverage(fitted.as_deref().ok()),
            no_fit: fitted.err(),
            fit: fit.map(|f| Fit { with_entropy: f.with_entropy, without_entropy: f.without }),
            tasks: data.tasks(),
        }
    }

    /// For people.
    pub(super) fn shown(&self) -> String {
        let percent = |v: f64| format!("{:.1} %", 100.0 * v);
        let bounds = |f: &Figure, factor: f64, unit: &str| match (f.value, f.ci) {
            (Some(v), Some([a, b])) if factor > 1.0 => {
                format!("{:.1} [{:.1}, {:.1}]{unit}", factor * v, factor * a, factor * b)
            }
            (Some(v), Some([a, b])) => format!("{v:.3} [{a:.3}, {b:.3}]"),
            _ => "not defined".to_owned(),
        };
        let mut out = format!(
            "{}: {} of {} questions answered, {} right ({}), {:.1} tokens an answer, temperature {}\n\n",
            printable(&self.model),
            self.answered,
            self.asked,
            self.right,
            self.accuracy.map_or_else(|| "none".to_owned(), percent),
            self.tokens_per_answer,
            self.temperature
        );
        let mut rows = vec![vec!["rating".to_owned(), "AUROC [95 %]".to_owned(), "within a task".to_owned()]];
        for (head, rated) in [("", &self.signs), ("control: ", &self.controls)] {
            for r in rated {
                rows.push(vec![
                    format!("{head}{}", r.name),
                    bounds(&r.auroc, 1.0, ""),
                    bounds(&r.within_task, 1.0, ""),
                ]);
            }
        }
        out.push_str(&columns(&rows));
        if let Some(why) = &self.no_fit {
            let _ = writeln!(out, "\nNo fit: {why}.");
        }
        for c in &self.calibration {
            let ece = bounds(&c.ece, 1.0, "");
            let _ = writeln!(
                out,
                "\n{}: expected calibration error {ece}, Brier score {:.4} (always the share of wrong answers: {:.4})",
                c.name, c.brier, c.brier_base
            );
        }
        let head = ["kept", "fit, other half", "least log-probability", "task label", "answer length", "oracle"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        for c in &self.coverage {
            let mut row = vec![percent(c.kept)];
            let none = Figure { value: None, ci: None };
            for f in [c.halves.as_ref().unwrap_or(&none), &c.least_sure_token, &c.task, &c.answer_length, &c.oracle] {
                row.push(bounds(f, 100.0, " %"));
            }
            rows.push(row);
        }
        let _ = write!(out, "\nRight among the answers that are kept:\n{}", columns(&rows));
        let mut rows =
            vec![["task", "answered", "right", "AUROC of the least log-probability"].map(str::to_owned).to_vec()];
        for t in &self.tasks {
            let area = t.auroc.map_or_else(|| "-".to_owned(), |a| format!("{a:.3}"));
            rows.push(vec![printable(&t.task), t.answered.to_string(), t.right.to_string(), area]);
        }
        let _ = write!(out, "\n{}", columns(&rows));
        if let Some(f) = &self.fit {
            let _ = writeln!(
                out,
                "\nChance of a wrong answer, fitted on all of them (logistic; base, then logarithms of -mean, \
                 -least, mean entropy, largest entropy): {:.4?}; without entropy: {:.4?}",
                f.with_entropy, f.without_entropy
            );
        }
        out
    }
}

/// Two halves, always the same.
fn halves(n: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..n).collect();
    Chance(2).shuffle(&mut order);
    let rest = order.split_off(n / 2);
    vec![order, rest]
}

/// The chance of a wrong answer, for each part after a fit on all the others.
fn crossed(all: &[Answered], parts: &[Vec<usize>]) -> Result<Vec<f64>, String> {
    let mut chance = vec![0.0; all.len()];
    for (p, part) in parts.iter().enumerate() {
        let others = parts.iter().enumerate().filter(|(o, _)| *o != p).flat_map(|(_, o)| o);
        let others: Vec<(&TokenSigns, bool)> = others.map(|i| (&all[*i].signs, !all[*i].wrong)).collect();
        let fit = TokenFit::of(&others).map_err(|e| e.to_string())?;
        part.iter().for_each(|i| chance[*i] = fit.wrong(&all[*i].signs));
    }
    Ok(chance)
}

/// The share of wrong answers of the task in the other half.
fn labels(all: &[Answered], halves: &[Vec<usize>]) -> Vec<f64> {
    let mut label = vec![0.0; all.len()];
    for (h, half) in halves.iter().enumerate() {
        let mut seen: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
        for i in halves.iter().enumerate().filter(|(o, _)| *o != h).flat_map(|(_, o)| o) {
            let (wrong, n) = seen.entry(&all[*i].task).or_default();
            *wrong += f64::from(u8::from(all[*i].wrong));
            *n += 1.0;
        }
        half.iter().for_each(|i| label[*i] = seen.get(&*all[*i].task).map_or(0.5, |(wrong, n)| wrong / n));
    }
    label
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use wire::Sign;

    /// Answers whose least sure token says how often they are wrong, its logarithm being what the odds go by, as a fit takes it.
    fn answers(n: usize, told: bool) -> Vec<Answered> {
        let mut chance = Chance(9);
        let mut unit = move || (chance.next() >> 11) as f64 / (1u64 << 53) as f64;
        let one = |i: usize| {
            let doubt = unit();
            let wrong = unit() < if told { doubt } else { 0.3 };
            let sign = |l: f64| Sign { logprob: -l as f32, entropy: Some(l as f32), bytes: 1 };
            let signs = TokenSigns::of(&[sign(0.01), sign(0.5 * doubt / (1.0 - doubt)), sign(0.01)]);
            Answered { task: format!("t{}", i % 3), wrong, signs, written: 10 + i % 7, asked: 20 + i % 11 }
        };
        (0..n).map(one).collect()
    }

    fn area(report: &Report, name: &str) -> Figure {
        report.signs.iter().chain(&report.controls).find(|r| r.name == name).unwrap().auroc
    }

    #[test]
    fn signs_that_say_something_are_seen_and_controls_are_not() {
        let report = Report::of("m".into(), 0.0, 1200, &answers(1200, true));
        assert!(area(&report, "least log-probability").ci.unwrap()[0] > 0.75);
        assert!(area(&report, "fit, other half").ci.unwrap()[0] > 0.75);
        assert!(area(&report, "fit, other tasks").ci.unwrap()[0] > 0.75);
        for control in ["random", "answer length", "prompt length", "task label, other half"] {
            let [least, most] = area(&report, control).ci.unwrap();
            assert!(least < 0.52 && most > 0.48, "{control} {least} {most}");
        }
        // The shipped fit knows nothing of these made answers: it is shown, and need not be right.
        assert_eq!(report.calibration.len(), 3);
        for c in report.calibration.iter().filter(|c| c.name != SHIPPED) {
            let ece = c.ece.value.unwrap();
            assert!(ece < 0.06 && c.brier < c.brier_base, "{}: {ece} {} {}", c.name, c.brier, c.brier_base);
        }
        let kept = &report.coverage[0];
        assert!(kept.halves.unwrap().value > kept.task.value && kept.oracle.value >= kept.halves.unwrap().value);
        let text = report.shown();
        assert!(text.contains("control: random") && text.contains("oracle") && text.contains("t2"), "{text}");
    }

    #[test]
    fn signs_that_say_nothing_and_too_few_answers_are_said_to_be_so() {
        let report = Report::of("m".into(), 0.0, 600, &answers(600, false));
        let [least, most] = area(&report, "least log-probability").ci.unwrap();
        assert!(least < 0.5 && most > 0.5, "{least} {most}");
        let report = Report::of("m".into(), 0.0, 30, &answers(30, true));
        assert!(report.no_fit.as_ref().unwrap().contains("a fit needs"), "{:?}", report.no_fit);
        assert!(report.shown().contains("No fit"));
        let none = Report::of("m".into(), 0.0, 3, &[]);
        assert_eq!((none.answered, none.accuracy), (0, None));
        assert!(none.shown().contains("0 of 3"));
    }
}
