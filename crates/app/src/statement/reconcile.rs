//! `dewpoint report reconcile`: what a provider bills beside what the ledger says, by day and model.
//!
//! Never here: reading the bill ([`super::bill`]).

use super::args::Days;
use super::bill::{self, Bill, Billed};
use super::day::Day;
use super::shown::exact;
use crate::problem::{Problem, Problems};
use crate::source::failed;
use crate::table::printable;
use anyhow::Result;
use ledger::align;
use ledger::{Dim, Name, Sums, View, Wanted};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

/// A day and a model, in the ledger and on the bill.
#[derive(Debug, Serialize)]
struct Line {
    day: String,
    model: String,
    ledger_input_tokens: i128,
    billed_input_tokens: Option<i128>,
    ledger_output_tokens: i128,
    billed_output_tokens: Option<i128>,
    ledger_usd: String,
    billed_usd: Option<String>,
    /// Bill less ledger.
    difference_nanousd: Option<i128>,
    agrees: bool,
    /// What may explain a difference.
    because: Vec<String>,
}

#[derive(Serialize)]
struct Whole<'a> {
    place: &'a str,
    from: String,
    to: String,
    agrees: bool,
    lines: Vec<Line>,
    ledger_usd: String,
    billed_usd: Option<String>,
    bad_lines: &'a [String],
    bad_lines_total: usize,
}

