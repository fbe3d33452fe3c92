//! Tests of the store: rows, versions, and databases that are not ours.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::sample::{lesson, old_record, record, second_record};
use decide::Usage;
use tempfile::tempdir;

fn kept(records: &[Record]) -> Vec<Kept<'_>> {
    records.iter().map(|r| Kept::Record(r, crc32fast::hash(&crate::layout::encode(r)))).collect()
}

fn put(dir: &Path, records: &[Record]) -> usize {
    Store::open(dir).unwrap().commit(&kept(records), None).unwrap()
}

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
    let group = kept(&records);
    assert_eq!(store.commit(&group, None).unwrap(), 300);
    assert_eq!(store.commit(&group[100..], None).unwrap(), 0);
    assert_eq!(all(dir.path()), records);
}

#[test]
fn an_unknown_cost_is_null() {
    let dir = tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let (mut unknown, mut free) = (record(1), record(2));
    (unknown.cost, free.cost) = (None, Some(decide::Nanousd::ZERO));
    store.commit(&kept(&[unknown, free]), None).unwrap();
    let count = |sql: &str| store.conn.as_ref().unwrap().query_row(sql, [], |r| r.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM attempt WHERE cost_nanousd IS NULL"), 1);
    assert_eq!(count("SELECT count(*) FROM attempt WHERE cost_nanousd = 0"), 1);
}

#[test]
fn absurd_numbers_are_stored_as_the_greatest() {
    let dir = tempdir().unwrap();
    let mut r = record(1);
    r.usage = Usage { input: u64::MAX, ..r.usage };
    r.total_us = u64::MAX;
    put(dir.path(), &[r]);
    let back = all(dir.path()).remove(0);
    assert_eq!((back.usage.input, back.total_us), (i64::MAX as u64, i64::MAX as u64));
}

#[test]
fn ids_sort_as_they_count() {
    let dir = tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    for shift in [0, 7, 8, 64, 127] {
        store.commit(&kept(&[Record { attempt_id: 1 << shift, ..record(1) }]), None).unwrap();
    }
    let ids: Vec<u128> = all(dir.path()).iter().map(|r| r.attempt_id).collect();
    assert_eq!(ids, [1, 1 << 7, 1 << 8, 1 << 64, 1 << 127]);
}

#[test]
fn it_is_power_safe_and_in_wal() {
    let dir = tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let text = |sql| store.conn.as_ref().unwrap().query_row(sql, [], |r| r.get::<_, String>(0)).unwrap();
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
    Store::open(dir.path()).unwrap().conn().unwrap().pragma_update(None, "user_version", schema::VERSION + 1).unwrap();
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

fn fixture(version: i64) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/ledger_v{version}.sqlite"))
}

/// Each version is a file format: these databases were written once and must stay readable. To store that of a new version, run
/// the test with `LEDGER_WRITE_FIXTURE=1` once.
#[test]
fn the_stored_databases_of_every_version_read() {
    let dir = tempdir().unwrap();
    if std::env::var_os("LEDGER_WRITE_FIXTURE").is_some() {
        put(dir.path(), &(0..12).map(record).collect::<Vec<_>>());
        learn(dir.path(), &(0..12).map(lesson).collect::<Vec<_>>());
        std::fs::copy(path(dir.path()), fixture(schema::VERSION)).unwrap();
    }
    for version in 1..=schema::VERSION {
        let dir = tempdir().unwrap();
        std::fs::copy(fixture(version), path(dir.path())).unwrap();
        let checked = crate::verify(dir.path(), &mut |_, _| {}).unwrap();
        assert!(checked.is_whole() && checked.records == 12, "{checked:?}");
        assert_eq!(checked.without_sum, if version == 1 { 12 } else { 0 });
        let kept = [old_record, old_record, second_record, record][version as usize - 1];
        assert_eq!(all(dir.path()), (0..12).map(kept).collect::<Vec<_>>());
        let lessons = if version < 4 { 0 } else { 12 };
        assert_eq!(learned(dir.path()), (0..lessons).map(lesson).collect::<Vec<_>>());
        assert_eq!(put(dir.path(), &[record(11), record(12)]), 1);
        assert_eq!(all(dir.path()), (0..12).map(kept).chain([record(12)]).collect::<Vec<_>>());
        let checked = crate::verify(dir.path(), &mut |_, _| {}).unwrap();
        assert!(checked.is_whole() && checked.records == 13, "{checked:?}");
    }
}

/// A migrated row keeps the checksum of its time, over what it had then; a new one is checked with all it has.
#[test]
fn every_column_is_under_its_rows_checksum() {
    let columns = [
        ("full_nanousd", "7"),
        ("priced", "CASE priced WHEN 'own' THEN 'exact' ELSE 'own' END"),
        ("reserved_nanousd", "7"),
        ("team", "'another'"),
        ("kind", "CASE kind WHEN 'burst' THEN 'appliance' ELSE 'burst' END"),
        ("quality_permille", "3"),
        ("cache_write_long_tokens", "99"),
        ("audio_input_tokens", "99"),
        ("audio_output_tokens", "99"),
        ("strongest_nanousd", "9"),
        ("strongest_quality_permille", "9"),
        ("cheapest_nanousd", "9"),
        ("cheapest_quality_permille", "9"),
        ("doubt_permille", "coalesce(doubt_permille, 0) + 1"),
        ("layout", "4"),
    ];
    for version in [2, 3, schema::VERSION] {
        for (column, value) in columns {
            let dir = tempdir().unwrap();
            std::fs::copy(fixture(version), path(dir.path())).unwrap();
            let mut store = Store::open(dir.path()).unwrap();
            let sql = format!("UPDATE attempt SET {column} = {value} WHERE attempt_id = ?1");
            store.conn().unwrap().execute(&sql, [5u128.to_be_bytes()]).unwrap();
            drop(store);
            let checked = crate::verify(dir.path(), &mut |_, _| {}).unwrap();
            assert_eq!(checked.bad.iter().map(|b| b.position).collect::<Vec<_>>(), [6], "{version} {column}");
        }
    }
}

/// The work of a migration does not grow with the ledger: what it writes is the schema's page and the header.
#[test]
fn a_big_ledger_is_migrated_by_a_few_pages() {
    let dir = tempdir().unwrap();
    std::fs::copy(fixture(2), path(dir.path())).unwrap();
    let conn = Connection::open(path(dir.path())).unwrap();
    let names = row::COLUMNS.split(", layout").next().unwrap().replace("attempt_id, ", "");
    let grow = format!(
        "WITH RECURSIVE n(n) AS (SELECT 100 UNION ALL SELECT n + 1 FROM n WHERE n < 20099)
         INSERT INTO attempt (attempt_id, {names}) SELECT cast(format('%016d', n) AS BLOB), {names} FROM n, attempt
         WHERE attempt_id = x'{:032x}';
         UPDATE mark SET records = 20012;",
        3
    );
    conn.execute_batch(&grow).unwrap();
    drop(conn);
    let mut store = Store::open(dir.path()).unwrap();
    let wal = std::fs::metadata(path(dir.path()).with_extension("sqlite-wal")).unwrap().len();
    assert!(wal < 64 << 10, "{wal} bytes were written to migrate");
    let ok: String = store.conn().unwrap().query_row("PRAGMA integrity_check", [], |r| r.get(0)).unwrap();
    assert_eq!(ok, "ok");
    drop(store);
    let checked = crate::verify(dir.path(), &mut |_, _| {}).unwrap();
    assert!(checked.is_whole() && checked.records == 20_012 && checked.without_sum == 20_000, "{checked:?}");
}

/// What a crash of an earlier version left: its database, and a journal with the records 20 to 59 and a cell with the estimate of 70.
fn left_by_a_crash(version: i64, entry: impl Fn(u64) -> Vec<u8>) -> tempfile::TempDir {
    use crate::journal::{Journal, frame::Sealed};
    let dir = tempdir().unwrap();
    std::fs::copy(fixture(version), path(dir.path())).unwrap();
    let mut journal = Journal::create(&crate::replay::path(dir.path()), 64 << 10).unwrap();
    for n in 20..60 {
        journal.append(&Sealed::new(entry(n))).unwrap();
    }
    let mut cells = crate::sent::Sent::create(&crate::replay::sent_path(dir.path()), 64 << 10).unwrap();
    let mut estimate = entry(70);
    estimate[0] = crate::layout::SENT;
    let cell = cells.take().unwrap();
    cells.write(cell, &Sealed::new(estimate));
    dir
}

/// What a crash of the version before left: a journal and cells of layout 1 beside a database of version 2.
#[test]
fn a_journal_of_layout_1_is_taken_in() {
    use crate::layout::old;
    let dir = left_by_a_crash(2, |n| old::encode(&old_record(n)));
    let ledger = crate::Ledger::open(dir.path(), crate::Options::default()).unwrap();
    assert_eq!((ledger.recovery().replayed, ledger.recovery().unknown), (40, 1));
    ledger.close().unwrap();
    let unknown = Record { outcome: decide::Outcome::Unknown, ..old_record(70) };
    let usage = Usage { estimated: true, ..unknown.usage };
    let unknown = Record { usage, ..unknown };
    let found = all(dir.path());
    assert_eq!(found[..52], (0..12).chain(20..60).map(old_record).collect::<Vec<_>>());
    assert_eq!(found[52..], [unknown]);
    let checked = crate::verify(dir.path(), &mut |_, _| {}).unwrap();
    assert!(checked.is_whole() && checked.records == 53, "{checked:?}");
}

/// In whichever order they come: settled beats unknown, the first settled stays, and the rows are counted once.
#[test]
fn a_settled_record_beats_an_unknown_one_in_either_order() {
    let settled = record(7);
    let unknown = Record { outcome: decide::Outcome::Unknown, cost: None, ..record(7) };
    let other = Record { total_us: 1, ..record(7) };
    for order in [[&settled, &unknown, &other], [&unknown, &settled, &other], [&unknown, &unknown, &settled]] {
        for at_once in [true, false] {
            let dir = tempdir().unwrap();
            let records: Vec<Record> = order.into_iter().cloned().collect();
            if at_once {
                put(dir.path(), &records);
            } else {
                records.iter().for_each(|r| {
                    put(dir.path(), std::slice::from_ref(r));
                });
            }
            assert_eq!(all(dir.path()), std::slice::from_ref(&settled));
            let checked = crate::verify(dir.path(), &mut |_, _| {}).unwrap();
            assert!(checked.is_whole() && checked.records == 1, "{checked:?}");
        }
    }
}

/// What a crash of the version before left: a journal of layout 2 beside a database of version 3.
#[test]
fn a_journal_of_layout_2_is_taken_in() {
    use crate::layout::old;
    let dir = left_by_a_crash(3, |n| old::encode_second(&second_record(n)));
    let ledger = crate::Ledger::open(dir.path(), crate::Options::default()).unwrap();
    assert_eq!((ledger.recovery().replayed, ledger.recovery().unknown), (40, 1));
    ledger.close().unwrap();
    let found = all(dir.path());
    assert_eq!(found[..52], (0..12).chain(20..60).map(second_record).collect::<Vec<_>>());
    assert_eq!((found.len(), found[52].outcome), (53, decide::Outcome::Unknown));
    let checked = crate::verify(dir.path(), &mut |_, _| {}).unwrap();
    assert!(checked.is_whole() && checked.records == 53 && checked.lessons == 0, "{checked:?}");
}

fn learn(dir: &Path, lessons: &[Lesson]) {
    let kept: Vec<Kept<'_>> =
        lessons.iter().map(|l| Kept::Lesson(l, crc32fast::hash(&crate::layout::lesson::encode(l)))).collect();
    assert_eq!(Store::open(dir).unwrap().commit(&kept, None).unwrap(), 0, "a lesson is no record");
}

fn learned(dir: &Path) -> Vec<Lesson> {
    crate::lessons(dir, None).unwrap()
}

#[test]
fn a_lesson_comes_back_whole_and_said_again_it_takes_the_place_of_the_first() {
    let dir = tempdir().unwrap();
    let lessons: Vec<Lesson> = (0..200).map(lesson).collect();
    learn(dir.path(), &lessons);
    assert_eq!(learned(dir.path()), lessons);
    let again = Lesson { score_permille: 7, weight_milli: 9, compared: None, ..lesson(5) };
    learn(dir.path(), &[again.clone(), lesson(5), again.clone()]);
    let mut expected = lessons;
    expected[5] = again;
    assert_eq!(learned(dir.path()), expected);
    let other = Lesson { at_unix_ms: lesson(5).at_unix_ms + 1000, ..lesson(5) };
    learn(dir.path(), &[other]);
    assert_eq!(learned(dir.path()).len(), 201, "the same id at another time is another request");
    let checked = crate::verify(dir.path(), &mut |_, _| {}).unwrap();
    assert!(checked.is_whole() && checked.lessons == 201 && checked.records == 0, "{checked:?}");
}

#[test]
fn every_column_of_a_lesson_is_under_its_checksum_and_a_missing_one_is_missed() {
    let whole = tempdir().unwrap();
    learn(whole.path(), &(0..12).map(lesson).collect::<Vec<_>>());
    let columns = [
        ("at_unix_ms", "at_unix_ms + 1"),
        ("request_id", "'x'"),
        ("origin", "CASE origin WHEN 'check' THEN 'shadow' ELSE 'check' END"),
        ("place", "'x'"),
        ("model", "'x'"),
        ("task", "CASE task WHEN 'code' THEN 'chat' ELSE 'code' END"),
        ("score_permille", "score_permille + 1"),
        ("weight_milli", "weight_milli + 1"),
        ("stronger_place", "'x'"),
        ("stronger_model", "'x'"),
        ("doubt_permille", "coalesce(doubt_permille, 0) + 1"),
        ("loss_permille", "coalesce(loss_permille, 0) + 1"),
        ("asked", "'x'"),
        ("layout", "2"),
    ];
    let with = (0..).map(lesson).find(|l| l.compared.is_some()).unwrap().at_unix_ms;
    for (column, value) in columns {
        let dir = tempdir().unwrap();
        std::fs::copy(path(whole.path()), path(dir.path())).unwrap();
        let mut store = Store::open(dir.path()).unwrap();
        let sql = format!("UPDATE lesson SET {column} = {value} WHERE at_unix_ms = ?1");
        assert_eq!(store.conn().unwrap().execute(&sql, [row::fit(with)]).unwrap(), 1);
        drop(store);
        let checked = crate::verify(dir.path(), &mut |_, _| {}).unwrap();
        assert_eq!((checked.bad_total, checked.is_whole()), (1, false), "{column}: {checked:?}");
    }
    let mut store = Store::open(whole.path()).unwrap();
    store.conn().unwrap().execute("DELETE FROM lesson WHERE at_unix_ms = ?1", [row::fit(with)]).unwrap();
    drop(store);
    assert!(!crate::verify(whole.path(), &mut |_, _| {}).unwrap().is_whole());
}
