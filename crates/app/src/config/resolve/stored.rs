//! The stored keys (`dewpoint keys`), beside those of the configuration.
//!
//! Never here: the file itself (`key_store`).

use super::server::data_dir;
use super::spending::Groups;
use super::{KeySettings, Reader, Settings};
use crate::config::shape::File;
use crate::key::parse_hash;
use crate::key_store::{self as store, Store, Stored};
use crate::problem::{Problem, Problems, suggest};
use ::budget::{OnBudget, Terms};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file: in the ledger's folder where that is named, so that two gateways with ledgers of their own have keys of their own; else in
/// the data folder.
pub(super) fn file(r: &Reader<'_>, file: &File) -> Option<PathBuf> {
    let data = match &file.ledger.dir {
        Some(dir) => PathBuf::from(dir),
        None => data_dir(r.env)?.0,
    };
    Some(store::path(&data))
}

/// Adds the stored keys.
pub(super) fn add(r: &mut Reader<'_>, path: &Path, keys: &mut Vec<KeySettings>, groups: &Groups) {
    match read(path, keys, groups) {
        Ok(stored) => keys.extend(stored),
        Err(Problems(list)) => r.problems.extend(list),
    }
}

/// The keys of `settings` with the stored ones as they are now.
///
/// # Errors
/// Everything that is wrong with the file; then the keys stay as they were.
pub(crate) fn take_over(settings: &Settings) -> Result<Vec<KeySettings>, Problems> {
    let configured = || settings.keys.iter().filter(|k| k.public_id.is_none()).cloned();
    let Some(path) = &settings.keys_file else { return Ok(configured().collect()) };
    let mut keys: Vec<KeySettings> = configured().collect();
    let stored = read(path, &keys, &settings.groups)?;
    keys.extend(stored);
    Ok(keys)
}

fn read(path: &Path, configured: &[KeySettings], groups: &Groups) -> Result<Vec<KeySettings>, Problems> {
    let store = Store::read(path)?;
    let mut problems = Problems::default();
    let mut out: Vec<KeySettings> = Vec::new();
    for key in &store.keys {
        let mut wrong = |why: String, help: String| {
            let what = format!("{}: the key \"{}\" cannot be used", path.display(), key.name);
            problems.0.push(Problem::new(what, why, help));
        };
        if configured.iter().any(|k| k.name == key.name) {
            wrong("the configuration has a [[key]] of that name too".to_owned(), "rename that one".to_owned());
        }
        if out.iter().any(|k| k.name == key.name || k.public_id.as_deref() == Some(&*key.id)) {
            wrong("its name or id is there twice".to_owned(), "take one of the two out".to_owned());
        }
        if let Some(team) = key.team.as_deref().filter(|t| groups.team(t).is_none() && key.revoked_unix_s.is_none()) {
            let names: Vec<&str> = groups.teams.iter().map(|t| &*t.name).collect();
            let help = format!("write [[team]] name = \"{team}\" again, or revoke the key; {}", suggest(team, &names));
            wrong(format!("it belongs to the team \"{team}\", and there is no [[team]] of that name"), help);
        }
        let hash = parse_hash(&key.hash);
        let former = key.former.as_ref().map(|f| parse_hash(&f.hash).map(|hash| (hash, f.until_unix_s)));
        match (hash, former) {
            (Some(hash), None) => out.push(settings(key, hash, None)),
            (Some(hash), Some(Some(former))) => out.push(settings(key, hash, Some(former))),
            _ => wrong(
                "its hash is not sha256: and 64 hexadecimal digits".to_owned(),
                "put back the last good copy".to_owned(),
            ),
        }
    }
    if problems.0.is_empty() { Ok(out) } else { Err(problems) }
}

fn settings(key: &Stored, secret_sha256: [u8; 32], former: Option<([u8; 32], u64)>) -> KeySettings {
    let budget = key.budget.clone().unwrap_or_default();
    let terms = Terms {
        budget_nanousd: [budget.day_nanousd, budget.week_nanousd, budget.month_nanousd],
        soft_permille: budget.soft_permille,
        on_budget: if budget.degrade { OnBudget::Degrade } else { OnBudget::Refuse },
        pace: budget.pace,
        requests_per_minute: key.requests_per_minute.map(u64::from),
        tokens_per_minute: key.tokens_per_minute.map(u64::from),
    };
    let mut tags: Vec<Arc<str>> = key.tags.iter().map(|t| Arc::from(t.to_lowercase())).collect();
    tags.sort();
    tags.dedup();
    KeySettings {
        name: key.name.clone(),
        secret_sha256,
        public_id: Some(key.id.clone()),
        former,
        expires_unix_s: key.expires_unix_s,
        revoked_unix_s: key.revoked_unix_s,
        team: key.team.clone(),
        terms,
        unpriced: key.unpriced,
        places: key.places.clone(),
        models: key.models.clone(),
        routes: key.routes.clone(),
        class: key.class,
        class_max: key.class_max,
        tags,
        durability: key.durability.unwrap_or_default(),
    }
}
