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

/// Numbers by their first six digits: ranges in ascending order, none overlapping.
#[derive(Debug, Clone, Default)]
struct Leads(Vec<(u32, u32)>);

/// Fewest digits of a number that stands in a text.
pub(super) const SHORTEST: usize = 7;
/// Most digits; the tables are by their count.
const MOST: usize = 20;
/// Most groups that a grouping tells anything of.
pub(super) const WRITTEN: usize = 5;
/// Most groups of a number.
pub(super) const GROUPS: usize = 8;

impl Leads {
    /// Adds the numbers that begin with `trunk` (up to two digits) and then with one of the ranges of four digits.
    fn add(&mut self, trunk: &str, leads: &[(u32, u32)]) {
        let scale = 10_u32.pow(2_u32.saturating_sub(trunk.len() as u32));
        let base = trunk.parse::<u32>().unwrap_or(0) * 10_000;
        self.0.extend(leads.iter().map(|&(from, to)| ((base + from) * scale, (base + to + 1) * scale - 1)));
    }

    fn settle(&mut self) {
        self.0.sort_unstable();
        let mut settled: Vec<(u32, u32)> = Vec::with_capacity(self.0.len());
        for &(from, to) in &self.0 {
            match settled.last_mut() {
                Some(last) if from <= last.1 + 1 => last.1 = last.1.max(to),
                _ => settled.push((from, to)),
            }
        }
        self.0 = settled;
    }

    fn has(&self, digits: &[u8]) -> bool {
        let lead = (0..6).fold(0, |v, i| v * 10 + digits.get(i).map_or(0, |b| u32::from(b.wrapping_sub(b'0') % 10)));
        let after = self.0.partition_point(|&(from, _)| from <= lead);
        after > 0 && lead <= self.0[after - 1].1
    }
}

/// The numbering plans.
#[derive(Debug)]
pub(super) struct Plans {
    /// By calling code: its place in `abroad`.
    codes: Vec<Option<u16>>,
    /// By place of the calling code: by count of digits behind it.
    abroad: Vec<[Leads; MOST]>,
    /// Of the regions whose local numbers are recognised: by count of digits, with the trunk prefix where there is one.
    local: [Leads; MOST],
}

impl Plans {
    /// `regions`: those whose local numbers are recognised. Returns the first that is not known as error.
    pub(super) fn new(regions: &[String]) -> Result<Plans, String> {
        let mut plans = Plans { codes: vec![None; 1000], abroad: Vec::new(), local: Default::default() };
        let wanted: Vec<String> = match regions {
            [] => USUAL.iter().map(|&r| r.to_owned()).collect(),
            some => some.iter().map(|r| r.to_ascii_uppercase()).collect(),
        };
        let mut seen = vec![false; wanted.len()];
        for line in include_str!("phone.txt").lines().filter(|l| !l.starts_with('#')) {
            let mut fields = line.split(' ');
            let mut next = || fields.next().unwrap_or_default();
            let (code, region, trunk, len, leads) = (next(), next(), next(), next(), next());
            let (Ok(code), Ok(len)) = (code.parse::<usize>(), len.parse::<usize>()) else { continue };
            let leads: Vec<(u32, u32)> = leads
                .split(',')
                .filter_map(|range| {
                    let (from, to) = range.split_once('-').unwrap_or((range, range));
                    Some((from.parse().ok()?, to.parse().ok()?))
                })
                .collect();
            let trunk = trunk.trim_matches('-');
            if let Some(rows) = plans.abroad_mut(code) {
                add(rows, "", len, &leads);
                // The trunk digit that many write in brackets: +41 (0)44.
                if trunk == "0" {
                    add(rows, trunk, len, &leads);
                }
            }
            if let Some(i) = wanted.iter().position(|w| w == region) {
                add(&mut plans.local, trunk, len, &leads);
                // In North America the prefix may be left out.
                if code == 1 {
                    add(&mut plans.local, "", len, &leads);
                }
                seen[i] = true;
            }
        }
        plans.abroad.iter_mut().flatten().chain(&mut plans.local).for_each(Leads::settle);
        match seen.iter().position(|s| !s) {
            Some(i) => Err(wanted[i].clone()),
            None => Ok(plans),
        }
    }

