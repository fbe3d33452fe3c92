//! `dewpoint ledger verify` and the report of the real binary over ledgers with a known content.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use decide::{DataClass, Difficulty, Nanousd, Outcome, Record, Task, Usage};
use ledger::{Ledger, Options};
use std::path::Path;
use std::process::Command;

fn record(n: u64, outcome: Outcome) -> Record {
    Record {
        doubt_permille: None,
        attempt_id: u128::from(n),
        request_id: format!("req-number-{n:04}").into(),
        attempt: 0,
        key: None,
        endpoint: "chat".into(),
        asked: "auto".into(),
        class: DataClass::Internal,
        task: Task::Chat,
        difficulty: Difficulty(100),
        decision: "edge: the only one".into(),
        place: Some(decide::PlaceId::new("edge")),
        model: Some("m".into()),
        tier: None,
        usage: Usage::default(),
        cost: Some(Nanousd(1)),
        full: None,
        priced: decide::Priced::default(),
        reserved: None,
        team: None,
        kind: None,
        quality_permille: None,
        baselines: decide::Baselines::default(),
        price_version: None,
        arrived_unix_ms: 1_788_000_000_000 + n,
        ttft_us: None,
        total_us: 5,
        stream: false,
        outcome,
        error: None,
    }
}

/// A folder with a ledger of ten records, of which one has an unknown end.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { journal_bytes: 64 << 10, under_way: 60, ..Options::default() };
    let ledger = Ledger::open(&folder.path().join("data"), options).unwrap();
    for n in 0..10 {
        let outcome = if n == 4 { Outcome::Unknown } else { Outcome::Ok };
        ledger.outlet().reserve(true).unwrap().put(record(n, outcome));
    }
    ledger.close().unwrap();
    folder
}

fn run(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dewpoint"));
    command.env_clear().env("HOME", folder).env("DEWPOINT_DATA", folder.join("data")).current_dir(folder);
    let output = command.args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Changes one byte of the stored text.
fn change(folder: &Path, from: &str, to: &str) {
    let path = folder.join("data/ledger.sqlite");
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(from.len()).position(|w| w == from.as_bytes()).unwrap();
    bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn fault_54_verify_passes_a_whole_ledger_and_names_the_bad_record() {
    let dir = folder();
    let (code, out, err) = run(dir.path(), &["ledger", "verify"]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    assert!(out.contains("10 records read\n") && out.contains("everything is as it was written"), "{out}");
    assert!(out.contains("1 attempt with an unknown end"), "{out}");

    change(dir.path(), "req-number-0007", "req-number-0O07");
    let (code, out, _) = run(dir.path(), &["ledger", "verify"]);
    assert_eq!(code, Some(1), "{out}");
    let named = format!("BAD record 8 (attempt {:032x}, request req-number-0O07): its checksum does not match", 7);
    assert!(out.contains(&named) && out.contains("put a backup of ledger.sqlite in its place"), "{out}");

    let (code, out, _) = run(dir.path(), &["ledger", "verify", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &json["whole"], &json["records"]), (Some(1), &false.into(), &10.into()), "{out}");
    assert_eq!(json["bad"][0]["position"], 8, "{out}");
}

#[test]
fn verify_of_a_file_that_cannot_be_opened_says_what_to_do() {
    let dir = folder();
    std::fs::write(dir.path().join("data/ledger.sqlite"), "no database ".repeat(1000)).unwrap();
    let (code, _, err) = run(dir.path(), &["ledger", "verify"]);
    assert_eq!(code, Some(1));
    assert!(err.starts_with("error: the ledger cannot be used\n") && err.contains("move ledger.sqlite away"), "{err}");
}

#[test]
fn the_report_counts_attempts_of_unknown_end_in_a_column_of_their_own() {
    let dir = folder();
    let (code, out, _) = run(dir.path(), &["ledger"]);
    assert_eq!(code, Some(0));
    let heads: Vec<&str> = out.lines().next().unwrap().split_whitespace().collect();
    let edge: Vec<&str> = out.lines().nth(1).unwrap().split_whitespace().collect();
    let at = heads.iter().position(|h| *h == "unknown").unwrap();
    assert_eq!((edge[0], edge[at]), ("edge", "1"), "{out}");
    assert!(out.contains("1 attempt has an unknown end"), "{out}");
    let (_, out, _) = run(dir.path(), &["ledger", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&json["total"]["unknown"], &json["total"]["failed"]), (&1.into(), &0.into()), "{out}");
}

#[test]
fn strict_without_a_ledger_is_a_mistake() {
    let dir = folder();
    let config = "[ledger]\nenabled = false\n\n[[route]]\nname = \"audited\"\ndurability = \"strict\"\n";
    std::fs::write(dir.path().join("dewpoint.toml"), config).unwrap();
    let (code, out, err) = run(dir.path(), &["check", "--no-discovery"]);
    assert_eq!(code, Some(1), "{out}");
    assert!(format!("{out}{err}").contains("durability = \"strict\" without a ledger"), "{out}{err}");
}
