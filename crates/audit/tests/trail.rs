//! A trail as a server writes it: closed, killed, reopened, full, failing, by many threads at once.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "sample/world.rs"]
mod sample;

use audit::{AuditError, Check, Options, Trail, Verified, WhenFailing, verify};
use decide::{DataClass, Taken};
use sample::World;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(20);

fn open(dir: &Path) -> Trail {
    Trail::open(dir, Options::default(), "test 1").unwrap()
}

fn check(dir: &Path) -> Verified {
    verify(dir, &Check::default(), &mut |_, _| {}).unwrap()
}

/// Tells `n` decisions and their ends, from `first` on.
fn tell(trail: &Trail, first: u64, n: u64) {
    let (world, witness) = (World::new(), trail.witness());
    for n in first..first + n {
        let decision = world.decision(n, DataClass::Internal, &[&world.edge, &world.openai]);
        let ending = world.ending(&decision, &world.edge);
        assert_eq!(witness.decided(decision, None), Taken::Recorded);
        witness.ended(ending);
    }
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.file_name().unwrap().to_str().unwrap().len() == 27)
        .collect();
    found.sort();
    found
}

fn lines(dir: &Path) -> Vec<serde_json::Value> {
    let text: String = segments(dir).iter().map(|p| std::fs::read_to_string(p).unwrap()).collect();
    text.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

fn kinds(dir: &Path) -> Vec<String> {
    lines(dir).iter().map(|l| l["kind"].as_str().unwrap().to_owned()).collect()
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < SOON, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn what_was_told_is_in_the_chain_and_a_restart_continues_it() {
    let dir = tempfile::tempdir().unwrap();
    let trail = open(dir.path());
    tell(&trail, 0, 3);
    trail.close().unwrap();
    let mut expected = vec!["start", "policy", "place", "place"];
    expected.extend(["decided", "ended"].repeat(3));
    expected.push("stop");
    assert_eq!(kinds(dir.path()), expected);
    let first = check(dir.path());
    assert!(first.is_whole(), "{first:?}");
    assert_eq!((first.records, first.signed_seq, first.segments), (11, 11, 1));

    let trail = open(dir.path());
    tell(&trail, 3, 1);
    trail.close().unwrap();
    let second = check(dir.path());
    assert!(second.is_whole(), "{second:?}");
    assert_eq!((second.records, &second.key, second.keys.len()), (18, &first.key, 1));
    let all = lines(dir.path());
    let decided = &all[4];
    assert_eq!(
        (&decided["request"], &decided["key_id"], &decided["class"]),
        (&"req-0".into(), &"clinic".into(), &"internal".into())
    );
    assert_eq!(decided["may"][1]["seat"], "US");
    assert_eq!((&all[5]["of"], &all[5]["sent"][0]["place"]), (&5.into(), &"edge".into()));
    assert_eq!(decided["policy"], all[1]["policy"], "the policy is written out before it is named");
}

#[test]
fn a_second_process_is_kept_out_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let trail = open(dir.path());
    let error = Trail::open(dir.path(), Options::default(), "test").err().unwrap();
    assert!(error.to_string().contains(&format!("in use by process {}", std::process::id())), "{error}");
    assert_eq!(check(dir.path()).in_use_by, Some(std::process::id()));
    trail.close().unwrap();
    assert_eq!(check(dir.path()).in_use_by, None);
}

#[test]
fn written_is_called_when_the_record_is_in_the_file_and_not_before() {
    let dir = tempfile::tempdir().unwrap();
    let trail = open(dir.path());
    let world = World::new();
    for n in 0..200 {
        let (tell, told) = sync_channel(1);
        let decision = world.decision(n, DataClass::Internal, &[&world.openai]);
        let path = segments(dir.path()).pop().unwrap();
        let written = Box::new(move || {
            let text = std::fs::read_to_string(&path).unwrap();
            tell.send(text.contains(&format!("\"request\":\"req-{n}\""))).unwrap();
        });
        assert_eq!(trail.witness().decided(decision, Some(written)), Taken::Recorded);
        assert!(told.recv_timeout(SOON).unwrap(), "decision {n}");
    }
    assert_eq!(trail.watch().state().open, 200);
    trail.close().unwrap();
}

#[test]
fn many_threads_tell_at_once_and_nothing_is_lost_or_doubled() {
    let dir = tempfile::tempdir().unwrap();
    let trail = open(dir.path());
    std::thread::scope(|s| {
        for t in 0..8 {
            let trail = &trail;
            s.spawn(move || tell(trail, t * 10_000, 500));
        }
    });
    trail.close().unwrap();
    let found = check(dir.path());
    assert!(found.is_whole(), "{found:?}");
    let all = lines(dir.path());
    let mut asks: Vec<&str> =
        all.iter().filter(|l| l["kind"] == "decided").map(|l| l["ask"].as_str().unwrap()).collect();
    asks.sort_unstable();
    asks.dedup();
    assert_eq!(asks.len(), 4_000);
    assert!(all.iter().filter(|l| l["kind"] == "ended").all(|l| l["of"].is_u64()));
}

#[test]
fn segments_are_rotated_signed_at_their_ends_and_old_ones_may_go() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: 20_000, ..Options::default() };
    let trail = Trail::open(dir.path(), options.clone(), "test").unwrap();
    for round in 0..10 {
        tell(&trail, round * 20, 20);
        until("writing", || trail.watch().state().pending == 0);
    }
    trail.close().unwrap();
    let found = check(dir.path());
    assert!(found.is_whole() && found.segments > 3, "{found:?}");
    // Whole old segments are deleted by hand: still verifiable, and said.
    let old = segments(dir.path());
    std::fs::remove_file(&old[0]).unwrap();
    std::fs::remove_file(&old[1]).unwrap();
    let found = check(dir.path());
    assert!(found.is_whole() && found.notes[0].contains("were deleted"), "{found:?}");
    // One from the middle is not.
    let third = std::fs::read(&old[3]).unwrap();
    std::fs::remove_file(&old[3]).unwrap();
    let found = check(dir.path());
    assert!(found.bad[0].why.contains("are missing before it"), "{found:?}");
    std::fs::write(&old[3], third).unwrap();
    // Nor one where no head vouches for the boundary.
    let heads = dir.path().join("heads.ndjson");
    let text = std::fs::read_to_string(&heads).unwrap();
    std::fs::write(&heads, "").unwrap();
    let found = check(dir.path());
    assert!(found.bad[0].why.contains("no signed head vouches"), "{found:?}");
    std::fs::write(&heads, text).unwrap();
    // By age: all but the newest go at the next rotation.
    let options = Options { keep: Some(Duration::ZERO), ..options };
    let trail = Trail::open(dir.path(), options, "test").unwrap();
    std::thread::sleep(Duration::from_millis(5));
    for round in 0..3 {
        tell(&trail, 1_000 + round * 20, 20);
        until("writing", || trail.watch().state().pending == 0);
    }
    trail.close().unwrap();
    assert!(kinds(dir.path()).iter().any(|k| k == "pruned"));
    assert!(!old[2].exists());
    let found = check(dir.path());
    assert!(found.is_whole(), "{found:?}");
}

