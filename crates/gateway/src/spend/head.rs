//! The limits per minute as headers of every answer of a limited key, in the forms of OpenAI and Anthropic.
//!
//! Never here: counting.

use crate::admit::Key;
use budget::{Rate, rfc3339};
use http::{HeaderMap, HeaderName, HeaderValue};
use wire::Dialect;

/// Limit, what remains of it, and when all of it is there again.
type Names = [HeaderName; 3];

const fn names(limit: &'static str, remaining: &'static str, reset: &'static str) -> Names {
    [HeaderName::from_static(limit), HeaderName::from_static(remaining), HeaderName::from_static(reset)]
}

const REQUESTS: Names =
    names("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests");
const TOKENS: Names = names("x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens");
const ANTHROPIC_REQUESTS: Names = names(
    "anthropic-ratelimit-requests-limit",
    "anthropic-ratelimit-requests-remaining",
    "anthropic-ratelimit-requests-reset",
);
const ANTHROPIC_TOKENS: Names = names(
    "anthropic-ratelimit-tokens-limit",
    "anthropic-ratelimit-tokens-remaining",
    "anthropic-ratelimit-tokens-reset",
);

/// Writes how the limits of a key stand. Nothing for a key without.
pub(crate) fn tell(key: &Key, dialect: Dialect, now_unix_ms: u64, headers: &mut HeaderMap) {
    let Some(purse) = &key.purse else { return };
    let rates = purse.rates(now_unix_ms);
    let anthropic = dialect == Dialect::Anthropic;
    let names = if anthropic { [ANTHROPIC_REQUESTS, ANTHROPIC_TOKENS] } else { [REQUESTS, TOKENS] };
    for (rate, [limit, remaining, reset]) in [rates.requests, rates.tokens].into_iter().zip(names) {
        let Some(rate) = rate else { continue };
        headers.insert(limit, HeaderValue::from(rate.limit));
        headers.insert(remaining, HeaderValue::from(rate.remaining));
        let when = if anthropic { rfc3339(full_at(rate, now_unix_ms)) } else { span(rate.reset_ms) };
        if let Ok(when) = HeaderValue::from_str(&when) {
            headers.insert(reset, when);
        }
    }
}

/// When all of a limit is there again, rounded up to the second.
fn full_at(rate: Rate, now_unix_ms: u64) -> u64 {
    now_unix_ms.saturating_add(rate.reset_ms).div_ceil(1_000).saturating_mul(1_000)
}

/// As OpenAI writes it: `120ms`, `8.572s`, `1m30s`.
fn span(ms: u64) -> String {
    if ms > 0 && ms < 1_000 {
        return format!("{ms}ms");
    }
    let (minutes, seconds, rest) = (ms / 60_000, ms / 1_000 % 60, ms % 1_000);
    let minutes = if minutes > 0 { format!("{minutes}m") } else { String::new() };
    let fraction = if rest > 0 { format!(".{rest:03}").trim_end_matches('0').to_owned() } else { String::new() };
    format!("{minutes}{seconds}{fraction}s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_openai_does() {
        for (ms, shown) in [
            (0, "0s"),
            (1, "1ms"),
            (120, "120ms"),
            (1_000, "1s"),
            (8_570, "8.57s"),
            (60_000, "1m0s"),
            (361_001, "6m1.001s"),
        ] {
            assert_eq!(span(ms), shown);
        }
    }

    #[test]
    fn a_moment_is_rounded_up() {
        let rate = Rate { limit: 1, remaining: 0, reset_ms: 1 };
        assert_eq!((full_at(rate, 1_000), full_at(rate, 999)), (2_000, 1_000));
    }
}
