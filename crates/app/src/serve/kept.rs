//! The ledger of a server: opened, closed, and its families of `/metrics`.
//!
//! Never here: records (rooms `gateway` and `ledger`).

use crate::config::Settings;
use anyhow::Result;
use ledger::{Condition, Ledger, Options, State, Watch};
use std::fmt::Write;

/// Opens the ledger and takes in what a crash left; `None` where none is kept.
pub(super) fn open(settings: &Settings) -> Result<Option<Ledger>> {
    let Some(kept) = &settings.ledger else {
        tracing::warn!("[ledger] enabled = false: no record is kept of what is asked and what it costs");
        return Ok(None);
    };
    let options = Options { when_failing: kept.when_failing, ..Options::default() };
    Ok(Some(Ledger::open(&kept.dir, options).map_err(|e| crate::source::failed(&e))?))
}

/// Commits the rest.
pub(super) fn close(ledger: Option<Ledger>) {
    if let Some(ledger) = ledger
        && let Err(error) = ledger.close()
    {
        tracing::error!(%error, "the ledger did not close cleanly; its journal is replayed at the next start");
    }
}

/// A family: name, type, help, value. A counter's value is written with `_total`.
type Family = (&'static str, &'static str, &'static str, fn(&State) -> u64);

const FAMILIES: [Family; 10] = [
    ("failing", "gauge", "1 while records do not reach the disk; they are kept meanwhile", |s| {
        u64::from(s.condition != Condition::Writing)
    }),
    ("pending_records", "gauge", "Records put and not yet on the disk", |s| s.pending as u64),
    ("reserved", "gauge", "Room promised to attempts", |s| s.reserved as u64),
    ("under_way", "gauge", "Attempts that were sent and have no end yet", |s| s.under_way as u64),
    ("committed_records", "counter", "Records on the disk", |s| s.committed),
    ("repeated_records", "counter", "Records whose attempt was there already; not 0 is a fault of ours", |s| {
        s.repeated
    }),
    ("abandoned_attempts", "counter", "Attempts dropped after they were sent, settled at their estimate", |s| {
        s.abandoned
    }),
    ("lessons", "counter", "Lessons about models on the disk", |s| s.lessons),
    ("dropped_lessons", "counter", "Lessons dropped since too many waited for the disk", |s| s.lessons_dropped),
    ("refused", "counter", "Attempts refused for want of room or because records do not reach the disk", |s| s.refused),
];

/// All families; nothing where no ledger is kept.
pub(super) fn text(watch: Option<&Watch>) -> String {
    let mut out = String::new();
    let Some(state) = watch.map(Watch::state) else { return out };
    for (name, kind, help, value) in FAMILIES {
        let suffix = if kind == "counter" { "_total" } else { "" };
        let name = format!("dewpoint_ledger_{name}");
        let _ = write!(out, "# HELP {name} {help}.\n# TYPE {name} {kind}\n{name}{suffix} {}\n", value(&state));
    }
    out
}
