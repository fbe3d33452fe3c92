//! The limit against places whose capacity is known.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;

const TERMS: Terms = Terms { min: 3, max: 1_000, slow: Duration::from_millis(500) };

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A place that works on `slots` requests at once, each for `work`; 200 clients that ask again as soon as they may.
/// Gives the limit after every second.
fn drive(limit: &mut Limit, start: Instant, seconds: u64, slots: f64, work: Duration) -> Vec<u32> {
    let mut out = Vec::new();
    let mut now = start;
    let mut due = 0.0;
    while now < start + Duration::from_secs(seconds) {
        let running = limit.value(TERMS).min(200);
        limit.running(running);
        // Little's law: what is beyond the slots waits.
        let wait = work.mul_f64((f64::from(running) / slots).max(1.0));
        due += f64::from(running) / wait.as_secs_f64() * 0.1;
        for _ in 0..due as u32 {
            limit.waited(now, wait, TERMS);
        }
        due = due.fract();
        now += ms(100);
        if (now - start).as_millis().is_multiple_of(1_000) {
            out.push(limit.value(TERMS));
        }
    }
    out
}

#[test]
fn a_place_that_is_well_is_never_limited() {
    let start = Instant::now();
    let mut limit = Limit::new(start);
    assert_eq!(limit.value(TERMS), 1_000);
    let seen = drive(&mut limit, start, 60, 400.0, ms(100));
    assert!(seen.iter().all(|l| *l == 1_000), "{seen:?}");
}

#[test]
fn a_wait_that_is_short_in_itself_is_no_overload() {
    let start = Instant::now();
    let mut limit = Limit::new(start);
    let waits = [1, 1, 499, 499, 499];
    for i in 0..200u64 {
        limit.running(200);
        limit.waited(start + ms(i * 300), ms(waits[(i / 40) as usize]), TERMS);
    }
    assert_eq!(limit.value(TERMS), 1_000);
}

#[test]
fn a_place_that_was_always_slow_is_not_limited() {
    let start = Instant::now();
    let mut limit = Limit::new(start);
    for i in 0..300u64 {
        limit.running(50);
        limit.waited(start + ms(i * 300), ms(3_000), TERMS);
    }
    assert_eq!(limit.value(TERMS), 1_000, "its minimum is as long");
}

/// Fault 47 in the small: ten times slower, then well again.
#[test]
fn falls_under_a_ramp_keeps_the_place_busy_and_recovers() {
    let start = Instant::now();
    let mut limit = Limit::new(start);
    drive(&mut limit, start, 10, 20.0, ms(20));
    let slow = drive(&mut limit, start + ms(10_000), 60, 20.0, ms(200));
    let late = &slow[20..];
    assert!(late.iter().all(|l| *l < 110), "bounded: {slow:?}");
    let busy = late.iter().filter(|l| **l >= 20).count() as f64 / late.len() as f64;
    assert!(busy >= 0.8, "all slots are used most of the time: {slow:?}");
    let well = drive(&mut limit, start + ms(70_000), 30, 20.0, ms(2));
    let full = well.iter().position(|l| *l >= 200);
    assert!(full.is_some_and(|s| s < 30), "every client has a seat again: {well:?}");
}

/// Callers who leave before any wait is long in itself: without them the limit would never fall, and no request would
/// ever be answered.
#[test]
fn callers_who_leave_say_that_waits_are_too_long() {
    let (start, terms) = (Instant::now(), Terms { slow: Duration::from_secs(10), ..TERMS });
    let mut limit = Limit::new(start);
    let mut now = start;
    for _ in 0..20 {
        now += ms(250);
        limit.waited(now, ms(40), terms);
    }
    for _ in 0..40 {
        now += ms(250);
        limit.running(300);
        limit.gave_up(now, ms(100), terms);
    }
    assert_eq!(limit.value(terms), 1_000, "who leaves within three times the usual has another reason");
    for _ in 0..200 {
        now += ms(250);
        limit.running(limit.value(terms).min(300));
        limit.gave_up(now, ms(3_000), terms);
    }
    assert!(limit.value(terms) < 30, "{}", limit.value(terms));
}

#[test]
fn never_below_its_least_nor_above_its_most() {
    let start = Instant::now();
    let mut limit = Limit::new(start);
    limit.waited(start + ms(4_000), ms(1), TERMS);
    for i in 0..200u64 {
        limit.running(1);
        limit.waited(start + ms(4_000 + i * 1_000), ms(60_000 + i * 5_000), TERMS);
        assert!((3..=1_000).contains(&limit.value(TERMS)));
    }
    assert_eq!(limit.value(TERMS), 3);
    assert_eq!(limit.value(Terms { min: 9, max: 5, ..TERMS }), 5, "terms that cross do no harm");
}

#[test]
fn a_minimum_is_forgotten_after_ten_minutes() {
    let start = Instant::now();
    let mut limit = Limit::new(start);
    assert_eq!(limit.base(start, 100), 100);
    assert_eq!(limit.base(start + SPAN * 9, 900), 100);
    assert_eq!(limit.base(start + SPAN * 10, 900), 900);
    assert_eq!(limit.base(start + SPAN * 1_000, 5_000), 5_000, "and at once after a long silence");
}
