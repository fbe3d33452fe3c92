//! Budgets and limits as their user meets them: windows, levels, degrade, taking over, rates.
#![allow(clippy::unwrap_used)]

use budget::{AccountId, Budgets, Level, OnBudget, Period, Purse, Terms, What};

/// 2026-11-23, a Monday, noon in UTC.
const NOON: u64 = 1_795_435_200_000;
const DAY: u64 = 86_400_000;

fn id(level: Level) -> AccountId {
    AccountId::new(level, level.as_str())
}

fn ids() -> [AccountId; 3] {
    [id(Level::Key), id(Level::Organisation), id(Level::Team)]
}

fn day(nanousd: i64) -> Terms {
    Terms { budget_nanousd: [Some(nanousd), None, None], soft_permille: 800, ..Terms::default() }
}

/// One organisation, one team, one key, with these budgets per day.
fn three(organisation: i64, team: i64, key: i64) -> (Budgets, Purse) {
    let budgets = Budgets::new();
    let terms =
        [(id(Level::Organisation), day(organisation)), (id(Level::Team), day(team)), (id(Level::Key), day(key))];
    assert_eq!(budgets.take_over(&terms, NOON).len(), 3);
    let purse = budgets.purse(&ids()).unwrap();
    (budgets, purse)
}

/// Spent and reserved today, by level.
fn today(budgets: &Budgets, now: u64) -> Vec<(i64, i64)> {
    let days = budgets.standings(now).into_iter().filter(|s| s.period == Period::Day);
    days.map(|s| (s.spent_nanousd, s.reserved_nanousd)).collect()
}

#[test]
fn exactly_the_limit_fits_and_one_more_does_not() {
    let (_, purse) = three(1_000, 1_000, 100);
    let held = purse.reserve(NOON, 100).unwrap();
    let refused = purse.reserve(NOON, 1).unwrap_err();
    assert_eq!((refused.level, refused.period), (Level::Key, Period::Day));
    assert_eq!(refused.window.end_ms, NOON + DAY / 2, "midnight");
    drop(held);
    assert!(purse.reserve(NOON, 101).is_err());
    assert_eq!(purse.reserve(NOON, 100).unwrap().settle(100), 0);
}

#[test]
fn every_level_is_asked_and_a_refusal_takes_from_none() {
    for (limits, level) in
        [((99, 100, 100), Level::Organisation), ((100, 99, 100), Level::Team), ((100, 100, 99), Level::Key)]
    {
        let (budgets, purse) = three(limits.0, limits.1, limits.2);
        assert_eq!(purse.reserve(NOON, 100).unwrap_err().level, level);
        assert_eq!(today(&budgets, NOON), [(0, 0); 3]);
    }
}

#[test]
fn of_several_budgets_without_room_the_one_that_comes_back_last_is_named() {
    let budgets = Budgets::new();
    let terms = Terms { budget_nanousd: [Some(5), Some(5), Some(5)], ..Terms::default() };
    budgets.take_over(&[(id(Level::Key), terms)], NOON);
    let refused = budgets.purse(&ids()).unwrap().reserve(NOON, 6).unwrap_err();
    assert_eq!(refused.period, Period::Month, "Monday the 30th is before the first");
}

#[test]
fn a_hold_is_settled_or_released_once() {
    let (budgets, purse) = three(1_000, 1_000, 1_000);
    let sent = |due: i64| {
        let mut hold = purse.reserve(NOON, 100).unwrap();
        hold.sent(due);
        hold
    };
    assert_eq!(sent(60).settle(40), 0);
    assert_eq!(today(&budgets, NOON), [(40, 0); 3], "the true charge");
    drop(purse.reserve(NOON, 100).unwrap());
    assert_eq!(today(&budgets, NOON), [(40, 0); 3], "nothing was sent");
    drop(sent(60));
    assert_eq!(today(&budgets, NOON), [(100, 0); 3], "nobody knows what became of it");
    assert_eq!(sent(60).settle(130), 30, "a provider billed more than was reserved");
    assert_eq!(today(&budgets, NOON), [(230, 0); 3]);
    assert!(budgets.standings(NOON).iter().all(|s| s.over_nanousd == 30));
}

#[test]
fn what_costs_nothing_is_never_refused() {
    let (_, purse) = three(10, 10, 10);
    assert_eq!(purse.reserve(NOON, 10).unwrap().settle(25), 15);
    assert!(purse.reserve(NOON, 1).is_err());
    assert!(purse.reserve(NOON, 0).is_ok());
}

