//! The hunt along the chains of one text: identifiers, cards, IBANs, telephone numbers, dates and addresses made of digits.
//!
//! Never here: how a single kind is recognised.

use super::chain::{self, GROUPS, Group, NO, PAREN, Stretch};
use super::context::{Around, GENERIC, Heard};
use super::kit::{Kit, Named, Wrapped};
use super::phone::{self, Digits};
use super::rec::Grade;
use super::words::topic;
use super::{Finding, card, coin, day, host, place, wrap};
use iban::{BaseIban, Iban, IbanLike};

/// Score beside its word of what only looks right.
const WEAK_NEAR: u8 = 75;
/// Score without its word of what only looks right.
const WEAK: u8 = 25;

/// The hunt through one text.
pub(super) struct Hunt<'a> {
    kit: &'a Kit,
    text: &'a str,
    groups: Vec<Group>,
    /// Up to where digits belong to chains already looked at.
    done: usize,
    /// Up to where words of Base64 were tried.
    tried: usize,
    heard: Heard,
    /// Whether no word near the chain says that numbers of it are for telephones.
    hushed: bool,
}

impl<'a> Hunt<'a> {
    pub(super) fn new(kit: &'a Kit, text: &'a str) -> Hunt<'a> {
        Hunt { kit, text, groups: Vec::new(), done: 0, tried: 0, heard: Heard::default(), hushed: false }
    }

    /// Looks at the chain around the digit at `at`.
    pub(super) fn digit(&mut self, at: usize, out: &mut Vec<Finding>, wrapped: &mut Vec<Wrapped>) {
        if at < self.done {
            return;
        }
        let bytes = self.text.as_bytes();
        let mut groups = std::mem::take(&mut self.groups);
        self.done = chain::read(bytes, at, self.done, &mut groups);
        let mut phones = 0;
        // Asked once for a chain; a short one is asked about number by number, which costs the same.
        self.hushed = groups.len() > 2 && {
            let (start, end) = (groups[0].start.saturating_sub(1), groups[groups.len() - 1].end);
            let said = self.kit.context.anywhere(&mut self.heard, bytes, start, end);
            !said.has(GENERIC) && !said.has(topic::PHONE)
        };
        for i in 0..groups.len() {
            let group = groups[i];
            if !group.letters {
                self.single(group, out, wrapped);
            }
            if i >= phones && group.digits {
                phones = self.phone(&groups, i, out).unwrap_or(phones);
            }
            if groups.len() > 1 || (4..=chain::LONGEST).contains(&(group.end - group.start)) {
                self.stretches(&groups, i, out);
            }
        }
        self.groups = groups;
    }

    fn around(&mut self, start: usize, end: usize) -> Around {
        self.kit.context.around(&mut self.heard, self.text.as_bytes(), start, end)
    }

    /// What begins with one group: a date, an address, coordinates, a coin, a wrapped text.
    fn single(&mut self, group: Group, out: &mut Vec<Finding>, wrapped: &mut Vec<Wrapped>) {
        let bytes = self.text.as_bytes();
        let (start, len) = (group.start, group.end - group.start);
        if bytes[start].is_ascii_digit() && len <= 8 {
            if let Some((seen, score)) = day::read(bytes, start) {
                let birth = self.around(seen.start, seen.end).near.has(topic::BIRTH);
                let (kind, score) = if birth { (Named::Birth, score.max(85)) } else { (Named::Date, score) };
                self.kit.note(out, kind, seen.start, seen.end, score);
            }
            if group.digits && len <= 3 && matches!(bytes.get(group.end), Some(b'.' | 0xC2)) {
                self.dotted(start, out);
            }
        }
        if len >= 14 && !group.digits {
            if coin::address(&bytes[start..group.end]) {
                self.kit.note(out, Named::Crypto, start, group.end, 95);
            }
            self.wrapped(group, wrapped);
        }
    }

    fn dotted(&mut self, start: usize, out: &mut Vec<Finding>) {
        let bytes = self.text.as_bytes();
        if let Some((seen, address)) = host::v4(bytes, start) {
            if !self.around(seen.start, seen.end).last.has(topic::VERSION) {
                self.kit.note_address(out, seen, address, 95);
            }
        } else if let Some((seen, sure)) = place::read(self.text, start)
            && (sure || self.around(seen.start, seen.end).near.has(topic::PLACE))
        {
            self.kit.note(out, Named::Coordinates, seen.start, seen.end, 85);
        }
    }

    fn wrapped(&mut self, group: Group, wrapped: &mut Vec<Wrapped>) {
        let bytes = self.text.as_bytes();
        if group.start < self.tried {
            return;
        }
        let (start, end) = wrap::word(bytes, group.start, self.tried);
        self.tried = end;
        let parts = [(start, end), (group.start, group.end)];
        let whole = parts
            .into_iter()
            .find_map(|(s, e)| wrap::decode(&bytes[s..e]).map(|text| Wrapped { start: s, end: e, text }));
        wrapped.extend(whole);
    }

    /// The stretches that begin with group `i`.
    fn stretches(&mut self, groups: &[Group], i: usize, out: &mut Vec<Finding>) {
        let bytes = self.text.as_bytes();
        let start = groups[i].start;
        if amount(bytes, start) || number_before(bytes, start) {
            return;
        }
        let mut stretch = Stretch::new(start);
        let mut any = false;
        for group in &groups[i..groups.len().min(i + GROUPS)] {
            if !stretch.push(bytes, group) {
                break;
            }
            any |= !group.letters;
            let account = stretch.mask & 0b1111 == 0b0011 || stretch.groups == 1 && stretch.joined().len() < 4;
            let digits = stretch.mask == 0 && stretch.groups <= 5;
            let card = digits && (3..=7).contains(&(group.end - group.start)) && stretch.joined().len() <= 19;
            let known = stretch.groups == 1 || self.kit.shapes.begins(&stretch);
            if !(account || card || known) {
                // The last group of a card may be of any length.
                if digits {
                    self.one(&mut stretch, known, out);
                }
                break;
            }
            if !any || stretch.joined().len() < 4 || number_after(bytes, stretch.end) {
                continue;
            }
            self.one(&mut stretch, known, out);
        }
    }

    /// One stretch; `known`: some identifier is grouped like this.
    fn one(&mut self, stretch: &mut Stretch, known: bool, out: &mut Vec<Finding>) {
        let (start, end) = (stretch.start, stretch.end);
        let joined = stretch.joined();
        if stretch.mask == 0 && (12..=19).contains(&joined.len()) {
            let usual = stretch.groups == 1
                || b" -.".contains(&stretch.uniform) && card::grouping(stretch.form, stretch.groups);
            if usual {
                let score = card::score(joined, stretch.groups > 1, || self.around(start, end).near.has(topic::CARD));
                self.kit.note(out, Named::Card, start, end, score);
            }
        }
        if stretch.mask & 0b1111 == 0b0011
            && stretch.joined().len() >= 15
            && (stretch.groups == 1 || b" -.".contains(&stretch.uniform))
            && stretch.checked()
            && account(stretch.joined())
        {
            self.kit.note(out, Named::Iban, start, end, 99);
        }
        if !known {
            return;
        }
        let (kit, text) = (self.kit, self.text.as_bytes());
        let mut around = None;
        kit.shapes.each(stretch, |i, rec, grade, grouped| {
            let plain = if grouped { rec.scores[1] } else { rec.scores[0] };
            let near = around.get_or_insert_with(|| self.around(start, end).near).has(topic::FIRST + i);
            // What cannot be checked is at least written as it is issued.
            if grade == Grade::Weak && !near && text[start..end].iter().any(u8::is_ascii_lowercase) {
                return;
            }
            let score = match (grade, near) {
                (Grade::Good, true) => rec.scores[2],
                (Grade::Good, false) => plain,
                (_, true) => rec.scores[2].min(WEAK_NEAR),
                (_, false) => plain.min(WEAK),
            };
            if score > 0 {
                out.push(Finding { start, end, kind: kit.rec_kinds[i].clone(), score });
            }
        });
    }

    /// The telephone number that begins with group `i`; returns the first group after it.
    fn phone(&mut self, groups: &[Group], i: usize, out: &mut Vec<Finding>) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let start = groups[i].start;
        let open = start > 0 && bytes[start - 1] == b'(';
        let before = start - usize::from(open);
        let plus = before > 0 && bytes[before - 1] == b'+' || start > 0 && bytes[start - 1] == b'+';
        // `AIIM-D-23-02555` goes on to the left; `is-415-…` of a careless hand does too, and is given up.
        let joined = start >= 2 && bytes[start - 1] == b'-' && bytes[start - 2].is_ascii_alphanumeric();
        if !plus && (amount(bytes, before) || number_before(bytes, start) || joined) {
            return None;
        }
        // Where nothing says what it is, only groupings of few groups do.
        let bare = !plus && bytes[start] != b'0';
        let most = if bare && self.hushed { phone::WRITTEN } else { phone::GROUPS };
        let (len, next) = (groups[i].end - start, groups.get(i + 1).map_or(0, |g| g.end - g.start));
        if bare && self.hushed && !phone::begins(len, next) {
            return None;
        }
        // As far as digits and the separators of telephone numbers go; an extension ends it.
        let mut run = i + 1;
        let mut count = groups[i].end - groups[i].start;
        let mut digits = Digits::new();
        digits.push(&bytes[start..groups[i].end]);
        while let Some(group) = groups.get(run) {
            let extension = !group.digits && extension(bytes, group);
            let joins = matches!(group.sep, b' ' | b'-' | b'.' | b'/' | PAREN) && (group.digits || extension);
            if !joins || run - i >= most || count > 17 {
                break;
            }
            count += group.end - group.start;
            digits.push(&bytes[group.start..group.end]);
            run += 1;
            if extension {
                break;
            }
        }
        if count < phone::SHORTEST {
            return None;
        }
        let said = !self.hushed && self.said(before, groups[run - 1].end);
        let most = if said || !bare { run } else { run.min(i + phone::WRITTEN) };
        for to in (i + 1..=most).rev() {
            let (end, digits) = (groups[to - 1].end, digits.of(to - i));
            if digits.len() < phone::SHORTEST || number_after(bytes, end) {
                continue;
            }
            let mut score = self.kit.plans.score(bytes, &groups[i..to], digits, plus, said);
            if score == 0 {
                continue;
            }
            // Card numbers, too, have up to 15 digits.
            if said && groups[i..to].len() == 1 && count > 12 {
                score = score.min(55);
            }
            let begin = before - usize::from(plus && before > 0 && bytes[before - 1] == b'+');
            let begin = if open && (plus || bytes[start..end].contains(&b')')) {
                begin
            } else {
                start - usize::from(plus && !open)
            };
            self.kit.note(out, Named::Phone, begin, with_extension(bytes, end), score);
            return Some(to);
        }
        None
    }

    /// Whether the words around say "telephone number" and nothing nearer says something else.
    fn said(&mut self, start: usize, end: usize) -> bool {
        let Around { near, last } = self.around(start, end);
        if last.none() { near.has(GENERIC) } else { last.has(topic::PHONE) }
    }
}

