//! `kill -9` at random moments: every record whose `put` returned is in the ledger after the next open, once and unchanged, and every
//! attempt whose `sent` returned has an end.
//!
//! The child is this test program again: `child` does nothing unless the environment names a folder.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]
#![cfg(unix)]

#[path = "sample/record.rs"]
mod sample;

use decide::{Outcome, OutletFull, Record, Usage};
use ledger::{Ledger, LedgerError, Options, Query, records, report, verify};
use sample::{mix, record};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(20);
const DIR: &str = "LEDGER_CRASH_DIR";
const ROUND: &str = "LEDGER_CRASH_ROUND";

/// Four threads put records and print the number of each after `put` has returned.
#[test]
fn child() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let round: u64 = std::env::var(ROUND).unwrap().parse().unwrap();
    let options = Options { journal_bytes: 1 << 20, ..Options::default() };
    let ledger = Ledger::open(Path::new(&dir), options).unwrap();
    println!("\nopened {}", ledger.recovery().replayed);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let outlet = ledger.outlet();
            scope.spawn(move || {
                let mut slow = Vec::new();
                for n in 0..10_000_000 {
                    let number = (round << 40) | (thread << 32) | n;
                    let mut slot = match outlet.reserve(true) {
                        Ok(slot) => slot,
                        Err(OutletFull) => {
                            std::thread::sleep(Duration::from_millis(1));
                            continue;
                        }
                    };
                    slot.sent(&estimate(number));
                    writeln!(std::io::stdout(), "sent {number}").unwrap();
                    if n % 16 == 3 {
                        // An answer that takes longer than this process lives.
                        slow.push(slot);
                        slow.drain(..slow.len().saturating_sub(8));
                        continue;
                    }
                    slot.put(record(number));
                    writeln!(std::io::stdout(), "put {number}").unwrap();
                }
            });
        }
    });
}

/// What is known of an attempt when it goes out.
fn estimate(number: u64) -> Record {
    let usage = Usage { estimated: true, ..record(number).usage };
    Record { outcome: Outcome::Unknown, usage, error: None, ..record(number) }
}

fn start(dir: &Path, round: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(DIR, dir)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn fault_51_kill_9_loses_nothing_and_doubles_nothing() {
    const ROUNDS: u64 = 20;
    let dir = tempfile::tempdir().unwrap();
    let (mut printed, mut sent, mut replayed) = (BTreeSet::new(), BTreeSet::new(), 0);
    for round in 1..=ROUNDS {
        let mut child = start(dir.path(), round);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (tell, told) = sync_channel(1);
        let reader = std::thread::spawn(move || {
            let mut seen = Vec::new();
            for line in lines.map_while(Result::ok) {
                if line.starts_with("put ") {
                    let _ = tell.try_send(());
                }
                seen.push(line);
            }
            seen
        });
        // One round in three may be killed before it has opened, so that a replay is killed too.
        if round % 3 != 0 {
            told.recv_timeout(SOON).unwrap();
        }
        std::thread::sleep(Duration::from_micros(mix(round ^ seed()) % 100_000));
        child.kill().unwrap();
        child.wait().unwrap();
        for line in reader.join().unwrap() {
            match line.split_once(' ') {
                Some(("put", number)) => assert!(printed.insert(number.parse::<u64>().unwrap())),
                Some(("sent", number)) => assert!(sent.insert(number.parse::<u64>().unwrap())),
                Some(("opened", count)) => replayed += count.parse::<u64>().unwrap(),
                _ => {}
            }
        }
    }
    let ledger = Ledger::open(dir.path(), Options::default()).unwrap();
    assert_eq!(ledger.recovery().missing, 0);
    replayed += ledger.recovery().replayed;
    drop(ledger);
    let found = records(dir.path(), None, usize::MAX).unwrap();
    let (mut ids, mut settled) = (BTreeSet::new(), BTreeSet::new());
    for r in found {
        let number = r.attempt_id as u64;
        assert!(ids.insert(number), "{number} is there twice");
        if r.outcome == Outcome::Unknown {
            assert_eq!(r, estimate(number));
        } else {
            assert_eq!(r, record(number));
            settled.insert(number);
        }
    }
    let unsent: Vec<_> = sent.difference(&ids).collect();
    assert!(unsent.is_empty(), "{} of {} that were sent have no end: {unsent:?}", unsent.len(), sent.len());
    let unknown = ids.len() - settled.len();
    assert!(unknown > 0 && unknown < ids.len() / 2, "{unknown} of {}", ids.len());
    assert!(verify(dir.path(), &mut |_, _| {}).unwrap().is_whole());
    let lost: Vec<_> = printed.difference(&settled).collect();
    assert!(lost.is_empty(), "{} of {} are lost: {lost:?}", lost.len(), printed.len());
    println!(
        "{} put, {} in the ledger, {replayed} of them from the journal, {unknown} unknown",
        printed.len(),
        ids.len()
    );
    // Otherwise this test has shown nothing.
    assert!(printed.len() > 500 && replayed > 0);
}

fn seed() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64
}

#[test]
fn another_process_is_refused_with_the_pid_and_reads_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = start(dir.path(), 1);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.by_ref().map_while(Result::ok).find(|l| l.starts_with("put ")).unwrap();
    let drain = std::thread::spawn(move || lines.map_while(Result::ok).count());
    let error = Ledger::open(dir.path(), Options::default()).err().unwrap();
    assert!(matches!(error, LedgerError::Held { pid, .. } if pid == Some(child.id())), "{error}");
    assert!(error.to_string().contains(&format!("process {}", child.id())), "{error}");
    let start = Instant::now();
    while report(dir.path(), Query::default()).unwrap().total.attempts == 0 {
        assert!(start.elapsed() < SOON);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    drain.join().unwrap();
    Ledger::open(dir.path(), Options::default()).unwrap().close().unwrap();
}
