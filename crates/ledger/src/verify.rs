//! Checking a ledger: every row against its checksum, the rows against their count, SQLite's pages and indexes, the journal and
//! the cells. Changes nothing: what a crash left in the journal is counted, not replayed.
//!
//! A checksum finds what disks, memory and hands do by mistake. Somebody who rewrites a row and its checksum is not found; that
//! takes a chain of hashes.
//!
//! Never here: mending.

mod lessons;

use crate::item::Item;
use crate::store::{self, row, schema};
use crate::{LedgerError, journal, layout, lock, replay, sent};
use rusqlite::Connection;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// So many bad records are named; all are counted.
const NAMED: usize = 20;
/// Rows between two reports of progress.
const STEP: u64 = 10_000;

/// A record that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bad {
    /// `record` or `lesson`.
    pub kind: &'static str,
    /// Which record, counted from 1 in the order of attempt ids, or which lesson in the order of moments.
    pub position: u64,
    /// The attempt id, 32 hexadecimal digits; `None` where it cannot be read.
    pub attempt_id: Option<String>,
    /// The request id, where it can be read.
    pub request_id: Option<String>,
    /// What is wrong.
    pub why: String,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Verified {
    /// Records read.
    pub records: u64,
    /// Records that there must be: counted when they were written.
    pub expected: u64,
    /// Lessons read.
    pub lessons: u64,
    /// Lessons that there must be.
    pub lessons_expected: u64,
    /// Of the records read, those without a checksum: written before version 2 of the format.
    pub without_sum: u64,
    /// Of the records read, attempts whose end nobody knows.
    pub unknown: u64,
    /// The first bad records.
    pub bad: Vec<Bad>,
    /// How many there are.
    pub bad_total: u64,
    /// What SQLite finds wrong with the file; empty when nothing is.
    pub database: Vec<String>,
    /// Records that are known to be lost: damaged in the journal, or cut off from the database.
    pub lost: u64,
    /// The process that has the ledger open; its journal changes all the time and was not looked at.
    pub in_use_by: Option<u32>,
    /// Records in the journal that the next start will take in.
    pub waiting: u64,
    /// Attempts that the next start will settle as unknown.
    pub without_end: u64,
    /// What is wrong with the journal and the cells; empty when nothing is.
    pub journal: Vec<String>,
}

impl Verified {
    /// Whether nothing is wrong.
    pub fn is_whole(&self) -> bool {
        self.bad_total == 0
            && self.records == self.expected
            && self.lessons == self.lessons_expected
            && self.lost == 0
            && self.database.is_empty()
            && self.journal.is_empty()
    }
}

/// Checks the ledger in `dir`; `progress` is told now and then how many records of how many have been read.
///
/// # Errors
/// [`LedgerError::Missing`] when there is no ledger; otherwise when the database cannot be opened at all.
pub fn verify(dir: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Verified, LedgerError> {
    let mut found = Verified::default();
    let held = match lock::take(dir, Duration::ZERO) {
        Ok(lock) => Some(lock),
        Err(LedgerError::Held { pid, .. }) => {
            found.in_use_by = Some(pid.unwrap_or(0));
            None
        }
        // A copy on a read-only medium has no writer.
        Err(_) => None,
    };
    let conn = store::open_to_check(dir)?;
    let run = |sql: &str| conn.execute_batch(sql).map_err(LedgerError::store("read the ledger"));
    // One transaction, so that rows and their count are of the same moment.
    run("BEGIN")?;
    let version = schema::version_of(&conn)?;
    // Rows have checksums from version 2 on.
    let stored = if version >= 2 { Some(schema::mark_of(&conn, version)?) } else { None };
    if found.in_use_by.is_none() {
        files(dir, stored.as_ref(), &mut found)?;
    }
    // From here on a server may start.
    drop(held);
    if let Some(stored) = &stored {
        (found.expected, found.lost) = (stored.records, found.lost + stored.lost);
        found.lessons_expected = stored.lessons;
    }
    if let Err(error) = rows(&conn, version, &mut found, progress) {
        found.database.push(error.to_string());
    }
    if version >= 4
        && let Err(error) = lessons::rows(&conn, &mut found)
    {
        found.database.push(error.to_string());
    }
    if stored.is_none() {
        found.expected = found.records;
    }
    pages(&conn, &mut found);
    Ok(found)
}

/// The journal and the cells.
fn files(dir: &Path, stored: Option<&schema::Stored>, found: &mut Verified) -> Result<(), LedgerError> {
    let mark = stored.map(|s| s.mark).unwrap_or_default();
    if let Some(bytes) = read(&replay::path(dir))? {
        match journal::look(&bytes, mark)? {
            Some(left) => {
                let bad = left.payloads.iter().filter(|p| Item::decode(p).is_err()).count();
                found.waiting = (left.payloads.len() - bad) as u64;
                count(&mut found.journal, bad as u64, "entries of the journal cannot be understood");
                count(
                    &mut found.journal,
                    left.missing,
                    "records were put into the journal and cannot be read any more",
                );
                count(
                    &mut found.journal,
                    left.behind,
                    "records are missing in the database, though they had been committed",
                );
            }
            None => found.journal.push("the header of the journal is damaged".to_owned()),
        }
    }
    if let Some(bytes) = read(&replay::sent_path(dir))? {
        match sent::look(&bytes)? {
            Some(left) => {
                found.without_end = left.payloads.len() as u64;
                count(&mut found.journal, left.damaged, "attempts under way at the last end cannot be read any more");
            }
            None => found.journal.push("the header of the file of attempts under way is damaged".to_owned()),
        }
    }
    Ok(())
}

fn read(path: &PathBuf) -> Result<Option<Vec<u8>>, LedgerError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(LedgerError::file("read", path)(e)),
    }
}

