//! The limit of concurrent requests at one place: adaptive, by additive and multiplicative steps on the wait for a first
//! piece relative to its long minimum (after Netflix's concurrency-limits and TCP's slow start). A wait is overload only
//! when it is long in itself as well, or when callers leave over it: places with a queue of their own may use it.
//!
//! Never here: a clock, or who is turned away (`ward`).

use std::time::Duration;
use tokio::time::Instant;

/// Shortest window over which waits are averaged.
const WINDOW: Duration = Duration::from_secs(1);
/// Waits in a window before it is closed early.
const SAMPLES: u32 = 5;
/// A window with fewer waits than that is closed after so long.
const SPARSE: Duration = Duration::from_secs(3);
/// How many times its long minimum a wait may be.
const TOLERANCE: u64 = 3;
/// Where one in so many waits ends with the caller leaving, waits are too long, whatever they are in themselves.
const LEFT_ONE_IN: u32 = 4;
/// The long minimum is that of so many spans.
const SPANS: usize = 10;
/// One span of the long minimum: ten minutes in all.
const SPAN: Duration = Duration::from_secs(60);
/// A cut is forgotten after so long, and growth is fast again.
const CALM: Duration = Duration::from_secs(30);

/// Between what and by what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    /// Never below.
    pub(super) min: u32,
    /// Never above; a place that is well is there.
    pub(super) max: u32,
    /// No wait below this is overload.
    pub(super) slow: Duration,
}

/// The limit.
#[derive(Debug)]
pub(super) struct Limit {
    /// `None` is the maximum.
    now: Option<f64>,
    /// Growth is fast below this.
    threshold: Option<f64>,
    cut: Option<Instant>,
    opened: Instant,
    count: u32,
    left: u32,
    sum_us: u64,
    peak: u32,
    last_us: u64,
    spans: [Option<u64>; SPANS],
    span: usize,
    span_began: Instant,
}

impl Limit {
    pub(super) fn new(now: Instant) -> Limit {
        Limit {
            now: None,
            threshold: None,
            cut: None,
            opened: now,
            count: 0,
            left: 0,
            sum_us: 0,
            peak: 0,
            last_us: 0,
            spans: [None; SPANS],
            span: 0,
            span_began: now,
        }
    }

    /// Requests that may be under way at once.
    pub(super) fn value(&self, terms: Terms) -> u32 {
        let max = f64::from(terms.max);
        // From `min` to `max`, so the conversion is exact enough and cannot overflow.
        self.now.unwrap_or(max).clamp(f64::from(terms.min.min(terms.max)), max) as u32
    }

    /// So many are under way.
    pub(super) fn running(&mut self, running: u32) {
        self.peak = self.peak.max(running);
    }

    /// One wait for a first piece came to its end.
    pub(super) fn waited(&mut self, now: Instant, wait: Duration, terms: Terms) {
        self.count += 1;
        self.sum_us = self.sum_us.saturating_add(micros(wait));
        let open = now.saturating_duration_since(self.opened);
        // Long enough to see what the last step did: that shows only after one wait.
        let least = WINDOW.max(Duration::from_micros(self.last_us));
        let enough = if self.count >= SAMPLES { least } else { SPARSE.max(least) };
        if open >= enough {
            self.close(now, terms);
        }
    }

    /// A caller left before the first piece came: the wait was to be longer than this. Who leaves early left for other
    /// reasons.
    pub(super) fn gave_up(&mut self, now: Instant, wait: Duration, terms: Terms) {
        let base = self.spans.iter().flatten().copied().min();
        if base.is_some_and(|base| micros(wait) > base.saturating_mul(TOLERANCE)) {
            self.left += 1;
            self.waited(now, wait, terms);
        }
    }

    fn close(&mut self, now: Instant, terms: Terms) {
        let average = self.sum_us / u64::from(self.count.max(1));
        let base = self.base(now, average);
        let usual = base.saturating_mul(TOLERANCE);
        let bound = if self.left * LEFT_ONE_IN >= self.count { usual } else { usual.max(micros(terms.slow)) };
        if self.cut.is_some_and(|cut| now.saturating_duration_since(cut) >= CALM) {
            (self.threshold, self.cut) = (None, None);
        }
        let max = f64::from(terms.max);
        let limit = f64::from(self.value(terms));
        let next = if average > bound {
            let used = limit.min(f64::from(self.peak.max(1)));
            (self.threshold, self.cut) = (Some(used * 0.8), Some(now));
            used * (bound as f64 / average as f64).clamp(0.5, 0.9)
        } else if self.threshold.is_some_and(|t| limit >= t) {
            limit * 1.05 + 1.0
        } else {
            limit * 1.5 + 1.0
        };
        self.now = Some(next.max(f64::from(terms.min))).filter(|n| *n < max);
        self.last_us = average;
        (self.opened, self.count, self.left, self.sum_us, self.peak) = (now, 0, 0, 0, 0);
    }

    /// The least average wait of the last ten minutes, this one included.
    fn base(&mut self, now: Instant, average: u64) -> u64 {
        while now.saturating_duration_since(self.span_began) >= SPAN {
            self.span_began += SPAN;
            self.span = (self.span + 1) % SPANS;
            self.spans[self.span] = None;
            if now.saturating_duration_since(self.span_began) >= SPAN * (SPANS as u32) {
                self.spans = [None; SPANS];
                self.span_began = now;
            }
        }
        let here = &mut self.spans[self.span];
        *here = Some(here.map_or(average, |least| least.min(average)));
        self.spans.iter().flatten().copied().min().unwrap_or(average)
    }
}

fn micros(d: Duration) -> u64 {
    u64::try_from(d.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "limit_tests.rs"]
mod tests;
