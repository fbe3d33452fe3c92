//! A report as text: for a terminal, as CSV and as JSON.
//!
//! Never here: HTML.

use super::page::{Page, Saving, dim_name, mean};
use super::shown::{exact, percent, permille, quality};
use crate::table::printable;
use ledger::align;
use ledger::{Against, Money, Sums};
use serde::Serialize;

/// An amount, and of how many attempts it is unknown.
fn amount(money: &Money) -> String {
    if money.known == 0 && money.unknown > 0 { "unknown".to_owned() } else { exact(money.nanousd) }
}

const HEADS: [&str; 12] = [
    "requests",
    "attempts",
    "in",
    "out",
    "cached",
    "reasoning",
    "marginal $",
    "full $",
    "spend $",
    "no price",
    "estimated",
    "failed $",
];

/// For a terminal.
pub(super) fn table(page: &Page) -> String {
    let Some((from, to)) = page.days else { return "no attempts in this period\n".to_owned() };
    let head = std::iter::once(dim_name(page.by)).chain(HEADS).map(str::to_owned).collect();
    let mut lines: Vec<Vec<String>> = vec![head];
    lines.extend(page.rows.iter().map(|row| cells(&printable(&row.name), &row.sums)));
    lines.push(cells("total", &page.total));
    let mut out = format!("{from} to {to}, both days in it (UTC)\n\n{}", align(&lines));
    out.push_str("\nspend is the full cost where it is known, else the marginal one\n");
    for saving in &page.savings {
        out.push_str(&format!("{}\n", sentence(saving)));
    }
    if page.savings.is_empty() {
        out.push_str("savings: not known (no answer of this period carries baselines)\n");
    }
    for machine in &page.machines {
        let share = percent((machine.used_s / machine.available_s.max(1.0) * 1000.0).round() as i128);
        let (used, there) = (machine.used_s, machine.available_s);
        out.push_str(&format!("{}: {used:.0} of {there:.0} GPU-seconds used, {share}\n", printable(&machine.place)));
    }
    if page.machines.is_empty() {
        out.push_str(
            "utilisation: not known (no place has prompt_tokens_per_s and decode_tokens_per_s; see `dewpoint probe`)\n",
        );
    }
    for note in notes(&page.total) {
        out.push_str(&format!("{note}\n"));
    }
    out
}

/// What is unknown or not what it seems.
pub(super) fn notes(total: &Sums) -> Vec<String> {
    let mut notes = Vec::new();
    let mut note = |count: u64, one: &str, many: &str| match count {
        0 => {}
        1 => notes.push(format!("1 attempt {one}")),
        n => notes.push(format!("{n} attempts {many}")),
    };
    let text = "no known price: in no amount, and not zero";
    note(total.spend.unknown, &format!("has {text}"), &format!("have {text}"));
    let text = format!(
        "at {}: unknown end, settled at the estimate; compare with the provider's bill (`dewpoint report reconcile`)",
        exact(total.open.nanousd)
    );
    note(total.unknown, &text, &text);
    let text = format!("failed, at {}", exact(total.wasted.nanousd));
    note(total.failed, &text, &text);
    let text = format!("brought an answer that was doubted and not shown, at {}", exact(total.doubts.nanousd));
    note(total.doubted, &text, &text);
    let text = format!("came after the first of their request, at {}", exact(total.retried.nanousd));
    note(total.retries, &text, &text);
    notes
}

fn sentence(s: &Saving) -> String {
    let share = s.saved_permille().map_or_else(String::new, |p| format!(" ({})", percent(p)));
    format!(
        "saved {}{share} against {}: {} there, expected quality {} there and {} here; {} of {} answers compared",
        exact(s.saved_nanousd()),
        s.what,
        exact(s.there_nanousd),
        quality(s.quality_there),
        quality(s.quality_here),
        s.compared,
        s.answered,
    )
}

