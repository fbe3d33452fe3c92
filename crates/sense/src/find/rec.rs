//! Recognisers of identifiers: a shape, the ways it is grouped, a check, and the words that go with it. The tables are
//! `america`, `europe` and `world`; here they become one look-up by shape.
//!
//! Never here: the identifiers themselves.

use super::chain::{NO, Stretch};
use decide::DataClass;

/// What a check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grade {
    /// It is not one.
    No,
    /// It looks like one, but the official check fails or there is none to fail: of use only beside its word.
    Weak,
    /// It is one as far as can be told.
    Good,
}

impl From<bool> for Grade {
    fn from(right: bool) -> Grade {
        if right { Grade::Good } else { Grade::No }
    }
}

/// An identifier.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rec {
    /// Its kind.
    pub kind: &'static str,
    /// Its class.
    pub class: DataClass,
    /// Letters and digits without separators: `A` a letter, `9` a digit, `X` either.
    pub shapes: &'static [&'static str],
    /// Ways of grouping besides "all in one": lengths with `_` for any one of `seps`, or with the separators themselves.
    pub forms: &'static [&'static str],
    /// Separators that `_` stands for.
    pub seps: &'static str,
    /// The official check, over letters and digits in upper case.
    pub check: fn(&[u8]) -> Grade,
    /// Scores: in one piece, grouped, beside one of its words. 0: not reported.
    pub scores: [u8; 3],
    /// Its words, in lower case.
    pub words: &'static [&'static str],
}

/// A way of grouping, ready to compare.
#[derive(Debug, Clone, Copy)]
struct Form {
    form: u64,
    /// Separators, or 0 where any uniform one of the recogniser's is right.
    seps: u64,
}

/// All recognisers by shape and grouping.
#[derive(Debug)]
pub(super) struct Shapes {
    recs: Vec<Rec>,
    /// Sorted by shape and grouping (0: in one piece): recogniser, separators.
    entries: Vec<((u64, u64), u16, u64)>,
    /// By hash of shape and grouping: range of `entries`; a power of two, at most half full.
    slots: Vec<((u64, u64), u32, u32)>,
    /// Beginnings of groupings, by hash, with false friends: one bit each.
    starts: Box<[u64; STARTS]>,
}

/// Words of the set of beginnings.
const STARTS: usize = 1024;

/// Most `X` of one shape: each doubles the entries.
const EITHER: usize = 9;

fn key(len: usize, mask: u64) -> u64 {
    // Bit 63 keeps it from being 0, which marks an empty slot.
    1 << 63 | (len as u64) << 40 | mask
}

