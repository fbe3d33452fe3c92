//! After a crash: what the journal holds above its mark goes into SQLite, then what the cells hold, then both are empty.
//!
//! Idempotent: a crash in the middle replays again, and the attempt id keeps a record from being doubled. The journal comes
//! first: an attempt that has a record and still a cell is settled, not unknown.

use crate::LedgerError;
use crate::item::Item;
use crate::journal::Journal;
use crate::layout;
use crate::mapped::{self, Opened};
use crate::sent::Sent;
use crate::store::{Kept, Sink};
use std::path::{Path, PathBuf};

/// What opening found in the journal and in the cells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovery {
    /// Records that were only in the journal and are in SQLite now.
    pub replayed: u64,
    /// Records that were in the journal and in SQLite.
    pub known: u64,
    /// Lessons that were in the journal and are in SQLite now.
    pub lessons: u64,
    /// Attempts that were sent and have no end: they are in SQLite now as `unknown`, at their estimate.
    pub unknown: u64,
    /// Records and attempts that were written and can no longer be read (damaged on disk, or overwritten while the database
    /// lost them). 0 after any crash of the process.
    pub missing: u64,
    /// Records that the database had said were on the disk and does not hold: it was cut short, or an older copy was put in its
    /// place. What the journal still held of them is in `replayed`, the others are in `missing`.
    pub behind: u64,
    /// Files whose header could not be read, under their new names.
    pub set_aside: Vec<PathBuf>,
}

/// The journal of the ledger in `dir`.
pub(crate) fn path(dir: &Path) -> PathBuf {
    dir.join("journal")
}

/// The file of attempts under way of the ledger in `dir`.
pub(crate) fn sent_path(dir: &Path) -> PathBuf {
    dir.join("sent")
}

/// The files after a replay: empty, or absent.
pub(crate) struct Replayed {
    pub(crate) journal: Option<Journal>,
    pub(crate) sent: Option<Sent>,
    pub(crate) recovery: Recovery,
}

/// Replays what lies in `dir`.
pub(crate) fn replay(dir: &Path, sink: &mut dyn Sink, group: usize) -> Result<Replayed, LedgerError> {
    let mut recovery = Recovery::default();
    let journal = whole(Journal::open(&path(dir))?, &path(dir), &mut recovery)?;
    let journal = journal.map(|journal| frames(journal, sink, group.max(1), &mut recovery)).transpose()?;
    let sent = whole(Sent::open(&sent_path(dir))?, &sent_path(dir), &mut recovery)?;
    let sent = sent.map(|sent| cells(sent, sink, group.max(1), &mut recovery)).transpose()?;
    if recovery.missing > 0 {
        sink.lost(recovery.missing)?;
    }
    say(&recovery);
    Ok(Replayed { journal, sent, recovery })
}

fn whole<T>(opened: Opened<T>, path: &Path, recovery: &mut Recovery) -> Result<Option<T>, LedgerError> {
    match opened {
        Opened::Whole(file) => Ok(Some(file)),
        Opened::Absent => Ok(None),
        Opened::Damaged => {
            recovery.set_aside.push(mapped::set_aside(path)?);
            Ok(None)
        }
    }
}

fn frames(
    mut journal: Journal,
    sink: &mut dyn Sink,
    group: usize,
    recovery: &mut Recovery,
) -> Result<Journal, LedgerError> {
    let stored = sink.mark()?;
    let left = journal.left(stored);
    (recovery.missing, recovery.behind) = (left.missing, left.behind);
    for payloads in left.payloads.chunks(group) {
        let items = payloads.iter().map(|p| Item::decode(p)).collect::<Result<Vec<Item>, _>>()?;
        let fresh = sink.commit(&kept(&items), None)?;
        let records = items.iter().filter(|item| item.is_record()).count();
        recovery.replayed += fresh as u64;
        recovery.known += (records - fresh) as u64;
        recovery.lessons += (items.len() - records) as u64;
    }
    let next_seq = left.next_seq();
    let upto = journal.mark_of(next_seq - 1);
    if stored != upto {
        sink.commit(&[], Some(upto))?;
    }
    journal.restart(next_seq);
    Ok(journal)
}

fn cells(mut sent: Sent, sink: &mut dyn Sink, group: usize, recovery: &mut Recovery) -> Result<Sent, LedgerError> {
    let left = sent.left();
    recovery.missing += left.damaged;
    for payloads in left.payloads.chunks(group) {
        let read = |payload: &&[u8]| layout::decode_estimate(payload).map(Item::Record);
        let items = payloads.iter().map(read).collect::<Result<Vec<Item>, _>>()?;
        recovery.unknown += sink.commit(&kept(&items), None)? as u64;
    }
    sent.restart();
    Ok(sent)
}

/// With the checksums of their bytes in the layout of today.
fn kept(items: &[Item]) -> Vec<Kept<'_>> {
    items.iter().map(|item| item.kept(item.sum())).collect()
}

fn say(recovery: &Recovery) {
    for aside in &recovery.set_aside {
        tracing::error!(kept = %aside.display(), "a file of the ledger cannot be read; records of the last crash may be missing");
    }
    if recovery.behind > 0 {
        tracing::error!(
            records = recovery.behind,
            missing = recovery.missing,
            "the ledger's database has lost records that were on the disk: it was cut short, or an older copy was put in its place"
        );
    } else if recovery.missing > 0 {
        tracing::error!(missing = recovery.missing, "records in the ledger's journal are damaged and cannot be read");
    }
    if recovery.replayed > 0 {
        tracing::info!(records = recovery.replayed, "replayed from the ledger's journal");
    }
    if recovery.lessons > 0 {
        tracing::info!(lessons = recovery.lessons, "replayed from the ledger's journal");
    }
    if recovery.unknown > 0 {
        tracing::warn!(
            attempts = recovery.unknown,
            "were under way when the server ended; they are in the ledger as unknown, at their estimate"
        );
    }
}
