//! Fault 48: every upstream is down under 500 requests a second, each in its own way, and comes back.
//!
//! Never here: one upstream that is merely slow (`grey`).

use crate::stage::{Stage, due, p99, per_second, recovered};
use crate::{alone, full, runtime, show};
use decide::Record;
use std::collections::HashMap;
use std::time::Duration;
use testkit::chart::{Panel, chart};
use testkit::series::{ms, percentile};
use testkit::{Answer, Shot, Step};

const PER_S: u32 = 500;
const BEFORE: Duration = Duration::from_secs(4);
const AFTER: Duration = Duration::from_secs(12);
/// Until breakers have seen enough.
const SETTLING: Duration = Duration::from_secs(2);
/// Further attempts that are allowed beside a fifth of the requests, each second.
const FLOOR_PER_S: f64 = 5.0;
const RECOVERY_MAX: Duration = Duration::from_secs(10);
/// Growth of memory during the outage, kibibytes: allocators settle, queues do not.
const GROWTH_MAX_KIB: f64 = 8.0 * 1024.0;
/// The promise is 5 ms of the server's own time; a client on a busy machine sees more.
const REFUSAL_P99_MAX: Duration = Duration::from_millis(50);

/// Memory and requests seen upstream, at a moment.
type Look = (Duration, u64, usize);

/// All that was seen.
struct Seen {
    shots: Vec<Shot>,
    looks: Vec<Look>,
    records: Vec<(Duration, Record)>,
    /// When the last upstream had gone, and when the last was back.
    gone: Duration,
    back: Duration,
}

#[test]
fn fault_48_with_every_upstream_down_requests_are_refused_at_once_and_few_are_tried_again() {
    let _alone = alone();
    let down = Duration::from_secs(if full() { 60 } else { 12 });
    let seen = runtime().block_on(run(down));
    let figures = Figures::of(&seen);
    let title = format!("{PER_S} requests/s, every upstream down for {} s; {}.", down.as_secs(), testkit::machine());
    show("outage", &title, &figures.table(), || picture(&seen));
    figures.judge(&seen);
}

