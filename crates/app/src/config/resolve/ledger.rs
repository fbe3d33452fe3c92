//! The section `[ledger]`, and what cannot be without it.
//!
//! Never here: opening it (`serve`).

use super::server::{DATA_VARIABLE, data_dir};
use super::{LedgerSettings, Reader};
use crate::config::shape::{self, Durability, File};
use std::path::PathBuf;

pub(super) fn ledger(r: &mut Reader<'_>, file: &File) -> Option<LedgerSettings> {
    let section = &file.ledger;
    r.note("ledger.enabled", section.enabled);
    if !section.enabled {
        strict_without(r, file);
        return None;
    }
    let when_failing = match section.when_failing {
        shape::WhenFailing::Refuse => "refuse",
        shape::WhenFailing::FreeGoesOn => "free-goes-on",
    };
    r.note("ledger.when_failing", when_failing);
    let (dir, origin) = match &section.dir {
        Some(dir) => (PathBuf::from(dir), r.origin("ledger.dir")),
        None => match data_dir(r.env) {
            Some(found) => found,
            None => {
                r.wrong(
                    "ledger",
                    "no folder for the ledger",
                    format!("none of {DATA_VARIABLE}, XDG_DATA_HOME and HOME is set"),
                    format!("set {DATA_VARIABLE}, or write [ledger] dir = \"…\" or enabled = false"),
                );
                return None;
            }
        },
    };
    r.values.note("ledger.dir", dir.display(), origin);
    Some(LedgerSettings { dir, when_failing: section.when_failing.into() })
}

/// Nothing is on the disk where no record is kept, so every strict answer would end in an error.
fn strict_without(r: &mut Reader<'_>, file: &File) {
    let strict = |durability| durability == Some(Durability::Strict);
    let named = file.route.named().iter().enumerate();
    let routes = named.filter(|(_, t)| strict(t.durability)).map(|(i, _)| file.route.path(i));
    let keys = file.key.iter().enumerate().filter(|(_, k)| strict(k.durability)).map(|(i, _)| format!("key[{i}]"));
    for path in routes.chain(keys) {
        r.wrong(
            &format!("{path}.durability"),
            "durability = \"strict\" without a ledger",
            "it waits for a record to be on the disk, and [ledger] enabled = false keeps none",
            "take the line out, or write [ledger] enabled = true",
        );
    }
}