#[test]
fn an_unfinished_record_is_cut_off_and_said_in_the_chain() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).close().unwrap();
    let path = segments(dir.path()).pop().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.extend_from_slice(b"{\"prev\":\"00");
    std::fs::write(&path, &bytes).unwrap();
    let found = check(dir.path());
    assert!(found.bad[0].why.contains("unfinished") && found.bad[0].line == 3, "{found:?}");
    open(dir.path()).close().unwrap();
    let found = check(dir.path());
    assert!(found.is_whole(), "{found:?}");
    assert_eq!(lines(dir.path())[2]["torn"]["bytes"], 11);
}

#[test]
fn records_that_a_head_has_signed_and_that_are_gone_leave_a_gap_that_stays_bad() {
    let dir = tempfile::tempdir().unwrap();
    let trail = open(dir.path());
    tell(&trail, 0, 2);
    trail.close().unwrap();
    let path = segments(dir.path()).pop().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let kept: String = text.lines().take(5).map(|l| format!("{l}\n")).collect();
    std::fs::write(&path, kept).unwrap();
    let trail = open(dir.path());
    tell(&trail, 5, 1);
    trail.close().unwrap();
    let found = check(dir.path());
    assert_eq!(found.gaps, [(6, 9)], "{found:?}");
    assert_eq!((found.bad[0].seq, found.bad.len()), (Some(10), 1), "{found:?}");
    assert!(found.bad[0].why.contains("records 6 to 9 were missing"), "{found:?}");
}

#[test]
fn a_damaged_trail_is_not_written_on() {
    let dir = tempfile::tempdir().unwrap();
    let trail = open(dir.path());
    tell(&trail, 0, 2);
    trail.close().unwrap();
    let path = segments(dir.path()).pop().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("req-1", "req-7", 1)).unwrap();
    let error = Trail::open(dir.path(), Options::default(), "test").err().unwrap();
    assert!(matches!(&error, AuditError::Damaged { line: 7, .. }), "{error}");
    assert!(error.to_string().contains("dewpoint audit verify"), "{error}");
}

