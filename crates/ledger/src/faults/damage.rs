//! Damage: flipped bytes, a log cut short, an older copy in place of the database, rows changed by hand. It is seen at the start or by
//! `verify`, and nobody guesses.

use super::{all, checked, options};
use crate::sample::{mix, record};
use crate::{Ledger, LedgerError, Options, store, verify};
use decide::Record;
use std::collections::BTreeMap;
use std::path::Path;
use tempfile::{TempDir, tempdir};

/// A closed ledger of so many records: everything is in the one file.
fn filled(count: u64) -> TempDir {
    let dir = tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), Options { journal_bytes: 1 << 20, ..options() }).unwrap();
    (0..count).for_each(|n| ledger.outlet().reserve(true).unwrap().put(record(n)));
    assert!(ledger.flush(super::SOON));
    ledger.close().unwrap();
    dir
}

fn by_hand(dir: &Path, sql: &str) {
    rusqlite::Connection::open(store::path(dir)).unwrap().execute_batch(sql).unwrap();
}

/// A bit is flipped somewhere in the database. Either `verify` says so, or the bit lay where nothing is kept: then every record is as it
/// was. Most flips must be found, and a ledger that opens gives no changed record.
#[test]
fn fault_54_a_flipped_bit_is_found_or_changes_no_record() {
    let whole = filled(40);
    let bytes = std::fs::read(store::path(whole.path())).unwrap();
    let before = all(whole.path());
    let mut found = 0;
    for n in 0..300 {
        let at = (mix(n) % bytes.len() as u64) as usize;
        let dir = tempdir().unwrap();
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (mix(n + 1000) % 8);
        std::fs::write(store::path(dir.path()), flipped).unwrap();
        let seen = match verify(dir.path(), &mut |_, _| {}) {
            Ok(found) => !found.is_whole(),
            Err(_) => true,
        };
        if let Ok(read) = crate::records(dir.path(), None, usize::MAX) {
            let read: BTreeMap<u64, Record> = read.into_iter().map(|r| (r.attempt_id as u64, r)).collect();
            assert!(seen || read == before, "a bit at {at} changed a record unseen");
        }
        found += u64::from(seen);
    }
    println!("{found} of 300 flipped bits were found");
    assert!(found > 100);
}

#[test]
fn fault_54_verify_names_the_first_bad_record() {
    let dir = filled(30);
    assert!(checked(dir.path()).is_whole());
    by_hand(
        dir.path(),
        "UPDATE attempt SET cost_nanousd = 1 WHERE attempt_id IN (SELECT attempt_id FROM attempt ORDER BY attempt_id LIMIT 2 OFFSET 16)",
    );
    let found = checked(dir.path());
    assert_eq!((found.records, found.bad_total, found.is_whole()), (30, 2, false));
    let bad = &found.bad[0];
    assert_eq!((bad.position, bad.attempt_id.as_deref()), (17, Some(format!("{:032x}", 16).as_str())));
    assert_eq!(bad.request_id.as_deref(), Some(&*record(16).request_id));
    assert!(bad.why.contains("checksum"), "{bad:?}");
}

#[test]
fn fault_54_every_changed_column_is_found() {
    let columns = store::row::COLUMNS.split(", ").map(str::trim).filter(|c| *c != "attempt_id");
    for column in columns {
        let dir = filled(3);
        let number = ["_nanousd", "_us", "_permille"].iter().any(|unit| column.ends_with(unit));
        let other = if number { "1" } else { "'x'" };
        let sql = format!(
            "UPDATE attempt SET {column} =
                CASE typeof({column}) WHEN 'integer' THEN {column} + 1 WHEN 'text' THEN {column} || 'x' ELSE {other} END
            WHERE attempt_id = (SELECT max(attempt_id) FROM attempt)"
        );
        by_hand(dir.path(), &sql);
        let found = checked(dir.path());
        assert_eq!((found.bad_total, found.bad.first().map(|b| b.position)), (1, Some(3)), "{column}: {found:?}");
    }
}

#[test]
fn fault_54_a_row_that_is_gone_or_added_is_counted() {
    let dir = filled(9);
    by_hand(dir.path(), "DELETE FROM attempt WHERE attempt_id = (SELECT min(attempt_id) FROM attempt)");
    let found = checked(dir.path());
    assert_eq!((found.records, found.expected, found.bad_total, found.is_whole()), (8, 9, 0, false));
}

