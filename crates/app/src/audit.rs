//! `dewpoint audit`: `verify` checks the evidence, `head` prints its signed head, `report` answers what went where.
//!
//! Never here: checks, signatures and sums (room `audit`).

mod args;
mod verify;

pub(crate) use args::Audit;

use crate::book::Book;
use crate::config::{self, Flags};
use crate::problem::{Problem, Problems};
use anyhow::Result;
use args::{Format, Ground, Report};
use audit::{AuditError, Check, Query};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Between two lines of progress.
const TELL: Duration = Duration::from_secs(2);

/// Does what is asked.
pub(crate) fn run(args: &Audit) -> Result<ExitCode> {
    match args {
        Audit::Verify { at, json } => verify::run(&folder(&at.place)?, &brought(at)?, *json),
        Audit::Head { place, all: false } => {
            crate::print(&(audit::last_head(&folder(place)?).map_err(|e| failed(&e))?.line + "\n"))
        }
        Audit::Head { place, all: true } => {
            let path = folder(place)?.join("heads.ndjson");
            let read = std::fs::read_to_string(&path).map_err(|source| AuditError::File { what: "read", path, source });
            crate::print(&read.map_err(|e| failed(&e))?)
        }
        Audit::Report(args) => report(args),
    }
}

fn report(args: &Report) -> Result<ExitCode> {
    let query = Query {
        from_unix_ms: args.from,
        to_unix_ms: args.to,
        classes: args.class.iter().map(|c| (*c).into()).collect(),
        tag: args.tag.clone(),
        zone: args.place_zone.map(Ground::zone),
        legal_seat: args.legal_seat.clone(),
    };
    let report = audit::report(&folder(&args.at.place)?, query, &brought(&args.at)?, &mut progress());
    let report = report.map_err(|e| failed(&e))?;
    match args.format {
        Format::Table => crate::print(&report.page())?,
        Format::Json => crate::print(&(serde_json::to_string_pretty(&report)? + "\n"))?,
    };
    Ok(if report.chain.is_whole() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Tells how far it is on standard error, every two seconds.
fn progress() -> impl FnMut(u64, u64) {
    let mut told = Instant::now();
    move |done, of| {
        if told.elapsed() >= TELL {
            told = Instant::now();
            let end = if std::io::stderr().is_terminal() { "\r" } else { "\n" };
            let _ = write!(std::io::stderr(), "{} of {} MB{end}", done / 1_000_000, of / 1_000_000);
        }
    }
}

/// The heads and the key that an auditor brings along.
fn brought(at: &args::At) -> Result<Check, Problems> {
    let heads = at.head.as_deref().map(audit::heads_in).transpose().map_err(|e| failed(&e))?;
    Ok(Check { heads: heads.unwrap_or_default(), key: at.key })
}

/// The room's errors are one sentence: what and why, then after the semicolon what to do.
pub(crate) fn failed(error: &AuditError) -> Problems {
    let text = error.to_string();
    let (why, help) = text.rsplit_once("; ").unwrap_or((&text, "check the folder with `dewpoint check`"));
    Problem::new("the audit trail cannot be used", why, help).into()
}

/// The folder of the trail: the one that is named, else that of the configuration. Secrets are not needed for it, so a configuration
/// whose secrets are missing here will do.
fn folder(place: &args::Place) -> Result<PathBuf> {
    if let Some(dir) = &place.dir {
        return Ok(dir.clone());
    }
    let found = config::find(place.config.as_deref(), &config::process_env);
    let folders = ["DEWPOINT_DATA", "XDG_DATA_HOME", "HOME"];
    let env = |name: &str| {
        let value = config::process_env(name);
        if folders.contains(&name) { value } else { value.or_else(|| Some(format!("not-set-{name}-0123456789"))) }
    };
    let settings = config::load(found.path.as_deref(), &Flags::default(), &env, &Book::built_in()?)?;
    settings.audit.map(|a| a.dir).ok_or_else(|| {
        let help = "set [audit] enabled = true and restart `serve`, or name a folder with --dir";
        Problems::from(Problem::new("there is no audit trail", "[audit] enabled = false", help)).into()
    })
}
