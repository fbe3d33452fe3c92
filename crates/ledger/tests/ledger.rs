//! The ledger from outside: room, locks, reports, closing and opening.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

#[path = "sample/record.rs"]
mod sample;

use decide::{Outcome, OutletFull, Record};
use ledger::{By, Condition, Ledger, LedgerError, Options, Query, Recovery, records, report};
use proptest::prelude::*;
use sample::record;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;
use tempfile::tempdir;

const SOON: Duration = Duration::from_secs(20);

fn open(dir: &Path) -> Ledger {
    Ledger::open(dir, Options { journal_bytes: 1 << 20, ..Options::default() }).unwrap()
}

fn put(ledger: &Ledger, records: impl IntoIterator<Item = Record>) {
    let outlet = ledger.outlet();
    records.into_iter().for_each(|r| outlet.reserve(true).unwrap().put(r));
}

fn filled(dir: &Path, records: &[Record]) {
    let ledger = open(dir);
    put(&ledger, records.iter().cloned());
    ledger.close().unwrap();
}

#[test]
fn what_many_threads_put_is_there_once_after_closing() {
    let dir = tempdir().unwrap();
    let ledger = Ledger::open(&dir.path().join("made/for/it"), Options::default()).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..50 {
            let outlet = ledger.outlet();
            scope.spawn(move || (0..200).for_each(|n| outlet.reserve(true).unwrap().put(record(thread * 200 + n))));
        }
    });
    assert!(ledger.flush(SOON));
    let state = ledger.state();
    assert_eq!((state.committed, state.pending, state.repeated, state.refused), (10_000, 0, 0, 0));
    assert_eq!(state.condition, Condition::Writing);
    ledger.close().unwrap();
    let mut found = records(&dir.path().join("made/for/it"), None, usize::MAX).unwrap();
    found.reverse();
    assert_eq!(found, (0..10_000).map(record).collect::<Vec<_>>());
}

#[test]
fn full_room_refuses_and_a_dropped_slot_gives_it_back() {
    let dir = tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), Options { room: 3, ..Options::default() }).unwrap();
    let outlet = ledger.outlet();
    let mut slots: Vec<_> = (0..3).map(|_| outlet.reserve(true).unwrap()).collect();
    assert_eq!(outlet.reserve(true).err(), Some(OutletFull));
    assert_eq!((ledger.state().reserved, ledger.state().refused), (3, 1));
    drop(slots.pop());
    let again = outlet.reserve(true).unwrap();
    assert_eq!(outlet.reserve(true).err(), Some(OutletFull));
    again.put(record(1));
    slots.drain(..).zip(2..).for_each(|(slot, n)| slot.put(record(n)));
    assert!(ledger.flush(SOON));
    assert_eq!((ledger.state().reserved, ledger.state().pending), (0, 0));
    (0..3).map(|_| outlet.reserve(true).unwrap()).for_each(drop);
    ledger.close().unwrap();
    assert_eq!(records(dir.path(), None, 9).unwrap().len(), 3);
}

#[test]
fn a_small_journal_bounds_the_room_too() {
    let dir = tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), Options { journal_bytes: 64 << 10, ..Options::default() }).unwrap();
    let outlet = ledger.outlet();
    let slots: Vec<_> = std::iter::from_fn(|| outlet.reserve(true).ok()).collect();
    assert!((20..60).contains(&slots.len()), "{}", slots.len());
    slots.into_iter().zip(0..).for_each(|(slot, n)| slot.put(record(n)));
    assert!(ledger.flush(SOON));
    outlet.reserve(true).unwrap().put(record(1000));
}

/// Far more than the journal holds at once, through a journal that wraps again and again.
#[test]
fn a_small_journal_passes_many_records() {
    let dir = tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), Options { journal_bytes: 64 << 10, ..Options::default() }).unwrap();
    let (outlet, start) = (ledger.outlet(), std::time::Instant::now());
    for n in 0..3000 {
        let slot = loop {
            match outlet.reserve(true) {
                Ok(slot) => break slot,
                Err(OutletFull) => std::thread::sleep(Duration::from_micros(200)),
            }
            assert!(start.elapsed() < SOON, "{:?}", ledger.state());
        };
        slot.put(record(n));
    }
    ledger.close().unwrap();
    assert_eq!(records(dir.path(), None, usize::MAX).unwrap().len(), 3000);
}

#[test]
fn an_attempt_settled_twice_is_kept_once_and_counted() {
    let dir = tempdir().unwrap();
    let ledger = open(dir.path());
    put(&ledger, [record(1), record(2), record(1)]);
    assert!(ledger.flush(SOON));
    assert_eq!((ledger.state().committed, ledger.state().repeated), (2, 1));
}

