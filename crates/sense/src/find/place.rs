//! Coordinates: two decimal degrees, or degrees, minutes and seconds.
//!
//! Never here: words around them.

use super::net::Seen;

/// The pair that begins at the digit at `start`; whether its form alone says that it is one.
pub(super) fn read(text: &str, start: usize) -> Option<(Seen, bool)> {
    let bytes = text.as_bytes();
    let before = start.checked_sub(1).map_or(b' ', |i| bytes[i]);
    if before.is_ascii_alphanumeric() || before == b'.' {
        return None;
    }
    let begin = if matches!(before, b'-' | b'+') { start - 1 } else { start };
    let (first, mut at, marked) = degrees(text, start)?;
    let mut sep = false;
    for _ in 0..4 {
        match bytes.get(at) {
            Some(b',' | b';' | b'/') if !sep => (sep, at) = (true, at + 1),
            Some(b' ') => at += 1,
            _ => break,
        }
    }
    if matches!(bytes.get(at), Some(b'-' | b'+')) {
        at += 1;
    }
    let (second, end, again) = degrees(text, at)?;
    let both = marked && again;
    ((sep || both) && first <= 90.0 && second <= 180.0).then_some((Seen { start: begin, end }, both))
}

/// Degrees at `at`: their size, their end, and whether a sign for degrees or a direction stands behind them.
fn degrees(text: &str, at: usize) -> Option<(f64, usize, bool)> {
    let bytes = text.as_bytes();
    let run = |from: usize, most: usize| {
        bytes.get(from..).map_or(0, |r| r.iter().take(most).take_while(|b| b.is_ascii_digit()).count())
    };
    let whole = run(at, 4);
    if whole == 0 || whole > 3 {
        return None;
    }
    let mut end = at + whole;
    let mut fine = 0;
    if bytes.get(end) == Some(&b'.') {
        fine = run(end + 1, 16);
        end += 1 + fine;
    }
    let value: f64 = text.get(at..end)?.trim_end_matches('.').parse().ok()?;
    let mut marked = false;
    if text[end..].starts_with('°') {
        end += '°'.len_utf8();
        marked = true;
        // Minutes and seconds.
        for signs in [&["'", "′", "’"][..], &["\"", "″", "”", "''"]] {
            let rest = text[end..].trim_start_matches(' ');
            let from = text.len() - rest.len();
            let mut stop = from + run(from, 2);
            if stop > from && bytes.get(stop) == Some(&b'.') {
                stop += 1 + run(stop + 1, 6);
            }
            let Some(sign) = signs.iter().find(|s| stop > from && text[stop..].starts_with(**s)) else { break };
            end = stop + sign.len();
            fine = 4;
        }
    }
    let direction = end + usize::from(bytes.get(end) == Some(&b' '));
    if matches!(bytes.get(direction), Some(b'N' | b'S' | b'E' | b'W' | b'O'))
        && bytes.get(direction + 1).is_none_or(|b| !b.is_ascii_alphanumeric())
    {
        end = direction + 1;
        marked = true;
    }
    // Three decimals are about 100 m.
    (fine >= 3).then_some((value, end, marked))
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn pairs_of_degrees() {
        let see = |text: &'static str| {
            let at = text.bytes().position(|b| b.is_ascii_digit()).unwrap_or(0);
            read(text, at).map(|(s, sure)| (&text[s.start..s.end], sure))
        };
        assert_eq!(see("at -33.8568, 151.2153."), Some(("-33.8568, 151.2153", false)));
        assert_eq!(see("48.8584° N, 2.2945° E"), Some(("48.8584° N, 2.2945° E", true)));
        assert_eq!(see("48°51'30\"N 2°17'40\"E"), Some(("48°51'30\"N 2°17'40\"E", true)));
        assert_eq!((see("12.5, 13.5"), see("95.1234, 10.1234"), see("1.2345 and 2.3456")), (None, None, None));
    }
}
