//! The desk: where the way of a request and the writer thread meet. One short mutex; nothing under it touches the disk.
//!
//! Room is counted in records and in bytes of the journal. [`decide::Outlet::reserve`] takes one record and the bytes of the
//! longest frame; [`decide::Slot::put`] gives back what it did not need; a commit gives back the rest.
//!
//! `put` makes no system call unless the writer sleeps, which it does only when nothing came for a while, or a whole group waits.
//! Never here: SQLite.

use crate::journal::frame::{self, Sealed};
use crate::journal::{Journal, Placed};
use crate::layout;
use crate::lock::Lock;
use crate::state::{Condition, State};
use decide::{Outlet, OutletFull, Record, Slot};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A record that is in the journal and not yet in SQLite.
pub(crate) struct Entry {
    pub(crate) record: Record,
    pub(crate) placed: Option<Placed>,
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
}

struct Inner {
    journal: Journal,
    /// Held until nobody can write to the journal any more.
    lock: Option<Lock>,
    queue: Vec<Entry>,
    /// Room promised.
    slots: usize,
    /// Records in the journal and not in SQLite, and their bytes.
    pending: usize,
    pending_bytes: usize,
    /// Counts since the start.
    put: u64,
    left: u64,
    committed: u64,
    repeated: u64,
    refused: u64,
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
    /// Waits for a wake without a time limit.
    Asleep,
    /// Told to commit the rest until then and end.
    Ending(Instant),
    Gone,
}

/// What the writer is to do.
pub(crate) enum Work {
    /// Commit these.
    Commit(Vec<Entry>),
    /// End.
    End,
}

impl Desk {
    pub(crate) fn new(journal: Journal, lock: Lock, room: usize, group: usize) -> Desk {
        let inner = Inner {
            journal,
            lock: Some(lock),
            queue: Vec::new(),
            slots: 0,
            pending: 0,
            pending_bytes: 0,
            put: 0,
            left: 0,
            committed: 0,
            repeated: 0,
            refused: 0,
            failing: None,
            writer: Writer::Awake,
            hurry: false,
            waiters: 0,
        };
        Desk { inner: Mutex::new(inner), work: Condvar::new(), done: Condvar::new(), room, group }
    }

    /// A panic elsewhere (there is none by design) must not make every later request fail.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, mut record: Record) {
        layout::clip(&mut record);
        let sealed = Sealed::new(layout::encode(&record));
        let mut inner = self.inner();
        inner.slots -= 1;
        let placed = inner.journal.append(&sealed);
        inner.pending += 1;
        inner.pending_bytes += placed.map_or(0, |p| p.bytes);
        inner.put += 1;
        inner.queue.push(Entry { record, placed });
        let wake = inner.writer == Writer::Asleep || inner.queue.len() == self.group;
        if wake && inner.writer == Writer::Asleep {
            inner.writer = Writer::Awake;
        }
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

    /// Waits for something to commit: a full group, or whatever came within `linger`.
    pub(crate) fn next(&self, linger: Duration) -> Work {
        /// So often the writer looks by itself before it sleeps; while it looks, a put need not wake it.
        const LOOKS: u32 = 16;
        let (mut inner, mut looks) = (self.inner(), 0);
        loop {
            let ending = matches!(inner.writer, Writer::Ending(_));
            let due = inner.hurry || ending || looks > 0 || inner.queue.len() >= self.group;
            if !inner.queue.is_empty() && due {
                return Work::Commit(std::mem::take(&mut inner.queue));
            }
            if ending {
                return Work::End;
            }
            inner.hurry = false;
            if inner.queue.is_empty() && looks >= LOOKS {
                inner.writer = Writer::Asleep;
                inner = self.work.wait(inner).unwrap_or_else(PoisonError::into_inner);
                if inner.writer == Writer::Asleep {
                    inner.writer = Writer::Awake;
                }
                looks = 0;
            } else {
                inner = self.work.wait_timeout(inner, linger).unwrap_or_else(PoisonError::into_inner).0;
                looks += 1;
            }
        }
    }

    /// These, the oldest, are in SQLite; `fresh` of them were new to it.
    pub(crate) fn committed(&self, entries: &[Entry], fresh: usize) {
        let mut inner = self.inner();
        let frames = entries.iter().filter(|e| e.placed.is_some()).count();
        if let Some(newest) = entries.iter().rev().find_map(|e| e.placed) {
            inner.journal.release(frames, newest);
        }
        inner.pending -= entries.len();
        inner.pending_bytes -= entries.iter().filter_map(|e| e.placed).map(|p| p.bytes).sum::<usize>();
        inner.left += entries.len() as u64;
        inner.committed += fresh as u64;
        inner.repeated += (entries.len() - fresh) as u64;
        if inner.failing.take().is_some() {
            tracing::info!("the ledger writes again");
        }
        if inner.waiters > 0 {
            self.done.notify_all();
        }
    }

