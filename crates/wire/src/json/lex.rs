//! The strings, keys and numbers of a JSON text, with where they stand in it.
//!
//! The text was checked by `serde_json` before; here it is only cut. What is not JSON gives some leaves or none, never a
//! panic.
//!
//! Never here: a JSON grammar, or what is done with a leaf.

use std::borrow::Cow;
use std::ops::Range;

/// What a leaf of a JSON text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaf {
    /// A key, without its quotes.
    Key,
    /// A string value, without its quotes.
    Text,
    /// A number.
    Number,
}

/// One step from the root of a JSON text to a leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The member that begins here: where its key stands, without quotes and as it is written.
    Key(Range<usize>),
    /// The element of this number.
    Index(usize),
}

impl Step {
    /// The key, as it is written in `json`; nothing for an element.
    pub fn key<'a>(&self, json: &'a str) -> &'a str {
        match self {
            Step::Key(at) => json.get(at.clone()).unwrap_or_default(),
            Step::Index(_) => "",
        }
    }
}

/// Shows every leaf: the way to it, what it is, and its bytes. The way of a key ends with that key.
pub(crate) fn leaves(json: &str, mut see: impl FnMut(&[Step], Leaf, Range<usize>)) {
    let bytes = json.as_bytes();
    let mut path: Vec<Step> = Vec::new();
    // Whether the next string is a key: after `{`, and after `,` in an object.
    let mut key = false;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                let end = super::string_end(bytes, at + 1).min(bytes.len());
                let inner = at + 1..end;
                if key {
                    if let Some(last) = path.last_mut() {
                        *last = Step::Key(inner.clone());
                    }
                    key = false;
                    see(&path, Leaf::Key, inner);
                } else {
                    see(&path, Leaf::Text, inner);
                }
                at = end + 1;
                continue;
            }
            b'{' => {
                path.push(Step::Key(at..at));
                key = true;
            }
            b'[' => path.push(Step::Index(0)),
            b'}' | b']' => {
                path.pop();
                key = false;
            }
            b',' => match path.last_mut() {
                Some(Step::Index(index)) => *index += 1,
                Some(Step::Key(_)) => key = true,
                None => {}
            },
            b'-' | b'0'..=b'9' => {
                let length = bytes[at..].iter().take_while(|b| b.is_ascii_digit() || b"+-.eE".contains(b)).count();
                see(&path, Leaf::Number, at..at + length);
                at += length;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
}

/// What a string's content means, its escapes undone; as it is where they are broken.
pub(crate) fn decoded(inner: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Cow::Borrowed(inner);
    }
    serde_json::from_str(&format!("\"{inner}\"")).map_or(Cow::Borrowed(inner), Cow::Owned)
}

/// A text as the content of a JSON string, without the quotes.
pub fn json_escaped(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    super::write::string(&mut out, text);
    out.pop();
    // Escapes are ASCII, and the rest is as it was.
    String::from_utf8(out.split_off(1)).unwrap_or_default()
}

/// A JSON text with some of its leaves replaced; `None` where none was.
///
/// `see` is shown the way to each leaf, what it is, and what it means (its escapes undone), and gives what is to stand there
/// instead: of strings and keys the new meaning, of numbers the new number. Everything else stays byte by byte.
pub fn rewrite_leaves(json: &str, mut see: impl FnMut(&[Step], Leaf, &str) -> Option<String>) -> Option<String> {
    let mut out: Option<Vec<u8>> = None;
    let mut copied = 0;
    leaves(json, |path, leaf, at| {
        let Some(inner) = json.get(at.clone()) else { return };
        let number = leaf == Leaf::Number;
        let meant = if number { Cow::Borrowed(inner) } else { decoded(inner) };
        let Some(new) = see(path, leaf, &meant) else { return };
        let out = out.get_or_insert_with(|| Vec::with_capacity(json.len() + new.len()));
        // The quotes are written anew with the content.
        let (start, end) = if number { (at.start, at.end) } else { (at.start - 1, (at.end + 1).min(json.len())) };
        out.extend_from_slice(json.as_bytes().get(copied..start).unwrap_or_default());
        match number {
            true => out.extend_from_slice(new.as_bytes()),
            false => super::write::string(out, &new),
        }
        copied = end;
    });
    let mut out = out?;
    out.extend_from_slice(&json.as_bytes()[copied..]);
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn seen(json: &str) -> Vec<(String, Leaf, String)> {
        let mut out = Vec::new();
        leaves(json, |path, kind, at| {
            let way: Vec<String> = path
                .iter()
                .map(|s| match s {
                    Step::Key(_) => s.key(json).to_owned(),
                    Step::Index(i) => i.to_string(),
                })
                .collect();
            out.push((way.join("."), kind, decoded(&json[at]).into_owned()));
        });
        out
    }

    #[test]
    fn leaves_are_named_by_their_way() {
        let got = seen(r#"{"a":{"b":[1,"x",{"c":-2.5e3}]},"d\"":"\u0040","e":[],"f":{},"g":"z"}"#);
        let expected = [
            ("a", Leaf::Key, "a"),
            ("a.b", Leaf::Key, "b"),
            ("a.b.0", Leaf::Number, "1"),
            ("a.b.1", Leaf::Text, "x"),
            ("a.b.2.c", Leaf::Key, "c"),
            ("a.b.2.c", Leaf::Number, "-2.5e3"),
            ("d\\\"", Leaf::Key, "d\""),
            ("d\\\"", Leaf::Text, "@"),
            ("e", Leaf::Key, "e"),
            ("f", Leaf::Key, "f"),
            ("g", Leaf::Key, "g"),
            ("g", Leaf::Text, "z"),
        ];
        let expected: Vec<_> = expected.map(|(w, k, t)| (w.to_owned(), k, t.to_owned())).into();
        assert_eq!(got, expected);
        assert_eq!(seen("\"top\""), [(String::new(), Leaf::Text, "top".to_owned())]);
    }

    #[test]
    fn only_what_is_replaced_changes() {
        let json = r#" {"k" : [ "a\nb", 1.50, true ],"k2":"same\u0020"} "#;
        assert_eq!(rewrite_leaves(json, |_, _, _| None), None);
        let new = rewrite_leaves(json, |_, leaf, text| match (leaf, text) {
            (Leaf::Key, "k") => Some("K\"".to_owned()),
            (Leaf::Text, "a\nb") => Some("\u{7}é".to_owned()),
            (Leaf::Number, "1.50") => Some("2".to_owned()),
            _ => None,
        });
        assert_eq!(new.unwrap(), " {\"K\\\"\" : [ \"\\u0007é\", 2, true ],\"k2\":\"same\\u0020\"} ");
    }

    proptest! {
        #[test]
        fn any_text_is_cut_without_a_panic(text in "[\\[\\]{}\",:\\\\a-c0-9é ]{0,60}") {
            leaves(&text, |_, _, at| assert!(at.end <= text.len() && at.start <= at.end));
            let _ = rewrite_leaves(&text, |_, _, t| Some(t.to_owned()));
        }

        #[test]
        fn strings_replaced_by_themselves_mean_the_same(text in "\\PC{0,40}", key in "\\PC{0,10}") {
            let value = serde_json::json!({ key: [text, {"n": 1.5}] });
            let json = value.to_string();
            let same = rewrite_leaves(&json, |_, _, t| Some(t.to_owned())).unwrap();
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&same).unwrap(), value);
        }
    }
}
