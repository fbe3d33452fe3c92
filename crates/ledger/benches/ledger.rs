//! What a record costs: CPU of `reserve` + `sent` + `put` on the way of a request, CPU of the writer thread, records per second at
//! group commit, the added latency, and how long a strict answer waits. Run with `cargo bench -p ledger`; times of threads come from /proc (Linux), elsewhere wall time.
#![allow(clippy::disallowed_methods, reason = "the bench's own thread sleeps between puts")]

#[path = "../tests/sample/record.rs"]
mod sample;

use ledger::{Ledger, Options};
use std::time::{Duration, Instant};

/// CPU time of the thread whose folder in /proc this is, nanoseconds.
fn cpu(task: &std::path::Path) -> Option<u64> {
    std::fs::read_to_string(task.join("schedstat")).ok()?.split(' ').next()?.parse().ok()
}

fn mine() -> Option<u64> {
    // The kernel brings the number up to date at a switch; without one it is a tick behind.
    std::thread::yield_now();
    cpu("/proc/thread-self".as_ref())
}

fn writer() -> Option<u64> {
    let tasks = std::fs::read_dir("/proc/self/task").ok()?;
    let named =
        |t: &std::path::Path| std::fs::read_to_string(t.join("comm")).is_ok_and(|n| n.trim() == "ledger-writer");
    cpu(&tasks.filter_map(Result::ok).map(|t| t.path()).find(|t| named(t))?)
}

fn open(dir: &std::path::Path) -> Result<Ledger, ledger::LedgerError> {
    let start = Instant::now();
    let ledger = Ledger::open(dir, Options::default())?;
    println!("open                      {:>9.1} ms", start.elapsed().as_secs_f64() * 1e3);
    Ok(ledger)
}

/// As fast as the writer lets: CPU and rate at full groups.
fn flood(ledger: &Ledger, count: u64) {
    let outlet = ledger.outlet();
    let records: Vec<_> = (0..count).map(sample::record).collect();
    let (start, writer_before) = (Instant::now(), writer());
    let (mut cpu_ns, mut wall_ns, mut put, mut refused) = (0, 0, 0u64, 0u64);
    let mut rest = records.into_iter();
    let mut next = rest.next();
    while next.is_some() {
        let (cpu_before, wall) = (mine(), Instant::now());
        let burst = put;
        // Bursts, so that reading the clock costs nothing and the time of waiting for room is not counted.
        while put - burst < 10_000 {
            let Some(record) = next.take() else { break };
            let Ok(mut slot) = outlet.reserve(true) else {
                next = Some(record);
                refused += 1;
                break;
            };
            slot.sent(&record);
            slot.put(record);
            put += 1;
            next = rest.next();
        }
        wall_ns += wall.elapsed().as_nanos() as u64;
        cpu_ns += mine().zip(cpu_before).map_or(0, |(a, b)| a - b);
        if put - burst < 10_000 && next.is_some() {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    ledger.flush(Duration::from_secs(120));
    let seconds = start.elapsed().as_secs_f64();
    let per = |ns: u64| ns as f64 / count as f64 / 1e3;
    println!("flood: {count} records, refused {refused} times for want of room, then waited");
    println!("  reserve + sent + put, CPU {:>9.3} µs a record", per(cpu_ns));
    println!("  reserve + sent + put, wall{:>9.3} µs a record", per(wall_ns));
    let writer_ns = writer().zip(writer_before).map_or(0, |(a, b)| a - b);
    println!("  writer thread, CPU      {:>9.3} µs a record", per(writer_ns));
    println!("  committed               {:>9.0} records/s", count as f64 / seconds);
}

/// One record each `gap`: what a put adds to a request while the writer sleeps, looks or commits.
fn pace(ledger: &Ledger, count: u64, gap: Duration, first: u64) {
    let outlet = ledger.outlet();
    let (writer_before, cpu_before) = (writer(), ledger.state().committed);
    let (mut sent, mut put) = (Vec::new(), Vec::new());
    for n in 0..count {
        let record = sample::record(first + n);
        std::thread::sleep(gap);
        let start = Instant::now();
        let Ok(mut slot) = outlet.reserve(true) else { continue };
        slot.sent(&record);
        sent.push(start.elapsed().as_nanos() as u64);
        let start = Instant::now();
        slot.put(record);
        put.push(start.elapsed().as_nanos() as u64);
    }
    ledger.flush(Duration::from_secs(60));
    let committed = ledger.state().committed - cpu_before;
    let writer_us = writer().zip(writer_before).map_or(0, |(a, b)| a - b) as f64 / committed as f64 / 1e3;
    println!("one each {gap:?}: writer CPU {writer_us:.1} µs a record; wall, µs:");
    spread("  reserve + sent", sent);
    spread("  put           ", put);
}

/// Percentiles of nanoseconds, in microseconds.
fn spread(what: &str, mut times: Vec<u64>) {
    times.sort_unstable();
    let at = |per_mille: usize| {
        times.get((times.len() * per_mille / 1000).min(times.len().saturating_sub(1))).map_or(0.0, |t| *t as f64 / 1e3)
    };
    println!(
        "{what}  p50 {:.2}  p90 {:.2}  p99 {:.2}  p99.9 {:.2}  max {:.2}",
        at(500),
        at(900),
        at(990),
        at(999),
        at(1000)
    );
}

/// How long a strict answer waits for its commit, one each `gap`.
fn strict(ledger: &Ledger, count: u64, gap: Duration, first: u64) {
    let (outlet, (tell, told)) = (ledger.outlet(), std::sync::mpsc::channel());
    for n in 0..count {
        std::thread::sleep(gap);
        if let Ok(slot) = outlet.reserve(true) {
            let (tell, start) = (tell.clone(), Instant::now());
            slot.put_then(
                sample::record(first + n),
                Box::new(move || tell.send(start.elapsed().as_nanos() as u64).unwrap_or_default()),
            );
        }
    }
    drop(tell);
    println!("strict, one each {gap:?}: from put to committed with fsync, µs:");
    spread("  ", told.iter().collect());
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // In the build folder and not the system's temporary one, which may be memory.
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let ledger = open(dir.path())?;
    flood(&ledger, 300_000);
    pace(&ledger, 20_000, Duration::from_micros(100), 1 << 40);
    pace(&ledger, 2_000, Duration::from_millis(2), 2 << 40);
    pace(&ledger, 100, Duration::from_millis(100), 3 << 40);
    strict(&ledger, 2_000, Duration::from_millis(2), 4 << 40);
    ledger.close()?;
    let bytes = std::fs::metadata(dir.path().join("ledger.sqlite"))?.len();
    println!("on disk                   {:>9.0} bytes a record", bytes as f64 / 324_100.0);
    let start = Instant::now();
    let found = ledger::verify(dir.path(), &mut |_, _| {})?;
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "verify                    {:>9.1} ms over {} records, whole: {}",
        seconds * 1e3,
        found.records,
        found.is_whole()
    );
    let start = Instant::now();
    let report = ledger::report(dir.path(), ledger::Query { by: ledger::By::Place, ..ledger::Query::default() })?;
    println!(
        "report by place           {:>9.1} ms over {} attempts",
        start.elapsed().as_secs_f64() * 1e3,
        report.total.attempts
    );
    Ok(())
}
