//! Whether a soak was survived: slopes, medians and shares against stated bounds.
//!
//! Never here: making load.

use super::PER_S;
use super::traffic::{Kind, Request};
use std::collections::BTreeMap;
use std::time::Duration;
use testkit::series::{ms, percentile, slope};
use testkit::{Ending, Plan, Shot};

/// Memory that is never given back may grow by this much per request after the warm-up of a minute's run, by least squares.
/// Such a run sees 8,000 requests after it, so this is an unrest of 16 MB in 40 s, which was measured under bodies of a
/// megabyte and a new configuration every few seconds. A leak of four kibibytes a request is found for certain.
const BYTES_PER_REQUEST_MAX: f64 = 2048.0;
/// Unrest does not grow with time, and a leak does: the bound falls as the run gets longer, to a fifth of it after five
/// minutes, which finds a leak of one kibibyte a request; but not below this.
const BYTES_PER_REQUEST_LEAST: f64 = 128.0;
/// What counts is the least of so much time: what comes and goes is no leak.
const LOW_WATER: Duration = Duration::from_secs(4);
/// The share of the time that counts as warm-up.
const WARM_UP: f64 = 1.0 / 3.0;
/// Descriptors at the end, above those after the warm-up, by their medians.
const DESCRIPTORS_MAX: f64 = 12.0;
/// p99 of ordinary requests in the last third, against the first.
const P99_FACTOR: f64 = 2.0;
/// Slack beside it for a machine that does other things too, milliseconds.
const P99_SLACK_MS: f64 = 50.0;

/// One look at the process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) at: Duration,
    pub(crate) resident_kib: u64,
    pub(crate) descriptors: Option<usize>,
}

/// How requests of one kind ended.
#[derive(Debug, Clone, Copy, Default)]
struct Ends {
    sent: usize,
    complete: usize,
    refused: usize,
    error_event: usize,
    silent: usize,
}

/// The figures of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Verdict {
    bytes_per_request: f64,
    bytes_max: f64,
    resident_kib: (u64, u64),
    descriptors: Option<(f64, f64)>,
    p99_ms: (f64, f64),
    not_sent: usize,
    ends: BTreeMap<String, Ends>,
    /// Ordinary requests that were not answered: when they were due, in seconds, and by status.
    unanswered: BTreeMap<(u64, u16), usize>,
}

impl Verdict {
    /// Reads a run.
    pub(crate) fn of(shots: &[Shot], requests: &[Request], samples: &[Sample], lasts: Duration) -> Verdict {
        let warm: Vec<&Sample> = samples.iter().filter(|s| s.at >= lasts.mul_f64(WARM_UP) && s.at <= lasts).collect();
        let (early, late) = warm.split_at(warm.len() / 2);
        let mut verdict = Verdict {
            bytes_per_request: slope(&low_water(&warm)) / f64::from(PER_S),
            bytes_max: (BYTES_PER_REQUEST_MAX * 60.0 / lasts.as_secs_f64())
                .clamp(BYTES_PER_REQUEST_LEAST, BYTES_PER_REQUEST_MAX),
            resident_kib: (warm[0].resident_kib, warm[warm.len() - 1].resident_kib),
            descriptors: median(early).zip(median(late)),
            ..Verdict::default()
        };
        let p99 = |from: f64, until: f64| {
            let window = lasts.mul_f64(from)..lasts.mul_f64(until);
            let ordinary = |s: &&Shot| requests[s.number].kind == Kind::Plan(Plan::Well) && s.complete();
            let mut times: Vec<Duration> =
                shots.iter().filter(ordinary).filter(|s| window.contains(&s.due)).map(Shot::waited).collect();
            ms(percentile(&mut times, 990))
        };
        verdict.p99_ms = (p99(0.0, WARM_UP), p99(1.0 - WARM_UP, 1.0));
        for shot in shots {
            let Some(heard) = &shot.heard else {
                verdict.not_sent += 1;
                continue;
            };
            let request = &requests[shot.number];
            if request.kind == Kind::Plan(Plan::Well) && !heard.complete() {
                *verdict.unanswered.entry((shot.due.as_secs(), heard.status.unwrap_or(0))).or_default() += 1;
            }
            let ends = verdict.ends.entry(name(request)).or_default();
            ends.sent += 1;
            ends.complete += usize::from(heard.complete());
            ends.refused += usize::from(heard.status.is_some_and(|s| s >= 400));
            ends.error_event += usize::from(heard.error_event() && !heard.terminal());
            let ended = heard.ending != Ending::Left && heard.stream;
            ends.silent += usize::from(ended && !heard.terminal() && !heard.error_event());
        }
        verdict
    }

