//! Prices as they stand in the file: exact decimals, turned into integer nano-dollars without a float in between.
//!
//! Never here: arithmetic with prices (room `decide`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A non-negative decimal number. The reader of TOML gives floats only, so the place in the file is kept and its text
/// is read again by [`nanousd`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Number {
    /// Where the number stands in the file, bytes.
    pub(crate) span: std::ops::Range<usize>,
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Number, D::Error> {
        let spanned = toml::Spanned::<Numeric>::deserialize(deserializer)?;
        Ok(Number { span: spanned.span() })
    }
}

impl Serialize for Number {
    /// Never shown from here: provenance prints the text of the file.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl JsonSchema for Number {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Dollars".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "number", "minimum": 0 })
    }
}

/// Any number; its value is not used.
struct Numeric;

impl<'de> Deserialize<'de> for Numeric {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Numeric, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Numeric;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a plain decimal such as 0.25")
            }
            fn visit_f64<E>(self, _: f64) -> Result<Numeric, E> {
                Ok(Numeric)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Numeric, E> {
                Ok(Numeric)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// Dollars as written (`0.25`, `3`, `1_000.5`) to nano-dollars.
///
/// # Errors
/// A sentence saying what is wrong: a sign, an exponent, more than nine digits after the point, too large.
pub(crate) fn nanousd(text: &str) -> Result<i64, &'static str> {
    let text: String = text.trim().chars().filter(|c| *c != '_').collect();
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if text.starts_with('-') {
        return Err("a price is not negative");
    }
    if whole.is_empty() || !digits(whole) || !digits(part) {
        return Err("a price is a plain decimal without sign or exponent");
    }
    if part.len() > 9 {
        return Err("a price has at most nine digits after the point (one nano-dollar)");
    }
    let too_large = "a price per million tokens is less than nine billion dollars";
    let whole: i64 = whole.parse().map_err(|_| too_large)?;
    let nano: i64 = format!("{part:0<9}").parse().map_err(|_| too_large)?;
    whole.checked_mul(1_000_000_000).and_then(|w| w.checked_add(nano)).ok_or(too_large)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact() {
        assert_eq!(nanousd("0.25"), Ok(250_000_000));
        assert_eq!(nanousd("3"), Ok(3_000_000_000));
        assert_eq!(nanousd("0.1"), Ok(100_000_000));
        assert_eq!(nanousd("0.000000001"), Ok(1));
        assert_eq!(nanousd("1_234.5"), Ok(1_234_500_000_000));
        // As a float this is 8999999999.123457: two digits would be lost.
        assert_eq!(nanousd("8999999999.123456789"), Ok(8_999_999_999_123_456_789));
    }

    #[test]
    fn what_is_not_a_price_is_refused() {
        for bad in ["-1", "1e-3", "+1", "inf", "nan", "0.0000000001", "0x10", "99999999999", "", ".5"] {
            assert!(nanousd(bad).is_err(), "{bad} was taken");
        }
    }
}