fn cells(name: &str, s: &Sums) -> Vec<String> {
    let numbers = [s.requests.into(), s.attempts.into(), s.input, s.output, s.cached, s.reasoning];
    let share = permille(s.estimated.nanousd, s.spend.nanousd).map_or_else(|| "-".to_owned(), percent);
    let mut out = vec![name.to_owned()];
    out.extend(numbers.map(|n: i128| n.to_string()));
    out.extend([&s.marginal, &s.full, &s.spend].map(amount));
    out.extend([s.spend.unknown.to_string(), share, exact(s.wasted.nanousd)]);
    out
}

/// One row a group and no total, so that a column adds up to the ledger. Amounts have all nine decimals; what is not known is empty.
pub(super) fn csv(page: &Page) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let names: Vec<&str> = columns(&Sums::default()).into_iter().map(|(name, _)| name).collect();
    writer.write_record(std::iter::once(dim_name(page.by)).chain(names))?;
    for row in &page.rows {
        let values = columns(&row.sums).into_iter().map(|(_, value)| value);
        writer.write_record(std::iter::once(harmless(&row.name)).chain(values))?;
    }
    let bytes = writer.into_inner().map_err(|e| e.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A spreadsheet takes a cell that begins so for a formula (OWASP, "CSV Injection").
pub(crate) fn harmless(name: &str) -> String {
    if name.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{name}") } else { name.to_owned() }
}

fn columns(s: &Sums) -> Vec<(&'static str, String)> {
    let known = |a: &Against, nano: i128| if a.attempts > 0 { exact(nano) } else { String::new() };
    let mean = |q| mean(q).map_or_else(String::new, |q| q.to_string());
    vec![
        ("requests", s.requests.to_string()),
        ("attempts", s.attempts.to_string()),
        ("ok", s.ok.to_string()),
        ("failed", s.failed.to_string()),
        ("doubted", s.doubted.to_string()),
        ("cancelled", s.cancelled.to_string()),
        ("refused", s.refused.to_string()),
        ("unknown_end", s.unknown.to_string()),
        ("retries", s.retries.to_string()),
        ("input_tokens", s.input.to_string()),
        ("output_tokens", s.output.to_string()),
        ("cached_tokens", s.cached.to_string()),
        ("cache_write_tokens", s.cache_write.to_string()),
        ("reasoning_tokens", s.reasoning.to_string()),
        ("spend_usd", exact(s.spend.nanousd)),
        ("spend_unknown_attempts", s.spend.unknown.to_string()),
        ("marginal_usd", exact(s.marginal.nanousd)),
        ("marginal_unknown_attempts", s.marginal.unknown.to_string()),
        ("full_usd", exact(s.full.nanousd)),
        ("full_unknown_attempts", s.full.unknown.to_string()),
        ("estimated_usd", exact(s.estimated.nanousd)),
        ("failed_usd", exact(s.wasted.nanousd)),
        ("doubted_usd", exact(s.doubts.nanousd)),
        ("retried_usd", exact(s.retried.nanousd)),
        ("unknown_end_usd", exact(s.open.nanousd)),
        ("quality_permille", mean(s.quality)),
        ("strongest_usd", known(&s.strongest, s.strongest.there_nanousd)),
        ("strongest_compared_usd", known(&s.strongest, s.strongest.here_nanousd)),
        ("strongest_quality_permille", mean(s.strongest.quality)),
        ("cheapest_usd", known(&s.cheapest, s.cheapest.there_nanousd)),
        ("cheapest_compared_usd", known(&s.cheapest, s.cheapest.here_nanousd)),
        ("cheapest_quality_permille", mean(s.cheapest.quality)),
    ]
}

#[derive(Serialize)]
struct Amount {
    usd: String,
    nanousd: i128,
    attempts: u64,
    unknown_attempts: u64,
}

impl Amount {
    fn of(money: &Money) -> Amount {
        Amount {
            usd: exact(money.nanousd),
            nanousd: money.nanousd,
            attempts: money.known,
            unknown_attempts: money.unknown,
        }
    }
}

#[derive(Serialize)]
struct Group<'a> {
    name: Option<&'a str>,
    requests: u64,
    attempts: u64,
    ok: u64,
    failed: u64,
    doubted: u64,
    cancelled: u64,
    refused: u64,
    unknown_end: u64,
    retries: u64,
    input_tokens: i128,
    output_tokens: i128,
    cached_tokens: i128,
    cache_write_tokens: i128,
    reasoning_tokens: i128,
    spend: Amount,
    marginal: Amount,
    full: Amount,
    estimated: Amount,
    failed_spend: Amount,
    doubted_spend: Amount,
    retried_spend: Amount,
    unknown_end_spend: Amount,
    quality_permille: Option<u64>,
}

