//! `dewpoint ledger`: what was asked, where it went, what it cost; and `dewpoint ledger verify` and `lessons`.
//!
//! Never here: sums and checks (room `ledger`).

mod verify;

use crate::cli;
use crate::source::{self, failed};
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// Prints the report.
pub(crate) fn run(args: &cli::Ledger) -> Result<ExitCode> {
    match &args.check {
        Some(cli::LedgerCheck::Verify { config, json }) => return verify::run(&folder(config.as_deref())?, *json),
        Some(cli::LedgerCheck::Lessons(sought)) => return crate::lessons::run(sought),
        None => {}
    }
    let dir = folder(args.config.as_deref())?;
    let since_unix_ms = args.since.map(|span| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(now.saturating_sub(span).as_millis()).unwrap_or(u64::MAX)
    });
    let by = match args.by {
        cli::By::Place => ledger::By::Place,
        cli::By::Key => ledger::By::Key,
        cli::By::Task => ledger::By::Task,
        cli::By::Model => ledger::By::Model,
    };
    let report = ledger::report(&dir, ledger::Query { since_unix_ms, by }).map_err(|e| failed(&e))?;
    let text =
        if args.json { serde_json::to_string_pretty(&report)? + "\n" } else { report.table() + &open_ends(&report) };
    crate::print(&text)
}

/// Says what is to be reconciled with the providers' own accounts.
fn open_ends(report: &ledger::Report) -> String {
    match report.total.unknown {
        0 => String::new(),
        1 => "1 attempt has an unknown end: it was under way when the server ended, and is counted at its estimate\n"
            .to_owned(),
        n => format!(
            "{n} attempts have an unknown end: they were under way when the server ended, and are counted at their estimates\n"
        ),
    }
}

fn folder(config: Option<&Path>) -> Result<PathBuf> {
    source::folder_of(source::settings(config)?)
}
