//! Making, rotating and revoking stored keys.
//!
//! Never here: the file itself (`store`).

use super::args::{Create, OnBudget, Revoke, Rotate};
use super::{file, now_unix_ms, settings};
use crate::config::Settings;
use crate::key;
use crate::key_store::{Former, Store, Stored, StoredBudget};
use crate::problem::{Problem, Problems, suggest};
use anyhow::Result;
use budget::Period;
use std::process::ExitCode;

/// Characters of the id in a key, and of its secret (190 bits).
const ID: usize = 8;
const SECRET: usize = 32;
/// Bytes of a name at most: the ledger keeps it in every record.
const NAME_MAX: usize = 60;

pub(super) fn create(args: &Create) -> Result<ExitCode> {
    let settings = settings(args.common.config.as_deref())?;
    check(args, &settings)?;
    let first = settings.keys.is_empty();
    let (id, secret) = (key::random(ID)?, key::random(SECRET)?);
    let shown = format!("dp_{id}_{secret}");
    let stored = stored(args, &id, &shown);
    Store::change(&file(&settings)?, |store| {
        if store.keys.iter().any(|k| k.name == args.name) {
            let why = "the ledger tells callers apart by it, revoked ones too";
            return Err(Problem::new(format!("there is a key \"{}\" already", args.name), why, "choose another name"));
        }
        store.keys.push(stored);
        Ok(())
    })?;
    if args.common.json {
        return crate::print(&(serde_json::json!({ "id": id, "name": args.name, "key": shown }).to_string() + "\n"));
    }
    let opened = if first {
        "This is the first key: from now on the gateway answers to keys only, on this machine too.\n"
    } else {
        ""
    };
    crate::print(&format!(
        "{shown}\n\nThe key is shown this once. A running server takes it within a second.\n{opened}"
    ))
}

/// Everything that is wrong with what was asked for.
fn check(args: &Create, settings: &Settings) -> Result<(), Problems> {
    let mut problems = Problems::default();
    let mut wrong = |what: String, why: &str, help: String| problems.0.push(Problem::new(what, why, help));
    let name = &args.name;
    if name.is_empty() || name.len() > NAME_MAX || name.chars().any(char::is_control) {
        let why = format!("a name has 1 to {NAME_MAX} bytes and no control characters");
        wrong(format!("\"{name}\" is no name for a key"), &why, "choose another".to_owned());
    }
    if settings.keys.iter().any(|k| k.public_id.is_none() && k.name == *name) {
        let why = "the ledger tells callers apart by it";
        wrong(format!("the configuration has a [[key]] \"{name}\" already"), why, "choose another name".to_owned());
    }
    if let Some(team) = args.team.as_deref().filter(|t| settings.groups.team(t).is_none()) {
        let names: Vec<&str> = settings.groups.teams.iter().map(|t| &*t.name).collect();
        let help = if names.is_empty() { format!("add a [[team]] name = \"{team}\"") } else { suggest(team, &names) };
        wrong(format!("there is no team \"{team}\""), "the configuration has no [[team]] of that name", help);
    }
    let routes: Vec<&str> = settings.policy.routes.keys().map(String::as_str).collect();
    for route in &args.route {
        if route != "auto" && !route.starts_with("auto:") && !routes.contains(&route.as_str()) {
            let why = "the configuration has no [[route]] of that name";
            let help = suggest(route, &[&["auto", "auto:cheap", "auto:fast", "auto:best"], &routes[..]].concat());
            wrong(format!("there is no route \"{route}\""), why, help);
        }
    }
    let least: Option<decide::DataClass> = args.class.map(Into::into);
    let most: Option<decide::DataClass> = args.class_max.map(Into::into);
    if least.zip(most).is_some_and(|(least, most)| least > most) {
        let why = "its requests would have more than they may declare";
        wrong("--class is above --class-max".to_owned(), why, "lower the one or raise the other".to_owned());
    }
    if problems.0.is_empty() { Ok(()) } else { Err(problems) }
}

fn stored(args: &Create, id: &str, shown: &str) -> Stored {
    let some = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
    let now = now_unix_ms() / 1_000;
    let of = |period: Period| args.budget.iter().rev().find(|(p, _)| *p == period).map(|(_, n)| *n);
    let budget = (!args.budget.is_empty()).then(|| StoredBudget {
        day_nanousd: of(Period::Day),
        week_nanousd: of(Period::Week),
        month_nanousd: of(Period::Month),
        soft_permille: args.soft,
        degrade: args.on_budget == OnBudget::Degrade,
        pace: true,
    });
    Stored {
        id: id.to_owned(),
        name: args.name.clone(),
        hash: key::show_hash(&key::sha256(shown)),
        former: None,
        created_unix_s: now,
        expires_unix_s: args.expires.map(|span| now.saturating_add(span.as_secs())),
        revoked_unix_s: None,
        team: args.team.clone(),
        places: some(&args.place),
        models: some(&args.model),
        routes: some(&args.route),
        class: args.class.map(Into::into),
        class_max: args.class_max.map(Into::into),
        tags: args.tag.clone(),
        durability: args.strict.then_some(decide::Durability::Strict),
        unpriced: args.unpriced.map(Into::into),
        budget,
        requests_per_minute: args.requests_per_minute,
        tokens_per_minute: args.tokens_per_minute,
    }
}

pub(super) fn revoke(args: &Revoke) -> Result<ExitCode> {
    let settings = settings(args.common.config.as_deref())?;
    let now = now_unix_ms() / 1_000;
    let name = Store::change(&file(&settings)?, |store| {
        let key = store.usable(&args.key)?;
        key.revoked_unix_s = Some(now);
        key.former = None;
        Ok(key.name.clone())
    })?;
    if args.common.json {
        return crate::print(&(serde_json::json!({ "name": name, "revoked_unix_s": now }).to_string() + "\n"));
    }
    crate::print(&format!("The key \"{name}\" is revoked. A running server refuses it within a second.\n"))
}

pub(super) fn rotate(args: &Rotate) -> Result<ExitCode> {
    let settings = settings(args.common.config.as_deref())?;
    let secret = key::random(SECRET)?;
    let until_unix_s = (now_unix_ms() / 1_000).saturating_add(args.overlap.as_secs());
    let (name, shown) = Store::change(&file(&settings)?, |store| {
        let key = store.usable(&args.key)?;
        let shown = format!("dp_{}_{secret}", key.id);
        let hash = key::show_hash(&key::sha256(&shown));
        key.former = Some(Former { hash: std::mem::replace(&mut key.hash, hash), until_unix_s });
        Ok((key.name.clone(), shown))
    })?;
    let until = budget::rfc3339(until_unix_s.saturating_mul(1_000));
    if args.common.json {
        let out = serde_json::json!({ "name": name, "key": shown, "old_until": until });
        return crate::print(&(out.to_string() + "\n"));
    }
    crate::print(&format!("{shown}\n\nThe key is shown this once. The old secret of \"{name}\" works until {until}.\n"))
}
