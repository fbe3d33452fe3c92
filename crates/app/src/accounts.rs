//! Accounts from the configuration: who spends from what, what was spent according to the ledger, and keys in the form of the
//! gateway.
//!
//! Never here: sums (rooms `budget` and `ledger`).

use crate::config::{Group, KeySettings, Settings};
use budget::{AccountId, Budgets, Level, Period, Terms, Window};
use ledger::{LedgerError, Spent};
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

const HOUR_MS: u64 = 3_600_000;

/// All accounts with their terms: every organisation, team and key, also those without a bound, so that one that is set later finds
/// what was spent.
pub(crate) fn terms(settings: &Settings) -> Vec<(AccountId, Terms)> {
    let groups = &settings.groups;
    let organisations = groups.organisations.iter().map(|o| (AccountId::new(Level::Organisation, &o.name), o.terms));
    let teams = groups.teams.iter().map(|t| (AccountId::new(Level::Team, &t.name), t.terms));
    let keys = settings.keys.iter().map(|k| (AccountId::new(Level::Key, &k.name), k.terms));
    organisations.chain(teams).chain(keys).collect()
}

/// Accounts that are ready to be taken over.
pub(crate) struct Ready {
    terms: Vec<(AccountId, Terms)>,
    rows: Vec<Spent>,
}

/// Reads what the accounts of `settings` that are not known yet spent in the windows of now.
///
/// # Errors
/// The ledger cannot be read: nothing is changed for the better by guessing.
pub(crate) fn ready(budgets: &Budgets, settings: &Settings, now_ms: u64) -> Result<Ready, LedgerError> {
    let terms = terms(settings);
    let known: HashSet<AccountId> = budgets.names().into_iter().collect();
    let is_new = terms.iter().any(|(id, _)| !known.contains(id));
    let rows = match &settings.ledger {
        Some(kept) if is_new => rows(&kept.dir, now_ms)?,
        _ => Vec::new(),
    };
    Ok(Ready { terms, rows })
}

/// Takes the accounts over, new ones with what they spent.
pub(crate) fn take_over(budgets: &Budgets, settings: &Settings, ready: &Ready, now_ms: u64) {
    let new: HashSet<AccountId> = budgets.take_over(&ready.terms, now_ms).into_iter().collect();
    for row in &ready.rows {
        let nanousd = i64::try_from(row.nanousd).unwrap_or(i64::MAX);
        for id in payers(settings, row).into_iter().filter(|id| new.contains(id)) {
            let by_ms = row.hour_unix_ms.saturating_add(HOUR_MS).min(now_ms);
            budgets.charge_past(&id, (row.hour_unix_ms, by_ms), nanousd);
        }
    }
}

/// What was settled in the windows that count: this month and the one before.
fn rows(dir: &Path, now_ms: u64) -> Result<Vec<Spent>, LedgerError> {
    let since = Window::containing(Period::Month, now_ms).before(Period::Month).start_ms;
    match ledger::spent(dir, since) {
        Err(LedgerError::Missing { .. }) => Ok(Vec::new()),
        read => read,
    }
}

/// Who paid: the key, and the team and organisation that the records name. Those of earlier versions name none: there the team counts
/// to which the key belongs now.
fn payers(settings: &Settings, row: &Spent) -> Vec<AccountId> {
    let mut payers = vec![AccountId::new(Level::Key, &row.key)];
    let team = if row.tells_team {
        row.team.clone()
    } else {
        let key = settings.keys.iter().find(|k| k.name == row.key);
        key.and_then(|k| settings.groups.team(k.team.as_deref()?)).map(|t| t.label().to_string())
    };
    if let Some(team) = team {
        let (organisation, team) = team.split_once('/').map_or((None, &*team), |(o, t)| (Some(o), t));
        payers.push(AccountId::new(Level::Team, team));
        payers.extend(organisation.map(|o| AccountId::new(Level::Organisation, o)));
    }
    payers
}

/// The keys of `settings` in the form of the gateway, spending from `budgets`.
pub(crate) fn keys(settings: &Settings, budgets: &Budgets) -> gateway::Keys {
    gateway::Keys::new(settings.keys.iter().map(|k| key(settings, budgets, k)).collect())
}

fn key(settings: &Settings, budgets: &Budgets, k: &KeySettings) -> gateway::Key {
    let team = k.team.as_deref().and_then(|t| settings.groups.team(t));
    let organisation = team.and_then(|t| t.organisation.clone());
    let mut ids = vec![AccountId::new(Level::Key, &k.name)];
    ids.extend(team.map(|t| AccountId::new(Level::Team, &t.name)));
    ids.extend(organisation.map(|o| AccountId::new(Level::Organisation, &o)));
    let purse = budgets.purse(&ids);
    let bounded = purse.as_ref().is_some_and(budget::Purse::has_budget);
    gateway::Key {
        public_id: k.public_id.as_deref().map(Arc::from),
        former: k.former,
        expires_unix_s: k.expires_unix_s,
        revoked_unix_s: k.revoked_unix_s,
        team: team.map(Group::label),
        purse,
        // Where money is bounded an unknown price must not slip through.
        unpriced: k.unpriced.or(bounded.then_some(decide::Unpriced::Estimate)),
        places: k.places.clone(),
        models: k.models.clone(),
        routes: k.routes.clone(),
        class: k.class,
        class_max: k.class_max,
        tags: k.tags.clone(),
        durability: k.durability,
        ..gateway::Key::named(&k.name, k.secret_sha256)
    }
}
