//! Reports of ledgers with a known content: every format adds up to the records, to the nano-dollar.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../../ledger/tests/sample/record.rs"]
mod sample;

use super::*;
use crate::cli::{Cli, Command};
use clap::Parser;
use decide::{Nanousd, Record};
use ledger::{Ledger, Options};
use proptest::prelude::*;
use sample::record;

fn filled(dir: &Path, records: &[Record]) {
    let options = Options { journal_bytes: 1 << 20, under_way: 60, ..Options::default() };
    let ledger = Ledger::open(dir, options).unwrap();
    let outlet = ledger.outlet();
    records.iter().for_each(|r| outlet.reserve(true).unwrap().put(r.clone()));
    ledger.close().unwrap();
}

fn args(line: &[&str]) -> Report {
    match Cli::try_parse_from(["dewpoint", "report"].iter().chain(line)).unwrap().command {
        Command::Report(args) => args,
        other => panic!("{other:?}"),
    }
}

fn made(dir: &Path, args: &Report) -> (Page, Statement) {
    let statement = add_up(dir, &args.days, views(args)).unwrap();
    (page(args, dir, &[], &statement).unwrap(), statement)
}

/// Nano-dollars of a decimal text, by hand.
fn nano(text: &str) -> i128 {
    let (sign, rest) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, part) = rest.split_once('.').unwrap();
    assert_eq!(part.len(), 9, "{text}");
    sign * (whole.parse::<i128>().unwrap() * 1_000_000_000 + part.parse::<i128>().unwrap())
}

/// The column "spend $" of the table of this title, without its total, and the total.
fn html_spend(page: &str, by: &str) -> (Vec<i128>, i128) {
    let table = page.split(&format!("<h2>By {by}</h2>")).nth(1).unwrap().split("</table>").next().unwrap();
    let at = table.split("<th ").skip(1).position(|h| h.contains(">spend $<")).unwrap();
    let row = |row: &str| {
        let cell = row.split("<td>").nth(at + 1).unwrap().split("</td>").next().unwrap();
        if cell == "unknown" {
            0
        } else {
            nano(&cell.replace("<span class=\"fine\">", "").replace("</span>", "").replace(',', ""))
        }
    };
    let rows: Vec<&str> = table.split("<tr").skip(2).collect();
    let (total, rows) = rows.split_last().unwrap();
    (rows.iter().map(|r| row(r)).collect(), row(total))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]

    #[test]
    fn every_format_adds_up_to_the_ledger(
        numbers in proptest::collection::btree_set(0u64..5000, 1..120),
        huge in any::<bool>(),
        many in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut all: Vec<Record> = numbers.into_iter().map(record).collect();
        for r in &mut all {
            if huge {
                r.full = r.full.map(|c| Nanousd(if c.0 % 2 == 0 { i64::MAX } else { i64::MIN + 1 }));
            }
            if many {
                // More groups than a short table shows.
                r.team = Some(format!("team <{}> & \"co\", =1", r.attempt_id % 40).into());
            }
        }
        filled(dir.path(), &all);
        let spent: i128 = all.iter().filter_map(|r| r.full.or(r.cost)).map(|c| i128::from(c.0)).sum();
        for by in ["team", "key", "place", "model", "task", "kind", "day"] {
            let args = args(&["--by", by, "--format", "html"]);
            let (page, statement) = made(dir.path(), &args);
            let json: serde_json::Value = serde_json::from_str(&text::json(&page).unwrap()).unwrap();
            let rows = json["rows"].as_array().unwrap();
            let usd = |v: &serde_json::Value| nano(v["spend"]["usd"].as_str().unwrap());
            prop_assert_eq!(rows.iter().map(usd).sum::<i128>(), spent);
            prop_assert_eq!(usd(&json["total"]), spent);
            let whole = text::json(&page).unwrap();
            prop_assert!(whole.contains(&format!("\"nanousd\": {spent},")), "integers are exact");
            let csv = text::csv(&page).unwrap();
            let mut reader = csv::Reader::from_reader(csv.as_bytes());
            let at = reader.headers().unwrap().iter().position(|h| h == "spend_usd").unwrap();
            let sum: i128 = reader.records().map(|r| nano(&r.unwrap()[at])).sum();
            prop_assert_eq!(sum, spent);
            let table = text::table(&page);
            let lines: Vec<Vec<&str>> = table.lines().skip(2).take(page.rows.len() + 2)
                .map(|l| l.split("  ").filter(|c| !c.trim().is_empty()).map(str::trim).collect()).collect();
            let at = lines[0].iter().position(|h| *h == "spend $").unwrap();
            let known = |cell: &str| if cell == "unknown" { 0 } else { nano(cell) };
            prop_assert_eq!(lines[1..=page.rows.len()].iter().map(|l| known(l[at])).sum::<i128>(), spent);
            prop_assert_eq!(known(lines[page.rows.len() + 1][at]), spent);
            let html = html::page(&page, &statement);
            let (rows, total) = html_spend(&html, by);
            prop_assert_eq!((rows.iter().sum::<i128>(), total), (spent, spent));
            if by != "team" && many {
                let (rows, total) = html_spend(&html, "team");
                prop_assert_eq!((rows.iter().sum::<i128>(), total), (spent, spent));
                prop_assert!(!html.contains("team <"), "a name is not markup");
            }
            prop_assert_eq!(&html, &html::page(&made(dir.path(), &args).0, &statement), "the same again");
        }
    }
}

