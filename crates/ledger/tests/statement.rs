//! Statements from outside: they are the sums of the records, to the nano-dollar, whoever reads and whatever is written meanwhile.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

#[path = "sample/month.rs"]
mod month;
#[path = "sample/record.rs"]
mod sample;

use decide::{Nanousd, Outcome, Priced, Record};
use ledger::{DAY_MS, Dim, Ledger, LedgerError, Name, Options, Period, Sums, View, Wanted, records, statement, verify};
use proptest::prelude::*;
use sample::record;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use tempfile::tempdir;

fn filled(dir: &Path, records: &[Record]) {
    let ledger = Ledger::open(dir, Options { journal_bytes: 1 << 20, ..Options::default() }).unwrap();
    let outlet = ledger.outlet();
    records.iter().for_each(|r| outlet.reserve(true).unwrap().put(r.clone()));
    ledger.close().unwrap();
}

fn wanted(period: Period, views: Vec<View>, readers: usize) -> Wanted {
    Wanted { period, place: None, views, readers }
}

fn name(dim: Dim, r: &Record) -> Name {
    let text = |t: Option<&str>| t.map_or(Name::None, |t| Name::Text(t.to_owned()));
    match dim {
        Dim::All => Name::None,
        Dim::Team => text(r.team.as_deref()),
        Dim::Key => text(r.key.as_deref()),
        Dim::Place => text(r.place.as_ref().map(decide::PlaceId::as_str)),
        Dim::Model => text(r.model.as_deref()),
        Dim::Task => text(Some(r.task.as_str())),
        Dim::Kind => text(r.kind.map(decide::Kind::as_str)),
        Dim::Day => Name::Day((r.arrived_unix_ms / DAY_MS) as u32),
    }
}

