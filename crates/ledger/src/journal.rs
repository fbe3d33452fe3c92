//! The journal: a memory-mapped file in front of SQLite. A record copied into it is in the page cache, which outlives the
//! process, so it survives `kill -9` without a system call on the way of a request.
//!
//! File `journal`: the header of every [`crate::mapped`] file, two marks, and from byte 4096 a ring of
//! [`frame`]s. A mark says up to which sequence number everything is in SQLite; the two are written by turns, each as number and
//! complement, so that a torn one is seen and the older one is used. Recovery takes every whole frame above the mark; a
//! sequence number is never used twice, so it does not matter where in the ring a frame lies.
//!
//! SQLite keeps the mark too, in the same commit as the records ([`Mark`]). Where its number is below the journal's, the
//! database has lost what it had said was on the disk, and the frames above the lower one are taken, as far as they are
//! still there.
//!
//! Never here: SQLite, threads, locks.

pub(crate) mod frame;
pub(crate) mod ring;

use crate::LedgerError;
use crate::mapped::{self, Kind, Mapped, Opened, bytes};
use crate::point::point;
use frame::Sealed;
use ring::Ring;
use std::path::Path;

const MARKS_AT: [usize; 2] = [64, 128];
/// Where the ring begins.
const FRAMES_AT: usize = mapped::CONTENT_AT;

const KIND: Kind = Kind {
    name: "the journal",
    magic: u64::from_le_bytes(*b"dewpoint"),
    first_page: |page| {
        for at in MARKS_AT {
            bytes::set_number(page, at + 8, !0);
        }
    },
};

/// Up to which frame of which journal everything is in SQLite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Mark {
    /// The journal's salt: numbers of different journals are not to be compared.
    pub(crate) journal: u64,
    pub(crate) seq: u64,
}

/// Where an appended frame lies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed {
    pub(crate) seq: u64,
    pub(crate) bytes: usize,
    /// Where it ends in the ring; [`Journal::release`] wants this.
    pub(crate) end: usize,
}

/// The open journal. Exclusive use is the caller's business ([`crate::lock`]).
pub(crate) struct Journal {
    mapped: Mapped,
    ring: Ring,
    next_seq: u64,
    marks: usize,
}

/// What a crash left behind.
pub(crate) struct Left<'a> {
    /// Payloads above the mark, in the order they were put.
    pub(crate) payloads: Vec<&'a [u8]>,
    /// Sequence numbers that must have been put and cannot be read any more.
    pub(crate) missing: u64,
    /// How many records below the journal's mark the database does not hold, though it had said so.
    pub(crate) behind: u64,
    next_seq: u64,
}

impl Left<'_> {
    /// The first sequence number that is free; give it to [`Journal::restart`] when the payloads are in SQLite.
    pub(crate) fn next_seq(&self) -> u64 {
        self.next_seq
    }
}

/// What the bytes of a journal's file hold above the mark, and `None` where the header is damaged.
///
/// # Errors
/// [`LedgerError::Version`] for another format.
pub(crate) fn look<'a>(file: &'a [u8], stored: Mark) -> Result<Option<Left<'a>>, LedgerError> {
    Ok(mapped::check(file, &KIND)?.map(|salt| left(file, salt, stored)))
}

fn left(file: &[u8], salt: u64, stored: Mark) -> Left<'_> {
    let marks = MARKS_AT.map(|at| read_mark(file, at));
    let own = marks.into_iter().flatten().max().unwrap_or(0);
    let mark = if stored.journal == salt { own.min(stored.seq) } else { own };
    let area = file.get(FRAMES_AT..).unwrap_or_default();
    let mut last = own;
    let mut found: Vec<_> = frame::scan(area, salt).filter(|f| f.seq > mark).collect();
    found.sort_unstable_by_key(|f| f.seq);
    if let Some(newest) = found.last() {
        last = last.max(newest.seq);
    }
    // With a torn mark the older one counts, and some frames above it are rightly overwritten: then nothing can be said.
    let sure = marks.iter().all(Option::is_some);
    let missing = if sure { (last - mark).saturating_sub(found.len() as u64) } else { 0 };
    let payloads = found.into_iter().map(|f| f.payload).collect();
    Left { payloads, missing, behind: own - mark, next_seq: last.saturating_add(1) }
}

impl Journal {
    /// Makes the file.
    pub(crate) fn create(path: &Path, bytes: usize) -> Result<Journal, LedgerError> {
        Mapped::create(path, &KIND, bytes).map(Journal::over)
    }

    /// Maps an existing journal.
    pub(crate) fn open(path: &Path) -> Result<Opened<Journal>, LedgerError> {
        Ok(Mapped::open(path, &KIND)?.map(Journal::over))
    }

    fn over(mapped: Mapped) -> Journal {
        let ring = Ring::new(mapped.map.len() - FRAMES_AT);
        Journal { mapped, ring, next_seq: 1, marks: 0 }
    }

    /// Length of the file, or 0 when it is not the length it was made with (then it is to be made again).
    pub(crate) fn bytes(&self) -> usize {
        self.mapped.bytes()
    }

    /// The mark of everything up to `seq`.
    pub(crate) fn mark_of(&self, seq: u64) -> Mark {
        Mark { journal: self.mapped.salt, seq }
    }

    /// What is above the mark; `stored` is that of the database.
    pub(crate) fn left(&self, stored: Mark) -> Left<'_> {
        left(&self.mapped.map, self.mapped.salt, stored)
    }

    /// Everything below `next_seq` is in SQLite: begin with an empty ring.
    pub(crate) fn restart(&mut self, next_seq: u64) {
        self.next_seq = next_seq.max(1);
        self.ring = Ring::new(self.mapped.map.len() - FRAMES_AT);
        // Both, so that a torn mark of an earlier life is gone.
        self.mark(self.next_seq - 1);
        self.mark(self.next_seq - 1);
    }

    /// Live and promised bytes may not exceed this.
    pub(crate) fn usable(&self) -> usize {
        self.ring.usable(frame::MAX)
    }

    /// Copies an entry in. `None` if there is no room, which [`Journal::usable`] rules out.
    pub(crate) fn append(&mut self, sealed: &Sealed) -> Option<Placed> {
        let bytes = sealed.size();
        let at = self.ring.place(bytes)?;
        let place = self.mapped.map.get_mut(FRAMES_AT + at..FRAMES_AT + at + bytes)?;
        let seq = self.next_seq;
        sealed.write(place, self.mapped.salt, seq);
        self.next_seq += 1;
        Some(Placed { seq, bytes, end: at + bytes })
    }

    /// Frees the oldest `frames` entries, of which the last is `newest`: they are in SQLite.
    pub(crate) fn release(&mut self, frames: usize, newest: Placed) {
        self.mark(newest.seq);
        self.ring.release(frames, newest.end);
    }

    fn mark(&mut self, seq: u64) {
        let at = MARKS_AT[self.marks % MARKS_AT.len()];
        self.marks += 1;
        bytes::set_number(&mut self.mapped.map, at, seq);
        point();
        bytes::set_number(&mut self.mapped.map, at + 8, !seq);
    }
}

/// The mark at `at`, if number and complement agree.
fn read_mark(map: &[u8], at: usize) -> Option<u64> {
    let seq = bytes::number(map, at)?;
    (bytes::number(map, at + 8)? == !seq).then_some(seq)
}

#[cfg(test)]
mod tests;
