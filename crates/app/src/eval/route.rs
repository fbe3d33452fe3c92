//! `dewpoint eval route`: the shipped judgement beside its controls.
//!
//! Never here: training.

use super::measure::{self, Chance, Scores, Worth};
use super::sheet::{self, Sheet};
use super::{Route, picture};
use crate::problem::{Problem, Problems};
use crate::table::columns;
use anyhow::{Context, Result};
use serde::Serialize;
use std::collections::BTreeMap;
use std::process::ExitCode;

/// Random orders that are averaged.
const RANDOM: u64 = 30;
/// Folds of the control that knows labels.
const FOLDS: u64 = 5;

#[derive(Serialize)]
struct Report {
    n: usize,
    acc_weak: f64,
    acc_strong: f64,
    query_only: Worth,
    cascade: Option<Cascade>,
    controls: Controls,
    /// Share of prompts unlike anything trained on; they are put in order by their length.
    unfamiliar: f64,
    bad_rows: usize,
    unscored_rows: usize,
}

#[derive(Serialize)]
struct Cascade {
    #[serde(flatten)]
    worth: Worth,
    /// What the helpers wrote over what the strong model writes to all questions, in characters.
    helper_cost_share: Option<f64>,
    /// The same figures with that charged, at this price of a helper's character against the strong model's.
    charged: Option<Charged>,
}

#[derive(Serialize)]
struct Charged {
    helper_price: f64,
    #[serde(flatten)]
    worth: measure::Charged,
}

#[derive(Serialize)]
struct Controls {
    random: Worth,
    length: Worth,
    task: Worth,
    oracle: Worth,
}

/// Evaluates and prints.
pub(super) fn run(args: &Route) -> Result<ExitCode> {
    if !(args.helper_price >= 0.0 && args.helper_price <= 1000.0) {
        let why = format!("--helper-price {} is not a number from 0 to 1000", args.helper_price);
        let help = "0.02 says that the helpers cost a fiftieth of the strong model";
        return Err(Problems::from(Problem::new("helpers cannot be charged", why, help)).into());
    }
    let sheet = sheet::read(&args.exam)?;
    let scores = &sheet.scores;
    let cascade = sheet.after.as_ref().map(|after| Cascade {
        worth: measure::worth(scores, after),
        helper_cost_share: sheet.helper_cost_share,
        charged: charged(scores, after, sheet.helper_cost_share, args.helper_price),
    });
    let task = labels(&sheet);
    let oracle: Vec<f64> = scores.strong.iter().zip(&scores.weak).map(|(s, w)| s - w).collect();
    let report = Report {
        n: scores.weak.len(),
        acc_weak: mean(&scores.weak),
        acc_strong: mean(&scores.strong),
        query_only: measure::worth(scores, &sheet.before),
        cascade,
        controls: Controls {
            random: random(scores),
            length: measure::worth(scores, &sheet.length),
            task: measure::worth(scores, &task),
            oracle: measure::worth(scores, &oracle),
        },
        unfamiliar: sheet.unfamiliar,
        bad_rows: sheet.bad_rows,
        unscored_rows: sheet.unscored_rows,
    };
    if let Some(path) = &args.picture {
        let lines = [
            ("oracle", Some(&oracle)),
            ("cascade", sheet.after.as_ref()),
            ("query only", Some(&sheet.before)),
            ("task label", Some(&task)),
            ("prompt length", Some(&sheet.length)),
        ];
        let lines: Vec<(&str, Vec<f64>)> = lines
            .into_iter()
            .filter_map(|(name, rating)| Some((name, measure::curve(scores, &measure::order(rating?), None)?)))
            .collect();
        let title = format!("{} to {}", args.exam.weak, args.exam.strong);
        std::fs::write(path, picture::draw(&title, &lines))
            .with_context(|| format!("{}: cannot be written", path.display()))?;
    }
    let text = if args.json { format!("{}\n", serde_json::to_string_pretty(&report)?) } else { table(&report) };
    crate::print(&text)
}

fn charged(scores: &Scores, after: &[f64], share: Option<f64>, helper_price: f64) -> Option<Charged> {
    let points = measure::curve(scores, &measure::order(after), None)?;
    Some(Charged { helper_price, worth: measure::charged(&points, share? * helper_price) })
}

fn mean(scores: &[f64]) -> f64 {
    scores.iter().sum::<f64>() / scores.len().max(1) as f64
}

