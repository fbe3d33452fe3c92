//! How long an upstream asks us to wait, in all the headers in which they say it.
//!
//! Never here: waiting, or how long a wait is believed (the gateway caps it).

use http::HeaderMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The longest wait an upstream may ask for, seconds.
const WAIT_MAX_S: u64 = 3600;

/// Pairs of what is left and when it is filled up again. OpenAI and its kind: a span such as `6m0s`. Anthropic: a time
/// of RFC 3339.
const WINDOWS: [(&str, &str); 6] = [
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
    ("anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"),
    ("anthropic-ratelimit-input-tokens-remaining", "anthropic-ratelimit-input-tokens-reset"),
    ("anthropic-ratelimit-output-tokens-remaining", "anthropic-ratelimit-output-tokens-reset"),
];

/// Single windows: a span, seconds, or a time in seconds or milliseconds since 1970 (OpenRouter).
const SINGLE: [&str; 2] = ["x-ratelimit-reset", "ratelimit-reset"];

/// Whole seconds, rounded up, from 1 to an hour; `None` where nothing is said, or nothing that makes sense. The plain
/// words go before the windows: `retry-after-ms`, then `Retry-After` (RFC 9110: seconds or a date), then the windows of
/// which nothing is left, the longest of them.
pub(super) fn asked(headers: &HeaderMap, now: SystemTime) -> Option<u32> {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(str::trim);
    let wait = text("retry-after-ms")
        .and_then(|t| t.parse().ok())
        .map(Duration::from_millis)
        .filter(|w| !w.is_zero())
        .or_else(|| retry_after(text("retry-after")?, now))
        .or_else(|| {
            let empty = |left: &str| text(left).is_some_and(|t| t.parse::<f64>().is_ok_and(|n| n <= 0.0));
            let windows = WINDOWS.iter().filter(|(left, _)| empty(left)).map(|(_, reset)| *reset);
            windows.filter_map(|name| until(text(name)?, now)).max()
        })
        .or_else(|| SINGLE.iter().find_map(|name| until(text(name)?, now)))?;
    let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0));
    u32::try_from(seconds.min(WAIT_MAX_S)).ok().filter(|s| *s > 0)
}

/// `Retry-After`. A date that has passed, a negative number or anything else is no wait.
fn retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    match text.parse::<u64>() {
        Ok(seconds) => Some(Duration::from_secs(seconds)).filter(|w| !w.is_zero()),
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(now).ok(),
    }
}

/// Until a window is filled up again.
fn until(text: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(number) = text.parse::<f64>() {
        // No window is thirty years long: such a number is a time.
        let since_1970 = match number {
            n if n >= 1e12 => Duration::try_from_secs_f64(n / 1e3).ok()?,
            n if n >= 1e9 => Duration::try_from_secs_f64(n).ok()?,
            n => return Duration::try_from_secs_f64(n).ok(),
        };
        return UNIX_EPOCH.checked_add(since_1970)?.duration_since(now).ok();
    }
    span(text).or_else(|| SystemTime::from(OffsetDateTime::parse(text, &Rfc3339).ok()?).duration_since(now).ok())
}

/// A span as Go writes it: `1s`, `6m0s`, `7.66s`, `20ms`, `1h30m`.
fn span(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let seconds = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        sum = sum.checked_add(Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()?)?;
        rest = tail;
    }
    (!text.is_empty()).then_some(sum)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use http::HeaderName;

    /// 6 November 1994, 08:48:20.
    fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(784_111_700)
    }

    fn of(list: &[(&str, &str)]) -> Option<u32> {
        let headers = list.iter().map(|(k, v)| (k.parse::<HeaderName>().unwrap(), v.parse().unwrap()));
        asked(&HeaderMap::from_iter(headers), now())
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_bounded() {
        for (given, expected) in [
            ("7", Some(7)),
            (" 7 ", Some(7)),
            ("0", None),
            ("-5", None),
            ("1.5", None),
            ("", None),
            ("soon", None),
            ("999999999999", Some(3600)),
            ("1000000000", Some(3600)),
            ("99999999999999999999999", None),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(77)),
            ("Sun, 06 Nov 1983 08:49:37 GMT", None),
            ("Sat, 06 Nov 2094 08:49:37 GMT", Some(3600)),
        ] {
            assert_eq!(of(&[("retry-after", given)]), expected, "{given}");
        }
    }

    #[test]
    fn windows_count_where_nothing_is_left_and_the_longest_does() {
        let requests = ("x-ratelimit-reset-requests", "1s");
        let tokens = ("x-ratelimit-reset-tokens", "6m0s");
        let (some, none) = ("149", "0");
        let openai =
            |r, t| of(&[requests, tokens, ("x-ratelimit-remaining-requests", r), ("x-ratelimit-remaining-tokens", t)]);
        assert_eq!(openai(none, some), Some(1));
        assert_eq!(openai(some, none), Some(360));
        assert_eq!(openai(none, none), Some(360));
        assert_eq!(openai(some, some), None, "no window is empty: nothing is said");
        assert_eq!(of(&[requests, tokens]), None);
        let said = [requests, ("x-ratelimit-remaining-requests", none), ("retry-after", "9")];
        assert_eq!(of(&said), Some(9), "the plain word goes first");
    }

    #[test]
    fn anthropic_s_windows_are_times() {
        let with = |reset: &str| {
            of(&[
                ("anthropic-ratelimit-input-tokens-remaining", "0"),
                ("anthropic-ratelimit-input-tokens-reset", reset),
            ])
        };
        assert_eq!(with("1994-11-06T08:48:50Z"), Some(30));
        assert_eq!(with("1994-11-06T09:48:50+01:00"), Some(30));
        assert_eq!(with("1994-11-06T08:48:00Z"), None, "passed");
        assert_eq!(with("9999-12-31T23:59:59Z"), Some(3600));
        for bad in ["1994-11-06", "yesterday", "1994-13-40T99:99:99Z", ""] {
            assert_eq!(with(bad), None, "{bad}");
        }
    }

    #[test]
    fn spans_and_numbers_of_every_kind() {
        for (given, expected) in [
            ("1s", Some(1)),
            ("7.66s", Some(8)),
            ("20ms", Some(1)),
            ("1h30m", Some(3600)),
            ("2m59.56s", Some(180)),
            ("12", Some(12)),
            ("0.2", Some(1)),
            ("784111730", Some(3600)),
            ("1784111730", Some(3600)),
            ("784111730000", Some(3600)),
            ("0", None),
            ("0s", None),
            ("-1s", None),
            ("-3", None),
            ("nan", None),
            ("inf", None),
            ("1e300", None),
            ("99999999999999999999999999h", None),
            ("1x", None),
            ("s", None),
            ("1.2.3s", None),
            ("", None),
        ] {
            assert_eq!(of(&[("x-ratelimit-reset", given)]), expected, "{given}");
        }
        assert_eq!(of(&[("retry-after-ms", "1500"), ("retry-after", "9")]), Some(2));
        assert_eq!(of(&[("retry-after-ms", "-1"), ("retry-after", "9")]), Some(9));
    }
}
