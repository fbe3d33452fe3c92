//! The breaker, state by state, and what holds for every history.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use proptest::prelude::*;

const TERMS: Terms = Terms { failures: 5, percent: 50, open: Duration::from_secs(1), open_max: Duration::from_secs(5) };
/// The draw that leaves the whole time.
const WHOLE: u64 = 200;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn open_at(start: Instant) -> Breaker {
    let mut b = Breaker::new(start);
    for i in 0..5 {
        assert_eq!(b.failure(start, false, TERMS, WHOLE), i == 4);
    }
    b
}

#[test]
fn opens_at_the_fifth_failure_in_a_row_and_not_at_the_fourth() {
    let start = Instant::now();
    let mut b = Breaker::new(start);
    for _ in 0..4 {
        b.failure(start, false, TERMS, WHOLE);
    }
    b.success(start, false);
    for _ in 0..4 {
        b.failure(start, false, TERMS, WHOLE);
    }
    assert_eq!(b.leave(start, false), Leave::Go, "a success in between begins the count again");
    b.failure(start, false, TERMS, WHOLE);
    assert_eq!(b.leave(start, false), Leave::Wait(ms(1_000)));
}

#[test]
fn half_open_lets_exactly_one_through_and_its_success_closes() {
    let start = Instant::now();
    let mut b = open_at(start);
    let then = start + ms(1_000);
    assert_eq!(b.leave(then - ms(1), false), Leave::Wait(ms(1)));
    assert_eq!(b.leave(then, false), Leave::Probe);
    b.probe(then);
    assert!(matches!(b.leave(then, false), Leave::Wait(_)), "one probe at a time");
    assert!(matches!(b.leave(then, true), Leave::Wait(_)), "even where there is no other place");
    b.success(then, false);
    assert!(matches!(b.leave(then, false), Leave::Wait(_)), "an answer to an older request proves nothing");
    b.success(then, true);
    assert_eq!(b.leave(then, false), Leave::Go);
}

#[test]
fn each_failed_probe_doubles_the_time_up_to_the_longest() {
    let start = Instant::now();
    let mut b = open_at(start);
    let mut now = start;
    for expected in [1_000, 2_000, 4_000, 5_000, 5_000] {
        assert_eq!(b.leave(now, false), Leave::Wait(ms(expected)));
        now += ms(expected);
        b.probe(now);
        b.failure(now, true, TERMS, WHOLE);
    }
    b.probe(now + ms(5_000));
    b.success(now + ms(5_000), true);
    for _ in 0..5 {
        b.failure(now + ms(5_000), false, TERMS, WHOLE);
    }
    assert_eq!(b.leave(now + ms(5_000), false), Leave::Wait(ms(1_000)), "a success begins again at the first time");
}

#[test]
fn chance_only_shortens() {
    for chance in [0, 1, 100, 200, u64::MAX] {
        let start = Instant::now();
        let mut b = Breaker::new(start);
        for _ in 0..5 {
            b.failure(start, false, TERMS, chance);
        }
        let Leave::Wait(rest) = b.leave(start, false) else { panic!("open") };
        assert!((ms(800)..=ms(1_000)).contains(&rest), "{chance}: {rest:?}");
    }
}

#[test]
fn a_large_share_of_failures_opens_it_but_never_the_last_place() {
    let start = Instant::now();
    let mut b = Breaker::new(start);
    for i in 0..10 {
        b.success(start, false);
        let opened = b.failure(start, false, TERMS, WHOLE);
        assert_eq!(opened, i == 9, "at the 20th outcome, not before: {i}");
    }
    assert!(matches!(b.leave(start, false), Leave::Wait(_)));
    assert_eq!(b.leave(start, true), Leave::Go, "half of the requests succeed: better than none");
}

#[test]
fn failures_of_an_older_window_do_not_count() {
    let start = Instant::now();
    let mut b = Breaker::new(start);
    for _ in 0..9 {
        b.success(start, false);
        b.failure(start, false, TERMS, WHOLE);
    }
    let later = start + WINDOW;
    b.success(later, false);
    assert!(!b.failure(later, false, TERMS, WHOLE));
}