#[test]
fn over_long_texts_are_cut_not_refused() {
    let dir = tempdir().unwrap();
    let ledger = open(dir.path());
    put(&ledger, [Record { asked: "x".repeat(100_000).into(), ..record(1) }]);
    ledger.close().unwrap();
    let asked = &records(dir.path(), None, 9).unwrap()[0].asked;
    assert!(asked.len() <= 256 && asked.ends_with('…'), "{asked}");
}

#[test]
fn a_second_writer_is_refused_and_a_reader_is_not() {
    let dir = tempdir().unwrap();
    let first = open(dir.path());
    put(&first, [record(1)]);
    assert!(first.flush(SOON));
    let error = Ledger::open(dir.path(), Options::default()).err().unwrap();
    assert!(matches!(error, LedgerError::Held { pid: Some(pid), .. } if pid == std::process::id()), "{error}");
    assert_eq!(report(dir.path(), Query::default()).unwrap().total.attempts, 1);
    first.close().unwrap();
    open(dir.path()).close().unwrap();
}

/// As a gateway does that was not drained: the slot is older than the closing.
#[test]
fn a_slot_put_after_closing_is_in_the_journal_and_holds_the_folder() {
    let dir = tempdir().unwrap();
    let ledger = open(dir.path());
    let outlet = ledger.outlet();
    let late = outlet.reserve(true).unwrap();
    ledger.close().unwrap();
    assert_eq!(outlet.reserve(true).err(), Some(OutletFull));
    assert!(matches!(Ledger::open(dir.path(), Options::default()), Err(LedgerError::Held { .. })));
    late.put(record(7));
    let ledger = open(dir.path());
    assert_eq!(ledger.recovery(), &Recovery { replayed: 1, ..Recovery::default() });
    drop(ledger);
    assert_eq!(records(dir.path(), None, 9).unwrap(), [record(7)]);
}

#[test]
fn a_report_replays_what_a_crash_left() {
    let dir = tempdir().unwrap();
    let ledger = open(dir.path());
    let late = ledger.outlet().reserve(true).unwrap();
    ledger.close().unwrap();
    late.put(record(7));
    assert_eq!(report(dir.path(), Query::default()).unwrap().total.attempts, 1);
}

#[test]
fn a_journal_of_another_size_takes_the_place_of_the_old_one() {
    let dir = tempdir().unwrap();
    for (n, bytes) in [(1, 1 << 20), (2, 1 << 19), (3, 0), (4, 1 << 21)] {
        let ledger = Ledger::open(dir.path(), Options { journal_bytes: bytes, ..Options::default() }).unwrap();
        put(&ledger, [record(n)]);
        ledger.close().unwrap();
        let len = std::fs::metadata(dir.path().join("journal")).unwrap().len();
        assert_eq!(len, (bytes as u64).max(64 << 10));
    }
    assert_eq!(records(dir.path(), None, 9).unwrap().len(), 4);
}

#[test]
fn a_damaged_journal_is_set_aside_and_the_ledger_opens() {
    let dir = tempdir().unwrap();
    open(dir.path()).close().unwrap();
    let path = dir.path().join("journal");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[30] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let ledger = open(dir.path());
    let [aside] = ledger.recovery().set_aside.as_slice() else { panic!("one file") };
    assert!(aside.exists());
    put(&ledger, [record(1)]);
    ledger.close().unwrap();
}

#[test]
fn a_folder_that_cannot_be_made_or_is_not_there_gives_a_clear_error() {
    let dir = tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "").unwrap();
    let error = Ledger::open(&dir.path().join("file/ledger"), Options::default()).err().unwrap().to_string();
    assert!(error.contains("cannot create") && error.contains("file/ledger"), "{error}");
    let absent = dir.path().join("absent");
    assert!(matches!(report(&absent, Query::default()), Err(LedgerError::Missing { .. })));
    assert!(matches!(records(&absent, None, 1), Err(LedgerError::Missing { .. })));
    assert!(!absent.exists(), "reading makes nothing");
}

