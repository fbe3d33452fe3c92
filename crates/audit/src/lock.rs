//! One writer per folder: an advisory lock on the file `lock`, which holds the writer's process id for the error message.
//!
//! The kernel gives the lock back when the process ends, however it ends; a leftover file means nothing.

use crate::AuditError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// The held lock; dropped, it is free.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

/// How often a waiting writer looks.
const LOOK: Duration = Duration::from_millis(20);

/// Takes the lock, waiting up to `patience` (another server may be just ending).
///
/// # Errors
/// [`AuditError::Held`] when another writer keeps it.
pub(crate) fn take(dir: &Path, patience: Duration) -> Result<Lock, AuditError> {
    let path = dir.join("lock");
    let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
    let mut file = options.map_err(AuditError::file("open", &path))?;
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if start.elapsed() < patience => std::thread::park_timeout(LOOK),
            Err(TryLockError::WouldBlock) => {
                return Err(AuditError::Held { dir: dir.to_owned(), pid: holder(&mut file) });
            }
            Err(TryLockError::Error(e)) => return Err(AuditError::file("lock", &path)(e)),
        }
    }
    // Only for people: a failure here (a full disk) does not make the lock less held.
    let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
    Ok(Lock { file })
}

impl Drop for Lock {
    /// Closing would do, but for a child process that is just being made: it has a copy of the handle until it is another program.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

/// The process that holds the lock; `None` where nobody does. Takes it for an instant at most, and shared.
pub(crate) fn holder_of(dir: &Path) -> Option<u32> {
    let mut file = File::open(dir.join("lock")).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Some(holder(&mut file).unwrap_or(0)),
        _ => None,
    }
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn held_names_the_process_and_free_again_after_drop() {
        let dir = tempfile::tempdir().unwrap();
        let first = take(dir.path(), Duration::ZERO).unwrap();
        let error = take(dir.path(), Duration::from_millis(30)).unwrap_err();
        assert!(matches!(error, AuditError::Held { pid, .. } if pid == Some(std::process::id())), "{error}");
        assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
        drop(first);
        take(dir.path(), Duration::ZERO).unwrap();
    }
}
