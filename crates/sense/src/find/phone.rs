//! Telephone numbers: what is valid in which country (libphonenumber's metadata, `phone.txt`), and how they are written.
//!
//! Never here: words around a number; where it stands.

use super::chain::{Group, PAREN};
use super::check::{date, same};

/// Regions whose local numbers are recognised when configuration names none.
pub(super) const USUAL: &[&str] = &[
    "US", "CA", "GB", "IE", "DE", "AT", "CH", "FR", "BE", "NL", "LU", "IT", "ES", "PT", "DK", "SE", "NO", "FI", "PL",
    "CZ", "HU", "GR", "RO", "TR", "IL", "IN", "AU", "NZ", "ZA", "SG", "JP", "KR", "CN", "BR", "MX", "AR", "CO", "PH",
    "NG", "AE", "TH", "TW", "HK", "MY",
];

/// One region and length.
#[derive(Debug)]
struct Row {
    code: u16,
    trunk: String,
    len: u8,
    /// Ranges of the first four digits.
    leads: Vec<(u16, u16)>,
}

/// The numbering plans.
#[derive(Debug)]
pub(super) struct Plans {
    rows: Vec<Row>,
    /// By calling code: its rows.
    codes: Vec<(u16, Vec<u16>)>,
    /// Rows of the regions whose local numbers are recognised, by digits with and without the trunk prefix.
    local: Vec<Vec<u16>>,
}

impl Plans {
    /// `regions`: those whose local numbers are recognised. Returns the first that is not known as error.
    pub(super) fn new(regions: &[String]) -> Result<Plans, String> {
        let mut plans = Plans { rows: Vec::new(), codes: Vec::new(), local: vec![Vec::new(); 20] };
        let wanted: Vec<String> = match regions {
            [] => USUAL.iter().map(|&r| r.to_owned()).collect(),
            some => some.iter().map(|r| r.to_ascii_uppercase()).collect(),
        };
        let mut seen = vec![false; wanted.len()];
        for line in include_str!("phone.txt").lines().filter(|l| !l.starts_with('#')) {
            let mut fields = line.split(' ');
            let mut next = || fields.next().unwrap_or_default();
            let (code, region, trunk, len, leads) = (next(), next(), next(), next(), next());
            let (Ok(code), Ok(len)) = (code.parse(), len.parse::<u8>()) else { continue };
            let leads = leads
                .split(',')
                .filter_map(|range| {
                    let (from, to) = range.split_once('-').unwrap_or((range, range));
                    Some((from.parse().ok()?, to.parse().ok()?))
                })
                .collect();
            let row = plans.rows.len() as u16;
            plans.rows.push(Row { code, trunk: trunk.trim_matches('-').to_owned(), len, leads });
            match plans.codes.iter_mut().find(|(c, _)| *c == code) {
                Some((_, rows)) => rows.push(row),
                None => plans.codes.push((code, vec![row])),
            }
            if let Some(i) = wanted.iter().position(|w| w == region) {
                let lens = [usize::from(len), usize::from(len) + trunk.trim_matches('-').len()];
                for n in &lens[..if lens[0] == lens[1] { 1 } else { 2 }] {
                    plans.local[*n].push(row);
                }
                seen[i] = true;
            }
        }
        match seen.iter().position(|s| !s) {
            Some(i) => Err(wanted[i].clone()),
            None => Ok(plans),
        }
    }

    /// Whether digits after `+` are a valid number; `None`: no such calling code.
    fn international(&self, digits: &[u8]) -> Option<bool> {
        let rows = (1..=3).find_map(|n| {
            let code = value(digits.get(..n)?);
            self.codes.iter().find(|(c, _)| *c == code).map(|(_, rows)| (n, rows))
        });
        let (n, rows) = rows?;
        let national = &digits[n..];
        Some(rows.iter().any(|&r| {
            let row = &self.rows[usize::from(r)];
            // The trunk digit that many write in brackets: +41 (0)44.
            fits(row, national) || national.strip_prefix(b"0").is_some_and(|rest| row.trunk == "0" && fits(row, rest))
        }))
    }

    /// Whether the digits are a number as written inside one of the regions.
    fn local(&self, digits: &[u8]) -> bool {
        self.local.get(digits.len()).into_iter().flatten().any(|&r| {
            let row = &self.rows[usize::from(r)];
            match digits.strip_prefix(row.trunk.as_bytes()) {
                Some(rest) if !row.trunk.is_empty() => fits(row, rest) || (row.code == 1 && fits(row, digits)),
                _ => (row.trunk.is_empty() || row.code == 1) && fits(row, digits),
            }
        })
    }