fn count(to: &mut Vec<String>, number: u64, what: &str) {
    if number > 0 {
        to.push(format!("{number} {what}"));
    }
}

/// Every row in the order of attempt ids.
fn rows(
    conn: &Connection,
    version: i64,
    found: &mut Verified,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), LedgerError> {
    let unread = || LedgerError::store("read on in the ledger");
    let sql = format!("SELECT {} FROM attempt ORDER BY attempt_id", row::columns_to_check(version));
    let mut statement = conn.prepare(&sql).map_err(unread())?;
    let mut rows = statement.query([]).map_err(unread())?;
    loop {
        let row = match rows.next() {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(()),
            Err(error) => {
                let why = format!("the database cannot be read from here on: {error}");
                found.bad_total += 1;
                let position = found.records + 1;
                found.bad.push(Bad { kind: "record", position, attempt_id: None, request_id: None, why });
                return Ok(());
            }
        };
        found.records += 1;
        if let Err(why) = check(row, found) {
            found.bad_total += 1;
            if found.bad.len() < NAMED {
                let id = row.get::<_, [u8; 16]>(0).ok();
                found.bad.push(Bad {
                    kind: "record",
                    position: found.records,
                    attempt_id: id.map(|id| format!("{:032x}", u128::from_be_bytes(id))),
                    request_id: row.get(1).ok(),
                    why,
                });
            }
        }
        if found.records.is_multiple_of(STEP) {
            progress(found.records, found.expected.max(found.records));
        }
    }
}

fn check(row: &rusqlite::Row<'_>, found: &mut Verified) -> Result<(), String> {
    let record = row::read(row).map_err(|e| e.to_string())?;
    found.unknown += u64::from(record.outcome == decide::Outcome::Unknown);
    let sum: Option<i64> = row.get(row::SUM).map_err(|e| format!("its checksum cannot be read: {e}"))?;
    match sum {
        None => found.without_sum += 1,
        Some(sum) if sum == i64::from(crc32fast::hash(&bytes(row, &record)?)) => {}
        Some(_) => return Err("its checksum does not match: the row was changed after it was written".to_owned()),
    }
    Ok(())
}

/// The bytes that the checksum is of, in the layout that the row was written with.
fn bytes(row: &rusqlite::Row<'_>, record: &decide::Record) -> Result<Vec<u8>, String> {
    match row.get::<_, i64>(row::LAYOUT) {
        Ok(number) if number == i64::from(layout::LAYOUT) => Ok(layout::encode(record)),
        Ok(number) if number == i64::from(layout::old::SECOND) && record.doubt_permille.is_none() => {
            Ok(layout::old::encode_second(record))
        }
        Ok(number) if number == i64::from(layout::old::LAYOUT) => {
            // Nothing of that time has what came later, and its checksum does not cover it.
            if *record != layout::old::of_that_time(record) {
                return Err("it has what no record had when it was written: the row was changed".to_owned());
            }
            Ok(layout::old::encode(record))
        }
        Ok(number) => Err(format!("its layout {number} is not known")),
        Err(error) => Err(format!("its layout cannot be read: {error}")),
    }
}

/// What SQLite says of its own pages and indexes.
fn pages(conn: &Connection, found: &mut Verified) {
    let lines = || -> rusqlite::Result<Vec<String>> {
        let mut statement = conn.prepare("PRAGMA integrity_check(10)")?;
        statement.query_map([], |row| row.get::<_, String>(0))?.collect()
    };
    match lines() {
        Ok(lines) => found.database.extend(lines.into_iter().filter(|line| line != "ok")),
        Err(error) => found.database.push(error.to_string()),
    }
}
