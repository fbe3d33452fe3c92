//! The process dies at every point of a scripted run: before and after each write to the mapped files, each row, each commit and
//! each mark. After the next start everything that was promised is there, once.
//!
//! The child is this test program again: `child` does nothing unless the environment names a folder.

use super::{all, checked, estimate, options};
use crate::sample::record;
use crate::{Ledger, point};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

const DIR: &str = "LEDGER_POINT_DIR";

fn say(text: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "{text}").and_then(|()| out.flush()).unwrap();
}

/// Attempts that are settled, dropped before and after they were sent, and left open; two groups are committed between.
#[test]
fn child() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    // Behind what the test harness has said on this line.
    say("");
    let ledger = Ledger::open(Path::new(&dir), options()).unwrap();
    let outlet = ledger.outlet();
    let mut open = Vec::new();
    for n in 0..12 {
        let mut slot = outlet.reserve(true).unwrap();
        if n != 3 {
            say(&format!("sending {n}"));
            slot.sent(&estimate(n));
            say(&format!("sent {n}"));
        }
        match n {
            3 | 4 => drop(slot),
            6 | 9 => open.push(slot),
            _ => {
                say(&format!("putting {n}"));
                slot.put(record(n));
                say(&format!("put {n}"));
            }
        }
        if n % 3 == 2 {
            assert!(ledger.flush(super::SOON));
        }
    }
    assert!(ledger.flush(super::SOON));
    say(&format!("points {}", point::passed()));
    std::process::abort();
}

fn run(dir: &Path, die_at: u64) -> (Output, BTreeMap<String, BTreeSet<u64>>) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "faults::crash::child", "--nocapture", "--test-threads=1"])
        .env(DIR, dir)
        .env(point::VARIABLE, die_at.to_string())
        .output()
        .unwrap();
    let mut said = BTreeMap::<String, BTreeSet<u64>>::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        if let Some((word, number)) = line.split_once(' ')
            && let Ok(number) = number.parse()
        {
            said.entry(word.to_owned()).or_default().insert(number);
        }
    }
    (output, said)
}

#[test]
fn fault_51_killed_at_every_write_nothing_promised_is_lost_or_doubled() {
    let dir = tempfile::tempdir().unwrap();
    let (_, said) = run(dir.path(), 0);
    let points = *said["points"].first().unwrap();
    assert!(points > 60, "only {points} points: the script writes less than it should");
    let mut unknown = 0;
    for die_at in 1..=points {
        let dir = tempfile::tempdir().unwrap();
        let (output, said) = run(dir.path(), die_at);
        assert!(!output.status.success());
        let said = |word: &str| said.get(word).cloned().unwrap_or_default();
        if !dir.path().join("ledger.sqlite").exists() {
            continue;
        }
        // The next start dies too, now and then, in the middle of taking in what is there.
        if die_at % 3 == 0 {
            run(dir.path(), 1 + die_at % 7);
        }
        let ledger = Ledger::open(dir.path(), options()).unwrap();
        assert_eq!(ledger.recovery().missing, 0, "at {die_at}");
        drop(ledger);
        let found = all(dir.path());
        for n in said("put") {
            assert_eq!(found.get(&n), Some(&record(n)), "at {die_at}: {n} was put");
        }
        for n in said("sent") {
            let there = found.get(&n);
            assert!(
                there == Some(&record(n)) || there == Some(&estimate(n)),
                "at {die_at}: {n} was sent, and is {there:?}"
            );
            unknown += u64::from(there == Some(&estimate(n)));
        }
        let begun = said("sending");
        if die_at % 3 != 0 {
            assert!(found.keys().all(|n| begun.contains(n)), "at {die_at}: {found:?} and only {begun:?} began");
        }
        let whole = checked(dir.path());
        assert!(whole.is_whole(), "at {die_at}: {whole:?}");
    }
    println!("died at each of {points} points; {unknown} attempts were unknown afterwards");
    assert!(unknown > points);
}