fn group<'a>(name: Option<&'a str>, s: &Sums) -> Group<'a> {
    Group {
        name,
        requests: s.requests,
        attempts: s.attempts,
        ok: s.ok,
        failed: s.failed,
        doubted: s.doubted,
        cancelled: s.cancelled,
        refused: s.refused,
        unknown_end: s.unknown,
        retries: s.retries,
        input_tokens: s.input,
        output_tokens: s.output,
        cached_tokens: s.cached,
        cache_write_tokens: s.cache_write,
        reasoning_tokens: s.reasoning,
        spend: Amount::of(&s.spend),
        marginal: Amount::of(&s.marginal),
        full: Amount::of(&s.full),
        estimated: Amount::of(&s.estimated),
        failed_spend: Amount::of(&s.wasted),
        doubted_spend: Amount::of(&s.doubts),
        retried_spend: Amount::of(&s.retried),
        unknown_end_spend: Amount::of(&s.open),
        quality_permille: mean(s.quality),
    }
}

#[derive(Serialize)]
struct Saved<'a> {
    baseline: &'a str,
    what: &'a str,
    answers_compared: u64,
    answers: u64,
    baseline_usd: String,
    baseline_nanousd: i128,
    spend_usd: String,
    spend_nanousd: i128,
    failed_usd: String,
    failed_nanousd: i128,
    saved_usd: String,
    saved_nanousd: i128,
    quality_permille_baseline: Option<u64>,
    quality_permille: Option<u64>,
}

#[derive(Serialize)]
struct Used<'a> {
    place: &'a str,
    gpu_seconds_used: f64,
    gpu_seconds_available: f64,
}

#[derive(Serialize)]
struct Whole<'a> {
    by: &'a str,
    /// First and last day, UTC, both in it.
    from: Option<String>,
    to: Option<String>,
    rows: Vec<Group<'a>>,
    total: Group<'a>,
    savings: Vec<Saved<'a>>,
    utilisation: Vec<Used<'a>>,
    notes: Vec<String>,
}

/// For programs: amounts as decimal strings and as integers of nano-dollars.
pub(super) fn json(page: &Page) -> Result<String, serde_json::Error> {
    let saved = |s: &'_ Saving| Saved {
        baseline: s.id,
        what: "",
        answers_compared: s.compared,
        answers: s.answered,
        baseline_usd: exact(s.there_nanousd),
        baseline_nanousd: s.there_nanousd,
        spend_usd: exact(s.here_nanousd),
        spend_nanousd: s.here_nanousd,
        failed_usd: exact(s.failed_nanousd),
        failed_nanousd: s.failed_nanousd,
        saved_usd: exact(s.saved_nanousd()),
        saved_nanousd: s.saved_nanousd(),
        quality_permille_baseline: s.quality_there,
        quality_permille: s.quality_here,
    };
    let whole = Whole {
        by: dim_name(page.by),
        from: page.days.map(|(from, _)| from.to_string()),
        to: page.days.map(|(_, to)| to.to_string()),
        rows: page.rows.iter().map(|row| group(Some(&row.name), &row.sums)).collect(),
        total: group(None, &page.total),
        savings: page.savings.iter().map(|s| Saved { what: &s.what, ..saved(s) }).collect(),
        utilisation: page
            .machines
            .iter()
            .map(|m| Used { place: &m.place, gpu_seconds_used: m.used_s, gpu_seconds_available: m.available_s })
            .collect(),
        notes: notes(&page.total),
    };
    Ok(serde_json::to_string_pretty(&whole)? + "\n")
}
