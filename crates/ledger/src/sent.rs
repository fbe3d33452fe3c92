//! Attempts that were sent and have no end yet, in a mapped file of cells, one for each attempt that may be under way.
//!
//! File `sent`: the header of every [`crate::mapped`] file, and from byte 4096 cells of [`CELL`] bytes. A cell holds the estimate
//! of its attempt as one [`frame`], or begins with a zero word. Writing a cell's frame is `sent`; when the attempt's record
//! is in the journal, the zero word is its end. A crash leaves the frames of what was under way.
//!
//! Cells and not the journal's ring: an answer may stream for ten minutes while others turn the ring over a hundred times.
//! Cells are given out last in, first out, so that the same few pages are used and stay in the cache.
//!
//! Never here: SQLite, threads, locks.

use crate::LedgerError;
use crate::journal::frame::{self, Sealed};
use crate::mapped::{self, Kind, Mapped, Opened, bytes};
use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

/// Bytes of a cell.
pub(crate) const CELL: usize = 1024;
const _: () = assert!(frame::size(crate::layout::MAX_ESTIMATE) <= CELL);
/// An attempt that has been under way for twice so long survives a loss of power too.
pub(crate) const SYNC_AFTER: Duration = Duration::from_secs(1);

const KIND: Kind =
    Kind { name: "the file of attempts under way", magic: u64::from_le_bytes(*b"dewpsent"), first_page: |_| {} };

/// The open file.
pub(crate) struct Sent {
    mapped: Mapped,
    free: Vec<u32>,
    next_seq: u64,
    /// Since when there are cells that no sync has seen.
    unsynced: Option<Instant>,
}

/// What a crash left.
#[derive(Default)]
pub(crate) struct Left<'a> {
    /// Estimates of attempts without an end.
    pub(crate) payloads: Vec<&'a [u8]>,
    /// Cells in use that cannot be read: damaged on the disk.
    pub(crate) damaged: u64,
}

/// What the bytes of the file hold, and `None` where the header is damaged.
///
/// # Errors
/// [`LedgerError::Version`] for another format.
pub(crate) fn look(file: &[u8]) -> Result<Option<Left<'_>>, LedgerError> {
    Ok(mapped::check(file, &KIND)?.map(|salt| left(file, salt)))
}

fn left(file: &[u8], salt: u64) -> Left<'_> {
    let mut left = Left::default();
    let cells = file.get(mapped::CONTENT_AT..).unwrap_or_default().chunks_exact(CELL);
    for cell in cells.filter(|cell| bytes::number(cell, 0) != Some(0)) {
        match frame::read(cell, salt) {
            Some(found) => left.payloads.push(found.payload),
            None => left.damaged += 1,
        }
    }
    left
}

/// Bytes of a file with so many cells.
pub(crate) fn bytes_for(cells: usize) -> usize {
    let bytes = cells.saturating_mul(CELL).saturating_add(mapped::CONTENT_AT);
    bytes.clamp(*mapped::BYTES.start(), *mapped::BYTES.end()).next_multiple_of(4096)
}

impl Sent {
    pub(crate) fn create(path: &Path, bytes: usize) -> Result<Sent, LedgerError> {
        Mapped::create(path, &KIND, bytes).map(Sent::over)
    }

    pub(crate) fn open(path: &Path) -> Result<Opened<Sent>, LedgerError> {
        Ok(Mapped::open(path, &KIND)?.map(Sent::over))
    }

    fn over(mapped: Mapped) -> Sent {
        let cells = (mapped.map.len() - mapped::CONTENT_AT) / CELL;
        let free = (0..u32::try_from(cells).unwrap_or(u32::MAX)).rev().collect();
        Sent { mapped, free, next_seq: 1, unsynced: None }
    }

    /// Length of the file, or 0 when it is not the length it was made with (then it is to be made again).
    pub(crate) fn bytes(&self) -> usize {
        self.mapped.bytes()
    }

    pub(crate) fn left(&self) -> Left<'_> {
        left(&self.mapped.map, self.mapped.salt)
    }

    /// Everything in the cells is in SQLite: begin with empty ones.
    pub(crate) fn restart(&mut self) {
        for cell in self.free.clone() {
            if let Some(place) = self.place(cell).filter(|place| bytes::number(place, 0) != Some(0)) {
                bytes::set_number(place, 0, 0);
            }
        }
    }

    fn place(&mut self, cell: u32) -> Option<&mut [u8]> {
        let at = mapped::CONTENT_AT + usize::try_from(cell).ok()? * CELL;
        self.mapped.map.get_mut(at..at + CELL)
    }

    /// Takes a cell that is free.
    pub(crate) fn take(&mut self) -> Option<u32> {
        self.free.pop()
    }

    /// Gives a cell back that nothing was written to.
    pub(crate) fn give_back(&mut self, cell: u32) {
        self.free.push(cell);
    }

    /// The attempt of this cell is about to be sent.
    pub(crate) fn write(&mut self, cell: u32, sealed: &Sealed) {
        let (salt, seq) = (self.mapped.salt, self.next_seq);
        self.next_seq += 1;
        if let Some(place) = self.place(cell).filter(|place| sealed.size() <= place.len()) {
            sealed.write(place, salt, seq);
        }
        self.unsynced.get_or_insert_with(Instant::now);
    }

    /// The estimate in a cell.
    pub(crate) fn read(&mut self, cell: u32) -> Option<Vec<u8>> {
        let salt = self.mapped.salt;
        self.place(cell).and_then(|place| frame::read(place, salt)).map(|found| found.payload.to_vec())
    }

    /// The attempt of this cell has an end in the journal.
    pub(crate) fn end(&mut self, cell: u32) {
        if let Some(place) = self.place(cell) {
            bytes::set_number(place, 0, 0);
        }
        self.free.push(cell);
    }

    /// When the oldest cell that no sync has seen was written.
    pub(crate) fn unsynced(&self) -> Option<Instant> {
        self.unsynced
    }

    /// A sync begins now.
    pub(crate) fn syncing(&mut self) {
        self.unsynced = None;
    }

    /// For syncing outside of the desk's lock.
    pub(crate) fn handle(&self) -> std::io::Result<File> {
        self.mapped.handle()
    }
}

#[cfg(test)]
mod tests;
