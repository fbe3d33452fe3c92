//! Histories of attempts against a model: reserved, sent, settled, dropped, crashed and recovered in any order.

use super::{all, checked, copy, estimate, gated, options, wait};
use crate::sample::{lesson, record};
use crate::{Condition, Ledger, Options};
use decide::{Lessons, Outcome, Record, Slot};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;
use tempfile::tempdir;

#[derive(Debug, Clone)]
enum Step {
    Reserve,
    Sent(prop::sample::Index),
    Put(prop::sample::Index),
    Drop(prop::sample::Index),
    Flush,
    Learn,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        6 => Just(Step::Reserve),
        6 => index().prop_map(Step::Sent),
        6 => index().prop_map(Step::Put),
        2 => index().prop_map(Step::Drop),
        1 => Just(Step::Flush),
        4 => Just(Step::Learn),
        1 => Just(Step::Crash),
    ]
}

/// A slot that is out.
struct Out {
    number: u64,
    sent: bool,
    slot: Box<dyn Slot>,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// After any history with any number of crashes: what was put is there as it was put; what was sent and not put is there as
    /// unknown at its estimate; what was not sent is not there; nothing is there twice; `verify` finds nothing.
    #[test]
    fn fault_51_every_sent_attempt_has_exactly_one_end(steps in proptest::collection::vec(step(), 1..120)) {
        let root = tempdir().unwrap();
        let mut dir = root.path().join("0");
        std::fs::create_dir(&dir).unwrap();
        let (mut ledger, mut gate) = gated(&dir, options());
        let (mut model, mut lessons) = (BTreeMap::<u64, Record>::new(), Vec::new());
        let (mut out, mut next, mut lives) = (Vec::<Out>::new(), 1, 0);
        for step in steps {
            match step {
                Step::Reserve => if out.len() < 20 {
                    out.push(Out { number: next, sent: false, slot: ledger.outlet().reserve(true).unwrap() });
                    next += 1;
                },
                Step::Sent(at) => if !out.is_empty() {
                    let o = at.get_mut(&mut out);
                    if !o.sent {
                        o.slot.sent(&estimate(o.number));
                        o.sent = true;
                        model.insert(o.number, estimate(o.number));
                    }
                },
                Step::Put(at) => if !out.is_empty() {
                    let o = out.swap_remove(at.index(out.len()));
                    o.slot.put(record(o.number));
                    model.insert(o.number, record(o.number));
                },
                Step::Drop(at) => if !out.is_empty() {
                    drop(out.swap_remove(at.index(out.len())));
                },
                Step::Learn => {
                    // Every third is said again, with another score.
                    let lesson = lesson(lessons.len() as u64 / 3 * 3);
                    let lesson = decide::Lesson { score_permille: lessons.len() as u16, ..lesson };
                    ledger.memory().take(lesson.clone());
                    lessons.push(lesson);
                }
                Step::Flush => prop_assert!(ledger.flush(super::SOON)),
                Step::Crash => {
                    // The writer stops between two commits, and everybody else stops where they are.
                    gate.store(false, SeqCst);
                    wait("the writer stands", || {
                        let state = ledger.state();
                        state.pending + state.lessons_pending == 0 || state.condition != Condition::Writing
                    });
                    lives += 1;
                    let after = root.path().join(lives.to_string());
                    copy(&dir, &after);
                    out.drain(..).for_each(|o| std::mem::forget(o.slot));
                    drop(ledger);
                    dir = after;
                    (ledger, gate) = gated(&dir, options());
                    prop_assert_eq!(ledger.recovery().missing, 0);
                }
            }
        }
        drop(out);
        prop_assert!(ledger.flush(super::SOON));
        prop_assert_eq!((ledger.state().reserved, ledger.state().under_way), (0, 0));
        drop(ledger);
        prop_assert_eq!(all(&dir), model);
        let mut last = BTreeMap::new();
        lessons.into_iter().for_each(|l| drop(last.insert(l.at_unix_ms, l)));
        prop_assert_eq!(crate::lessons(&dir, None).unwrap(), last.into_values().collect::<Vec<_>>());
        let found = checked(&dir);
        prop_assert!(found.is_whole(), "{:?}", found);
    }
}