/// Compares, and says whether they agree by its exit code.
pub(super) fn run(dir: &Path, days: &Days, file: &Path, place: &str, json: bool) -> Result<ExitCode> {
    let bill = read(file)?;
    let (from, to) = span(days, &bill).ok_or_else(|| empty(file, &bill))?;
    let wanted = Wanted {
        period: Day::period(Some(from), Some(to)),
        place: Some(place.to_owned()),
        views: vec![View::crossed(Dim::Day, Dim::Model)],
        readers: 0,
    };
    let statement = ledger::statement(dir, &wanted).map_err(|e| failed(&e))?;
    if statement.total.attempts == 0 {
        let what = format!("the ledger holds no attempt at \"{place}\" from {from} to {to}");
        let help = "give --place a name that `dewpoint report --by place` shows, and days of this bill";
        return Err(Problems::from(Problem::new(what, "so there is nothing to compare the bill with", help)).into());
    }
    let lines = compare(&sides(&statement, &bill, from, to));
    let agrees = lines.iter().all(|l| l.agrees) && bill.bad_total == 0;
    let whole = whole(place, (from, to), &statement.total, &bill, lines, agrees);
    let text = if json { serde_json::to_string_pretty(&whole)? + "\n" } else { text(&whole) };
    crate::print(&text)?;
    Ok(if agrees { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(file: &Path) -> Result<Bill> {
    let wrong = |why: String, help: &str| {
        Problems::from(Problem::new(format!("cannot read the bill {}", file.display()), why, help))
    };
    let there = "check that the file is there and readable";
    let length = std::fs::metadata(file).map_err(|e| wrong(e.to_string(), there))?.len();
    if length > bill::MAX_BYTES {
        let why = format!("it has {length} bytes, more than {}", bill::MAX_BYTES);
        return Err(wrong(why, "export it by day and model, or in parts").into());
    }
    let bytes = std::fs::read(file).map_err(|e| wrong(e.to_string(), there))?;
    let text =
        String::from_utf8(bytes).map_err(|e| wrong(format!("it is no UTF-8 text: {e}"), "export it as CSV or JSON"))?;
    bill::read(&text).map_err(|why| wrong(why, "docs/book/reports.md shows the forms that are read").into())
}

fn span(days: &Days, bill: &Bill) -> Option<(Day, Day)> {
    let (first, last) = (bill.lines.keys().next()?.0, bill.lines.keys().next_back()?.0);
    Some((days.from.unwrap_or(first), days.to.unwrap_or(last)))
}

fn empty(file: &Path, bill: &Bill) -> Problems {
    let what = format!("the bill {} holds no line that can be compared", file.display());
    let why = bill.bad.first().cloned().unwrap_or_else(|| "it holds no usage and no costs".to_owned());
    Problem::new(what, why, "export the usage or the costs of the period by day and model").into()
}

type Sides = BTreeMap<(Day, String), (Sums, Option<Billed>)>;

/// Both sides by day and model; by day alone where the bill names no model at all.
fn sides(statement: &ledger::Statement, bill: &Bill, from: Day, to: Day) -> Sides {
    let by_day = bill.lines.keys().all(|(_, model)| model.is_empty());
    let mut sides = Sides::new();
    for line in statement.sheets.iter().flat_map(|s| &s.lines) {
        let Name::Day(day) = line.name else { continue };
        let model = match &line.across {
            Name::Text(model) if !by_day => bill::called(model),
            _ => String::new(),
        };
        sides.entry((Day(day), model)).or_default().0.merge(&line.sums);
    }
    for ((day, model), billed) in bill.lines.iter().filter(|((day, _), _)| (from..=to).contains(day)) {
        sides.entry((*day, model.clone())).or_default().1 = Some(billed.clone());
    }
    sides
}

fn compare(sides: &Sides) -> Vec<Line> {
    sides.iter().map(|((day, model), (sums, billed))| line(*day, model, sums, billed.as_ref())).collect()
}

fn line(day: Day, model: &str, sums: &Sums, billed: Option<&Billed>) -> Line {
    let cost = billed.and_then(Billed::cost_nanousd);
    let input = billed.and_then(|b| b.input);
    let output = billed.and_then(|b| b.output);
    let difference = cost.map(|cost| cost - sums.marginal.nanousd);
    // The ledger rounds every attempt up to the nano-dollar.
    let rounding = i128::from(sums.marginal.known) + 1;
    let same_cost = difference.is_none_or(|d| d.abs() <= rounding);
    let same_tokens = input.is_none_or(|n| n == sums.input) && output.is_none_or(|n| n == sums.output);
    let nothing = sums.marginal.nanousd == 0 && sums.input == 0 && sums.output == 0;
    let agrees = same_cost && same_tokens && (billed.is_some() || nothing);
    Line {
        day: day.to_string(),
        model: if model.is_empty() { "(all)".to_owned() } else { model.to_owned() },
        ledger_input_tokens: sums.input,
        billed_input_tokens: input,
        ledger_output_tokens: sums.output,
        billed_output_tokens: output,
        ledger_usd: exact(sums.marginal.nanousd),
        billed_usd: cost.map(exact),
        difference_nanousd: difference,
        agrees,
        because: if agrees { Vec::new() } else { because(sums, billed) },
    }
}

/// What in the ledger is not sure enough to be equal.
fn because(sums: &Sums, billed: Option<&Billed>) -> Vec<String> {
    let mut out = Vec::new();
    if billed.is_none() {
        out.push("not on the bill".to_owned());
    }
    if sums.attempts == 0 {
        out.push("not in the ledger: asked past Dewpoint, or under another name".to_owned());
    }
    let mut say = |count: u64, what: String| {
        if count > 0 {
            out.push(format!("{count} {what}"));
        }
    };
    say(sums.unknown, format!("of unknown end, settled at their estimates of {}", exact(sums.open.nanousd)));
    say(sums.marginal.unknown, "without a known price".to_owned());
    say(sums.cancelled, "left by the caller, settled on what was seen".to_owned());
    say(sums.estimated.known, format!("estimated, at {}", exact(sums.estimated.nanousd)));
    out
}

fn whole<'a>(
    place: &'a str,
    days: (Day, Day),
    total: &Sums,
    bill: &'a Bill,
    lines: Vec<Line>,
    agrees: bool,
) -> Whole<'a> {
    let mut billed = Billed::default();
    for (_, line) in bill.lines.iter().filter(|((day, _), _)| (days.0..=days.1).contains(day)) {
        if let Some(more) = line.cost_atto {
            billed.cost_atto = Some(billed.cost_atto.unwrap_or(0).saturating_add(more));
        }
    }
    Whole {
        place,
        from: days.0.to_string(),
        to: days.1.to_string(),
        agrees,
        lines,
        ledger_usd: exact(total.marginal.nanousd),
        billed_usd: billed.cost_nanousd().map(exact),
        bad_lines: &bill.bad,
        bad_lines_total: bill.bad_total,
    }
}

fn text(whole: &Whole<'_>) -> String {
    let heads = ["day", "model", "in", "billed in", "out", "billed out", "ledger $", "billed $", "difference $"];
    let mut table = vec![heads.map(str::to_owned).to_vec()];
    let none = || "-".to_owned();
    for l in &whole.lines {
        let number = |n: Option<i128>| n.map_or_else(none, |n| n.to_string());
        table.push(vec![
            l.day.clone(),
            printable(&l.model),
            l.ledger_input_tokens.to_string(),
            number(l.billed_input_tokens),
            l.ledger_output_tokens.to_string(),
            number(l.billed_output_tokens),
            l.ledger_usd.clone(),
            l.billed_usd.clone().unwrap_or_else(none),
            l.difference_nanousd.map_or_else(none, exact),
        ]);
    }
    let billed = whole.billed_usd.clone().unwrap_or_else(|| "not said".to_owned());
    let mut out = format!(
        "{}, {} to {}, both days in it (UTC)\n\n{}\n",
        printable(whole.place),
        whole.from,
        whole.to,
        align(&table)
    );
    out += &format!("in all: ledger {}, billed {billed}\n", whole.ledger_usd);
    for l in whole.lines.iter().filter(|l| !l.agrees) {
        let why =
            if l.because.is_empty() { "nothing in the ledger explains it".to_owned() } else { l.because.join("; ") };
        out += &format!("{} {} differs: {why}\n", l.day, printable(&l.model));
    }
    for bad in whole.bad_lines {
        out += &format!("BAD {}\n", printable(bad));
    }
    if whole.bad_lines_total > whole.bad_lines.len() {
        out += &format!("BAD {} lines in all\n", whole.bad_lines_total);
    }
    if whole.agrees {
        out += "bill and ledger agree\n";
    }
    out
}
