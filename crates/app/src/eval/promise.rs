//! `dewpoint eval promise`: how often a bound on the loss of quality holds where its threshold was not set.
//!
//! Never here: the procedure that sets it (`decide::promise`).

use super::Promise;
use super::measure::Chance;
use super::sheet;
use crate::problem::{Problem, Problems};
use anyhow::Result;
use decide::{ERROR_RATE, Evidence, promise};
use serde::Serialize;
use std::collections::BTreeMap;
use std::process::ExitCode;

/// Splits at most.
const SPLITS_MAX: u32 = 10_000;

#[derive(Serialize)]
struct Report {
    n: usize,
    max_loss: f64,
    error_rate: f64,
    splits: u32,
    /// Splits in which something could be promised; in the others everything goes to the strong model.
    promised: u32,
    /// Share of all splits in which the mean loss on the other half was at most the bound.
    held: f64,
    /// The same among the splits in which something was promised.
    held_when_promised: Option<f64>,
    /// Mean loss on the other halves.
    loss: f64,
    /// Mean share of strong calls on the other halves.
    escalated: f64,
    /// Whether answers were looked at, or prompts only.
    cascade: bool,
    /// What all the data together allow.
    status: String,
    /// The same for each task on its own, where that was asked for.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    by_task: BTreeMap<String, Report>,
}

/// Evaluates and prints.
pub(super) fn run(args: &Promise) -> Result<ExitCode> {
    if !(args.max_loss > 0.0 && args.max_loss < 1.0) || args.splits == 0 || args.splits > SPLITS_MAX {
        let why = format!("--max-loss is between 0 and 1, and --splits between 1 and {SPLITS_MAX}");
        return Err(
            Problems::from(Problem::new("nothing can be promised", why, "try --max-loss 0.02 --splits 200")).into()
        );
    }
    let sheet = sheet::read(&args.exam)?;
    let rating = sheet.after.as_ref().unwrap_or(&sheet.before);
    let evidence: Vec<(u64, Evidence)> = (0..rating.len())
        .map(|at| {
            let loss = sheet.scores.strong[at] - sheet.scores.weak[at];
            (sheet.group[at], Evidence { doubt: rating[at] as f32, loss })
        })
        .collect();
    let cascade = sheet.after.is_some();
    let mut report = examine(&evidence, args.max_loss, args.splits, cascade);
    if args.by_task {
        let mut tasks: BTreeMap<&str, Vec<(u64, Evidence)>> = BTreeMap::new();
        for (task, one) in sheet.task.iter().zip(&evidence) {
            tasks.entry(task).or_default().push(*one);
        }
        let one = |(task, own): (&str, Vec<_>)| (task.to_owned(), examine(&own, args.max_loss, args.splits, cascade));
        report.by_task = tasks.into_iter().map(one).collect();
    }
    let text = if args.json { format!("{}\n", serde_json::to_string_pretty(&report)?) } else { told(&report) };
    crate::print(&text)
}

fn examine(evidence: &[(u64, Evidence)], max_loss: f64, splits: u32, cascade: bool) -> Report {
    let mut groups: BTreeMap<u64, Vec<Evidence>> = BTreeMap::new();
    evidence.iter().for_each(|(group, one)| groups.entry(*group).or_default().push(*one));
    let mut groups: Vec<Vec<Evidence>> = groups.into_values().collect();
    let (mut promised, mut held, mut held_promised, mut loss, mut escalated) = (0, 0, 0, 0.0, 0.0);
    for split in 0..splits {
        Chance(u64::from(split) + 1).shuffle(&mut groups);
        let (set, check) = groups.split_at(groups.len() / 2);
        let made = promise(&set.concat(), max_loss, ERROR_RATE);
        let check = check.concat();
        let kept = || check.iter().filter(|e| made.keeps(e.doubt));
        let n = check.len().max(1) as f64;
        let lost = kept().map(|e| e.loss).sum::<f64>() / n;
        let (something, holds) = (matches!(made, decide::Promise::Kept { .. }), lost <= max_loss);
        promised += u32::from(something);
        held += u32::from(holds);
        held_promised += u32::from(something && holds);
        loss += lost;
        escalated += 1.0 - kept().count() as f64 / n;
    }
    Chance(0).shuffle(&mut groups);
    let status = match promise(&groups.concat(), max_loss, ERROR_RATE) {
        decide::Promise::NotYet { evidence } => {
            format!("not yet promised ({evidence} questions are too few, or too many are lost)")
        }
        decide::Promise::Kept { doubt, evidence, share } => {
            format!(
                "promised with {evidence} questions: doubts up to {doubt:.2} are kept, {:.1} % of them",
                100.0 * share
            )
        }
    };
    Report {
        n: evidence.len(),
        max_loss,
        error_rate: ERROR_RATE,
        splits,
        promised,
        held: f64::from(held) / f64::from(splits),
        held_when_promised: (promised > 0).then(|| f64::from(held_promised) / f64::from(promised)),
        loss: loss / f64::from(splits),
        escalated: escalated / f64::from(splits),
        cascade,
        status,
        by_task: BTreeMap::new(),
    }
}

fn told(report: &Report) -> String {
    let by = if report.cascade {
        "after looking at answers"
    } else {
        "by the prompt alone: there are no answers in the file"
    };
    let alone = report.by_task.iter().map(|(task, report)| {
        let set_on = report.n / 2;
        format!("\n{task} on its own, set on {set_on} questions:\n{}", told(report))
    });
    let alone: String = alone.collect();
    format!(
        "{} questions, {by}; at most {:.3} lost, wrong in at most {:.1} % of cases\n\
         held in {:.1} % of {} splits ({} of them promised something), mean loss {:.4}, {:.1} % of calls to the strong model\n{}\n{alone}",
        report.n,
        report.max_loss,
        100.0 * report.error_rate,
        100.0 * report.held,
        report.splits,
        report.promised,
        report.loss,
        100.0 * report.escalated,
        report.status
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(n: u64, lost_above: f32) -> Vec<(u64, Evidence)> {
        (0..n)
            .map(|group| {
                let doubt = (group * 37 % 101) as f32 / 101.0;
                (group, Evidence { doubt, loss: if doubt > lost_above { 1.0 } else { 0.0 } })
            })
            .collect()
    }

    #[test]
    fn a_bound_holds_on_the_other_halves_and_saves_calls() {
        let report = examine(&evidence(4000, 0.5), 0.02, 100, true);
        assert!(report.held >= 0.95 && report.promised == 100, "{}", report.held);
        assert!((0.4..0.6).contains(&report.escalated), "{}", report.escalated);
    }

    #[test]
    fn too_few_questions_promise_nothing_and_stay_safe() {
        let report = examine(&evidence(60, 0.5), 0.02, 50, true);
        assert_eq!((report.promised, report.held, report.escalated), (0, 1.0, 1.0));
        assert!(report.status.starts_with("not yet promised"));
    }
}