/// The sums of records, by hand.
fn same(sums: &Sums, of: &[&Record]) {
    let count = |f: &dyn Fn(&Record) -> bool| of.iter().filter(|r| f(r)).count() as u64;
    let outcome = |o: Outcome| count(&|r: &Record| r.outcome == o);
    assert_eq!((sums.attempts, sums.requests), (of.len() as u64, count(&|r| r.attempt == 0)));
    assert_eq!(
        (sums.ok, sums.failed, sums.cancelled),
        (outcome(Outcome::Ok), outcome(Outcome::Failed), outcome(Outcome::Cancelled))
    );
    assert_eq!((sums.refused, sums.unknown), (outcome(Outcome::Refused), outcome(Outcome::Unknown)));
    let sum = |f: &dyn Fn(&Record) -> i128| of.iter().map(|r| f(r)).sum::<i128>();
    assert_eq!((sums.input, sums.output), (sum(&|r| r.usage.input.into()), sum(&|r| r.usage.output.into())));
    assert_eq!((sums.cached, sums.reasoning), (sum(&|r| r.usage.cached.into()), sum(&|r| r.usage.reasoning.into())));
    let spent = |r: &Record| r.full.or(r.cost).map(|c| i128::from(c.0));
    // What was refused and has no cost was sent nowhere; where it has one, it counts.
    let sent = |r: &Record| r.outcome != Outcome::Refused || spent(r).is_some();
    let money = |f: &dyn Fn(&Record) -> bool| sum(&|r| if f(r) { spent(r).unwrap_or(0) } else { 0 });
    assert_eq!(sums.spend.nanousd, money(&|_| true));
    assert_eq!(sums.spend.unknown, count(&|r| sent(r) && spent(r).is_none()));
    assert_eq!(sums.spend.known + sums.spend.unknown, count(&sent));
    assert_eq!(sums.marginal.nanousd, sum(&|r| r.cost.map_or(0, |c| c.0.into())));
    assert_eq!(sums.full.nanousd, sum(&|r| r.full.map_or(0, |c| c.0.into())));
    assert_eq!(sums.estimated.nanousd, money(&|r| r.usage.estimated || r.priced == Priced::Estimated));
    assert_eq!(sums.wasted.nanousd, money(&|r| r.outcome == Outcome::Failed));
    assert_eq!(sums.doubts.nanousd, money(&|r| r.outcome == Outcome::Doubted));
    assert_eq!(sums.doubted, outcome(Outcome::Doubted));
    assert_eq!(sums.open.nanousd, money(&|r| r.outcome == Outcome::Unknown));
    assert_eq!(sums.retried.nanousd, money(&|r| r.attempt > 0));
    let compared = |r: &&&Record| sent(r) && r.baselines.strongest.is_some() && spent(r).is_some();
    assert_eq!(sums.strongest.attempts, of.iter().filter(compared).count() as u64);
    let there: i128 = of.iter().filter(compared).map(|r| i128::from(r.baselines.strongest.unwrap().0)).sum();
    let here: i128 = of.iter().filter(compared).map(|r| spent(r).unwrap()).sum();
    assert_eq!((sums.strongest.there_nanousd, sums.strongest.here_nanousd), (there, here));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn statements_are_sums_of_records(
        numbers in proptest::collection::btree_set(0u64..5000, 1..200),
        spread in 1u64..3_000_000,
        huge in any::<bool>(),
        readers in 1usize..5,
        days in proptest::option::of((0u64..40, 0u64..40)),
    ) {
        let dir = tempdir().unwrap();
        let mut all: Vec<Record> = numbers.into_iter().map(record).collect();
        for r in &mut all {
            r.arrived_unix_ms += (r.attempt_id as u64) * spread;
            if huge {
                r.usage.input = i64::MAX as u64;
                r.full = r.full.map(|c| Nanousd(if c.0 % 2 == 0 { i64::MAX } else { i64::MIN }));
            }
        }
        filled(dir.path(), &all);
        let start = all[0].arrived_unix_ms / DAY_MS * DAY_MS;
        let period = days.map_or(Period::ALL, |(from, more)| Period {
            from_unix_ms: start + from * DAY_MS,
            until_unix_ms: start + (from + more + 1) * DAY_MS,
        });
        all.retain(|r| (period.from_unix_ms..period.until_unix_ms).contains(&r.arrived_unix_ms));
        let views: Vec<View> = Dim::ALL.into_iter().flat_map(|a| [View::of(a), View::timed(a), View::crossed(a, Dim::Place)]).collect();
        let found = statement(dir.path(), &wanted(period, views, readers)).unwrap();
        same(&found.total, &all.iter().collect::<Vec<_>>());
        prop_assert_eq!(found.first_unix_ms, all.iter().map(|r| r.arrived_unix_ms).min());
        for sheet in &found.sheets {
            let mut groups: BTreeMap<(Name, Name), Vec<&Record>> = BTreeMap::new();
            let key = |r: &Record| (name(sheet.view.rows, r), name(sheet.view.across, r));
            all.iter().for_each(|r| groups.entry(key(r)).or_default().push(r));
            prop_assert_eq!(sheet.lines.len(), groups.len());
            let mut total = Sums::default();
            for line in &sheet.lines {
                same(&line.sums, &groups[&(line.name.clone(), line.across.clone())]);
                total.merge(&line.sums);
                prop_assert_eq!(line.latency.is_some(), sheet.view.latency);
            }
            prop_assert_eq!(total, found.total);
            prop_assert!(sheet.lines.is_sorted_by(|a, b| (&a.name, &a.across) < (&b.name, &b.across)));
        }
    }
}

#[test]
fn one_place_alone() {
    let dir = tempdir().unwrap();
    let all: Vec<Record> = (0..400).map(record).collect();
    filled(dir.path(), &all);
    let only = Wanted { place: Some("größe".to_owned()), ..wanted(Period::ALL, vec![View::of(Dim::Place)], 2) };
    let found = statement(dir.path(), &only).unwrap();
    let of: Vec<&Record> = all.iter().filter(|r| r.place.as_ref().is_some_and(|p| p.as_str() == "größe")).collect();
    same(&found.total, &of);
    assert!(!of.is_empty() && found.sheets[0].lines.len() == 1);
}

