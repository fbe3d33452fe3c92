//! The breaker of one place: closed, open, half-open (Nygard, "Release It!"). Consecutive failures open it, and so does
//! a high share of failures; it stays open for a time that doubles; then exactly one request tries the place.
//!
//! Never here: a clock, chance of its own, or which faults are failures (`ward`).

use std::time::Duration;
use tokio::time::Instant;

/// The window over which the share of failures is taken.
const WINDOW: Duration = Duration::from_secs(10);
/// Outcomes in a window before a share says anything.
const VOLUME: u32 = 20;
/// A place that is the last one left may be tried so often although its breaker is open.
pub(super) const LAST_RESORT: Duration = Duration::from_millis(250);

/// A probe that is under way for so long without failing, such as a long answer in one piece, keeps the next one away no
/// longer.
pub(super) const LONG_PROBE: Duration = Duration::from_secs(5);

/// When to open and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    /// Consecutive failures that open it; 0 is never.
    pub(super) failures: u32,
    /// Share of failures that opens it, percent; 0 is never.
    pub(super) percent: u32,
    /// The first time it stays open.
    pub(super) open: Duration,
    /// The longest time it stays open.
    pub(super) open_max: Duration,
}

/// Why it is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// Every recent request failed.
    Consecutive,
    /// A large share of them failed, but not all.
    Share,
    /// The place refuses our credentials.
    Key,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    /// Open until then.
    Open {
        until: Instant,
        why: Why,
    },
    /// One request tries the place, since then.
    HalfOpen {
        since: Instant,
        why: Why,
    },
}

/// The breaker.
#[derive(Debug)]
pub(super) struct Breaker {
    state: State,
    consecutive: u32,
    window: Instant,
    failed: u32,
    ended: u32,
    /// How often it opened since it was last closed by a success.
    opened: u32,
    /// When the last request tried it while it was open.
    tried: Option<Instant>,
}

/// What a request may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    /// Go.
    Go,
    /// Go, and be the one request that tries the place.
    Probe,
    /// Not before that time has passed.
    Wait(Duration),
}

impl Breaker {
    pub(super) fn new(now: Instant) -> Breaker {
        let (window, tried) = (now, None);
        Breaker { state: State::Closed, consecutive: 0, window, failed: 0, ended: 0, opened: 0, tried }
    }

    /// What a request may do now; `last` where it has no other place to go. Says so without taking the probe.
    pub(super) fn leave(&self, now: Instant, last: bool) -> Leave {
        // Where some requests succeed, the last place is better than none.
        let rather = |why: Why| last && why == Why::Share;
        let again = self.tried.map_or(Duration::ZERO, |t| LAST_RESORT.saturating_sub(now.saturating_duration_since(t)));
        match self.state {
            State::Closed => Leave::Go,
            State::Open { why, .. } | State::HalfOpen { why, .. } if rather(why) => Leave::Go,
            State::HalfOpen { since, .. } if now.saturating_duration_since(since) >= LONG_PROBE => Leave::Probe,
            State::HalfOpen { .. } => Leave::Wait(LAST_RESORT),
            State::Open { until, .. } if now >= until => Leave::Probe,
            State::Open { why, .. } if last && why == Why::Consecutive && again.is_zero() => Leave::Probe,
            State::Open { until, why } => {
                let rest = until.saturating_duration_since(now);
                Leave::Wait(if last && why == Why::Consecutive { rest.min(again) } else { rest })
            }
        }
    }

    /// A request goes as the probe.
    pub(super) fn probe(&mut self, now: Instant) {
        if let State::Open { why, .. } | State::HalfOpen { why, .. } = self.state {
            self.tried = Some(now);
            self.state = State::HalfOpen { since: now, why };
        }
    }

    /// The probe ended without saying anything about the place (its caller left): the next request may probe.
    pub(super) fn unprobe(&mut self, now: Instant) {
        if let State::HalfOpen { why, .. } = self.state {
            self.tried = None;
            self.state = State::Open { until: now, why };
        }
    }

    /// The place answered. `probed` says that it was the probe: others were sent before it opened, and prove nothing
    /// of the time since.
    pub(super) fn success(&mut self, now: Instant, probed: bool) {
        self.consecutive = 0;
        self.count(now, 0);
        if probed || self.state == State::Closed {
            self.state = State::Closed;
        }
        if probed {
            (self.failed, self.ended) = (0, 0);
        }
        if probed || self.failed == 0 {
            self.opened = 0;
        }
    }

    /// The place failed. `chance` spreads the time at which several breakers, or gateways, try again. True when this
    /// opened a closed breaker.
    pub(super) fn failure(&mut self, now: Instant, probed: bool, terms: Terms, chance: u64) -> bool {
        self.consecutive = self.consecutive.saturating_add(1);
        self.count(now, 1);
        match self.state {
            State::Closed if (1..=self.consecutive).contains(&terms.failures) => {
                self.open(now, Why::Consecutive, terms, chance);
                true
            }
            State::Closed if self.is_share(terms.percent) => {
                self.open(now, Why::Share, terms, chance);
                true
            }
            State::HalfOpen { why, .. } if probed => {
                self.open(now, why, terms, chance);
                false
            }
            _ => false,
        }
    }

    /// The place refuses our credentials: no request can succeed until somebody acts. True when that is new.
    pub(super) fn refused(&mut self, now: Instant, time: Duration) -> bool {
        if time.is_zero() {
            return true;
        }
        let new = !matches!(self.state, State::Open { why: Why::Key, .. } | State::HalfOpen { why: Why::Key, .. });
        self.state = State::Open { until: now + time, why: Why::Key };
        new
    }

    /// Whether so large a share of the window failed; never where the share is 0, which is off.
    fn is_share(&self, percent: u32) -> bool {
        let (failed, ended) = (u64::from(self.failed), u64::from(self.ended));
        percent > 0 && self.ended >= VOLUME && failed * 100 >= ended * u64::from(percent)
    }

    fn open(&mut self, now: Instant, why: Why, terms: Terms, chance: u64) {
        let doubled = terms.open.saturating_mul(1 << self.opened.min(16)).min(terms.open_max);
        // From eight tenths of it to all of it, so that the longest time stays the longest.
        let permille = 800 + u32::try_from(chance % 201).unwrap_or(0);
        self.state = State::Open { until: now + doubled * permille / 1000, why };
        self.opened = self.opened.saturating_add(1);
        (self.failed, self.ended) = (0, 0);
        self.tried = Some(now);
    }

    fn count(&mut self, now: Instant, failed: u32) {
        if now.saturating_duration_since(self.window) >= WINDOW {
            (self.window, self.failed, self.ended) = (now, 0, 0);
        }
        self.failed = self.failed.saturating_add(failed);
        self.ended = self.ended.saturating_add(1);
    }

    /// For metrics.
    pub(super) fn word(&self) -> &'static str {
        match self.state {
            State::Closed => "closed",
            State::Open { .. } => "open",
            State::HalfOpen { .. } => "half_open",
        }
    }
}

#[cfg(test)]
#[path = "breaker_tests.rs"]
mod tests;
