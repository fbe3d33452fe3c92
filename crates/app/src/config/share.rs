//! Shares as they stand in the file: plain decimals from 0 to 1, turned into whole thousandths without a float in between.
//!
//! Never here: what a share is of.

use super::number::Number;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A share of one: a number whose text is read again by [`permille`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct Share(pub(crate) Number);

impl JsonSchema for Share {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Share".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "number", "minimum": 0, "maximum": 1 })
    }
}

/// A share as written (`0.05`, `1`) to thousandths.
///
/// # Errors
/// A sentence saying what is wrong: a sign, an exponent, more than three digits after the point, more than one.
pub(crate) fn permille(text: &str) -> Result<u16, &'static str> {
    let text: String = text.trim().chars().filter(|c| *c != '_').collect();
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if text.starts_with('-') {
        return Err("a share is not negative");
    }
    if whole.is_empty() || !digits(whole) || !digits(part) {
        return Err("a share is a plain decimal without sign or exponent");
    }
    if part.len() > 3 {
        return Err("a share has at most three digits after the point (one per mille)");
    }
    let more = "a share is at most 1";
    let whole: u16 = whole.parse().map_err(|_| more)?;
    let part: u16 = format!("{part:0<3}").parse().map_err(|_| more)?;
    whole.checked_mul(1_000).and_then(|w| w.checked_add(part)).filter(|p| *p <= 1_000).ok_or(more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_exact() {
        for (text, is) in
            [("0", 0), ("0.02", 20), ("0.5", 500), ("0.001", 1), ("1", 1_000), ("1.000", 1_000), ("0.0_5", 50)]
        {
            assert_eq!(permille(text), Ok(is), "{text}");
        }
    }

    #[test]
    fn what_is_no_share_is_refused() {
        for bad in ["-0.1", "5e-2", "+0.1", "inf", "nan", "0.0005", "1.001", "2", "99999999", "", ".5", "0x1"] {
            assert!(permille(bad).is_err(), "{bad} was taken");
        }
    }
}
