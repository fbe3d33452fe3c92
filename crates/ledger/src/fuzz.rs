//! What the fuzz targets check of this room's readers: entries of the journal and of the cells, and recovery from files that somebody
//! damaged.
//!
//! Never here: anything that is shipped; the feature `fuzz` is for `fuzz/` only.

use crate::LedgerError;
use crate::journal::frame::Sealed;
use crate::journal::{Journal, Mark, Placed};
use crate::sent::Sent;
use crate::store::{Kept, Sink};
use crate::{layout, mapped, replay, sample, sent};
use decide::{Outcome, Record};
use std::collections::HashMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Reads bytes as an entry of the journal and as an estimate. What is read is written and reads the same, however long its texts,
/// and fits the room that is promised for one.
///
/// # Panics
/// When it does not.
#[doc(hidden)]
pub fn check_entry(bytes: &[u8]) {
    check_lesson(bytes);
    check_record(bytes, layout::decode, layout::encode, layout::MAX_BYTES);
    check_record(bytes, layout::decode_estimate, layout::encode_estimate, layout::MAX_ESTIMATE);
}

fn check_lesson(bytes: &[u8]) {
    let Ok(mut lesson) = layout::lesson::decode(bytes) else { return };
    layout::clip_lesson(&mut lesson);
    let written = layout::lesson::encode(&lesson);
    assert!(written.len() <= layout::lesson::MAX_BYTES, "{} bytes", written.len());
    assert_eq!(layout::lesson::decode(&written).ok(), Some(lesson), "what is written does not read the same");
}

