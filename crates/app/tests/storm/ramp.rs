//! Fault 47: an upstream gets ten times slower under a load that it can then no longer carry. What it can carry must still
//! be carried, and all is well again soon after it is.
//!
//! The upstream is a model of an engine: so many seats, each busy for the service time, and a queue without end in front of
//! them. Work whose client has left is done all the same, so whoever sends it too much gets nothing in time.
//!
//! Never here: replicas to go to (`grey`).

use crate::stage::{Stage, due, p99, per_second, recovered, well};
use crate::{alone, full, runtime, show};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use testkit::Shot;
use testkit::chart::{Panel, chart};

const PER_S: u32 = 250;
const SEATS: usize = 16;
const TAKES: Duration = Duration::from_millis(40);
const SLOWER: f64 = 10.0;
/// What a user waits at most.
const PATIENCE: Duration = Duration::from_secs(3);
const BEFORE: Duration = Duration::from_secs(5);
/// Users here are less patient than the default takes them to be (10 s).
const RESILIENCE: &str = "[resilience]\nlimit_slow_ms = 1000\n";
const GOODPUT_MIN: f64 = 0.8;
const RECOVERY_MAX: Duration = Duration::from_secs(30);

struct Plan {
    /// Getting slower.
    ramp: Duration,
    /// Slow.
    hold: Duration,
    /// Well again.
    after: Duration,
}

#[test]
fn fault_47_an_upstream_that_gets_ten_times_slower_still_carries_what_it_can() {
    let _alone = alone();
    let s = Duration::from_secs;
    let plan = if full() {
        Plan { ramp: s(15), hold: s(20), after: s(35) }
    } else {
        Plan { ramp: s(8), hold: s(14), after: s(10) }
    };
    let shots = runtime().block_on(run(&plan));
    let slow_from = BEFORE + plan.ramp;
    let end = slow_from + plan.hold;
    let capacity = SEATS as f64 / (TAKES.as_secs_f64() * SLOWER);
    // Answers that came in time, by when they came: the second half of the slow time, when a limit had time to fall.
    let judged = slow_from + plan.hold / 2;
    let came = shots.iter().filter(|s| s.complete() && s.ended >= judged && s.ended < end).count();
    let goodput = came as f64 / (end - judged).as_secs_f64();
    let shed = |s: &Shot| matches!(s.status(), Some(429 | 503));
    let shed_with = shots.iter().filter(|s| shed(s)).all(|s| s.heard.as_ref().unwrap().retry_after.is_some());
    let (sent, refused) = due(&shots, judged, end).fold((0, 0), |n, s| (n.0 + 1, n.1 + usize::from(shed(s))));
    let recovery = recovered(&shots, end, end + plan.after, 0.99);
    let table = format!(
        "| | measured | promise |\n|---|--:|--:|\n\
         | what the slow upstream can carry | {capacity:.0}/s | – |\n\
         | answered in time (within {} s) while slow | {goodput:.1}/s, {:.0} % of that | ≥ 80 % |\n\
         | shed with 429 or 503 and `Retry-After` while slow | {:.0} % | – |\n\
         | full recovery after the return | {} | < 30 s |\n",
        PATIENCE.as_secs(),
        100.0 * goodput / capacity,
        100.0 * refused as f64 / sent as f64,
        recovery.map_or("never".to_owned(), |t| format!("{:.1} s", t.as_secs_f64())),
    );
    let title = format!(
        "{PER_S} requests/s at an upstream with {SEATS} seats, whose answers go from {} to {:.0} ms, users who leave after {} s, `limit_slow_ms = 1000`; {}.",
        TAKES.as_millis(),
        TAKES.as_millis() as f64 * SLOWER,
        PATIENCE.as_secs(),
        testkit::machine()
    );
    show("ramp", &title, &table, || picture(&shots, &plan, capacity));
    assert!(goodput >= GOODPUT_MIN * capacity, "{goodput:.1}/s of {capacity:.0}/s");
    assert!(refused > 0, "it is overloaded, so something must be shed");
    assert!(shed_with, "who is shed is told when to come back");
    assert!(recovery.is_some_and(|t| t < RECOVERY_MAX), "recovery took {recovery:?}");
}

async fn run(plan: &Plan) -> Vec<Shot> {
    let mut stage = Stage::of(1, RESILIENCE).await;
    let seats = Arc::new(Mutex::new(vec![Instant::now(); SEATS]));
    let started = Instant::now();
    let (ramp, hold) = (plan.ramp, plan.hold);
    let load = stage.load(PER_S, BEFORE + ramp + hold + plan.after, PATIENCE, true);
    stage.replicas[0].chats(move |stream| {
        let at = started.elapsed();
        let part = at.saturating_sub(BEFORE).as_secs_f64() / ramp.as_secs_f64();
        let slower = if at >= BEFORE + ramp + hold { 1.0 } else { 1.0 + (SLOWER - 1.0) * part.clamp(0.0, 1.0) };
        let mut seats = seats.lock().unwrap();
        let seat = seats.iter_mut().min().expect("a seat");
        let now = Instant::now();
        *seat = (*seat).max(now) + TAKES.mul_f64(slower);
        well(stream, *seat - now, "replica-0")
    });
    load.ended().await
}

fn picture(shots: &[Shot], plan: &Plan, capacity: f64) -> String {
    let line = |name: &str, points| (name.to_owned(), points);
    let panels = [
        Panel {
            title: "Answers/s, by when they were asked for".to_owned(),
            lines: vec![
                line("complete", per_second(shots, Shot::complete)),
                line("shed", per_second(shots, |s| matches!(s.status(), Some(429 | 503)))),
                line("too late", per_second(shots, |s| !s.complete() && !matches!(s.status(), Some(429 | 503)))),
            ],
            bound: Some(("what it can carry while slow".to_owned(), capacity)),
            log: false,
        },
        Panel {
            title: "p99 of complete answers, ms".to_owned(),
            lines: vec![line("", p99(shots, Duration::from_secs(1), Shot::complete))],
            bound: None,
            log: true,
        },
    ];
    let at = |time: Duration| time.as_secs_f64();
    let slow = BEFORE + plan.ramp;
    chart(&panels, &[(at(BEFORE), "slower …"), (at(slow), "10 ×"), (at(slow + plan.hold), "well again")])
}
