//! What the requests of one model took, counted in the gateway's process so that it survives a worker's restart. Plain
//! numbers under vLLM's names; whoever shows them chooses the form.
//!
//! Never here: a metrics library, the worker's own counters.

use crate::protocol::{Reason, Spent, Stats};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds in seconds, as vLLM has them for `time_to_first_token_seconds`.
pub(crate) const TTFT_BUCKETS: &[f64] = &[
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0,
    160.0, 640.0, 2560.0,
];
/// Upper bounds in seconds, as vLLM has them for `inter_token_latency_seconds`. Three are added below vLLM's least, 10 ms,
/// since small models are faster; whoever adds up vLLM's own buckets loses nothing.
pub(crate) const ITL_BUCKETS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
    20.0, 40.0, 80.0,
];
/// Upper bounds in seconds, as vLLM has them for everything that a whole request or a part of it takes.
pub(crate) const REQUEST_BUCKETS: &[f64] = &[
    0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 120.0, 240.0, 480.0, 960.0,
    1920.0, 7680.0,
];
/// Most bounds of a histogram.
const BUCKETS_MAX: usize = 24;
const _: () = assert!(TTFT_BUCKETS.len() <= BUCKETS_MAX && ITL_BUCKETS.len() <= BUCKETS_MAX);
const _: () = assert!(REQUEST_BUCKETS.len() <= BUCKETS_MAX);

/// Numbers of one model at one moment. Counters grow from the start of the gateway, those that only the worker knows
/// (`num_preemptions`, `spec_decode_num_drafts`) from the start of its worker.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Numbers {
    /// The model's id.
    pub model: Arc<str>,
    /// Requests that are worked on.
    pub num_requests_running: u32,
    /// Requests that wait for a slot.
    pub num_requests_waiting: u32,
    /// Share of the KV cache that requests use, 0 to 1; prefixes that may be dropped do not count. `None` where no worker
    /// has said.
    pub kv_cache_usage: Option<f64>,
    /// Prompt tokens that were looked up in the prefix cache.
    pub prefix_cache_queries: u64,
    /// Of these, found.
    pub prefix_cache_hits: u64,
    /// Requests that had to make room and begin again.
    pub num_preemptions: u64,
    /// Tokens of prompts, cached ones included.
    pub prompt_tokens: u64,
    /// Tokens of answers.
    pub generation_tokens: u64,
    /// Times that tokens were drafted.
    pub spec_decode_num_drafts: u64,
    /// Tokens that were drafted.
    pub spec_decode_num_draft_tokens: u64,
    /// Of these, kept.
    pub spec_decode_num_accepted_tokens: u64,
    /// Memory of the worker, bytes; 0 while there is none.
    pub resident_bytes: u64,
    /// Ended requests by how: `stop`, `length`, `abort`, `error`.
    pub request_success: [(&'static str, u64); 4],
    /// From the request's arrival to its first piece.
    pub time_to_first_token: Histogram,
    /// Between two pieces of one answer.
    pub inter_token_latency: Histogram,
    /// From the request's arrival to its end.
    pub e2e_request_latency: Histogram,
    /// In the worker's queue.
    pub request_queue_time: Histogram,
    /// From the queue's end to the first token.
    pub request_prefill_time: Histogram,
    /// From the first piece to the last.
    pub request_decode_time: Histogram,
}

impl Numbers {
    /// With what the worker says of itself.
    pub(crate) fn with(mut self, stats: Option<&Stats>) -> Numbers {
        if let Some(s) = stats {
            let used = s.cells_used.saturating_sub(s.cells_kept);
            self.num_requests_running = s.running;
            self.num_requests_waiting = s.waiting;
            self.kv_cache_usage = (s.cells > 0).then(|| f64::from(used) / f64::from(s.cells));
            self.num_preemptions = s.preemptions;
            self.spec_decode_num_drafts = s.drafts;
            self.resident_bytes = s.resident;
        }
        self
    }
}

/// A histogram at one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Histogram {
    /// Upper bounds, seconds.
    pub bounds: &'static [f64],
    /// Observations in each bucket, not cumulative; one more than there are bounds: the last is above all of them.
    pub counts: Vec<u64>,
    /// Sum of all observations, seconds.
    pub sum_s: f64,
}

/// A histogram that is written to from anywhere.
struct Timer {
    bounds: &'static [f64],
    counts: [AtomicU64; BUCKETS_MAX + 1],
    sum_ns: AtomicU64,
}

impl Timer {
    fn new(bounds: &'static [f64]) -> Timer {
        Timer { bounds, counts: Default::default(), sum_ns: AtomicU64::new(0) }
    }

    fn observe(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let at = self.bounds.partition_point(|bound| *bound < seconds);
        self.counts[at].fetch_add(1, Ordering::Relaxed);
        self.sum_ns.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn read(&self) -> Histogram {
        Histogram {
            bounds: self.bounds,
            counts: self.counts[..=self.bounds.len()].iter().map(|c| c.load(Ordering::Relaxed)).collect(),
            sum_s: self.sum_ns.load(Ordering::Relaxed) as f64 / 1e9,
        }
    }
}

/// How a request ended, besides well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Nobody waited any more.
    Abort,
    /// It failed.
    Error,
}

/// The counters of one model. Updating them is a few atomic additions.
pub(crate) struct Tally {
    prompt: AtomicU64,
    cached: AtomicU64,
    generated: AtomicU64,
    drafted: AtomicU64,
    accepted: AtomicU64,
    stop: AtomicU64,
    length: AtomicU64,
    abort: AtomicU64,
    error: AtomicU64,
    ttft: Timer,
    itl: Timer,
    whole: Timer,
    queue: Timer,
    prefill: Timer,
    decode: Timer,
}

