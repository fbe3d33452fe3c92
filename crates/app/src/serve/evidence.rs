//! The audit trail of a server: opened, closed, its witness, and its families of `/metrics`.
//!
//! Never here: records (room `audit`), or what the witness is told (room `gateway`).

use crate::audit::failed;
use crate::config::Settings;
use anyhow::Result;
use audit::{Options, State, Trail, Watch};
use decide::Witness;
use ring::rand::SecureRandom;
use std::fmt::Write;
use std::sync::Arc;

/// Opens the trail, and takes in what a crash left; `None` where none is kept.
pub(super) fn open(settings: &Settings) -> Result<Option<Trail>> {
    let Some(kept) = &settings.audit else {
        tracing::warn!("[audit] enabled = false: no evidence is kept of what went where");
        return Ok(None);
    };
    let options =
        Options { when_failing: kept.when_failing, key_file: kept.key.clone(), keep: kept.keep, ..Options::default() };
    let program = concat!("dewpoint ", env!("CARGO_PKG_VERSION"));
    Ok(Some(Trail::open(&kept.dir, options, program).map_err(|e| failed(&e))?))
}

/// Writes the rest, and signs the end.
pub(super) fn close(trail: Option<Trail>) {
    if let Some(Err(error)) = trail.map(Trail::close) {
        tracing::error!(%error, "the audit trail did not close cleanly");
    }
}

/// Where decisions are told.
pub(super) fn witness(trail: Option<&Trail>) -> Arc<dyn Witness> {
    match trail {
        Some(trail) => trail.witness(),
        None => Arc::new(decide::Blind),
    }
}

/// The secret of this installation, behind placeholders and the fingerprints of prompts: the file `prompt-key` of the audit trail; one
/// of this process alone where no trail is kept.
pub(super) fn installation_key(settings: &Settings) -> Result<[u8; 32]> {
    if let Some(kept) = &settings.audit {
        return Ok(audit::prompt_key(&kept.dir).map_err(|e| failed(&e))?);
    }
    let mut key = [0; 32];
    ring::rand::SystemRandom::new().fill(&mut key).map_err(|_| failed(&audit::AuditError::Random))?;
    Ok(key)
}

/// A family: name, type, help, value. A counter's value is written with `_total`.
type Family = (&'static str, &'static str, &'static str, fn(&State) -> u64);

const FAMILIES: [Family; 7] = [
    ("failing", "gauge", "1 while decisions do not reach the disk", |s| u64::from(s.failing.is_some())),
    ("records", "counter", "Records on the disk since the beginning of the trail", |s| s.synced),
    ("signed_records", "counter", "The last record that a head has signed", |s| s.signed),
    ("lag_records", "gauge", "Records told and not yet written", |s| s.pending as u64),
    ("open_decisions", "gauge", "Decisions whose end is still to come", |s| s.open as u64),
    ("lost", "counter", "Decisions that went on without being in the trail", |s| s.lost),
    ("refused", "counter", "Requests refused since they could not be recorded", |s| s.refused),
];

/// All families; nothing where no trail is kept.
pub(super) fn text(watch: Option<&Watch>) -> String {
    let mut out = String::new();
    let Some(state) = watch.map(Watch::state) else { return out };
    for (name, kind, help, value) in FAMILIES {
        let suffix = if kind == "counter" { "_total" } else { "" };
        let name = format!("dewpoint_audit_{name}");
        let _ = write!(out, "# HELP {name} {help}.\n# TYPE {name} {kind}\n{name}{suffix} {}\n", value(&state));
    }
    out
}
