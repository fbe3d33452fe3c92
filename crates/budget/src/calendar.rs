//! Calendar windows in UTC.
//!
//! Never here: the time of now.

use time::{Date, OffsetDateTime};

const DAY_MS: u64 = 86_400_000;
/// The last second that the calendar knows (the end of the year 9999).
const LAST_S: u64 = 253_402_300_799;

/// What a budget is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Period {
    /// From midnight to midnight.
    Day,
    /// From Monday to Monday.
    Week,
    /// From the first to the first.
    Month,
}

impl Period {
    /// Every period.
    pub const ALL: [Period; 3] = [Period::Day, Period::Week, Period::Month];

    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Period::Day => "day",
            Period::Week => "week",
            Period::Month => "month",
        }
    }
}

/// From `start_ms` up to but not with `end_ms`, Unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// Its first millisecond.
    pub start_ms: u64,
    /// The first one after it.
    pub end_ms: u64,
}

impl Window {
    /// The window of `period` that contains `at_ms`. Moments past the year 9999 count as its last second.
    pub fn containing(period: Period, at_ms: u64) -> Window {
        let seconds = (at_ms / 1_000).min(LAST_S);
        let day_ms = seconds * 1_000 / DAY_MS * DAY_MS;
        let from = |back: u64, days: u64| {
            let start_ms = day_ms.saturating_sub(back * DAY_MS);
            Window { start_ms, end_ms: start_ms + days * DAY_MS }
        };
        let date = date(seconds);
        match period {
            Period::Day => from(0, 1),
            Period::Week => from(u64::from(date.weekday().number_days_from_monday()), 7),
            Period::Month => from(u64::from(date.day()) - 1, u64::from(date.month().length(date.year()))),
        }
    }

    /// The window before this one, of the same `period`.
    pub fn before(self, period: Period) -> Window {
        Window::containing(period, self.start_ms.saturating_sub(1))
    }

    /// Whether `at_ms` is inside.
    pub const fn contains(self, at_ms: u64) -> bool {
        self.start_ms <= at_ms && at_ms < self.end_ms
    }
}

/// A moment as RFC 3339 writes it, to the second: `2026-12-01T00:00:00Z`.
pub fn rfc3339(at_ms: u64) -> String {
    let at = moment((at_ms / 1_000).min(LAST_S));
    let (year, month, day) = at.date().to_calendar_date();
    let (hour, minute, second) = at.to_hms();
    format!("{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z", u8::from(month))
}

fn moment(seconds: u64) -> OffsetDateTime {
    let seconds = i64::try_from(seconds).unwrap_or(0);
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn date(seconds: u64) -> Date {
    moment(seconds).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Unix milliseconds of a date (RFC 3339, midnight) by another rule: days from civil (Howard Hinnant).
    fn ms(year: i64, month: i64, day: i64) -> u64 {
        let y = if month <= 2 { year - 1 } else { year };
        let era = y.div_euclid(400);
        let yoe = y - era * 400;
        let doy = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
        let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
        u64::try_from((era * 146_097 + doe - 719_468) * 86_400_000).unwrap_or(0)
    }

    #[test]
    fn days_weeks_and_months_of_the_calendar() {
        // 2026-11-23 is a Monday.
        let at = ms(2026, 11, 23) + 12 * 3_600_000;
        let w = |p| Window::containing(p, at);
        assert_eq!(w(Period::Day), Window { start_ms: ms(2026, 11, 23), end_ms: ms(2026, 11, 24) });
        assert_eq!(w(Period::Week), Window { start_ms: ms(2026, 11, 23), end_ms: ms(2026, 11, 30) });
        assert_eq!(w(Period::Month), Window { start_ms: ms(2026, 11, 1), end_ms: ms(2026, 12, 1) });
        let leap = Window::containing(Period::Month, ms(2028, 2, 29));
        assert_eq!(leap, Window { start_ms: ms(2028, 2, 1), end_ms: ms(2028, 3, 1) });
        let year = Window::containing(Period::Month, ms(2026, 12, 31) + 86_399_999);
        assert_eq!(year, Window { start_ms: ms(2026, 12, 1), end_ms: ms(2027, 1, 1) });
        assert_eq!(year.before(Period::Month).start_ms, ms(2026, 11, 1));
        assert_eq!(Window::containing(Period::Week, ms(2027, 1, 1)).start_ms, ms(2026, 12, 28));
    }

    #[test]
    fn a_boundary_belongs_to_the_later_window() {
        for period in Period::ALL {
            let one = Window::containing(period, ms(2026, 11, 23));
            assert!(one.contains(one.start_ms) && one.contains(one.end_ms - 1) && !one.contains(one.end_ms));
            assert_eq!(Window::containing(period, one.end_ms).start_ms, one.end_ms, "{period:?}");
            assert_eq!(one.before(period).end_ms, one.start_ms, "{period:?}");
        }
    }

    #[test]
    fn moments_are_written_as_rfc_3339_wants() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(ms(2026, 12, 1) - 1), "2026-11-30T23:59:59Z");
        assert_eq!(rfc3339(u64::MAX), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn absurd_times_have_windows_too() {
        for period in Period::ALL {
            assert_eq!(Window::containing(period, 0).start_ms, 0);
            let last = Window::containing(period, u64::MAX);
            assert!(last.start_ms < last.end_ms);
        }
    }
}