#[test]
fn the_last_place_is_tried_before_its_time_one_at_a_time_and_not_in_a_loop() {
    let start = Instant::now();
    let mut b = open_at(start);
    assert_eq!(b.leave(start + ms(100), true), Leave::Wait(ms(150)));
    let then = start + LAST_RESORT;
    assert_eq!(b.leave(then, true), Leave::Probe);
    assert!(matches!(b.leave(then, false), Leave::Wait(_)), "not where there is another");
    b.probe(then);
    b.failure(then, true, TERMS, WHOLE);
    assert_eq!(b.leave(then + ms(1), true), Leave::Wait(LAST_RESORT - ms(1)));
}

#[test]
fn a_long_probe_does_not_keep_everybody_away() {
    let start = Instant::now();
    let mut b = open_at(start);
    let then = start + ms(1_000);
    b.probe(then);
    assert!(matches!(b.leave(then + LONG_PROBE - ms(1), true), Leave::Wait(_)));
    assert_eq!(b.leave(then + LONG_PROBE, false), Leave::Probe);
    b.probe(then + LONG_PROBE);
    assert!(matches!(b.leave(then + LONG_PROBE, true), Leave::Wait(_)), "and again one at a time");
    b.success(then + LONG_PROBE, true);
    assert_eq!(b.leave(then + LONG_PROBE, false), Leave::Go);
}

#[test]
fn a_probe_whose_caller_left_is_given_back() {
    let start = Instant::now();
    let mut b = open_at(start);
    let then = start + ms(1_000);
    b.probe(then);
    b.unprobe(then);
    assert_eq!(b.leave(then, false), Leave::Probe);
}

#[test]
fn a_dead_key_waits_longer_and_is_reported_once() {
    let start = Instant::now();
    let mut b = Breaker::new(start);
    assert!(b.refused(start, ms(30_000)));
    assert!(!b.refused(start, ms(30_000)), "the second time is no news");
    assert_eq!(
        b.leave(start + LAST_RESORT, true),
        Leave::Wait(ms(29_750)),
        "nobody is tried with a dead key in a loop"
    );
    b.probe(start + ms(30_000));
    b.success(start + ms(30_000), true);
    assert_eq!(b.leave(start + ms(30_000), false), Leave::Go);
}

#[test]
fn zero_switches_it_off() {
    let start = Instant::now();
    let mut b = Breaker::new(start);
    for _ in 0..100 {
        assert!(!b.failure(start, false, Terms { failures: 0, percent: 0, ..TERMS }, WHOLE));
        assert!(b.refused(start, Duration::ZERO), "said every time, and without effect");
    }
    assert_eq!(b.leave(start, false), Leave::Go);
}

proptest! {
    /// Whatever happens: at most one probe of the last five seconds is out, no wait is longer than the longest, and a closed breaker lets all go.
    #[test]
    fn holds_for_every_history(steps in prop::collection::vec((0u64..2_000, 0u8..4, any::<bool>(), any::<u64>()), 1..300)) {
        let start = Instant::now();
        let (mut now, mut b, mut out) = (start, Breaker::new(start), false);
        let mut since = start;
        for (gap, what, last, chance) in steps {
            now += ms(gap);
            match (what, out) {
                (0, _) => match b.leave(now, last) {
                    Leave::Probe => {
                        prop_assert!(!out || now - since >= LONG_PROBE, "two probes at a time");
                        b.probe(now);
                        (out, since) = (true, now);
                    }
                    Leave::Wait(rest) => prop_assert!(rest <= TERMS.open_max),
                    Leave::Go => {}
                },
                (1, probed) => { b.success(now, probed); out = false; }
                (2, probed) => { b.failure(now, probed, TERMS, chance); out = false; }
                (_, true) => { b.unprobe(now); out = false; }
                (_, false) => {}
            }
            if b.word() == "closed" {
                prop_assert_eq!(b.leave(now, last), Leave::Go);
            }
        }
    }
}
