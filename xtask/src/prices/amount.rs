//! Amounts as catalogues write them, exactly.
//!
//! Never here: floating point beyond the shortest digits that a number was written with.

use rust_decimal::Decimal;
use serde_json::Value;

/// The number that stands there, or the one that the text there is. `None`: neither, or below zero.
pub(super) fn decimal(value: &Value) -> Option<Decimal> {
    let text = match value {
        Value::Number(n) => n.to_string(),
        Value::String(s) => s.trim().to_owned(),
        _ => return None,
    };
    let exact = Decimal::from_str_exact(&text).or_else(|_| Decimal::from_scientific(&text)).ok()?;
    (exact >= Decimal::ZERO).then_some(exact.normalize())
}

/// US dollars per `per` pieces as nano-dollars per million of them, rounded up. `None` where it is not known or too much.
pub(super) fn per_mtok(value: &Value, per: u64) -> Option<i64> {
    let scale = Decimal::from(1_000_000_000_u64).checked_mul(Decimal::from(1_000_000_u64))?;
    nano(decimal(value)?.checked_mul(scale)?.checked_div(Decimal::from(per))?)
}

/// US dollars per `per` pieces as nano-dollars per piece, rounded up.
pub(super) fn each(value: &Value, per: u64) -> Option<i64> {
    nano(decimal(value)?.checked_mul(Decimal::from(1_000_000_000_u64))?.checked_div(Decimal::from(per))?)
}

fn nano(amount: Decimal) -> Option<i64> {
    i64::try_from(amount.ceil()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact() {
        let n = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(per_mtok(&n("1.5e-07"), 1), Some(150_000_000));
        assert_eq!(per_mtok(&n("0.15"), 1_000_000), Some(150_000_000));
        assert_eq!(per_mtok(&n("\"0.0000002\""), 1), Some(200_000_000));
        assert_eq!(per_mtok(&n("1e-16"), 1), Some(1), "rounded up");
        assert_eq!(each(&n("12"), 1_000), Some(12_000_000));
        assert_eq!(per_mtok(&n("-1"), 1), None);
        assert_eq!(per_mtok(&n("null"), 1), None);
        assert_eq!(per_mtok(&n("1e300"), 1), None);
    }
}