fn hash((shape, form): (u64, u64), slots: usize) -> usize {
    let mixed = shape.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ form.wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
    (mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize & (slots - 1)
}

fn start_bit(form: u64, mask: u64) -> (usize, u64) {
    let bit = hash((mask, form), STARTS * 64);
    (bit / 64, 1 << (bit % 64))
}

impl Shapes {
    pub(super) fn new(recs: impl Iterator<Item = Rec>) -> Shapes {
        let recs: Vec<Rec> = recs.collect();
        let mut entries = Vec::new();
        let mut starts = Box::new([0; STARTS]);
        for (i, rec) in recs.iter().enumerate() {
            let forms: Vec<Form> = rec.forms.iter().map(|f| form(f)).collect();
            for shape in rec.shapes {
                for mask in masks(shape) {
                    let shape_key = key(shape.len(), mask);
                    entries.push(((shape_key, 0), i as u16, 0));
                    for f in forms.iter().filter(|f| sum(f.form) == shape.len()) {
                        entries.push(((shape_key, f.form), i as u16, f.seps));
                        let mut start = f.form;
                        while start > 0 {
                            let (word, bit) = start_bit(start, mask & ((1 << sum(start)) - 1));
                            starts[word] |= bit;
                            start >>= 4;
                        }
                    }
                }
            }
        }
        entries.sort_unstable();
        entries.dedup();
        let mut slots = vec![((0, 0), 0, 0); (entries.len() * 2).next_power_of_two().max(2)];
        let mut from = 0;
        while from < entries.len() {
            let shape = entries[from].0;
            let to = entries[from..].iter().position(|e| e.0 != shape).map_or(entries.len(), |n| from + n);
            let mut at = hash(shape, slots.len());
            while slots[at].0.0 != 0 {
                at = (at + 1) & (slots.len() - 1);
            }
            slots[at] = (shape, from as u32, to as u32);
            from = to;
        }
        Shapes { recs, entries, slots, starts }
    }

    /// Every recogniser.
    pub(super) fn all(&self) -> impl Iterator<Item = &Rec> {
        self.recs.iter()
    }

    /// Whether some identifier in some way of grouping may begin like this; false is certain.
    pub(super) fn begins(&self, stretch: &Stretch) -> bool {
        let (word, bit) = start_bit(stretch.form, stretch.mask);
        self.starts[word] & bit != 0
    }

    /// Calls `see` with the index, the recogniser, its grade and whether the stretch is grouped, for each that fits.
    pub(super) fn each(&self, stretch: &Stretch, mut see: impl FnMut(usize, &Rec, Grade, bool)) {
        let grouped = stretch.groups > 1;
        let shape = (key(stretch.joined().len(), stretch.mask), if grouped { stretch.form } else { 0 });
        let mut at = hash(shape, self.slots.len());
        let range = loop {
            match self.slots[at] {
                ((0, _), _, _) => return,
                (found, from, to) if found == shape => break from as usize..to as usize,
                _ => at = (at + 1) & (self.slots.len() - 1),
            }
        };
        for &(_, i, seps) in &self.entries[range] {
            let rec = &self.recs[usize::from(i)];
            let uniform = || stretch.uniform != NO && rec.seps.as_bytes().contains(&stretch.uniform);
            if grouped && !(if seps == 0 { uniform() } else { seps == stretch.seps }) {
                continue;
            }
            let grade = (rec.check)(stretch.joined());
            if grade != Grade::No {
                see(usize::from(i), rec, grade, grouped);
            }
        }
    }
}

/// Letters and digits of a grouping.
fn sum(form: u64) -> usize {
    (0..16).map(|i| (form >> (4 * i) & 15) as usize).sum()
}

fn form(text: &str) -> Form {
    let (mut form, mut seps, mut any) = (0, 0, false);
    let mut run = 0_u64;
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' => run = run * 10 + u64::from(byte - b'0'),
            _ => {
                form = form << 4 | run.min(15);
                seps = seps << 8 | u64::from(byte);
                any |= byte == b'_';
                run = 0;
            }
        }
    }
    Form { form: form << 4 | run.min(15), seps: if any { 0 } else { seps } }
}

/// The letter masks of a shape.
fn masks(shape: &str) -> impl Iterator<Item = u64> {
    let fixed = shape.bytes().enumerate().filter(|(_, b)| *b == b'A').fold(0, |m, (i, _)| m | 1_u64 << i);
    let either: Vec<usize> =
        shape.bytes().enumerate().filter(|(_, b)| *b == b'X').map(|(i, _)| i).take(EITHER).collect();
    (0..1_u64 << either.len())
        .map(move |bits| either.iter().enumerate().fold(fixed, |m, (n, &i)| m | (bits >> n & 1) << i))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::{america, chain, europe, world};
    use super::*;

    #[test]
    fn every_table_row_is_well_formed() {
        for rec in america::ALL.iter().chain(europe::ALL).chain(world::ALL) {
            for shape in rec.shapes {
                assert!(
                    shape.len() <= chain::LONGEST && shape.bytes().all(|b| b"A9X".contains(&b)),
                    "{} {shape}",
                    rec.kind
                );
                assert!(shape.bytes().filter(|b| *b == b'X').count() <= EITHER, "{} {shape}", rec.kind);
                assert!(shape.contains(['9', 'X']), "{}: a value has a digit", rec.kind);
            }
            for form in rec.forms {
                let sum: usize = form.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse::<usize>().unwrap()).sum();
                assert!(rec.shapes.iter().any(|s| s.len() == sum), "{}: {form} fits no shape", rec.kind);
                assert!(form.bytes().filter(|b| !b.is_ascii_digit()).count() <= 7, "{} {form}", rec.kind);
                assert!(!form.contains('_') || !rec.seps.is_empty(), "{} {form}", rec.kind);
            }
            for word in rec.words {
                assert!(word.to_ascii_lowercase() == **word && !word.is_empty(), "{} {word}", rec.kind);
            }
            assert!(rec.scores[2] >= rec.scores[0] && rec.scores.iter().all(|s| *s <= 100), "{}", rec.kind);
        }
    }
}
