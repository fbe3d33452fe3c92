//! Numbers as they are shown.
//!
//! Never here: sums.

/// Dollars with nine decimals, exact: `-1234.000012500`.
pub(super) fn exact(nano: i128) -> String {
    let sign = if nano < 0 { "-" } else { "" };
    let abs = nano.unsigned_abs();
    format!("{sign}{}.{:09}", abs / 1_000_000_000, abs % 1_000_000_000)
}

/// The same in two parts: whole dollars in groups with cents, and the digits behind.
pub(super) fn parted(nano: i128) -> (String, String) {
    let text = exact(nano);
    let (dollars, rest) = text.split_once('.').unwrap_or((&text, "000000000"));
    let (cents, fine) = rest.split_at_checked(2).unwrap_or((rest, ""));
    (format!("{}.{cents}", grouped(dollars)), fine.to_owned())
}

/// Dollars for reading: cents, or as many digits as a small amount needs.
pub(super) fn dollars(nano: i128) -> String {
    let abs = nano.unsigned_abs();
    let sign = if nano < 0 { "-" } else { "" };
    if abs == 0 || abs >= 1_000_000_000 {
        let cents = (abs + 5_000_000) / 10_000_000;
        return format!("{sign}${}.{:02}", grouped(&(cents / 100).to_string()), cents % 100);
    }
    // Three digits that mean something.
    let value = abs as f64 / 1e9;
    let decimals = (2 - value.log10().floor() as i32).clamp(2, 9) as usize;
    format!("{sign}${value:.decimals$}")
}

/// Thousands apart: `1,234,567`.
pub(super) fn grouped(digits: &str) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    format!("{sign}{out}")
}

/// `1.24 M`, for axes and headings; thousand, million, billion (bn), trillion (tn).
pub(super) fn short(number: f64) -> String {
    let (value, unit) = match number.abs() {
        n if n >= 1e12 => (number / 1e12, " tn"),
        n if n >= 1e9 => (number / 1e9, " bn"),
        n if n >= 1e6 => (number / 1e6, " M"),
        n if n >= 1e3 => (number / 1e3, " k"),
        _ => (number, ""),
    };
    let decimals = if unit.is_empty() && value.fract() == 0.0 || value.abs() >= 100.0 {
        0
    } else if value.abs() >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.decimals$}{unit}")
}

/// `12.3 %` of per mille.
pub(super) fn percent(permille: i128) -> String {
    let sign = if permille < 0 { "-" } else { "" };
    format!("{sign}{}.{} %", permille.unsigned_abs() / 10, permille.unsigned_abs() % 10)
}

/// Part of a whole, per mille, to the nearest.
pub(super) fn permille(part: i128, whole: i128) -> Option<i128> {
    (whole > 0).then(|| (part * 1000 + whole / 2).div_euclid(whole))
}

/// Quality, per mille, as it is shown.
pub(super) fn quality(permille: Option<u64>) -> String {
    permille.map_or_else(|| "not known".to_owned(), |q| format!("{}.{:03}", q / 1000, q % 1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_and_readable() {
        assert_eq!(exact(-3_000_000_001), "-3.000000001");
        assert_eq!(exact(i128::from(i64::MAX) * 1000), "9223372036854.775807000");
        assert_eq!(parted(1_234_567_890_123_456), ("1,234,567.89".to_owned(), "0123456".to_owned()));
        for (nano, text) in [
            (0, "$0.00"),
            (1, "$0.000000001"),
            (12_500, "$0.0000125"),
            (123_456_789, "$0.123"),
            (999_999_999, "$1.000"),
            (1_005_000_000, "$1.01"),
            (-1_234_567_000_000_000, "-$1,234,567.00"),
        ] {
            assert_eq!(dollars(nano), text);
        }
        assert_eq!((grouped("999").as_str(), grouped("-1000").as_str()), ("999", "-1,000"));
        assert_eq!([short(7.0), short(1240.0), short(1.5e6), short(250e9)], ["7", "1.24 k", "1.50 M", "250 bn"]);
        assert_eq!((percent(-123), permille(1, 3), permille(1, 0)), ("-12.3 %".to_owned(), Some(333), None));
    }
}
