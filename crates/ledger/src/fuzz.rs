//! What the fuzz targets check of this room's readers: entries of the journal, and recovery from a journal that somebody damaged.
//!
//! Never here: anything that is shipped; the feature `fuzz` is for `fuzz/` only.

use crate::LedgerError;
use crate::journal::frame::Sealed;
use crate::journal::{BYTES as BYTES_OF_ANY, Journal, Placed};
use crate::store::Sink;
use crate::{layout, replay, sample};
use decide::Record;
use std::collections::HashMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Reads bytes as an entry of the journal. What is read is written and reads the same, however long its texts.
///
/// # Panics
/// When it does not.
#[doc(hidden)]
pub fn check_entry(bytes: &[u8]) {
    let mut record = match layout::decode(bytes) {
        Ok(record) => record,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let again = layout::decode(&layout::encode(&record));
    assert!(matches!(&again, Ok(again) if *again == record), "{again:?} was {record:?}");
    layout::clip(&mut record);
    let clipped = layout::encode(&record);
    assert!(clipped.len() <= layout::MAX_BYTES, "{} bytes", clipped.len());
    assert!(matches!(layout::decode(&clipped), Ok(again) if again == record));
}

/// Length of the journal: little more than the shortest, so that it can be cut without being too short to be one.
const BYTES: usize = 80 << 10;
/// Where frames begin, as the journal has it; before that lie header and marks.
const FRAMES_AT: usize = 4096;

/// Steps of a script that are played.
const STEPS_MAX: usize = 64;

/// Plays a script on a journal: records are appended and released, the process is killed, bytes of the file are flipped, moved,
/// zeroed or cut off, and the ledger recovers. Each step is four bytes.
///
/// After every recovery: no record is there that was not put, none is changed, every record whose frame was whole is there, and
/// recovering once more finds nothing.
///
/// # Panics
/// When one of these does not hold.
#[doc(hidden)]
pub fn check_recovery(script: &[u8]) {
    let Some(mut play) = Play::new() else { return };
    let (steps, _) = script.as_chunks::<4>();
    for [what, a, b, c] in steps.iter().take(STEPS_MAX) {
        let (at, much) = (usize::from(u16::from_be_bytes([*a, *b])), usize::from(*c));
        // Sixteen bits reach four fifths of the file.
        let at = at + at / 4;
        match what % 8 {
            0..=3 => play.append(usize::from(*a) % 16 + 1),
            4 => play.release(usize::from(*a) % 32 + 1),
            5 => play.damage(|file| flip(file, at, *c)),
            6 => play.damage(|file| {
                let (from, len) = (at & !7, (much * 8).min(file.len()));
                let to = (at.wrapping_mul(31) + much * 8) % BYTES & !7;
                let piece = file.get(from..(from + len).min(file.len())).unwrap_or_default().to_vec();
                for (old, new) in file.iter_mut().skip(to).zip(piece) {
                    *old = new;
                }
            }),
            _ if c % 4 == 0 => play.damage(|file| file.truncate(at)),
            _ => play.damage(|file| file.iter_mut().skip(at & !511).take(512).for_each(|byte| *byte = 0)),
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
struct Kept(HashMap<u128, Record>);

impl Sink for Kept {
    fn commit(&mut self, records: &[&Record]) -> Result<usize, LedgerError> {
        let before = self.0.len();
        for record in records {
            self.0.entry(record.attempt_id).or_insert_with(|| (*record).clone());
        }
        Ok(self.0.len() - before)
    }

    fn renew(&mut self) -> Result<(), LedgerError> {
        Ok(())
    }
}

/// An appended record that is not in the store yet.
struct Put {
    number: u64,
    placed: Placed,
}

struct Play {
    path: PathBuf,
    journal: Option<Journal>,
    kept: Kept,
    /// In the order they were put.
    live: Vec<Put>,
    next: u64,
    /// The file as the process left it, if it was touched since.
    left: Option<Vec<u8>>,
}

impl Play {
    /// `None` where no file can be made.
    fn new() -> Option<Play> {
        // In memory, since making a journal waits for the disk.
        let shm = Path::new("/dev/shm");
        let dir = if shm.is_dir() { shm.to_owned() } else { std::env::temp_dir() };
        let dir = dir.join(format!("dewpoint-fuzz-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).ok()?;
        let path = replay::path(&dir);
        let mut journal = Journal::create(&path, BYTES).ok()?;
        journal.restart(1);
        Some(Play { path, journal: Some(journal), kept: Kept::default(), live: Vec::new(), next: 1, left: None })
    }

    fn append(&mut self, count: usize) {
        self.recover();
        for _ in 0..count {
            let Some(journal) = &mut self.journal else { return };
            let mut record = sample::record(self.next);
            layout::clip(&mut record);
            let sealed = Sealed::new(layout::encode(&record));
            let used: usize = self.live.iter().map(|put| put.placed.bytes).sum();
            if used + sealed.size() > journal.usable() {
                return;
            }
            let placed = journal.append(&sealed);
            assert!(placed.is_some(), "there is no room where room was promised");
            let Some(placed) = placed else { return };
            self.live.push(Put { number: self.next, placed });
            self.next += 1;
        }
    }

    /// The store has committed the oldest ones.
    fn release(&mut self, count: usize) {
        self.recover();
        let count = count.min(self.live.len());
        let (Some(journal), Some(newest)) = (&mut self.journal, self.live.get(count.wrapping_sub(1))) else { return };
        journal.release(count, newest.placed);
        for put in self.live.drain(..count) {
            let record = sample::record(put.number);
            self.kept.0.insert(record.attempt_id, record);
        }
    }

    /// The process is killed, then somebody changes the file.
    fn damage(&mut self, change: impl FnOnce(&mut Vec<u8>)) {
        self.journal = None;
        let Ok(mut file) = fs::read(&self.path) else { return };
        self.left.get_or_insert_with(|| file.clone());
        change(&mut file);
        let _ = fs::write(&self.path, file);
    }

    /// What the next start does, where the process was killed.
    fn recover(&mut self) {
        if self.journal.is_some() {
            return;
        }
        let now = fs::read(&self.path).unwrap_or_default();
        let left = self.left.take().unwrap_or_else(|| now.clone());
        let whole = |range: Range<usize>| now.get(range.clone()).is_some() && now.get(range.clone()) == left.get(range);
        let replayed = replay::replay(&self.path, &mut self.kept, 16);
        assert!(replayed.is_ok(), "recovery refused to go on: {:?}", replayed.err());
        let Ok((journal, recovery)) = replayed else { return };
        for (id, record) in &self.kept.0 {
            let put = u64::try_from(*id).is_ok_and(|n| n < self.next && sample::record(n) == *record);
            assert!(put, "nobody put this: {record:?}");
        }
        // A file shorter than any journal is set aside as it is.
        let readable = whole(0..FRAMES_AT) && now.len() >= *BYTES_OF_ANY.start();
        if readable {
            assert!(recovery.set_aside.is_none(), "a whole header was not read");
            for put in &self.live {
                let end = FRAMES_AT + put.placed.end;
                let there = self.kept.0.contains_key(&u128::from(put.number));
                assert!(there || !whole(end - put.placed.bytes..end), "lost: record {}", put.number);
            }
        }
        let lost = self.live.iter().filter(|put| !self.kept.0.contains_key(&u128::from(put.number))).count();
        assert!(!readable || recovery.missing <= lost as u64, "{recovery:?}, and {lost} are lost");
        drop(journal);
        let count = self.kept.0.len();
        let again = replay::replay(&self.path, &mut self.kept, 1);
        assert!(again.is_ok(), "recovery refused to go on the second time: {:?}", again.err());
        let Ok((opened, again)) = again else { return };
        if opened.is_some() {
            assert_eq!((again.replayed, again.known, again.missing), (0, 0, 0), "recovered twice");
        }
        assert_eq!(self.kept.0.len(), count);
        self.live.clear();
        self.begin(opened);
    }

    /// As the ledger does after a recovery: the journal as it is, or a new one in place of one of the wrong length.
    fn begin(&mut self, opened: Option<Journal>) {
        self.journal = match opened.filter(|journal| journal.bytes() == BYTES) {
            Some(journal) => Some(journal),
            None => Journal::create(&self.path, BYTES).ok().map(|mut journal| {
                journal.restart(1);
                journal
            }),
        };
        let Some(dir) = self.path.parent() else { return };
        // Set aside by a damaged header; they would pile up.
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            if entry.path().extension().is_some_and(|e| e.to_string_lossy().starts_with("damaged")) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

impl Drop for Play {
    fn drop(&mut self) {
        if let Some(dir) = self.path.parent() {
            let _ = fs::remove_dir_all(dir);
        }
    }
}
