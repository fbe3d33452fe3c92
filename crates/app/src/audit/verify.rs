//! `dewpoint audit verify`: what a check found, for people or as JSON.
//!
//! Never here: the check (room `audit`).

use crate::table::printable;
use anyhow::Result;
use audit::{Check, Verified};
use std::path::Path;
use std::process::ExitCode;

/// Checks the trail in `dir`. Exit code 1 when something is wrong.
pub(super) fn run(dir: &Path, check: &Check, json: bool) -> Result<ExitCode> {
    let found = audit::verify(dir, check, &mut super::progress()).map_err(|e| super::failed(&e))?;
    let text = if json {
        #[derive(serde::Serialize)]
        struct Page<'a> {
            whole: bool,
            #[serde(flatten)]
            found: &'a Verified,
        }
        serde_json::to_string_pretty(&Page { whole: found.is_whole(), found: &found })? + "\n"
    } else {
        text(dir, check, &found)
    };
    crate::print(&text)?;
    Ok(if found.is_whole() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn text(dir: &Path, check: &Check, found: &Verified) -> String {
    let mut out = format!("audit trail in {}\n", dir.display());
    let mut line = |text: String| out.push_str(&format!("  {text}\n"));
    line(format!(
        "{} records checked ({} to {}), in {} segments",
        found.records, found.first_seq, found.last_seq, found.segments
    ));
    line(format!("{} signed heads, the last one of record {}", found.heads, found.signed_seq));
    if let Some(key) = &found.key {
        line(format!("signed with the key {key}"));
    }
    for (seq, key) in found.keys.iter().skip(1) {
        line(format!("from record {seq} on another key signs: {key}; was that you?"));
    }
    match (check.heads.len(), found.agreed) {
        (0, _) => line("no head that was kept elsewhere was given: a trail that was written anew as a whole, or cut off together with its heads, would not be noticed (--head)".to_owned()),
        (_, n) => line(format!("{n} of {} heads that were kept elsewhere agree with the chain", check.heads.len())),
    }
    if found.lost > 0 {
        line(format!("{} decisions are not in the trail, since it could not be written", found.lost));
    }
    if let Some(pid) = found.in_use_by {
        line(if pid == 0 { "a server writes it now".to_owned() } else { format!("process {pid} writes it now") });
    }
    for note in &found.notes {
        line(note.clone());
    }
    if found.is_whole() {
        line("everything is as it was written".to_owned());
        return out;
    }
    for bad in &found.bad {
        let record = bad.seq.map_or_else(String::new, |seq| format!("record {seq}, "));
        let at = if bad.line == 0 { String::new() } else { format!(", line {}", bad.line) };
        line(format!("BAD {record}{}{at}: {}", bad.file, printable(&bad.why)));
    }
    line(
        "What is before the first bad record is proved, what is behind it is not. Keep a copy of the folder as it is."
            .to_owned(),
    );
    out
}