    /// The store failed. Waits for `pause`; `false` when the writer is to end and its time is up.
    pub(crate) fn failed(&self, why: String, pause: Duration) -> bool {
        let mut inner = self.inner();
        if inner.failing.is_none() {
            tracing::error!(%why, "the ledger does not write; records are kept in its journal");
        }
        inner.failing = Some(why);
        let pause = match inner.writer {
            Writer::Ending(until) => pause.min(until.saturating_duration_since(Instant::now())),
            _ => pause,
        };
        if !pause.is_zero() {
            inner = self.work.wait_timeout(inner, pause).unwrap_or_else(PoisonError::into_inner).0;
        }
        !matches!(inner.writer, Writer::Ending(until) if until <= Instant::now())
    }

    /// No more reservations; the writer commits the rest, trying until `until`.
    pub(crate) fn end(&self, until: Instant) {
        let mut inner = self.inner();
        if inner.writer != Writer::Gone {
            inner.writer = Writer::Ending(until);
        }
        drop(inner);
        self.work.notify_all();
    }

    /// The writer thread has ended, in order or not.
    pub(crate) fn writer_gone(&self, why: Option<String>) {
        let mut inner = self.inner();
        inner.writer = Writer::Gone;
        if why.is_some() {
            inner.failing = why;
        }
        let lock = inner.spare_lock();
        self.done.notify_all();
        drop(inner);
        drop(lock);
    }

    /// Waits until everything put before this call is in SQLite.
    pub(crate) fn flush(&self, timeout: Duration) -> bool {
        let until = Instant::now() + timeout;
        let mut inner = self.inner();
        let target = inner.put;
        inner.waiters += 1;
        inner.hurry = true;
        if inner.writer == Writer::Asleep {
            inner.writer = Writer::Awake;
        }
        self.work.notify_one();
        while inner.left < target && inner.writer != Writer::Gone {
            let rest = until.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                break;
            }
            inner = self.done.wait_timeout(inner, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
        inner.waiters -= 1;
        inner.left >= target
    }

    pub(crate) fn state(&self) -> State {
        let inner = self.inner();
        State {
            condition: inner.failing.clone().map_or(Condition::Writing, Condition::Failing),
            pending: inner.pending,
            reserved: inner.slots,
            committed: inner.committed,
            repeated: inner.repeated,
            refused: inner.refused,
        }
    }

    fn give_back(&self) {
        let mut inner = self.inner();
        inner.slots -= 1;
        let lock = inner.spare_lock();
        drop(inner);
        drop(lock);
    }
}

impl Inner {
    /// The folder's lock, when nobody is left who could write to the journal.
    fn spare_lock(&mut self) -> Option<Lock> {
        if self.writer == Writer::Gone && self.slots == 0 { self.lock.take() } else { None }
    }
}

/// [`decide::Outlet`] of a ledger.
pub(crate) struct DeskOutlet(pub(crate) Arc<Desk>);

impl Outlet for DeskOutlet {
    fn reserve(&self, _paid: bool) -> Result<Box<dyn Slot>, OutletFull> {
        let mut inner = self.0.inner();
        let open = matches!(inner.writer, Writer::Awake | Writer::Asleep);
        let records = inner.slots + inner.pending < self.0.room;
        let bytes = (inner.slots + 1) * frame::MAX + inner.pending_bytes <= inner.journal.usable();
        if !(open && records && bytes) {
            inner.refused += 1;
            return Err(OutletFull);
        }
        inner.slots += 1;
        drop(inner);
        Ok(Box::new(DeskSlot(Some(Arc::clone(&self.0)))))
    }
}

/// One promised record; `None` once it was put.
struct DeskSlot(Option<Arc<Desk>>);

impl Slot for DeskSlot {
    fn sent(&mut self, _estimate: &Record) {}

    fn put(mut self: Box<Self>, record: Record) {
        if let Some(desk) = self.0.take() {
            desk.put(record);
        }
    }
}

impl Drop for DeskSlot {
    fn drop(&mut self) {
        if let Some(desk) = self.0.take() {
            desk.give_back();
        }
    }
}
