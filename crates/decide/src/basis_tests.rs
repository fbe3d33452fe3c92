//! Tests of promises over time, with synthetic traffic whose loss is known.

#![allow(clippy::unwrap_used)]
use super::*;
use crate::{Compared, PlaceId};

/// Numbers in 0..1, the same on every machine (Knuth's MMIX generator).
struct Lot(u64);

impl Lot {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Traffic: doubt `d` is uniform in 0..1, and an answer of doubt `d` is lost with probability `worst * d * d`.
struct Traffic {
    lot: Lot,
    worst: f64,
}

impl Traffic {
    fn one(&mut self) -> Evidence {
        let doubt = self.lot.next();
        let loss = if self.lot.next() < self.worst * doubt * doubt { 1.0 } else { 0.0 };
        Evidence { doubt: doubt as f32, loss }
    }

    fn samples(&mut self, n: usize) -> Vec<Sample> {
        (0..n as u64).map(|at_unix_ms| Sample { at_unix_ms, evidence: self.one() }).collect()
    }

    /// The true mean loss over all requests where doubts up to `most` are kept: the integral of `worst * d²` up to there.
    fn true_loss(&self, most: f64) -> f64 {
        self.worst * most.clamp(0.0, 1.0).powi(3) / 3.0
    }
}

/// The greatest doubt that can be kept while the loss SEEN in the sample stays below the bound: what one would do without a test.
fn naive(samples: &[Sample], max_loss: f64) -> f64 {
    let mut sorted: Vec<Evidence> = samples.iter().map(|s| s.evidence).collect();
    sorted.sort_by(|a, b| a.doubt.total_cmp(&b.doubt));
    let (mut lost, mut best) = (0.0, 0.0);
    for one in &sorted {
        lost += one.loss;
        if lost / sorted.len() as f64 <= max_loss {
            best = f64::from(one.doubt);
        }
    }
    best
}

#[test]
fn the_bound_holds_in_95_of_100_runs_and_without_the_test_it_does_not() {
    const RUNS: u64 = 400;
    const MAX_LOSS: f64 = 0.02;
    for (worst, n) in [(0.3, 400), (0.3, 2_000), (1.0, 1_000)] {
        let (mut held, mut held_naively, mut kept) = (0, 0, 0);
        for run in 0..RUNS {
            let mut traffic = Traffic { lot: Lot(run * 7_919 + 1), worst };
            let samples = traffic.samples(n);
            let threshold = match promised(&samples, MAX_LOSS).promise {
                Promise::Kept { doubt, .. } => f64::from(doubt),
                Promise::NotYet { .. } => -1.0,
            };
            kept += u64::from(threshold > 0.0);
            held += u64::from(traffic.true_loss(threshold) <= MAX_LOSS);
            held_naively += u64::from(traffic.true_loss(naive(&samples, MAX_LOSS)) <= MAX_LOSS);
        }
        assert!(held * 100 >= RUNS * 95, "held in {held} of {RUNS} runs (worst {worst}, {n} samples)");
        assert!(held_naively * 100 <= RUNS * 70, "the control held in {held_naively} of {RUNS} runs");
        assert!(kept * 100 >= RUNS * 90, "something was promised in {kept} of {RUNS} runs: the test is not empty");
    }
}

#[test]
fn the_threshold_in_force_holds_at_every_moment_of_a_growing_sample() {
    // Set anew as evidence comes in, as a server does. Looked at at fixed moments, it holds at each of them.
    const RUNS: u64 = 200;
    let moments = [250, 500, 1_000, 2_000];
    let mut held = [0u64; 4];
    for run in 0..RUNS {
        let mut traffic = Traffic { lot: Lot(run * 104_729 + 3), worst: 0.5 };
        let samples = traffic.samples(2_000);
        for (at, moment) in moments.iter().enumerate() {
            let doubt = match promised(&samples[..*moment], 0.02).promise {
                Promise::Kept { doubt, .. } => f64::from(doubt),
                Promise::NotYet { .. } => -1.0,
            };
            held[at] += u64::from(traffic.true_loss(doubt) <= 0.02);
        }
    }
    assert!(held.iter().all(|h| h * 100 >= RUNS * 95), "{held:?} of {RUNS}");
}

#[test]
fn how_many_are_needed_is_what_the_test_needs_without_a_loss() {
    let clean = |n: usize| vec![Sample { at_unix_ms: 0, evidence: Evidence { doubt: 0.1, loss: 0.0 } }; n];
    for max_loss in [0.005, 0.02, 0.1, 0.5] {
        let least = needed(max_loss).unwrap();
        assert!(matches!(promised(&clean(least), max_loss).promise, Promise::Kept { .. }), "{max_loss} {least}");
        assert!(matches!(promised(&clean(least - 1), max_loss).promise, Promise::NotYet { .. }), "{max_loss} {least}");
    }
    assert!((150..400).contains(&needed(0.02).unwrap()), "{:?}", needed(0.02));
    assert!(needed(0.01) > needed(0.02));
    assert_eq!(needed(0.0), None, "that nothing is lost cannot be shown by counting");
}

#[test]
fn traffic_that_changes_withdraws_the_promise() {
    let mut easy = Traffic { lot: Lot(1), worst: 0.02 };
    let mut hard = Traffic { lot: Lot(2), worst: 0.9 };
    let samples: Vec<Sample> = easy.samples(600).into_iter().chain(hard.samples(600)).collect();
    let made = promised(&samples, 0.1);
    assert_eq!(made.drift, Some(Drift::Losses));
    assert!(matches!(made.promise, Promise::NotYet { evidence: 1_200 }));
    // Other doubts, the same losses.
    let shifted = easy.samples(600).into_iter().map(|mut s| {
        s.evidence.doubt = s.evidence.doubt / 2.0 + 0.5;
        s
    });
    let samples: Vec<Sample> = easy.samples(600).into_iter().chain(shifted).collect();
    assert_eq!(promised(&samples, 0.1).drift, Some(Drift::Doubts));
    assert!(matches!(promised(&easy.samples(1_200), 0.1).promise, Promise::Kept { .. }));
}

#[test]
fn traffic_that_stays_the_same_is_rarely_taken_for_changed() {
    let alarms = (0..1_000)
        .filter(|run| {
            drift(
                &Traffic { lot: Lot(run * 31 + 5), worst: 0.5 }
                    .samples(300)
                    .iter()
                    .map(|s| s.evidence)
                    .collect::<Vec<_>>(),
            )
            .is_some()
        })
        .count();
    assert!(alarms <= 4, "{alarms} of 1000 where one is expected at most");
}

#[test]
fn the_distance_of_two_samples_is_that_of_smirnov() {
    // Distance 1, then 0, then 0.5 of 8 and 8: critical at rate 0.05 is 1.358 * sqrt(16 / 64) = 0.679.
    let run = |from: i32, n: i32| (from..from + n).map(f64::from).collect::<Vec<_>>();
    assert!(apart(run(0, 8), run(100, 8), 0.05));
    assert!(!apart(run(0, 8), run(0, 8), 0.05));
    assert!(!apart(run(0, 8), run(4, 8), 0.05) && apart(run(0, 8), run(6, 8), 0.05));
    assert!(!apart(vec![1.0; 500], vec![1.0; 500], 0.05), "ties are no distance");
}

fn lesson(at_unix_ms: u64, origin: Origin, compared: Option<Compared>) -> Lesson {
    Lesson {
        request_id: "r".into(),
        at_unix_ms,
        place: PlaceId::new("a"),
        model: "m".into(),
        task: Task::Math,
        origin,
        score_permille: 1_000,
        weight_milli: 250,
        compared,
    }
}

#[test]
fn only_what_was_drawn_by_lot_and_is_not_too_old_counts() {
    let now = 100 * DAY_MS;
    let compared = |asked: &str| {
        let (asked, place, model) = (Arc::from(asked), PlaceId::new("b"), Arc::from("n"));
        Some(Compared { asked, place, model, doubt_permille: -250, loss_permille: 1_000 })
    };
    let edge = now - COMPARED_DAYS * DAY_MS;
    let lessons = [
        lesson(now, Origin::Shadow, compared("auto")),
        lesson(edge, Origin::Shadow, compared("auto")),
        lesson(edge - 1, Origin::Shadow, compared("auto")),
        lesson(now, Origin::Escalation, compared("auto")),
        lesson(now, Origin::Shadow, None),
        lesson(now, Origin::Shadow, compared("mine")),
    ];
    let groups = groups(&lessons, now);
    let auto = &groups[&(Arc::from("auto"), Task::Math)];
    assert_eq!(auto.iter().map(|s| s.at_unix_ms).collect::<Vec<_>>(), [edge, now], "oldest first");
    assert_eq!(auto[0].evidence, Evidence { doubt: -0.25, loss: 1.0 });
    assert_eq!(groups.len(), 2);
    let many: Vec<Lesson> =
        (0..=COMPARED_MAX as u64).map(|at| lesson(edge + at, Origin::Shadow, compared("auto"))).collect();
    let newest = &super::groups(&many, now)[&(Arc::from("auto"), Task::Math)];
    assert_eq!((newest.len(), newest[0].at_unix_ms), (COMPARED_MAX, edge + 1), "the newest so many");
}
