//! How fast evidence is: what telling it costs the way of a request, what the writer takes, what checking and reporting take.
//!
//! `cargo bench -p audit`; `AUDIT_N=1000000` for a larger trail.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]
#![allow(clippy::disallowed_methods, reason = "a bench takes its size from the environment")]

#[path = "../tests/sample/world.rs"]
mod sample;

use audit::{Check, Options, Query, Trail, report, verify};
use decide::{DataClass, Decision, Ending, Taken};
use sample::World;
use std::time::{Duration, Instant};

fn main() {
    let n: u64 = std::env::var("AUDIT_N").ok().and_then(|n| n.parse().ok()).unwrap_or(200_000);
    let dir = tempfile::tempdir().unwrap();
    let world = World::new();
    let options = Options { room: usize::MAX / 2, ..Options::default() };
    let trail = Trail::open(dir.path(), options, "bench").unwrap();
    let witness = trail.witness();
    let told: Vec<(Decision, Ending)> = (0..n)
        .map(|n| {
            let decision = world.decision(n, DataClass::Internal, &[&world.edge, &world.openai]);
            let ending = world.ending(&decision, &world.edge);
            (decision, ending)
        })
        .collect();
    let start = Instant::now();
    for (decision, ending) in told {
        assert_eq!(witness.decided(decision, None), Taken::Recorded);
        witness.ended(ending);
    }
    let hot = start.elapsed();
    while trail.watch().state().pending > 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let written = start.elapsed();
    // One at a time, waited for: what a request that may leave own ground waits.
    let mut waits: Vec<Duration> = (n..n + 2_000)
        .map(|n| {
            let decision = world.decision(n, DataClass::Internal, &[&world.openai]);
            let (tell, wait) = std::sync::mpsc::sync_channel(1);
            let start = Instant::now();
            let _ = witness.decided(decision, Some(Box::new(move || tell.send(()).unwrap())));
            wait.recv().unwrap();
            start.elapsed()
        })
        .collect();
    waits.sort();
    trail.close().unwrap();
    let start = Instant::now();
    let found = verify(dir.path(), &Check::default(), &mut |_, _| {}).unwrap();
    let checked = start.elapsed();
    assert!(found.is_whole());
    let start = Instant::now();
    let answer = report(dir.path(), Query::default(), &Check::default(), &mut |_, _| {}).unwrap();
    let reported = start.elapsed();
    assert_eq!(answer.decisions, n + 2_000);
    let per = |d: Duration| d.as_nanos() as f64 / (2 * n) as f64;
    let mb = found.bytes as f64 / 1e6;
    println!(
        "records          {} ({mb:.0} MB, {:.0} bytes each)",
        found.records,
        found.bytes as f64 / found.records as f64
    );
    println!("telling          {:.0} ns a record, two records a request", per(hot));
    println!("writer           {:.0} records/s", 2.0 * n as f64 / written.as_secs_f64());
    println!("wait till written  p50 {:?}  p99 {:?}  max {:?}", waits[1_000], waits[1_980], waits[1_999]);
    println!(
        "verify           {:.0} MB/s, {:.0} records/s",
        mb / checked.as_secs_f64(),
        found.records as f64 / checked.as_secs_f64()
    );
    println!(
        "report           {:.0} MB/s, {:.0} records/s",
        mb / reported.as_secs_f64(),
        found.records as f64 / reported.as_secs_f64()
    );
}