    fn abroad_mut(&mut self, code: usize) -> Option<&mut [Leads; MOST]> {
        let place = self.codes.get_mut(code)?;
        let i = *place.get_or_insert(self.abroad.len() as u16);
        if usize::from(i) == self.abroad.len() {
            self.abroad.push(Default::default());
        }
        self.abroad.get_mut(usize::from(i))
    }

    /// Whether digits after `+` are a valid number; `None`: no such calling code.
    fn international(&self, digits: &[u8]) -> Option<bool> {
        let (n, i) = (1..=3).find_map(|n| Some((n, self.codes[usize::from(value(digits.get(..n)?))]?)))?;
        let national = &digits[n..];
        Some(self.abroad[usize::from(i)].get(national.len()).is_some_and(|leads| leads.has(national)))
    }

    /// Whether the digits are a number as written inside one of the regions.
    fn local(&self, digits: &[u8]) -> bool {
        self.local.get(digits.len()).is_some_and(|leads| leads.has(digits))
    }

    /// How sure it is that these digits, which `groups` write, are a telephone number. `plus`: a `+` stands before them;
    /// `said`: words say so. 0: they are none.
    pub(super) fn score(&self, text: &[u8], groups: &[Group], digits: &[u8], plus: bool, said: bool) -> u8 {
        // Without a word or a sign only some groupings are telling.
        let written = if said { 85 } else { written(groups) };
        let n = digits.len();
        if !plus && written == 0 && digits.first() != Some(&b'0') {
            return 0;
        }
        if !(SHORTEST..=MOST).contains(&n) || same(&digits[1..]) || calendar(text, groups) {
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

/// Adds to those of the whole count of digits.
fn add(by_count: &mut [Leads; MOST], trunk: &str, len: usize, leads: &[(u32, u32)]) {
    if let Some(all) = by_count.get_mut(len + trunk.len()) {
        all.add(trunk, leads);
    }
}

/// The digits of a run of groups, and how many there are up to the end of each.
#[derive(Debug)]
pub(super) struct Digits {
    all: [u8; MOST],
    /// By group; more than [`MOST`] where they did not fit.
    counts: [u8; GROUPS],
    groups: usize,
}

impl Digits {
    pub(super) fn new() -> Digits {
        Digits { all: [0; MOST], counts: [0; GROUPS], groups: 0 }
    }

    /// Takes the digits that a group begins with.
    pub(super) fn push(&mut self, group: &[u8]) {
        let mut n = self.groups.checked_sub(1).map_or(0, |last| usize::from(self.counts[last]));
        for &byte in group.iter().take(MOST + 1).take_while(|b| b.is_ascii_digit()) {
            if let Some(place) = self.all.get_mut(n) {
                *place = byte;
            }
            n += 1;
        }
        if let Some(count) = self.counts.get_mut(self.groups) {
            *count = n.min(MOST + 1) as u8;
            self.groups += 1;
        }
    }

    /// Those of the first groups; empty where they are too many.
    pub(super) fn of(&self, groups: usize) -> &[u8] {
        let n = groups.checked_sub(1).and_then(|last| self.counts.get(last)).map_or(0, |n| usize::from(*n));
        self.all.get(..n).unwrap_or_default()
    }
}

/// Whether a grouping that is telling without any word may begin with groups of these lengths; false is certain.
pub(super) fn begins(first: usize, second: usize) -> bool {
    match first {
        1 => second == 3,
        2..=5 => second >= 2,
        _ => false,
    }
}

/// How telling the grouping of a valid number is without any word.
fn written(groups: &[Group]) -> u8 {
    let mut lens = [0; WRITTEN];
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::chain;
    use super::*;

    fn score(plans: &Plans, text: &str, said: bool) -> u8 {
        let mut groups = Vec::new();
        let at = text.bytes().position(|b| b.is_ascii_digit()).unwrap();
        chain::read(text.as_bytes(), at, 0, &mut groups);
        let mut digits = Digits::new();
        groups.iter().for_each(|g| digits.push(&text.as_bytes()[g.start..g.end]));
        plans.score(text.as_bytes(), &groups, digits.of(groups.len()), text.starts_with('+'), said)
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