    /// How sure it is that these digits are a telephone number. `plus`: a `+` stands before them; `said`: words say so.
    /// 0: they are none.
    pub(super) fn score(&self, text: &[u8], groups: &[Group], plus: bool, said: bool) -> u8 {
        // Without a word or a sign only some groupings are telling.
        let written = if said { 85 } else { written(groups) };
        if !plus && written == 0 && text.get(groups[0].start) != Some(&b'0') {
            return 0;
        }
        let mut digits = [0_u8; 20];
        let mut n = 0;
        for group in groups {
            for &byte in text[group.start..group.end].iter().take_while(|b| b.is_ascii_digit()) {
                if n == digits.len() {
                    return 0;
                }
                digits[n] = byte;
                n += 1;
            }
        }
        let digits = &digits[..n];
        if n < 7 || same(&digits[1..]) || calendar(text, groups) {
            return 0;
        }
        if plus {
            return match self.international(digits) {
                Some(true) => 95,
                Some(false) if n <= 15 => 75,
                _ if said && n <= 15 => 60,
                _ => 0,
            };
        }
        let abroad =
            [&b"00"[..], b"011"].iter().filter_map(|p| digits.strip_prefix(*p)).find_map(|d| self.international(d));
        if abroad == Some(true) && n >= 10 {
            return if said || groups.len() > 1 { 85 } else { 40 };
        }
        if n > 15 {
            return 0;
        }
        match (said, written > 0 && self.local(digits)) {
            (_, true) => written,
            (true, false) => 70,
            (false, false) => 0,
        }
    }
}

/// How telling the grouping of a valid number is without any word.
fn written(groups: &[Group]) -> u8 {
    let mut lens = [0; 5];
    if groups.len() < 2 || groups.len() > lens.len() {
        return 0;
    }
    groups.iter().zip(&mut lens).for_each(|(g, len)| *len = g.end - g.start);
    let spaces = groups[1..].iter().all(|g| g.sep == b' ');
    match lens[..groups.len()] {
        [3, 3, 4] | [1, 3, 3, 4] => {
            if spaces {
                60
            } else {
                75
            }
        }
        [2, 2, 2, 2, 2] => 70,
        [5, 6] | [5, 3, 3] | [3, 4, 4] | [4, 3, 4] | [4, 3, 2, 2] | [3, 3, 2, 2] => 55,
        [2..=5, 4..=8] if groups[1].sep == b'/' || groups[1].sep == PAREN => 60,
        _ => 0,
    }
}

/// Three numbers that are a date, or two years.
fn calendar(text: &[u8], groups: &[Group]) -> bool {
    let v = |i: usize| u32::from(value(&text[groups[i].start..groups[i].end]));
    let len = |i: usize| groups[i].end - groups[i].start;
    match groups.len() {
        2 => len(0) == 4 && len(1) == 4 && (1800..2100).contains(&v(0)) && (1800..2100).contains(&v(1)),
        3 if len(0) == 4 && len(1) <= 2 && len(2) <= 2 => date(v(0), v(1), v(2)),
        3 if len(2) == 4 && len(0) <= 2 && len(1) <= 2 => date(v(2), v(1), v(0)) || date(v(2), v(0), v(1)),
        _ => false,
    }
}

fn value(digits: &[u8]) -> u16 {
    digits.iter().take(4).fold(0, |v, &b| v * 10 + u16::from(b.wrapping_sub(b'0') % 10))
}

fn fits(row: &Row, national: &[u8]) -> bool {
    if national.len() != usize::from(row.len) {
        return false;
    }
    let lead = value(national);
    let after = row.leads.partition_point(|&(from, _)| from <= lead);
    after > 0 && lead <= row.leads[after - 1].1
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::chain;
    use super::*;

    fn score(plans: &Plans, text: &str, said: bool) -> u8 {
        let mut groups = Vec::new();
        let at = text.bytes().position(|b| b.is_ascii_digit()).unwrap();
        chain::read(text.as_bytes(), at, 0, &mut groups);
        plans.score(text.as_bytes(), &groups, text.starts_with('+'), said)
    }

    #[test]
    fn valid_abroad_valid_at_home_or_said_to_be_one() {
        let plans = Plans::new(&[]).unwrap();
        // Numbers set aside for fiction by Ofcom, the Bundesnetzagentur, ARCEP, and the 555 exchange of North America.
        for number in
            ["+44 7700 900123", "+49 30 23125000", "+33 1 99 00 12 34", "+1 212-555-0147", "+41 (0)44 668 18 00"]
        {
            assert_eq!(score(&plans, number, false), 95, "{number}");
        }
        assert!(score(&plans, "(212) 555-0147", false) >= 50 && score(&plans, "01 99 00 12 34", false) >= 50);
        assert!(score(&plans, "0044 7700 900123", false) >= 50);
        assert_eq!(score(&plans, "2125550147", false), 0, "ten digits alone are no number");
        assert!(score(&plans, "2125550147", true) >= 50 && score(&plans, "467 3395", true) >= 50);
        assert_eq!(score(&plans, "2019-03-04", true), 0, "a date is none");
        assert_eq!(score(&plans, "1998-2004", true), 0);
        assert_eq!(score(&plans, "123456", true), 0, "six digits are too few");
        assert_eq!(score(&plans, "1234567890123456", true), 0, "16 are too many");
        assert!(score(&plans, "123456789012345", true) >= 50);
    }

    #[test]
    fn regions_are_as_configured() {
        let german = Plans::new(&["de".into()]).unwrap();
        assert_eq!(score(&german, "(212) 555-0147", false), 0);
        assert!(score(&german, "+1 212-555-0147", false) > 0, "with a country code everyone's are");
        assert_eq!(Plans::new(&["DE".into(), "XX".into()]).err().unwrap(), "XX");
    }
}