impl Default for Tally {
    fn default() -> Tally {
        Tally {
            prompt: AtomicU64::default(),
            cached: AtomicU64::default(),
            generated: AtomicU64::default(),
            drafted: AtomicU64::default(),
            accepted: AtomicU64::default(),
            stop: AtomicU64::default(),
            length: AtomicU64::default(),
            abort: AtomicU64::default(),
            error: AtomicU64::default(),
            ttft: Timer::new(TTFT_BUCKETS),
            itl: Timer::new(ITL_BUCKETS),
            whole: Timer::new(REQUEST_BUCKETS),
            queue: Timer::new(REQUEST_BUCKETS),
            prefill: Timer::new(REQUEST_BUCKETS),
            decode: Timer::new(REQUEST_BUCKETS),
        }
    }
}

impl Tally {
    /// The first piece of an answer.
    pub(crate) fn first(&self, since_arrival: Duration) {
        self.ttft.observe(since_arrival);
    }

    /// A later piece.
    pub(crate) fn next(&self, since_last: Duration) {
        self.itl.observe(since_last);
    }

    /// An answer that is complete. `decode` is from its first piece to its end.
    pub(crate) fn finished(&self, reason: &Reason, spent: &Spent, whole: Duration, decode: Duration) {
        let add = |to: &AtomicU64, n: u32| to.fetch_add(u64::from(n), Ordering::Relaxed);
        add(&self.prompt, spent.prompt);
        add(&self.cached, spent.cached);
        add(&self.generated, spent.completion);
        add(&self.drafted, spent.drafted);
        add(&self.accepted, spent.accepted);
        let how = match reason {
            Reason::Length => &self.length,
            _ => &self.stop,
        };
        how.fetch_add(1, Ordering::Relaxed);
        self.whole.observe(whole);
        self.queue.observe(Duration::from_micros(spent.queued_us));
        self.prefill.observe(Duration::from_micros(spent.prefill_us));
        self.decode.observe(decode);
    }

    /// Answers that will not be complete.
    pub(crate) fn ended(&self, how: Ended, answers: usize) {
        let counter = match how {
            Ended::Abort => &self.abort,
            Ended::Error => &self.error,
        };
        counter.fetch_add(answers as u64, Ordering::Relaxed);
    }

    /// Everything counted so far. What only the worker knows is added by [`Numbers::with`].
    pub(crate) fn read(&self, model: Arc<str>) -> Numbers {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Numbers {
            model,
            prefix_cache_queries: read(&self.prompt),
            prefix_cache_hits: read(&self.cached),
            prompt_tokens: read(&self.prompt),
            generation_tokens: read(&self.generated),
            spec_decode_num_draft_tokens: read(&self.drafted),
            spec_decode_num_accepted_tokens: read(&self.accepted),
            request_success: [
                ("stop", read(&self.stop)),
                ("length", read(&self.length)),
                ("abort", read(&self.abort)),
                ("error", read(&self.error)),
            ],
            time_to_first_token: self.ttft.read(),
            inter_token_latency: self.itl.read(),
            e2e_request_latency: self.whole.read(),
            request_queue_time: self.queue.read(),
            request_prefill_time: self.prefill.read(),
            request_decode_time: self.decode.read(),
            ..Numbers::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_observation_falls_into_the_bucket_whose_bound_it_does_not_exceed() {
        let timer = Timer::new(&[0.5, 1.0]);
        for ms in [0, 500, 501, 1000, 1001, 90_000] {
            timer.observe(Duration::from_millis(ms));
        }
        let seen = timer.read();
        assert_eq!(seen.counts, [2, 2, 2]);
        assert!((seen.sum_s - 93.002).abs() < 1e-9, "{}", seen.sum_s);
    }

    #[test]
    fn bounds_grow_and_every_histogram_has_room_for_its_own() {
        for bounds in [TTFT_BUCKETS, ITL_BUCKETS, REQUEST_BUCKETS] {
            assert!(bounds.windows(2).all(|w| w[0] < w[1]));
            let timer = Timer::new(bounds);
            timer.observe(Duration::from_secs(1 << 40));
            assert_eq!(timer.read().counts.last(), Some(&1));
            assert_eq!(timer.read().counts.len(), bounds.len() + 1);
        }
    }

    #[test]
    fn what_was_spent_is_added_up_and_the_workers_own_numbers_come_from_its_last_word() {
        let tally = Tally::default();
        let spent = Spent { prompt: 10, cached: 4, completion: 3, drafted: 2, accepted: 1, ..Spent::default() };
        let second = Duration::from_secs(1);
        tally.finished(&Reason::Length, &spent, second, second);
        tally.finished(&Reason::End, &spent, second, second);
        tally.ended(Ended::Abort, 2);
        let stats =
            Stats { cells: 100, cells_used: 60, cells_kept: 35, running: 3, preemptions: 7, ..Stats::default() };
        let seen = tally.read("m".into()).with(Some(&stats));
        assert_eq!((seen.prompt_tokens, seen.prefix_cache_hits, seen.generation_tokens), (20, 8, 6));
        assert_eq!(seen.request_success, [("stop", 1), ("length", 1), ("abort", 2), ("error", 0)]);
        assert_eq!((seen.num_requests_running, seen.num_preemptions), (3, 7));
        assert_eq!(seen.kv_cache_usage, Some(0.25));
        assert_eq!(tally.read("m".into()).with(None).kv_cache_usage, None);
    }
}
