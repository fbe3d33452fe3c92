//! The strings, keys and numbers of a JSON text, with where they stand in it.
//!
//! The text was checked by `serde_json` before; here it is only cut. What is not JSON gives some leaves or none, never a
//! panic.
//!
//! Never here: a JSON grammar, or what is done with a leaf.

use std::borrow::Cow;
use std::ops::Range;

/// What a leaf is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A key, without its quotes.
    Key,
    /// A string value, without its quotes.
    Text,
    /// A number.
    Number,
}

/// One step from the root to a leaf.
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
pub(crate) fn leaves(json: &str, see: &mut dyn FnMut(&[Step], Kind, Range<usize>)) {
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
                    see(&path, Kind::Key, inner);
                } else {
                    see(&path, Kind::Text, inner);
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
                see(&path, Kind::Number, at..at + length);
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

/// A JSON text with some of its strings and keys replaced; `None` where nothing was.
///
/// `see` is shown the way to each string, whether it is a key, and what it means, and gives what is to stand there
/// instead. Everything else stays byte by byte.
pub fn rewrite_strings(json: &str, see: &mut dyn FnMut(&[Step], bool, &str) -> Option<String>) -> Option<String> {
    let mut out: Option<Vec<u8>> = None;
    let mut copied = 0;
    leaves(json, &mut |path, kind, at| {
        if kind == Kind::Number {
            return;
        }
        let Some(inner) = json.get(at.clone()) else { return };
        if let Some(new) = see(path, kind == Kind::Key, &decoded(inner)) {
            let out = out.get_or_insert_with(|| Vec::with_capacity(json.len() + new.len()));
            // The quotes are written anew with the content.
            out.extend_from_slice(json.as_bytes().get(copied..at.start - 1).unwrap_or_default());
            super::write::string(out, &new);
            copied = (at.end + 1).min(json.len());
        }
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

    fn seen(json: &str) -> Vec<(String, Kind, String)> {
        let mut out = Vec::new();
        leaves(json, &mut |path, kind, at| {
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
            ("a", Kind::Key, "a"),
            ("a.b", Kind::Key, "b"),
            ("a.b.0", Kind::Number, "1"),
            ("a.b.1", Kind::Text, "x"),
            ("a.b.2.c", Kind::Key, "c"),
            ("a.b.2.c", Kind::Number, "-2.5e3"),
            ("d\\\"", Kind::Key, "d\""),
            ("d\\\"", Kind::Text, "@"),
            ("e", Kind::Key, "e"),
            ("f", Kind::Key, "f"),
            ("g", Kind::Key, "g"),
            ("g", Kind::Text, "z"),
        ];
        let expected: Vec<_> = expected.map(|(w, k, t)| (w.to_owned(), k, t.to_owned())).into();
        assert_eq!(got, expected);
        assert_eq!(seen("\"top\""), [(String::new(), Kind::Text, "top".to_owned())]);
    }

    #[test]
    fn only_what_is_replaced_changes() {
        let json = r#" {"k" : [ "a\nb", 1.50, true ],"k2":"same\u0020"} "#;
        assert_eq!(rewrite_strings(json, &mut |_, _, _| None), None);
        let new = rewrite_strings(json, &mut |_, key, text| match (key, text) {
            (true, "k") => Some("K\"".to_owned()),
            (false, "a\nb") => Some("\u{7}é".to_owned()),
            _ => None,
        });
        assert_eq!(new.unwrap(), " {\"K\\\"\" : [ \"\\u0007é\", 1.50, true ],\"k2\":\"same\\u0020\"} ");
    }

    proptest! {
        #[test]
        fn any_text_is_cut_without_a_panic(text in "[\\[\\]{}\",:\\\\a-c0-9é ]{0,60}") {
            leaves(&text, &mut |_, _, at| assert!(at.end <= text.len() && at.start <= at.end));
            let _ = rewrite_strings(&text, &mut |_, _, t| Some(t.to_owned()));
        }

        #[test]
        fn strings_replaced_by_themselves_mean_the_same(text in "\\PC{0,40}", key in "\\PC{0,10}") {
            let value = serde_json::json!({ key: [text, {"n": 1.5}] });
            let json = value.to_string();
            let same = rewrite_strings(&json, &mut |_, _, t| Some(t.to_owned())).unwrap();
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&same).unwrap(), value);
        }
    }
}
