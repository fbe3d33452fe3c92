//! Reading lessons: the newest of them for the command line, and all that counts for whoever learns anew at a start.
//!
//! Never here: what follows from them.

use crate::LedgerError;
use crate::report::{open, unread};
use crate::store::{self, lesson, row};
use decide::{Lesson, Origin};
use rusqlite::{Connection, params};
use std::path::Path;

/// Which lessons to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sought {
    /// Only of then or later, Unix milliseconds.
    pub since_unix_ms: Option<u64>,
    /// Only from there.
    pub origin: Option<Origin>,
    /// Only with a comparison: both answers are known.
    pub compared: bool,
    /// So many at most, the newest; `None` is [`LESSONS_READ_MAX`].
    pub limit: Option<usize>,
}

/// So many lessons are read at most where nobody says how many.
pub const LESSONS_READ_MAX: usize = 200_000;

/// The lessons of the ledger in `dir` of `since_unix_ms` or later, oldest first; where they are more than [`LESSONS_READ_MAX`], the newest of them.
///
/// # Errors
/// As [`crate::report()`].
pub fn lessons(dir: &Path, since_unix_ms: Option<u64>) -> Result<Vec<Lesson>, LedgerError> {
    let mut found = newest_lessons(dir, &Sought { since_unix_ms, ..Sought::default() })?;
    found.reverse();
    Ok(found)
}

/// The lessons of the ledger in `dir` that are sought, newest first.
///
/// # Errors
/// As [`crate::report()`].
pub fn newest_lessons(dir: &Path, sought: &Sought) -> Result<Vec<Lesson>, LedgerError> {
    read(&open(dir)?, sought)
}

/// The lessons at a moment.
pub struct Past(Connection);

impl Past {
    /// From this moment on nothing that is written is seen.
    pub(crate) fn open(dir: &Path) -> Result<Past, LedgerError> {
        let conn = store::open_read_only(dir)?;
        // A deferred transaction sees the moment of its first read.
        let begin = conn.execute_batch("BEGIN; SELECT id FROM mark").map_err(unread());
        begin.map(|()| Past(conn))
    }

    /// Those sought, newest first. Reads a file: not on a thread that serves.
    ///
    /// # Errors
    /// SQLite refused, or a row is damaged.
    pub fn lessons(&self, sought: &Sought) -> Result<Vec<Lesson>, LedgerError> {
        read(&self.0, sought)
    }
}

fn read(conn: &Connection, sought: &Sought) -> Result<Vec<Lesson>, LedgerError> {
    let sql = format!(
        "SELECT {} FROM lesson WHERE at_unix_ms >= ?1 AND (?2 IS NULL OR origin = ?2) AND (?3 = 0 OR stronger_place IS NOT NULL) \
         ORDER BY at_unix_ms DESC, request_id, origin, place, model LIMIT ?4",
        lesson::COLUMNS
    );
    let mut statement = conn.prepare(&sql).map_err(unread())?;
    let since = sought.since_unix_ms.map_or(i64::MIN, row::fit);
    let limit = i64::try_from(sought.limit.unwrap_or(LESSONS_READ_MAX)).unwrap_or(i64::MAX);
    let origin = sought.origin.map(Origin::as_str);
    let mut rows = statement.query(params![since, origin, sought.compared, limit]).map_err(unread())?;
    let mut out = Vec::new();
    while let Some(found) = rows.next().map_err(unread())? {
        out.push(lesson::read(found)?);
    }
    Ok(out)
}
