//! `dewpoint keys list` and `dewpoint budgets`: what there is and how it stands.
//!
//! Never here: secrets.

use super::server::{self, Told};
use super::{args, now_unix_ms, settings};
use crate::accounts;
use crate::config::{KeySettings, Settings};
use crate::source::failed;
use crate::table::printable;
use anyhow::Result;
use budget::{Budgets, Level, Standing};
use decide::Nanousd;
use std::collections::HashMap;
use std::process::ExitCode;

/// How all accounts stand by the ledger: beside a running server what it has committed, else everything.
pub(super) fn from_ledger(settings: &Settings, now_ms: u64) -> Result<Vec<Standing>> {
    let budgets = Budgets::new();
    let ready = accounts::ready(&budgets, settings, now_ms).map_err(|e| failed(&e))?;
    accounts::take_over(&budgets, settings, &ready, now_ms);
    Ok(budgets.standings(now_ms))
}

pub(super) fn budgets(args: &args::Budgets) -> Result<ExitCode> {
    let settings = settings(args.common.config.as_deref())?;
    let now_ms = now_unix_ms();
    let told = server::told(&settings);
    let mut rows = from_ledger(&settings, now_ms)?;
    rows.retain(|s| s.limit_nanousd.is_some() || s.spent_nanousd != 0);
    // The server knows what is under way.
    if let Some(told) = &told {
        rows.iter_mut().for_each(|s| live(s, told));
    }
    if args.common.json {
        let list: Vec<_> = rows.iter().map(json).collect();
        let out = serde_json::json!({ "server": told.is_some(), "budgets": list });
        return crate::print(&(serde_json::to_string_pretty(&out)? + "\n"));
    }
    crate::print(&table(&rows, told.is_some()))
}

/// Takes what the server says of a row.
fn live(s: &mut Standing, told: &Told) {
    let (level, account, period) = (s.account.level.as_str(), s.account.name.to_string(), s.period.as_str());
    let of = |family| told.get(family, level, &account, period);
    s.spent_nanousd = of("spent").unwrap_or(s.spent_nanousd);
    s.reserved_nanousd = of("reserved").unwrap_or(0);
    s.over_nanousd = of("over").unwrap_or(0);
}

fn json(s: &Standing) -> serde_json::Value {
    serde_json::json!({
        "level": s.account.level.as_str(),
        "account": &*s.account.name,
        "period": s.period.as_str(),
        "limit_usd": s.limit_nanousd.map(|n| Nanousd(n).to_string()),
        "spent_usd": Nanousd(s.spent_nanousd).to_string(),
        "reserved_usd": Nanousd(s.reserved_nanousd).to_string(),
        "over_usd": Nanousd(s.over_nanousd).to_string(),
        "resets_at": budget::rfc3339(s.window.end_ms),
    })
}

fn table(rows: &[Standing], live: bool) -> String {
    if rows.is_empty() {
        return "There are no budgets, and no key has spent anything. Write a [team.budget] or a [key.budget], or make a key with \
                `dewpoint keys create NAME --budget month=50`.\n"
            .to_owned();
    }
    let head = ["LEVEL", "ACCOUNT", "PERIOD", "SPENT", "RESERVED", "LIMIT", "USED", "RESETS"].map(str::to_owned);
    let line = |s: &Standing| {
        let used = s.limit_nanousd.map(|limit| {
            let used = i128::from(s.spent_nanousd) + i128::from(s.reserved_nanousd);
            if limit > 0 { format!("{} %", used * 100 / i128::from(limit)) } else { "-".to_owned() }
        });
        [
            s.account.level.as_str().to_owned(),
            printable(&s.account.name),
            s.period.as_str().to_owned(),
            Nanousd(s.spent_nanousd).to_string(),
            Nanousd(s.reserved_nanousd).to_string(),
            s.limit_nanousd.map_or("-".to_owned(), |n| Nanousd(n).to_string()),
            used.unwrap_or("-".to_owned()),
            budget::rfc3339(s.window.end_ms),
        ]
    };
    let mut out = columns(&head, rows.iter().map(line));
    let over: Vec<String> = rows
        .iter()
        .filter(|s| s.over_nanousd > 0)
        .map(|s| {
            let (level, name) = (s.account.level.as_str(), printable(&s.account.name));
            format!(
                "{level} {name}: ${} were billed above what had been reserved this {}\n",
                Nanousd(s.over_nanousd),
                s.period.as_str()
            )
        })
        .collect();
    out.push_str(&over.concat());
    out.push_str("Dollars; windows are those of the calendar in UTC.\n");
    if !live {
        out.push_str("No server answers, so nothing is under way: these are the sums of the ledger.\n");
    }
    out
}