/// The mean of random orders, figure by figure; the interval is that of the questions, of one order.
fn random(scores: &Scores) -> Worth {
    let orders: Vec<Worth> = (0..RANDOM)
        .map(|seed| {
            let mut lot = Chance(seed + 1);
            let rating: Vec<f64> = (0..scores.weak.len()).map(|_| lot.next() as f64).collect();
            measure::worth(scores, &rating)
        })
        .collect();
    let mean = |figure: fn(&Worth) -> Option<f64>| {
        let found: Vec<f64> = orders.iter().filter_map(figure).collect();
        (!found.is_empty()).then(|| found.iter().sum::<f64>() / found.len() as f64)
    };
    Worth {
        apgr: mean(|w| w.apgr),
        cpt50: mean(|w| w.cpt50),
        cpt80: mean(|w| w.cpt80),
        cpt95: mean(|w| w.cpt95),
        cpt100: mean(|w| w.cpt100),
        apgr_ci: mean(|w| w.apgr_ci.map(|c| c[0]))
            .zip(mean(|w| w.apgr_ci.map(|c| c[1])))
            .map(|(low, high)| [low, high]),
        ..Worth::default()
    }
}

/// Mean gain of the same label among questions of other groups: what a router would reach that knew the labels of the exam and had
/// learned on it. No such thing is shipped.
fn labels(sheet: &Sheet) -> Vec<f64> {
    let mut sums: BTreeMap<(u64, usize), (f64, f64)> = BTreeMap::new();
    for (at, label) in sheet.label.iter().enumerate() {
        let gain = sheet.scores.strong[at] - sheet.scores.weak[at];
        for fold in (0..FOLDS).filter(|fold| *fold != sheet.group[at] % FOLDS) {
            let sum = sums.entry((fold, *label)).or_default();
            *sum = (sum.0 + gain, sum.1 + 1.0);
        }
    }
    let read = |(at, label): (usize, &usize)| sums.get(&(sheet.group[at] % FOLDS, *label)).map_or(0.0, |s| s.0 / s.1);
    sheet.label.iter().enumerate().map(read).collect()
}

fn table(report: &Report) -> String {
    let share = |share: Option<f64>| share.map_or("-".to_owned(), |s| format!("{:.1} %", 100.0 * s));
    let row = |name: &str, worth: &Worth| {
        let [low, high] = worth.apgr_ci.unwrap_or_default();
        let area = worth.apgr.map_or("-".to_owned(), |a| format!("{a:.3} ({low:.3} to {high:.3})"));
        vec![name.to_owned(), area, share(worth.cpt50), share(worth.cpt80), share(worth.cpt95), share(worth.cpt100)]
    };
    let mut rows = vec![["", "APGR (95 %)", "CPT50", "CPT80", "CPT95", "CPT100"].map(str::to_owned).to_vec()];
    rows.push(row("query only", &report.query_only));
    rows.extend(report.cascade.as_ref().map(|c| row("cascade", &c.worth)));
    let controls = &report.controls;
    for (name, worth) in [
        ("random", &controls.random),
        ("length", &controls.length),
        ("task", &controls.task),
        ("oracle", &controls.oracle),
    ] {
        rows.push(row(name, worth));
    }
    let helpers = report.cascade.as_ref().and_then(|c| c.helper_cost_share);
    let charged = report.cascade.as_ref().and_then(|c| c.charged.as_ref()).map_or_else(String::new, |c| {
        let (price, area) = (c.helper_price, c.worth.apgr);
        format!(" Charged at {price} of its price a character: APGR {area:.3}, CPT95 {}.", share(c.worth.cpt95))
    });
    let cost = helpers.map_or_else(String::new, |s| {
        format!("Helpers wrote {s:.2} times the characters that the strong model writes to all questions.{charged}\n")
    });
    let left = if report.bad_rows + report.unscored_rows > 0 {
        format!("Left out: {} bad lines, {} rows without both scores.\n", report.bad_rows, report.unscored_rows)
    } else {
        String::new()
    };
    let odd = format!("{:.0} % of the prompts are unlike anything trained on.\n", 100.0 * report.unfamiliar);
    let head = format!("{} questions; weak {:.3}, strong {:.3}\n\n", report.n, report.acc_weak, report.acc_strong);
    format!("{head}{}\n{cost}{odd}{left}", columns(&rows))
}
