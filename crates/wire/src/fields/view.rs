//! A field made of pieces: what it says as one text, and how an edit of that text finds its way back.
//!
//! Never here: which fields there are.

use super::Edit;
use crate::json::lex::{self, Leaf};
use crate::json::write::string;
use std::borrow::Cow;
use std::ops::Range;

/// One text over several pieces.
#[derive(Debug, Default)]
pub(super) struct View {
    /// What it says.
    pub(super) text: String,
    pieces: Vec<Piece>,
}

/// A piece that can be rewritten.
#[derive(Debug)]
struct Piece {
    /// Its bytes in the view.
    view: Range<usize>,
    /// Its bytes in the JSON text, quotes included; for joined texts, the number of the text.
    home: Range<usize>,
}

/// A piece with its new content.
pub(super) struct Changed {
    home: Range<usize>,
    text: String,
}

impl View {
    /// Texts one after the other, and where they meet.
    pub(super) fn joined<'t>(texts: impl Iterator<Item = &'t str>) -> (View, Vec<usize>) {
        let mut view = View::default();
        let mut joints = Vec::new();
        for (number, text) in texts.enumerate() {
            let start = view.text.len();
            if start > 0 && !text.is_empty() {
                joints.push(start);
            }
            view.text.push_str(text);
            view.pieces.push(Piece { view: start..view.text.len(), home: number..number });
        }
        (view, joints)
    }

    /// A JSON text, after the key it stands under if it does. `files`: bytes in base64 may stand in it, and are left out.
    pub(super) fn json(key: Option<&str>, json: &str, files: bool) -> View {
        let mut view = View { text: String::with_capacity(json.len() + 16), pieces: Vec::new() };
        if let Some(key) = key {
            view.text.push('"');
            let start = view.text.len();
            view.text.push_str(key);
            view.pieces.push(Piece { view: start..view.text.len(), home: KEY });
            view.text.push_str("\":");
        }
        let mut copied = 0;
        lex::leaves(json, |_, kind, at| {
            view.text.push_str(json.get(copied..at.start).unwrap_or_default());
            copied = at.end;
            let inner = json.get(at.clone()).unwrap_or_default();
            if files && is_bytes(inner) {
                return;
            }
            let start = view.text.len();
            let home = match kind {
                Leaf::Number => at,
                Leaf::Key | Leaf::Text => at.start.saturating_sub(1)..(at.end + 1).min(json.len()),
            };
            let said = if kind == Leaf::Number { Cow::Borrowed(inner) } else { lex::decoded(inner) };
            view.text.push_str(&said);
            view.pieces.push(Piece { view: start..view.text.len(), home });
        });
        view.text.push_str(json.get(copied..).unwrap_or_default());
        view
    }

    /// The pieces that edits change, and the number of edits that could not be made.
    pub(super) fn change(&self, edits: &[Edit]) -> (Vec<Changed>, usize) {
        let mut changed: Vec<Changed> = Vec::new();
        let mut missed = 0;
        let mut written = vec![false; edits.len()];
        let mut first = 0;
        for piece in &self.pieces {
            // Edits that end before this piece are done with.
            while edits.get(first).is_some_and(|e| e.range.end <= piece.view.start) {
                first += 1;
            }
            let mut text = String::new();
            let mut copied = piece.view.start;
            let mut any = false;
            for (at, edit) in edits.iter().enumerate().skip(first) {
                let (start, end) = (edit.range.start.max(piece.view.start), edit.range.end.min(piece.view.end));
                if edit.range.start >= piece.view.end {
                    break;
                }
                let Some(before) = self.text.get(copied..start).filter(|_| start < end) else { continue };
                if !self.text.is_char_boundary(end) {
                    continue;
                }
                text.push_str(before);
                if !std::mem::replace(&mut written[at], true) {
                    text.push_str(&edit.text);
                }
                copied = end;
                any = true;
            }
            if any {
                text.push_str(self.text.get(copied..piece.view.end).unwrap_or_default());
                changed.push(Changed { home: piece.home.clone(), text });
            }
        }
        missed += written.iter().filter(|w| !**w).count();
        (changed, missed)
    }
}

/// Characters of base64 from which on it is taken for the bytes of a file rather than for a text that was wrapped.
const BYTES_LEAST: usize = 4096;

/// Whether a string, as it is written in JSON, is a file's bytes in base64, perhaps as a `data:` URL.
pub(super) fn is_bytes(inner: &str) -> bool {
    let data = inner.strip_prefix("data:").and_then(|i| i.split_once(";base64,")).map_or(inner, |(_, data)| data);
    // A backslash: some write `\/`, and line breaks are `\n`.
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"+/-_=\\".contains(&b);
    data.len() >= BYTES_LEAST && data.bytes().all(fits)
}

