//! One place, as its requests see it.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const STREAM: Work = Work { batch: false, stream: true, input: 100, output: 200 };

struct Place {
    ward: Ward,
    options: CareOptions,
}

impl Place {
    fn new(now: Instant) -> Place {
        Place { ward: Ward::new(now, Zone::OwnNetwork), options: CareOptions::default() }
    }

    fn enter(&self, now: Instant, work: Work) -> Result<Ticket, Turned> {
        self.ward.enter(now, work, false, &self.options)
    }

    fn end(&self, mut ticket: Ticket, now: Instant, cause: Option<Cause>, asked_s: Option<u64>) -> Option<News> {
        let end = End { cause, asked: asked_s.map(Duration::from_secs), output: 10 };
        let news = self.ward.ended(&mut ticket, now, &end, &self.options, 200);
        self.ward.leave(&ticket, now);
        news
    }

    fn once(&self, now: Instant, cause: Option<Cause>) -> Option<News> {
        self.end(self.enter(now, STREAM).unwrap(), now, cause, None)
    }

    fn standing(&self, now: Instant) -> Standing {
        self.ward.standing(now, STREAM, &self.options)
    }
}

#[test]
fn only_faults_of_the_place_open_its_breaker() {
    let now = Instant::now();
    use Cause::*;
    for (cause, opens) in [
        (Connect, true),
        (Timeout, true),
        (UpstreamError, true),
        (UpstreamInvalid, true),
        (Truncated, true),
        (Engine, true),
        (UpstreamRefused, false),
        (ContextLength, false),
        (Cancelled, false),
        (Internal, false),
        (PolicyDenied, false),
        (InvalidRequest, false),
    ] {
        let p = Place::new(now);
        let news: Vec<_> = (0..5).map(|_| p.once(now, Some(cause))).collect();
        assert_eq!(news[4], opens.then_some(News::Opened), "{cause:?}");
        assert_eq!(p.standing(now).gate == Gate::Open, opens, "{cause:?}");
    }
}

#[test]
fn busy_is_no_failure_and_pauses_as_long_as_it_says() {
    let now = Instant::now();
    let p = Place::new(now);
    for _ in 0..20 {
        let t = p.enter(now, STREAM);
        let Ok(t) = t else { break };
        p.end(t, now, Some(Cause::UpstreamBusy), Some(7));
    }
    assert_eq!(p.enter(now, STREAM).unwrap_err(), Turned { gate: Gate::Paused, rest: ms(7_000) });
    assert_eq!(p.standing(now + ms(7_000)).gate, Gate::Free, "its breaker never opened");
    let t = p.enter(now + ms(7_000), STREAM).unwrap();
    p.end(t, now + ms(7_000), Some(Cause::UpstreamBusy), Some(1_000_000_000));
    assert_eq!(p.enter(now + ms(7_000), STREAM).unwrap_err().rest, ms(60_000), "capped");
}

#[test]
fn a_failure_that_names_a_wait_is_both() {
    let now = Instant::now();
    let p = Place::new(now);
    let t = p.enter(now, STREAM).unwrap();
    p.end(t, now, Some(Cause::UpstreamError), Some(2));
    assert_eq!(p.standing(now).gate, Gate::Paused);
}

#[test]
fn a_refused_key_is_news_once_and_rests_long() {
    let now = Instant::now();
    let p = Place::new(now);
    assert_eq!(p.once(now, Some(Cause::UpstreamAuth)), Some(News::KeyRefused));
    assert_eq!(p.enter(now, STREAM).unwrap_err(), Turned { gate: Gate::Open, rest: ms(30_000) });
    let probe = p.enter(now + ms(30_000), STREAM).unwrap();
    assert!(probe.probe);
    assert_eq!(p.end(probe, now + ms(30_000), None, None), Some(News::Closed));
}

#[test]
fn a_probe_that_is_dropped_is_free_for_the_next() {
    let now = Instant::now();
    let p = Place::new(now);
    (0..5).for_each(|_| {
        p.once(now, Some(Cause::Connect));
    });
    let then = now + ms(1_000);
    for cause in [None, Some(Cause::Cancelled)] {
        let probe = p.enter(then, STREAM).unwrap();
        assert!(probe.probe && p.enter(then, STREAM).is_err());
        match cause {
            // As after a panic: nobody said how it ended.
            None => p.ward.leave(&probe, then),
            cause => assert_eq!(p.end(probe, then, cause, None), None),
        }
    }
    assert_eq!(p.once(then, None), Some(News::Closed));
}

#[test]
fn the_first_piece_of_a_probe_closes_the_breaker() {
    let now = Instant::now();
    let p = Place::new(now);
    (0..5).for_each(|_| {
        p.once(now, Some(Cause::Connect));
    });
    let then = now + ms(1_000);
    let mut probe = p.enter(then, STREAM).unwrap();
    assert_eq!(p.ward.first(&mut probe, then, &p.options), Some(News::Closed));
    assert_eq!(p.standing(then).gate, Gate::Free, "although its answer goes on");
    assert_eq!(p.end(probe, then, Some(Cause::Truncated), None), None, "one failure is one failure");
    assert_eq!(p.standing(then).gate, Gate::Free);
}

