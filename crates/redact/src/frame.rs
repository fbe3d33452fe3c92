//! A backend's own bytes, restored in place: every string that held a placeholder is written anew, everything else stays byte
//! by byte, so that members nobody here knows are not lost.
//!
//! Never here: texts that come in pieces.

use crate::book::Book;
use crate::channel::{Channel, Counts, Shift, Writing};
use crate::places::Kind;
use bytes::Bytes;
use wire::{Leaf, Raw, Step};

/// A whole answer.
pub(crate) fn whole(book: &Book, content: Writing, raw: Raw) -> Raw {
    let Ok(json) = std::str::from_utf8(&raw.bytes) else { return raw };
    let mut counts = Counts::default();
    // How far the offsets of annotations move, by the choice they are in.
    let mut shifts: Vec<(usize, Shift)> = Vec::new();
    let mut new = wire::rewrite_leaves(json, |path, leaf, text| {
        let keys: Vec<&str> = path.iter().map(|s| s.key(json)).collect();
        let key = keys.last().copied().unwrap_or_default();
        match (leaf, &*keys) {
            (Leaf::Number, _) => None,
            (Leaf::Text, ["choices", "", "message", "content"]) => {
                let mut channel = Channel::new(content);
                let out = channel.push(book, text, true, &mut counts);
                let changed = !channel.shift.is_none();
                if let Some(Step::Index(choice)) = path.get(1).filter(|_| changed) {
                    shifts.push((*choice, channel.shift));
                }
                changed.then_some(out)
            }
            (Leaf::Text, ["choices", "", "text"] | ["content", "", "text"]) => {
                book.restored(text, content, &mut counts)
            }
            (Leaf::Text, _) if Kind::of(key) == Some(Kind::Arguments) => {
                book.restored(text, Writing::Json, &mut counts)
            }
            (Leaf::Text | Leaf::Key, _) => book.restored(text, Writing::Plain, &mut counts),
        }
    });
    if !shifts.is_empty() {
        let json = new.as_deref().unwrap_or(json);
        let moved = wire::rewrite_leaves(json, |path, leaf, text| {
            let [_, Step::Index(choice), ..] = path else { return None };
            let (_, shift) = shifts.iter().find(|(c, _)| c == choice)?;
            moved(json, path, leaf, text, shift)
        });
        new = moved.or(new);
    }
    match new {
        Some(new) => Raw { bytes: Bytes::from(new), ..raw },
        None => raw,
    }
}

/// An offset of an annotation (`start_index`, `end_index`) after the text has grown.
pub(crate) fn moved(json: &str, path: &[Step], leaf: Leaf, text: &str, shift: &Shift) -> Option<String> {
    let key = path.last()?.key(json);
    let inside = path.iter().any(|s| s.key(json) == "annotations");
    let offset: u64 = text.parse().ok().filter(|_| leaf == Leaf::Number && inside)?;
    matches!(key, "start_index" | "end_index").then(|| shift.of(offset, key == "end_index").to_string())
}