#[test]
fn what_is_unknown_is_said_and_never_zero() {
    let dir = tempfile::tempdir().unwrap();
    let unpriced = |n| Record { cost: None, full: None, outcome: decide::Outcome::Ok, attempt: 0, ..record(n) };
    filled(dir.path(), &[unpriced(1), unpriced(3)]);
    let (page, statement) = made(dir.path(), &args(&["--format", "html"]));
    let table = text::table(&page);
    assert!(
        table.contains("unknown") && table.contains("2 attempts have no known price: in no amount, and not zero"),
        "{table}"
    );
    let html = html::page(&page, &statement);
    assert!(html.contains("<dt>Spend</dt><dd>unknown</dd>"), "{html}");
}

#[test]
fn an_empty_ledger_and_an_empty_period_say_so() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), &[]);
    let (page, statement) = made(dir.path(), &args(&["--format", "html"]));
    assert!(html::page(&page, &statement).contains("holds no request of this period"));
    assert!(text::table(&page).starts_with("no attempts in this period"));
    assert_eq!(text::csv(&page).unwrap().lines().count(), 1);
    filled(dir.path(), &[record(1)]);
    let (page, _) = made(dir.path(), &args(&["--from", "2020-01-01", "--to", "2020-01-31"]));
    assert!(text::table(&page).starts_with("no attempts in this period"));
}

/// One task doubles, another is new: by hand.
#[test]
fn the_mix_before_prices_the_tokens_of_now_by_task() {
    let dir = tempfile::tempdir().unwrap();
    let day = 20_000 * ledger::DAY_MS;
    let one = |n: u64, days: u64, task, tokens, nano| Record {
        attempt: 0,
        outcome: decide::Outcome::Ok,
        task,
        usage: decide::Usage { input: tokens, output: 0, cached: 0, ..record(n).usage },
        full: Some(Nanousd(nano)),
        quality_permille: Some(if days == 0 { 900 } else { 700 }),
        arrived_unix_ms: day + days * ledger::DAY_MS,
        ..record(n)
    };
    use decide::Task::{Chat, Code, Math};
    let all =
        [one(1, 0, Chat, 100, 1_000), one(2, 0, Code, 100, 5_000), one(3, 2, Chat, 200, 700), one(4, 2, Math, 10, 50)];
    filled(dir.path(), &all);
    let span = format!("{}..{}", day::Day(20_000), day::Day(20_001));
    let from = day::Day(20_002).to_string();
    let (page, _) = made(dir.path(), &args(&["--from", &from, "--before", &span]));
    let saving = page.savings.iter().find(|s| s.id == "before").unwrap();
    // Chat at 10 a token, math at the 30 of all.
    assert_eq!((saving.there_nanousd, saving.here_nanousd), (200 * 10 + 10 * 30, 750));
    assert_eq!((saving.saved_nanousd(), saving.quality_there, saving.quality_here), (1550, Some(900), Some(700)));
    let empty = page_of_nothing(dir.path());
    assert!(empty.contains("nothing can be compared with 2001-01-01 to 2001-01-02"), "{empty}");
}

fn page_of_nothing(dir: &Path) -> String {
    let args = args(&["--before", "2001-01-01..2001-01-02"]);
    let statement = add_up(dir, &args.days, views(&args)).unwrap();
    page(&args, dir, &[], &statement).err().unwrap().to_string()
}

#[test]
fn a_machine_is_used_by_its_tokens() {
    let sums = ledger::Sums { input: 1_000, cached: 400, output: 300, ..ledger::Sums::default() };
    let line =
        ledger::Line { name: ledger::Name::Text("rack".into()), across: ledger::Name::None, sums, latency: None };
    let speed = |place: &str| Speed { place: place.to_owned(), prompt: 100.0, decode: 10.0 };
    let found = page::machines(&[speed("rack"), speed("idle")], &[line], 86_400.0);
    assert_eq!((found[0].used_s, found[1].used_s, found[0].available_s), (36.0, 0.0, 86_400.0));
}
