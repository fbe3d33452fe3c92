//! Chains: words and numbers that stand so close that they may be one value (`4111 1111-1111 1111`, `AB 12 34 56 C`).
//!
//! A chain is made of groups of ASCII letters and digits with one separator between two of them. At least one group has a
//! digit; letters alone join only where they are short and beside digits. Everything that identifies is looked for in
//! stretches of chains; prose without digits never gets here.
//!
//! Never here: what a stretch means.

use super::check::alnum;

/// Longest stretch looked at, in letters and digits without separators: an IBAN has 34.
pub(super) const LONGEST: usize = 34;
/// Most groups of one stretch.
pub(super) const GROUPS: usize = 12;
/// Most groups of one chain; a longer one goes on as the next.
const CHAIN: usize = 512;
/// Longest group of letters alone that joins.
const LETTERS: usize = 5;

/// What stands between two groups. `No`: nothing that joins.
pub(super) const NO: u8 = 0;
/// `) `, `(`, `)-` and the like, as in telephone numbers.
pub(super) const PAREN: u8 = b'(';

/// A run of letters and digits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    pub start: usize,
    pub end: usize,
    /// The separator before it: the character itself, [`PAREN`], or [`NO`].
    pub sep: u8,
    /// No letters in it.
    pub digits: bool,
    /// No digits in it.
    pub letters: bool,
}

/// A stretch of a chain: its letters and digits joined, upper case.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    pub start: usize,
    pub end: usize,
    joined: [u8; LONGEST],
    len: u8,
    /// Bit i: the i-th character is a letter.
    pub mask: u64,
    /// Lengths of the groups, four bits each, the first highest; 15 stands for longer.
    pub form: u64,
    /// The separators, eight bits each, the first highest among those used (up to seven are told apart).
    pub seps: u64,
    pub groups: u8,
    /// What the characters from the fifth on leave modulo 97, and how many are counted in it.
    rest: (u64, u8),
    /// All separators are this one; [`NO`] where they differ or there is none.
    pub uniform: u8,
}

impl Stretch {
    pub(super) fn new(start: usize) -> Stretch {
        Stretch {
            start,
            end: start,
            joined: [0; LONGEST],
            len: 0,
            mask: 0,
            form: 0,
            seps: 0,
            groups: 0,
            rest: (0, 4),
            uniform: NO,
        }
    }

    /// Takes one more group; false where it does not fit.
    pub(super) fn push(&mut self, text: &[u8], group: &Group) -> bool {
        let more = &text[group.start..group.end];
        let at = usize::from(self.len);
        if at + more.len() > LONGEST || usize::from(self.groups) >= GROUPS {
            return false;
        }
        for (i, (place, &byte)) in self.joined[at..at + more.len()].iter_mut().zip(more).enumerate() {
            *place = byte.to_ascii_uppercase();
            if !group.digits {
                self.mask |= u64::from(byte.is_ascii_alphabetic()) << (at + i);
            }
        }
        self.len += more.len() as u8;
        self.form = (self.form << 4) | more.len().min(15) as u64;
        if self.groups > 0 {
            self.seps = (self.seps << 8) | u64::from(group.sep);
            self.uniform = if self.groups == 1 || self.uniform == group.sep { group.sep } else { NO };
        }
        self.groups += 1;
        self.end = group.end;
        true
    }

    /// Whether the check digits of an IBAN are right (ISO 7064 MOD 97-10: the first four characters moved to the end, letters as
    /// 10 to 35). Each character is counted once however often the stretch grows and is asked.
    pub(super) fn checked(&mut self) -> bool {
        let count = |rest: u64, bytes: &[u8]| {
            bytes.iter().fold(rest, |rest, &byte| {
                let rest = if rest >> 56 == 0 { rest } else { rest % 97 };
                rest * if byte.is_ascii_digit() { 10 } else { 100 } + u64::from(alnum(byte))
            }) % 97
        };
        let (rest, counted) = self.rest;
        if self.len > counted {
            self.rest = (count(rest, &self.joined[usize::from(counted)..usize::from(self.len)]), self.len);
        }
        count(self.rest.0, &self.joined[..4]) == 1
    }

    /// Letters and digits without separators, upper case.
    pub(super) fn joined(&self) -> &[u8] {
        &self.joined[..usize::from(self.len)]
    }
}