#[test]
fn fault_54_a_damaged_page_stops_the_start_and_says_what_to_do() {
    let dir = filled(400);
    let path = store::path(dir.path());
    let mut bytes = std::fs::read(&path).unwrap();
    // The head of a page in the middle of the table.
    let page = bytes.len() / 4096 / 2;
    bytes[page * 4096..page * 4096 + 64].fill(0xA5);
    std::fs::write(&path, bytes).unwrap();
    let error = Ledger::open(dir.path(), options()).err().unwrap();
    assert!(matches!(error, LedgerError::Damaged { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("ledger.sqlite is damaged") && text.contains("dewpoint ledger verify"), "{text}");
    let found = checked(dir.path());
    assert!(!found.is_whole() && !found.database.is_empty(), "{found:?}");
}

/// The log loses its end after a commit was acknowledged. The journal's mark says so, and what the journal still holds is taken
/// from there; what it does not is counted for ever.
#[test]
fn fault_54_a_log_cut_short_is_seen_and_mended_from_the_journal() {
    for overwritten in [false, true] {
        let root = tempdir().unwrap();
        let (live, after) = (root.path().join("live"), root.path().join("after"));
        let ledger = Ledger::open(&live, options()).unwrap();
        for n in 0..20 {
            ledger.outlet().reserve(true).unwrap().put(record(n));
            // Alone in the ring, each record takes the place of the one before it.
            assert!(!overwritten && n > 0 || ledger.flush(super::SOON));
        }
        assert!(ledger.flush(super::SOON));
        super::copy(&live, &after);
        let log = store::path(&after).with_extension("sqlite-wal");
        let len = std::fs::metadata(&log).unwrap().len();
        std::fs::File::options().write(true).open(&log).unwrap().set_len(len - 100).unwrap();
        let found = checked(&after);
        assert!(
            !found.is_whole() && found.journal.iter().any(|why| why.contains("missing in the database")),
            "{found:?}"
        );
        let again = Ledger::open(&after, options()).unwrap();
        let recovery = again.recovery().clone();
        assert!(recovery.behind > 0 && recovery.behind == recovery.replayed + recovery.missing, "{recovery:?}");
        drop(again);
        let found = checked(&after);
        assert_eq!((found.lost, found.is_whole()), (recovery.missing, recovery.missing == 0), "{found:?}");
        assert_eq!(found.records + recovery.missing, 20);
        // It is mended or counted once.
        assert_eq!(*Ledger::open(&after, options()).unwrap().recovery(), crate::Recovery::default());
    }
}

#[test]
fn fault_54_an_older_copy_in_place_of_the_database_is_seen() {
    let root = tempdir().unwrap();
    let (dir, old) = (root.path().join("ledger"), root.path().join("old"));
    let put = |numbers: std::ops::Range<u64>| {
        let ledger = Ledger::open(&dir, options()).unwrap();
        for n in numbers {
            ledger.outlet().reserve(true).unwrap().put(record(n));
            assert!(ledger.flush(super::SOON));
        }
        ledger.close().unwrap();
    };
    put(0..5);
    super::copy(&dir, &old);
    put(5..15);
    std::fs::copy(store::path(&old), store::path(&dir)).unwrap();
    let ledger = Ledger::open(&dir, options()).unwrap();
    assert_eq!(ledger.recovery().behind, 10);
    drop(ledger);
    assert!(!checked(&dir).is_whole());
}

#[test]
fn verify_beside_a_server_says_that_the_journal_was_left_alone() {
    let dir = tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), options()).unwrap();
    ledger.outlet().reserve(true).unwrap().put(record(1));
    assert!(ledger.flush(super::SOON));
    let found = checked(dir.path());
    assert_eq!((found.in_use_by, found.records, found.is_whole()), (Some(std::process::id()), 1, true));
}

/// Checking changes nothing: what a crash left waits for the next start.
#[test]
fn verify_counts_what_waits_and_leaves_it() {
    let root = tempdir().unwrap();
    let (dir, after) = (root.path().join("live"), root.path().join("after"));
    std::fs::create_dir_all(&dir).unwrap();
    let (ledger, gate) = super::gated(&dir, options());
    gate.store(false, std::sync::atomic::Ordering::SeqCst);
    let mut slot = ledger.outlet().reserve(true).unwrap();
    slot.sent(&super::estimate(2));
    ledger.outlet().reserve(true).unwrap().put(record(1));
    super::copy(&dir, &after);
    for _ in 0..2 {
        let found = checked(&after);
        assert_eq!((found.waiting, found.without_end, found.records, found.is_whole()), (1, 1, 0, true));
    }
}
