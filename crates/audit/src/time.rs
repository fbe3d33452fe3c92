//! Times as text, `2026-11-23T04:21:22.123Z`, in one form only. Days to a date and back: Hinnant's "days from civil", in the
//! proleptic Gregorian calendar (<https://howardhinnant.github.io/date_algorithms.html>).
//!
//! Never here: a clock, but for [`now`].

use std::time::{SystemTime, UNIX_EPOCH};

const DAY_MS: u64 = 86_400_000;
/// The last moment of the year 9999; later ones are shown as this.
const LAST_MS: u64 = 253_402_300_799_999;
/// Characters of a time.
pub(crate) const LENGTH: usize = 24;

/// Unix milliseconds of now.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(LAST_MS)
}

/// Days since the epoch.
pub(crate) fn day_of(unix_ms: u64) -> u64 {
    unix_ms / DAY_MS
}

/// Year, month and day of a day since the epoch.
fn civil(day: u64) -> (u64, u64, u64) {
    let z = day + 719_468;
    let (era, of_era) = (z / 146_097, z % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, of_year - (153 * shifted + 2) / 5 + 1)
}

/// Days since the epoch of a date from 1970 on; `None` where there is no such date.
fn days(year: u64, month: u64, date: u64) -> Option<u64> {
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&date) {
        return None;
    }
    let y = if month <= 2 { year - 1 } else { year };
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * shifted + 2) / 5 + date - 1;
    let of_era = (y % 400) * 365 + (y % 400) / 4 - (y % 400) / 100 + of_year;
    let day = (y / 400) * 146_097 + of_era - 719_468;
    (civil(day) == (year, month, date)).then_some(day)
}

/// Appends a time.
pub(crate) fn put(unix_ms: u64, out: &mut Vec<u8>) {
    let ms = unix_ms.min(LAST_MS);
    let (year, month, date) = civil(ms / DAY_MS);
    let rest = ms % DAY_MS;
    let mut digits = |mut value: u64, width: usize, end: u8| {
        let at = out.len();
        out.resize(at + width, b'0');
        for slot in out[at..].iter_mut().rev() {
            *slot = b'0' + (value % 10) as u8;
            value /= 10;
        }
        out.push(end);
    };
    digits(year, 4, b'-');
    digits(month, 2, b'-');
    digits(date, 2, b'T');
    digits(rest / 3_600_000, 2, b':');
    digits(rest / 60_000 % 60, 2, b':');
    digits(rest / 1000 % 60, 2, b'.');
    digits(rest % 1000, 3, b'Z');
}

/// A time.
pub(crate) fn show(unix_ms: u64) -> String {
    let mut out = Vec::with_capacity(LENGTH);
    put(unix_ms, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// Reads a time in exactly the form of [`put`].
pub(crate) fn read(text: &[u8]) -> Option<u64> {
    let number = |range: std::ops::Range<usize>| {
        let digits = text.get(range)?;
        digits.iter().all(u8::is_ascii_digit).then(|| digits.iter().fold(0, |n, d| n * 10 + u64::from(d - b'0')))
    };
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.'), (23, b'Z')];
    if text.len() != LENGTH || marks.iter().any(|(at, mark)| text[*at] != *mark) {
        return None;
    }
    let day = days(number(0..4)?, number(5..7)?, number(8..10)?)?;
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some(day * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000 + number(20..23)?)
}

/// The first moment of a date such as `2026-07-01`, Unix milliseconds (UTC); a full time in our own form is read too.
pub fn day(text: &str) -> Option<u64> {
    if text.len() == 10 { read(format!("{text}T00:00:00.000Z").as_bytes()) } else { read(text.as_bytes()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn known_times_both_ways() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_795_407_682_123, "2026-11-23T04:21:22.123Z"),
            (LAST_MS, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(show(ms), text);
            assert_eq!(read(text.as_bytes()), Some(ms));
        }
        assert_eq!(show(u64::MAX), show(LAST_MS));
        for wrong in
            ["2026-02-29", "2026-13-01", "2026-00-01", "1969-12-31", "2026-1-01", "2026-11-23T24:00:00.000Z", ""]
        {
            assert_eq!(day(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_day_of_four_centuries_comes_back() {
        for day in (0..146_097).map(|d| d * DAY_MS) {
            assert_eq!(read(show(day).as_bytes()), Some(day));
        }
    }
}