/// The chain around the digit at `at`, into `groups`. Returns where digits are not looked at again: the end of its last
/// group with a digit.
pub(super) fn read(text: &[u8], at: usize, floor: usize, groups: &mut Vec<Group>) -> usize {
    groups.clear();
    let mut start = at;
    while start > floor && text[start - 1].is_ascii_alphanumeric() {
        start -= 1;
    }
    let first = group(text, start, NO);
    // Up to two short words before: `HRB 12345`, `B AB 1234`.
    let mut before = [first; 2];
    let (mut n, mut from) = (0, start);
    while n < 2 && from > 1 && joins_before(text[from - 1]) && text[from - 2].is_ascii_alphabetic() {
        let end = from - 1;
        let mut begin = end;
        while begin > 0 && end - begin <= LETTERS && text[begin - 1].is_ascii_alphanumeric() {
            begin -= 1;
        }
        let word = group(text, begin, NO);
        if !word.letters || word.end - word.start > LETTERS {
            break;
        }
        before[n] = word;
        (n, from) = (n + 1, begin);
    }
    for word in before[..n].iter().rev() {
        push(text, groups, *word);
    }
    push(text, groups, first);
    let (mut done, mut words, mut end) = (first.end, 0, first.end);
    while groups.len() < CHAIN {
        let Some((sep, next)) = separator(text, end) else { break };
        let word = group(text, next, sep);
        words = if word.letters { words + 1 } else { 0 };
        if words > 2 || (word.letters && word.end - word.start > LETTERS) {
            break;
        }
        groups.push(word);
        end = word.end;
        if !word.letters {
            done = word.end;
        }
    }
    done
}

/// Puts a group behind the others with the separator that stands between them in the text.
fn push(text: &[u8], groups: &mut Vec<Group>, mut next: Group) {
    if let Some(last) = groups.last() {
        next.sep = text.get(last.end).copied().unwrap_or(NO);
    }
    groups.push(next);
}

fn group(text: &[u8], start: usize, sep: u8) -> Group {
    let (mut end, mut digits, mut letters) = (start, true, true);
    while end < text.len() && text[end].is_ascii_alphanumeric() {
        if text[end].is_ascii_digit() {
            letters = false;
        } else {
            digits = false;
        }
        end += 1;
    }
    Group { start, end, sep, digits, letters }
}

fn joins_before(byte: u8) -> bool {
    matches!(byte, b' ' | b'-')
}

/// The separator at `end` and where the next group begins.
fn separator(text: &[u8], end: usize) -> Option<(u8, usize)> {
    let next = |i: usize| text.get(i).copied().unwrap_or(0);
    let word = |i: usize| next(i).is_ascii_alphanumeric();
    let (a, b, c) = (next(end), next(end + 1), next(end + 2));
    match a {
        b' ' | b'-' | b'.' | b'/' | b':' | b'+' if word(end + 1) => Some((a, end + 1)),
        b'(' if word(end + 1) => Some((PAREN, end + 1)),
        b')' if word(end + 1) => Some((PAREN, end + 1)),
        b')' if matches!(b, b' ' | b'-' | b'.' | b'/') && word(end + 2) => Some((PAREN, end + 2)),
        b' ' | b'-' if b == b'(' && word(end + 2) => Some((PAREN, end + 2)),
        b' ' if matches!(b, b'-' | b'/') && c == b' ' && word(end + 3) => Some((b, end + 3)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(text: &str) -> Vec<String> {
        let at = text.bytes().position(|b| b.is_ascii_digit()).unwrap_or(0);
        let mut groups = Vec::new();
        read(text.as_bytes(), at, 0, &mut groups);
        groups.iter().map(|g| text[g.start..g.end].to_owned()).collect()
    }

    #[test]
    fn groups_that_stand_together_make_a_chain() {
        assert_eq!(chain("my NINO is AB 12 34 56 C, thanks"), ["is", "AB", "12", "34", "56", "C"]);
        assert_eq!(chain("call (415) 555-0132 now please"), ["415", "555", "0132", "now"]);
        assert_eq!(chain("IBAN GB82 WEST 1234 and more"), ["IBAN", "GB82", "WEST", "1234", "and", "more"]);
        assert_eq!(chain("a, 12, b"), ["12"]);
        assert_eq!(chain("+41 (0)96 471"), ["41", "0", "96", "471"]);
    }

    #[test]
    fn a_stretch_knows_its_letters_groups_and_separators() {
        let text = b"AB 12-34";
        let mut groups = Vec::new();
        read(text, 3, 0, &mut groups);
        let mut stretch = Stretch::new(0);
        assert!(groups.iter().all(|g| stretch.push(text, g)));
        assert_eq!(stretch.joined(), b"AB1234");
        assert_eq!((stretch.mask, stretch.form, stretch.uniform), (0b11, 0x222, NO));
        assert_eq!(stretch.seps, u64::from(b' ') << 8 | u64::from(b'-'));
    }
}
