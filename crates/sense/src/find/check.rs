//! Check digits: the arithmetic that identifiers share. All functions take digits as ASCII and are false for other input.
//!
//! Never here: which identifier uses which (the tables `europe`, `world`).

/// The value of an ASCII digit; 0 for anything else.
pub(super) fn digit(byte: u8) -> u32 {
    if byte.is_ascii_digit() { u32::from(byte - b'0') } else { 0 }
}

/// 0 to 9 and, for letters, 10 to 35.
pub(super) fn alnum(byte: u8) -> u32 {
    match byte {
        b'0'..=b'9' => u32::from(byte - b'0'),
        b'A'..=b'Z' => u32::from(byte - b'A') + 10,
        _ => 0,
    }
}

/// Sum of digit times weight, as far as both reach.
pub(super) fn weighted(bytes: &[u8], weights: &[u32]) -> u32 {
    bytes.iter().zip(weights).map(|(&b, w)| digit(b) * w).sum()
}

/// The number that the digits write (at most 18 of them).
pub(super) fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |n: u64, &b| n.wrapping_mul(10).wrapping_add(u64::from(digit(b))))
}

/// All characters the same.
pub(super) fn same(bytes: &[u8]) -> bool {
    bytes.windows(2).all(|w| w[0] == w[1])
}

/// Luhn's sum (ISO/IEC 7812-1 annex B), modulo 10, the last digit being the check digit.
pub(super) fn luhn(bytes: &[u8]) -> bool {
    luhn_sum(bytes).is_multiple_of(10)
}

/// Luhn's sum itself.
pub(super) fn luhn_sum(bytes: &[u8]) -> u32 {
    let doubled = |d: u32| if d > 4 { 2 * d - 9 } else { 2 * d };
    bytes.iter().rev().enumerate().map(|(i, &b)| if i % 2 == 1 { doubled(digit(b)) } else { digit(b) }).sum()
}

/// ISO/IEC 7064 MOD 11,10 over all digits, check digit included.
pub(super) fn mod_11_10(bytes: &[u8]) -> bool {
    let Some((check, rest)) = bytes.split_last() else { return false };
    let product = rest.iter().fold(10, |p, &b| {
        let sum = (p + digit(b)) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10 == digit(*check)
}

/// Verhoeff's check over the dihedral group of order 10.
pub(super) fn verhoeff(bytes: &[u8]) -> bool {
    const PERMUTE: [u32; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let compose = |a: u32, b: u32| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => (a + b) % 5 + 5,
        (false, true) => (a + 5 - b) % 5 + 5,
        (false, false) => (a + 5 - b) % 5,
    };
    let sum = bytes.iter().rev().enumerate().fold(0, |sum, (i, &b)| {
        let value = (0..i % 8).fold(digit(b), |v, _| PERMUTE[v as usize]);
        compose(sum, value)
    });
    sum == 0
}

/// The check digit of machine-readable travel documents (ICAO 9303: weights 7, 3, 1).
pub(super) fn icao(bytes: &[u8]) -> bool {
    let Some((check, rest)) = bytes.split_last() else { return false };
    let sum: u32 = rest.iter().zip([7, 3, 1].into_iter().cycle()).map(|(&b, w)| alnum(b) * w).sum();
    check.is_ascii_digit() && sum % 10 == digit(*check)
}

/// Whether this is a day of the Gregorian calendar.
pub(super) fn date(year: u32, month: u32, day: u32) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return false,
    };
    (1..=days).contains(&day)
}

/// Year of two digits, month, day: a day in this or the last century.
pub(super) fn yymmdd(bytes: &[u8]) -> bool {
    let (y, m, d) = parts(bytes);
    date(1900 + y, m, d) || date(2000 + y, m, d)
}

/// Day, month, year of two digits: a day in this or the last century.
pub(super) fn ddmmyy(bytes: &[u8]) -> bool {
    let (d, m, y) = parts(bytes);
    date(1900 + y, m, d) || date(2000 + y, m, d)
}

fn parts(bytes: &[u8]) -> (u32, u32, u32) {
    let two = |i: usize| bytes.get(i..i + 2).map_or(0, |b| digit(b[0]) * 10 + digit(b[1]));
    (two(0), two(2), two(4))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Exactly one of ten last digits is right.
    fn one_of_ten(stem: &str, check: fn(&[u8]) -> bool) -> u8 {
        let right: Vec<u8> = (b'0'..=b'9').filter(|&d| check(&[stem.as_bytes(), &[d]].concat())).collect();
        assert_eq!(right.len(), 1, "{stem}: {right:?}");
        right[0]
    }

    #[test]
    fn each_check_takes_one_digit_of_ten_and_sees_a_changed_one() {
        for check in [luhn, mod_11_10, verhoeff, icao] {
            for stem in ["7992739871", "0", "123456789012", "98765"] {
                let last = one_of_ten(stem, check);
                let mut changed = [stem.as_bytes(), &[last]].concat();
                changed[0] = b'0' + (changed[0] - b'0' + 1) % 10;
                assert!(!check(&changed), "{stem}");
            }
        }
        // Examples of the literature: Luhn 1960, Verhoeff 1969, ICAO 9303 part 3.
        assert_eq!((one_of_ten("7992739871", luhn), one_of_ten("236", verhoeff)), (b'3', b'3'));
        assert_eq!(one_of_ten("520727", icao), b'3');
    }

    #[test]
    fn days_of_the_calendar() {
        assert!(date(2000, 2, 29) && date(2024, 2, 29) && !date(1900, 2, 29) && !date(2023, 2, 29));
        assert!(!date(2023, 0, 1) && !date(2023, 13, 1) && !date(2023, 4, 31) && !date(2023, 1, 0));
        assert!(yymmdd(b"000229") && !yymmdd(b"010229") && ddmmyy(b"290200") && !ddmmyy(b"310699"));
    }
}