    /// What is wrong; nothing, if all is well.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let mut out = Vec::new();
        let mut unless = |holds: bool, what: String| {
            if !holds {
                out.push(what);
            }
        };
        let growth = self.bytes_per_request;
        unless(growth <= self.bytes_max, format!("memory grows by {growth:.0} bytes a request"));
        if let Some((early, late)) = self.descriptors {
            unless(late <= early + DESCRIPTORS_MAX, format!("descriptors went from {early} to {late}"));
        }
        let (first, last) = self.p99_ms;
        unless(last <= P99_FACTOR * first + P99_SLACK_MS, format!("p99 went from {first:.1} to {last:.1} ms"));
        unless(self.not_sent == 0, format!("{} requests were not sent, too many were under way", self.not_sent));
        for (name, ends) in &self.ends {
            unless(ends.silent == 0, format!("{name}: {} streams ended in silence", ends.silent));
            // What fails before the first content is answered by another place; what fails after it, never completely. Now
            // and then every place is paused or left alone for a moment: then an ordinary request is told when to come back.
            let least = match name.split(',').next().unwrap_or_default() {
                "well" | "long" | "big" | "slow" => 0.97,
                "reset" | "error" | "garbage" | "page" => 0.9,
                _ => 0.0,
            };
            let share = ends.complete as f64 / ends.sent as f64;
            unless(share >= least, format!("{name}: only {:.1} % complete", share * 100.0));
            if name.starts_with("broken") {
                unless(ends.refused == ends.sent, format!("{name}: {} of {} refused", ends.refused, ends.sent));
            }
            if matches!(name.as_str(), "cut, streamed" | "hang, streamed") {
                unless(ends.complete == 0, format!("{name}: {} looked complete", ends.complete));
            }
        }
        let otherwise = self.unanswered.keys().filter(|(_, status)| !matches!(status, 429 | 503)).count();
        if otherwise > 0 {
            out.push("an ordinary request was neither answered nor told to come back".to_owned());
        }
        if !out.is_empty() && !self.unanswered.is_empty() {
            out.push(format!("ordinary requests not answered, by second and status: {:?}", self.unanswered));
        }
        out
    }

    /// The figures as a table for people.
    pub(crate) fn table(&self) -> String {
        let mut out = String::from("| after the warm-up (the first third) | | bound |\n|---|--:|--:|\n");
        out.push_str(&format!(
            "| growth of memory, bytes a request | {:.0} | {:.0} |\n",
            self.bytes_per_request, self.bytes_max
        ));
        let (first, last) = self.resident_kib;
        out.push_str(&format!("| resident memory at the beginning and end, KiB | {first} → {last} | – |\n"));
        if let Some((early, late)) = self.descriptors {
            let bound = early + DESCRIPTORS_MAX;
            out.push_str(&format!("| open descriptors, medians of both halves | {early} → {late} | {bound} |\n"));
        }
        let (first, last) = self.p99_ms;
        let bound = P99_FACTOR * first + P99_SLACK_MS;
        out.push_str(&format!(
            "| p99 of requests without a fault, first and last third, ms | {first:.1} → {last:.1} | {bound:.0} |\n"
        ));
        out.push_str("\n| what was sent | requests | complete | refused | error event | silent end |\n");
        out.push_str("|---|--:|--:|--:|--:|--:|\n");
        for (name, e) in &self.ends {
            let row = [e.sent, e.complete, e.refused, e.error_event, e.silent].map(|n| n.to_string()).join(" | ");
            out.push_str(&format!("| {name} | {row} |\n"));
        }
        out
    }
}

