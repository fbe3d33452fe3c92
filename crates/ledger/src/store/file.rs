//! The database as a file: whether it is still the one that was opened, and whether its pages are whole.
//!
//! Never here: rows.

use crate::LedgerError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

/// Which files lie at the paths of the database and its write-ahead log. SQLite goes on writing to a file that was deleted or
/// replaced, and everything in it is gone at the end of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    database: (u64, u64),
    log: (u64, u64),
}

impl Identity {
    /// Of the files that are there now.
    pub(crate) fn of(path: &Path) -> std::io::Result<Identity> {
        Ok(Identity { database: id(path)?, log: id(&log(path))? })
    }

    /// Whether the same files are there still.
    pub(crate) fn same(&self, path: &Path) -> Result<(), LedgerError> {
        if Identity::of(path).is_ok_and(|now| now == *self) {
            Ok(())
        } else {
            Err(LedgerError::Replaced { path: path.to_owned() })
        }
    }

    /// Closes a connection to these files, wherever they are now.
    ///
    /// A log that is left beside another database is taken for that database's own, and the two are mixed. So where the database
    /// alone was moved away, its log is brought into it and taken out of the way; where the log alone is gone, what was in
    /// it is brought into the database; what others have put there is left as it is. After a failed `fsync` nothing is touched.
    pub(crate) fn close(&self, conn: Connection, path: &Path) {
        let log_path = log(path);
        let [database, log] = [(path, self.database), (log_path.as_path(), self.log)]
            .map(|(path, known)| id(path).is_ok_and(|now| now == known));
        let complete = !(database && log)
            && conn
                .query_row("PRAGMA wal_checkpoint(FULL)", [], |row| row.get::<_, i64>(0))
                .is_ok_and(|busy| busy == 0);
        // If this is refused, SQLite closes in its own way, which is the same but for a failed fsync.
        let _ = conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        drop(conn);
        if !database && log {
            let moved = if complete {
                std::fs::remove_file(&log_path)
            } else {
                std::fs::rename(&log_path, log_path.with_extension("sqlite-wal.old"))
            };
            if let Err(error) = moved {
                tracing::error!(%error, log = %log_path.display(), "the log of a database that was moved away cannot be taken away");
            }
        }
    }
}

fn log(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

#[cfg(unix)]
fn id(path: &Path) -> std::io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).map(|m| (m.dev(), m.ino()))
}

/// Other systems do not let an open file be replaced.
#[cfg(not(unix))]
fn id(path: &Path) -> std::io::Result<(u64, u64)> {
    std::fs::metadata(path).map(|_| (0, 0))
}

/// `PRAGMA quick_check`, ended after `patience`.
pub(crate) fn check(conn: &Connection, path: &Path, patience: Duration) -> Result<(), LedgerError> {
    let handle = conn.get_interrupt_handle();
    let (done, waiting) = sync_channel::<()>(1);
    let clock = std::thread::Builder::new().name("ledger-check".to_owned()).spawn(move || {
        if waiting.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
            handle.interrupt();
        }
    });
    let clock = clock.map_err(LedgerError::file("start a thread to check", path))?;
    let found = conn.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    drop(done);
    // It has nothing to say.
    let _ = clock.join();
    let why = match found {
        Ok(text) if text == "ok" => return Ok(()),
        Ok(text) => text,
        Err(e) if e.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
            tracing::info!(
                "the ledger is large: only a part of it was checked; `dewpoint ledger verify` checks all of it"
            );
            return Ok(());
        }
        Err(e) => e.to_string(),
    };
    Err(LedgerError::Damaged { path: path.to_owned(), why })
}
