//! What is known of one place from the requests that were sent there: its breaker, its pause, its limit, how long first
//! pieces take, and what is under way.
//!
//! Never here: a choice between places, or a clock.

use super::breaker::{Breaker, Leave};
use super::pause::Pause;
use super::{CareOptions, Work, limit::Limit};
use decide::{Cause, Gate, Standing, Zone};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A measurement older than this is replaced by the next one instead of blended with it.
const STALE: Duration = Duration::from_secs(5);
/// What a place is told to come back after when it has no seat free.
const SEAT: Duration = Duration::from_secs(1);

/// One place.
#[derive(Debug)]
pub(super) struct Ward {
    /// The embedded engine has a queue, classes and restarts of its own: it is measured and left alone.
    watched: bool,
    /// Its waits say how much work it has. A vendor's cloud says so itself, with 429; how long its first pieces take
    /// follows from what its models think before they write.
    adaptive: bool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    breaker: Breaker,
    pause: Pause,
    limit: Limit,
    running: u32,
    tokens: u64,
    next: u64,
    begun: Option<Instant>,
    kinds: [Waits; 2],
}

/// Waits for a first piece, of streams or of whole answers.
#[derive(Debug, Default)]
struct Waits {
    mean_us: Option<u64>,
    measured: Option<Instant>,
    /// Those that still wait, in the order in which they began.
    open: BTreeMap<u64, (Instant, u32)>,
    /// Younger than this one none has had its first piece.
    overtaken: u64,
}

/// Leave to send, which must be given back with [`Ward::leave`].
#[derive(Debug)]
pub(super) struct Ticket {
    seq: u64,
    pub(super) probe: bool,
    work: Work,
    began: Instant,
    waiting: bool,
}

/// Turned away: how the place stands, and when to ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turned {
    pub(super) gate: Gate,
    pub(super) rest: Duration,
}

/// What changed with the end of an attempt, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    Opened,
    Closed,
    KeyRefused,
}

/// Figures for metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) breaker: &'static str,
    pub(super) paused: Duration,
    pub(super) limit: u32,
    pub(super) running: u32,
    pub(super) tokens: u64,
}

impl Ward {
    pub(super) fn new(now: Instant, zone: Zone) -> Ward {
        let state = Mutex::new(State {
            breaker: Breaker::new(now),
            pause: Pause::default(),
            limit: Limit::new(now),
            running: 0,
            tokens: 0,
            next: 1,
            begun: None,
            kinds: Default::default(),
        });
        let watched = zone != Zone::Embedded;
        Ward { watched, adaptive: watched && zone != Zone::VendorCloud, state }
    }

    /// Held for a few additions, never across an await.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leave for one attempt. `last` where the request has no other place to go.
    pub(super) fn enter(&self, now: Instant, work: Work, last: bool, options: &CareOptions) -> Result<Ticket, Turned> {
        let mut s = self.lock();
        let leave = if self.watched { s.leave(now, last, work.batch, options)? } else { Leave::Go };
        let probe = leave == Leave::Probe;
        if probe {
            s.breaker.probe(now);
        }
        let seq = s.next;
        s.next += 1;
        s.running += 1;
        s.tokens = s.tokens.saturating_add(work.tokens());
        s.begun = Some(now);
        let running = s.running;
        s.limit.running(running);
        s.kinds[work.kind()].open.insert(seq, (now, work.share(work.output)));
        Ok(Ticket { seq, probe, work, began: now, waiting: true })
    }

    /// The first piece came. For a probe that is enough: its answer may be long.
    pub(super) fn first(&self, ticket: &mut Ticket, now: Instant, options: &CareOptions) -> Option<News> {
        let mut s = self.lock();
        if ticket.waiting && ticket.work.stream {
            let share = ticket.work.share(0);
            self.waited(&mut s, ticket, now, share, options);
        }
        if !std::mem::take(&mut ticket.probe) {
            return None;
        }
        s.pause.success();
        s.breaker.success(now, true);
        Some(News::Closed)
    }

    /// The attempt ended with `cause`, or well. `asked` is the wait that the place named, `output` what it wrote.
    pub(super) fn ended(
        &self,
        ticket: &mut Ticket,
        now: Instant,
        end: &End,
        options: &CareOptions,
        chance: u64,
    ) -> Option<News> {
        let mut s = self.lock();
        let answered = !ticket.waiting;
        // How long a place that failed at once took says nothing of its load; one that never answered says much.
        if ticket.waiting && matches!(end.cause, None | Some(Cause::Timeout | Cause::Outrun)) {
            let share = ticket.work.share(end.output);
            self.waited(&mut s, ticket, now, share, options);
        } else if ticket.waiting && end.cause == Some(Cause::Cancelled) && self.adaptive {
            let age = now.saturating_duration_since(ticket.began) / ticket.work.share(ticket.work.output);
            s.limit.gave_up(now, age, options.limit());
        }
        s.judge(ticket, now, end, answered, options, chance)
    }

    fn waited(&self, s: &mut State, ticket: &mut Ticket, now: Instant, share: u32, options: &CareOptions) {
        let wait = s.waited(ticket, now, share);
        if self.adaptive {
            s.limit.waited(now, wait, options.limit());
        }
    }

    /// Gives a ticket back.
    pub(super) fn leave(&self, ticket: &Ticket, now: Instant) {
        let mut s = self.lock();
        s.running = s.running.saturating_sub(1);
        s.tokens = s.tokens.saturating_sub(ticket.work.tokens());
        if ticket.waiting {
            s.kinds[ticket.work.kind()].open.remove(&ticket.seq);
        }
        if ticket.probe {
            // Nothing happens if the probe said something of the place.
            s.breaker.unprobe(now);
        }
    }

