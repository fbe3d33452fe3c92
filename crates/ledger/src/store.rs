//! The store: the SQLite database `ledger.sqlite`.
//!
//! WAL with `synchronous = FULL`: a finished commit survives loss of power, which NORMAL does not promise; the journal's mark is
//! set only after such a commit, so it is never ahead of the disk. FULL costs the writer one fsync a group and the way of a
//! request nothing: `cargo bench -p ledger` measured 3.3 µs of writer CPU a record at full groups with either, and at 500 records
//! a second, two to a group, 87 µs with FULL and 33 µs with NORMAL.
//!
//! Never here: when to write ([`crate::writer`]), aggregation ([`mod@crate::report`]).

mod file;
pub(crate) mod lesson;
pub(crate) mod row;
pub(crate) mod schema;

use crate::LedgerError;
use crate::journal::Mark;
use crate::point::point;
use decide::{Lesson, Record};
use file::Identity;
use rusqlite::{Connection, OpenFlags, TransactionBehavior, params};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is to be kept, and the checksum of its bytes.
#[derive(Clone, Copy)]
pub(crate) enum Kept<'a> {
    /// An attempt.
    Record(&'a Record, u32),
    /// A lesson.
    Lesson(&'a Lesson, u32),
}

/// What the writer commits to. SQLite, or in tests a store that fails on purpose.
pub(crate) trait Sink: Send {
    /// Commits all or nothing, and with it up to where the journal may be forgotten; gives how many records were new. Of two
    /// records with one attempt id the first counts, but a settled one takes the place of an unknown one. Of two lessons of one
    /// answer from one origin the last counts.
    fn commit(&mut self, items: &[Kept<'_>], upto: Option<Mark>) -> Result<usize, LedgerError>;
    /// Up to where the journal is in this store.
    fn mark(&mut self) -> Result<Mark, LedgerError>;
    /// Says that so many records can be found nowhere.
    fn lost(&mut self, records: u64) -> Result<(), LedgerError>;
    /// Called after a failure, before the next try.
    fn renew(&mut self) -> Result<(), LedgerError>;
}

/// A connection that writes.
pub(crate) struct Store {
    path: PathBuf,
    conn: Option<Connection>,
    identity: Identity,
}

/// The database of the ledger in `dir`.
pub(crate) fn path(dir: &Path) -> PathBuf {
    dir.join("ledger.sqlite")
}

impl Store {
    /// Opens for writing; makes or migrates the schema.
    pub(crate) fn open(dir: &Path) -> Result<Store, LedgerError> {
        let path = path(dir);
        let (conn, identity) = connect(&path)?;
        Ok(Store { path, conn: Some(conn), identity })
    }

    /// Looks over the pages for up to `patience`; a large database is looked over in part.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`] with what SQLite found.
    pub(crate) fn check(&mut self, patience: Duration) -> Result<(), LedgerError> {
        let path = self.path.clone();
        file::check(self.conn()?, &path, patience)
    }

    pub(crate) fn conn(&mut self) -> Result<&mut Connection, LedgerError> {
        let gone = || LedgerError::Replaced { path: self.path.clone() };
        self.conn.as_mut().ok_or_else(gone)
    }
}

fn connect(path: &Path) -> Result<(Connection, Identity), LedgerError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut conn =
        Connection::open_with_flags(path, flags).map_err(LedgerError::store("open the ledger's database"))?;
    pragmas(&conn).map_err(LedgerError::store("set up the ledger's database"))?;
    schema::migrate(&mut conn, path)?;
    let identity = Identity::of(path).map_err(LedgerError::file("look at", path))?;
    Ok((conn, identity))
}

fn pragmas(conn: &Connection) -> rusqlite::Result<()> {
    conn.busy_timeout(Duration::from_secs(1))?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "journal_size_limit", 64 << 20)?;
    conn.pragma_update(None, "cell_size_check", true)?;
    conn.pragma_update(None, "trusted_schema", false)
}

/// Opens for reading beside a writer.
pub(crate) fn open_read_only(dir: &Path) -> Result<Connection, LedgerError> {
    let conn = open_as_it_is(dir)?;
    schema::check(&conn, &path(dir))?;
    Ok(conn)
}

/// Opens for checking, also a database of an older version.
pub(crate) fn open_to_check(dir: &Path) -> Result<Connection, LedgerError> {
    let conn = open_as_it_is(dir)?;
    schema::check_known(&conn, &path(dir))?;
    Ok(conn)
}

fn open_as_it_is(dir: &Path) -> Result<Connection, LedgerError> {
    let path = path(dir);
    if !path.exists() {
        return Err(LedgerError::Missing { dir: dir.to_owned() });
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(&path, flags).map_err(LedgerError::store("open the ledger's database"))?;
    let set_up = || LedgerError::store("set up the ledger's database");
    conn.busy_timeout(Duration::from_secs(5)).map_err(set_up())?;
    // A report counts requests in up to 64 MiB of memory and spills the rest; SQLite's own bound is 2.
    conn.pragma_update(None, "cache_size", -(64 << 10)).map_err(set_up())?;
    Ok(conn)
}

impl Sink for Store {
    fn commit(&mut self, items: &[Kept<'_>], upto: Option<Mark>) -> Result<usize, LedgerError> {
        let run = |conn: &mut Connection| -> rusqlite::Result<usize> {
            let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let (mut rows, mut replaced, mut lessons) = (0, 0, 0);
            {
                let mut insert = tx.prepare_cached(row::INSERT)?;
                for item in items {
                    point();
                    let (record, sum) = match *item {
                        Kept::Record(record, sum) => (record, sum),
                        Kept::Lesson(lesson, sum) => {
                            lessons += lesson::put(&tx, lesson, sum)?;
                            continue;
                        }
                    };
                    match row::insert(&mut insert, record, sum)? {
                        0 if record.outcome != decide::Outcome::Unknown => {
                            let id = record.attempt_id.to_be_bytes();
                            if tx.prepare_cached(row::DELETE_UNKNOWN)?.execute([id])? == 1 {
                                replaced += row::insert(&mut insert, record, sum)?;
                            }
                        }
                        new => rows += new,
                    }
                }
                let mut mark = tx.prepare_cached(schema::ADD_TO_MARK)?;
                let [rows, lessons] = [rows, lessons].map(|n| i64::try_from(n).unwrap_or(i64::MAX));
                let (journal, seq) = (upto.map(|m| m.journal.cast_signed()), upto.map(|m| m.seq.cast_signed()));
                mark.execute(params![rows, journal, seq, lessons])?;
            }
            point();
            tx.commit()?;
            point();
            Ok(rows + replaced)
        };
        let fresh = run(self.conn()?).map_err(LedgerError::store("write to the ledger's database"))?;
        // What went into a file that is no longer at its path is in no ledger: then the same records come again.
        self.identity.same(&self.path)?;
        Ok(fresh)
    }

    fn mark(&mut self) -> Result<Mark, LedgerError> {
        schema::mark(self.conn()?).map(|stored| stored.mark)
    }

    fn lost(&mut self, records: u64) -> Result<(), LedgerError> {
        let records = row::fit(records);
        let run = |conn: &Connection| conn.execute(schema::ADD_LOST, [records]);
        run(self.conn()?).map(drop).map_err(LedgerError::store("write to the ledger's database"))
    }

    /// A new connection: after a failed fsync the old one's view of the file must not be trusted.
    fn renew(&mut self) -> Result<(), LedgerError> {
        if let Some(old) = self.conn.take() {
            self.identity.close(old, &self.path);
        }
        let (conn, identity) = connect(&self.path)?;
        (self.conn, self.identity) = (Some(conn), identity);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