/// Columns as wide as they must be.
fn columns<const N: usize>(head: &[String; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let rows: Vec<[String; N]> = rows.collect();
    let mut out = String::new();
    for row in std::iter::once(head).chain(&rows) {
        let mut line = String::new();
        for (i, cell) in row.iter().enumerate() {
            let wide = rows.iter().map(|r| r[i].chars().count()).max().unwrap_or(0).max(head[i].chars().count());
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', wide - cell.chars().count() + 2));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

pub(super) fn keys(args: &args::List) -> Result<ExitCode> {
    let settings = settings(args.common.config.as_deref())?;
    let now_ms = now_unix_ms();
    let standings = from_ledger(&settings, now_ms)?;
    let used = match &settings.ledger {
        Some(kept) => ledger::last_used(&kept.dir).or_else(|e| match e {
            ledger::LedgerError::Missing { .. } => Ok(HashMap::new()),
            e => Err(failed(&e)),
        })?,
        None => HashMap::new(),
    };
    let of_use = |k: &&KeySettings| {
        args.all || state(k, now_ms).is_empty() || k.former.is_some() && state(k, now_ms).starts_with("rotat")
    };
    let keys: Vec<&KeySettings> = settings.keys.iter().filter(of_use).collect();
    if args.common.json {
        let list: Vec<_> = keys.iter().map(|k| key_json(k, &used, &standings, now_ms)).collect();
        return crate::print(&(serde_json::to_string_pretty(&list)? + "\n"));
    }
    if keys.is_empty() {
        return crate::print("There are no keys. `dewpoint keys create NAME` makes one.\n");
    }
    let head = ["NAME", "ID", "TEAM", "STATE", "LAST USED", "SPENT THIS MONTH", "BOUNDS"].map(str::to_owned);
    let rows = keys.iter().map(|k| {
        let state = state(k, now_ms);
        let month = standings.iter().find(|s| is_month(s, k)).map_or(0, |s| s.spent_nanousd);
        [
            printable(&k.name),
            k.public_id.clone().unwrap_or_else(|| "[[key]]".to_owned()),
            k.team.clone().unwrap_or_else(|| "-".to_owned()),
            if state.is_empty() { "in use".to_owned() } else { state },
            used.get(&k.name).map_or("never".to_owned(), |ms| budget::rfc3339(*ms)),
            Nanousd(month).to_string(),
            bounds(k),
        ]
    });
    crate::print(&columns(&head, rows))
}

fn is_month(s: &Standing, k: &KeySettings) -> bool {
    s.account.level == Level::Key && *s.account.name == k.name && s.period == budget::Period::Month
}

/// What is to be said of a key that is not simply in use.
fn state(k: &KeySettings, now_ms: u64) -> String {
    let when = |unix_s: u64| budget::rfc3339(unix_s.saturating_mul(1_000));
    if let Some(at) = k.revoked_unix_s {
        return format!("revoked {}", when(at));
    }
    if let Some(at) = k.expires_unix_s.filter(|at| *at <= now_ms / 1_000) {
        return format!("expired {}", when(at));
    }
    match k.former.filter(|(_, until)| *until > now_ms / 1_000) {
        Some((_, until)) => format!("rotated, old secret until {}", when(until)),
        None => String::new(),
    }
}

/// Scopes, limits and budgets in a few words.
fn bounds(k: &KeySettings) -> String {
    let mut out = Vec::new();
    for (name, list) in [("places", &k.places), ("models", &k.models), ("routes", &k.routes)] {
        if let Some(list) = list {
            out.push(format!("{name} {}", list.iter().map(|s| printable(s)).collect::<Vec<_>>().join("|")));
        }
    }
    if let Some(class) = k.class {
        out.push(format!("class at least {}", class.as_str()));
    }
    if let Some(class) = k.class_max {
        out.push(format!("class at most {}", class.as_str()));
    }
    for (period, limit) in budget::Period::ALL.into_iter().zip(k.terms.budget_nanousd) {
        if let Some(limit) = limit {
            out.push(format!("${} a {}", Nanousd(limit), period.as_str()));
        }
    }
    for (what, limit) in [("requests", k.terms.requests_per_minute), ("tokens", k.terms.tokens_per_minute)] {
        if let Some(limit) = limit {
            out.push(format!("{limit} {what}/min"));
        }
    }
    if let Some(at) = k.expires_unix_s {
        out.push(format!("expires {}", budget::rfc3339(at.saturating_mul(1_000))));
    }
    if out.is_empty() { "-".to_owned() } else { out.join(", ") }
}

fn key_json(k: &KeySettings, used: &HashMap<String, u64>, standings: &[Standing], now_ms: u64) -> serde_json::Value {
    let when = |unix_s: u64| budget::rfc3339(unix_s.saturating_mul(1_000));
    let budgets: Vec<_> =
        standings.iter().filter(|s| s.account.level == Level::Key && *s.account.name == k.name).map(json).collect();
    let state = state(k, now_ms);
    serde_json::json!({
        "name": k.name,
        "id": k.public_id,
        "team": k.team,
        "state": if state.is_empty() { "in use" } else { state.split([' ', ',']).next().unwrap_or_default() },
        "old_secret_until": k.former.map(|(_, until)| when(until)),
        "expires_at": k.expires_unix_s.map(when),
        "revoked_at": k.revoked_unix_s.map(when),
        "last_used_at": used.get(&k.name).map(|ms| budget::rfc3339(*ms)),
        "places": k.places,
        "models": k.models,
        "routes": k.routes,
        "class": k.class,
        "class_max": k.class_max,
        "tags": k.tags,
        "requests_per_minute": k.terms.requests_per_minute,
        "tokens_per_minute": k.terms.tokens_per_minute,
        "budgets": budgets,
    })
}