/// Where the key has its home: nowhere in the JSON text.
const KEY: Range<usize> = usize::MAX..usize::MAX;

/// The JSON text with its changed pieces, and the new key if that has changed.
pub(super) fn rewritten(json: &str, changed: &[Changed]) -> (Option<String>, Option<String>) {
    let mut key = None;
    let mut out = Vec::with_capacity(json.len());
    let mut copied = 0;
    for piece in changed {
        if piece.home == KEY {
            key = Some(piece.text.clone());
            continue;
        }
        out.extend_from_slice(json.as_bytes().get(copied..piece.home.start).unwrap_or_default());
        string(&mut out, &piece.text);
        copied = piece.home.end;
    }
    if copied == 0 {
        return (key, None);
    }
    out.extend_from_slice(json.as_bytes().get(copied..).unwrap_or_default());
    (key, String::from_utf8(out).ok())
}

/// The new texts by number.
pub(super) fn by_number(changed: Vec<Changed>) -> impl Iterator<Item = (usize, String)> {
    changed.into_iter().map(|c| (c.home.start, c.text))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn edit(view: &View, what: &str, new: &str) -> Edit {
        let start = view.text.find(what).unwrap();
        Edit { range: start..start + what.len(), text: new.to_owned() }
    }

    #[test]
    fn json_is_shown_decoded_and_written_escaped() {
        let json = r#"{"mail":"a\u0040b","n":[4111, 2],"t":true}"#;
        let view = View::json(Some("meta"), json, false);
        assert_eq!(view.text, r#""meta":{"mail":"a@b","n":[4111, 2],"t":true}"#);
        let edits = [edit(&view, "meta", "M\""), edit(&view, "a@b", "[[X]]\n"), edit(&view, "4111", "[[C]]")];
        let (changed, missed) = view.change(&edits);
        let (key, new) = rewritten(json, &changed);
        assert_eq!((key.unwrap(), missed), ("M\"".to_owned(), 0));
        assert_eq!(new.unwrap(), r#"{"mail":"[[X]]\n","n":["[[C]]", 2],"t":true}"#);
    }

    #[test]
    fn bytes_of_files_are_left_out() {
        for data in ["QUJD".repeat(1024), format!("data:application/pdf;base64,{}", "QU\\/D".repeat(900))] {
            let json = format!(r#"{{"name":"a@b","file_data":"{data}","n":"c@d"}}"#);
            assert_eq!(View::json(None, &json, false).text.len() + data.matches('\\').count(), json.len());
            let view = View::json(None, &json, true);
            assert_eq!(view.text, r#"{"name":"a@b","file_data":"","n":"c@d"}"#);
            let (changed, missed) = view.change(&[edit(&view, "c@d", "X")]);
            assert_eq!((rewritten(&json, &changed).1.unwrap(), missed), (json.replace("c@d", "X"), 0));
        }
        let shorter = "QUJD".repeat(1023);
        assert!(!is_bytes(&shorter) && !is_bytes(&format!("{shorter} QUJD")) && !is_bytes(&"word ".repeat(999)));
    }

    #[test]
    fn an_edit_over_several_pieces_is_written_in_the_first() {
        let json = r#"["key=ab","cd", 7]"#;
        let view = View::json(None, json, false);
        let (changed, missed) = view.change(&[edit(&view, r#"ab","cd"#, "X")]);
        assert_eq!((rewritten(json, &changed).1.unwrap(), missed), (r#"["key=X","", 7]"#.to_owned(), 0));
        let (view, joints) = View::joined(["x a", "", "b", "c y"].into_iter());
        assert_eq!(joints, [3, 4]);
        let (changed, missed) = view.change(&[edit(&view, "abc", "Z")]);
        assert_eq!(missed, 0);
        assert_eq!(by_number(changed).collect::<Vec<_>>(), [(0, "x Z".into()), (2, "".into()), (3, " y".into())]);
    }

    #[test]
    fn what_cannot_be_made_is_counted() {
        let view = View::json(None, r#"{"a":true,"é":1}"#, false);
        let brackets = Edit { range: 0..1, text: "X".into() };
        let literal = edit(&view, "true", "X");
        let beyond = Edit { range: 90..99, text: "X".into() };
        let split = view.text.find('é').unwrap();
        let half = Edit { range: split + 1..split + 2, text: "X".into() };
        for wrong in [brackets, literal, beyond, half] {
            let (changed, missed) = view.change(std::slice::from_ref(&wrong));
            assert_eq!((changed.len(), missed), (0, 1), "{wrong:?}");
        }
    }
}
