//! Disks that fail under a running ledger: full, replaced, limited. While it fails, what costs money is refused and the rest goes on while
//! there is room; it recovers without a restart, and nothing is lost.
//!
//! Children are this test program again; each does nothing unless the environment names a folder.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]
#![cfg(unix)]

#[path = "sample/record.rs"]
mod sample;

use decide::{Outlet, OutletFull};
use ledger::{Condition, Ledger, Options, WhenFailing, records, verify};
use sample::record;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::tempdir;

const SOON: Duration = Duration::from_secs(30);
const DIR: &str = "LEDGER_DISK_DIR";

fn options() -> Options {
    Options { journal_bytes: 1 << 20, under_way: 60, ..Options::default() }
}

fn wait(what: &str, until: impl Fn() -> bool) {
    let start = Instant::now();
    while !until() {
        assert!(start.elapsed() < SOON, "never: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn failing(ledger: &Ledger) -> Option<String> {
    match ledger.state().condition {
        Condition::Writing => None,
        Condition::Failing(why) => Some(why),
    }
}

/// Puts free records until the ledger fails; gives the next number and why it fails.
fn until_failing(ledger: &Ledger, mut next: u64) -> (u64, String) {
    let (outlet, start) = (ledger.outlet(), Instant::now());
    loop {
        if let Some(why) = failing(ledger) {
            return (next, why);
        }
        assert!(start.elapsed() < SOON, "never failing");
        outlet.reserve(false).unwrap().put(record(next));
        next += 1;
        ledger.flush(Duration::from_millis(20));
    }
}

/// While it fails: paid is refused at once, free goes on. Gives the next number.
fn while_failing(outlet: &Arc<dyn Outlet>, mut next: u64) -> u64 {
    let start = Instant::now();
    assert_eq!(outlet.reserve(true).err(), Some(OutletFull));
    assert!(start.elapsed() < Duration::from_millis(100));
    assert!(outlet.trouble().is_some_and(|t| !t.refuses_all));
    for _ in 0..20 {
        outlet.reserve(false).unwrap().put(record(next));
        next += 1;
    }
    next
}

/// It writes again by itself, paid attempts are taken, and everything is there.
fn recovered(ledger: Ledger, dir: &Path, next: u64) {
    wait("writing again", || ledger.flush(Duration::from_secs(1)));
    assert_eq!((ledger.state().condition, ledger.outlet().trouble()), (Condition::Writing, None));
    ledger.outlet().reserve(true).unwrap().put(record(next));
    ledger.close().unwrap();
    let mut numbers: Vec<u64> = records(dir, None, usize::MAX).unwrap().iter().map(|r| r.attempt_id as u64).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..=next).collect::<Vec<_>>());
    assert!(verify(dir, &mut |_, _| {}).unwrap().is_whole());
}

fn named(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from)
}

