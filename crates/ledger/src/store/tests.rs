//! Tests of the store: rows, versions, and databases that are not ours.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::sample::record;
use decide::Usage;
use tempfile::tempdir;

fn all(dir: &Path) -> Vec<Record> {
    let mut records = crate::records(dir, None, usize::MAX).unwrap();
    records.reverse();
    records
}

#[test]
fn a_record_comes_back_whole_and_once() {
    let dir = tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let records: Vec<Record> = (0..300).map(record).collect();
    let group: Vec<&Record> = records.iter().collect();
    assert_eq!(store.commit(&group).unwrap(), 300);
    assert_eq!(store.commit(&group[100..]).unwrap(), 0);
    assert_eq!(all(dir.path()), records);
}

#[test]
fn an_unknown_cost_is_null() {
    let dir = tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let (mut unknown, mut free) = (record(1), record(2));
    (unknown.cost, free.cost) = (None, Some(decide::Nanousd::ZERO));
    store.commit(&[&unknown, &free]).unwrap();
    let count = |sql: &str| store.conn.query_row(sql, [], |r| r.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM attempt WHERE cost_nanousd IS NULL"), 1);
    assert_eq!(count("SELECT count(*) FROM attempt WHERE cost_nanousd = 0"), 1);
}

#[test]
fn absurd_numbers_are_stored_as_the_greatest() {
    let dir = tempdir().unwrap();
    let mut r = record(1);
    r.usage = Usage { input: u64::MAX, ..r.usage };
    r.total_us = u64::MAX;
    Store::open(dir.path()).unwrap().commit(&[&r]).unwrap();
    let back = all(dir.path()).remove(0);
    assert_eq!((back.usage.input, back.total_us), (i64::MAX as u64, i64::MAX as u64));
}

#[test]
fn ids_sort_as_they_count() {
    let dir = tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    for shift in [0, 7, 8, 64, 127] {
        store.commit(&[&Record { attempt_id: 1 << shift, ..record(1) }]).unwrap();
    }
    let ids: Vec<u128> = all(dir.path()).iter().map(|r| r.attempt_id).collect();
    assert_eq!(ids, [1, 1 << 7, 1 << 8, 1 << 64, 1 << 127]);
}

#[test]
fn it_is_power_safe_and_in_wal() {
    let dir = tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let text = |sql| store.conn.query_row(sql, [], |r| r.get::<_, String>(0)).unwrap();
    assert_eq!(text("PRAGMA journal_mode"), "wal");
    assert_eq!(text("SELECT cast(synchronous AS TEXT) FROM pragma_synchronous"), "2");
}

#[test]
fn another_database_is_left_alone() {
    let dir = tempdir().unwrap();
    Connection::open(path(dir.path())).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    assert!(matches!(Store::open(dir.path()), Err(LedgerError::Foreign { .. })));
    assert!(matches!(open_read_only(dir.path()), Err(LedgerError::Foreign { .. })));
}

#[test]
fn a_newer_database_is_refused() {
    let dir = tempdir().unwrap();
    Store::open(dir.path()).unwrap().conn.pragma_update(None, "user_version", schema::VERSION + 1).unwrap();
    assert!(matches!(Store::open(dir.path()), Err(LedgerError::Version { .. })));
    assert!(matches!(open_read_only(dir.path()), Err(LedgerError::Version { .. })));
}

#[test]
fn a_file_that_is_no_database_gives_a_clear_error() {
    let dir = tempdir().unwrap();
    std::fs::write(path(dir.path()), "hello ".repeat(1000)).unwrap();
    let error = Store::open(dir.path()).err().unwrap().to_string();
    assert!(error.contains("move ledger.sqlite away"), "{error}");
}

/// Version 1 is a file format: this database was written once and must stay readable. To store that of a new version, run the test
/// with `LEDGER_WRITE_FIXTURE=1` once.
#[test]
fn the_stored_database_of_version_1_reads() {
    let stored = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ledger_v1.sqlite");
    let dir = tempdir().unwrap();
    if std::env::var_os("LEDGER_WRITE_FIXTURE").is_some() {
        let records: Vec<Record> = (0..12).map(record).collect();
        Store::open(dir.path()).unwrap().commit(&records.iter().collect::<Vec<_>>()).unwrap();
        std::fs::copy(path(dir.path()), &stored).unwrap();
    }
    std::fs::copy(&stored, path(dir.path())).unwrap();
    assert_eq!(all(dir.path()), (0..12).map(record).collect::<Vec<_>>());
    assert_eq!(Store::open(dir.path()).unwrap().commit(&[&record(11), &record(12)]).unwrap(), 1);
}
