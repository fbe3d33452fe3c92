//! `dewpoint prices`: the price book, searched.
//!
//! Never here: the book itself (room `price`), prices of the configuration, the network.

use crate::book::dollars;
use crate::problem::{Problem, Problems, nearest};
use crate::table::columns;
use anyhow::Result;
use decide::{Price, Rates, When};
use price::{Book, Found, Row, Source, unix_s};
use serde_json::{Value, json};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// Rows shown unless more are asked for.
const SHOWN: usize = 30;

/// What the command line says.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Words of the model's id or name: `gpt-5-mini`, `claude sonnet`. Left out: where the book comes from, and the providers.
    model: Vec<String>,
    /// Only of this provider: an id of models.dev, or another name of it (`gemini`, `bedrock`).
    #[arg(long, value_name = "PROVIDER")]
    provider: Option<String>,
    /// Print JSON, one object a row.
    #[arg(long)]
    json: bool,
    /// Print all rows that match, not the first 30.
    #[arg(long)]
    all: bool,
}

/// Prints what the book has.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let book = Book::built_in()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    crate::print(&shown(&book, args, now)?)
}

fn shown(book: &Book, args: &Args, now_unix_s: u64) -> Result<String> {
    let provider = args.provider.as_deref();
    if let Some(name) = provider {
        let id = price::provider_id(name);
        if !book.providers().any(|p| p == id) {
            let near =
                nearest(&id, book.providers()).map_or(String::new(), |near| format!("did you mean \"{near}\"? "));
            let help = format!("{near}`dewpoint prices` without arguments lists the providers");
            return Err(Problems::from(Problem::new(
                format!("no provider \"{name}\""),
                "the price book has none of that name",
                help,
            ))
            .into());
        }
    }
    let words = args.model.join(" ");
    if words.is_empty() && provider.is_none() {
        return Ok(about(book, args.json, now_unix_s));
    }
    let found = book.search(&words, provider);
    if found.is_empty() {
        let near = book.nearest(&words, provider);
        let help = if near.is_empty() {
            "try fewer words; a price of your own goes into dewpoint.toml as [[price]]".to_owned()
        } else {
            format!("nearest: {}; a price of your own goes into dewpoint.toml as [[price]]", near.join(", "))
        };
        let why = format!("no row of {} has it", book.version());
        return Err(Problems::from(Problem::new(format!("nothing matches \"{words}\""), why, help)).into());
    }
    let shown = if args.all || args.json { found.len() } else { found.len().min(SHOWN) };
    let rows = &found[..shown];
    if args.json {
        let lines = rows.iter().map(|f| row_json(book, f).to_string() + "\n");
        return Ok(lines.collect());
    }
    let mut text = table(book, rows, now_unix_s);
    if let [one] = rows {
        text.push_str(&details(book, one));
    }
    if shown < found.len() {
        text.push_str(&format!("{} more match: say more of the name, --provider, or --all\n", found.len() - shown));
    }
    for f in rows.iter().filter(|_| rows.len() > 1).take(SHOWN) {
        for (source, told) in disagreements(f.row) {
            text.push_str(&format!("{}/{}: {} says {told}\n", f.provider, f.row.id, source.as_str()));
        }
    }
    Ok(text)
}

fn table(book: &Book, rows: &[Found<'_>], now_unix_s: u64) -> String {
    let head = ["provider", "model", "in", "out", "cached", "context", "can", "age", "source"];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    lines.extend(rows.iter().map(|f| {
        let price = f.row.price(book.version());
        let rate = |of: fn(&Price) -> Option<i64>| {
            price.as_ref().and_then(of).map_or("-".to_owned(), |n| format!("${}", dollars(n)))
        };
        vec![
            f.provider.to_owned(),
            f.row.id.clone(),
            if price.is_none() {
                pieces(f.row).unwrap_or_else(|| "unknown".to_owned())
            } else {
                rate(|p| Some(p.input_nanousd_per_mtok))
            },
            rate(|p| Some(p.output_nanousd_per_mtok)),
            rate(|p| p.cached_nanousd_per_mtok),
            f.row.context_tokens.map_or("-".to_owned(), tokens),
            can(f.row).join(" "),
            age(&f.row.as_of, now_unix_s),
            f.row.source.map_or("-", Source::as_str).to_owned(),
        ]
    }));
    columns(&lines)
}

/// `128k`, `1M`.
fn tokens(n: u32) -> String {
    match n {
        1_000_000.. if n % 1_000_000 < 100_000 => format!("{}M", n / 1_000_000),
        1_000.. => format!("{}k", n / 1_000),
        _ => n.to_string(),
    }
}

/// Days since the source had it so: `94 d`.
fn age(as_of: &str, now_unix_s: u64) -> String {
    let Some(then) = unix_s(as_of) else { return "-".to_owned() };
    format!("{} d", now_unix_s.saturating_sub(then) / 86_400)
}

fn can(row: &Row) -> Vec<&'static str> {
    let kind = match row.kind.as_deref() {
        Some("embedding") => Some("embeddings"),
        Some("rerank") => Some("rerank"),
        Some("image_generation") => Some("makes-images"),
        _ => None,
    };
    let input = row.inputs();
    let marks = [
        (row.features.contains('t'), "tools"),
        (row.features.contains('j'), "json"),
        (row.features.contains('r'), "reasoning"),
        (input.contains('i'), "images"),
        (input.contains('a'), "audio"),
        (input.contains('v'), "video"),
        (row.open_weights == Some(true), "open"),
        (row.deprecated.is_some(), "deprecated"),
    ];
    kind.into_iter().chain(marks.into_iter().filter_map(|(is, word)| is.then_some(word))).collect()
}

