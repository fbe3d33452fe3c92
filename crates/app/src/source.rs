//! Where the ledger is, for the commands that read one, and how its errors are said.
//!
//! Never here: reading it.

use crate::book::Book;
use crate::config::{self, Flags};
use crate::problem::{Problem, Problems};
use anyhow::Result;
use std::path::{Path, PathBuf};

/// The ledger's errors are one sentence: what and why, then after the semicolon what to do.
pub(crate) fn failed(error: &ledger::LedgerError) -> Problems {
    let text = error.to_string();
    let (why, help) = text.split_once("; ").unwrap_or((&text, "check the folder with `dewpoint check`"));
    Problem::new("the ledger cannot be used", why, help).into()
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
