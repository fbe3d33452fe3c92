//! The section `[audit]`.
//!
//! Never here: opening the trail (`serve`).

use super::Reader;
use super::server::{DATA_VARIABLE, data_dir};
use crate::config::audit::AuditFailing;
use crate::config::origin::Origin;
use crate::config::secret::SecretRef;
use crate::config::shape::File;
use ::audit::WhenFailing;
use std::path::PathBuf;
use std::time::Duration;

/// Half a year, days: what is kept for less is worth a warning.
const HALF_A_YEAR: u32 = 183;
const DAY: Duration = Duration::from_secs(86_400);

/// The audit trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AuditSettings {
    pub(crate) dir: PathBuf,
    pub(crate) key: Option<PathBuf>,
    pub(crate) when_failing: WhenFailing,
    pub(crate) keep: Option<Duration>,
}

pub(super) fn audit(r: &mut Reader<'_>, file: &File) -> Option<AuditSettings> {
    let section = &file.audit;
    r.note("audit.enabled", section.enabled);
    if !section.enabled {
        return None;
    }
    let (word, when_failing) = match section.when_failing {
        AuditFailing::Refuse => ("refuse", WhenFailing::Refuse),
        AuditFailing::GoOn => ("go-on", WhenFailing::GoOn),
    };
    r.note("audit.when_failing", word);
    let key = match &section.key {
        None => None,
        Some(SecretRef::File(path)) => {
            r.note("audit.key", format!("file {path}"));
            Some(PathBuf::from(path))
        }
        Some(SecretRef::Env(_)) => {
            r.wrong(
                "audit.key",
                "the signing key must be in a file",
                "a PEM key has several lines",
                "write key = { file = \"…\" }",
            );
            None
        }
    };
    if let Some(days) = section.keep_days {
        r.note("audit.keep_days", days);
        if !(1..=36_500).contains(&days) {
            r.wrong(
                "audit.keep_days",
                format!("keep_days = {days}"),
                "it must be 1 to 36500",
                "leave it out to keep everything",
            );
        } else if days < HALF_A_YEAR {
            r.warn("audit.keep_days", "evidence is deleted after less than half a year; the EU AI Act asks for at least six months where it applies");
        }
    }
    let (dir, origin) = folder(r, file)?;
    r.values.note("audit.dir", dir.display(), origin);
    Some(AuditSettings { dir, key, when_failing, keep: section.keep_days.map(|days| DAY * days) })
}

/// Its own, else in the ledger's, so that two gateways with ledgers of their own have trails of their own; else in the data folder.
fn folder(r: &mut Reader<'_>, file: &File) -> Option<(PathBuf, Origin)> {
    if let Some(dir) = &file.audit.dir {
        return Some((PathBuf::from(dir), r.origin("audit.dir")));
    }
    if let Some(dir) = &file.ledger.dir {
        return Some((PathBuf::from(dir).join("audit"), Origin::Derived("ledger.dir".to_owned())));
    }
    if let Some((data, origin)) = data_dir(r.env) {
        return Some((data.join("audit"), origin));
    }
    r.wrong(
        "audit",
        "no folder for the audit trail",
        format!("none of {DATA_VARIABLE}, XDG_DATA_HOME and HOME is set"),
        format!("set {DATA_VARIABLE}, or write [audit] dir = \"…\" or enabled = false"),
    );
    None
}