/// What something other than tokens costs: `$0.04/image`.
fn pieces(row: &Row) -> Option<String> {
    let p = row.pieces?;
    let all = [
        (p.image_output, "image"),
        (p.second_output, "second out"),
        (p.second_input, "second"),
        (p.page, "page"),
        (p.query, "query"),
        (p.image_input, "image in"),
    ];
    all.into_iter().find_map(|(price, of)| Some(format!("${}/{of}", dollars(price?))))
}

fn disagreements(row: &Row) -> impl Iterator<Item = (Source, String)> {
    row.alternatives.iter().map(|a| (a.0, format!("${} in, ${} out", dollars(a.1), dollars(a.2))))
}

/// Everything else that one row says.
fn details(book: &Book, found: &Found<'_>) -> String {
    let row = found.row;
    let mut text = String::from("\n");
    let mut line = |name: &str, value: String| text.push_str(&format!("{name:<22} {value}\n"));
    if let Some(name) = &row.name {
        line("name", name.clone());
    }
    if let Some(price) = row.price(book.version()) {
        for (name, value) in rates(&price.base()) {
            line(name, value);
        }
        let more = price.more.as_deref().cloned().unwrap_or_default();
        for tier in &more.tiers {
            line(
                &format!("above {} tokens", tokens(u32::try_from(tier.above_input_tokens).unwrap_or(u32::MAX))),
                plain(&tier.rates),
            );
        }
        for other in &more.otherwise {
            line(&when(other.when), plain(&other.rates));
        }
        if let Some(batch) = price.batch() {
            line("batch", plain(&batch.base()));
        }
    }
    if let Some(pieces) = pieces(row) {
        line("per piece", pieces);
    }
    if let Some(most) = row.output_tokens_max {
        line("longest answer", format!("{} tokens", tokens(most)));
    }
    if let Some(day) = &row.released {
        line("released", day.clone());
    }
    if let Some(day) = &row.deprecated {
        line("deprecated", day.clone());
    }
    line("price as of", format!("{} ({})", row.as_of, row.source.map_or("-", Source::as_str)));
    for (source, told) in disagreements(row) {
        line("disagrees", format!("{} says {told}", source.as_str()));
    }
    text
}

fn plain(rates: &Rates) -> String {
    let cached = rates.cached_nanousd_per_mtok.map_or(String::new(), |c| format!(", ${} cached", dollars(c)));
    format!("${} in, ${} out{cached}", dollars(rates.input_nanousd_per_mtok), dollars(rates.output_nanousd_per_mtok))
}

fn rates(base: &Rates) -> Vec<(&'static str, String)> {
    let e = &base.extra;
    let all = [
        ("cache write", e.cache_write_nanousd_per_mtok),
        ("cache write, long", e.cache_write_long_nanousd_per_mtok),
        ("reasoning", e.reasoning_nanousd_per_mtok),
        ("audio in", e.audio_input_nanousd_per_mtok),
        ("audio out", e.audio_output_nanousd_per_mtok),
        ("per request", Some(e.request_nanousd).filter(|n| *n > 0)),
    ];
    all.into_iter().filter_map(|(name, rate)| Some((name, format!("${}", dollars(rate?))))).collect()
}

fn when(when: When) -> String {
    match when {
        When::From { unix_s } => format!("from Unix second {unix_s}"),
        When::Daily { from_minute: a, until_minute: b, weekdays } => {
            let days = if weekdays == 0 { "" } else { " some days" };
            format!("{:02}:{:02}-{:02}:{:02} UTC{days}", a / 60, a % 60, b / 60, b % 60)
        }
    }
}

