//! The desk: where the way of a request and the writer thread meet. One short mutex; nothing under it touches the disk.
//!
//! Room is counted in records, in bytes of the journal, and in cells of attempts under way. [`decide::Outlet::reserve`] takes
//! one record, the bytes of the longest frame and a cell; [`decide::Slot::put`] gives back the cell and what it did not need; a
//! commit gives back the rest.
//!
//! `sent` makes no system call. `put` makes none unless the writer sleeps, which it does only when nothing came for a while, or a
//! whole group waits.
//! Never here: SQLite.

mod memory;
mod outlet;
mod recent;
mod work;

pub use memory::Memory;
pub(crate) use outlet::DeskOutlet;

use crate::item::Item;
use crate::journal::frame::{self, Sealed};
use crate::journal::{Journal, Placed};
use crate::layout;
use crate::lock::Lock;
use crate::options::{Options, WhenFailing};
use crate::point::point;
use crate::sent::Sent;
use crate::state::{Condition, State};
use decide::{Committed, OutletFull, Record};
use recent::Recent;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What is in the journal and not yet in SQLite.
pub(crate) struct Entry {
    pub(crate) item: Item,
    /// The checksum of its bytes.
    pub(crate) sum: u32,
    pub(crate) placed: Option<Placed>,
    committed: Option<Committed>,
}

/// Shared by the outlet, its slots and the writer.
pub(crate) struct Desk {
    inner: Mutex<Inner>,
    /// Wakes the writer.
    work: Condvar,
    /// Wakes those who wait for commits.
    done: Condvar,
    room: usize,
    group: usize,
    when_failing: WhenFailing,
    /// The newest records that are in SQLite; written by the writer thread only.
    recent: Mutex<Recent>,
}

struct Inner {
    journal: Journal,
    sent: Sent,
    /// Held until nobody can write to the journal any more.
    lock: Option<Lock>,
    queue: Vec<Entry>,
    /// Room promised.
    slots: usize,
    /// Of these, attempts that were sent.
    under_way: usize,
    /// Records in the journal and not in SQLite, and their bytes.
    pending: usize,
    pending_bytes: usize,
    /// Lessons in the journal and not in SQLite.
    lessons_pending: usize,
    lessons_bytes: usize,
    /// Counts since the start.
    put: u64,
    left: u64,
    committed: u64,
    repeated: u64,
    lessons: u64,
    lessons_dropped: u64,
    refused: u64,
    abandoned: u64,
    synced: u64,
    failing: Option<String>,
    writer: Writer,
    /// No waiting for a group to fill: somebody flushes.
    hurry: bool,
    waiters: usize,
}

/// Where the writer thread is.
#[derive(PartialEq, Eq, Clone, Copy)]
enum Writer {
    Awake,
    /// Waits for a wake, and looks for itself once a second.
    Asleep,
    /// Told to commit the rest until then and end.
    Ending(Instant),
    Gone,
}

/// What the writer is to do.
pub(crate) enum Work {
    /// Commit these.
    Commit(Vec<Entry>),
    /// Wait until the cells of attempts under way are on the disk.
    Sync,
    /// End.
    End,
}

impl Desk {
    pub(crate) fn new(journal: Journal, sent: Sent, lock: Lock, options: &Options) -> Desk {
        let (room, group) = (options.room.max(1), options.group.max(1));
        let inner = Inner {
            journal,
            sent,
            under_way: 0,
            abandoned: 0,
            synced: 0,
            lock: Some(lock),
            queue: Vec::new(),
            slots: 0,
            pending: 0,
            pending_bytes: 0,
            put: 0,
            left: 0,
            committed: 0,
            repeated: 0,
            lessons_pending: 0,
            lessons_bytes: 0,
            lessons: 0,
            lessons_dropped: 0,
            refused: 0,
            failing: None,
            writer: Writer::Awake,
            hurry: false,
            waiters: 0,
        };
        Desk {
            inner: Mutex::new(inner),
            work: Condvar::new(),
            done: Condvar::new(),
            room,
            group,
            when_failing: options.when_failing,
            recent: Mutex::default(),
        }
    }