/// An answer that streams for long blocks nobody: others turn the ring over again and again, and its estimate stays.
#[test]
fn fault_51_an_attempt_under_way_outlives_many_turns_of_the_ring() {
    let root = tempdir().unwrap();
    let (dir, after) = (root.path().join("before"), root.path().join("after"));
    let ledger = Ledger::open(&dir, options()).unwrap();
    let mut long = ledger.outlet().reserve(true).unwrap();
    long.sent(&estimate(1_000_000));
    for n in 0..3000 {
        wait("room", || ledger.outlet().reserve(true).is_ok());
        let mut slot = ledger.outlet().reserve(true).unwrap();
        slot.sent(&estimate(n));
        slot.put(record(n));
    }
    assert!(ledger.flush(super::SOON));
    assert_eq!((ledger.state().under_way, ledger.state().reserved), (1, 1));
    copy(&dir, &after);
    let ledger = Ledger::open(&after, options()).unwrap();
    assert_eq!((ledger.recovery().unknown, ledger.recovery().missing), (1, 0));
    drop(ledger);
    let found = all(&after);
    assert_eq!((found.len(), &found[&1_000_000]), (3001, &estimate(1_000_000)));
    // And once: the next start has nothing to take in.
    let ledger = Ledger::open(&after, options()).unwrap();
    assert_eq!(*ledger.recovery(), crate::Recovery::default());
    long.put(record(1_000_000));
}

#[test]
fn as_many_may_be_under_way_as_there_are_cells() {
    let dir = tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), Options { journal_bytes: 1 << 20, ..options() }).unwrap();
    let mut slots: Vec<_> = std::iter::from_fn(|| ledger.outlet().reserve(true).ok()).collect();
    assert_eq!(slots.len(), 60);
    slots.iter_mut().zip(0..).for_each(|(slot, n)| slot.sent(&estimate(n)));
    assert_eq!(ledger.state().under_way, 60);
    slots.pop().unwrap().put(record(59));
    ledger.outlet().reserve(true).unwrap().put(record(60));
    drop(slots);
    assert!(ledger.flush(super::SOON));
    assert_eq!((ledger.state().abandoned, ledger.state().committed), (59, 61));
}

#[test]
fn sent_twice_counts_once_and_a_long_estimate_is_cut() {
    let dir = tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), options()).unwrap();
    let mut slot = ledger.outlet().reserve(true).unwrap();
    let long = Record { asked: "é".repeat(90_000).into(), decision: "x".repeat(700).into(), ..estimate(1) };
    slot.sent(&long);
    slot.sent(&estimate(2));
    assert_eq!(ledger.state().under_way, 1);
    drop(slot);
    drop(ledger);
    let found = all(dir.path());
    let kept = &found[&1];
    assert_eq!((found.len(), kept.outcome, kept.usage, kept.cost), (1, Outcome::Unknown, long.usage, long.cost));
    assert!(kept.asked.ends_with("é…") && kept.asked.len() <= 128, "{}", kept.asked);
}

/// A strict record: told once it is committed, and not before.
#[test]
fn put_then_tells_when_the_record_is_committed() {
    let dir = tempdir().unwrap();
    let (ledger, gate) = gated(dir.path(), options());
    gate.store(false, SeqCst);
    let (tell, told) = std::sync::mpsc::channel();
    ledger.outlet().reserve(true).unwrap().put_then(record(1), Box::new(move || tell.send(()).unwrap()));
    assert!(told.recv_timeout(Duration::from_millis(50)).is_err(), "told before the commit");
    gate.store(true, SeqCst);
    told.recv_timeout(super::SOON).unwrap();
    // Told, it is in the database as another process sees it.
    assert_eq!(all(dir.path()).len(), 1);
}

/// The wall clock jumps by an hour in either direction, repeats itself, or stands still.
#[test]
fn fault_55_records_survive_a_wall_clock_that_jumps_or_stands() {
    const HOUR: u64 = 3_600_000;
    let dir = tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), options()).unwrap();
    let start = record(0).arrived_unix_ms;
    let times = [start, start + HOUR, start, start - HOUR, start - HOUR, start, 0, u64::MAX, start];
    for (time, n) in times.into_iter().zip(0..) {
        ledger.outlet().reserve(true).unwrap().put(Record { arrived_unix_ms: time, ..record(n) });
    }
    drop(ledger);
    let found = all(dir.path());
    assert_eq!(found.len(), times.len());
    for (n, r) in &found {
        assert_eq!(
            (r.total_us, r.ttft_us),
            (record(*n).total_us, record(*n).ttft_us),
            "durations are not of the wall clock"
        );
    }
    let report =
        crate::report(dir.path(), crate::Query { since_unix_ms: Some(start), ..crate::Query::default() }).unwrap();
    assert_eq!((report.total.attempts, report.first_unix_ms), (6, Some(start)));
    assert!(checked(dir.path()).is_whole());
}

