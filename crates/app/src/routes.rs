//! `dewpoint routes`: what every model name that is asked for stands for, what is promised of it and by what evidence, how often it
//! escalates, and what looking at answers costs.
//!
//! Never here: deciding, or the test behind a promise (`promises`).

mod text;

use crate::config::Settings;
use crate::problem::{Problem, Problems};
use crate::promises::{self, Group};
use crate::source::{self, failed};
use anyhow::Result;
use clap::Args as ClapArgs;
use decide::{Objective, Policy, Promise, needed};
use ledger::{Beside, LedgerError, Uses};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// Days over which requests, escalations and costs are counted.
const DAYS: u64 = 7;
const DAY_MS: u64 = 86_400_000;

#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// Configuration file; otherwise DEWPOINT_CONFIG, otherwise ./dewpoint.toml if it is there.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Only this model name.
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// The whole report.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Days over which requests, escalations and costs are counted.
    days: u64,
    /// Probability with which a promise may be wrong.
    error_rate: f64,
    routes: Vec<Route>,
}

/// One model name that callers may ask for.
#[derive(Debug, Serialize)]
pub(super) struct Route {
    name: String,
    /// What it optimises; `None`: the order of its targets.
    objective: Option<&'static str>,
    /// `place/model`; empty means every place.
    targets: Vec<String>,
    escalate: bool,
    /// What may be lost, as a share of the answers; `None`: nothing is promised.
    max_quality_loss: Option<f64>,
    /// Comparisons that such a promise needs at least; `None`: no number is enough, or none is wanted.
    evidence_needed: Option<usize>,
    /// Share of the requests whose alternative is asked as well.
    shadow: f64,
    helpers: Vec<String>,
    tasks: Vec<Line>,
    helper_calls: Cost,
    shadow_calls: Cost,
}

/// One kind of task of it.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Line {
    task: String,
    /// `promised`, `not-yet`, `withdrawn` or `none` (not asked for).
    promise: &'static str,
    /// The same in words.
    status: String,
    /// The greatest doubt that is kept.
    doubt_max: Option<f32>,
    /// Share of the compared answers that is kept.
    kept: Option<f64>,
    /// Comparisons that count.
    evidence: usize,
    evidence_oldest_unix_ms: Option<u64>,
    evidence_newest_unix_ms: Option<u64>,
    /// Mean loss if every compared answer were kept.
    loss_of_keeping_all: Option<f64>,
    requests: u64,
    escalated: u64,
    /// `None` without requests.
    escalation_rate: Option<f64>,
}

/// What questions of our own cost.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Cost {
    attempts: u64,
    /// Dollars, exact, of those attempts whose cost is known.
    cost_usd: String,
    /// Attempts whose cost is not known.
    unknown: u64,
}

/// Prints the report.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let settings = source::settings(args.config.as_deref())?;
    let now = now_unix_ms();
    let (groups, uses) = known(&settings, now)?;
    let report = report(&settings.policy, &groups, &uses, args.name.as_deref());
    if report.routes.is_empty() {
        let name = args.name.as_deref().unwrap_or_default();
        let known: Vec<&str> = settings.policy.routes.keys().map(String::as_str).chain(["auto"]).collect();
        let help = crate::problem::suggest(name, &known);
        let why = "no route has that name, and nobody asked for it in the last days";
        return Err(Problems::from(Problem::new(format!("there is no route \"{name}\""), why, help)).into());
    }
    let text = if args.json { serde_json::to_string_pretty(&report)? + "\n" } else { text::told(&report, now) };
    crate::print(&text)
}

/// What the ledger knows; nothing where it is off or has not been begun.
fn known(settings: &Settings, now: u64) -> Result<(Vec<Group>, Uses)> {
    let Some(kept) = &settings.ledger else { return Ok(<_>::default()) };
    let lessons = match promises::comparisons(&kept.dir, now) {
        Err(LedgerError::Missing { .. }) => return Ok(<_>::default()),
        lessons => lessons.map_err(|e| failed(&e))?,
    };
    let uses = ledger::uses(&kept.dir, now.saturating_sub(DAYS * DAY_MS)).map_err(|e| failed(&e))?;
    Ok((promises::of(&lessons, &settings.policy, now), uses))
}