#[test]
fn a_hold_across_midnight_is_charged_to_the_day_in_which_its_request_arrived() {
    let (budgets, purse) = three(100, 100, 100);
    let late = NOON + DAY / 2 - 1;
    let hold = purse.reserve(late, 100).unwrap();
    let next = purse.reserve(late + 1, 100).unwrap();
    assert!(purse.reserve(late, 1).is_err(), "the old day is still full");
    assert_eq!(next.settle(70), 0);
    assert_eq!(hold.settle(90), 0);
    assert_eq!(today(&budgets, late + 1), [(70, 0); 3]);
    assert!(purse.reserve(late, 11).is_err() && purse.reserve(late, 10).is_ok());
    let week = budgets.standings(late + 1).into_iter().find(|s| s.period == Period::Week).unwrap();
    assert_eq!(week.spent_nanousd, 160, "one week, both days");
}

#[test]
fn a_clock_that_goes_back_by_days_opens_no_budget() {
    let (_, purse) = three(100, 100, 100);
    let old = NOON - 5 * DAY;
    purse.reserve(old, 100).unwrap().settle(100);
    assert!(purse.reserve(old, 1).is_err(), "counted in the oldest window that is kept");
    assert!(purse.reserve(NOON, 100).is_ok());
}

#[test]
fn above_the_soft_share_cheaper_places_are_wanted() {
    let (budgets, purse) = three(1_000, 1_000, 100);
    let hold = purse.reserve(NOON, 79).unwrap();
    assert!(!purse.mood(NOON).degrade);
    assert_eq!(hold.settle(80), 1);
    assert!(purse.mood(NOON).degrade);
    assert!(!purse.mood(NOON + DAY).degrade, "a new day");
    let refuse = Terms { on_budget: OnBudget::Refuse, ..day(100) };
    budgets.take_over(&[(id(Level::Key), refuse)], NOON);
    assert!(!budgets.purse(&ids()).unwrap().mood(NOON).degrade);
}

#[test]
fn new_terms_keep_what_was_spent_and_new_accounts_are_told() {
    let (budgets, purse) = three(1_000, 1_000, 100);
    let under_way = purse.reserve(NOON, 50).unwrap();
    let more = [(id(Level::Key), day(60)), (AccountId::new(Level::Key, "other"), day(5))];
    let new = budgets.take_over(&more, NOON);
    assert_eq!(new, [AccountId::new(Level::Key, "other")]);
    budgets.charge_past(&new[0], (NOON - 1, NOON), 3);
    let now = budgets.purse(&ids()).unwrap();
    assert!(now.reserve(NOON, 11).is_err(), "50 are reserved under the old terms");
    drop(under_way);
    assert!(now.reserve(NOON, 60).is_ok());
    let other = budgets.purse(&[new[0].clone()]).unwrap();
    assert!(other.reserve(NOON, 3).is_err() && other.reserve(NOON, 2).is_ok());
    assert!(budgets.purse(&[id(Level::Team)]).is_none(), "it is no longer named");
}

#[test]
fn limits_per_minute_hold_at_every_level_and_all_or_none() {
    let budgets = Budgets::new();
    let key = Terms { requests_per_minute: Some(10), tokens_per_minute: Some(100), ..Terms::default() };
    let team = Terms { tokens_per_minute: Some(50), ..Terms::default() };
    budgets.take_over(&[(id(Level::Key), key), (id(Level::Team), team)], NOON);
    let purse = budgets.purse(&ids()).unwrap();
    let pass = purse.admit(NOON, 50).unwrap();
    let limited = purse.admit(NOON, 1).unwrap_err();
    assert_eq!((limited.level, limited.what, limited.limit), (Level::Team, What::Tokens, 50));
    assert_eq!(limited.wait_ms, Some(1_200));
    let rates = purse.rates(NOON);
    assert_eq!(rates.requests.unwrap().remaining, 9, "what was refused was not counted");
    assert_eq!(rates.tokens.map(|t| (t.limit, t.remaining, t.reset_ms)), Some((50, 0, 60_000)), "the tightest");
    pass.settle(20);
    assert_eq!(purse.rates(NOON).tokens.unwrap().remaining, 30);
    purse.admit(NOON, 0).unwrap().settle(45);
    assert_eq!(purse.rates(NOON).tokens.unwrap().remaining, 0, "more than was estimated is a debt");
    assert_eq!(purse.admit(NOON, 51).unwrap_err().wait_ms, None, "more than a minute's worth");
    for _ in 0..8 {
        let _ = purse.admit(NOON + 60_000, 0).map(|p| p.settle(0));
    }
    assert!(purse.admit(NOON + 60_000, 1).is_ok());
}

#[test]
fn requests_beyond_the_limit_come_one_by_one() {
    let budgets = Budgets::new();
    let terms = Terms { requests_per_minute: Some(60), ..Terms::default() };
    budgets.take_over(&[(id(Level::Key), terms)], NOON);
    let purse = budgets.purse(&ids()).unwrap();
    let passed = (0..120_000).filter(|ms| purse.admit(NOON + ms, 9).is_ok()).count();
    assert_eq!(passed, 60 + 119, "60 at once, then one a second");
    assert_eq!(purse.rates(NOON).tokens, None);
}