fn check_record(
    bytes: &[u8],
    decode: fn(&[u8]) -> Result<Record, LedgerError>,
    encode: fn(&Record) -> Vec<u8>,
    most: usize,
) {
    let mut record = match decode(bytes) {
        Ok(record) => record,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    layout::clip(&mut record);
    let written = encode(&record);
    assert!(written.len() <= most, "{} bytes", written.len());
    let again = decode(&written);
    assert!(again.is_ok(), "what is written does not read: {:?}", again.err());
    let Ok(again) = again else { return };
    assert_eq!(encode(&again), written, "{again:?} was {record:?}");
    assert_eq!((again.attempt_id, again.cost, again.usage), (record.attempt_id, record.cost, record.usage));
}

/// Length of the journal: little more than the shortest, so that it can be cut without being too short to be one.
const BYTES: usize = 80 << 10;
/// Where frames and cells begin; before that lie header and marks.
const CONTENT_AT: usize = mapped::CONTENT_AT;
/// Steps of a script that are played.
const STEPS_MAX: usize = 24;

/// Plays a script on the ledger's files: attempts are sent and put, records are released, the process is killed, bytes of the files
/// are flipped, moved, zeroed or cut off, and the ledger recovers. Each step is four bytes.
///
/// After every recovery: no record is there that was not put or sent, none is changed, every record whose frame was whole is
/// there as it was put, every attempt whose cell was whole is there as settled or unknown, and recovering once more finds nothing.
///
/// # Panics
/// When one of these does not hold.
#[doc(hidden)]
pub fn check_recovery(script: &[u8]) {
    let Some(mut play) = Play::new() else { return };
    let (steps, _) = script.as_chunks::<4>();
    for [what, a, b, c] in steps.iter().take(STEPS_MAX) {
        let at = usize::from(u16::from_be_bytes([*a, *b]));
        // Sixteen bits reach four fifths of the file.
        let (at, much) = (at + at / 4, usize::from(*c));
        let which = usize::from(what & 8 != 0);
        match what % 8 {
            0 | 1 => play.attempts(usize::from(*a) % 16 + 1),
            2 => play.send(usize::from(*a) % 16 + 1),
            // A crash may come between the record and the end of its cell.
            3 => play.put(usize::from(*a) % 16 + 1, b.is_multiple_of(2)),
            4 => play.release(usize::from(*a) % 32 + 1),
            5 => play.damage(which, |file| flip(file, at, *c)),
            6 => play.damage(which, |file| {
                let (from, to) = (at & !7, (at.wrapping_mul(31) + much * 8) % BYTES & !7);
                let end = (from + much * 8).min(file.len());
                let piece = file.get(from..end).unwrap_or_default().to_vec();
                file.iter_mut().skip(to).zip(piece).for_each(|(old, new)| *old = new);
            }),
            _ if c.is_multiple_of(4) => play.damage(which, |file| file.truncate(at)),
            _ => play.damage(which, |file| file.iter_mut().skip(at & !511).take(512).for_each(|byte| *byte = 0)),
        }
    }
    play.recover();
}

fn flip(file: &mut [u8], at: usize, mask: u8) {
    if let Some(byte) = file.get_mut(at) {
        *byte ^= mask;
    }
}

/// SQLite's part, kept in memory.
#[derive(Default)]
struct Store {
    records: HashMap<u128, Record>,
    mark: Mark,
}

impl Sink for Store {
    fn commit(&mut self, records: &[Kept<'_>], upto: Option<Mark>) -> Result<usize, LedgerError> {
        let before = self.records.len();
        for item in records {
            let Kept::Record(record, _) = item else { continue };
            let kept = self.records.entry(record.attempt_id).or_insert_with(|| Record::clone(record));
            if kept.outcome == Outcome::Unknown && record.outcome != Outcome::Unknown {
                *kept = Record::clone(record);
            }
        }
        self.mark = upto.unwrap_or(self.mark);
        Ok(self.records.len() - before)
    }

    fn mark(&mut self) -> Result<Mark, LedgerError> {
        Ok(self.mark)
    }

    fn lost(&mut self, _: u64) -> Result<(), LedgerError> {
        Ok(())
    }

    fn renew(&mut self) -> Result<(), LedgerError> {
        Ok(())
    }
}

/// The record of an attempt, as it is put, and as it stands in the ledger when only its estimate is known.
fn record(number: u64) -> Record {
    let mut record = sample::record(number);
    layout::clip(&mut record);
    record
}

fn estimate(number: u64) -> Option<Record> {
    layout::decode_estimate(&layout::encode_estimate(&record(number))).ok()
}

/// The open files of a running process.
struct Running {
    journal: Journal,
    sent: Sent,
}

/// A file as the process left it, and as it is after the damage.
struct Damaged {
    left: Vec<u8>,
    now: Vec<u8>,
}

impl Damaged {
    fn whole(&self, range: Range<usize>) -> bool {
        let now = self.now.get(range.clone());
        now.is_some() && now == self.left.get(range)
    }

    /// A file that is shorter than any is set aside as it is.
    fn readable(&self) -> bool {
        self.whole(0..CONTENT_AT) && self.now.len() >= *mapped::BYTES.start()
    }
}

struct Play {
    dir: PathBuf,
    running: Option<Running>,
    store: Store,
    /// In the journal and not released: number and place, in the order they were put.
    put: Vec<(u64, Placed)>,
    /// In a cell that has no end: number and cell.
    sent: Vec<(u64, u32)>,
    next: u64,
    /// Journal and cells as the process left them, if they were touched since.
    left: Option<[Vec<u8>; 2]>,
}

impl Play {
    /// `None` where no file can be made.
    fn new() -> Option<Play> {
        // In memory, since making the files waits for the disk.
        let shm = Path::new("/dev/shm");
        let dir = if shm.is_dir() { shm.to_owned() } else { std::env::temp_dir() };
        let dir = dir.join(format!("dewpoint-fuzz-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).ok()?;
        let (store, put, sent) = (Store::default(), Vec::new(), Vec::new());
        let mut play = Play { dir, running: None, store, put, sent, next: 1, left: None };
        play.begin(None, None);
        play.running.is_some().then_some(play)
    }

    fn paths(&self) -> [PathBuf; 2] {
        [replay::path(&self.dir), replay::sent_path(&self.dir)]
    }

    fn attempts(&mut self, count: usize) {
        self.send(count);
        self.put(count, true);
    }

    fn send(&mut self, count: usize) {
        self.recover();
        let Some(Running { sent, .. }) = &mut self.running else { return };
        for _ in 0..count {
            let Some(cell) = sent.take() else { return };
            sent.write(cell, &Sealed::new(layout::encode_estimate(&record(self.next))));
            self.sent.push((self.next, cell));
            self.next += 1;
        }
    }

    /// The newest attempts get their records.
    fn put(&mut self, count: usize, end: bool) {
        self.recover();
        let Some(Running { journal, sent }) = &mut self.running else { return };
        for _ in 0..count {
            let Some((number, cell)) = self.sent.last().copied() else { return };
            let sealed = Sealed::new(layout::encode(&record(number)));
            let used: usize = self.put.iter().map(|(_, placed)| placed.bytes).sum();
            if used + sealed.size() > journal.usable() || self.put.iter().any(|(n, _)| *n == number) {
                return;
            }
            let placed = journal.append(&sealed);
            assert!(placed.is_some(), "there is no room where room was promised");
            let Some(placed) = placed else { return };
            self.put.push((number, placed));
            if end {
                sent.end(cell);
                self.sent.pop();
            }
        }
    }

    /// The store has committed the oldest ones.
    fn release(&mut self, count: usize) {
        self.recover();
        let count = count.min(self.put.len());
        let Some(Running { journal, .. }) = &mut self.running else { return };
        let Some((_, newest)) = self.put.get(count.wrapping_sub(1)).copied() else { return };
        self.store.mark = journal.mark_of(newest.seq);
        journal.release(count, newest);
        for (number, _) in self.put.drain(..count) {
            let record = record(number);
            self.store.records.insert(record.attempt_id, record);
        }
    }

    /// The process is killed, then somebody changes a file.
    fn damage(&mut self, which: usize, change: impl FnOnce(&mut Vec<u8>)) {
        self.running = None;
        let paths = self.paths();
        let read = || paths.each_ref().map(|path| fs::read(path).unwrap_or_default());
        self.left.get_or_insert_with(read);
        let Some(path) = paths.get(which) else { return };
        let mut file = fs::read(path).unwrap_or_default();
        change(&mut file);
        let _ = fs::write(path, file);
    }

    /// What the next start does, where the process was killed.
    fn recover(&mut self) {
        if self.running.is_some() {
            return;
        }
        let now = self.paths().map(|path| fs::read(path).unwrap_or_default());
        let left = self.left.take().unwrap_or_else(|| now.clone());
        let ([journal, cells], [journal_left, cells_left]) = (now, left);
        let journal = Damaged { left: journal_left, now: journal };
        let cells = Damaged { left: cells_left, now: cells };
        let replayed = replay::replay(&self.dir, &mut self.store, 16);
        assert!(replayed.is_ok(), "recovery refused to go on: {:?}", replayed.err());
        let Ok(first) = replayed else { return };
        self.nothing_is_made_up();
        self.nothing_whole_is_lost(&journal, &cells);
        let untouched = cells.readable() && cells.now == cells.left;
        let lost =
            self.put.iter().filter(|(n, _)| self.settled(*n) == Some(false) || self.settled(*n).is_none()).count();
        assert!(!journal.readable() || !untouched || first.recovery.missing <= lost as u64, "{:?}", first.recovery);
        drop(first);
        let count = self.store.records.len();
        let again = replay::replay(&self.dir, &mut self.store, 1);
        assert!(again.is_ok(), "recovery refused to go on the second time: {:?}", again.err());
        let Ok(again) = again else { return };
        assert_eq!(again.recovery, replay::Recovery::default(), "recovered twice");
        assert_eq!(self.store.records.len(), count);
        self.put.clear();
        self.sent.clear();
        self.begin(again.journal, again.sent);
    }

    /// Whether the attempt is in the store with its end; `None` when it is not there.
    fn settled(&self, number: u64) -> Option<bool> {
        self.store.records.get(&u128::from(number)).map(|r| r.outcome != Outcome::Unknown)
    }

    fn nothing_is_made_up(&self) {
        for (id, kept) in &self.store.records {
            let number = u64::try_from(*id).unwrap_or(u64::MAX);
            let ours = number < self.next && (*kept == record(number) || Some(kept) == estimate(number).as_ref());
            assert!(ours, "nobody put or sent this: {kept:?}");
        }
    }

    fn nothing_whole_is_lost(&self, journal: &Damaged, cells: &Damaged) {
        for (number, placed) in self.put.iter().filter(|_| journal.readable()) {
            let end = CONTENT_AT + placed.end;
            let there = self.settled(*number) == Some(true);
            assert!(there || !journal.whole(end - placed.bytes..end), "lost: record {number}");
        }
        for (number, cell) in self.sent.iter().filter(|_| cells.readable()) {
            let at = CONTENT_AT + *cell as usize * sent::CELL;
            assert!(self.settled(*number).is_some() || !cells.whole(at..at + sent::CELL), "lost: attempt {number}");
        }
    }

    /// As the ledger does after a recovery: the files as they are, or new ones in place of those of the wrong length.
    fn begin(&mut self, journal: Option<Journal>, cells: Option<Sent>) {
        let [path, sent_path] = self.paths();
        let journal = journal.filter(|j| j.bytes() == BYTES).or_else(|| Journal::create(&path, BYTES).ok());
        let cells = cells.filter(|s| s.bytes() == BYTES).or_else(|| Sent::create(&sent_path, BYTES).ok());
        self.running = journal.zip(cells).map(|(journal, sent)| Running { journal, sent });
        // Set aside by a damaged header; they would pile up.
        for entry in fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            if entry.path().extension().is_some_and(|e| e.to_string_lossy().starts_with("damaged")) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

impl Drop for Play {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}
