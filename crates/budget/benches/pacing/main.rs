//! What pacing buys: months of real traffic under 30, 50 and 70 % of the money that they would have cost, spent in several ways,
//! and compared with what hindsight could have done.
//!
//!     cargo bench -p budget --bench pacing -- DATA/economics/traces [--page docs/book/pacing.md]
//!
//! Without a folder of traces nothing is measured. With `--page` the table and the picture of the book are made anew.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod policy;
mod traffic;

use policy::Month;
use std::fmt::Write as _;
use std::path::Path;
use testkit::chart::{Panel, chart_over, write_section};
use traffic::{MONTH, Trace};

const SEEDS: u64 = 20;
const SHARES: [f64; 3] = [0.3, 0.5, 0.7];
const WAYS: [&str; 7] = [
    "until it is gone",
    "even days",
    "even days, carried",
    "until 80 %, then the cheapest",
    "last month's best weight",
    "paced, first month",
    "paced, second month",
];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let page = args.iter().position(|a| a == "--page").and_then(|at| args.get(at + 1));
    let Some(folder) = args.first().filter(|a| !a.starts_with("--")) else {
        println!("pacing: name the folder of traces: cargo bench -p budget --bench pacing -- DATA/economics/traces");
        return;
    };
    let traces = traffic::traces(Path::new(folder));
    let mut table = String::from(
        "| traffic | budget | way | quality, % of hindsight | refused, % | spent, % of the budget | first refusal, day |\n|---|---|---|---|---|---|---|\n",
    );
    for trace in &traces {
        for share in SHARES {
            rows(trace, share, &mut table);
        }
    }
    println!("{table}");
    if let Some(page) = page {
        write_section(Path::new(page), "pacing", &table);
        std::fs::write(Path::new(page).with_file_name("pacing.svg"), picture(&traces[0]))
            .expect("the picture can be written");
    }
}

/// The ways of one seed, and what hindsight would have had.
fn ways(trace: &Trace, share: f64, seed: u64) -> (Vec<Month>, Month) {
    let [first, second] = traffic::months(trace, seed);
    let limit = |requests: &[traffic::Request]| (policy::unlimited(requests).spent as f64 * share) as i64;
    let start = MONTH as f64;
    let most = limit(&second);
    let before = limit(&first);
    let learnt = policy::paced(&first, before, 0.0, None).1;
    let all = vec![
        policy::until_gone(&second, most, start),
        policy::even(&second, most, start),
        policy::carried(&second, most, start),
        policy::degraded(&second, most, start),
        policy::as_before(&second, most, start, policy::hindsight(&first, before).1),
        policy::paced(&second, most, start, None).0,
        policy::paced(&second, most, start, Some(learnt)).0,
    ];
    (all, policy::hindsight(&second, most).0)
}

fn rows(trace: &Trace, share: f64, table: &mut String) {
    let runs: Vec<_> = (0..SEEDS).map(|seed| ways(trace, share, seed)).collect();
    for (at, way) in WAYS.iter().enumerate() {
        let of = |f: &dyn Fn(&Month, &Month) -> f64| -> Vec<f64> {
            runs.iter().map(|(all, best)| f(&all[at], best)).collect()
        };
        let (quality, spread) = mean(&of(&|m, best| 100.0 * m.quality / best.quality));
        let (refused, _) = mean(&of(&|m, _| 100.0 * m.refused as f64 / m.asked as f64));
        let (spent, _) = mean(&of(&|m, best| 100.0 * m.spent as f64 / best.spent as f64));
        let dry: Vec<f64> = runs.iter().filter_map(|(all, _)| all[at].dry).map(|d| d * MONTH as f64).collect();
        let dry =
            if dry.is_empty() { "none".into() } else { format!("{:.1} ({} of {SEEDS})", mean(&dry).0, dry.len()) };
        let _ = writeln!(
            table,
            "| {} | {:.0} % | {way} | {quality:.1} ± {spread:.1} | {refused:.1} | {spent:.1} | {dry} |",
            trace.name,
            share * 100.0
        );
    }
}

/// Mean, and half the width of its 95 % interval (normal).
fn mean(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    (mean, 1.96 * (variance / n).sqrt())
}

fn picture(trace: &Trace) -> String {
    let (all, _) = ways(trace, 0.5, 0);
    let line = |at: usize, name: &str| (name.to_owned(), all[at].spending.clone());
    let spending = Panel {
        title: "spent, % of the budget".into(),
        lines: vec![line(0, "until it is gone"), line(3, "80 %, then cheapest"), line(6, "paced")],
        bound: Some(("the budget".into(), 100.0)),
        log: false,
    };
    let weights = Panel {
        title: "what money weighs, times its face value".into(),
        lines: vec![("first month".into(), all[5].weights.clone()), ("second month".into(), all[6].weights.clone())],
        bound: None,
        log: false,
    };
    chart_over("d", &[spending, weights], &[])
}
