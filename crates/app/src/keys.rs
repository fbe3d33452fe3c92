//! `dewpoint keys`: stored keys of callers, made, listed, rotated, revoked, and their spending checked against the ledger; and
//! `dewpoint budgets`.
//!
//! Never here: checking a key of a request (room `gateway`), sums (rooms `budget` and `ledger`).

mod args;
mod audit;
mod list;
mod make;
mod server;

pub(crate) use args::{Budgets, Keys};

use crate::book::Book;
use crate::config::{self, Flags, Settings};
use crate::problem::{Problem, Problems};
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// Runs one command.
pub(crate) fn run(keys: &Keys) -> Result<ExitCode> {
    match keys {
        Keys::Create(args) => make::create(args),
        Keys::List(args) => list::keys(args),
        Keys::Revoke(args) => make::revoke(args),
        Keys::Rotate(args) => make::rotate(args),
        Keys::Audit(args) => audit::run(args),
    }
}

/// Prints how all budgets stand.
pub(crate) fn budgets(args: &Budgets) -> Result<ExitCode> {
    list::budgets(args)
}

/// The configuration in force. Secrets are not needed, so one whose secrets are missing here will do.
fn settings(config: Option<&Path>) -> Result<Settings> {
    let found = config::find(config, &config::process_env);
    let folder = |name: &str| matches!(name, "DEWPOINT_DATA" | "XDG_DATA_HOME" | "HOME");
    let env = |name: &str| {
        let set = config::process_env(name);
        if folder(name) { set } else { set.or_else(|| Some(format!("not-set-{name}-0123456789"))) }
    };
    Ok(config::load(found.path.as_deref(), &Flags::default(), &env, &Book::built_in()?)?)
}

/// The file of stored keys.
fn file(settings: &Settings) -> Result<PathBuf, Problems> {
    settings.keys_file.clone().ok_or_else(|| {
        let why = "none of DEWPOINT_DATA, XDG_DATA_HOME and HOME is set";
        Problem::new("there is no folder for keys", why, "set DEWPOINT_DATA, or write [ledger] dir = \"…\"").into()
    })
}

fn now_unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
