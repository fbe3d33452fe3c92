//! What `[resilience]` says, in the units of the machines, and what a request is to them.
//!
//! Never here: reading configuration (room `app`).

use super::{breaker, budget, limit};
use decide::{Nanousd, Need};
use std::time::Duration;

/// Prompt tokens that count as one wait: a longer prompt may take longer by as much.
const PROMPT_SHARE: u32 = 1_024;
/// Tokens of an answer that count as one wait where the answer comes as a whole.
const ANSWER_SHARE: u32 = 32;

/// What `[resilience]` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CareOptions {
    /// Further attempts (retries and hedges) per hundred requests of the last ten seconds.
    pub retry_percent: u32,
    /// Further attempts per second that are always there.
    pub retry_floor_per_s: u32,
    /// Consecutive failures that open a place's breaker; 0 is never.
    pub breaker_failures: u32,
    /// Share of failures over ten seconds, at 20 requests or more, that opens it, percent; 0 is never.
    pub breaker_percent: u32,
    /// How long it stays open the first time; doubles with every failed probe.
    pub open: Duration,
    /// How long it stays open at most.
    pub open_max: Duration,
    /// How long it stays open after a place refused our credentials; zero is not at all.
    pub key_open: Duration,
    /// The longest pause that a place may ask for; zero is none.
    pub pause_max: Duration,
    /// The least that a place's limit of concurrent requests falls to.
    pub limit_min: u32,
    /// The limit of a place that is well.
    pub limit_max: u32,
    /// A wait for a first piece below this is never overload.
    pub slow: Duration,
    /// Share of a place's limit that batch requests may fill, percent.
    pub batch_percent: u32,
    /// A second attempt beside a slow first one; `None` is off.
    pub hedge: Option<Hedge>,
}

/// When a second attempt starts beside the first, and what it may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hedge {
    /// How long the first attempt may be without content.
    pub after: Duration,
    /// The most that the second one may be expected to cost; one of unknown price is never started.
    pub cost_max: Nanousd,
}

impl Default for CareOptions {
    fn default() -> CareOptions {
        CareOptions {
            retry_percent: 20,
            retry_floor_per_s: 3,
            breaker_failures: 5,
            breaker_percent: 50,
            open: Duration::from_secs(1),
            open_max: Duration::from_secs(5),
            key_open: Duration::from_secs(30),
            pause_max: Duration::from_secs(60),
            limit_min: 3,
            limit_max: 1_000,
            slow: Duration::from_secs(10),
            batch_percent: 80,
            hedge: None,
        }
    }
}

impl CareOptions {
    pub(super) fn budget(&self) -> budget::Terms {
        budget::Terms { percent: self.retry_percent, floor_per_s: self.retry_floor_per_s }
    }

    pub(super) fn breaker(&self) -> breaker::Terms {
        let (open, open_max) = (self.open, self.open_max);
        breaker::Terms { failures: self.breaker_failures, percent: self.breaker_percent, open, open_max }
    }

    pub(super) fn limit(&self) -> limit::Terms {
        limit::Terms { min: self.limit_min, max: self.limit_max, slow: self.slow }
    }
}

/// What a request is to a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Work {
    /// Gives way to requests that somebody waits for.
    pub(crate) batch: bool,
    /// Answered in pieces.
    pub(crate) stream: bool,
    /// Estimated prompt tokens.
    pub(crate) input: u32,
    /// Expected completion tokens.
    pub(crate) output: u32,
}

impl Work {
    pub(crate) fn of(need: &Need, stream: bool) -> Work {
        Work { batch: need.batch, stream, input: need.input_tokens, output: need.output_tokens }
    }

    pub(super) fn tokens(&self) -> u64 {
        u64::from(self.input) + u64::from(self.output)
    }

    /// Streams and whole answers are measured apart: the first piece of the one is the whole of the other.
    pub(super) fn kind(&self) -> usize {
        usize::from(!self.stream)
    }

    /// By what a wait is divided, so that long prompts and long answers do not look like a slow place. `output` is what
    /// was written, or is expected.
    pub(super) fn share(&self, output: u32) -> u32 {
        if self.stream { (self.input / PROMPT_SHARE).max(1) } else { (output / ANSWER_SHARE).max(1) }
    }
}