/// The least of each [`LOW_WATER`]: seconds and bytes.
fn low_water(samples: &[&Sample]) -> Vec<(f64, f64)> {
    let mut least: BTreeMap<u64, u64> = BTreeMap::new();
    for sample in samples {
        let window = least.entry(sample.at.as_secs() / LOW_WATER.as_secs()).or_insert(u64::MAX);
        *window = sample.resident_kib.min(*window);
    }
    least.iter().map(|(n, kib)| ((n * LOW_WATER.as_secs()) as f64, *kib as f64 * 1024.0)).collect()
}

fn name(request: &Request) -> String {
    let kind = match request.kind {
        Kind::Plan(plan) => plan.as_str(),
        Kind::Leaves => "leaves",
        Kind::Slow => "slow",
        Kind::Big => "big",
        Kind::Broken => "broken",
    };
    format!("{kind}, {}", if request.stream { "streamed" } else { "plain" })
}

fn median(samples: &[&Sample]) -> Option<f64> {
    let mut counts: Vec<usize> = samples.iter().map(|s| s.descriptors).collect::<Option<_>>()?;
    counts.sort_unstable();
    counts.get(counts.len() / 2).map(|c| *c as f64)
}

/// The arithmetic finds what it is there to find: memory and descriptors that stay, a tail that grows; and is quiet about
/// unrest as large as was measured.
#[test]
fn a_leak_is_found_and_unrest_is_not() {
    let verdict = |seconds: u32, leak: f64, kept: f64, slower: f64| {
        let mut rng = fastrand::Rng::with_seed(3);
        let samples: Vec<Sample> = (0..2 * seconds)
            .map(|n| {
                let second = f64::from(n) / 2.0;
                let unrest = (second / 7.0).sin().mul_add(3000.0, 3000.0) as u64 + rng.u64(..3000);
                let grown = (leak * f64::from(PER_S) * second / 1024.0) as u64;
                let descriptors = Some(60 + rng.usize(..8) + (kept * second) as usize);
                Sample { at: Duration::from_secs_f64(second), resident_kib: 30_000 + unrest + grown, descriptors }
            })
            .collect();
        let requests = vec![
            Request { id: String::new(), kind: Kind::Plan(Plan::Well), stream: false };
            (seconds * PER_S) as usize
        ];
        let shots: Vec<Shot> = (0..requests.len()).map(|n| shot(n, slower)).collect();
        Verdict::of(&shots, &requests, &samples, Duration::from_secs(seconds.into())).complaints()
    };
    for (seconds, leak) in [(60, 4096.0), (300, 1024.0)] {
        assert_eq!(verdict(seconds, 0.0, 0.0, 0.0), Vec::<String>::new());
        for (leak, kept, slower, word) in
            [(leak, 0.0, 0.0, "memory"), (0.0, 1.0, 0.0, "descriptors"), (0.0, 0.0, 3.0, "p99")]
        {
            let found = verdict(seconds, leak, kept, slower);
            assert!(found.len() == 1 && found[0].starts_with(word), "{seconds} s: {found:?}");
        }
    }
}

#[cfg(test)]
fn shot(number: usize, slower: f64) -> Shot {
    let due = Duration::from_secs_f64(number as f64 / f64::from(PER_S));
    let took = Duration::from_secs_f64(0.005 + slower * due.as_secs_f64() / 1000.0);
    Shot { number, due, sent: due, ended: due + took, heard: Some(testkit::Heard::plain(200)) }
}
