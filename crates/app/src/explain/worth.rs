//! Why the order of `explain` is what it is: what was expected of each rank, what is believed of each model, and the terms of each
//! utility, so that a person can add them up.
//!
//! Never here: working any of it out (room `decide`).

use crate::table::{columns, printable};
use decide::{Belief, Candidate, Need, Policy, Rank, Sum, Verdict};
use serde::Serialize;
use std::fmt::Write as _;

const RANKS: [(Rank, &str); 4] =
    [(Rank::Edge, "edge"), (Rank::Local, "local"), (Rank::Large, "large"), (Rank::Frontier, "frontier")];

/// Chances of a good answer by rank, or that nothing is known.
pub(super) fn outlook(verdict: &Verdict) -> String {
    match verdict.outlook {
        None => String::new(),
        Some(outlook) if outlook.unfamiliar => {
            "unfamiliar: unlike the exams that the weights were trained on, so the difficulty decides".to_owned()
        }
        Some(outlook) => {
            let chances: Vec<String> =
                RANKS.iter().map(|(rank, name)| format!("{name} {}", share(outlook.of(*rank)))).collect();
            format!("chance of a good answer: {}", chances.join(", "))
        }
    }
}

/// What quality is enough, and where that comes from.
pub(super) fn enough(verdict: &Verdict, need: &Need, policy: &Policy) -> String {
    if verdict.order.is_empty() {
        return String::new();
    }
    let margin = if policy.margin_permille == 0 {
        String::new()
    } else {
        format!(" and a margin of {}", share(policy.margin_permille))
    };
    let why = match need.outlook {
        Some(outlook) if !outlook.unfamiliar => "near the best that may answer",
        _ => "the difficulty",
    };
    format!("quality from {} on ({why}{margin})", share(verdict.enough_permille))
}

/// What is believed of one model at the task.
#[derive(Serialize)]
struct Ability {
    rank: Rank,
    mean_permille: u16,
    /// The central 90 %.
    interval_permille: (u16, u16),
    /// Of which the team's own.
    evidence_milli: u64,
    source: std::sync::Arc<str>,
}

impl Ability {
    fn of(candidate: &Candidate, verdict: &Verdict) -> Option<Ability> {
        let prior = candidate.model.ability.as_ref()?;
        let evidence = candidate.reason.evidence;
        let belief: Belief = prior.at(verdict.task).and(evidence);
        Some(Ability {
            rank: prior.rank,
            mean_permille: belief.mean_permille(),
            interval_permille: belief.interval_permille(),
            evidence_milli: evidence.good_milli.saturating_add(evidence.bad_milli),
            source: prior.source.clone(),
        })
    }
}

/// One candidate of the sum, for programs.
#[derive(Serialize)]
pub(super) struct Row {
    place: String,
    model: String,
    ability: Option<Ability>,
    #[serde(flatten)]
    terms: Sum,
    utility_nanousd: i64,
}

/// The sums for programs.
pub(super) fn sums(need: &Need, verdict: &Verdict, policy: &Policy) -> Vec<Row> {
    let row = |(c, terms): (&Candidate, Sum)| Row {
        place: c.place.id.to_string(),
        model: c.model.id.to_string(),
        ability: Ability::of(c, verdict),
        terms,
        utility_nanousd: terms.utility(),
    };
    verdict.order.iter().zip(verdict.sums(need, policy)).map(row).collect()
}

/// The sums for people: dollars, the ability with its interval and what the team observed. Empty where the order was given.
pub(super) fn table(need: &Need, verdict: &Verdict, policy: &Policy) -> String {
    let sums = verdict.sums(need, policy);
    if sums.is_empty() {
        return String::new();
    }
    let head = ["", "ability at this task", "quality", "- price", "- capacity", "- wait", "+ warm", "= worth"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for (i, (c, sum)) in verdict.order.iter().zip(sums).enumerate() {
        let ability = Ability::of(c, verdict).map_or_else(|| "nothing known".to_owned(), |a| told(&a));
        let terms = [sum.quality, sum.price, sum.capacity, sum.wait, sum.warm, sum.utility()].map(dollars);
        let mut row = vec![format!("{:>3}.", i + 1), printable(&ability)];
        row.extend(terms);
        rows.push(row);
    }
    let mut out = String::from("\nwhat each is worth, in dollars (docs: Routing)\n");
    let _ = write!(out, "{}", columns(&rows));
    out
}

fn told(ability: &Ability) -> String {
    let (low, high) = ability.interval_permille;
    let observed = match ability.evidence_milli.saturating_add(500) / 1_000 {
        0 => "not observed here".to_owned(),
        n => format!("observed {n} ×"),
    };
    format!("{} ({} to {}), {observed}", share(ability.mean_permille), share(low), share(high))
}

fn share(permille: u16) -> String {
    format!("{}.{:02}", permille / 1_000, permille % 1_000 / 10)
}

/// Dollars to a millionth; smaller amounts to a thousand-millionth, so that none is shown as nothing.
fn dollars(nano: i64) -> String {
    let all = decide::Nanousd(nano).to_string();
    if nano != 0 && nano.unsigned_abs() < 1_000_000 { all } else { all[..all.len() - 3].to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_amount_is_shown_as_nothing() {
        let shown = [0, 7, 999_999, 1_000_000, -5, -2_500_000_000].map(dollars);
        assert_eq!(shown, ["0.000000", "0.000000007", "0.000999999", "0.001000", "-0.000000005", "-2.500000"]);
    }
}
