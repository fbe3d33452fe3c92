//! Tables of the page.
//!
//! Never here: plots.

use super::safe;
use crate::statement::page::{Machine, Page, Row, Saving, dim_name, mean, rows};
use crate::statement::shown::{grouped, parted, percent, permille, quality};
use ledger::{Dim, Money, Sheet, Sums};
use std::fmt::Write;

/// Rows of a table beside the main one, at most; the others are one row, so that it adds up.
const MOST: usize = 12;
/// The same of the main one.
const MOST_MAIN: usize = 500;

/// An amount to the nano-dollar, the digits behind the cents in grey.
fn amount(nano: i128) -> String {
    let (cents, fine) = parted(nano);
    format!("{cents}<span class=\"fine\">{fine}</span>")
}

fn money(money: &Money) -> String {
    if money.known == 0 && money.unknown > 0 { "unknown".to_owned() } else { amount(money.nanousd) }
}

fn number(n: impl ToString) -> String {
    grouped(&n.to_string())
}

/// The rows that are shown, the rest in one.
fn shortened(mut rows: Vec<Row>, most: usize) -> Vec<Row> {
    if rows.len() > most + 1 {
        let rest = rows.split_off(most);
        let mut sums = Sums::default();
        rest.iter().for_each(|row| sums.merge(&row.sums));
        rows.push(Row { name: format!("{} others", rest.len()), sums });
    }
    rows
}

fn table(out: &mut String, heads: &[&str], body: &[(Vec<String>, bool)]) {
    out.push_str("<div class=\"scroll\"><table><thead><tr>");
    for head in heads {
        let _ = write!(out, "<th scope=\"col\">{head}</th>");
    }
    out.push_str("</tr></thead><tbody>\n");
    for (cells, sum) in body {
        out.push_str(if *sum { "<tr class=\"sum\">" } else { "<tr>" });
        for cell in cells {
            let _ = write!(out, "<td>{cell}</td>");
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n");
}

/// What was asked for, with everything.
pub(super) fn main(out: &mut String, page: &Page) {
    let name = dim_name(page.by);
    let _ = writeln!(out, "<section><h2>By {name}</h2>");
    let heads = [
        title(name),
        "requests",
        "prompt tokens",
        "completion",
        "cached",
        "marginal $",
        "spend $",
        "estimated",
        "failed $",
        "no price",
    ];
    let cells = |name: &str, s: &Sums| {
        let share = permille(s.estimated.nanousd, s.spend.nanousd).map_or_else(|| "–".to_owned(), percent);
        vec![
            safe(name),
            number(s.requests),
            number(s.input),
            number(s.output),
            number(s.cached),
            money(&s.marginal),
            money(&s.spend),
            share,
            amount(s.wasted.nanousd),
            number(s.spend.unknown),
        ]
    };
    let copied = page.rows.iter().map(|r| Row { name: r.name.clone(), sums: r.sums }).collect();
    let most = if page.by == Dim::Day { usize::MAX - 1 } else { MOST_MAIN };
    let mut body: Vec<_> = shortened(copied, most).iter().map(|r| (cells(&r.name, &r.sums), false)).collect();
    body.push((cells("Total", &page.total), true));
    table(out, &heads, &body);
    out.push_str("</section>\n");
}

fn title(name: &str) -> &str {
    match name {
        "team" => "Team",
        "key" => "Key",
        "place" => "Place",
        "model" => "Model",
        "task" => "Task",
        "kind" => "Kind",
        _ => "Day",
    }
}

/// A short table of another way to add up.
pub(super) fn short(out: &mut String, dim: Dim, sheet: &Sheet, total: &Sums) {
    let name = dim_name(dim);
    let _ = writeln!(out, "<section><h2>By {name}</h2>");
    let heads = [title(name), "requests", "tokens", "marginal $", "spend $", "share", "expected quality"];
    let cells = |name: &str, s: &Sums| {
        vec![
            safe(name),
            number(s.requests),
            number(s.input + s.output),
            money(&s.marginal),
            money(&s.spend),
            permille(s.spend.nanousd, total.spend.nanousd).map_or_else(|| "–".to_owned(), percent),
            mean(s.quality).map_or_else(|| "–".to_owned(), |q| quality(Some(q))),
        ]
    };
    let rows = shortened(rows(dim, &sheet.lines), MOST);
    let mut body: Vec<_> = rows.iter().map(|r| (cells(&r.name, &r.sums), false)).collect();
    if rows.len() > 1 {
        body.push((cells("Total", total), true));
    }
    table(out, &heads, &body);
    out.push_str("</section>\n");
}

/// Savings in numbers.
pub(super) fn savings(savings: &[Saving]) -> String {
    let heads = ["Baseline", "compared", "would have cost $", "did cost $", "saved $", "", "quality there", "here"];
    let cells = |s: &Saving| {
        let saved = s.saved_nanousd();
        let class = if saved < 0 { "down" } else { "up" };
        let mut what = s.what.clone();
        if let Some(first) = what.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        vec![
            safe(&what),
            permille(s.compared.into(), s.answered.into()).map_or_else(|| "–".to_owned(), percent),
            amount(s.there_nanousd),
            amount(s.here_nanousd + s.failed_nanousd),
            format!("<span class=\"{class}\">{}</span>", amount(saved)),
            s.saved_permille().map_or_else(String::new, percent),
            quality(s.quality_there),
            quality(s.quality_here),
        ]
    };
    let mut out = String::new();
    table(&mut out, &heads, &savings.iter().map(|s| (cells(s), false)).collect::<Vec<_>>());
    out
}

/// How much of each machine was used.
pub(super) fn machines(machines: &[Machine]) -> String {
    let cells = |m: &Machine| {
        let share = percent((m.used_s / m.available_s.max(1.0) * 1000.0).round() as i128);
        vec![safe(&m.place), grouped(&format!("{:.0}", m.used_s)), grouped(&format!("{:.0}", m.available_s)), share]
    };
    let mut out = String::new();
    let body: Vec<_> = machines.iter().map(|m| (cells(m), false)).collect();
    table(&mut out, &["Place", "GPU-seconds used", "GPU-seconds there were", "used"], &body);
    out
}
