//! After a crash: what the journal holds above its mark goes into SQLite, then the journal is empty.
//!
//! Idempotent: a crash in the middle replays again, and the attempt id keeps a record from being doubled.

use crate::LedgerError;
use crate::journal::{self, Journal, Opened};
use crate::layout;
use crate::store::Sink;
use decide::Record;
use std::path::{Path, PathBuf};

/// What opening found in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovery {
    /// Records that were only in the journal and are in SQLite now.
    pub replayed: u64,
    /// Records that were in the journal and in SQLite.
    pub known: u64,
    /// Records that were put into the journal and can no longer be read (damaged on disk). 0 after any crash of the process.
    pub missing: u64,
    /// A journal whose header could not be read, under its new name.
    pub set_aside: Option<PathBuf>,
}

/// The journal of the ledger in `dir`.
pub(crate) fn path(dir: &Path) -> PathBuf {
    dir.join("journal")
}

/// Replays the journal at `path`, if there is one, and gives it back empty.
pub(crate) fn replay(
    path: &Path,
    sink: &mut dyn Sink,
    group: usize,
) -> Result<(Option<Journal>, Recovery), LedgerError> {
    match Journal::open(path)? {
        Opened::Absent => Ok((None, Recovery::default())),
        Opened::Damaged => {
            let aside = journal::set_aside(path)?;
            tracing::error!(kept = %aside.display(), "the ledger's journal cannot be read; records of the last crash may be missing");
            Ok((None, Recovery { set_aside: Some(aside), ..Recovery::default() }))
        }
        Opened::Whole(mut journal) => {
            let left = journal.left();
            let mut recovery = Recovery { missing: left.missing, ..Recovery::default() };
            for payloads in left.payloads.chunks(group.max(1)) {
                let records = payloads.iter().map(|p| layout::decode(p)).collect::<Result<Vec<Record>, _>>()?;
                let fresh = sink.commit(&records.iter().collect::<Vec<_>>())?;
                recovery.replayed += fresh as u64;
                recovery.known += (records.len() - fresh) as u64;
            }
            let next_seq = left.next_seq();
            journal.restart(next_seq);
            say(&recovery);
            Ok((Some(journal), recovery))
        }
    }
}

fn say(recovery: &Recovery) {
    if recovery.missing > 0 {
        tracing::error!(missing = recovery.missing, "records in the ledger's journal are damaged and cannot be read");
    }
    if recovery.replayed > 0 {
        tracing::info!(records = recovery.replayed, "replayed from the ledger's journal");
    }
}
