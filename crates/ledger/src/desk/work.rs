//! The desk as the writer thread sees it, and those who wait for the writer.
//!
//! Never here: SQLite, what the way of a request calls ([`super::outlet`]).

use super::{Desk, Entry, Work, Writer};
use crate::journal::Mark;
use crate::options::WhenFailing;
use crate::point::point;
use crate::sent::SYNC_AFTER;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

impl Desk {
    /// Waits for something to commit: a full group, or whatever came within `linger`.
    pub(crate) fn next(&self, linger: Duration) -> Work {
        /// So often the writer looks by itself before it sleeps; while it looks, a put need not wake it.
        const LOOKS: u32 = 16;
        let (mut inner, mut looks) = (self.inner(), 0);
        loop {
            let ending = matches!(inner.writer, Writer::Ending(_));
            let due = inner.hurry || ending || looks > 0 || inner.queue.len() >= self.group;
            if !ending && inner.sent.unsynced().is_some_and(|since| since.elapsed() >= SYNC_AFTER) {
                inner.sent.syncing();
                return Work::Sync;
            }
            if !inner.queue.is_empty() && due {
                return Work::Commit(std::mem::take(&mut inner.queue));
            }
            if ending {
                return Work::End;
            }
            inner.hurry = false;
            if inner.queue.is_empty() && looks >= LOOKS {
                inner.writer = Writer::Asleep;
                // Not without a limit: `sent` does not wake it, and its cells are to be on the disk soon.
                let (back, late) = self.work.wait_timeout(inner, SYNC_AFTER).unwrap_or_else(PoisonError::into_inner);
                inner = back;
                if inner.writer == Writer::Asleep {
                    inner.writer = Writer::Awake;
                }
                if !late.timed_out() {
                    looks = 0;
                }
            } else {
                inner = self.work.wait_timeout(inner, linger).unwrap_or_else(PoisonError::into_inner).0;
                looks += 1;
            }
        }
    }

    /// Up to where everything is in SQLite once these, the oldest, are.
    pub(crate) fn mark_after(&self, entries: &[Entry]) -> Option<Mark> {
        let newest = entries.iter().rev().find_map(|e| e.placed)?;
        Some(self.inner().journal.mark_of(newest.seq))
    }

    /// These, the oldest, are in SQLite; `fresh` of them were new to it.
    pub(crate) fn committed(&self, entries: &mut [Entry], fresh: usize) {
        self.remember(entries);
        let mut inner = self.inner();
        let frames = entries.iter().filter(|e| e.placed.is_some()).count();
        if let Some(newest) = entries.iter().rev().find_map(|e| e.placed) {
            point();
            inner.journal.release(frames, newest);
            point();
        }
        let lessons = entries.iter().filter(|e| !e.item.is_record());
        inner.lessons_bytes -= lessons.filter_map(|e| e.placed).map(|p| p.bytes).sum::<usize>();
        let records = entries.iter().filter(|e| e.item.is_record()).count();
        inner.pending -= records;
        inner.lessons_pending -= entries.len() - records;
        inner.lessons += (entries.len() - records) as u64;
        inner.pending_bytes -= entries.iter().filter_map(|e| e.placed).map(|p| p.bytes).sum::<usize>();
        inner.left += entries.len() as u64;
        inner.committed += fresh as u64;
        inner.repeated += (records - fresh) as u64;
        let failed = inner.failing.take();
        if inner.waiters > 0 {
            self.done.notify_all();
        }
        drop(inner);
        if failed.is_some() {
            tracing::info!("the ledger writes again");
        }
        entries.iter_mut().filter_map(|e| e.committed.take()).for_each(|tell| tell());
    }

    /// The cells of attempts under way reached the disk, or did not.
    pub(crate) fn synced(&self, result: Result<(), crate::LedgerError>) {
        match result {
            Ok(()) => self.inner().synced += 1,
            Err(why) => {
                tracing::error!(%why, "the ledger cannot bring attempts under way to the disk");
                self.inner().failing = Some(why.to_string());
            }
        }
    }

    /// The store failed. Waits for `pause`; `false` when the writer is to end and its time is up.
    pub(crate) fn failed(&self, why: String, pause: Duration) -> bool {
        let mut inner = self.inner();
        if inner.failing.is_none() {
            let paid = if self.when_failing == WhenFailing::Refuse { "requests" } else { "paid requests" };
            tracing::error!(%why, "the ledger does not write; records are kept in its journal, and {paid} are refused until it writes again");
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
}
