//! Opening, watching and closing a ledger.

use crate::desk::{Desk, DeskOutlet, Memory};
use crate::journal::Journal;
use crate::lessons::Past;
use crate::mapped;
use crate::options::Options;
use crate::replay::Replayed;
use crate::sent::{self, Sent};
use crate::state::{Condition, State};
use crate::store::{Sink, Store};
use crate::writer::Cells;
use crate::{LedgerError, Recovery, lock, replay, writer};
use decide::Outlet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long the pages of the database are looked over before serving.
const CHECK: Duration = Duration::from_millis(250);

/// An open ledger. One process at a time writes to a folder.
pub struct Ledger {
    desk: Arc<Desk>,
    dir: PathBuf,
    writer: Option<JoinHandle<()>>,
    recovery: Recovery,
    patience: Duration,
}

/// Looks at a ledger from elsewhere (metrics, `/readyz`).
#[derive(Clone)]
pub struct Watch(Arc<Desk>);

impl Watch {
    /// What the ledger is doing.
    pub fn state(&self) -> State {
        self.0.state()
    }
}

impl Ledger {
    /// Opens the ledger in `dir` (made if absent, for its owner only), replays what a crash left, and starts the writer. Reads and
    /// writes files and may wait a second for the lock: call it before serving, not on a thread of the runtime.
    ///
    /// # Errors
    /// [`LedgerError::Held`] when another process writes there, [`LedgerError::Damaged`]; otherwise what the disk or SQLite refused. Nothing is lost by a
    /// failed open.
    pub fn open(dir: &Path, options: Options) -> Result<Ledger, LedgerError> {
        make_dir(dir)?;
        let lock = lock::take(dir, Duration::from_secs(1))?;
        let mut store = Store::open(dir)?;
        store.check(CHECK)?;
        Ledger::over(dir, options, lock, Box::new(store))
    }

    pub(crate) fn over(
        dir: &Path,
        options: Options,
        lock: lock::Lock,
        mut sink: Box<dyn Sink>,
    ) -> Result<Ledger, LedgerError> {
        let Replayed { journal, sent, recovery } = replay::replay(dir, sink.as_mut(), options.group)?;
        let bytes = options.journal_bytes.clamp(*mapped::BYTES.start(), *mapped::BYTES.end()).next_multiple_of(4096);
        // Their entries are in SQLite, so a file of another size takes the place of each.
        let journal = match journal {
            Some(journal) if journal.bytes() == bytes => journal,
            _ => Journal::create(&replay::path(dir), bytes)?,
        };
        let bytes = sent::bytes_for(options.under_way);
        let sent = match sent {
            Some(sent) if sent.bytes() == bytes => sent,
            _ => Sent::create(&replay::sent_path(dir), bytes)?,
        };
        let path = replay::sent_path(dir);
        let cells = Cells { file: sent.handle().map_err(LedgerError::file("open", &path))?, path };
        let desk = Arc::new(Desk::new(journal, sent, lock, &options));
        let writer = writer::start(Arc::clone(&desk), sink, cells, &options);
        let writer = writer.map_err(LedgerError::file("start the writer thread of", dir))?;
        Ok(Ledger { desk, dir: dir.to_owned(), writer: Some(writer), recovery, patience: options.patience })
    }

    /// Where the data plane hands over records.
    pub fn outlet(&self) -> Arc<dyn Outlet> {
        Arc::new(DeskOutlet(Arc::clone(&self.desk)))
    }

    /// Where lessons are handed over, and who knows who answered a request.
    pub fn memory(&self) -> Arc<Memory> {
        Arc::new(Memory::new(Arc::clone(&self.desk), self.dir.clone()))
    }

    /// The lessons as they are now, to be read later and elsewhere: what is taken from here on is not in them.
    ///
    /// # Errors
    /// SQLite refused.
    pub fn past(&self) -> Result<Past, LedgerError> {
        Past::open(&self.dir)
    }

    /// What the ledger is doing.
    pub fn state(&self) -> State {
        self.desk.state()
    }

    /// The same for somebody who does not own the ledger.
    pub fn watch(&self) -> Watch {
        Watch(Arc::clone(&self.desk))
    }

    /// What opening found in the journal.
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// Waits until every record put so far is in SQLite; `false` when that took longer than `timeout`.
    pub fn flush(&self, timeout: Duration) -> bool {
        self.desk.flush(timeout)
    }

    /// Refuses new reservations, commits what was put and stops the writer. A slot that is still out may be put later: its record
    /// stays in the journal until the next open.
    ///
    /// # Errors
    /// [`LedgerError::Undrained`] when the store kept failing for [`Options::patience`].
    pub fn close(mut self) -> Result<(), LedgerError> {
        self.stop();
        let state = self.desk.state();
        match (state.pending, state.condition) {
            (0, _) => Ok(()),
            (pending, Condition::Failing(why)) => Err(LedgerError::Undrained { pending, why }),
            (pending, Condition::Writing) => {
                Err(LedgerError::Undrained { pending, why: "put after closing".to_owned() })
            }
        }
    }

    fn stop(&mut self) {
        if let Some(writer) = self.writer.take() {
            self.desk.end(Instant::now() + self.patience);
            // A panic of the thread has been written into the state.
            let _ = writer.join();
        }
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The ledger says who asked for what and when: a folder that we make is its owner's alone.
fn make_dir(dir: &Path) -> Result<(), LedgerError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(LedgerError::file("create", dir))
}
