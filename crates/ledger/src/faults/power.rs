//! Loss of power. The model: SQLite's files are what they were when the last `fsync` of a finished commit returned, with any
//! part of what was written to the log since then behind it; the mapped files, which nothing forces to the disk, are for each page
//! of 4096 bytes what that page was at some moment, not the same for all pages. Not modelled: a disk that says `fsync` is done
//! and it is not, and sectors that tear inside a page.

use super::{all, checked, copy, estimate, options};
use crate::journal::Mark;
use crate::sample::{mix, record};
use crate::store::{Kept, Sink, Store};
use crate::{Ledger, LedgerError, lock};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::tempdir;

/// A moment after a commit, and what had been committed by then.
struct Moment {
    dir: PathBuf,
    committed: BTreeSet<u64>,
}

/// A real store that keeps a copy of all files after each commit: SQLite has waited for its files to be on the disk.
struct Snapping {
    store: Store,
    dir: PathBuf,
    to: PathBuf,
    moments: Arc<Mutex<Vec<Moment>>>,
}

impl Sink for Snapping {
    fn commit(&mut self, records: &[Kept<'_>], upto: Option<Mark>) -> Result<usize, LedgerError> {
        let fresh = self.store.commit(records, upto)?;
        let mut moments = self.moments.lock().unwrap();
        let dir = self.to.join(moments.len().to_string());
        copy(&self.dir, &dir);
        let mut committed = moments.last().map(|m| m.committed.clone()).unwrap_or_default();
        committed.extend(records.iter().filter_map(|kept| match kept {
            Kept::Record(r, _) => Some(r.attempt_id as u64),
            Kept::Lesson(..) => None,
        }));
        moments.push(Moment { dir, committed });
        Ok(fresh)
    }

    fn mark(&mut self) -> Result<Mark, LedgerError> {
        self.store.mark()
    }

    fn lost(&mut self, records: u64) -> Result<(), LedgerError> {
        self.store.lost(records)
    }

    fn renew(&mut self) -> Result<(), LedgerError> {
        self.store.renew()
    }
}

/// Each page of `name` as it was at one of the moments.
fn mixed(moments: &[Moment], name: &str, seed: u64) -> Vec<u8> {
    let files: Vec<Vec<u8>> = moments.iter().map(|m| std::fs::read(m.dir.join(name)).unwrap()).collect();
    let mut out = Vec::with_capacity(files[0].len());
    for (at, page) in files[0].chunks(4096).enumerate() {
        let from = &files[(mix(seed ^ at as u64) % files.len() as u64) as usize];
        out.extend_from_slice(&from[at * 4096..at * 4096 + page.len()]);
    }
    out
}

/// The log of one moment, with the first part of what the next one added.
fn log_with_tail(now: &Path, next: &Path, seed: u64) -> Option<Vec<u8>> {
    let [mut log, next] = [now, next].map(|dir| std::fs::read(dir.join("ledger.sqlite-wal")).unwrap());
    let more = next.strip_prefix(log.as_slice())?;
    log.extend_from_slice(&more[..(mix(seed) % (more.len() as u64 + 1)) as usize]);
    Some(log)
}

#[test]
fn fault_52_power_lost_at_every_commit_loses_no_commit_and_doubles_nothing() {
    let root = tempdir().unwrap();
    let (dir, to) = (root.path().join("live"), root.path().join("moments"));
    std::fs::create_dir_all(&dir).unwrap();
    let moments = Arc::new(Mutex::new(Vec::new()));
    let sink = Snapping { store: Store::open(&dir).unwrap(), dir: dir.clone(), to, moments: Arc::clone(&moments) };
    let lock = lock::take(&dir, Duration::ZERO).unwrap();
    let ledger = Ledger::over(&dir, options(), lock, Box::new(sink)).unwrap();
    // Told only after the commit: what a strict key or route was told.
    let told = Arc::new(Mutex::new(BTreeSet::new()));
    for n in 0..120 {
        let mut slot = ledger.outlet().reserve(true).unwrap();
        slot.sent(&estimate(n));
        let told = Arc::clone(&told);
        slot.put_then(record(n), Box::new(move || assert!(told.lock().unwrap().insert(n), "told twice")));
        if n % 6 == 5 {
            assert!(ledger.flush(super::SOON));
        }
    }
    drop(ledger);
    assert_eq!(told.lock().unwrap().len(), 120);
    let moments = moments.lock().unwrap();
    assert!(moments.len() >= 20, "{}", moments.len());
    let mut tails = 0;
    for (at, moment) in moments.iter().enumerate() {
        for seed in 0..4 {
            let seed = mix(seed << 32 | at as u64);
            let after = tempdir().unwrap();
            copy(&moment.dir, after.path());
            // Of the mapped files any page may be as old as the first moment, or as new as just before the next commit.
            let next = moments.get(at + 1);
            let window = &moments[..moments.len().min(at + 2)];
            for name in ["journal", "sent"] {
                std::fs::write(after.path().join(name), mixed(window, name, seed)).unwrap();
            }
            if let Some(log) = next.and_then(|next| log_with_tail(&moment.dir, &next.dir, seed)) {
                std::fs::write(after.path().join("ledger.sqlite-wal"), log).unwrap();
                tails += 1;
            }
            let ledger = Ledger::open(after.path(), options()).unwrap();
            drop(ledger);
            let found = all(after.path());
            for n in &moment.committed {
                assert_eq!(found.get(n), Some(&record(*n)), "after commit {at}: {n} was committed");
            }
            for (n, r) in &found {
                assert!(*r == record(*n) || *r == estimate(*n), "after commit {at}: {r:?}");
            }
            let found = checked(after.path());
            assert!(found.bad.is_empty() && found.records == found.expected, "after commit {at}: {found:?}");
        }
    }
    assert!(tails > 20, "the log was never torn: {tails}");
}

/// An attempt that has been under way for a second is brought to the disk: the writer waits for its page.
#[test]
fn a_long_attempt_is_synced_once() {
    let dir = tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), options()).unwrap();
    let mut slot = ledger.outlet().reserve(true).unwrap();
    slot.sent(&estimate(1));
    super::wait("synced", || ledger.state().synced == 1);
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(ledger.state().synced, 1);
    slot.put(record(1));
}