/// Whether this is an IBAN: a country of the registry, its length and structure, modulo 97. The library lacks Honduras and Pakistan.
fn account(joined: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(joined) else { return false };
    let bank = || joined[4..8].iter().all(u8::is_ascii_alphabetic);
    match &joined[..2] {
        b"HN" => {
            joined.len() == 28
                && bank()
                && joined[8..].iter().all(u8::is_ascii_digit)
                && text.parse::<BaseIban>().is_ok()
        }
        b"PK" => joined.len() == 24 && bank() && text.parse::<BaseIban>().is_ok(),
        _ => text.parse::<Iban>().is_ok_and(|iban| iban.electronic_str().len() == joined.len()),
    }
}

/// `3560x4587`: the last digits and an extension.
fn extension(bytes: &[u8], group: &Group) -> bool {
    let word = &bytes[group.start..group.end];
    let digits = word.iter().take_while(|b| b.is_ascii_digit()).count();
    let rest = &word[digits..];
    let x = if rest.len() > 3 && rest[..3].eq_ignore_ascii_case(b"ext") { 3 } else { 1 };
    rest.len() > x
        && matches!(rest[0], b'x' | b'X' | b'e' | b'E')
        && (x == 3 || rest[0].eq_ignore_ascii_case(&b'x'))
        && rest[x..].iter().all(u8::is_ascii_digit)
        && rest.len() <= x + 6
}

