//! Tests of a store that fails: nothing is lost, room is bounded, and it goes on without a restart.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use crate::journal::Mark;
use crate::sample::record;
use crate::store::{Kept, Sink, Store};
use crate::{Condition, Ledger, LedgerError, Options, lock};
use decide::OutletFull;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};
use tempfile::tempdir;

/// A real database that may not grow beyond so many pages: SQLite answers SQLITE_FULL, as on a full disk.
struct Squeezed {
    store: Store,
    pages: Arc<AtomicU32>,
}

impl Sink for Squeezed {
    fn commit(&mut self, records: &[Kept<'_>], upto: Option<Mark>) -> Result<usize, LedgerError> {
        self.store.conn()?.pragma_update(None, "max_page_count", self.pages.load(SeqCst)).unwrap();
        self.store.commit(records, upto)
    }

    fn renew(&mut self) -> Result<(), LedgerError> {
        self.store.renew()
    }

    fn mark(&mut self) -> Result<Mark, LedgerError> {
        self.store.mark()
    }

    fn lost(&mut self, records: u64) -> Result<(), LedgerError> {
        self.store.lost(records)
    }
}

fn options(room: usize) -> Options {
    Options { room, group: 64, patience: Duration::from_millis(200), ..Options::default() }
}

fn squeezed(dir: &Path, room: usize) -> (Ledger, Arc<AtomicU32>) {
    let pages = Arc::new(AtomicU32::new(u32::MAX - 1));
    let sink = Squeezed { store: Store::open(dir).unwrap(), pages: Arc::clone(&pages) };
    let lock = lock::take(dir, Duration::ZERO).unwrap();
    (Ledger::over(dir, options(room), lock, Box::new(sink)).unwrap(), pages)
}

fn wait(what: &str, until: impl Fn() -> bool) {
    let start = Instant::now();
    while !until() {
        assert!(start.elapsed() < Duration::from_secs(20), "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn failing(ledger: &Ledger) -> bool {
    matches!(ledger.state().condition, Condition::Failing(_))
}

/// Puts records from `first` on until the store fails and there is no room; gives the number after the last.
fn fill(ledger: &Ledger, first: u64) -> u64 {
    let (outlet, mut next, start) = (ledger.outlet(), first, Instant::now());
    loop {
        match outlet.reserve(false) {
            Ok(slot) => {
                slot.put(record(next));
                next += 1;
            }
            Err(OutletFull) if failing(ledger) => return next,
            Err(OutletFull) => assert!(start.elapsed() < Duration::from_secs(20), "never failing"),
        }
    }
}

fn ids(dir: &Path) -> Vec<u64> {
    let mut ids: Vec<u64> =
        crate::records(dir, None, usize::MAX).unwrap().iter().map(|r| r.attempt_id as u64).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn fault_53_a_full_disk_refuses_paid_keeps_free_and_recovers() {
    let dir = tempdir().unwrap();
    let (ledger, pages) = squeezed(dir.path(), 500);
    let outlet = ledger.outlet();
    for n in 0..10 {
        outlet.reserve(true).unwrap().put(record(n));
    }
    assert!(ledger.flush(Duration::from_secs(10)));
    pages.store(1, SeqCst);
    // It fails when the pages in use are full; from then on nothing leaves the bounded room.
    let next = fill(&ledger, 10);
    let state = ledger.state();
    assert_eq!((state.pending, state.reserved), (500, 0));
    assert!(state.refused > 0);
    assert!(
        matches!(&state.condition, Condition::Failing(why) if why.contains("full") && why.contains("free some space")),
        "{state:?}"
    );
    assert!(!ledger.flush(Duration::from_millis(50)));
    assert_eq!(outlet.reserve(true).err(), Some(OutletFull));
    pages.store(u32::MAX - 1, SeqCst);
    wait("drained", || ledger.flush(Duration::from_secs(1)));
    assert_eq!(ledger.state().condition, Condition::Writing);
    outlet.reserve(true).unwrap().put(record(next));
    ledger.close().unwrap();
    assert_eq!(ids(dir.path()), (0..=next).collect::<Vec<_>>());
}

#[test]
fn closed_while_failing_the_records_come_at_the_next_open() {
    let dir = tempdir().unwrap();
    let (ledger, pages) = squeezed(dir.path(), 300);
    pages.store(1, SeqCst);
    let end = fill(&ledger, 0);
    let error = ledger.close().unwrap_err();
    assert!(matches!(&error, LedgerError::Undrained { pending, .. } if *pending > 0), "{error}");
    let ledger = Ledger::open(dir.path(), options(300)).unwrap();
    assert!(ledger.recovery().replayed > 0);
    assert_eq!(ledger.recovery().missing, 0);
    drop(ledger);
    assert_eq!(ids(dir.path()), (0..end).collect::<Vec<_>>());
}

#[test]
fn a_database_locked_by_another_program_is_waited_for() {
    let dir = tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), options(100)).unwrap();
    let other = rusqlite::Connection::open(crate::store::path(dir.path())).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    ledger.outlet().reserve(true).unwrap().put(record(1));
    wait("failing", || failing(&ledger));
    assert_eq!(ledger.state().pending, 1);
    other.execute_batch("ROLLBACK").unwrap();
    assert!(ledger.flush(Duration::from_secs(10)));
    assert_eq!((ledger.state().condition, ledger.state().committed), (Condition::Writing, 1));
}

/// Fails before or after the real commit: after an error nobody knows which, so the same records come again.
struct Doubtful {
    store: Store,
    calls: u32,
}

impl Sink for Doubtful {
    fn commit(&mut self, records: &[Kept<'_>], upto: Option<Mark>) -> Result<usize, LedgerError> {
        self.calls += 1;
        let error = || LedgerError::Store { what: "pretend", source: rusqlite::Error::InvalidQuery };
        match self.calls % 4 {
            1 => Err(error()),
            2 => self.store.commit(records, upto).and(Err(error())),
            _ => self.store.commit(records, upto),
        }
    }

    fn renew(&mut self) -> Result<(), LedgerError> {
        self.store.renew()
    }

    fn mark(&mut self) -> Result<Mark, LedgerError> {
        self.store.mark()
    }

    fn lost(&mut self, records: u64) -> Result<(), LedgerError> {
        self.store.lost(records)
    }
}

#[test]
fn a_commit_of_unknown_end_is_repeated_without_doubling() {
    let dir = tempdir().unwrap();
    let sink = Box::new(Doubtful { store: Store::open(dir.path()).unwrap(), calls: 0 });
    let ledger =
        Ledger::over(dir.path(), options(5000), lock::take(dir.path(), Duration::ZERO).unwrap(), sink).unwrap();
    for n in 0..1000 {
        ledger.outlet().reserve(false).unwrap().put(record(n));
    }
    assert!(ledger.flush(Duration::from_secs(20)));
    ledger.close().unwrap();
    assert_eq!(ids(dir.path()), (0..1000).collect::<Vec<_>>());
}

struct Panics(Arc<AtomicBool>);

impl Sink for Panics {
    fn commit(&mut self, _: &[Kept<'_>], _: Option<Mark>) -> Result<usize, LedgerError> {
        self.0.store(true, SeqCst);
        panic!("on purpose");
    }

    fn renew(&mut self) -> Result<(), LedgerError> {
        Ok(())
    }

    fn mark(&mut self) -> Result<Mark, LedgerError> {
        Ok(Mark::default())
    }

    fn lost(&mut self, _: u64) -> Result<(), LedgerError> {
        Ok(())
    }
}

#[test]
fn a_dead_writer_is_seen_refuses_and_loses_nothing() {
    let dir = tempdir().unwrap();
    let sink = Box::new(Panics(Arc::default()));
    let ledger = Ledger::over(dir.path(), options(100), lock::take(dir.path(), Duration::ZERO).unwrap(), sink).unwrap();
    let outlet = ledger.outlet();
    let (first, late) = (outlet.reserve(true).unwrap(), outlet.reserve(true).unwrap());
    first.put(record(1));
    wait("failing", || failing(&ledger));
    assert_eq!(outlet.reserve(true).err(), Some(OutletFull));
    assert!(!ledger.flush(Duration::from_secs(5)));
    late.put(record(2));
    assert!(ledger.close().is_err());
    assert_eq!(ids(dir.path()), [1, 2]);
}

/// A real store that answers as SQLite does when the file system fails in a certain way, until it is mended.
struct Broken {
    store: Store,
    code: Arc<AtomicU32>,
}

impl Sink for Broken {
    fn commit(&mut self, records: &[Kept<'_>], upto: Option<Mark>) -> Result<usize, LedgerError> {
        match self.code.load(SeqCst) {
            0 => self.store.commit(records, upto),
            code => {
                let source = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code as i32), None);
                Err(LedgerError::Store { what: "write to the ledger's database", source })
            }
        }
    }

    fn renew(&mut self) -> Result<(), LedgerError> {
        self.store.renew()
    }

    fn mark(&mut self) -> Result<Mark, LedgerError> {
        self.store.mark()
    }

    fn lost(&mut self, records: u64) -> Result<(), LedgerError> {
        self.store.lost(records)
    }
}

#[test]
fn fault_53_io_errors_failed_fsync_read_only_and_damage_are_said_refused_and_survived() {
    use rusqlite::ffi;
    for (code, said) in [
        (ffi::SQLITE_IOERR_WRITE, "I/O"),
        (ffi::SQLITE_IOERR_FSYNC, "I/O"),
        (ffi::SQLITE_READONLY, "writable"),
        (ffi::SQLITE_FULL, "free some space"),
        (ffi::SQLITE_CORRUPT, "backup"),
    ] {
        let dir = tempdir().unwrap();
        let broken = Arc::new(AtomicU32::new(0));
        let sink = Box::new(Broken { store: Store::open(dir.path()).unwrap(), code: Arc::clone(&broken) });
        let lock = lock::take(dir.path(), Duration::ZERO).unwrap();
        let ledger = Ledger::over(dir.path(), options(100), lock, sink).unwrap();
        let outlet = ledger.outlet();
        broken.store(code as u32, SeqCst);
        outlet.reserve(true).unwrap().put(record(0));
        wait("failing", || failing(&ledger));
        let why = outlet.trouble().unwrap().why;
        assert!(why.contains(said), "{why}");
        assert_eq!(outlet.reserve(true).err(), Some(OutletFull), "{why}");
        outlet.reserve(false).unwrap().put(record(1));
        broken.store(0, SeqCst);
        assert!(ledger.flush(Duration::from_secs(20)));
        assert_eq!(outlet.trouble(), None);
        outlet.reserve(true).unwrap().put(record(2));
        ledger.close().unwrap();
        assert_eq!(ids(dir.path()), [0, 1, 2]);
    }
}
