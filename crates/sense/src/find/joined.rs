//! Fields made of pieces that were apart in the request: each piece is read alone, as it was written, and what lies over
//! the joints is read again, so that a value cut between two pieces is found.
//!
//! Never here: what is looked for.

use super::{Finder, Finding, Unread};
use wire::Field;

/// Bytes read on either side of a joint. Longer than every value that has a fixed form; of a longer one (a private key)
/// the piece that begins it is found alone.
const WINDOW: usize = 4096;

impl Finder {
    /// Everything found in one field.
    ///
    /// # Errors
    /// As [`Finder::find`].
    pub(super) fn find_in(&self, field: &Field<'_>) -> Result<Vec<Finding>, Unread> {
        if field.text.is_empty() {
            return Ok(Vec::new());
        }
        if field.joints.is_empty() {
            return self.find(field.text);
        }
        let mut out = Vec::new();
        let mut start = 0;
        for end in field.joints.iter().copied().chain([field.text.len()]) {
            self.within(field.text, start, end, &mut out)?;
            start = end;
        }
        let mut over = Vec::new();
        for (from, to) in windows(field.text, field.joints) {
            self.within(field.text, from, to, &mut over)?;
        }
        over.retain(|f| field.joints.iter().any(|j| f.start < *j && *j < f.end));
        out.append(&mut over);
        Ok(settled(out))
    }

    fn within(&self, text: &str, from: usize, to: usize, out: &mut Vec<Finding>) -> Result<(), Unread> {
        let found = self.find(text.get(from..to).unwrap_or_default())?;
        out.extend(found.into_iter().map(|f| Finding { start: f.start + from, end: f.end + from, ..f }));
        Ok(())
    }
}

/// What is read around the joints: windows that touch are one, so that no byte is read twice for two joints.
fn windows(text: &str, joints: &[usize]) -> Vec<(usize, usize)> {
    let mut out: Vec<(usize, usize)> = Vec::new();
    for joint in joints {
        let from = text.floor_char_boundary(joint.saturating_sub(WINDOW));
        let to = text.ceil_char_boundary(joint + WINDOW);
        match out.last_mut() {
            Some(last) if from <= last.1 => last.1 = to,
            _ => out.push((from, to)),
        }
    }
    out
}

/// In order and without overlaps: of findings that overlap, one that covers both, of the kind of the higher class.
fn settled(mut all: Vec<Finding>) -> Vec<Finding> {
    all.sort_by_key(|f| (f.start, f.end));
    let mut out: Vec<Finding> = Vec::with_capacity(all.len());
    for next in all {
        match out.last_mut().filter(|last| next.start < last.end) {
            Some(last) => {
                let end = last.end.max(next.end);
                let longer = next.end - next.start > last.end - last.start;
                let start = last.start;
                if (next.kind.class, longer) > (last.kind.class, false) {
                    *last = next;
                }
                (last.start, last.end) = (start, end);
            }
            None => out.push(next),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Dictionary, FinderOptions, Kind};
    use decide::DataClass;

    fn finding(start: usize, end: usize, class: DataClass) -> Finding {
        Finding { start, end, kind: Kind { name: class.as_str().into(), class }, score: 90 }
    }

    #[test]
    fn overlaps_become_one() {
        use DataClass::{Personal, Secret, Sensitive};
        let all =
            vec![finding(4, 9, Personal), finding(0, 5, Secret), finding(9, 12, Personal), finding(10, 11, Sensitive)];
        assert_eq!(settled(all), [finding(0, 9, Secret), finding(9, 12, Sensitive)]);
        // Of the same class the longer one names the kind.
        let named = |start, end, name: &str| Finding {
            kind: Kind { name: name.into(), class: Personal },
            ..finding(start, end, Personal)
        };
        assert_eq!(settled(vec![named(0, 3, "a"), named(2, 9, "b")]), [named(0, 9, "b")]);
    }

    #[test]
    fn windows_that_touch_are_one_and_stay_on_characters() {
        let text = "é".repeat(3 * WINDOW);
        let far = windows(&text, &[2, 5 * WINDOW]);
        assert_eq!(far, [(0, 2 + WINDOW), (4 * WINDOW, 6 * WINDOW)]);
        assert_eq!(windows(&text, &[WINDOW, 2 * WINDOW]), [(0, 3 * WINDOW)]);
        for (from, to) in windows(&text, &[7 * 2, 999 * 2]) {
            assert!(text.is_char_boundary(from) && text.is_char_boundary(to));
        }
    }

    #[test]
    fn a_value_is_found_cut_or_whole() {
        let options = FinderOptions {
            dictionaries: vec![Dictionary {
                name: "customer".into(),
                terms: vec!["Zyxel Freight".into()],
                class: DataClass::Personal,
            }],
            ..FinderOptions::default()
        };
        let finder = Finder::new(&options).unwrap();
        let text = "for Zyxel Freight";
        let field = |joints| Field { index: 0, text, joints, kind: wire::FieldKind::Text };
        let found = finder.find(text).unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(finder.find_in(&field(&[])).unwrap(), found);
        // Cut or not, the same is found; a joint elsewhere makes no difference.
        assert_eq!(finder.find_in(&field(&[8])).unwrap(), found);
        assert_eq!(finder.find_in(&field(&[4])).unwrap(), found);
    }
}