/// This program again, one of its tests alone, with signal 25 (a file grown beyond its limit) ignored.
fn child(test: &str, dir: &Path, before: &str) -> std::process::Output {
    Command::new("sh")
        .args(["-c", &format!("trap '' XFSZ; {before} exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(DIR, dir)
        .output()
        .unwrap()
}

fn passed(output: &std::process::Output) {
    let text = [&output.stdout, &output.stderr].map(|t| String::from_utf8_lossy(t)).concat();
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
fn child_with_a_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Some(dir) = named(DIR) else { return };
    let ledger = Ledger::open(&dir, options()).unwrap();
    for n in 0..10 {
        ledger.outlet().reserve(true).unwrap().put(record(n));
    }
    assert!(ledger.flush(SOON));
    let before = getrlimit(Resource::Fsize);
    let log = std::fs::metadata(dir.join("ledger.sqlite-wal")).unwrap().len();
    setrlimit(Resource::Fsize, Rlimit { current: Some(log), maximum: before.maximum }).unwrap();
    let (next, why) = until_failing(&ledger, 10);
    println!("failing: {why}");
    let next = while_failing(&ledger.outlet(), next);
    setrlimit(Resource::Fsize, before).unwrap();
    recovered(ledger, &dir, next);
}

/// A limit on the size of files: every write of SQLite beyond it fails, as with a quota.
#[test]
fn fault_53_writes_that_fail_refuse_paid_and_recover() {
    let dir = tempdir().unwrap();
    passed(&child("child_with_a_limit", dir.path(), ""));
}

#[test]
fn child_on_a_small_disk() {
    let Some(dir) = named(DIR) else { return };
    let ledger = Ledger::open(&dir.join("ledger"), options()).unwrap();
    for n in 0..10 {
        ledger.outlet().reserve(true).unwrap().put(record(n));
    }
    assert!(ledger.flush(SOON));
    // Somebody else fills the disk.
    let filler = dir.join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    let full = std::iter::repeat_with(|| std::io::Write::write_all(&mut file, &[0; 4096])).find_map(Result::err);
    assert_eq!(full.unwrap().kind(), std::io::ErrorKind::StorageFull);
    let (next, why) = until_failing(&ledger, 10);
    assert!(why.contains("free some space"), "{why}");
    let next = while_failing(&ledger.outlet(), next);
    std::fs::remove_file(&filler).unwrap();
    drop(file);
    recovered(ledger, &dir.join("ledger"), next);
}

/// A real full disk: a small tmpfs in a mount namespace of its own. Without the right to mount it is skipped, and says so.
#[test]
fn fault_53_a_real_full_disk_refuses_paid_and_recovers() {
    let may = Command::new("unshare").args(["-m", "true"]).output();
    if !may.is_ok_and(|o| o.status.success()) {
        eprintln!(
            "SKIPPED: no right to mount a small disk here (run as root); the limit on file sizes is tested all the same"
        );
        return;
    }
    let dir = tempdir().unwrap();
    let mount = format!("mount -t tmpfs -o size=4m none '{}' &&", dir.path().display());
    let script = format!("trap '' XFSZ; {mount} exec \"$0\" \"$@\"");
    let output = Command::new("unshare")
        .args(["-m", "sh", "-c", &script])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "child_on_a_small_disk", "--nocapture", "--test-threads=1"])
        .env(DIR, dir.path())
        .output()
        .unwrap();
    passed(&output);
}

/// The database or its log is deleted under the running ledger. SQLite would go on writing to the file that has no name any more; here
/// it is seen at the next commit, and the records of that commit are in the new file. Without its log the database loses nothing.
#[test]
fn fault_53_a_deleted_database_is_seen_and_replaced() {
    for file in ["ledger.sqlite", "ledger.sqlite-wal"] {
        let dir = tempdir().unwrap();
        let ledger = Ledger::open(dir.path(), options()).unwrap();
        for n in 0..10 {
            ledger.outlet().reserve(true).unwrap().put(record(n));
        }
        assert!(ledger.flush(SOON));
        std::fs::remove_file(dir.path().join(file)).unwrap();
        for n in 10..20 {
            ledger.outlet().reserve(true).unwrap().put(record(n));
        }
        assert!(ledger.flush(SOON));
        assert_eq!(ledger.state().condition, Condition::Writing);
        ledger.close().unwrap();
        let found = records(dir.path(), None, usize::MAX).unwrap();
        let numbers: Vec<u64> = found.iter().rev().map(|r| r.attempt_id as u64).collect();
        let first = if file == "ledger.sqlite" { 10 } else { 0 };
        assert_eq!(numbers, (first..20).collect::<Vec<_>>(), "{file} deleted");
        assert!(verify(dir.path(), &mut |_, _| {}).unwrap().is_whole());
    }
}

/// Something that is no ledger lies in the database's place: it fails, says so, and goes on when the right file is back.
#[test]
fn fault_53_a_replaced_database_fails_until_it_is_back() {
    let dir = tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), options()).unwrap();
    ledger.outlet().reserve(true).unwrap().put(record(0));
    assert!(ledger.flush(SOON));
    let (path, aside) = (dir.path().join("ledger.sqlite"), dir.path().join("aside"));
    std::fs::rename(&path, &aside).unwrap();
    std::fs::write(&path, "no database ".repeat(1000)).unwrap();
    let (next, _) = until_failing(&ledger, 1);
    wait("named", || failing(&ledger).is_some_and(|why| why.contains("move ledger.sqlite away")));
    let next = while_failing(&ledger.outlet(), next);
    std::fs::rename(&aside, &path).unwrap();
    recovered(ledger, dir.path(), next);
}

#[test]
fn while_failing_everything_is_refused_where_that_is_wanted() {
    let dir = tempdir().unwrap();
    let options = Options { when_failing: WhenFailing::Refuse, ..options() };
    let ledger = Ledger::open(dir.path(), options).unwrap();
    let path = dir.path().join("ledger.sqlite");
    std::fs::rename(&path, dir.path().join("aside")).unwrap();
    std::fs::write(&path, "no database ".repeat(1000)).unwrap();
    ledger.outlet().reserve(false).unwrap().put(record(0));
    wait("failing", || failing(&ledger).is_some());
    assert_eq!(ledger.outlet().reserve(false).err(), Some(OutletFull));
    assert!(ledger.outlet().trouble().is_some_and(|t| t.refuses_all));
}