#[test]
fn what_is_under_way_is_counted_and_given_back() {
    let now = Instant::now();
    let p = Place::new(now);
    let a = p.enter(now, STREAM).unwrap();
    let b = p.enter(now, STREAM).unwrap();
    assert_eq!(p.standing(now).outstanding_tokens, 600);
    p.end(a, now, None, None);
    p.ward.leave(&b, now);
    let f = p.ward.figures(now, &p.options);
    assert_eq!((f.running, f.tokens, f.limit), (0, 0, 1_000));
    assert!(p.ward.lock().kinds.iter().all(|k| k.open.is_empty()));
}

#[test]
fn the_last_seats_are_not_for_batch() {
    let now = Instant::now();
    let mut p = Place::new(now);
    (p.options.limit_min, p.options.limit_max) = (1, 10);
    let batch = Work { batch: true, ..STREAM };
    let held: Vec<_> = (0..8).map(|_| p.enter(now, batch).unwrap()).collect();
    assert_eq!(p.enter(now, batch).unwrap_err().gate, Gate::Full);
    let more: Vec<_> = (0..2).map(|_| p.enter(now, STREAM).unwrap()).collect();
    assert_eq!(p.enter(now, STREAM).unwrap_err(), Turned { gate: Gate::Full, rest: SEAT });
    held.iter().chain(&more).for_each(|t| p.ward.leave(t, now));
    p.options.limit_max = 1;
    assert!(p.enter(now, batch).is_ok(), "a limit of one seats a batch request too");
}

#[test]
fn a_place_that_hangs_is_seen_before_it_answers() {
    let now = Instant::now();
    let p = Place::new(now);
    let mut t = p.enter(now, STREAM).unwrap();
    p.ward.first(&mut t, now + ms(20), &p.options);
    assert_eq!(p.standing(now + ms(20)).wait_us, Some(20_000));
    let _hanging = p.enter(now + ms(100), STREAM).unwrap();
    assert_eq!(p.standing(now + ms(150)).wait_us, Some(20_000), "50 ms more may be chance");
    assert_eq!(p.standing(now + ms(600)).wait_us, Some(500_000));
    // A younger request that is answered shows that it was the request and not the place.
    let mut young = p.enter(now + ms(600), STREAM).unwrap();
    p.ward.first(&mut young, now + ms(620), &p.options);
    assert_eq!(p.standing(now + ms(650)).wait_us, Some(20_000));
}

#[test]
fn long_prompts_and_long_answers_do_not_look_slow() {
    let now = Instant::now();
    let p = Place::new(now);
    let long = Work { input: 8 * 1_024, ..STREAM };
    let mut t = p.enter(now, long).unwrap();
    p.ward.first(&mut t, now + ms(800), &p.options);
    assert_eq!(p.standing(now).wait_us, Some(100_000), "eight shares of a prompt");
    let whole = Work { stream: false, ..STREAM };
    let mut t = p.enter(now, whole).unwrap();
    let end = End { output: 320, ..End::default() };
    p.ward.ended(&mut t, now + ms(2_000), &end, &p.options, 0);
    assert_eq!(p.ward.standing(now, whole, &p.options).wait_us, Some(200_000), "ten shares of an answer");
    assert_eq!(p.standing(now).wait_us, Some(100_000), "streams are measured apart");
}

#[test]
fn a_vendor_s_cloud_is_not_limited_by_its_waits() {
    let start = Instant::now();
    let slow_and_three = CareOptions { slow: ms(1), ..CareOptions::default() };
    let limit_after = |zone| {
        let ward = Ward::new(start, zone);
        for i in 0..40u64 {
            let now = start + ms(i * 500);
            let mut t = ward.enter(now, STREAM, false, &slow_and_three).unwrap();
            ward.first(&mut t, now + ms(if i < 10 { 10 } else { 400 }), &slow_and_three);
            ward.leave(&t, now);
        }
        ward.figures(start, &slow_and_three).limit
    };
    assert_eq!(limit_after(Zone::VendorCloud), 1_000, "it says 429 where it is too much");
    assert!(limit_after(Zone::RentedDedicated) < 10);
}

#[test]
fn a_stale_measurement_is_replaced_and_a_fresh_one_blended() {
    let now = Instant::now();
    let mut waits = Waits::default();
    waits.measure(now, ms(2_000));
    waits.measure(now + ms(4_000), ms(1_000));
    assert_eq!(waits.wait_us(now), Some(1_750_000));
    waits.measure(now + ms(9_000), ms(20));
    assert_eq!(waits.wait_us(now), Some(20_000), "well again after one probe");
}

#[test]
fn the_embedded_engine_is_measured_and_never_turned_away() {
    let now = Instant::now();
    let ward = Ward::new(now, Zone::Embedded);
    let options = CareOptions::default();
    for _ in 0..10 {
        let mut t = ward.enter(now, STREAM, false, &options).unwrap();
        let end = End { cause: Some(Cause::Engine), ..End::default() };
        ward.ended(&mut t, now, &end, &options, 0);
        ward.leave(&t, now);
    }
    assert_eq!(ward.standing(now, STREAM, &options).gate, Gate::Free);
}