/// A folder on a device that takes no bytes at all would need privileges; a segment that is a full device does not.
#[cfg(target_os = "linux")]
#[test]
fn while_it_cannot_write_what_may_leave_is_refused_and_local_goes_on() {
    for when_failing in [WhenFailing::Refuse, WhenFailing::GoOn] {
        let dir = tempfile::tempdir().unwrap();
        let day = Duration::from_secs(0);
        let options = Options {
            room: 40,
            when_failing,
            segment_bytes: 1,
            sync_after: day,
            patience: Duration::ZERO,
            ..Options::default()
        };
        let trail = Trail::open(dir.path(), options, "test").unwrap();
        // The next segment cannot be made: its name is taken by a folder.
        let blocker = dir.path().join(format!("{:020}.ndjson", 2));
        std::fs::create_dir(&blocker).unwrap();
        let (world, witness) = (World::new(), trail.witness());
        let local = |n| witness.decided(world.decision(n, DataClass::Internal, &[&world.edge]), None);
        assert_eq!(local(0), Taken::Recorded);
        until("trouble", || witness.trouble().is_some());
        let go_on = when_failing == WhenFailing::GoOn;
        fn either<T>(first: bool, a: T, b: T) -> T {
            if first { a } else { b }
        }
        assert_eq!(local(1), Taken::Recorded, "there is room for it");
        let cloud = || {
            let (tell, told) = sync_channel(1);
            let written = Box::new(move || tell.send(()).unwrap());
            let taken = witness.decided(world.decision(2, DataClass::Internal, &[&world.openai]), Some(written));
            (taken, told.recv().is_ok())
        };
        assert_eq!(cloud(), either(go_on, (Taken::Recorded, true), (Taken::Refused, false)));
        let both = witness.decided(world.decision(3, DataClass::Internal, &[&world.edge, &world.openai]), None);
        assert_eq!(both, either(go_on, Taken::Recorded, Taken::OwnGroundOnly));
        let sensitive = witness.decided(world.decision(4, DataClass::Sensitive, &[&world.edge]), None);
        assert_eq!(sensitive, either(go_on, Taken::Recorded, Taken::Refused));
        // A denial sends nothing.
        assert_eq!(witness.decided(world.decision(5, DataClass::Sensitive, &[]), None), Taken::Recorded);
        // When there is no more room, what goes on is counted.
        let lost = (6..60).filter(|n| local(*n) == Taken::Unrecorded).count() as u64;
        assert!(lost > 0);
        assert_eq!(trail.watch().state().lost, lost);
        // It recovers without a restart, and says in the chain what it does not have.
        std::fs::remove_dir(&blocker).unwrap();
        until("recovery", || witness.trouble().is_none() && trail.watch().state().pending == 0);
        assert_eq!(local(99), Taken::Recorded);
        trail.close().unwrap();
        let found = check(dir.path());
        assert!(found.is_whole(), "{found:?}");
        assert_eq!(found.lost, lost);
    }
}

#[cfg(unix)]
#[test]
fn a_deleted_segment_is_noticed_while_it_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { patience: Duration::from_millis(20), ..Options::default() };
    let trail = Trail::open(dir.path(), options, "test").unwrap();
    std::fs::remove_file(segments(dir.path()).pop().unwrap()).unwrap();
    tell(&trail, 0, 1);
    until("trouble", || trail.watch().state().failing.is_some_and(|why| why.contains("deleted")));
}

#[cfg(unix)]
#[test]
fn an_unwritable_folder_is_an_error_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Trail::open(&file.join("audit"), Options::default(), "test").err().unwrap();
    assert!(error.to_string().contains("cannot create") && error.to_string().contains("; check that"), "{error}");
}

/// What is acknowledged as written survives the process: the folder is copied while the server writes, at every moment that a kill
/// could come, and each copy opens, verifies and has every acknowledged decision.
#[test]
fn a_copy_of_the_folder_at_any_moment_recovers_with_all_that_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let trail = open(dir.path());
    let acknowledged = Arc::new(AtomicU64::new(0));
    let (world, witness) = (World::new(), trail.witness());
    std::thread::scope(|s| {
        let teller = s.spawn(|| {
            for n in 0..3_000 {
                let acknowledged = acknowledged.clone();
                let written = Box::new(move || {
                    acknowledged.fetch_add(1, Ordering::SeqCst);
                });
                let decision = world.decision(n, DataClass::Internal, &[&world.openai]);
                let ending = world.ending(&decision, &world.openai);
                assert_eq!(witness.decided(decision, Some(written)), Taken::Recorded);
                witness.ended(ending);
            }
        });
        let mut copies = 0;
        while !teller.is_finished() || copies < 3 {
            let copy = tempfile::tempdir().unwrap();
            let before = acknowledged.load(Ordering::SeqCst);
            // Heads first: what a head speaks of was written before it.
            let mut names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
            names.sort();
            names.reverse();
            for name in names {
                std::fs::copy(dir.path().join(&name), copy.path().join(&name)).unwrap();
            }
            open(copy.path()).close().unwrap();
            let found = check(copy.path());
            assert!(found.is_whole(), "{found:?}");
            let has = kinds(copy.path()).iter().filter(|k| *k == "decided").count() as u64;
            assert!(has >= before, "{has} of {before} acknowledged");
            copies += 1;
        }
    });
    trail.close().unwrap();
}
