//! What one account spent and has reserved in the windows of one period: that of now and the one before, since what began
//! before a boundary may end after it.
//!
//! Never here: other accounts, or whether something is allowed for them.

use crate::{Period, Window};

/// The sums of one window, nano-dollars.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sums {
    pub(crate) window: Window,
    pub(crate) spent: i64,
    pub(crate) reserved: i64,
    /// Of `spent`, what was charged above what had been reserved.
    pub(crate) over: i64,
}

impl Sums {
    fn new(window: Window) -> Sums {
        Sums { window, spent: 0, reserved: 0, over: 0 }
    }

    /// What may not be spent again.
    pub(crate) fn used(&self) -> i64 {
        self.spent.saturating_add(self.reserved)
    }
}

/// One period of one account.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    period: Period,
    now: Sums,
    before: Sums,
}

impl Meter {
    pub(crate) fn new(period: Period, at_ms: u64) -> Meter {
        let window = Window::containing(period, at_ms);
        Meter { period, now: Sums::new(window), before: Sums::new(window.before(period)) }
    }

    /// Goes over to the window of `at_ms` if that is later. Whether it did.
    pub(crate) fn roll(&mut self, at_ms: u64) -> bool {
        if at_ms < self.now.window.end_ms {
            return false;
        }
        let window = Window::containing(self.period, at_ms);
        let before = window.before(self.period);
        self.before = if self.now.window == before { self.now } else { Sums::new(before) };
        self.now = Sums::new(window);
        true
    }

    /// The sums of the window that contains `at_ms`; `None` where that is over for longer than one window.
    pub(crate) fn sums(&mut self, at_ms: u64) -> Option<&mut Sums> {
        [&mut self.now, &mut self.before].into_iter().find(|s| s.window.contains(at_ms))
    }

    /// The sums that a request of `at_ms` is checked against: its window's, or the oldest kept.
    pub(crate) fn checked(&self, at_ms: u64) -> &Sums {
        if at_ms >= self.now.window.start_ms { &self.now } else { &self.before }
    }

    /// The first moment that is kept.
    pub(crate) fn oldest_ms(&self) -> u64 {
        self.before.window.start_ms
    }

    /// The window of now.
    pub(crate) fn current(&self) -> &Sums {
        &self.now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400_000;

    #[test]
    fn the_window_before_is_kept_and_older_ones_are_not() {
        let mut meter = Meter::new(Period::Day, 10 * DAY);
        if let Some(sums) = meter.sums(10 * DAY) {
            sums.spent = 5;
        }
        assert!(!meter.roll(11 * DAY - 1), "not yet");
        assert!(meter.roll(11 * DAY));
        assert_eq!(meter.sums(11 * DAY - 1).map(|s| s.spent), Some(5));
        assert_eq!(meter.current().spent, 0);
        assert!(meter.sums(9 * DAY).is_none());
        assert!(meter.roll(13 * DAY), "a day without any request");
        assert_eq!(meter.sums(12 * DAY).map(|s| s.spent), Some(0));
        assert!(meter.sums(10 * DAY).is_none());
    }
}
