//! Tests of what the ledger promises when things go wrong: crashes, loss of power, damage. Named by the numbers of the catalogue
//! of faults.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod crash;
mod damage;
mod histories;
mod power;

use crate::journal::Mark;
use crate::sample::record;
use crate::store::{Kept, Sink, Store};
use crate::{Ledger, LedgerError, Options, Verified, lock, verify};
use decide::{Nanousd, Outcome, Record, Usage};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(20);

/// Small files, so that they are quickly made and copied.
fn options() -> Options {
    Options {
        journal_bytes: 64 << 10,
        under_way: 60,
        linger: Duration::from_millis(1),
        patience: Duration::ZERO,
        ..Options::default()
    }
}

/// The estimate that goes with [`record`].
fn estimate(n: u64) -> Record {
    Record {
        outcome: Outcome::Unknown,
        usage: Usage { input: n, output: 7, estimated: true, ..Usage::default() },
        cost: Some(Nanousd(42)),
        error: None,
        ..record(n)
    }
}

fn checked(dir: &Path) -> Verified {
    verify(dir, &mut |_, _| {}).unwrap()
}

/// Everything in the ledger by number; twice the same number fails.
fn all(dir: &Path) -> BTreeMap<u64, Record> {
    let mut found = BTreeMap::new();
    for r in crate::records(dir, None, usize::MAX).unwrap() {
        let number = r.attempt_id as u64;
        assert!(found.insert(number, r).is_none(), "{number} is there twice");
    }
    found
}

/// What a crash now would leave: the files as they are, but for the lock.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != "lock" && entry.file_name() != "ledger.sqlite-shm" {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

fn wait(what: &str, until: impl Fn() -> bool) {
    let start = Instant::now();
    while !until() {
        assert!(start.elapsed() < SOON, "never: {what}");
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// A real store with a gate: while it is shut, nothing is written.
struct Gated {
    store: Store,
    open: Arc<AtomicBool>,
}

fn gated(dir: &Path, options: Options) -> (Ledger, Arc<AtomicBool>) {
    let open = Arc::new(AtomicBool::new(true));
    let lock = lock::take(dir, Duration::ZERO).unwrap();
    let sink = Gated { store: Store::open(dir).unwrap(), open: Arc::clone(&open) };
    (Ledger::over(dir, options, lock, Box::new(sink)).unwrap(), open)
}

impl Sink for Gated {
    fn commit(&mut self, records: &[Kept<'_>], upto: Option<Mark>) -> Result<usize, LedgerError> {
        if self.open.load(SeqCst) {
            self.store.commit(records, upto)
        } else {
            Err(LedgerError::Store { what: "pass the gate", source: rusqlite::Error::InvalidQuery })
        }
    }

    fn mark(&mut self) -> Result<Mark, LedgerError> {
        self.store.mark()
    }

    fn lost(&mut self, records: u64) -> Result<(), LedgerError> {
        self.store.lost(records)
    }

    fn renew(&mut self) -> Result<(), LedgerError> {
        Ok(())
    }
}
