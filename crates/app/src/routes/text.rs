//! The report of routes for a terminal.
//!
//! Never here: sums.

use super::{Cost, Line, Report, Route};
use crate::table::printable;
use ledger::align;
use std::fmt::Write as _;

/// For people.
pub(super) fn told(report: &Report, now_unix_ms: u64) -> String {
    let mut out = String::new();
    for route in &report.routes {
        head(&mut out, route);
        if route.tasks.is_empty() {
            let _ = writeln!(out, "  nothing was asked in {} days", report.days);
        } else {
            let heads = ["  task", "requests", "escalated", "compared", "age of that", "promise"].map(str::to_owned);
            let mut lines = vec![heads.to_vec()];
            lines.extend(route.tasks.iter().map(|line| cells(line, now_unix_ms)));
            out.push_str(&left(&lines));
        }
        beside(&mut out, "helpers", &route.helper_calls, report.days);
        beside(&mut out, "shadow", &route.shadow_calls, report.days);
        out.push('\n');
    }
    let _ = writeln!(
        out,
        "requests, escalations and costs of {} days; a promise is wrong with a probability of at most {:.1} %, and covers answers that can be compared",
        report.days,
        100.0 * report.error_rate
    );
    out
}

fn head(out: &mut String, route: &Route) {
    let objective = route.objective.unwrap_or("in order");
    let targets = if route.targets.is_empty() { "every place".to_owned() } else { route.targets.join(", ") };
    // Writing into a String cannot fail.
    let _ = write!(out, "{}: {objective}; {}", printable(&route.name), printable(&targets));
    match (route.escalate, route.max_quality_loss) {
        (false, _) => out.push_str("; never escalates"),
        (true, None) => out.push_str("; nothing is promised"),
        (true, Some(loss)) => {
            let _ = write!(out, "; may lose {}", share(loss));
        }
    }
    let _ = write!(out, "; shadow {}", share(route.shadow));
    if !route.helpers.is_empty() {
        let _ = write!(out, "; helped by {}", printable(&route.helpers.join(", ")));
    }
    out.push('\n');
}

fn cells(line: &Line, now_unix_ms: u64) -> Vec<String> {
    let rate = line.escalation_rate.map_or_else(String::new, |rate| format!(" ({:.0} %)", 100.0 * rate));
    let age = |at: Option<u64>| at.map(|at| span(now_unix_ms.saturating_sub(at)));
    let ages = match (age(line.evidence_newest_unix_ms), age(line.evidence_oldest_unix_ms)) {
        (Some(newest), Some(oldest)) if newest != oldest => format!("{newest} to {oldest}"),
        (Some(newest), _) => newest,
        (None, _) => "-".to_owned(),
    };
    vec![
        format!("  {}", line.task),
        line.requests.to_string(),
        format!("{}{rate}", line.escalated),
        line.evidence.to_string(),
        ages,
        line.status.clone(),
    ]
}

/// Numbers to the right, but the words of the last column to the left.
fn left(lines: &[Vec<String>]) -> String {
    let numbers: Vec<Vec<String>> = lines.iter().map(|line| line[..line.len() - 1].to_vec()).collect();
    let words = lines.iter().filter_map(|line| line.last());
    align(&numbers).lines().zip(words).map(|(line, words)| format!("{line}  {words}\n")).collect()
}

fn beside(out: &mut String, what: &str, cost: &Cost, days: u64) {
    if cost.attempts == 0 {
        return;
    }
    let unknown = if cost.unknown > 0 { format!(", and {} of unknown cost", cost.unknown) } else { String::new() };
    let _ = writeln!(out, "  {what}: {} calls in {days} days, ${}{unknown}", cost.attempts, cost.cost_usd);
}

/// A share as it is written in the file: at most three digits after the point.
fn share(share: f64) -> String {
    let text = format!("{share:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A span of time in its largest whole unit.
fn span(ms: u64) -> String {
    match ms / 1_000 {
        s @ 0..=119 => format!("{s} s"),
        s @ 120..=7_199 => format!("{} min", s / 60),
        s @ 7_200..=172_799 => format!("{} h", s / 3_600),
        s => format!("{} d", s / 86_400),
    }
}