/// More records than one reader takes at a time, with ids that lie unevenly: one apart, one very far.
#[test]
fn many_records_are_read_in_pieces_by_all_readers() {
    let dir = tempdir().unwrap();
    let size = month::Size { records: 60_000, ..month::Size::MONTH };
    let mut all: Vec<Record> = month::records(size).collect();
    all[0].attempt_id = 1;
    let ledger = Ledger::open(dir.path(), Options::default()).unwrap();
    let outlet = ledger.outlet();
    all.iter().for_each(|r| outlet.reserve(true).unwrap().put(r.clone()));
    ledger.close().unwrap();
    let views = vec![View::of(Dim::Team), View::timed(Dim::Day)];
    let one = statement(dir.path(), &wanted(Period::ALL, views.clone(), 1)).unwrap();
    same(&one.total, &all.iter().collect::<Vec<_>>());
    assert_eq!(one.sheets[1].lines.len(), 31);
    for readers in [2, 3, 7] {
        assert_eq!(statement(dir.path(), &wanted(Period::ALL, views.clone(), readers)).unwrap(), one);
    }
    assert!(verify(dir.path(), &mut |_, _| {}).unwrap().is_whole());
}

/// Beside a server that writes all the time: every statement is of one moment. Each request has two attempts that are put together and come
/// in one commit or two; what is seen never goes back, and rows add up to the total each time.
#[test]
fn a_running_servers_ledger_is_read_at_one_moment() {
    let dir = tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), Options::default()).unwrap();
    let (outlet, stop) = (ledger.outlet(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut n = 0;
            while !stop.load(SeqCst) {
                match outlet.reserve(true) {
                    Ok(slot) => {
                        slot.put(Record { full: Some(Nanousd(1)), ..record(n) });
                        n += 1;
                        if n % 64 == 0 {
                            std::thread::sleep(std::time::Duration::from_micros(500));
                        }
                    }
                    Err(_) => std::thread::yield_now(),
                }
            }
        });
        let (mut seen, mut rises) = (0, 0);
        for _ in 0..2_000 {
            let found = statement(dir.path(), &wanted(Period::ALL, vec![View::of(Dim::Team)], 4)).unwrap();
            let rows: u64 = found.sheets[0].lines.iter().map(|l| l.sums.attempts).sum();
            assert_eq!(rows, found.total.attempts);
            assert_eq!(found.total.spend.nanousd, i128::from(found.total.attempts));
            // Records are committed in the order of their numbers: of one moment, none is missing below the greatest.
            let last = found.last_unix_ms.map_or(0, |ms| ms - record(0).arrived_unix_ms + 1);
            assert_eq!(found.total.attempts, last);
            rises += u32::from(found.total.attempts > seen);
            seen = found.total.attempts;
            if rises > 20 {
                break;
            }
        }
        stop.store(true, SeqCst);
        assert!(rises > 5, "nothing was written meanwhile");
    });
    ledger.close().unwrap();
}

#[test]
fn no_ledger_and_an_empty_one() {
    let dir = tempdir().unwrap();
    let everything = wanted(Period::ALL, vec![View::of(Dim::Team)], 0);
    let absent = dir.path().join("absent");
    assert!(matches!(statement(&absent, &everything), Err(LedgerError::Missing { .. })));
    assert!(!absent.exists(), "reading makes nothing");
    Ledger::open(dir.path(), Options::default()).unwrap().close().unwrap();
    let found = statement(dir.path(), &everything).unwrap();
    assert_eq!((found.total, found.first_unix_ms), (Sums::default(), None));
    assert_eq!(records(dir.path(), None, 9).unwrap().len(), 0);
}
