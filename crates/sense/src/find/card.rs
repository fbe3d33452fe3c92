//! Payment cards: 12 to 19 digits, the ranges of issuers, Luhn (ISO/IEC 7812).
//!
//! Never here: words around a number.

use super::check::{luhn, same};
use super::europe::ean13;

/// Ranges of issuer identification numbers: first, last (same number of digits), lengths as a set of bits.
/// Sources: ISO/IEC 7812 registrations as the networks publish them.
const RANGES: &[(u64, u64, u32)] = &[
    (1946, 1946, L16),                               // GPN
    (1800, 1800, L15),                               // JCB
    (2131, 2131, L15),                               // JCB
    (2014, 2014, L15),                               // Diners Club enRoute
    (2149, 2149, L15),                               // Diners Club enRoute
    (2200, 2204, L16 | L17 | L18 | L19),             // Mir
    (2205, 2205, L16),                               // BORICA
    (2221, 2720, L16),                               // Mastercard
    (300, 305, L14 | L15 | L16 | L17 | L18 | L19),   // Diners Club
    (3095, 3095, L14 | L15 | L16 | L17 | L18 | L19), // Diners Club
    (31, 31, L16 | L19),                             // China T-Union
    (34, 34, L15),                                   // American Express
    (3528, 3589, L16 | L17 | L18 | L19),             // JCB
    (36, 36, L14 | L15 | L16 | L17 | L18 | L19),     // Diners Club
    (37, 37, L15),                                   // American Express
    (38, 39, L14 | L15 | L16 | L17 | L18 | L19),     // Diners Club, Discover
    (4, 4, L13 | L16 | L18 | L19),                   // Visa; Switch 4903 to 4936 in 18, 19
    (50, 50, MAESTRO),                               // Maestro, Elo, Verve, RuPay, Dankort
    (51, 55, L16),                                   // Mastercard
    (56, 69, MAESTRO),                               // Maestro, Discover, UnionPay, RuPay, Troy, Hipercard
    (81, 82, L16 | L17 | L18 | L19),                 // UnionPay, RuPay
    (8600, 8600, L16),                               // Uzcard
    (9792, 9792, L16),                               // Troy
    (9860, 9860, L16),                               // Humo
    (604, 604, MAESTRO),                             // Maestro (0604)
];

const L13: u32 = 1 << 13;
const L14: u32 = 1 << 14;
const L15: u32 = 1 << 15;
const L16: u32 = 1 << 16;
const L17: u32 = 1 << 17;
const L18: u32 = 1 << 18;
const L19: u32 = 1 << 19;
const MAESTRO: u32 = 1 << 12 | L13 | L14 | L15 | L16 | L17 | L18 | L19;

/// How sure it is that these digits are a card's; 0: they are none. `said`: words around say so, and then a range that no
/// network publishes is good enough.
pub(super) fn score(digits: &[u8], grouped: bool, said: impl FnOnce() -> bool) -> u8 {
    if !(12..=19).contains(&digits.len()) || !luhn(digits) || same(digits) {
        return 0;
    }
    match (issued(digits), said()) {
        (true, true) => return 99,
        (false, true) => return 80,
        (false, false) => return 0,
        (true, false) => {}
    }
    match digits.len() {
        // As short numbers go, one of ten passes by chance, and an article number (EAN) passes for a Visa of 13 digits.
        12 if !grouped => 45,
        13 if ean13(digits) && !grouped => 45,
        _ => 90,
    }
}

fn issued(digits: &[u8]) -> bool {
    let lead = digits.iter().take(4).fold(0, |v: u64, &b| v * 10 + u64::from(b.wrapping_sub(b'0')));
    LEADS.iter().any(|&(first, last, lengths)| (first..=last).contains(&lead) && lengths >> digits.len() & 1 == 1)
}

/// [`RANGES`] by the first four digits.
const LEADS: [(u64, u64, u32); RANGES.len()] = {
    let mut leads = [(0, 0, 0); RANGES.len()];
    let mut i = 0;
    while i < leads.len() {
        let (mut first, mut end, lengths) = (RANGES[i].0, RANGES[i].1 + 1, RANGES[i].2);
        while first < 1000 {
            (first, end) = (first * 10, end * 10);
        }
        leads[i] = (first, end - 1, lengths);
        i += 1;
    }
    leads
};

/// Whether groups of these lengths (four bits each, the first highest) are a usual way to write a card number.
pub(super) fn grouping(mut form: u64, groups: u8) -> bool {
    let last = form & 15;
    form >>= 4;
    let all = (1..groups).all(|i| {
        let len = form >> (4 * (i - 1)) & 15;
        (3..=7).contains(&len)
    });
    (2..=5).contains(&groups) && all && (1..=13).contains(&last)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The stem with the last digit that makes Luhn's sum right.
    pub(in super::super) fn with_luhn(stem: &str) -> String {
        let last = (b'0'..=b'9').find(|&d| luhn(&[stem.as_bytes(), &[d]].concat())).unwrap_or(b'0');
        format!("{stem}{}", char::from(last))
    }

    #[test]
    fn every_network_and_length_and_no_other() {
        for (stem, len) in [
            ("4539", 16),
            ("4", 13),
            ("4929", 19),
            ("5105", 16),
            ("2221", 16),
            ("2720", 16),
            ("34", 15),
            ("37", 15),
            ("6011", 16),
            ("305", 14),
            ("3528", 16),
            ("2131", 15),
            ("1800", 15),
            ("62", 19),
            ("5018", 12),
            ("6759", 19),
            ("2200", 16),
            ("9792", 16),
            ("3566", 16),
            ("36", 14),
            ("644", 16),
            ("5893", 13),
            ("81", 16),
        ] {
            let stem: String = stem.chars().chain("72819375064182".chars().cycle()).take(len - 1).collect();
            let card = with_luhn(&stem);
            assert!(score(card.as_bytes(), true, || false) >= 50, "{card}");
            let mut wrong = card.into_bytes();
            let last = wrong.len() - 1;
            wrong[last] = b'0' + (wrong[last] - b'0' + 1) % 10;
            assert_eq!(score(&wrong, true, || true), 0);
        }
        for (stem, len) in
            [("7", 16), ("2721", 16), ("2220", 16), ("34", 16), ("4", 12), ("4", 20), ("51", 15), ("99", 16)]
        {
            let stem: String = stem.chars().chain("72819375064182".chars().cycle()).take(len - 1).collect();
            assert_eq!(score(with_luhn(&stem).as_bytes(), true, || false), 0, "{stem}");
        }
    }

    #[test]
    fn usual_groups() {
        assert!(grouping(0x4444, 4) && grouping(0x465, 3) && grouping(0x44443, 5) && grouping(0x464, 3));
        assert!(!grouping(0x22, 9) && !grouping(0x1222, 4) && !grouping(0xf, 1));
    }
}
