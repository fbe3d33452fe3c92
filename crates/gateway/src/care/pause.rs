//! The pause of one place: it asked us to wait (429, or 503 with `Retry-After`), which is no failure.
//!
//! Never here: a clock, or reading headers (room `backend`).

use std::time::Duration;
use tokio::time::Instant;

/// The first pause where a place does not say how long.
const UNSAID: Duration = Duration::from_secs(1);
/// The longest such pause; they double.
const UNSAID_MAX: Duration = Duration::from_secs(5);

/// Until when nothing is sent.
#[derive(Debug, Default)]
pub(super) struct Pause {
    until: Option<Instant>,
    /// Pauses without a time since the last answer.
    unsaid: u32,
}

impl Pause {
    /// It is busy. `asked` is the wait that it named, if it did; no pause is longer than `cap`.
    pub(super) fn busy(&mut self, now: Instant, asked: Option<Duration>, cap: Duration) {
        let wait = match asked {
            Some(asked) => asked,
            // Requests that were under way together are told together; that is one pause.
            None if self.rest(now).is_some() => return,
            None => {
                let doubled = UNSAID.saturating_mul(1 << self.unsaid.min(8)).min(UNSAID_MAX);
                self.unsaid = self.unsaid.saturating_add(1);
                doubled
            }
        };
        let until = now + wait.min(cap);
        // Of several answers the longest wait counts.
        self.until = Some(self.until.map_or(until, |u| u.max(until)));
    }

    /// It answered.
    pub(super) fn success(&mut self) {
        self.unsaid = 0;
    }

    /// How long still; `None` when there is nothing to wait for.
    pub(super) fn rest(&self, now: Instant) -> Option<Duration> {
        self.until.map(|u| u.saturating_duration_since(now)).filter(|rest| !rest.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAP: Duration = Duration::from_secs(60);

    fn s(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    #[test]
    fn waits_as_long_as_it_was_asked_and_no_longer_than_the_cap() {
        let now = Instant::now();
        for (asked, waits) in [(1, 1), (60, 60), (61, 60), (1_000_000_000, 60)] {
            let mut p = Pause::default();
            p.busy(now, Some(s(asked)), CAP);
            assert_eq!(p.rest(now), Some(s(waits)), "{asked}");
            assert_eq!(p.rest(now + s(waits)), None, "{asked}");
        }
    }

    #[test]
    fn without_a_time_pauses_double_up_to_five_seconds() {
        let mut now = Instant::now();
        let mut p = Pause::default();
        for waits in [1, 2, 4, 5, 5] {
            p.busy(now, None, CAP);
            p.busy(now, None, CAP);
            assert_eq!(p.rest(now), Some(s(waits)), "two answers of the same moment are one pause");
            now += s(waits);
        }
        p.success();
        p.busy(now, None, CAP);
        assert_eq!(p.rest(now), Some(s(1)));
    }

    #[test]
    fn a_shorter_wait_does_not_end_a_longer_one() {
        let now = Instant::now();
        let mut p = Pause::default();
        p.busy(now, Some(s(30)), CAP);
        p.busy(now, Some(s(1)), CAP);
        assert_eq!(p.rest(now), Some(s(30)));
    }
}
