//! `dewpoint ledger`: what was asked, where it went, what it cost; and `dewpoint ledger verify`.
//!
//! Never here: sums and checks (room `ledger`).

mod verify;

use crate::book::Book;
use crate::cli;
use crate::config::{self, Flags};
use crate::problem::{Problem, Problems};
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// Prints the report.
pub(crate) fn run(args: &cli::Ledger) -> Result<ExitCode> {
    if let Some(cli::LedgerCheck::Verify { config, json }) = &args.check {
        return verify::run(&folder(config.as_deref())?, *json);
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

/// The ledger's errors are one sentence: what and why, then after the semicolon what to do.
pub(crate) fn failed(error: &ledger::LedgerError) -> Problems {
    let text = error.to_string();
    let (why, help) = text.split_once("; ").unwrap_or((&text, "check the folder with `dewpoint check`"));
    Problem::new("the ledger cannot be used", why, help).into()
}

fn folder(config: Option<&Path>) -> Result<PathBuf> {
    folder_of(settings(config)?)
}

/// The configuration, for reading a ledger. Secrets are not needed for that, so a configuration whose secrets are missing here will do.
pub(crate) fn settings(config: Option<&Path>) -> Result<config::Settings> {
    let found = config::find(config, &config::process_env);
    let placeholder = |name: &str| config::process_env(name).or_else(|| Some(format!("not-set-{name}-0123456789")));
    let env = |name: &str| if is_folder_variable(name) { config::process_env(name) } else { placeholder(name) };
    Ok(config::load(found.path.as_deref(), &Flags::default(), &env, &Book::built_in()?)?)
}

/// The folder of its ledger.
pub(crate) fn folder_of(settings: config::Settings) -> Result<PathBuf> {
    settings.ledger.map(|l| l.dir).ok_or_else(|| {
        let why = "[ledger] enabled = false";
        Problems::from(Problem::new("there is no ledger", why, "set [ledger] enabled = true and restart `serve`"))
            .into()
    })
}

fn is_folder_variable(name: &str) -> bool {
    matches!(name, "DEWPOINT_DATA" | "XDG_DATA_HOME" | "HOME")
}
