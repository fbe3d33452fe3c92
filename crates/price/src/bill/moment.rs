//! Moments as people and files write them.
//!
//! Never here: the clock, time zones by name.

/// Unix seconds of `2026-08-21T14:00:00Z`, `2026-08-21 14:00:00+02:00`, a date (its noon in UTC, so that it is that day
/// nearly everywhere) or a number of Unix seconds. `None`: none of these.
pub fn unix_s(text: &str) -> Option<u64> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().ok();
    }
    let (date, rest) = text.split_at_checked(10)?;
    let day = day(date)?;
    if rest.is_empty() {
        return (day * 86_400 + 43_200).try_into().ok();
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let cut = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (time, zone) = rest.split_at(cut);
    let seconds = clock(time)?;
    let shift = match zone {
        "" | "Z" | "z" => 0,
        signed => {
            let (sign, zone) = signed.split_at(1);
            let shift = clock(zone)?;
            if sign == "-" { -shift } else { shift }
        }
    };
    (day * 86_400 + seconds - shift).try_into().ok()
}

/// Days since 1970 of `2026-08-21` (proleptic Gregorian; Hinnant's algorithm `days_from_civil`).
pub(crate) fn day(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let mut part = |digits: usize| {
        let part = parts.next()?;
        (part.len() == digits && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse::<i64>().ok()).flatten()
    };
    let (year, month, day) = (part(4)?, part(2)?, part(2)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if parts.next().is_some() || !(1..=last).contains(&day) {
        return None;
    }
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let year_of_era = y.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468)
}

/// Seconds of the day of `14:30`, `14:30:00` or `14:30:00.5` (fractions fall away), perhaps with a `Z` behind it.
pub(crate) fn clock(text: &str) -> Option<i64> {
    let text = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    let text = text.split_once("+00:00").map_or(text, |(time, _)| time);
    let mut parts = text.split(':');
    let mut part = |most: i64| {
        let part = parts.next()?;
        let whole = part.split_once('.').map_or(part, |(whole, _)| whole);
        let digits = whole.len() == 2 && whole.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| whole.parse::<i64>().ok()).flatten().filter(|n| *n <= most)
    };
    let (hour, minute) = (part(24)?, part(59)?);
    let second = part(60).unwrap_or(0);
    parts.next().is_none().then_some(hour * 3_600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_in_their_spellings() {
        assert_eq!(unix_s("1970-01-01"), Some(43_200), "a date is its noon");
        assert_eq!(unix_s("2026-08-21T00:00:00Z"), Some(1_787_270_400));
        assert_eq!(unix_s("2026-08-21T02:00:00+02:00"), Some(1_787_270_400));
        assert_eq!(unix_s("2026-08-20 19:00:00.250-05:00"), Some(1_787_270_400));
        assert_eq!(unix_s("1787270400"), Some(1_787_270_400));
        assert_eq!(unix_s("2024-02-29"), unix_s("2024-02-29T12:00:00Z"));
    }

    #[test]
    fn what_is_no_moment() {
        for text in
            ["", "tomorrow", "2026-02-29", "2026-13-01", "2026-08-21T25:00", "2026-08-21X", "1969-12-30", "ü026-08-21"]
        {
            assert_eq!(unix_s(text), None, "{text}");
        }
    }
}
