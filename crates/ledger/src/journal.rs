//! The journal: a memory-mapped file in front of SQLite. A record copied into it is in the page cache, which outlives the
//! process, so it survives `kill -9` without a system call on the way of a request.
//!
//! File `journal`: a header that is written once (magic, format, length, salt, checksum), two marks, and from byte 4096 a ring of
//! [`frame`]s. A mark says up to which sequence number everything is in SQLite; the two are written by turns, each as number and
//! complement, so that a torn one is seen and the older one is used. Recovery takes every whole frame above the mark; a
//! sequence number is never used twice, so it does not matter where in the ring a frame lies.
//!
//! The file's blocks are written when it is made. A mapped file with holes would be given blocks at the first touch, and on a full
//! disk that touch is a SIGBUS that ends the process. (On copy-on-write file systems a rewritten block is allocated anew
//! all the same; there a full disk can still do this.) The file lies beside the database, not in /dev/shm: a container that is
//! restarted keeps its volume and loses its shared memory.
//!
//! Never here: SQLite, threads, locks.

pub(crate) mod bytes;
pub(crate) mod frame;
pub(crate) mod ring;

use crate::LedgerError;
use frame::Sealed;
use memmap2::MmapMut;
use ring::Ring;
use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::path::{Path, PathBuf};

const MAGIC: u64 = u64::from_le_bytes(*b"dewpoint");
const FORMAT: u64 = 1;
/// Offsets in the header.
const FORMAT_AT: usize = 8;
const LENGTH_AT: usize = 16;
const SALT_AT: usize = 24;
const CRC_AT: usize = 32;
const MARKS_AT: [usize; 2] = [64, 128];
/// Where the ring begins.
const FRAMES_AT: usize = 4096;
/// Bounds of the whole file.
pub(crate) const BYTES: std::ops::RangeInclusive<usize> = 64 << 10..=1 << 30;

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
    map: MmapMut,
    ring: Ring,
    salt: u64,
    next_seq: u64,
    marks: usize,
}

/// What lies at the journal's path.
pub(crate) enum Opened {
    /// A journal, perhaps with entries that are not in SQLite.
    Whole(Journal),
    /// There is no file.
    Absent,
    /// The header cannot be read, so no frame can be checked.
    Damaged,
}

/// What a crash left behind.
pub(crate) struct Left<'a> {
    /// Payloads above the mark, in the order they were put.
    pub(crate) payloads: Vec<&'a [u8]>,
    /// Sequence numbers that must have been put and cannot be read any more.
    pub(crate) missing: u64,
    next_seq: u64,
}

impl Left<'_> {
    /// The first sequence number that is free; give it to [`Journal::restart`] when the payloads are in SQLite.
    pub(crate) fn next_seq(&self) -> u64 {
        self.next_seq
    }
}

impl Journal {
    /// Makes the file with all its blocks, under another name first so that a crash leaves no half-made journal.
    pub(crate) fn create(path: &Path, bytes: usize) -> Result<Journal, LedgerError> {
        let new = path.with_extension("new");
        let mut file = File::create(&new).map_err(LedgerError::file("create", &new))?;
        write_blocks(&mut file, bytes).map_err(LedgerError::file("write", &new))?;
        std::fs::rename(&new, path).map_err(LedgerError::file("rename", &new))?;
        if let Some(dir) = path.parent() {
            File::open(dir).and_then(|d| d.sync_all()).map_err(LedgerError::file("sync", dir))?;
        }
        match Journal::open(path)? {
            Opened::Whole(journal) => Ok(journal),
            Opened::Absent | Opened::Damaged => {
                Err(LedgerError::Unreadable("the journal that was just made".to_owned()))
            }
        }
    }

