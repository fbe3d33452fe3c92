//! Dates as they are written, with a time behind them or not.
//!
//! Never here: whether it is somebody's birthday (words around it say that).

use super::check::date;
use super::net::Seen;

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// The date that begins at the digit at `start` or at a month's name before it; how sure.
pub(super) fn read(bytes: &[u8], start: usize) -> Option<(Seen, u8)> {
    let apart = start.checked_sub(1).is_none_or(|i| !bytes[i].is_ascii_alphanumeric());
    if !apart {
        return None;
    }
    let (first, a) = digits(bytes, start)?;
    let sep = bytes.get(start + a).copied().unwrap_or(0);
    let at = start + a + 1;
    if let Some((from, _)) = month_before(bytes, start) {
        // May 5, 2021 · May 5 · May 2021
        let year = matches!(sep, b',' | b' ')
            .then(|| digits(bytes, at + usize::from(sep == b',' && bytes.get(at) == Some(&b' '))))
            .flatten();
        let skip = usize::from(sep == b',' && bytes.get(at) == Some(&b' '));
        return match (a, year) {
            (1 | 2, Some((y, 4))) if (1..=31).contains(&first) && plausible(y) => {
                Some((clock(bytes, from, at + skip + 4), 80))
            }
            (1 | 2, _) if (1..=31).contains(&first) => Some((Seen { start: from, end: start + a }, 60)),
            (4, _) if plausible(first) => Some((Seen { start: from, end: start + a }, 70)),
            _ => None,
        };
    }
    if matches!(sep, b' ' | b'-' | b'.' | b'/') && a <= 2 && (1..=31).contains(&first) {
        let skip = usize::from(sep == b'.' && bytes.get(at) == Some(&b' '));
        if let Some((_, end)) = month_at(bytes, at + skip) {
            // 5 May 2021 · 5-May · 5. May 2021
            return match bytes.get(end) {
                Some(b' ' | b'-' | b'/' | b',') => match digits(bytes, end + 1) {
                    Some((y, n @ (2 | 4))) if n == 2 || plausible(y) => Some((clock(bytes, start, end + 1 + n), 80)),
                    _ => Some((Seen { start, end }, 60)),
                },
                _ => Some((Seen { start, end }, 60)),
            };
        }
    }
    if !matches!(sep, b'-' | b'.' | b'/') {
        return None;
    }
    let (second, b) = digits(bytes, at)?;
    let after = at + b;
    if b > 4 || bytes.get(after) != Some(&sep) {
        // 05/2021 · 05/21
        let glued = bytes.get(after).is_some_and(|c| c.is_ascii_alphanumeric() || *c == b'/');
        return match (a, b) {
            (1 | 2, 4) if sep != b'.' && (1..=12).contains(&first) && plausible(second) && !glued => {
                Some((Seen { start, end: after }, 60))
            }
            (2, 2) if sep == b'/' && (1..=12).contains(&first) && (1..=31).contains(&second) && !glued => {
                Some((Seen { start, end: after }, 30))
            }
            _ => None,
        };
    }
    let (third, c) = digits(bytes, after + 1)?;
    let end = after + 1 + c;
    let glued = bytes.get(end).is_some_and(|x| x.is_ascii_alphabetic() && *x != b'T')
        || bytes.get(end) == Some(&sep) && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
    let century = |y: u32| if y < 100 { 2000 + y } else { y };
    let right = match (a, b, c) {
        (4, 1 | 2, 1 | 2) => plausible(first) && date(first, second, third),
        (1 | 2, 1 | 2, 4) => plausible(third) && (date(third, second, first) || date(third, first, second)),
        (1 | 2, 1 | 2, 2) => date(century(third), second, first) || date(century(third), first, second),
        _ => false,
    };
    // Two digits throughout and dots: more often a version than a date.
    let score = if c == 2 && a <= 2 { if sep == b'.' { 30 } else { 60 } } else { 80 };
    (right && !glued).then(|| (clock(bytes, start, end), score))
}

fn plausible(year: u32) -> bool {
    (1500..2200).contains(&year)
}

