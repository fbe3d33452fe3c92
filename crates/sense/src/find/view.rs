//! The text as the detectors read it: what hides data is folded away, and every offset leads back to the text as given.
//!
//! Folded: zero-width characters go, digits of other scripts and full-width characters become ASCII, no-break and other
//! spaces a space, Unicode hyphens a hyphen, `%40` and the escapes of JSON (`\n`, `\u0040`) the character they stand for.
//! A text in which nothing is to fold is read in place.
//!
//! Never here: detection.

use std::borrow::Cow;

/// A text and the way back to the one it was made from.
#[derive(Debug)]
pub(super) struct View<'t> {
    text: Cow<'t, str>,
    pieces: Vec<Piece>,
}

/// From byte `view` of the view on, up to the next piece.
#[derive(Debug, Clone, Copy)]
struct Piece {
    view: usize,
    text: usize,
    /// Bytes of the text that one byte of the view stands for; 0: the piece is byte for byte the same.
    folded: usize,
}

/// What becomes of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fold {
    Keep,
    Drop,
    To(u8),
}

impl<'t> View<'t> {
    pub(super) fn new(text: &'t str) -> View<'t> {
        let bytes = text.as_bytes();
        if text.is_ascii() && memchr::memchr2(b'%', b'\\', bytes).is_none() {
            return View { text: Cow::Borrowed(text), pieces: Vec::new() };
        }
        let (mut out, mut pieces) = (String::new(), Vec::<Piece>::new());
        let (mut at, mut kept) = (0, 0);
        while at < bytes.len() {
            if !LOOK[usize::from(bytes[at])] {
                at += 1;
                continue;
            }
            let (fold, len) = fold_at(text, at);
            if fold != Fold::Keep {
                keep(&mut out, &mut pieces, text, kept, at);
                if let Fold::To(byte) = fold {
                    pieces.push(Piece { view: out.len(), text: at, folded: len });
                    out.push(char::from(byte));
                }
                kept = at + len;
            }
            at += len;
        }
        if kept == 0 {
            return View { text: Cow::Borrowed(text), pieces: Vec::new() };
        }
        keep(&mut out, &mut pieces, text, kept, text.len());
        View { text: Cow::Owned(out), pieces }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether the view differs from the text.
    pub(super) fn folded(&self) -> bool {
        matches!(self.text, Cow::Owned(_))
    }

    /// Where a stretch of the view lies in the text.
    pub(super) fn back(&self, start: usize, end: usize) -> (usize, usize) {
        if self.pieces.is_empty() || start >= end {
            return (start, end);
        }
        let first = self.piece(start);
        let begin = if first.folded > 0 { first.text } else { first.text + (start - first.view) };
        let last = self.piece(end - 1);
        let stop = if last.folded > 0 { last.text + last.folded } else { last.text + (end - last.view) };
        (begin, stop)
    }

    fn piece(&self, view: usize) -> Piece {
        let after = self.pieces.partition_point(|p| p.view <= view);
        self.pieces.get(after.saturating_sub(1)).copied().unwrap_or(Piece { view: 0, text: 0, folded: 0 })
    }
}

fn keep(out: &mut String, pieces: &mut Vec<Piece>, text: &str, from: usize, to: usize) {
    if from < to {
        pieces.push(Piece { view: out.len(), text: from, folded: 0 });
        out.push_str(&text[from..to]);
    }
}

/// Bytes at which something may be to fold: `%`, `\` and the first bytes of the characters below.
static LOOK: [bool; 256] = {
    let mut look = [false; 256];
    let mut i = 0;
    let list = [b'%', b'\\', 0xC2, 0xCD, 0xD8, 0xD9, 0xDB, 0xE0, 0xE1, 0xE2, 0xE3, 0xEF, 0xF0, 0xF3];
    while i < list.len() {
        look[list[i] as usize] = true;
        i += 1;
    }
    look
};

/// What is to do at `at`, and how many bytes of the text that covers.
fn fold_at(text: &str, at: usize) -> (Fold, usize) {
    let rest = &text[at..];
    let bytes = rest.as_bytes();
    match bytes[0] {
        b'%' => match hex(bytes.get(1..3)) {
            Some(code @ 0x20..=0x7e) => (Fold::To(code as u8), 3),
            _ => (Fold::Keep, 1),
        },
        b'\\' => match bytes.get(1) {
            Some(b'n') => (Fold::To(b'\n'), 2),
            Some(b'r') => (Fold::To(b'\r'), 2),
            Some(b't') => (Fold::To(b'\t'), 2),
            Some(&byte @ (b'"' | b'/' | b'\\')) => (Fold::To(byte), 2),
            Some(b'u') => match hex(bytes.get(2..6)).and_then(char::from_u32) {
                Some(c @ ' '..='~') => (Fold::To(c as u8), 6),
                Some(c) => (fold(c), if fold(c) == Fold::Keep { 1 } else { 6 }),
                None => (Fold::Keep, 1),
            },
            _ => (Fold::Keep, 1),
        },
        _ => match rest.chars().next() {
            Some(c) => (fold(c), c.len_utf8()),
            None => (Fold::Keep, 1),
        },
    }
}

fn hex(digits: Option<&[u8]>) -> Option<u32> {
    let digits = digits?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// First code points of the blocks of ten decimal digits that are read as digits.
const DIGITS: [u32; 16] = [
    0x0660, 0x06F0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0E50, 0x0ED0, 0x0F20, 0x1040,
    0x17E0, 0xFF10,
];

fn fold(c: char) -> Fold {
    let code = c as u32;
    match code {
        0xAD | 0x34F | 0x61C | 0x180E | 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x206F => Fold::Drop,
        0xFE00..=0xFE0F | 0xFEFF | 0xE0000..=0xE01EF => Fold::Drop,
        0xA0 | 0x1680 | 0x2000..=0x200A | 0x2028 | 0x2029 | 0x202F | 0x205F | 0x3000 => Fold::To(b' '),
        0x2010..=0x2015 | 0x2212 | 0xFE58 | 0xFE63 => Fold::To(b'-'),
        0x2024 => Fold::To(b'.'),
        // Full-width letters and the marks that stand inside of data; a full-width comma or question mark stays.
        0xFF21..=0xFF3A | 0xFF41..=0xFF5A | 0xFF08..=0xFF09 | 0xFF0B | 0xFF0D..=0xFF0F | 0xFF1A | 0xFF20 | 0xFF3F => {
            Fold::To((code - 0xFEE0) as u8)
        }
        0x1D7CE..=0x1D7FF => Fold::To(b'0' + ((code - 0x1D7CE) % 10) as u8),
        _ => match DIGITS.iter().find(|&&zero| (zero..zero + 10).contains(&code)) {
            Some(zero) => Fold::To(b'0' + (code - zero) as u8),
            None => Fold::Keep,
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::View;
    use proptest::prelude::*;

    #[test]
    fn what_hides_data_is_folded() {
        for (text, view) in [
            ("plain text, 50 % off", "plain text, 50 % off"),
            ("４１１１\u{a0}1111", "4111 1111"),
            ("41\u{200b}11\u{feff}", "4111"),
            ("a%40b.de and %zz", "a@b.de and %zz"),
            (r"Phone:\n555 \u0040 \\n C:\dir", "Phone:\n555 @ \\n C:\\dir"),
            ("१२३ ٤٥٦ 𝟏𝟐", "123 456 12"),
            ("2020\u{2011}01\u{2212}02", "2020-01-02"),
            ("你好，世界", "你好，世界"),
        ] {
            assert_eq!(View::new(text).text(), view, "{text}");
        }
        assert!(!View::new("grün und blau").folded(), "nothing to fold, nothing copied");
    }

    #[test]
    fn a_stretch_leads_back_to_all_that_it_was_made_of() {
        let text = "x ４１\u{200b}１１%40 y";
        let view = View::new(text);
        let start = view.text().find("4111@").unwrap();
        let (from, to) = view.back(start, start + 5);
        assert_eq!(&text[from..to], "４１\u{200b}１１%40");
    }

    proptest! {
        #[test]
        fn every_stretch_of_the_view_is_one_of_the_text(text in r"(\PC|[0-9%\\nu２\u{200b}\u{a0}]){0,60}") {
            let view = View::new(&text);
            let marks: Vec<usize> = view.text().char_indices().map(|(i, _)| i).chain([view.text().len()]).collect();
            let mut before = 0;
            for pair in marks.windows(2) {
                let (from, to) = view.back(pair[0], pair[1]);
                prop_assert!(before <= from && from < to && to <= text.len());
                prop_assert!(text.is_char_boundary(from) && text.is_char_boundary(to));
                before = to;
            }
        }
    }
}
