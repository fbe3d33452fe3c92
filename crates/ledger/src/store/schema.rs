//! The schema and its versions. `user_version` is the version; each step of [`STEPS`] leads from one to the next.
//!
//! To change the schema: add a step, never edit one; store an example database of the version that ends
//! (`tests/fixtures/ledger_v1.sqlite` is that of version 1, and so on) and test that it opens.

use crate::LedgerError;
use crate::journal::Mark;
use crate::point::point;
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;

/// `application_id` of our databases: "DEWP".
const APPLICATION: i64 = 0x4445_5750;

/// Step n leads from version n to n + 1. Ids are 16 bytes, big-endian, so that they sort by time; an unknown cost is NULL.
///
/// A step that only adds columns edits the text of the table: `ALTER TABLE … ADD COLUMN` reads a STRICT table through for every column, and a ledger of
/// years would keep a start waiting. SQLite's documentation of ALTER TABLE (section 7) allows it where the content does not change; a row that
/// ends before a column has its default. How long a step takes so does not grow with the ledger.
///
/// Version 2 adds to each row `sum`, the CRC-32 of the record's bytes in layout 1 (NULL in rows of version 1), and the
/// table `mark` of one row: up to which frame of which journal everything is here, how many rows there are, and how many records
/// are known to be lost.
///
/// Version 3 adds what a record of layout 2 has more than one of layout 1, and `layout`: which of the two `sum` is of.
///
/// Version 4 adds the doubt of layout 3, and lessons. A request id is what a caller chose, so the moment belongs to what makes a lesson the
/// same: said again, it takes the place of what was said before.
const STEPS: [&str; 4] = [
    "
    CREATE TABLE attempt (
        attempt_id BLOB NOT NULL PRIMARY KEY,
        request_id TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        key TEXT,
        endpoint TEXT NOT NULL,
        asked TEXT NOT NULL,
        class TEXT NOT NULL,
        task TEXT NOT NULL,
        difficulty INTEGER NOT NULL,
        decision TEXT NOT NULL,
        place TEXT,
        model TEXT,
        tier TEXT,
        input_tokens INTEGER NOT NULL,
        output_tokens INTEGER NOT NULL,
        cached_tokens INTEGER NOT NULL,
        cache_write_tokens INTEGER NOT NULL,
        reasoning_tokens INTEGER NOT NULL,
        estimated INTEGER NOT NULL,
        cost_nanousd INTEGER,
        price_version TEXT,
        arrived_unix_ms INTEGER NOT NULL,
        ttft_us INTEGER,
        total_us INTEGER NOT NULL,
        stream INTEGER NOT NULL,
        outcome TEXT NOT NULL,
        error TEXT
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX attempt_by_arrival ON attempt (arrived_unix_ms);
",
    "
    ALTER TABLE attempt ADD COLUMN sum INTEGER;
    CREATE TABLE mark (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        journal INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        records INTEGER NOT NULL,
        lost INTEGER NOT NULL
    ) STRICT;
    INSERT INTO mark (id, journal, seq, records, lost) SELECT 1, 0, 0, count(*), 0 FROM attempt;
",
    "
    UPDATE sqlite_schema SET sql = replace(sql, 'sum INTEGER)', 'sum INTEGER,
        layout INTEGER NOT NULL DEFAULT 1,
        full_nanousd INTEGER,
        priced TEXT,
        reserved_nanousd INTEGER,
        team TEXT,
        kind TEXT,
        quality_permille INTEGER,
        cache_write_long_tokens INTEGER NOT NULL DEFAULT 0,
        audio_input_tokens INTEGER NOT NULL DEFAULT 0,
        audio_output_tokens INTEGER NOT NULL DEFAULT 0,
        strongest_nanousd INTEGER,
        strongest_quality_permille INTEGER,
        cheapest_nanousd INTEGER,
        cheapest_quality_permille INTEGER
    )') WHERE type = 'table' AND name = 'attempt';
",
    "
    UPDATE sqlite_schema SET sql = replace(sql, 'cheapest_quality_permille INTEGER', 'cheapest_quality_permille INTEGER,
        doubt_permille INTEGER') WHERE type = 'table' AND name = 'attempt';
    CREATE TABLE lesson (
        at_unix_ms INTEGER NOT NULL,
        request_id TEXT NOT NULL,
        origin TEXT NOT NULL,
        place TEXT NOT NULL,
        model TEXT NOT NULL,
        task TEXT NOT NULL,
        score_permille INTEGER NOT NULL,
        weight_milli INTEGER NOT NULL,
        stronger_place TEXT,
        stronger_model TEXT,
        doubt_permille INTEGER,
        loss_permille INTEGER,
        asked TEXT,
        layout INTEGER NOT NULL,
        sum INTEGER NOT NULL,
        PRIMARY KEY (at_unix_ms, request_id, origin, place, model)
    ) STRICT, WITHOUT ROWID;
    ALTER TABLE mark ADD COLUMN lessons INTEGER NOT NULL DEFAULT 0;
",
];

/// Counts new rows (?1, ?4) and moves the mark (?2, ?3; NULL leaves it).
pub(crate) const ADD_TO_MARK: &str = "UPDATE mark SET records = records + ?1, journal = coalesce(?2, journal), seq = coalesce(?3, seq), lessons = lessons + ?4 WHERE id = 1";

/// Counts records that can be found nowhere.
pub(crate) const ADD_LOST: &str = "UPDATE mark SET lost = lost + ?1 WHERE id = 1";

/// The one row of `mark`.
pub(crate) struct Stored {
    pub(crate) mark: Mark,
    /// Rows that there must be.
    pub(crate) records: u64,
    /// Records that are known to be lost.
    pub(crate) lost: u64,
    /// Lessons that there must be.
    pub(crate) lessons: u64,
}

/// Reads the row of `mark` of a database of this version.
pub(crate) fn mark(conn: &Connection) -> Result<Stored, LedgerError> {
    mark_of(conn, VERSION)
}

/// Reads the row of `mark` of a database of any version that has one.
pub(crate) fn mark_of(conn: &Connection, version: i64) -> Result<Stored, LedgerError> {
    let lessons = if version >= 4 { "lessons" } else { "0" };
    let sql = &format!("SELECT journal, seq, records, lost, {lessons} FROM mark WHERE id = 1");
    let read = |row: &rusqlite::Row<'_>| {
        let number = |at| row.get::<_, i64>(at).map(i64::cast_unsigned);
        let mark = Mark { journal: number(0)?, seq: number(1)? };
        Ok(Stored { mark, records: number(2)?, lost: number(3)?, lessons: number(4)? })
    };
    conn.query_row(sql, [], read).map_err(LedgerError::store("read the ledger's mark"))
}

/// The version this program writes.
pub(crate) const VERSION: i64 = STEPS.len() as i64;

/// Brings a database, new or old, to [`VERSION`].
pub(crate) fn migrate(conn: &mut Connection, path: &Path) -> Result<(), LedgerError> {
    let found = version(conn, path)?;
    if found == VERSION {
        return Ok(());
    }
    let run = |conn: &mut Connection| -> rusqlite::Result<()> {
        conn.pragma_update(None, "writable_schema", true)?;
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for step in STEPS.iter().skip(usize::try_from(found).unwrap_or(0)) {
            tx.execute_batch(step)?;
        }
        // Other connections, and this one, are to read the tables' texts again.
        let schema: i64 = tx.query_row("PRAGMA schema_version", [], |row| row.get(0))?;
        tx.pragma_update(None, "schema_version", schema + 1)?;
        tx.pragma_update(None, "application_id", APPLICATION)?;
        tx.pragma_update(None, "user_version", VERSION)?;
        point();
        tx.commit()?;
        conn.pragma_update(None, "writable_schema", "RESET")?;
        // A text that does not hold what was meant fails here, not at the first record.
        conn.prepare(super::row::INSERT).map(drop)
    };
    run(conn).map_err(LedgerError::store("make or migrate the ledger's tables"))
}

/// Refuses a database that this program cannot read as it is.
pub(crate) fn check(conn: &Connection, path: &Path) -> Result<(), LedgerError> {
    let found = version(conn, path)?;
    if found == VERSION {
        Ok(())
    } else {
        Err(LedgerError::Version { what: "the ledger's database", found, known: VERSION })
    }
}

/// Refuses a database that no version of this program up to now has written.
pub(crate) fn check_known(conn: &Connection, path: &Path) -> Result<(), LedgerError> {
    match version(conn, path)? {
        0 => Err(LedgerError::Foreign { path: path.to_owned() }),
        _ => Ok(()),
    }
}

/// The version of an open ledger.
pub(crate) fn version_of(conn: &Connection) -> Result<i64, LedgerError> {
    let read = conn.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0));
    read.map_err(LedgerError::store("read the ledger's version"))
}

fn version(conn: &Connection, path: &Path) -> Result<i64, LedgerError> {
    let read = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i64>(0));
    let facts = read("PRAGMA application_id").and_then(|application| {
        Ok((application, read("PRAGMA user_version")?, read("SELECT count(*) FROM sqlite_schema")?))
    });
    match facts.map_err(LedgerError::store("read the ledger's database (is it damaged?)"))? {
        (0, 0, 0) => Ok(0),
        (APPLICATION, found, _) if !(1..=VERSION).contains(&found) => {
            Err(LedgerError::Version { what: "the ledger's database", found, known: VERSION })
        }
        (APPLICATION, found, _) => Ok(found),
        _ => Err(LedgerError::Foreign { path: path.to_owned() }),
    }
}
