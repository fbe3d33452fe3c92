//! How long a model stays loaded without being used, as Ollama writes it: a number of seconds, `"5m"`, 0 for "unload at
//! once", a negative one for "for ever".
//!
//! Never here: acting on it (`ledger`).

use decide::{Cause, Fault};
use std::time::Duration;
use wire::Ask;

/// A year: longer is for ever.
const LONGEST_S: f64 = 365.0 * 86_400.0;

/// Reads a time to keep a model: seconds (`300`), a Go duration (`5m`, `1h30m`, `500ms`), or a negative one for ever.
/// `None` is for ever.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn keep_alive(text: &str) -> Result<Option<Duration>, String> {
    let fault = || {
        format!(
            "\"{text}\" is not a time to keep a model: write seconds such as 300, a duration such as \"5m\" or \"1h30m\", 0 \
             to unload at once, or -1 for ever"
        )
    };
    let plain = text.trim();
    let (negative, digits) = match plain.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, plain),
    };
    let seconds = match digits.parse::<f64>() {
        // `inf` and `nan` are numbers to Rust.
        Ok(seconds) if digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') => seconds,
        _ => duration(digits).ok_or_else(fault)?,
    };
    if negative && seconds > 0.0 || seconds > LONGEST_S {
        return Ok(None);
    }
    Duration::try_from_secs_f64(seconds).map(Some).map_err(|_| fault())
}

/// `1h30m`, `1.5h`, `500ms` in seconds.
fn duration(text: &str) -> Option<f64> {
    let (mut rest, mut sum) = (text, 0.0);
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (value, after) = rest.split_at(number);
        let unit = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        let each = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        sum += value.parse::<f64>().ok()? * each;
        rest = after;
    }
    Some(sum)
}

/// What a request says about it; `None` where it says nothing.
///
/// # Errors
/// It says something that is not a time.
pub(super) fn asked(ask: &Ask) -> Result<Option<Option<Duration>>, Fault> {
    let Some((_, value)) = ask.extra.iter().find(|(name, _)| name == "keep_alive") else { return Ok(None) };
    let text = match serde_json::from_str::<serde_json::Value>(value.get()) {
        Ok(serde_json::Value::Null) => return Ok(None),
        Ok(serde_json::Value::String(text)) => text,
        _ => value.get().to_owned(),
    };
    let refused = |why: String| Fault::new(Cause::InvalidRequest, format!("{why}.")).at("keep_alive");
    // A value that is long is not one; it is not repeated in the message either.
    let short = if text.len() <= 64 { keep_alive(&text) } else { Err("keep_alive is too long to be a time".into()) };
    short.map(Some).map_err(refused)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn times_are_read_as_ollama_writes_them() {
        let s = |n: f64| Ok(Some(Duration::from_secs_f64(n)));
        for (text, wanted) in [
            ("300", s(300.0)),
            ("0", s(0.0)),
            ("5m", s(300.0)),
            ("1h30m", s(5400.0)),
            ("1.5h", s(5400.0)),
            ("500ms", s(0.5)),
            ("0s", s(0.0)),
            (" 10s ", s(10.0)),
            ("-1", Ok(None)),
            ("-1m", Ok(None)),
            ("-0", s(0.0)),
            ("31536000", s(31_536_000.0)),
            ("31536001", Ok(None)),
            ("9999999999999999999999h", Ok(None)),
        ] {
            assert_eq!(keep_alive(text), wanted, "{text}");
        }
        for bad in ["", "-", "m", "5 m", "5x", "inf", "nan", "1e9", "5m3", "--1", "1..5s", ".", "{}", "true"] {
            assert!(keep_alive(bad).is_err(), "{bad} was taken");
        }
    }

    #[test]
    fn a_request_says_it_beside_its_other_members() {
        let mut ask = Ask::new(wire::Endpoint::Chat);
        assert_eq!(asked(&ask).unwrap(), None);
        let mut said = |text: &str| {
            let raw = serde_json::value::RawValue::from_string(text.to_owned()).unwrap();
            ask.extra = vec![("keep_alive".to_owned(), raw)];
            asked(&ask)
        };
        assert_eq!(said("null").unwrap(), None);
        assert_eq!(said("-1").unwrap(), Some(None));
        assert_eq!(said("\"10s\"").unwrap(), Some(Some(Duration::from_secs(10))));
        assert_eq!(said("2.5").unwrap(), Some(Some(Duration::from_millis(2500))));
        for bad in ["{}", "\"soon\"", "[1]", "true"] {
            let fault = said(bad).unwrap_err();
            assert_eq!((fault.cause, fault.param.as_deref()), (Cause::InvalidRequest, Some("keep_alive")), "{bad}");
        }
        let long = format!("\"{}\"", "1".repeat(65));
        assert!(!said(&long).unwrap_err().shown.contains("111"));
        assert_eq!(said(&format!("\"{}\"", "1".repeat(64))).unwrap(), Some(None));
    }
}