    /// A panic elsewhere (there is none by design) must not make every later request fail.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Room for one record, and a cell for its attempt.
    fn reserve(&self, paid: bool) -> Result<u32, OutletFull> {
        let mut inner = self.inner();
        let open = inner.is_open();
        let trusted = inner.failing.is_none() || (!paid && self.when_failing == WhenFailing::FreeGoesOn);
        let records = inner.slots + inner.pending < self.room;
        let bytes = (inner.slots + 1) * frame::MAX + inner.pending_bytes <= inner.journal.usable();
        let cell = if open && trusted && records && bytes { inner.sent.take() } else { None };
        match cell {
            Some(_) => inner.slots += 1,
            None => inner.refused += 1,
        }
        cell.ok_or(OutletFull)
    }

    /// The attempt of this cell is about to be sent.
    fn sent(&self, cell: u32, estimate: &Record) {
        let sealed = Sealed::new(layout::encode_estimate(estimate));
        let mut inner = self.inner();
        point();
        inner.sent.write(cell, &sealed);
        point();
        inner.under_way += 1;
    }

    /// What was written for the attempt of this cell.
    fn estimate(&self, cell: u32) -> Option<Record> {
        let bytes = self.inner().sent.read(cell)?;
        layout::decode_estimate(&bytes).ok()
    }

    fn put(&self, cell: u32, sent: bool, mut record: Record, committed: Option<Committed>) {
        layout::clip(&mut record);
        let sealed = Sealed::new(layout::encode(&record));
        let sum = sealed.sum();
        let mut inner = self.inner();
        inner.slots -= 1;
        inner.under_way -= usize::from(sent);
        point();
        let placed = inner.journal.append(&sealed);
        point();
        match placed {
            // The order matters: a crash between the two finds both, and the settled one counts.
            Some(_) if sent => inner.sent.end(cell),
            None if sent => {}
            _ => inner.sent.give_back(cell),
        }
        point();
        inner.pending += 1;
        inner.pending_bytes += placed.map_or(0, |p| p.bytes);
        inner.put += 1;
        inner.queue.push(Entry { item: Item::Record(record), sum, placed, committed });
        let full = inner.queue.len() == self.group;
        let wake = inner.wake() || full;
        let lock = inner.spare_lock();
        drop(inner);
        drop(lock);
        if wake {
            self.work.notify_one();
        }
        if placed.is_none() {
            tracing::error!("the ledger's journal had no room for a promised record; it is kept in memory only");
        }
    }

    pub(crate) fn state(&self) -> State {
        let inner = self.inner();
        State {
            condition: inner.failing.clone().map_or(Condition::Writing, Condition::Failing),
            pending: inner.pending,
            reserved: inner.slots,
            under_way: inner.under_way,
            synced: inner.synced,
            abandoned: inner.abandoned,
            committed: inner.committed,
            repeated: inner.repeated,
            lessons: inner.lessons,
            lessons_pending: inner.lessons_pending,
            lessons_dropped: inner.lessons_dropped,
            refused: inner.refused,
        }
    }

    /// Nothing was sent in this room.
    fn give_back(&self, cell: u32) {
        let mut inner = self.inner();
        inner.slots -= 1;
        inner.sent.give_back(cell);
        let lock = inner.spare_lock();
        drop(inner);
        drop(lock);
    }

    /// Counts an attempt that nobody settled.
    fn abandoned(&self) {
        self.inner().abandoned += 1;
    }
}

impl Inner {
    /// Whether the writer takes more.
    fn is_open(&self) -> bool {
        matches!(self.writer, Writer::Awake | Writer::Asleep)
    }

    /// Whether the writer sleeps and is to be woken; from now on it counts as awake.
    fn wake(&mut self) -> bool {
        let asleep = self.writer == Writer::Asleep;
        if asleep {
            self.writer = Writer::Awake;
        }
        asleep
    }

    /// The folder's lock, when nobody is left who could write to the journal.
    fn spare_lock(&mut self) -> Option<Lock> {
        if self.writer == Writer::Gone && self.slots == 0 { self.lock.take() } else { None }
    }
}