#[cfg(unix)]
#[test]
fn the_folder_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempdir().unwrap();
    let made = dir.path().join("made");
    open(&made).close().unwrap();
    assert_eq!(std::fs::metadata(&made).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn records_are_newest_first_and_limited() {
    let dir = tempdir().unwrap();
    let all: Vec<Record> = (0..50).map(record).collect();
    filled(dir.path(), &all);
    let since = Some(all[40].arrived_unix_ms);
    let newest: Vec<Record> = all.iter().rev().take(7).cloned().collect();
    assert_eq!(records(dir.path(), None, 7).unwrap(), newest);
    assert_eq!(records(dir.path(), since, 100).unwrap().len(), 10);
    assert_eq!(records(dir.path(), None, 0).unwrap(), []);
}

fn group(by: By, r: &Record) -> Option<String> {
    match by {
        By::None => None,
        By::Place => r.place.as_ref().map(ToString::to_string),
        By::Key => r.key.as_deref().map(str::to_owned),
        By::Task => Some(r.task.as_str().to_owned()),
        By::Model => r.model.as_deref().map(str::to_owned),
        By::Outcome => Some(r.outcome.as_str().to_owned()),
    }
}

/// Nearest rank by hand.
fn rank(mut values: Vec<u64>, percent: usize) -> Option<f64> {
    values.sort_unstable();
    let at = (values.len() * percent).div_ceil(100);
    at.checked_sub(1).map(|at| values[at] as f64 / 1000.0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Every number of a report is what one gets by going over the records.
    #[test]
    fn reports_are_sums_of_records(
        numbers in proptest::collection::btree_set(0u64..5000, 1..150),
        huge in any::<bool>(),
        from in proptest::option::of(0u64..5000),
    ) {
        let dir = tempdir().unwrap();
        let mut all: Vec<Record> = numbers.into_iter().map(record).collect();
        if huge {
            // Sums beyond 64 bits must be right too.
            for r in &mut all {
                r.usage.input = i64::MAX as u64;
                r.cost = r.cost.map(|c| decide::Nanousd(if c.0 % 2 == 0 { i64::MAX } else { i64::MIN }));
            }
        }
        filled(dir.path(), &all);
        let since = from.map(|n| record(n).arrived_unix_ms);
        all.retain(|r| since.is_none_or(|s| r.arrived_unix_ms >= s));
        for by in By::ALL {
            let report = report(dir.path(), Query { since_unix_ms: since, by }).unwrap();
            let mut groups: BTreeMap<Option<String>, Vec<&Record>> = BTreeMap::new();
            all.iter().for_each(|r| groups.entry(group(by, r)).or_default().push(r));
            prop_assert_eq!(report.rows.len(), groups.len());
            prop_assert_eq!(report.first_unix_ms, all.iter().map(|r| r.arrived_unix_ms).min());
            prop_assert_eq!(report.last_unix_ms, all.iter().map(|r| r.arrived_unix_ms).max());
            prop_assert!(report.rows.windows(2).all(|w| w[0].attempts >= w[1].attempts));
            for row in &report.rows {
                same(row, &groups[&row.group]);
            }
            same(&report.total, &all.iter().collect::<Vec<_>>());
            prop_assert!(report.table().ends_with("Z\n") || all.is_empty());
            serde_json::to_string(&report).unwrap();
        }
    }
}

fn same(row: &ledger::Row, of: &[&Record]) {
    let outcome = |o: Outcome| of.iter().filter(|r| r.outcome == o).count() as u64;
    let requests: BTreeSet<&str> = of.iter().map(|r| &*r.request_id).collect();
    assert_eq!((row.requests, row.attempts), (requests.len() as u64, of.len() as u64));
    assert_eq!((row.ok, row.failed), (outcome(Outcome::Ok), outcome(Outcome::Failed)));
    assert_eq!(row.doubted, outcome(Outcome::Doubted));
    assert_eq!((row.cancelled, row.refused), (outcome(Outcome::Cancelled), outcome(Outcome::Refused)));
    let sum = |f: fn(&Record) -> i128| of.iter().map(|r| f(r)).sum::<i128>();
    assert_eq!(row.input_tokens, sum(|r| r.usage.input.into()));
    assert_eq!(row.output_tokens, sum(|r| r.usage.output.into()));
    assert_eq!(row.cached_tokens, sum(|r| r.usage.cached.into()));
    assert_eq!(row.cost_nanousd, sum(|r| r.cost.map_or(0, |c| c.0.into())));
    assert_eq!(i128::from(row.unknown_cost), sum(|r| i128::from(r.cost.is_none() && r.outcome != Outcome::Refused)));
    let ttft: Vec<u64> = of.iter().filter_map(|r| r.ttft_us).collect();
    near(row.ttft_ms_p50, rank(ttft.clone(), 50));
    near(row.ttft_ms_p95, rank(ttft, 95));
    let ok: Vec<u64> = of.iter().filter(|r| r.outcome == Outcome::Ok).map(|r| r.total_us).collect();
    near(row.duration_ms_p50, rank(ok.clone(), 50));
    near(row.duration_ms_p95, rank(ok, 95));
}

fn near(found: Option<f64>, exact: Option<f64>) {
    let near = found.zip(exact).map_or(found == exact, |(a, b)| (a - b).abs() <= b / 256.0 + 1e-9);
    assert!(near, "{found:?} for {exact:?}");
}
