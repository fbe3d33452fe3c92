//! A report as one page of HTML that needs nothing else: no script, no font, no picture from elsewhere; light, dark and on paper.
//!
//! Never here: sums; text from outside that is not escaped.

mod plot;
mod tables;

use super::page::{Page, mean};
use super::shown::{dollars, grouped, percent, permille, quality, short};
use super::text::notes;
use ledger::{Dim, Sheet, Statement, Sums, View};
use std::fmt::Write;

/// What it reads beside what every format does.
pub(super) const VIEWS: [View; 7] = [
    View::crossed(Dim::Day, Dim::Place),
    View::timed(Dim::Day),
    View::of(Dim::Team),
    View::of(Dim::Model),
    View::of(Dim::Kind),
    View::of(Dim::Place),
    View::of(Dim::Task),
];

const STYLE: &str = include_str!("html/style.css");

/// Text from outside, harmless in HTML.
pub(super) fn safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// The page.
pub(super) fn page(page: &Page, statement: &Statement) -> String {
    let title = match page.days {
        Some((from, to)) if from == to => format!("Spend on {from}"),
        Some((from, to)) => format!("Spend, {from} to {to}"),
        None => "Spend".to_owned(),
    };
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>{STYLE}</style></head><body>\n"
    );
    let days = page.days.map_or_else(String::new, |(from, to)| format!("{from} to {to}, both days included, UTC"));
    // Writing to a String cannot fail.
    let _ = write!(out, "<header><h1>Spend report</h1><p class=\"mute\">{days}</p></header>\n<main>\n");
    if page.total.attempts == 0 {
        out.push_str("<p class=\"empty\">The ledger holds no request of this period. Choose other days with --from and --to, or send a first request.</p>\n");
    } else {
        body(&mut out, page, statement);
    }
    let _ = write!(
        out,
        "</main>\n<footer>Made by <code>dewpoint report</code> {} from the ledger. Amounts are US dollars; grey digits go down to the nano-dollar, \
         so that rows add up to totals exactly.</footer>\n</body></html>\n",
        env!("CARGO_PKG_VERSION")
    );
    out
}

fn body(out: &mut String, page: &Page, statement: &Statement) {
    facts(out, page);
    let sheet = |view: View| statement.sheets.iter().find(|s| s.view == view);
    if let Some(sheet) = sheet(VIEWS[0]) {
        section(out, "Spend per day, by place", "", &plot::spend(sheet));
    }
    let days = sheet(VIEWS[1]);
    let pair = [("Cost per request", days.map(plot::cost_per_request)), ("Time to first token", days.map(plot::ttft))];
    pairs(out, pair);
    saved(out, page);
    tables::main(out, page);
    if let Some(tasks) = sheet(View::of(Dim::Task)) {
        section(out, "Tokens by task", "Prompt tokens from a cache are shown apart.", &plot::tokens(tasks));
    }
    for dim in [Dim::Team, Dim::Place, Dim::Model, Dim::Task, Dim::Kind].into_iter().filter(|dim| *dim != page.by) {
        if let Some(sheet) = sheet(View::of(dim)).filter(|sheet| worth(sheet)) {
            tables::short(out, dim, sheet, &page.total);
        }
    }
    machines(out, page);
    footnotes(out, page);
}

/// A table of one row without a name says nothing.
fn worth(sheet: &Sheet) -> bool {
    sheet.lines.len() > 1 || sheet.lines.first().is_some_and(|l| l.name != ledger::Name::None)
}

fn section(out: &mut String, title: &str, lead: &str, content: &str) {
    if content.is_empty() {
        return;
    }
    let lead = if lead.is_empty() { String::new() } else { format!("<p class=\"lead\">{lead}</p>\n") };
    let _ = write!(out, "<section><h2>{title}</h2>\n{lead}<figure>{content}</figure></section>\n");
}

fn pairs(out: &mut String, pair: [(&str, Option<String>); 2]) {
    let there: Vec<_> = pair.into_iter().filter_map(|(t, c)| c.filter(|c| !c.is_empty()).map(|c| (t, c))).collect();
    if there.is_empty() {
        return;
    }
    out.push_str("<div class=\"two\">\n");
    for (title, content) in there {
        section(out, title, "", &content);
    }
    out.push_str("</div>\n");
}

