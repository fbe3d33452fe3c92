//! `dewpoint ledger`: what was asked, where it went, what it cost.
//!
//! Never here: sums (room `ledger`).

use crate::book::Book;
use crate::cli;
use crate::config::{self, Flags};
use crate::problem::{Problem, Problems};
use anyhow::Result;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// Prints the report.
pub(crate) fn run(args: &cli::Ledger) -> Result<ExitCode> {
    let dir = folder(args)?;
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
    let text = if args.json { serde_json::to_string_pretty(&report)? + "\n" } else { report.table() };
    crate::print(&text)
}

/// The ledger's errors are one sentence: what and why, then after the semicolon what to do.
pub(crate) fn failed(error: &ledger::LedgerError) -> Problems {
    let text = error.to_string();
    let (why, help) = text.split_once("; ").unwrap_or((&text, "check the folder with `dewpoint check`"));
    Problem::new("the ledger cannot be used", why, help).into()
}

/// The folder of the ledger. Secrets are not needed for it, so a configuration whose secrets are missing here will do.
fn folder(args: &cli::Ledger) -> Result<PathBuf> {
    let found = config::find(args.config.as_deref(), &config::process_env);
    let placeholder = |name: &str| config::process_env(name).or_else(|| Some(format!("not-set-{name}-0123456789")));
    let env = |name: &str| if is_folder_variable(name) { config::process_env(name) } else { placeholder(name) };
    let settings = config::load(found.path.as_deref(), &Flags::default(), &env, &Book::built_in()?)?;
    settings.ledger.ok_or_else(|| {
        let why = "[ledger] enabled = false";
        Problems::from(Problem::new("there is no ledger", why, "set [ledger] enabled = true and restart `serve`"))
            .into()
    })
}

fn is_folder_variable(name: &str) -> bool {
    matches!(name, "DEWPOINT_DATA" | "XDG_DATA_HOME" | "HOME")
}