async fn run(down: Duration) -> Seen {
    let mut stage = Stage::of(3, "").await;
    for replica in &stage.replicas {
        replica.takes(Duration::from_millis(5));
    }
    let load = stage.load(PER_S, BEFORE + down + AFTER, Duration::from_secs(30), false);
    let (mut looks, mut phase) = (Vec::new(), 0);
    let (mut gone, mut back) = (Duration::ZERO, Duration::ZERO);
    while !load.is_finished() {
        stage.until(Duration::from_millis(250) * (looks.len() as u32 + 1)).await;
        let at = stage.elapsed();
        if phase == 0 && at >= BEFORE {
            phase = 1;
            // One is gone, one fails, one resets every connection; the last two still list their models.
            stage.replicas[0].down();
            stage.replicas[1].chats(|_| Answer::json(500, r#"{"error":{"message":"out of order"}}"#));
            stage.replicas[2].chats(|_| Answer::of(vec![Step::Reset]));
            gone = stage.elapsed();
        } else if phase == 1 && at >= BEFORE + down {
            phase = 2;
            stage.replicas[0].up().await;
            for replica in &stage.replicas {
                replica.takes(Duration::from_millis(5));
            }
            back = stage.elapsed();
        }
        let seen = stage.replicas.iter().map(|r| r.requests()).sum();
        looks.push((at, stage.served.resident_kib().expect("memory can be read"), seen));
    }
    let shots = load.ended().await;
    let data = stage.folder.path().join("data");
    stage.served.signal("TERM");
    while stage.served.ended().is_none() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let records = ledger::records(&data, None, usize::MAX).unwrap();
    let records = records.into_iter().map(|r| (stage.moment(r.arrived_unix_ms), r)).collect();
    Seen { shots, looks, records, gone, back }
}

struct Figures {
    requests: usize,
    further: usize,
    refused_share: f64,
    others: String,
    in_time: f64,
    p50: Duration,
    p99: Duration,
    p99_due: Duration,
    growth_kib: f64,
    recovery: Option<Duration>,
    herd: f64,
}

/// 503 with a time to come back: what an outage should look like to a client.
fn refused(shot: &Shot) -> bool {
    shot.heard.as_ref().is_some_and(|h| h.status == Some(503) && h.retry_after.is_some_and(|s| (1..=60).contains(&s)))
}

/// How those that were not refused so ended, most frequent first.
fn statuses(shots: &[&Shot]) -> String {
    let mut counts: HashMap<u16, usize> = HashMap::new();
    for shot in shots.iter().filter(|s| !refused(s)) {
        *counts.entry(shot.status().unwrap_or(0)).or_default() += 1;
    }
    let mut counts: Vec<(u16, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|c| std::cmp::Reverse(c.1));
    let words: Vec<String> = counts.iter().map(|(status, count)| format!("{status} × {count}")).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

impl Figures {
    fn of(seen: &Seen) -> Figures {
        let Seen { shots, looks, records, gone: begin, back: end } = seen;
        let (begin, end) = (*begin, *end);
        let mut attempts: HashMap<&str, usize> = HashMap::new();
        for (at, record) in records {
            if *at >= begin && *at < end {
                *attempts.entry(&record.request_id).or_default() += usize::from(record.place.is_some());
            }
        }
        let settled: Vec<&Shot> = due(shots, begin + SETTLING, end - Duration::from_millis(300)).collect();
        let refusals: Vec<&&Shot> = settled.iter().filter(|s| refused(s)).collect();
        let mut took: Vec<Duration> = refusals.iter().map(|s| s.heard.as_ref().unwrap().whole).collect();
        let mut waited: Vec<Duration> = refusals.iter().map(|s| s.waited()).collect();
        let memory = |from: Duration, until: Duration| {
            let mut kib: Vec<u64> = looks.iter().filter(|l| l.0 >= from && l.0 < until).map(|l| l.1).collect();
            kib.sort_unstable();
            kib[kib.len() / 2] as f64
        };
        let third = (end - begin - SETTLING) / 3;
        let upstream = |at: Duration| looks.iter().rev().find(|l| l.0 <= at).map_or(0, |l| l.2) as f64;
        let herd = (0..8)
            .map(|n| end + Duration::from_millis(500) * n)
            .map(|t| upstream(t + Duration::from_secs(1)) - upstream(t));
        Figures {
            requests: attempts.len(),
            further: attempts.values().map(|n| n.saturating_sub(1)).sum(),
            others: statuses(&settled),
            refused_share: refusals.len() as f64 / settled.len() as f64,
            in_time: took.iter().filter(|t| **t < Duration::from_millis(5)).count() as f64 / took.len().max(1) as f64,
            p50: percentile(&mut took, 500),
            p99: percentile(&mut took, 990),
            p99_due: percentile(&mut waited, 990),
            growth_kib: memory(end - third, end) - memory(begin + SETTLING, begin + SETTLING + third),
            recovery: recovered(shots, end, BEFORE + AFTER + (end - begin), 0.99),
            herd: herd.fold(0.0, f64::max) / f64::from(PER_S),
        }
    }

    fn further_max(&self, seconds: f64) -> f64 {
        0.2 * self.requests as f64 + FLOOR_PER_S * seconds
    }

    fn table(&self) -> String {
        let recovery = self.recovery.map_or("never".to_owned(), |t| format!("{:.1} s", t.as_secs_f64()));
        format!(
            "| | measured | promise |\n|---|--:|--:|\n\
             | further attempts, share of the requests | {:.2} % | 20 % and a small floor |\n\
             | answered 503 with `Retry-After`, after {} s | {:.2} % | – |\n\
             | … answered otherwise | {} | – |\n\
             | time to the refusal, median / p99 | {:.2} / {:.2} ms | < 5 ms of server time |\n\
             | … refused within 5 ms, as the client sees it | {:.2} % | – |\n\
             | … p99 from the moment the request was due | {:.2} ms | – |\n\
             | growth of memory, first to last third of the outage | {:.0} KiB | flat |\n\
             | full recovery after the return | {recovery} | < 10 s |\n\
             | busiest second upstream after the return, against the load | {:.2} | no herd |\n",
            100.0 * self.further as f64 / self.requests as f64,
            SETTLING.as_secs(),
            100.0 * self.refused_share,
            self.others,
            ms(self.p50),
            ms(self.p99),
            100.0 * self.in_time,
            ms(self.p99_due),
            self.growth_kib,
            self.herd,
        )
    }

    fn judge(&self, seen: &Seen) {
        let seconds = (seen.back - seen.gone).as_secs_f64();
        let most = self.further_max(seconds);
        assert!(self.requests as f64 > 0.98 * f64::from(PER_S) * seconds, "every request is in the ledger");
        assert!(self.further as f64 <= most, "{} further attempts, {most:.0} allowed", self.further);
        assert!(self.refused_share >= 0.98, "only {:.4} were refused with 503 and Retry-After", self.refused_share);
        assert!(self.p99 <= REFUSAL_P99_MAX, "a refusal takes {:?}", self.p99);
        assert!(self.growth_kib <= GROWTH_MAX_KIB, "memory grew by {} KiB", self.growth_kib);
        assert!(self.recovery.is_some_and(|t| t <= RECOVERY_MAX), "recovery took {:?}", self.recovery);
        assert!(self.herd <= 1.5, "{} times the load went upstream after the return", self.herd);
    }
}

fn picture(seen: &Seen) -> String {
    let Seen { shots, looks, .. } = seen;
    let ok = per_second(shots, Shot::complete);
    let busy = per_second(shots, refused);
    let other = per_second(shots, |s| !s.complete() && !refused(s));
    let upstream = looks
        .windows(5)
        .step_by(4)
        .map(|w| (w[4].0.as_secs_f64(), (w[4].2 - w[0].2) as f64 / (w[4].0 - w[0].0).as_secs_f64()));
    let memory = looks.iter().map(|l| (l.0.as_secs_f64(), l.1 as f64 / 1024.0));
    let line = |name: &str, points: Vec<(f64, f64)>| (name.to_owned(), points);
    let panel = |title: &str, lines| Panel { title: title.to_owned(), lines, bound: None, log: false };
    let panels = [
        panel("Answers/s", vec![line("complete", ok), line("503 + Retry-After", busy), line("other", other)]),
        panel("Requests/s seen by upstreams", vec![line("", upstream.collect())]),
        Panel {
            log: true,
            ..panel("p99 of all answers, ms", vec![line("", p99(shots, Duration::from_secs(1), |_| true))])
        },
        panel("Resident memory, MiB", vec![line("", memory.collect())]),
    ];
    let (gone, back) = (seen.gone.as_secs_f64(), seen.back.as_secs_f64());
    chart(&panels, &[(gone, "all down"), (back, "back")])
}