/// Where a number ends with the extension behind it (`x123`, ` ext. 123`).
fn with_extension(bytes: &[u8], end: usize) -> usize {
    let rest = &bytes[end..bytes.len().min(end + 16)];
    let spaces = rest.iter().take_while(|b| matches!(b, b' ' | b',')).count().min(2);
    for word in [&b"extension"[..], b"ext.", b"ext", b"x", b"#"] {
        let after = spaces + word.len();
        if rest.get(spaces..after).is_some_and(|r| r.eq_ignore_ascii_case(word)) {
            let gap = usize::from(rest.get(after) == Some(&b' '));
            let n = rest[after + gap..].iter().take_while(|b| b.is_ascii_digit()).count();
            if (1..=6).contains(&n) {
                return end + after + gap + n;
            }
        }
    }
    end
}

/// Whether a sign of money stands before.
fn amount(bytes: &[u8], start: usize) -> bool {
    let before = &bytes[start.saturating_sub(3)..start];
    before.ends_with(b"$") || before.ends_with("€".as_bytes()) || before.ends_with("£".as_bytes())
}

/// Whether the number goes on to the left: `0.123`, `12-345`.
fn number_before(bytes: &[u8], start: usize) -> bool {
    start >= 2 && matches!(bytes[start - 1], b'-' | b'.') && bytes[start - 2].is_ascii_digit()
}

fn number_after(bytes: &[u8], end: usize) -> bool {
    let next = bytes.get(end).copied().unwrap_or(NO);
    next == b'%' || matches!(next, b'-' | b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit)
}