fn row_json(book: &Book, found: &Found<'_>) -> Value {
    let row = found.row;
    let others: Vec<Value> = row
        .alternatives
        .iter()
        .map(|a| json!({"source": a.0.as_str(), "input_per_mtok_usd": dollars(a.1), "output_per_mtok_usd": dollars(a.2)}))
        .collect();
    json!({
        "provider": found.provider, "model": row.id, "name": row.name, "kind": row.kind.as_deref().unwrap_or("chat"),
        "price": row.price(book.version()), "pieces_nanousd": row.pieces, "context_tokens": row.context_tokens,
        "output_tokens_max": row.output_tokens_max, "input": row.inputs(), "output": row.outputs(), "can": can(row),
        "open_weights": row.open_weights, "released": row.released, "deprecated": row.deprecated, "as_of": row.as_of,
        "source": row.source.map(Source::as_str), "disagree": others,
    })
}

/// Where the book comes from, and who is in it.
fn about(book: &Book, json: bool, now_unix_s: u64) -> String {
    let counts: Vec<(&str, usize, usize)> = book
        .providers()
        .map(|p| (p, book.rows(p).len(), book.rows(p).iter().filter(|r| r.source.is_some()).count()))
        .collect();
    let priced: usize = counts.iter().map(|(_, _, n)| n).sum();
    let head = book.head();
    if json {
        let providers: Vec<Value> =
            counts.iter().map(|(p, all, n)| json!({"provider": p, "models": all, "priced": n})).collect();
        return json!({"version": book.version(), "sources": head.sources, "providers": providers}).to_string() + "\n";
    }
    let mut text = format!(
        "{}: {priced} priced models of {} providers, {} old. Signed; nothing is fetched.\n\nfrom\n",
        book.version(),
        counts.len(),
        age(&head.date, now_unix_s),
    );
    for s in &head.sources {
        text.push_str(&format!("  {} ({}), as of {}\n", s.name, s.issue, s.date));
    }
    text.push_str("\nproviders (priced models)\n");
    let names: Vec<String> = counts.iter().filter(|(_, _, n)| *n > 0).map(|(p, _, n)| format!("{p} {n}")).collect();
    for line in names.chunks(6) {
        text.push_str(&format!("  {}\n", line.join(", ")));
    }
    text.push_str("\nsearch: dewpoint prices gpt-5-mini; dewpoint prices claude sonnet --provider bedrock\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(model: &str, provider: Option<&str>, json: bool) -> Result<String> {
        let model = model.split_whitespace().map(str::to_owned).collect();
        let args = Args { model, provider: provider.map(str::to_owned), json, all: false };
        shown(&Book::built_in().unwrap(), &args, unix_s("2026-08-31").unwrap())
    }

    #[test]
    fn the_table_shows_price_age_and_source() {
        let text = ask("gpt-5-mini", Some("openai"), false).unwrap();
        let row = text.lines().find(|l| l.contains(" gpt-5-mini ")).unwrap();
        for part in ["openai", "$0.25", "$2", "$0.025", "400k", "tools", "10 d", "genai-prices"] {
            assert!(row.contains(part), "{part} in {row}");
        }
    }

    #[test]
    fn what_is_not_there_has_neighbours() {
        let error = ask("gpt5-mini-x", None, false).unwrap_err();
        assert!(
            crate::problem::shown(&error).contains("nearest: ") && crate::problem::shown(&error).contains("[[price]]")
        );
        let error = ask("gpt", Some("opnai"), false).unwrap_err();
        assert!(crate::problem::shown(&error).contains("openai"));
    }

    #[test]
    fn json_has_one_object_a_row_and_disagreement_is_told() {
        let text = ask("gpt", Some("azure"), true).unwrap();
        let rows: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert!(rows.len() > 30 && rows.iter().all(|r| r["provider"] == "azure"));
        let book = Book::built_in().unwrap();
        let odd = book
            .providers()
            .flat_map(|p| book.rows(p).iter().map(move |row| Found { provider: p, row }))
            .find(|f| !f.row.alternatives.is_empty())
            .unwrap();
        assert!(details(&book, &odd).contains(" says $"));
    }

    #[test]
    fn the_book_says_where_it_comes_from() {
        let text = ask("", None, false).unwrap();
        assert!(
            text.contains("book-2026-08-21")
                && text.contains("LiteLLM")
                && text.contains("MIT")
                && text.contains("10 d old")
        );
    }
}