fn facts(out: &mut String, page: &Page) {
    let t = &page.total;
    let mut facts: Vec<(&str, String, String)> = vec![(
        "Spend",
        spend(t),
        match t.spend.unknown {
            0 => "every attempt has a price".to_owned(),
            n => format!("and {} without a known price", attempts(n)),
        },
    )];
    let each = (t.requests > 0).then(|| t.spend.nanousd / i128::from(t.requests));
    facts.push((
        "Requests",
        grouped(&t.requests.to_string()),
        each.map_or_else(String::new, |each| format!("{} each, {} in all", dollars(each), attempts(t.attempts))),
    ));
    let tokens = t.input + t.output;
    let cached =
        permille(t.cached, t.input).map_or_else(String::new, |p| format!("{} of the prompts from a cache", percent(p)));
    facts.push(("Tokens", short(tokens as f64), cached));
    if let Some(saving) = page.savings.first() {
        let saved = saving.saved_nanousd();
        let share = saving.saved_permille().map_or_else(String::new, percent);
        let word = if saved < 0 { "More than the baseline" } else { "Saved" };
        facts.push((word, dollars(saved.abs()), format!("{} against {}", share.trim_start_matches('-'), saving.what)));
    }
    if let Some(mean) = mean(t.quality) {
        facts.push(("Expected quality", quality(Some(mean)), "mean of what answered, out of 1".to_owned()));
    }
    out.push_str("<dl class=\"facts\">\n");
    for (name, value, note) in facts {
        let _ = writeln!(out, "<div><dt>{name}</dt><dd>{value}</dd><dd>{}</dd></div>", safe(&note));
    }
    out.push_str("</dl>\n");
}

fn spend(t: &Sums) -> String {
    if t.spend.known == 0 && t.spend.unknown > 0 { "unknown".to_owned() } else { dollars(t.spend.nanousd) }
}

fn attempts(n: u64) -> String {
    if n == 1 { "1 attempt".to_owned() } else { format!("{} attempts", grouped(&n.to_string())) }
}

fn saved(out: &mut String, page: &Page) {
    let lead = "What the same tokens would have cost otherwise, with the expected quality of the answers (0 to 1) beside it. What \
        it did cost includes failed and doubted attempts; compared is the share of the answers that carry a baseline.";
    if page.savings.is_empty() {
        out.push_str("<section><h2>Savings</h2><p class=\"lead\">Not known: no answer of this period carries a baseline.</p></section>\n");
        return;
    }
    let content = format!("{}{}", plot::savings(&page.savings), tables::savings(&page.savings));
    section(out, "Savings", lead, &content);
}

fn machines(out: &mut String, page: &Page) {
    let lead = "GPU-seconds = fresh prompt tokens / prompt speed + completion tokens / decode speed, of the seconds of the period.";
    if page.machines.is_empty() {
        out.push_str(
            "<section><h2>Use of own machines</h2><p class=\"lead\">Not known: no place has <code>prompt_tokens_per_s</code> and \
             <code>decode_tokens_per_s</code>. <code>dewpoint probe PLACE --write</code> measures them.</p></section>\n",
        );
        return;
    }
    section(out, "Use of own machines", lead, &tables::machines(&page.machines));
}

fn footnotes(out: &mut String, page: &Page) {
    let t = &page.total;
    let mut lines = vec![
        "Spend is the full cost (a share of what a machine costs, or the price of the tokens) where it is known, else the marginal one. Marginal is the \
         money that the attempts added."
            .to_owned(),
        "A request counts in the row of its first attempt.".to_owned(),
    ];
    if let Some(share) = permille(t.estimated.nanousd, t.spend.nanousd).filter(|_| t.estimated.known > 0) {
        lines.push(format!(
            "{} of the spend is estimated: its tokens or its price are not the provider's own.",
            percent(share)
        ));
    }
    if t.full.unknown > 0 {
        lines.push(format!("The full cost of {} is not known.", attempts(t.full.unknown)));
    }
    lines.extend(notes(t));
    out.push_str("<section><h2>Notes</h2><ul class=\"notes\">\n");
    for line in lines {
        let _ = writeln!(out, "<li>{}</li>", safe(&line));
    }
    out.push_str("</ul></section>\n");
}
