//! Days of the calendar, UTC.
//!
//! Days from and to a date are those of Howard Hinnant's "chrono-compatible low-level date algorithms" (days_from_civil, civil_from_days).
//! Never here: hours, time zones, a clock.

use ledger::{DAY_MS, Period};
use std::fmt;

/// Days since 1 January 1970, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Day(pub(crate) u32);

/// The last day that is taken: 31 December 9999.
const LAST: u32 = 2_932_896;

impl Day {
    /// The day of a time.
    pub(crate) fn of(unix_ms: u64) -> Day {
        Day(u32::try_from(unix_ms / DAY_MS).unwrap_or(LAST).min(LAST))
    }

    /// Reads `2026-09-01`.
    pub(crate) fn parse(text: &str) -> Result<Day, String> {
        let bad = || format!("\"{text}\" is not a day: write year-month-day such as 2026-09-01 (UTC)");
        let [year, month, day] = text.split('-').collect::<Vec<_>>()[..] else { return Err(bad()) };
        let digits = |text: &str, len: usize| {
            let right = text.len() == len && text.bytes().all(|b| b.is_ascii_digit());
            right.then(|| text.parse::<u32>().ok()).flatten().ok_or_else(bad)
        };
        let (year, month, day) = (digits(year, 4)?, digits(month, 2)?, digits(day, 2)?);
        let found = Day::of_date(year, month, day).ok_or_else(bad)?;
        // The 30th of February comes back as another day.
        if found.date() == (year, month, day) { Ok(found) } else { Err(bad()) }
    }

    /// Reads `2026-07-01..2026-07-31`.
    pub(crate) fn parse_span(text: &str) -> Result<(Day, Day), String> {
        let (from, to) = text
            .split_once("..")
            .ok_or_else(|| format!("\"{text}\" is not a period: write 2026-07-01..2026-07-31, both days in it"))?;
        let (from, to) = (Day::parse(from)?, Day::parse(to)?);
        if from <= to { Ok((from, to)) } else { Err(format!("{from} is after {to}: write the earlier day first")) }
    }

    fn of_date(year: u32, month: u32, day: u32) -> Option<Day> {
        if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        let year = if month <= 2 { year - 1 } else { year };
        let (era, yoe) = (year / 400, year % 400);
        let doy = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
        (era * 146_097 + doe).checked_sub(719_468).map(Day)
    }

    /// Year, month and day.
    pub(crate) fn date(self) -> (u32, u32, u32) {
        let days = self.0 + 719_468;
        let (era, doe) = (days / 146_097, days % 146_097);
        let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        (yoe + era * 400 + u32::from(month <= 2), month, doy - (153 * mp + 2) / 5 + 1)
    }

    /// The first millisecond.
    pub(crate) fn start_ms(self) -> u64 {
        u64::from(self.0) * DAY_MS
    }

    /// From this day to that, both in it.
    pub(crate) fn period(from: Option<Day>, to: Option<Day>) -> Period {
        Period {
            from_unix_ms: from.map_or(0, Day::start_ms),
            until_unix_ms: to.map_or(Period::ALL.until_unix_ms, |to| to.start_ms() + DAY_MS),
        }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.date();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_reads_as_it_is_shown() {
        for day in (0..=LAST).step_by(13).chain([0, 59, 11_016, LAST]).map(Day) {
            assert_eq!(Day::parse(&day.to_string()), Ok(day));
        }
        assert_eq!(Day::parse("1970-01-01"), Ok(Day(0)));
        assert_eq!(Day::parse("2000-02-29").map(Day::start_ms), Ok(951_782_400_000));
        assert_eq!(Day::of(951_868_799_999), Day::of(951_782_400_000));
    }

    #[test]
    fn what_is_no_day_is_refused_with_an_example() {
        for bad in [
            "",
            "2026",
            "2026-9-1",
            "2026-02-30",
            "2026-13-01",
            "2026-00-10",
            "1969-12-31",
            "2026-09-01T00",
            "today",
            "2026-09-31",
            "+026-09-01",
            "2026-09-0１",
        ] {
            let found = Day::parse(bad);
            assert!(found.as_ref().is_err_and(|e| e.contains("such as 2026-09-01")), "{bad}: {found:?}");
        }
        assert!(Day::parse_span("2026-09-02..2026-09-01").is_err_and(|e| e.contains("earlier day first")));
        assert!(Day::parse_span("2026-09-02").is_err_and(|e| e.contains("not a period")));
    }

    #[test]
    fn both_days_are_in_a_period() {
        let day = Day(20_000);
        let period = Day::period(Some(day), Some(day));
        assert_eq!(period.until_unix_ms - period.from_unix_ms, DAY_MS);
        assert_eq!(Day::of(period.until_unix_ms - 1), day);
    }
}