    /// Maps an existing journal.
    pub(crate) fn open(path: &Path) -> Result<Opened, LedgerError> {
        let file = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Opened::Absent),
            Err(e) => return Err(LedgerError::file("open", path)(e)),
        };
        let len = file.metadata().map_err(LedgerError::file("look at", path))?.len();
        if usize::try_from(len).is_ok_and(|len| len < *BYTES.start()) {
            return Ok(Opened::Damaged);
        }
        let map = map(&file).map_err(LedgerError::file("map", path))?;
        if !header_whole(&map) {
            return Ok(Opened::Damaged);
        }
        let format = bytes::number(&map, FORMAT_AT).unwrap_or(0);
        if format != FORMAT {
            let found = i64::try_from(format).unwrap_or(i64::MAX);
            return Err(LedgerError::Version { what: "the journal", found, known: FORMAT as i64 });
        }
        let salt = bytes::number(&map, SALT_AT).unwrap_or(0);
        let ring = Ring::new(map.len() - FRAMES_AT);
        Ok(Opened::Whole(Journal { map, ring, salt, next_seq: 1, marks: 0 }))
    }

    /// Length of the file, or 0 when it is not the length it was made with (then it is to be made again).
    pub(crate) fn bytes(&self) -> usize {
        let made = bytes::number(&self.map, LENGTH_AT);
        if made == Some(self.map.len() as u64) { self.map.len() } else { 0 }
    }

    /// What is above the mark.
    pub(crate) fn left(&self) -> Left<'_> {
        let marks = MARKS_AT.map(|at| read_mark(&self.map, at));
        let mark = marks.into_iter().flatten().max().unwrap_or(0);
        let area = self.map.get(FRAMES_AT..).unwrap_or_default();
        let mut last = mark;
        let mut found: Vec<_> = frame::scan(area, self.salt).filter(|f| f.seq > mark).collect();
        found.sort_unstable_by_key(|f| f.seq);
        if let Some(newest) = found.last() {
            last = newest.seq;
        }
        // With a torn mark the older one counts, and some frames above it are rightly overwritten: then nothing can be said.
        let sure = marks.iter().all(Option::is_some);
        let missing = if sure { (last - mark).saturating_sub(found.len() as u64) } else { 0 };
        Left { payloads: found.into_iter().map(|f| f.payload).collect(), missing, next_seq: last.saturating_add(1) }
    }

    /// Everything below `next_seq` is in SQLite: begin with an empty ring.
    pub(crate) fn restart(&mut self, next_seq: u64) {
        self.next_seq = next_seq.max(1);
        self.ring = Ring::new(self.map.len() - FRAMES_AT);
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
        let place = self.map.get_mut(FRAMES_AT + at..FRAMES_AT + at + bytes)?;
        let seq = self.next_seq;
        sealed.write(place, self.salt, seq);
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
        bytes::set_number(&mut self.map, at, seq);
        bytes::set_number(&mut self.map, at + 8, !seq);
    }
}

/// The mark at `at`, if number and complement agree.
fn read_mark(map: &[u8], at: usize) -> Option<u64> {
    let seq = bytes::number(map, at)?;
    (bytes::number(map, at + 8)? == !seq).then_some(seq)
}

fn header_whole(map: &[u8]) -> bool {
    let crc = bytes::number(map, CRC_AT);
    bytes::number(map, 0) == Some(MAGIC) && map.get(..CRC_AT).map(|h| u64::from(crc32fast::hash(h))) == crc
}

/// Writes header, marks and zeros, and waits until they have blocks.
fn write_blocks(file: &mut File, bytes: usize) -> std::io::Result<()> {
    let mut page = vec![0; FRAMES_AT];
    let salt = RandomState::new().hash_one((std::process::id(), std::time::SystemTime::now()));
    for (at, value) in [(0, MAGIC), (FORMAT_AT, FORMAT), (LENGTH_AT, bytes as u64), (SALT_AT, salt)] {
        self::bytes::set_number(&mut page, at, value);
    }
    let crc = page.get(..CRC_AT).map_or(0, crc32fast::hash);
    self::bytes::set_number(&mut page, CRC_AT, u64::from(crc));
    for at in MARKS_AT {
        self::bytes::set_number(&mut page, at + 8, !0);
    }
    file.write_all(&page)?;
    let zeros = vec![0; 1 << 20];
    let mut rest = bytes - FRAMES_AT;
    while rest > 0 {
        let n = rest.min(zeros.len());
        file.write_all(zeros.get(..n).unwrap_or_default())?;
        rest -= n;
    }
    file.sync_all()
}

/// Moves a journal that cannot be read out of the way and gives its new name; nothing is thrown away.
pub(crate) fn set_aside(path: &Path) -> Result<PathBuf, LedgerError> {
    for n in 1..1000 {
        let aside = path.with_extension(format!("damaged-{n}"));
        if !aside.exists() {
            std::fs::rename(path, &aside).map_err(LedgerError::file("rename", path))?;
            return Ok(aside);
        }
    }
    Err(LedgerError::Unreadable(format!("{} has too many damaged copies beside it", path.display())))
}

#[expect(unsafe_code, reason = "a mapped file is what lets a record survive kill -9 without a system call")]
fn map(file: &File) -> std::io::Result<MmapMut> {
    // SAFETY: the mapping is sound while nobody else changes or shortens the file. It lies in the ledger's own folder and is
    // mapped only by the process that holds the folder's lock (`crate::lock`); the program never shortens it (a journal of
    // another size is a new file under the same name), and all its blocks are written before it is mapped. Its bytes
    // are read only through checks that hold for any content.
    unsafe { MmapMut::map_mut(file) }
}

#[cfg(test)]
mod tests;
