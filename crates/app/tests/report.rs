//! `dewpoint report` of the real binary: its formats, its mistakes, and a bill beside the ledger.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use decide::{Nanousd, Outcome, Record};
use ledger::{Ledger, Options};
use std::path::Path;
use std::process::Command;

#[path = "../../ledger/tests/sample/record.rs"]
mod sample;

/// 2 September 2026, 10:00 UTC.
const WHEN: u64 = 1_788_343_200_000;
const DAY: u64 = 86_400_000;

fn one(n: u64, outcome: Outcome) -> Record {
    Record {
        attempt: 0,
        team: Some("acme/ops".into()),
        place: Some(decide::PlaceId::new("openai")),
        model: Some("gpt-5-mini".into()),
        usage: decide::Usage {
            input: 1000,
            output: 100,
            cached: 0,
            estimated: outcome == Outcome::Unknown,
            ..sample::record(n).usage
        },
        cost: Some(Nanousd(450_000)),
        full: Some(Nanousd(450_000)),
        arrived_unix_ms: WHEN + n / 10 * DAY,
        outcome,
        ..sample::record(n)
    }
}

fn open(folder: &Path) -> Ledger {
    let options = Options { journal_bytes: 64 << 10, under_way: 60, ..Options::default() };
    Ledger::open(&folder.join("data"), options).unwrap()
}

fn put(ledger: &Ledger, record: Record) {
    ledger.outlet().reserve(true).unwrap().put(record);
}

/// Twenty attempts on two days, one of them of unknown end.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    (0..20).for_each(|n| put(&ledger, one(n, if n == 14 { Outcome::Unknown } else { Outcome::Ok })));
    ledger.close().unwrap();
    folder
}

fn run(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dewpoint"));
    command.env_clear().env("HOME", folder).env("DEWPOINT_DATA", folder.join("data")).current_dir(folder);
    let output = command.arg("report").args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn every_format_of_a_known_ledger() {
    let dir = folder();
    let (code, out, err) = run(dir.path(), &[]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    assert!(out.starts_with("2026-09-02 to 2026-09-03, both days in it (UTC)\n"), "{out}");
    assert!(
        out.contains("acme/ops")
            && out.contains("0.009000000")
            && out.contains("1 attempt at 0.000450000: unknown end"),
        "{out}"
    );
    let (_, out, _) =
        run(dir.path(), &["--by", "day", "--format", "csv", "--from", "2026-09-03", "--to", "2026-09-03"]);
    let lines: Vec<&str> = out.lines().collect();
    assert!(
        lines.len() == 2 && lines[0].starts_with("day,requests,") && lines[1].starts_with("2026-09-03,10,10,9,"),
        "{out}"
    );
    assert!(lines[1].contains(",0.004500000,"), "{out}");
    let (_, out, _) = run(dir.path(), &["--format", "json", "--by", "place"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&json["total"]["spend"]["usd"], &json["total"]["spend"]["nanousd"]),
        (&"0.009000000".into(), &9_000_000.into())
    );
    assert_eq!((&json["from"], &json["rows"][0]["unknown_end"]), (&"2026-09-02".into(), &1.into()), "{out}");
    let (code, out, _) = run(dir.path(), &["--format", "html", "-o", "page.html"]);
    assert_eq!((code, out.as_str()), (Some(0), ""));
    let page = std::fs::read_to_string(dir.path().join("page.html")).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.contains("acme/ops"));
    for outside in ["<script", "http://", "https://", "<link", "<img", "url("] {
        assert!(!page.contains(outside), "{outside}: the page needs something else");
    }
}

#[test]
fn mistakes_say_what_to_do() {
    let dir = folder();
    let empty = tempfile::tempdir().unwrap();
    for (folder, args, says) in [
        (&dir, &["--from", "2026-13-01"][..], "write year-month-day such as 2026-09-01"),
        (&dir, &["--from", "2026-09-03", "--to", "2026-09-02"], "exchange the two days"),
        (&dir, &["--before", "2026-09-03"], "not a period"),
        (&dir, &["--before", "2020-01-01..2020-01-02"], "in which requests were paid for"),
        (&dir, &["-o", "no/such/folder/x.html"], "check that its folder exists"),
        (&dir, &["--by", "week"], "possible values: team, key, place, model, task, kind, day"),
        (&empty, &[], "it is made when the server starts"),
        (&dir, &["reconcile", "--place", "openai", "--bill", "none.csv"], "check that the file is there"),
    ] {
        let (code, out, err) = run(folder.path(), args);
        assert!(code != Some(0) && err.contains(says) && out.is_empty(), "{args:?}: {err}");
    }
    let (code, out, _) = run(dir.path(), &["--from", "2020-01-01", "--to", "2020-01-02"]);
    assert_eq!((code, out.as_str()), (Some(0), "no attempts in this period\n"));
}

#[test]
fn a_bill_is_compared_by_day_and_model() {
    let dir = folder();
    let bill = |text: &str| std::fs::write(dir.path().join("bill.csv"), text).unwrap();
    let head = "day,model,input_tokens,output_tokens,cost_usd\n";
    let reconcile = ["reconcile", "--place", "openai", "--bill", "bill.csv"];
    bill(&format!(
        "{head}2026-09-02,gpt-5-mini-2025-08-07,10000,1000,0.0045\n2026-09-03,gpt-5-mini,10000,1000,0.0045\n"
    ));
    let (code, out, err) = run(dir.path(), &reconcile);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    assert!(
        out.contains("bill and ledger agree") && out.contains("in all: ledger 0.009000000, billed 0.009000000"),
        "{out}"
    );
    bill(&format!(
        "{head}2026-09-02,gpt-5-mini,10000,1000,0.0045\n2026-09-03,gpt-5-mini,9000,900,0.00405\n2026-09-03,gpt-5,1,1,oops\n"
    ));
    let (code, out, _) = run(dir.path(), &reconcile);
    assert_eq!(code, Some(1), "{out}");
    assert!(
        out.contains("-0.000450000") && out.contains("1 of unknown end, settled at their estimates of 0.000450000"),
        "{out}"
    );
    assert!(
        out.contains("BAD line 4: \"oops\" is no amount of dollars") && !out.contains("2026-09-02 gpt-5-mini differs"),
        "{out}"
    );
    let (_, out, _) = run(dir.path(), &[&reconcile[..], &["--json"]].concat());
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&json["agrees"], &json["lines"][1]["difference_nanousd"]),
        (&false.into(), &(-450_000).into()),
        "{out}"
    );
    let (code, _, err) = run(dir.path(), &["reconcile", "--place", "opnai", "--bill", "bill.csv"]);
    assert!(code == Some(1) && err.contains("holds no attempt at \"opnai\"") && err.contains("--by place"), "{err}");
}

#[test]
fn a_ledger_that_is_open_is_reported_at_the_same_time() {
    let dir = folder();
    let ledger = open(dir.path());
    put(&ledger, one(30, Outcome::Ok));
    assert!(ledger.flush(std::time::Duration::from_secs(20)));
    let (code, out, err) = run(dir.path(), &["--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &json["total"]["attempts"]), (Some(0), &21.into()), "{err}");
    ledger.close().unwrap();
}
