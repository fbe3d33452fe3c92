//! The answer in words, and the report as one page of text.
//!
//! Never here: counting.

use super::{Group, Query, Report};
use crate::time;
use std::fmt::Write;

/// What no log of this kind proves.
const LIMITS: [&str; 4] = [
    "The log is under its operator's own control: that it was not written anew as a whole is proved only by a signed head that was kept elsewhere (`dewpoint audit head`, then `--head FILE`).",
    "Zone, legal seat, regions and retention of a place are what the operator declared; the evidence for them is named in the place's record.",
    "The class is what key, route and header declared, raised by what detectors found; detectors find structured data and secrets, and do not find names and free text.",
    "It says what Dewpoint sent. What a place did with it, and what went out without Dewpoint, is not here.",
];

/// 1234567 as "1,234,567".
pub(super) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// "decisions of class sensitive with the tag hipaa".
fn subject(query: &Query) -> String {
    let mut out = "decisions".to_owned();
    if !query.classes.is_empty() {
        let names: Vec<&str> = query.classes.iter().map(|c| c.as_str()).collect();
        let _ = write!(out, " of class {}", names.join(" or "));
    }
    if let Some(tag) = &query.tag {
        let _ = write!(out, " with the tag {}", printable(tag));
    }
    out
}

/// "a place of zone vendor-cloud with legal seat US or unknown".
fn object(query: &Query) -> String {
    let mut out = "a place".to_owned();
    if let Some(zone) = query.zone {
        let _ = write!(out, " of zone {}", zone.as_str());
    }
    if let Some(seat) = &query.legal_seat {
        let _ = write!(out, " with legal seat {} or unknown", printable(seat));
    }
    if query.zone.is_none() && query.legal_seat.is_none() {
        out.push_str(" beyond the own ground");
    }
    out
}

/// The sentence, what may stand against it, and what it cannot say.
pub(super) fn conclude(r: &mut Report) {
    let (subject, object) = (subject(&r.query), object(&r.query));
    r.verdict = format!("{} of {} {subject} went to {object}", count(r.went), count(r.decisions + r.without_decision));
    if r.went > 0 {
        let _ =
            write!(r.verdict, ", {} of them with everything above the allowed class taken out", count(r.went_redacted));
    }
    r.verdict.push('.');
    let mut against = Vec::new();
    if let Some(bad) = r.chain.bad.first() {
        against.push(format!(
            "the chain is not whole ({}, line {}: {}): nothing is counted behind that, and the answer does not hold",
            bad.file, bad.line, bad.why
        ));
    }
    if r.open > 0 {
        against.push(format!(
            "{} {} no recorded end (under way, or the process ended first), and {} of these could have gone to {object}",
            count(r.open),
            if r.open == 1 { "decision has" } else { "decisions have" },
            count(r.open_possible)
        ));
    }
    if r.lost > 0 {
        against.push(format!(
            "{} decisions of the period, of any class, are not in the trail, since it could not be written",
            count(r.lost)
        ));
    }
    if r.without_decision > 0 {
        against.push(format!("{} ends have no decision in the trail", count(r.without_decision)));
    }
    match (r.query.from_unix_ms, r.chain.first_unix_ms) {
        (_, None) => against.push("the trail has no record".to_owned()),
        (Some(from), Some(first)) if first > from => {
            against.push(format!("the trail begins at {}: of the time before it nothing is known", time::show(first)));
        }
        (None, Some(first)) if r.chain.first_seq > 1 => {
            against.push(format!("older records were deleted: the trail begins at {}", time::show(first)));
        }
        _ => {}
    }
    r.reservations = against;
    r.limits = LIMITS.map(str::to_owned).to_vec();
}

/// What may come from anywhere, fit for a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

