//! `dewpoint report`: what a period cost, by whom and for what, against what it would have cost; and `dewpoint report reconcile`.
//!
//! Never here: adding up (room `ledger`).

mod args;
mod bill;
mod day;
mod html;
mod page;
mod reconcile;
mod shown;
mod text;

pub(crate) use text::harmless;

pub(crate) use args::Report;

use crate::problem::{Problem, Problems};
use crate::source::{failed, settings};
use anyhow::Result;
use args::{At, Days, Format, Reconcile};
use ledger::{Dim, Statement, View, Wanted};
use page::{Page, Speed};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// Writes the report.
pub(crate) fn run(args: &Report) -> Result<ExitCode> {
    if let Some(Reconcile::Reconcile { at, days, bill, place, json }) = &args.reconcile {
        check(days)?;
        return reconcile::run(&source(at)?.0, days, bill, place, *json);
    }
    check(&args.days)?;
    let (dir, speeds) = source(&args.at)?;
    let views = views(args);
    let statement = add_up(&dir, &args.days, views)?;
    let page = page(args, &dir, &speeds, &statement)?;
    let text = match args.format {
        Format::Table => text::table(&page),
        Format::Csv => text::csv(&page)?,
        Format::Json => text::json(&page)?,
        Format::Html => html::page(&page, &statement),
    };
    match &args.output {
        None => crate::print(&text),
        Some(path) => write(path, &text),
    }
}

fn check(days: &Days) -> Result<()> {
    match (days.from, days.to) {
        (Some(from), Some(to)) if from > to => {
            let what = format!("--from {from} is after --to {to}");
            Err(Problems::from(Problem::new(what, "a period begins before it ends", "exchange the two days")).into())
        }
        _ => Ok(()),
    }
}

fn write(path: &Path, text: &str) -> Result<ExitCode> {
    let failed = |e: std::io::Error| {
        let what = format!("cannot write {}", path.display());
        Problems::from(Problem::new(what, e.to_string(), "check that its folder exists and is writable"))
    };
    std::fs::write(path, text).map_err(failed)?;
    Ok(ExitCode::SUCCESS)
}

/// The folder of the ledger, and the speeds of places, where a configuration says them.
fn source(at: &At) -> Result<(PathBuf, Vec<Speed>)> {
    if let Some(dir) = &at.dir {
        return Ok((dir.clone(), Vec::new()));
    }
    let settings = settings(at.config.as_deref())?;
    let figure = |name: &str, key: &str| {
        let path = format!("place.{name}.{key}");
        settings.values.0.iter().find(|v| v.path == path).and_then(|v| v.value.parse::<f64>().ok())
    };
    let speed = |name: &str| {
        let (prompt, decode) = (figure(name, "prompt_tokens_per_s")?, figure(name, "decode_tokens_per_s")?);
        Some(Speed { place: name.to_owned(), prompt, decode })
    };
    let speeds = settings.places.iter().filter_map(|p| speed(p.place.id.as_str())).collect();
    Ok((crate::source::folder_of(settings)?, speeds))
}

/// What each format reads.
fn views(args: &Report) -> Vec<View> {
    let mut views = vec![View::of(args.by.dim()), View::of(Dim::Task), View::of(Dim::Place)];
    if args.format == Format::Html {
        views.extend(html::VIEWS);
    }
    // Each is added up once; the first three stay in front.
    let (front, rest) = views.split_at(3);
    let more: Vec<View> = rest.iter().filter(|view| !front.contains(view)).copied().collect();
    [front, &more].concat()
}

fn add_up(dir: &Path, days: &Days, views: Vec<View>) -> Result<Statement> {
    let wanted = Wanted { period: day::Day::period(days.from, days.to), place: None, views, readers: 0 };
    ledger::statement(dir, &wanted).map_err(|e| failed(&e).into())
}

fn page(args: &Report, dir: &Path, speeds: &[Speed], statement: &Statement) -> Result<Page> {
    let [rows, tasks, places, ..] = statement.sheets.as_slice() else {
        anyhow::bail!("the ledger gave fewer tables than were asked of it");
    };
    let days = page::days(statement, args.days.from, args.days.to);
    let mut savings = page::savings(&statement.total);
    if let Some((from, to)) = args.before {
        let then = Days { from: Some(from), to: Some(to) };
        let then = add_up(dir, &then, vec![View::of(Dim::Task)])?;
        let lines = then.sheets.first().map(|s| s.lines.as_slice()).unwrap_or_default();
        let saving = page::before(lines, &tasks.lines, &statement.total, (from, to)).ok_or_else(|| {
            let what = format!("nothing can be compared with {from} to {to}");
            let why = "the ledger holds no attempt with a known price from those days";
            Problems::from(Problem::new(what, why, "give --before a period in which requests were paid for"))
        })?;
        savings.push(saving);
    }
    let machines = days.map(|days| page::machines(speeds, &places.lines, available(days))).unwrap_or_default();
    Ok(Page {
        by: args.by.dim(),
        days,
        rows: page::rows(args.by.dim(), &rows.lines),
        total: statement.total,
        savings,
        machines,
    })
}

/// Seconds of these days that are over.
fn available((from, to): (day::Day, day::Day)) -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    let end = (to.start_ms() + ledger::DAY_MS).min(now.max(from.start_ms()));
    end.saturating_sub(from.start_ms()) as f64 / 1000.0
}

#[cfg(test)]
#[path = "statement/tests.rs"]
mod tests;