fn report(policy: &Policy, groups: &[Group], uses: &Uses, only: Option<&str>) -> Report {
    // Configured routes and `auto`, and what was asked for of the names that are built in; a place's own model is no route.
    let built_in = |name: &str| name == "auto" || objective(name).is_some();
    let asked = groups.iter().map(|g| &*g.asked).chain(uses.asked.iter().map(|a| &*a.asked));
    let names: BTreeSet<&str> =
        asked.filter(|n| built_in(n)).chain(policy.routes.keys().map(String::as_str)).chain(["auto"]).collect();
    let routes = names.into_iter().filter(|name| only.is_none_or(|only| only == *name));
    let mut wanted = BTreeMap::new();
    let routes = routes.map(|name| {
        let loss = policy.cascade_of(name).max_quality_loss_permille;
        let least = loss.and_then(|loss| *wanted.entry(loss).or_insert_with(|| needed(f64::from(loss) / 1_000.0)));
        route(name, policy, (groups, uses), least)
    });
    Report { days: DAYS, error_rate: decide::ERROR_RATE, routes: routes.collect() }
}

fn route(name: &str, policy: &Policy, (groups, uses): (&[Group], &Uses), least: Option<usize>) -> Route {
    let cascade = policy.cascade_of(name);
    let configured = policy.routes.get(name);
    let objective = match configured {
        Some(route) => route.objective,
        None => objective(name).or(Some(policy.auto)),
    };
    let mut lines: BTreeMap<&str, Line> = BTreeMap::new();
    for group in groups.iter().filter(|g| &*g.asked == name) {
        lines.insert(group.task.as_str(), line(group, least));
    }
    for asked in uses.asked.iter().filter(|a| a.asked == name) {
        let line = lines.entry(&asked.task).or_insert_with(|| unproven(cascade.max_quality_loss_permille, least));
        (line.requests, line.escalated) = (asked.requests, asked.escalated);
        line.escalation_rate = Some(asked.escalated as f64 / asked.requests.max(1) as f64);
    }
    let cost = |kind| cost(uses.beside.iter().find(|b| b.asked == name && b.kind == kind));
    Route {
        name: name.to_owned(),
        objective: objective.map(Objective::as_str),
        targets: configured.iter().flat_map(|r| &r.targets).map(|t| format!("{}/{}", t.place, t.model)).collect(),
        escalate: cascade.escalate,
        max_quality_loss: cascade.max_quality_loss_permille.map(|p| f64::from(p) / 1_000.0),
        evidence_needed: least,
        shadow: f64::from(cascade.shadow_permille) / 1_000.0,
        helpers: cascade.helpers.iter().map(|h| format!("{}/{}", h.place, h.model)).collect(),
        tasks: lines.into_iter().map(|(task, line)| Line { task: task.to_owned(), ..line }).collect(),
        helper_calls: cost("helper"),
        shadow_calls: cost("shadow"),
    }
}

fn line(group: &Group, least: Option<usize>) -> Line {
    let made = &group.made;
    let (doubt_max, kept) = match made.promise {
        Promise::Kept { doubt, share, .. } if group.max_loss_permille.is_some() => (Some(doubt), Some(share)),
        _ => (None, None),
    };
    let promise = match (group.max_loss_permille, made.drift, doubt_max) {
        (None, ..) => "none",
        (_, Some(_), _) => "withdrawn",
        (_, None, Some(_)) => "promised",
        (_, None, None) => "not-yet",
    };
    Line {
        promise,
        status: promises::status(made, group.max_loss_permille, least),
        doubt_max,
        kept,
        evidence: made.evidence,
        evidence_oldest_unix_ms: made.span_unix_ms.map(|s| s.0),
        evidence_newest_unix_ms: made.span_unix_ms.map(|s| s.1),
        loss_of_keeping_all: made.loss_of_keeping_all,
        ..Line::default()
    }
}

/// A task of which nothing was compared.
fn unproven(max_loss_permille: Option<u16>, least: Option<usize>) -> Line {
    let none = decide::promised(&[], 0.0);
    let promise = if max_loss_permille.is_some() { "not-yet" } else { "none" };
    Line { promise, status: promises::status(&none, max_loss_permille, least), ..Line::default() }
}

fn cost(beside: Option<&Beside>) -> Cost {
    let cost_usd = beside.map_or(decide::Nanousd::ZERO, |b| b.cost).to_string();
    Cost { attempts: beside.map_or(0, |b| b.attempts), cost_usd, unknown: beside.map_or(0, |b| b.unknown) }
}

/// What a built-in name optimises; plain `auto` is what the policy says.
fn objective(name: &str) -> Option<Objective> {
    let all = [Objective::Sufficient, Objective::Cheap, Objective::Best, Objective::Local, Objective::Fast];
    let word = name.strip_prefix("auto:")?;
    all.into_iter().find(|o| o.as_str() == word)
}

fn now_unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "routes_tests.rs"]
mod tests;
