//! A limit per minute: the leaky bucket as a meter (ITU-T I.371, annex A; GCRA is its other form). It holds a minute's worth
//! and drains steadily, so that a caller may use it all at once and then goes on at the limit's rate.
//!
//! All in whole unit-milliseconds, so that nothing is rounded. Not the crate `governor`, which does the same for one limit with a
//! clock of its own: here several limits are taken all or none, under a lock that is held anyway, and tokens are given back.
//!
//! Never here: a clock.

const MINUTE_MS: u128 = 60_000;

/// How full one limit is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bucket {
    /// Units × milliseconds.
    level: u128,
    at_ms: u64,
}

impl Bucket {
    /// Lets drain what has drained since. A clock that went back stands still meanwhile.
    pub(crate) fn drain(&mut self, limit: u64, now_ms: u64) {
        let gone = u128::from(now_ms.saturating_sub(self.at_ms)) * u128::from(limit);
        self.level = self.level.saturating_sub(gone);
        self.at_ms = self.at_ms.max(now_ms);
    }

    /// Milliseconds until `units` fit: 0 now, `None` never. Drain first.
    pub(crate) fn wait_ms(&self, limit: u64, units: u64) -> Option<u64> {
        if units > limit {
            return None;
        }
        let over = (self.level + u128::from(units) * MINUTE_MS).saturating_sub(u128::from(limit) * MINUTE_MS);
        Some(narrow(over.div_ceil(u128::from(limit).max(1))))
    }

    /// Takes `units`, whether they fit or not.
    pub(crate) fn take(&mut self, units: u64) {
        self.level += u128::from(units) * MINUTE_MS;
    }

    /// Gives `units` back.
    pub(crate) fn give(&mut self, units: u64) {
        self.level = self.level.saturating_sub(u128::from(units) * MINUTE_MS);
    }

    /// Whole units that fit now. Drain first.
    pub(crate) fn remaining(&self, limit: u64) -> u64 {
        narrow((u128::from(limit) * MINUTE_MS).saturating_sub(self.level) / MINUTE_MS)
    }

    /// Milliseconds until it is empty. Drain first.
    pub(crate) fn reset_ms(&self, limit: u64) -> u64 {
        narrow(self.level.div_ceil(u128::from(limit).max(1)))
    }
}

fn narrow(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minutes_worth_at_once_and_then_one_after_the_other() {
        let mut bucket = Bucket::default();
        for _ in 0..7 {
            assert_eq!(bucket.wait_ms(7, 1), Some(0));
            bucket.take(1);
        }
        // 60,000 / 7 = 8,571.4
        assert_eq!((bucket.wait_ms(7, 1), bucket.remaining(7), bucket.reset_ms(7)), (Some(8_572), 0, 60_000));
        bucket.drain(7, 8_571);
        assert_eq!(bucket.wait_ms(7, 1), Some(1));
        bucket.drain(7, 8_572);
        assert_eq!((bucket.wait_ms(7, 1), bucket.remaining(7)), (Some(0), 1));
    }

    #[test]
    fn more_than_a_minutes_worth_never_fits() {
        let bucket = Bucket::default();
        assert_eq!((bucket.wait_ms(10, 10), bucket.wait_ms(10, 11), bucket.wait_ms(0, 1)), (Some(0), None, None));
    }

    #[test]
    fn what_is_given_back_is_free_again_and_a_debt_drains() {
        let mut bucket = Bucket::default();
        bucket.take(100);
        bucket.give(40);
        assert_eq!(bucket.remaining(100), 40);
        bucket.take(140);
        assert_eq!((bucket.remaining(100), bucket.wait_ms(100, 0)), (0, Some(60_000)));
        bucket.drain(100, 60_000);
        assert_eq!(bucket.wait_ms(100, 0), Some(0));
        bucket.give(u64::MAX);
        assert_eq!(bucket.remaining(100), 100, "it never holds less than nothing");
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing() {
        let mut bucket = Bucket { at_ms: 1_000_000, ..Bucket::default() };
        bucket.take(10);
        bucket.drain(10, 5);
        assert_eq!(bucket.remaining(10), 0);
        bucket.drain(10, 1_006_000);
        assert_eq!(bucket.remaining(10), 1);
    }

    #[test]
    fn the_greatest_numbers_do_not_overflow() {
        let mut bucket = Bucket::default();
        bucket.take(u64::MAX);
        bucket.take(u64::MAX);
        bucket.drain(u64::MAX, u64::MAX);
        assert_eq!(bucket.remaining(u64::MAX), u64::MAX);
    }
}
