//! The sync thread: brings segments to the disk, and signs heads of what is there. So a write never waits for a disk's cache, and
//! no head is ever ahead of the records that it speaks of.
//!
//! Never here: records.

use crate::desk::{Desk, Part};
use crate::folder::HEADS;
use crate::frame::End;
use crate::head::Head;
use crate::{AuditError, time};
use ring::signature::Ed25519KeyPair;
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// One round of syncing.
pub(crate) struct Job {
    pub(crate) file: Arc<File>,
    pub(crate) path: PathBuf,
    /// What is in the file up to now.
    pub(crate) end: End,
    /// Whether to sign a head of it.
    pub(crate) sign: bool,
    /// Tells when it is done, and whether it succeeded.
    pub(crate) done: Option<SyncSender<bool>>,
}

/// How far things are.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    /// The last record on the disk.
    pub(crate) synced: AtomicU64,
    /// The last record that a head has signed.
    pub(crate) signed: AtomicU64,
}

/// The file of heads.
pub(crate) struct Heads {
    file: File,
    path: PathBuf,
    pair: Ed25519KeyPair,
    /// Heads so far, and bytes of them.
    n: u64,
    bytes: u64,
}

impl Heads {
    /// Opens the file for appending after `n` heads of `bytes` bytes.
    pub(crate) fn open(dir: &Path, pair: Ed25519KeyPair, n: u64, bytes: u64) -> Result<Heads, AuditError> {
        let path = dir.join(HEADS);
        let file = open(&path, false).map_err(AuditError::file("open", &path))?;
        Ok(Heads { file, path, pair, n, bytes })
    }

    /// Signs `end`, and brings the head to the disk.
    pub(crate) fn sign(&mut self, end: End) -> Result<(), AuditError> {
        let head = Head::sign(&self.pair, self.n + 1, end, time::now());
        let line = head.line + "\n";
        let written = self
            .file
            // What a failure left of a line is overwritten.
            .set_len(self.bytes)
            .and_then(|()| self.file.seek(SeekFrom::Start(self.bytes)))
            .and_then(|_| self.file.write_all(line.as_bytes()))
            .and_then(|()| self.file.sync_data());
        written.map_err(AuditError::file("write", &self.path))?;
        self.n += 1;
        self.bytes += line.len() as u64;
        Ok(())
    }
}

/// A file of the trail, for its owner only; `new` where there must not be one yet.
pub(crate) fn open(path: &Path, new: bool) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).create_new(new).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Starts the thread; it ends when the sender is dropped.
pub(crate) fn start(
    desk: Arc<Desk>,
    mut heads: Heads,
    marks: Arc<Marks>,
) -> std::io::Result<(SyncSender<Job>, JoinHandle<()>)> {
    let (sender, jobs): (_, Receiver<Job>) = sync_channel(1);
    let thread = std::thread::Builder::new().name("audit-sync".to_owned()).spawn(move || {
        for job in jobs {
            let done = round(&job, &mut heads, &marks);
            match &done {
                // The next round tries again.
                Err(error) => desk.trouble_is(&error.to_string()),
                Ok(()) => desk.well(Part::Sync),
            }
            if let Some(tell) = job.done {
                let _ = tell.send(done.is_ok());
            }
        }
    })?;
    Ok((sender, thread))
}

fn round(job: &Job, heads: &mut Heads, marks: &Marks) -> Result<(), AuditError> {
    job.file.sync_data().map_err(AuditError::file("sync", &job.path))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let there = job.file.metadata().map(|m| m.nlink() > 0).map_err(AuditError::file("look at", &job.path))?;
        if !there {
            let gone = std::io::Error::other("it was deleted while the server had it open; restart the server");
            return Err(AuditError::file("write", &job.path)(gone));
        }
    }
    marks.synced.store(job.end.seq, Ordering::Release);
    if job.sign && job.end.seq > marks.signed.load(Ordering::Acquire) {
        heads.sign(job.end)?;
        marks.signed.store(job.end.seq, Ordering::Release);
    }
    Ok(())
}