/// The number at `at` and how many digits it has.
fn digits(bytes: &[u8], at: usize) -> Option<(u32, usize)> {
    let n = bytes.get(at..)?.iter().take(5).take_while(|b| b.is_ascii_digit()).count();
    (1..=4).contains(&n).then(|| (bytes[at..at + n].iter().fold(0, |v, b| v * 10 + u32::from(b - b'0')), n))
}

/// The month's name (whole or its first three or four letters) at `at` and its end.
fn month_at(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let n = bytes.get(at..)?.iter().take(10).take_while(|b| b.is_ascii_alphabetic()).count();
    if n < 3 {
        return None;
    }
    let word = &bytes[at..at + n];
    let month = MONTHS.iter().position(|m| {
        let m = m.as_bytes();
        n <= m.len()
            && m[..n].eq_ignore_ascii_case(word)
            && (n == m.len() || n == 3 || word.eq_ignore_ascii_case(b"sept"))
    })?;
    Some((month + 1, at + n))
}

/// The month's name before the number at `start`.
fn month_before(bytes: &[u8], start: usize) -> Option<(usize, usize)> {
    let mut end = start.checked_sub(1)?;
    if bytes[end] == b' ' && end > 0 && bytes[end - 1] == b'.' {
        end -= 1;
    }
    if !matches!(bytes[end], b' ' | b'-' | b'.' | b'/') {
        return None;
    }
    let n = bytes[..end].iter().rev().take(10).take_while(|b| b.is_ascii_alphabetic()).count();
    let from = end - n;
    let (month, stop) = month_at(bytes, from)?;
    (stop == end && from.checked_sub(1).is_none_or(|i| !bytes[i].is_ascii_alphanumeric())).then_some((from, month))
}

/// The date from `start` to `end` with the time behind it.
fn clock(bytes: &[u8], start: usize, end: usize) -> Seen {
    let two = |at: usize| bytes.get(at..at + 2).is_some_and(|d| d.iter().all(u8::is_ascii_digit));
    let is = |at: usize, c: u8| bytes.get(at) == Some(&c);
    let date = Seen { start, end };
    if !matches!(bytes.get(end), Some(b' ' | b'T' | b't')) || !two(end + 1) || !is(end + 3, b':') || !two(end + 4) {
        return date;
    }
    let mut at = end + 6;
    if is(at, b':') && two(at + 1) {
        at += 3;
        if is(at, b'.') {
            at += 1 + bytes[at + 1..].iter().take(9).take_while(|b| b.is_ascii_digit()).count();
        }
    }
    if is(at, b'Z') {
        at += 1;
    } else if matches!(bytes.get(at), Some(b'+' | b'-')) && two(at + 1) && is(at + 3, b':') && two(at + 4) {
        at += 6;
    }
    Seen { start, end: at }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn dates_in_many_forms() {
        for (text, found) in [
            ("on 2024-02-29.", Some("2024-02-29")),
            ("on 2023-02-29.", None),
            ("at 2024-03-15T14:30:00.123Z or", Some("2024-03-15T14:30:00.123Z")),
            ("at 2007-01-17 23:08:55, it", Some("2007-01-17 23:08:55")),
            ("born 2/8/1935.", Some("2/8/1935")),
            ("is 21/5/21", Some("21/5/21")),
            ("is 5-May-2021", Some("5-May-2021")),
            ("is 21-May", Some("21-May")),
            ("is May-2021", Some("May-2021")),
            ("is May-2021 or", Some("May-2021")),
            ("is September 5, 2021, a", Some("September 5, 2021")),
            ("is 5. August 1999", Some("5. August 1999")),
            ("is 05/2021", Some("05/2021")),
            ("version 1.2.3", None),
            ("is5/21/2021", None),
            ("10.0.0.1", None),
        ] {
            let at = text.bytes().position(|b| b.is_ascii_digit()).unwrap_or(0);
            assert_eq!(read(text.as_bytes(), at).map(|(s, _)| &text[s.start..s.end]), found, "{text}");
        }
    }
}
