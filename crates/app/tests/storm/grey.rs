//! Fault 49: one of three replicas answers everything, a hundred times slower, and its health check is fine.
//!
//! Never here: replicas that fail (`outage`).

use crate::stage::{Stage, from, p99, per_second};
use crate::{alone, full, runtime, show};
use std::time::Duration;
use testkit::chart::{Panel, chart};
use testkit::{Shot, series};

const PER_S: u32 = 200;
const BEFORE: Duration = Duration::from_secs(8);
/// What an answer takes, and what it takes the slow replica.
const TAKES: Duration = Duration::from_millis(50);
const SLOW: Duration = Duration::from_secs(5);
/// A percentile needs enough requests: 600.
const WINDOW: Duration = Duration::from_secs(3);
const FACTOR: f64 = 1.5;
/// However busy the machine is, p99 stays below so many times that of before.
const NOISE_FACTOR: f64 = 5.0;
const SLOW_ONE: &str = "replica-1";
const BACK_WITHIN: Duration = Duration::from_secs(10);

#[test]
fn fault_49_one_of_three_replicas_100_times_slower_is_left_alone_within_10_s() {
    let _alone = alone();
    let after = Duration::from_secs(if full() { 40 } else { 16 });
    let (shots, share) = runtime().block_on(run(after));
    let windows = p99(&shots, WINDOW, |_| true);
    // Before the fault, behind the first seconds of a server that has just started.
    let healthy = windows.iter().filter(|w| w.0 >= 2.0 && w.0 + WINDOW.as_secs_f64() <= BEFORE.as_secs_f64());
    let healthy = healthy.map(|w| w.1).fold(0.0, f64::max);
    let begin = BEFORE.as_secs_f64();
    // Beside what was healthy before stands what the healthy replicas give at the same time: a machine that does other
    // things too slows all of them.
    let beside = p99(&shots, WINDOW, |s| !from(s, SLOW_ONE));
    let bound = |at: f64| FACTOR * beside.iter().find(|w| w.0 == at).map_or(healthy, |w| w.1.max(healthy));
    // The windows are told by their beginning; the last bad one ends the trouble.
    let bad = windows.iter().filter(|w| w.0 >= begin && w.1 > bound(w.0)).map(|w| w.0).next_back();
    let back = bad.map_or(0.0, |w| w + 0.5 - begin);
    let judged = windows.last().map_or(0.0, |w| w.0) - begin;
    let failed = shots.iter().filter(|s| !s.complete()).count();
    let end = |wanted: &dyn Fn(&Shot) -> bool| {
        let late = shots.iter().filter(|s| s.due >= BEFORE + BACK_WITHIN && wanted(s));
        series::ms(series::percentile(&mut late.map(Shot::waited).collect::<Vec<_>>(), 990))
    };
    let (end, end_beside) = (end(&|_| true), end(&|s| !from(s, SLOW_ONE)));
    let table = format!(
        "| | measured | promise |\n|---|--:|--:|\n\
         | p99 with three healthy replicas | {healthy:.0} ms | – |\n\
         | p99 back under 1.5 times that after | {back:.1} s | ≤ 10 s |\n\
         | p99 from 10 s on | {end:.0} ms | < {:.0} ms |\n\
         | … of the healthy replicas alone | {end_beside:.0} ms | – |\n\
         | share of the slow replica from 10 s on | {:.2} % | – |\n\
         | requests that failed | {failed} of {} | 0 |\n",
        FACTOR * end_beside.max(healthy),
        share.last * 100.0,
        shots.len(),
    );
    let title = format!(
        "{PER_S} requests/s, one of three replicas takes {} s instead of {} ms; {}.",
        SLOW.as_secs(),
        TAKES.as_millis(),
        testkit::machine()
    );
    show("grey", &title, &table, || picture(&shots, &windows, &share, healthy));
    assert!(share.most > 0.1, "the slow replica had work when it became slow");
    assert!(judged >= BACK_WITHIN.as_secs_f64(), "long enough to judge: {judged} s");
    assert!(back <= BACK_WITHIN.as_secs_f64(), "p99 was bad for {back} s");
    assert!(end <= NOISE_FACTOR * healthy, "p99 was {end} ms from 10 s on, {healthy} ms before");
    assert_eq!(failed, 0, "slowness fails no request");
}

/// Share of the slow replica.
struct Share {
    points: Vec<(f64, f64)>,
    most: f64,
    last: f64,
}

async fn run(after: Duration) -> (Vec<Shot>, Share) {
    let mut stage = Stage::of(3, "").await;
    for replica in &stage.replicas {
        replica.takes(TAKES);
    }
    let load = stage.load(PER_S, BEFORE + after, Duration::from_secs(30), false);
    let (mut looks, mut slow) = (vec![(Duration::ZERO, 0)], false);
    while !load.is_finished() {
        stage.until(Duration::from_secs(looks.len() as u64)).await;
        looks.push((stage.elapsed(), stage.replicas[1].requests()));
        if !slow && stage.elapsed() >= BEFORE {
            slow = true;
            stage.replicas[1].takes(SLOW);
        }
    }
    let shots = load.ended().await;
    let share = |from: usize, until: usize| {
        let (a, b) = (looks[from.min(looks.len() - 1)], looks[until.min(looks.len() - 1)]);
        (b.1 - a.1) as f64 / ((b.0 - a.0).as_secs_f64() * f64::from(PER_S)).max(1.0)
    };
    let before = BEFORE.as_secs() as usize;
    let points: Vec<(f64, f64)> =
        (1..(BEFORE + after).as_secs() as usize).map(|n| (n as f64, 100.0 * share(n - 1, n))).collect();
    let last = share(before + BACK_WITHIN.as_secs() as usize, (BEFORE + after).as_secs() as usize);
    (shots, Share { points, most: share(2, before), last })
}

fn picture(shots: &[Shot], windows: &[(f64, f64)], share: &Share, healthy: f64) -> String {
    let middle = WINDOW.as_secs_f64() / 2.0;
    let windows = windows.iter().map(|w| (w.0 + middle, w.1)).collect();
    let panels = [
        Panel {
            title: "p99, ms, 3 s each".to_owned(),
            lines: vec![(String::new(), windows)],
            bound: Some(("1.5 × healthy".to_owned(), FACTOR * healthy)),
            log: true,
        },
        Panel {
            title: "Share of the slow replica, %".to_owned(),
            lines: vec![(String::new(), share.points.clone())],
            ..Panel::default()
        },
        Panel {
            title: "Complete answers/s".to_owned(),
            lines: vec![(String::new(), per_second(shots, Shot::complete))],
            ..Panel::default()
        },
    ];
    chart(&panels, &[(BEFORE.as_secs_f64(), "one slow")])
}
