//! What can go wrong with the audit trail: what happened, why, and what to do next.

use std::path::{Path, PathBuf};

/// An error of the audit trail. The text is one sentence: what and why, then after the semicolon what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The file system refused something.
    #[error("cannot {what} {}: {source}; check that the folder exists, is writable by this user and has free space", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// Another process writes this trail.
    #[error("the audit trail in {} is in use by {}; stop that process or give this one another folder", dir.display(), holder(*pid))]
    Held {
        /// The folder.
        dir: PathBuf,
        /// The process that holds it, where it could be read.
        pid: Option<u32>,
    },
    /// There is nothing to read.
    #[error("there is no audit trail in {}; it is made when the server starts for the first time", dir.display())]
    Missing {
        /// The folder that was looked at.
        dir: PathBuf,
    },
    /// The newest segment or the heads are not as they were written.
    #[error(
        "the audit trail is damaged in {file}, line {line}: {why}; look with `dewpoint audit verify`, keep a copy of the folder as evidence, and move it away to begin a new one"
    )]
    Damaged {
        /// Which file.
        file: String,
        /// Which line of it, from 1.
        line: u64,
        /// What is wrong.
        why: String,
    },
    /// The key cannot be used.
    #[error("the key {} cannot be used: {why}; make one with `openssl genpkey -algorithm ed25519`, or remove the setting and Dewpoint makes its own", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: &'static str,
    },
    /// The file holds no signed head.
    #[error("{} holds no signed head: {why}; give a file that `dewpoint audit head` wrote", path.display())]
    Head {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers; try again, or on another machine")]
    Random,
    /// Closed before everything was written.
    #[error("{pending} records could not be written ({why}); the decisions that they were about are not in the trail")]
    Undrained {
        /// How many.
        pending: usize,
        /// What the disk said last.
        why: String,
    },
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

impl AuditError {
    pub(crate) fn file(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> AuditError {
        let path = path.to_owned();
        move |source| AuditError::File { what, path, source }
    }
}
