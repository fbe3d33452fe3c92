//! The trail of a running server: opened, told, watched, closed.
//!
//! Never here: what happens to a decision on its way (`desk`, `writer`, `sync`).

use crate::desk::Desk;
use crate::head::public;
use crate::lock::{self, Lock};
use crate::options::Options;
use crate::sync::{Heads, Marks};
use crate::writer::{self, Names, Open, Writer};
use crate::{AuditError, hex, key, recover, sync};
use decide::Witness;
use std::io::{Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a server that is just ending may still hold the folder.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// An open trail. One process at a time writes a folder.
pub struct Trail {
    desk: Arc<Desk>,
    marks: Arc<Marks>,
    patience: Duration,
    writer: Option<JoinHandle<usize>>,
    sync: Option<JoinHandle<()>>,
    _lock: Lock,
}

/// How a trail is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Records on the disk, since the beginning of the trail.
    pub synced: u64,
    /// The last record that a head has signed.
    pub signed: u64,
    /// Told and not yet written.
    pub pending: usize,
    /// Decisions whose end is still to come.
    pub open: usize,
    /// Decisions that are not in the trail, since the start.
    pub lost: u64,
    /// Requests refused since they could not be recorded, since the start.
    pub refused: u64,
    /// Why nothing reaches the disk; `None` while it does.
    pub failing: Option<String>,
}

/// Looks at a trail.
#[derive(Clone)]
pub struct Watch {
    desk: Arc<Desk>,
    marks: Arc<Marks>,
}

impl Watch {
    /// How it is doing.
    pub fn state(&self) -> State {
        let counts = self.desk.counts();
        State {
            synced: self.marks.synced.load(Ordering::Acquire),
            signed: self.marks.signed.load(Ordering::Acquire),
            pending: counts.pending,
            open: counts.open,
            lost: counts.lost,
            refused: counts.refused,
            failing: counts.failing,
        }
    }
}

impl Trail {
    /// Opens the trail in `dir`, which is made where there is none; `program` is the name and version that it writes.
    ///
    /// # Errors
    /// The folder cannot be used, another process has it, or what is there is damaged.
    pub fn open(dir: &Path, options: Options, program: &str) -> Result<Trail, AuditError> {
        key::folder(dir)?;
        let lock = lock::take(dir, LOCK_PATIENCE)?;
        let own = dir.join(key::KEY);
        let pair = key::signing(options.key_file.as_deref().unwrap_or(&own), options.key_file.is_none())?;
        let prompt_key_id = key::prompt_key_id(&key::prompt_key(dir)?);
        let found = recover::recover(dir)?;
        let names = Names { program: program.to_owned(), key: hex::show(&public(&pair)), prompt_key_id };
        let to = match found.segment {
            Some((segment, bytes, began_unix_ms)) => {
                let fault = AuditError::file("open", &segment.path);
                let file = sync::open(&segment.path, false).and_then(|mut file| {
                    file.seek(SeekFrom::Start(bytes))?;
                    Ok(file)
                });
                Open { file: file.map_err(fault)?, segment, bytes, began_unix_ms }
            }
            None => {
                let first = found.missing.map_or(found.end.seq, |(_, head)| head.seq) + 1;
                writer::create(dir, first)?
            }
        };
        let heads = Heads::open(dir, pair, found.heads, found.heads_bytes)?;
        let (marks, patience) = (Arc::new(Marks::default()), options.patience);
        marks.signed.store(found.signed, Ordering::Release);
        let desk = Arc::new(Desk::new(&options));
        let thread = |e| AuditError::File { what: "start a thread for", path: dir.to_owned(), source: e };
        let (jobs, sync) = sync::start(desk.clone(), heads, marks.clone()).map_err(thread)?;
        let mut writer = Writer::new(desk.clone(), dir.to_owned(), options, names, marks.clone(), jobs, found.end, to);
        writer.begin(found.torn, found.missing)?;
        // Nothing is served before the first records are on the disk; a failure says why here, and not in the first request.
        if !writer.sync_first() {
            let why = desk.counts().failing.unwrap_or_default();
            return Err(AuditError::Undrained { pending: 1, why });
        }
        let writer = std::thread::Builder::new().name("audit-writer".to_owned()).spawn(move || {
            let desk = writer.desk.clone();
            let end = Farewell(desk);
            let left = writer.run();
            drop(end);
            left
        });
        Ok(Trail { desk, marks, patience, writer: Some(writer.map_err(thread)?), sync: Some(sync), _lock: lock })
    }

    /// Where decisions are told.
    pub fn witness(&self) -> Arc<dyn Witness> {
        self.desk.clone()
    }

    /// For looking at it.
    pub fn watch(&self) -> Watch {
        Watch { desk: self.desk.clone(), marks: self.marks.clone() }
    }

    /// Writes the rest, signs the end, and gives the folder back.
    ///
    /// # Errors
    /// [`AuditError::Undrained`].
    pub fn close(mut self) -> Result<(), AuditError> {
        match self.end() {
            0 => Ok(()),
            pending => Err(AuditError::Undrained { pending, why: self.desk.counts().failing.unwrap_or_default() }),
        }
    }

    fn end(&mut self) -> usize {
        self.desk.end(Instant::now() + self.patience);
        let left = self.writer.take().map_or(0, |thread| thread.join().unwrap_or(1));
        if let Some(sync) = self.sync.take() {
            let _ = sync.join();
        }
        left
    }
}

impl Drop for Trail {
    fn drop(&mut self) {
        if self.writer.is_some() {
            let _ = self.end();
        }
    }
}

/// Says that the thread is gone on every way out of it, a panic included.
struct Farewell(Arc<Desk>);

impl Drop for Farewell {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = self.0.gone(0);
        }
    }
}
