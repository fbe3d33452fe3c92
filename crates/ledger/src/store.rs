//! The store: the SQLite database `ledger.sqlite`.
//!
//! WAL with `synchronous = FULL`: a finished commit survives loss of power, which NORMAL does not promise; the journal's mark is
//! set only after such a commit, so it is never ahead of the disk. FULL costs the writer one fsync a group and the way of a
//! request nothing: `cargo bench -p ledger` measured 3.3 µs of writer CPU a record at full groups with either, and at 500 records
//! a second, two to a group, 87 µs with FULL and 33 µs with NORMAL.
//!
//! Never here: when to write ([`crate::writer`]), aggregation ([`mod@crate::report`]).

pub(crate) mod row;
mod schema;

use crate::LedgerError;
use decide::Record;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the writer commits to. SQLite, or in tests a store that fails on purpose.
pub(crate) trait Sink: Send {
    /// Commits all records or none; gives how many were new. A record whose attempt id is there already is left as it is.
    fn commit(&mut self, records: &[&Record]) -> Result<usize, LedgerError>;
    /// Called after a failure, before the next try.
    fn renew(&mut self) -> Result<(), LedgerError>;
}

/// A connection that writes.
pub(crate) struct Store {
    path: PathBuf,
    pub(crate) conn: Connection,
}

/// The database of the ledger in `dir`.
pub(crate) fn path(dir: &Path) -> PathBuf {
    dir.join("ledger.sqlite")
}

impl Store {
    /// Opens for writing; makes or migrates the schema.
    pub(crate) fn open(dir: &Path) -> Result<Store, LedgerError> {
        let path = path(dir);
        let conn = connect(&path)?;
        Ok(Store { path, conn })
    }
}

fn connect(path: &Path) -> Result<Connection, LedgerError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut conn =
        Connection::open_with_flags(path, flags).map_err(LedgerError::store("open the ledger's database"))?;
    pragmas(&conn).map_err(LedgerError::store("set up the ledger's database"))?;
    schema::migrate(&mut conn, path)?;
    Ok(conn)
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
    schema::check(&conn, &path)?;
    Ok(conn)
}

impl Sink for Store {
    fn commit(&mut self, records: &[&Record]) -> Result<usize, LedgerError> {
        let run = |conn: &mut Connection| -> rusqlite::Result<usize> {
            let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut fresh = 0;
            {
                let mut insert = tx.prepare_cached(row::INSERT)?;
                for record in records {
                    fresh += row::insert(&mut insert, record)?;
                }
            }
            tx.commit()?;
            Ok(fresh)
        };
        run(&mut self.conn).map_err(LedgerError::store("write to the ledger's database"))
    }

    /// A new connection: after a failed fsync the old one's view of the file must not be trusted.
    fn renew(&mut self) -> Result<(), LedgerError> {
        self.conn = connect(&self.path)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
