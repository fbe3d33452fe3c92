//! Organisations and teams, and the budgets and limits that they and keys have.
//!
//! Never here: sums (room `budget`).

use super::Reader;
use crate::config::number::{Number, nanousd};
use crate::config::shape::File;
use crate::config::spending::{Budget, OnBudget, RateLimits};
use crate::problem::suggest;
use ::budget::{Period, Terms};
use std::sync::Arc;

/// Bytes of the name of an organisation or a team.
const NAME_MAX: usize = 60;

/// An organisation or a team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) name: Arc<str>,
    /// The organisation of a team.
    pub(crate) organisation: Option<Arc<str>>,
    pub(crate) terms: Terms,
}

impl Group {
    /// The team in records: `organisation/team`, or `team`.
    pub(crate) fn label(&self) -> Arc<str> {
        match &self.organisation {
            Some(organisation) => Arc::from(format!("{organisation}/{}", self.name)),
            None => self.name.clone(),
        }
    }
}

/// Organisations and teams.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Groups {
    pub(crate) organisations: Vec<Group>,
    pub(crate) teams: Vec<Group>,
}

impl Groups {
    /// The team of that name.
    pub(crate) fn team(&self, name: &str) -> Option<&Group> {
        self.teams.iter().find(|t| *t.name == *name)
    }
}

pub(super) fn groups(r: &mut Reader<'_>, file: &File) -> Groups {
    let mut groups = Groups::default();
    for (i, organisation) in file.organisation.iter().enumerate() {
        let path = format!("organisation[{i}]");
        named(r, &path, "organisation", &organisation.name, &groups.organisations);
        let shown = format!("organisation.{}", organisation.name);
        let terms = terms(r, (&path, &shown), organisation.budget.as_ref(), organisation.limits.as_ref());
        groups.organisations.push(Group { name: Arc::from(&*organisation.name), organisation: None, terms });
    }
    for (i, team) in file.team.iter().enumerate() {
        let path = format!("team[{i}]");
        named(r, &path, "team", &team.name, &groups.teams);
        if let Some(organisation) = &team.organisation {
            let names: Vec<&str> = groups.organisations.iter().map(|o| &*o.name).collect();
            known(r, &format!("{path}.organisation"), ("organisation", organisation), &names);
        }
        let shown = format!("team.{}", team.name);
        let terms = terms(r, (&path, &shown), team.budget.as_ref(), team.limits.as_ref());
        let organisation = team.organisation.as_deref().map(Arc::from);
        groups.teams.push(Group { name: Arc::from(&*team.name), organisation, terms });
    }
    groups
}

/// A budget that begins anew with every start is worth a warning.
pub(super) fn warn_of_none(r: &mut Reader<'_>, ledger: bool, groups: &Groups, keys: &[super::KeySettings]) {
    let groups = groups.organisations.iter().chain(&groups.teams).map(|g| &g.terms);
    if !ledger && groups.chain(keys.iter().map(|k| &k.terms)).any(Terms::has_budget) {
        r.warn("ledger.enabled", "without a ledger budgets forget at every start what was spent");
    }
}

/// Says so where `name` is none of `names`.
pub(super) fn known(r: &mut Reader<'_>, path: &str, (kind, name): (&str, &str), names: &[&str]) {
    if names.contains(&name) {
        return;
    }
    let help = if names.is_empty() { format!("add a [[{kind}]] name = \"{name}\"") } else { suggest(name, names) };
    r.wrong(path, format!("there is no {kind} \"{name}\""), format!("no [[{kind}]] has that name"), help);
}

fn named(r: &mut Reader<'_>, path: &str, kind: &str, name: &str, before: &[Group]) {
    let path = format!("{path}.name");
    if name.is_empty() || before.iter().any(|g| *g.name == *name) {
        let what = format!("the {kind} \"{name}\" needs a name of its own");
        r.wrong(&path, what, format!("keys name their {kind}s by it"), "give it another name");
    }
    if name.len() > NAME_MAX || name.contains('/') || name.chars().any(char::is_control) {
        let why = format!("a name has no slash, no control characters and at most {NAME_MAX} bytes");
        r.wrong(
            &path,
            format!("the {kind} \"{name}\" has a name that cannot be"),
            why,
            "give it a shorter, plain name",
        );
    }
}

/// Reads the tables `budget` and `limits` at `path`, shown as `shown`.
pub(super) fn terms(
    r: &mut Reader<'_>,
    (path, shown): (&str, &str),
    budget: Option<&Budget>,
    limits: Option<&RateLimits>,
) -> Terms {
    let mut terms = Terms::default();
    if let Some(budget) = budget {
        money(r, (path, shown), budget, &mut terms);
    }
    let limits = limits.map(|l| [("requests", l.requests_per_minute), ("tokens", l.tokens_per_minute)]);
    for (what, limit) in limits.into_iter().flatten() {
        let at = format!("{path}.limits.{what}_per_minute");
        if limit == Some(0) {
            let help = "write at least 1; `dewpoint keys revoke` stops a key altogether";
            r.wrong(&at, format!("{what}_per_minute = 0"), "nothing could pass", help);
        }
        if let Some(limit) = limit {
            let origin = r.origin(&at);
            r.values.note(format!("{shown}.limits.{what}_per_minute"), limit, origin);
        }
        let limit = limit.map(u64::from);
        match what {
            "requests" => terms.requests_per_minute = limit,
            _ => terms.tokens_per_minute = limit,
        }
    }
    terms
}

fn money(r: &mut Reader<'_>, (path, shown): (&str, &str), budget: &Budget, terms: &mut Terms) {
    let given = [&budget.day, &budget.week, &budget.month];
    for ((period, given), slot) in Period::ALL.into_iter().zip(given).zip(&mut terms.budget_nanousd) {
        let at = format!("{path}.budget.{}", period.as_str());
        *slot = given.as_ref().and_then(|number| dollars(r, &at, number));
        if let Some(nanousd) = slot {
            let origin = r.origin(&at);
            r.values.note(format!("{shown}.budget.{}", period.as_str()), decide::Nanousd(*nanousd), origin);
        }
    }
    if given.iter().all(|g| g.is_none()) {
        let why = "it has none of day, week and month";
        r.wrong(&format!("{path}.budget"), "a budget without an amount", why, "write for example month = 100");
    }
    // NaN is in no range.
    if !(0.0..=1.0).contains(&budget.soft) {
        let help = "write a share such as 0.8";
        r.wrong(&format!("{path}.budget.soft"), format!("soft = {}", budget.soft), "it must be from 0 to 1", help);
    }
    terms.soft_permille = (budget.soft.clamp(0.0, 1.0) * 1_000.0).round() as u16;
    terms.pace = budget.pace;
    terms.on_budget = match budget.on_budget {
        OnBudget::Degrade => ::budget::OnBudget::Degrade,
        OnBudget::Refuse => ::budget::OnBudget::Refuse,
    };
}

fn dollars(r: &mut Reader<'_>, path: &str, number: &Number) -> Option<i64> {
    match nanousd(r.source.written(&number.span)) {
        Ok(nanousd) => Some(nanousd),
        Err(why) => {
            let why = why.replace("a price per million tokens", "a budget").replace("a price", "a budget");
            r.wrong(path, "a budget that cannot be", why, "write dollars as a plain decimal, such as 25 or 0.50");
            None
        }
    }
}
