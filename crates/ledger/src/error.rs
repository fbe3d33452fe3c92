//! What can go wrong with the ledger: what happened, why, and what to do next.

use std::path::{Path, PathBuf};

/// An error of the ledger.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The file system refused something.
    #[error("cannot {what} {}: {source}; check that the ledger's folder exists, is writable and has free space", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// SQLite refused something.
    #[error("cannot {what}: {source}{}", hint(source))]
    Store {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        source: rusqlite::Error,
    },
    /// Another process writes this ledger.
    #[error("the ledger in {} is in use by {}; stop that process or give this one another folder", dir.display(), holder(*pid))]
    Held {
        /// The ledger's folder.
        dir: PathBuf,
        /// The process that holds it, where it could be read.
        pid: Option<u32>,
    },
    /// There is nothing to read.
    #[error("there is no ledger in {}; it is made when the server starts for the first time", dir.display())]
    Missing {
        /// The folder that was looked at.
        dir: PathBuf,
    },
    /// The file is an SQLite database, but not one of ours.
    #[error("{} is not a Dewpoint ledger; move it away or give another folder", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Written by another version of Dewpoint.
    #[error(
        "{what} has format {found}, this program knows {known}; use the version of Dewpoint that wrote it or a newer one"
    )]
    Version {
        /// Which of the ledger's files.
        what: &'static str,
        /// The format found.
        found: i64,
        /// The format known.
        known: i64,
    },
    /// A stored value makes no sense.
    #[error("the ledger holds a record that cannot be read: {0}; keep the folder and report this")]
    Unreadable(String),
    /// The database was deleted, or another file lies in its place.
    #[error(
        "{} or its -wal file was deleted or replaced while the server had it open; put it back, or leave it so and the ledger goes on in what is there now (an empty one, if nothing is)", path.display()
    )]
    Replaced {
        /// The database.
        path: PathBuf,
    },
    /// Pages of the database are damaged.
    #[error(
        "{} is damaged ({why}); look with `dewpoint ledger verify`, then put a backup in its place, or move it away to begin a new one", path.display()
    )]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What SQLite found.
        why: String,
    },
    /// Closed before everything was in SQLite.
    #[error(
        "{pending} records are not in SQLite yet ({why}); they are safe in the journal and are committed at the next start"
    )]
    Undrained {
        /// How many.
        pending: usize,
        /// What the store said last.
        why: String,
    },
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

/// What a person can do about an error of SQLite.
fn hint(source: &rusqlite::Error) -> &'static str {
    use rusqlite::ErrorCode::{
        CannotOpen, DatabaseBusy, DatabaseCorrupt, DatabaseLocked, DiskFull, NotADatabase, ReadOnly,
    };
    match source.sqlite_error_code() {
        Some(DiskFull) => "; free some space on the ledger's disk",
        Some(DatabaseBusy | DatabaseLocked) => "; another program is writing to it",
        Some(ReadOnly | CannotOpen) => "; check that the ledger's folder exists and is writable",
        Some(DatabaseCorrupt | NotADatabase) => {
            "; move ledger.sqlite away and start again, or put a backup in its place"
        }
        _ => "",
    }
}

impl LedgerError {
    pub(crate) fn file(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> LedgerError {
        let path = path.to_owned();
        move |source| LedgerError::File { what, path, source }
    }

    pub(crate) fn store(what: &'static str) -> impl FnOnce(rusqlite::Error) -> LedgerError {
        move |source| LedgerError::Store { what, source }
    }
}