    /// How the place stands for a request of that kind.
    pub(super) fn standing(&self, now: Instant, work: Work, options: &CareOptions) -> Standing {
        let s = self.lock();
        let gate = match self.watched.then(|| s.leave(now, false, work.batch, options)) {
            Some(Err(turned)) => turned.gate,
            _ => Gate::Free,
        };
        let idle = s.begun.map_or(0, |b| now.saturating_duration_since(b).as_millis());
        Standing {
            gate,
            wait_us: s.kinds[work.kind()].wait_us(now),
            running: s.running,
            outstanding_tokens: s.tokens,
            idle_ms: u64::try_from(idle).unwrap_or(u64::MAX),
        }
    }

    /// The usual wait for the first piece of a stream; zero where none was measured.
    pub(super) fn usual(&self) -> Duration {
        Duration::from_micros(self.lock().kinds[0].mean_us.unwrap_or_default())
    }

    /// For metrics.
    pub(super) fn figures(&self, now: Instant, options: &CareOptions) -> Figures {
        let s = self.lock();
        Figures {
            breaker: s.breaker.word(),
            paused: s.pause.rest(now).unwrap_or_default(),
            limit: s.limit.value(options.limit()),
            running: s.running,
            tokens: s.tokens,
        }
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct End {
    pub(super) cause: Option<Cause>,
    pub(super) asked: Option<Duration>,
    pub(super) output: u32,
}

impl State {
    fn leave(&self, now: Instant, last: bool, batch: bool, options: &CareOptions) -> Result<Leave, Turned> {
        if let Some(rest) = self.pause.rest(now) {
            return Err(Turned { gate: Gate::Paused, rest });
        }
        let leave = self.breaker.leave(now, last);
        if let Leave::Wait(rest) = leave {
            return Err(Turned { gate: Gate::Open, rest });
        }
        let all = self.limit.value(options.limit());
        // The last seats are for requests that somebody waits for.
        let seats = if batch { (u64::from(all) * u64::from(options.batch_percent) / 100).max(1) } else { all.into() };
        if u64::from(self.running) >= seats {
            return Err(Turned { gate: Gate::Full, rest: SEAT });
        }
        Ok(leave)
    }

    fn waited(&mut self, ticket: &mut Ticket, now: Instant, share: u32) -> Duration {
        ticket.waiting = false;
        let wait = now.saturating_duration_since(ticket.began) / share;
        let waits = &mut self.kinds[ticket.work.kind()];
        waits.open.remove(&ticket.seq);
        waits.overtaken = waits.overtaken.max(ticket.seq);
        waits.measure(now, wait);
        wait
    }

    fn judge(
        &mut self,
        ticket: &mut Ticket,
        now: Instant,
        end: &End,
        answered: bool,
        options: &CareOptions,
        chance: u64,
    ) -> Option<News> {
        let probed = std::mem::take(&mut ticket.probe);
        match end.cause {
            Some(Cause::UpstreamBusy) => {
                self.pause.busy(now, end.asked, options.pause_max);
                // It answers, if only to say that it is busy.
                self.breaker.success(now, probed);
                probed.then_some(News::Closed)
            }
            Some(Cause::UpstreamAuth) => self.breaker.refused(now, options.key_open).then_some(News::KeyRefused),
            Some(cause) if is_failure(cause) => {
                if let Some(asked) = end.asked {
                    self.pause.busy(now, Some(asked), options.pause_max);
                }
                let opened = self.breaker.failure(now, probed, options.breaker(), chance);
                opened.then_some(News::Opened)
            }
            Some(
                Cause::Internal
                | Cause::LedgerUnavailable
                | Cause::AuditUnavailable
                | Cause::PolicyDenied
                | Cause::ShuttingDown,
            ) => {
                ticket.probe = probed;
                None
            }
            Some(Cause::Cancelled | Cause::Outrun) if !answered => {
                ticket.probe = probed;
                None
            }
            // Also where the request itself was at fault: the place is there.
            _ => {
                self.pause.success();
                self.breaker.success(now, probed);
                probed.then_some(News::Closed)
            }
        }
    }
}

/// Faults that speak against the place, and not against the request, the caller or us.
pub(super) fn is_failure(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::Connect
            | Cause::Timeout
            | Cause::UpstreamError
            | Cause::UpstreamInvalid
            | Cause::Truncated
            | Cause::Engine
    )
}

impl Waits {
    /// Moving average with weight 1/4.
    fn measure(&mut self, now: Instant, wait: Duration) {
        let us = u64::try_from(wait.as_micros()).unwrap_or(u64::MAX).max(1);
        let fresh = self.measured.is_some_and(|m| now.saturating_duration_since(m) < STALE);
        self.mean_us = Some(match self.mean_us.filter(|_| fresh) {
            Some(mean) => mean - mean / 4 + us / 4,
            None => us,
        });
        self.measured = Some(now);
    }

    /// The average; or the age of the oldest that still waits and that nobody has overtaken, where that is clearly
    /// longer: a place that hangs is seen before its first answer is.
    fn wait_us(&self, now: Instant) -> Option<u64> {
        let oldest = self.open.range(self.overtaken..).next().map(|(_, (began, share))| {
            let age = now.saturating_duration_since(*began) / *share;
            u64::try_from(age.as_micros()).unwrap_or(u64::MAX)
        });
        match (self.mean_us, oldest) {
            (Some(mean), Some(age)) if age > mean.saturating_mul(2).saturating_add(50_000) => Some(age),
            (None, Some(age)) if age > 50_000 => Some(age),
            (mean, _) => mean,
        }
    }
}

#[cfg(test)]
#[path = "ward_tests.rs"]
mod tests;
