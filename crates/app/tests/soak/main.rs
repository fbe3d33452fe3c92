//! `make soak`: minutes of mixed faults, bad clients and reloads at a bounded rate, watched from outside. Memory must not
//! grow with the number of requests, descriptors and latencies must stay where they were, and no stream may end in silence.
//!
//! `DEWPOINT_SOAK_S` says how long (60 by default), `DEWPOINT_SOAK_SEED` repeats a run's choices, `DEWPOINT_PAGE` names the
//! page of the book that takes the figures.
//!
//! Never here: kills (`chaos`), outages of every upstream (`storm`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::disallowed_methods, reason = "a test reads its size and seed from the environment")]

#[path = "../chaos/account.rs"]
mod account;
mod traffic;
mod verdict;

use account::Account;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use testkit::chart::{Panel, chart, write_section};
use testkit::series::{ms, percentile};
use testkit::{Arrivals, Asked, Caller, Fake, Plan, Served, Shot, Shots, Voice, arrive, obey, place_toml, quiet_port};
use traffic::{Kind, Request, Traffic};
use verdict::{Sample, Verdict};

/// Requests per second: little enough for two noisy cores.
const PER_S: u32 = 200;
/// Between two looks at the process.
const LOOK: Duration = Duration::from_millis(500);
/// Between two changes of the configuration.
const RELOAD: Duration = Duration::from_secs(5);
/// The allocator gives pages back as soon as they are free, so that what is resident is what is in use; by default it keeps
/// them for a while, and after bodies of a megabyte the unrest of that hides a leak for minutes.
const AT_ONCE: [(&str, &str); 1] = [("MIMALLOC_PURGE_DELAY", "0")];
const VOICES: [(&str, &str); 3] = [("one", "openai"), ("two", "anthropic"), ("three", "ollama")];

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |v| v.parse().expect("a whole number"))
}

/// All that a run saw.
struct Run {
    shots: Vec<Shot>,
    requests: Vec<Request>,
    samples: Vec<Sample>,
    asked: Asked,
    metrics: String,
    exit: Option<i32>,
}

#[test]
fn fault_64_minutes_of_mixed_faults_leave_memory_descriptors_and_latency_where_they_were() {
    let lasts = Duration::from_secs(setting("DEWPOINT_SOAK_S", 60).max(15));
    let seed = setting("DEWPOINT_SOAK_SEED", fastrand::u64(..1 << 32));
    println!("{} s at {PER_S} requests/s, seed {seed}; {}", lasts.as_secs(), testkit::machine());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let run = runtime.block_on(run(folder.path(), lasts, seed));
    drop(runtime);
    let records = ledger::records(&folder.path().join("data"), None, usize::MAX).unwrap();
    let balance = account(&run).balance(&records);
    let verdict = Verdict::of(&run.shots, &run.requests, &run.samples, lasts);
    let table = verdict.table();
    println!("{table}");
    if let Ok(page) = std::env::var("DEWPOINT_PAGE") {
        let page = PathBuf::from(page);
        let name = "survival-soak.svg";
        std::fs::write(page.with_file_name(name), picture(&run)).unwrap();
        let head = format!("{} s at {PER_S} requests/s; {}.\n\n", lasts.as_secs(), testkit::machine());
        write_section(&page, "soak", &format!("{head}{table}\n![Memory, descriptors and latency]({name})\n"));
    }
    assert_eq!(run.exit, Some(0), "it stops in order");
    let panics = std::fs::read_to_string(folder.path().join("log")).unwrap().matches("panicked").count();
    assert_eq!(panics, 0, "no panic in the log");
    assert!(balance.holds(), "{} lost, {} doubled", balance.lost.len(), balance.doubled.len());
    let under_way = run.metrics.lines().filter(|l| l.contains("in_flight") && !l.starts_with('#'));
    assert!(under_way.clone().all(|l| l.ends_with(" 0")), "{:?}", under_way.collect::<Vec<_>>());
    assert_eq!(verdict.complaints(), Vec::<String>::new());
}