/// While nothing is written, lessons wait up to a bound; those beyond it are dropped and counted, and attempts still have room.
#[test]
fn lessons_wait_up_to_a_bound_and_never_crowd_out_attempts() {
    let dir = tempdir().unwrap();
    let (ledger, gate) = gated(dir.path(), Options { journal_bytes: 32 << 20, room: 9, ..options() });
    gate.store(false, SeqCst);
    let memory = ledger.memory();
    (0..4_097).for_each(|n| memory.take(lesson(n)));
    let state = ledger.state();
    assert_eq!((state.lessons_pending, state.lessons_dropped, state.pending), (4_096, 1, 0));
    (0..9).for_each(|n| ledger.outlet().reserve(false).unwrap().put(record(n)));
    assert!(ledger.outlet().reserve(false).is_err());
    gate.store(true, SeqCst);
    assert!(ledger.flush(super::SOON));
    let state = ledger.state();
    assert_eq!((state.lessons, state.lessons_pending, state.committed, state.repeated), (4_096, 0, 9, 0));
    assert_eq!(crate::lessons(dir.path(), None).unwrap(), (0..4_096).map(lesson).collect::<Vec<_>>());
    drop(ledger);
    assert!(checked(dir.path()).is_whole());
}

/// A small journal: an eighth of it at most.
#[test]
fn lessons_take_an_eighth_of_the_journal() {
    let dir = tempdir().unwrap();
    let (ledger, gate) = gated(dir.path(), options());
    gate.store(false, SeqCst);
    let memory = ledger.memory();
    (0..1_000).for_each(|n| memory.take(lesson(n)));
    let kept = ledger.state().lessons_pending;
    assert!((30..110).contains(&kept), "{kept} of about 100 bytes in 7 KiB");
    let out = (0..12).map(|_| ledger.outlet().reserve(true)).filter(Result::is_ok).count();
    assert_eq!(out, 12);
}

/// What is said of an answer a moment after it was given finds it; and after a restart the ledger has it.
#[test]
fn who_answered_is_known_at_once_and_after_a_restart() {
    use decide::Recall;
    let dir = tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), options()).unwrap();
    // An id of ours, with its moment in it; and one that a caller chose.
    let answered = |id: &str, ms| Record {
        request_id: id.into(),
        arrived_unix_ms: ms,
        key: Some("k".into()),
        endpoint: "chat".into(),
        outcome: Outcome::Ok,
        place: Some(decide::PlaceId::new("edge")),
        model: Some("tiny".into()),
        ..record(ms % 1_000)
    };
    let ours = "req_01ARZ3NDEKTSV4RRFFQ69G5FAV";
    for r in [answered(ours, 1_469_922_850_259), answered("theirs", 1_469_922_850_260)] {
        ledger.outlet().reserve(true).unwrap().put(r);
    }
    let memory = ledger.memory();
    for id in [ours, "theirs"] {
        assert_eq!(memory.older(id, Some("k")).unwrap().unwrap().by.unwrap().1.as_ref(), "tiny");
        assert_eq!(memory.older(id, None), Ok(None), "another caller");
        assert!(memory.recent(id, Some("k")).is_some());
    }
    ledger.close().unwrap();
    let ledger = Ledger::open(dir.path(), options()).unwrap();
    let memory = ledger.memory();
    for id in [ours, "theirs"] {
        assert_eq!(memory.recent(id, Some("k")), None);
        assert_eq!(memory.older(id, Some("k")).unwrap().unwrap().by.unwrap().0.as_str(), "edge");
        assert_eq!(memory.older(id, Some("other")), Ok(None));
    }
    assert_eq!(memory.older("req_01ARZ3NDEKTSV4RRFFQ69G5FAX", Some("k")), Ok(None));
}

/// What is taken after the moment is not in it.
#[test]
fn the_past_is_as_it_was() {
    let dir = tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), options()).unwrap();
    let memory = ledger.memory();
    (0..5).for_each(|n| memory.take(lesson(n)));
    assert!(ledger.flush(super::SOON));
    let past = ledger.past().unwrap();
    (5..9).for_each(|n| memory.take(lesson(n)));
    assert!(ledger.flush(super::SOON));
    let all = crate::Sought::default();
    assert_eq!(past.lessons(&all).unwrap().len(), 5);
    assert_eq!(ledger.past().unwrap().lessons(&all).unwrap().len(), 9);
    let one = crate::Sought { limit: Some(1), ..all };
    assert_eq!(ledger.past().unwrap().lessons(&one).unwrap(), [lesson(8)]);
}
