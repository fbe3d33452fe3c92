//! No budget is overrun and nothing is lost, however many requests there are at once and whatever becomes of them.
#![allow(clippy::unwrap_used)]

use budget::{AccountId, Budgets, Hold, Level, Period, Terms};
use proptest::prelude::*;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex};

const NOON: u64 = 1_795_435_200_000;

fn month(nanousd: i64) -> Terms {
    Terms { budget_nanousd: [None, None, Some(nanousd)], ..Terms::default() }
}

/// 1,000 requests of one unit at once from ten keys of two teams against an organisation's budget of 100: retried after failures,
/// hedged, cancelled, and with restarts in between that know of settled and sent attempts only, as a ledger does.
#[test]
fn a_thousand_requests_of_one_unit_against_a_hundred() {
    for seed in 0..20 {
        campaign(seed);
    }
}

fn campaign(seed: u64) {
    const KEYS: usize = 10;
    const BUDGET: i64 = 100;
    let organisation = AccountId::new(Level::Organisation, "o");
    let team = |k: usize| AccountId::new(Level::Team, if k.is_multiple_of(2) { "even" } else { "odd" });
    let key = |k: usize| AccountId::new(Level::Key, &format!("k{k}"));
    let mut terms = vec![(organisation.clone(), month(BUDGET)), (team(0), month(60)), (team(1), month(60))];
    terms.extend((0..KEYS).map(|k| (key(k), month(25))));
    // What a ledger would have: one row per settled attempt.
    let ledger: Mutex<Vec<(usize, i64)>> = Mutex::default();
    let (asked, ended) = (AtomicUsize::new(0), AtomicUsize::new(0));
    for round in 0..4_u64 {
        let budgets = Budgets::new();
        assert_eq!(budgets.take_over(&terms, NOON).len(), terms.len());
        for (k, charge) in ledger.lock().unwrap().iter() {
            for id in [organisation.clone(), team(*k), key(*k)] {
                budgets.charge_past(&id, (NOON, NOON), *charge);
            }
        }
        let barrier = Barrier::new(25);
        std::thread::scope(|scope| {
            for t in 0..25_u64 {
                let (budgets, barrier, ledger) = (&budgets, &barrier, &ledger);
                let (asked, ended, organisation) = (&asked, &ended, &organisation);
                scope.spawn(move || {
                    let mut chance = fastrand::Rng::with_seed(seed << 32 | round << 16 | t);
                    barrier.wait();
                    for _ in 0..10 {
                        asked.fetch_add(1, Ordering::Relaxed);
                        let k = chance.usize(..KEYS);
                        let purse = budgets.purse(&[key(k), team(k), organisation.clone()]).unwrap();
                        one(&mut chance, &purse, |charge| ledger.lock().unwrap().push((k, charge)));
                        ended.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        let rows = ledger.lock().unwrap();
        let of = |wanted: &dyn Fn(usize) -> bool| rows.iter().filter(|(k, _)| wanted(*k)).map(|(_, c)| c).sum::<i64>();
        for s in budgets.standings(NOON) {
            let sum = match s.account.level {
                Level::Organisation => of(&|_| true),
                Level::Team => of(&|k| team(k) == s.account),
                Level::Key => of(&|k| key(k) == s.account),
            };
            assert_eq!((s.spent_nanousd, s.reserved_nanousd), (sum, 0), "seed {seed}: {:?}", s.account);
            assert!(s.limit_nanousd.is_none_or(|limit| sum <= limit), "seed {seed}: {:?} overrun", s.account);
        }
    }
    let settled: i64 = ledger.lock().unwrap().iter().map(|(_, charge)| charge).sum();
    assert!(settled <= BUDGET, "seed {seed}: {settled} settled");
    assert!(settled >= BUDGET / 2, "seed {seed}: only {settled} of what was wanted");
    assert_eq!((asked.into_inner(), ended.into_inner()), (1_000, 1_000));
}

/// One request: up to three attempts, a hedge now and then, and an end of some kind.
fn one(chance: &mut fastrand::Rng, purse: &budget::Purse, settled: impl Fn(i64)) {
    for _ in 0..3 {
        let Ok(mut first) = purse.reserve(NOON, 1) else { return };
        let hedge = if chance.u8(..4) == 0 { purse.reserve(NOON, 1).ok() } else { None };
        if chance.u8(..8) == 0 {
            // A permit or a pass was refused: nothing is sent.
            continue;
        }
        first.sent(1);
        let end = |mut hold: Hold, how: u8| match how {
            0 => {
                hold.settle(0);
                settled(0);
            }
            // Cancelled, or the task went away after sending: it counts as estimated.
            1 => {
                hold.sent(1);
                settled(1);
                drop(hold);
            }
            _ => {
                hold.settle(1);
                settled(1);
            }
        };
        if chance.bool() {
            std::thread::yield_now();
        }
        let how = chance.u8(..4);
        if let Some(hedge) = hedge {
            end(hedge, chance.u8(..4));
        }
        end(first, how);
        if how != 0 {
            return;
        }
    }
}

/// At no moment is more reserved and spent than the limit, as seen from a thread that only looks.
#[test]
fn who_looks_in_between_never_sees_an_overrun() {
    let budgets = Budgets::new();
    let id = AccountId::new(Level::Key, "k");
    budgets.take_over(&[(id.clone(), month(50))], NOON);
    let left = AtomicUsize::new(8);
    let most = AtomicI64::new(0);
    std::thread::scope(|scope| {
        for t in 0..8 {
            let (budgets, id, left) = (&budgets, id.clone(), &left);
            scope.spawn(move || {
                let mut chance = fastrand::Rng::with_seed(t);
                let purse = budgets.purse(&[id]).unwrap();
                for _ in 0..5_000 {
                    if let Ok(hold) = purse.reserve(NOON, chance.i64(1..20))
                        && chance.u8(..200) == 0
                    {
                        let all = hold.reserved_nanousd();
                        hold.settle(chance.i64(0..=all));
                    }
                }
                left.fetch_sub(1, Ordering::Release);
            });
        }
        while left.load(Ordering::Acquire) > 0 {
            let month = budgets.standings(NOON).into_iter().find(|s| s.period == Period::Month).unwrap();
            most.fetch_max(month.spent_nanousd + month.reserved_nanousd, Ordering::Relaxed);
        }
    });
    assert!(most.into_inner() <= 50);
}

/// What a request does, and when.
#[derive(Debug, Clone)]
enum Step {
    Reserve { key: usize, hours: u64, nanousd: i64 },
    Sent(usize, i64),
    Settle(usize, i64),
    Drop(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..3_usize, 0..30_u64, 0..40_i64).prop_map(|(key, hours, nanousd)| Step::Reserve { key, hours, nanousd }),
        (any::<prop::sample::Index>(), 0..40_i64).prop_map(|(i, n)| Step::Sent(i.index(1 << 16), n)),
        (any::<prop::sample::Index>(), 0..60_i64).prop_map(|(i, n)| Step::Settle(i.index(1 << 16), n)),
        any::<prop::sample::Index>().prop_map(|i| Step::Drop(i.index(1 << 16))),
    ]
}

proptest! {
    /// Against a list of everything that happened, added up anew at every step.
    #[test]
    fn the_sums_are_those_of_a_plain_list(steps in prop::collection::vec(step(), 1..120)) {
        const HOUR: u64 = 3_600_000;
        let budgets = Budgets::new();
        let key = |k: usize| AccountId::new(Level::Key, &format!("k{k}"));
        let team = AccountId::new(Level::Team, "t");
        let day = |n| Terms { budget_nanousd: [Some(n), None, None], ..Terms::default() };
        let mut terms = vec![(team.clone(), day(150))];
        terms.extend((0..3).map(|k| (key(k), day(80))));
        budgets.take_over(&terms, NOON);
        // (key, arrival, used): used is what counts, reserved or charged.
        let mut list: Vec<(usize, u64, i64)> = Vec::new();
        let mut open: Vec<(usize, Hold, i64)> = Vec::new();
        let of_day = |at: u64| at / (24 * HOUR);
        for step in steps {
            match step {
                Step::Reserve { key: k, hours, nanousd } => {
                    let at = NOON + hours * HOUR;
                    let used = |one: Option<usize>| -> i64 {
                        let same = list.iter().filter(|(o, a, _)| of_day(*a) == of_day(at) && one.is_none_or(|k| k == *o));
                        same.map(|(_, _, n)| n).sum()
                    };
                    let fits = nanousd == 0 || (used(None) + nanousd <= 150 && used(Some(k)) + nanousd <= 80);
                    let got = budgets.purse(&[team.clone(), key(k)]).unwrap().reserve(at, nanousd);
                    prop_assert_eq!(got.is_ok(), fits);
                    if let Ok(hold) = got {
                        list.push((k, at, nanousd));
                        open.push((list.len() - 1, hold, 0));
                    }
                }
                Step::Sent(i, n) if !open.is_empty() => {
                    let i = i % open.len();
                    open[i].1.sent(n);
                    open[i].2 = n;
                }
                Step::Settle(i, n) if !open.is_empty() => {
                    let (row, hold, _) = open.swap_remove(i % open.len());
                    let over = hold.settle(n);
                    prop_assert_eq!(over, (n - list[row].2).max(0));
                    list[row].2 = n;
                }
                Step::Drop(i) if !open.is_empty() => {
                    let (row, hold, due) = open.swap_remove(i % open.len());
                    drop(hold);
                    list[row].2 = due;
                }
                _ => {}
            }
            let now = NOON + 30 * HOUR;
            let sum: i64 = list.iter().map(|(_, _, n)| n).sum();
            let week = budgets.standings(now).into_iter().find(|s| s.account == team && s.period == Period::Month).unwrap();
            prop_assert_eq!(week.spent_nanousd + week.reserved_nanousd, sum);
        }
    }
}