async fn run(folder: &Path, lasts: Duration, seed: u64) -> Run {
    let (asked, mut places, mut fakes) = (Asked::default(), String::new(), Vec::new());
    for (name, profile) in VOICES {
        let (fake, voice) = (Fake::start().await, Voice::of(profile));
        obey(&fake, voice, &asked);
        places.push_str(&place_toml(name, voice, fake.address()));
        fakes.push(fake);
    }
    let file = folder.join("dewpoint.toml");
    let configure = {
        let file = file.clone();
        move |margin: u64| {
            let head = "[engine]\nenabled = false\n[discovery]\nenabled = false\n[server]\nfirst_s = 2\ngap_s = 2\ntotal_s = 6\n";
            // In one step, as an operator should: a file that is half written is read as it is.
            let fresh = file.with_extension("fresh");
            std::fs::write(&fresh, format!("{head}[policy]\nmargin_permille = {margin}\n\n{places}")).unwrap();
            std::fs::rename(&fresh, &file).unwrap();
        }
    };
    configure(0);
    let mut served = Served::start(Path::new(env!("CARGO_BIN_EXE_dewpoint")), folder, quiet_port(), &AT_ONCE);
    served.ready().await;
    let caller = Arc::new(Caller::new(served.address()));
    let (shots, requests) = (Shots::default(), Arc::new(Mutex::new(Vec::new())));
    let (mut traffic, made) = (Traffic::new(seed), requests.clone());
    let plan = Arrivals { per_s: PER_S, lasts, under_way_max: 2000 };
    let load = tokio::spawn(arrive(caller.clone(), plan, shots.clone(), move |number, _| {
        let (request, call) = traffic.next(number);
        made.lock().unwrap().push(request);
        call
    }));
    let started = Instant::now();
    let (mut samples, mut told, mut reloaded, mut margin) = (Vec::new(), 0, Instant::now(), 0);
    while !load.is_finished() {
        tokio::time::sleep(LOOK).await;
        let resident_kib = served.resident_kib().expect("memory can be read");
        let at = started.elapsed();
        samples.push(Sample { at, resident_kib, descriptors: served.descriptors() });
        if reloaded.elapsed() >= RELOAD {
            (reloaded, margin) = (Instant::now(), 1 - margin);
            configure(margin);
            served.signal("HUP");
        }
        if at.as_secs() / 10 > told {
            told = at.as_secs() / 10;
            progress(at, &shots, samples.last().unwrap());
        }
    }
    load.await.unwrap();
    let ended = served.ended();
    assert!(ended.is_none(), "it lives: {ended:?}");
    let metrics = caller.get("/metrics").await.unwrap_or_default();
    drop(caller);
    let exit = served.stop(Duration::from_secs(20)).await;
    let requests = std::mem::take(&mut *requests.lock().unwrap());
    let shots = std::mem::take(&mut *shots.lock().unwrap());
    Run { shots, requests, samples, asked, metrics, exit }
}

fn progress(at: Duration, shots: &Shots, sample: &Sample) {
    let shots = shots.lock().unwrap();
    let since = at.saturating_sub(Duration::from_secs(10));
    let mut last: Vec<Duration> = shots.iter().filter(|s| s.due >= since && s.complete()).map(Shot::waited).collect();
    println!(
        "{:>4} s  {:>6} ended  {:>6} complete  {:>6} KiB  {:>4} descriptors  p99 {:>6.1} ms (last 10 s)",
        at.as_secs(),
        shots.len(),
        shots.iter().filter(|s| s.complete()).count(),
        sample.resident_kib,
        sample.descriptors.map_or("–".to_owned(), |d| d.to_string()),
        ms(percentile(&mut last, 990)),
    );
}

/// The client's account, to be held against the ledger.
fn account(run: &Run) -> Account {
    let mut account = Account { asked: run.asked.lock().unwrap().clone(), ..Account::default() };
    for shot in &run.shots {
        account.requests += 1;
        if shot.complete() {
            account.complete.insert(run.requests[shot.number].id.clone());
        }
    }
    account
}

fn picture(run: &Run) -> String {
    let line = |name: &str, value: &dyn Fn(&Sample) -> f64| {
        (name.to_owned(), run.samples.iter().map(|s| (s.at.as_secs_f64(), value(s))).collect::<Vec<_>>())
    };
    let clean = |shot: &&Shot| run.requests[shot.number].kind == Kind::Plan(Plan::Well) && shot.complete();
    let seconds = run.samples.last().map_or(0, |s| s.at.as_secs());
    let p99 = |from: u64| {
        let window = Duration::from_secs(from)..Duration::from_secs(from + 5);
        let mut times: Vec<Duration> =
            run.shots.iter().filter(clean).filter(|s| window.contains(&s.due)).map(Shot::waited).collect();
        (from as f64 + 2.5, ms(percentile(&mut times, 990)))
    };
    let panel = |title: &str, line| Panel { title: title.to_owned(), lines: vec![line], bound: None, log: false };
    let memory = panel("Resident memory, MiB", line("", &|s| s.resident_kib as f64 / 1024.0));
    let descriptors = panel("Open descriptors", line("", &|s| s.descriptors.unwrap_or(0) as f64));
    let latency = panel(
        "p99 of requests without a fault, ms, 5 s each",
        (String::new(), (0..seconds.saturating_sub(4)).step_by(5).map(p99).collect()),
    );
    chart(&[memory, descriptors, latency], &[])
}