impl Report {
    /// One page of text.
    pub fn page(&self) -> String {
        let mut out = String::new();
        let shown = |ms: Option<u64>, none: &str| ms.map_or_else(|| none.to_owned(), time::show);
        let (q, c) = (&self.query, &self.chain);
        let from = shown(q.from_unix_ms, "the beginning");
        let _ = writeln!(out, "Period     {from} to {}", shown(q.to_unix_ms, "now"));
        let _ = writeln!(out, "Asked      {}, and whether they went to {}", subject(q), object(q));
        let state = if c.is_whole() { "whole" } else { "NOT WHOLE" };
        let _ = writeln!(
            out,
            "Chain      {state}: records {} to {} ({} to {}), {} signed heads",
            c.first_seq,
            c.last_seq,
            shown(c.first_unix_ms, "-"),
            shown(c.last_unix_ms, "-"),
            count(c.heads)
        );
        let _ = writeln!(out, "Key        {}", c.key.as_deref().unwrap_or("none"));
        let brought = match c.agreed {
            0 => "no head that was kept elsewhere was given".to_owned(),
            1 => "the chain agrees with 1 head that was kept elsewhere".to_owned(),
            n => format!("the chain agrees with {n} heads that were kept elsewhere"),
        };
        let _ = writeln!(out, "Heads      {brought}");
        let _ = writeln!(out, "\n{}\n", self.verdict);
        for line in &self.reservations {
            let _ = writeln!(out, "  but: {}", printable(line));
        }
        if !self.reservations.is_empty() {
            out.push('\n');
        }
        self.numbers(&mut out);
        self.table(&mut out);
        out.push_str("\nWhat this cannot prove\n");
        for line in &self.limits {
            let _ = writeln!(out, "  - {line}");
        }
        out
    }

    fn numbers(&self, out: &mut String) {
        let _ = writeln!(out, "Decisions  {}", count(self.decisions));
        for (class, n) in &self.by_class {
            let _ = writeln!(out, "  {:<24} {:>12}", class.as_str(), count(*n));
        }
        let _ = writeln!(out, "Denied     {}", count(self.denied.values().sum()));
        for (code, n) in &self.denied {
            let _ = writeln!(out, "  {:<24} {:>12}", printable(code), count(*n));
        }
        for (rule, n) in &self.denied_by_rule {
            let _ = writeln!(out, "  by rule {:<16} {:>12}", printable(rule), count(*n));
        }
    }

    fn table(&self, out: &mut String) {
        let sum = |f: fn(&Group) -> u64| self.groups.iter().map(f).sum::<u64>();
        let beyond: u64 = self.groups.iter().filter(|g| !g.zone.is_own_ground()).map(|g| g.attempts).sum();
        let _ = writeln!(
            out,
            "Attempts   {}, {} of them beyond the own ground, {} redacted",
            count(sum(|g| g.attempts)),
            count(beyond),
            count(sum(|g| g.redacted))
        );
        if self.groups.is_empty() {
            return;
        }
        let _ = writeln!(
            out,
            "    {:<10} {:<17} {:<8} {:<14} {:>12} {:>12}  places",
            "class", "zone", "seat", "regions", "attempts", "redacted"
        );
        for g in &self.groups {
            let seat = g.legal_seat.as_deref().map_or_else(|| "unknown".to_owned(), printable);
            let regions = if g.regions.is_empty() { "unknown".to_owned() } else { printable(&g.regions.join(" ")) };
            let _ = writeln!(
                out,
                "  {} {:<10} {:<17} {:<8} {:<14} {:>12} {:>12}  {}",
                if g.asked_about { "*" } else { " " },
                g.class.as_str(),
                g.zone.as_str(),
                seat,
                regions,
                count(g.attempts),
                count(g.redacted),
                printable(&g.places.join(" "))
            );
        }
        if self.groups.iter().any(|g| g.asked_about) {
            out.push_str("    (* is asked about)\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped() {
        for (n, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (12_345, "12,345"), (1_234_567, "1,234,567")] {
            assert_eq!(count(n), text);
        }
    }
}
