//! `dewpoint ledger verify`: what a check found, for people or as JSON; progress goes to standard error.
//!
//! Never here: the check (room `ledger`).

use anyhow::Result;
use ledger::Verified;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Between two lines of progress.
const TELL: Duration = Duration::from_secs(2);

/// Checks the ledger in `dir`. Exit code 1 when something is wrong.
pub(super) fn run(dir: &Path, json: bool) -> Result<ExitCode> {
    let mut told = Instant::now();
    let mut progress = |done: u64, of: u64| {
        if told.elapsed() >= TELL {
            told = Instant::now();
            let end = if std::io::stderr().is_terminal() { "\r" } else { "\n" };
            let _ = write!(std::io::stderr(), "{done} of {of} records{end}");
        }
    };
    let found = ledger::verify(dir, &mut progress).map_err(|e| crate::source::failed(&e))?;
    let text = if json {
        #[derive(serde::Serialize)]
        struct Page<'a> {
            whole: bool,
            #[serde(flatten)]
            found: &'a Verified,
        }
        serde_json::to_string_pretty(&Page { whole: found.is_whole(), found: &found })? + "\n"
    } else {
        text(dir, &found)
    };
    crate::print(&text)?;
    Ok(if found.is_whole() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn text(dir: &Path, found: &Verified) -> String {
    let mut out = format!("ledger in {}\n", dir.display());
    let mut line = |text: String| out.push_str(&format!("  {text}\n"));
    line(match found.without_sum {
        0 => format!("{} records read", found.records),
        n => format!("{} records read, {n} of them from before there were checksums", found.records),
    });
    if found.lessons > 0 {
        line(format!("{} lessons read", found.lessons));
    }
    if found.unknown > 0 {
        line(match found.unknown {
            1 => "1 attempt with an unknown end, counted at its estimate".to_owned(),
            n => format!("{n} attempts with an unknown end, counted at their estimates"),
        });
    }
    match found.in_use_by {
        Some(0) => line("journal not checked: a server has it open".to_owned()),
        Some(pid) => line(format!("journal not checked: process {pid} has it open")),
        None => {
            if found.waiting > 0 {
                line(format!("{} records wait in the journal; the next start takes them in", found.waiting));
            }
            if found.without_end > 0 {
                line(format!(
                    "{} attempts were under way at the last end; the next start settles them as unknown",
                    found.without_end
                ));
            }
        }
    }
    if found.is_whole() {
        line("everything is as it was written".to_owned());
        return out;
    }
    for bad in &found.bad {
        let id = bad.attempt_id.as_deref().unwrap_or("unreadable");
        let request =
            bad.request_id.as_deref().map_or_else(String::new, |r| format!(", request {}", crate::table::printable(r)));
        let whose = if bad.kind == "record" { format!("attempt {id}{request}") } else { request.replacen(", ", "", 1) };
        line(format!("BAD {} {} ({whose}): {}", bad.kind, bad.position, bad.why));
    }
    if found.bad_total > found.bad.len() as u64 {
        line(format!("BAD {} records in all", found.bad_total));
    }
    if found.records != found.expected {
        line(format!("BAD {} records were written and {} can be read", found.expected, found.records));
    }
    if found.lessons != found.lessons_expected {
        line(format!("BAD {} lessons were written and {} can be read", found.lessons_expected, found.lessons));
    }
    if found.lost > 0 {
        line(format!("BAD {} records were lost earlier, when files of the ledger were damaged", found.lost));
    }
    for why in found.database.iter().chain(&found.journal) {
        line(format!("BAD {why}"));
    }
    line("To go on: stop the server, keep a copy of the folder, and put a backup of ledger.sqlite in its place; or move it away to begin a new one.".to_owned());
    out
}
