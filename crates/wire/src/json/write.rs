//! Writing JSON straight into bytes.
//!
//! An object or list is a closure, so that it is always closed: `object(out, |o| o.str("model", "m"))`.
//!
//! Never here: a dialect's keys.

use serde_json::value::RawValue;

/// The members of an object being written.
pub(crate) struct Object<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

/// The elements of a list being written.
pub(crate) struct List<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

/// Writes one object.
pub(crate) fn object(out: &mut Vec<u8>, members: impl FnOnce(&mut Object<'_>)) {
    out.push(b'{');
    members(&mut Object { out, empty: true });
    out.push(b'}');
}

/// Writes one list.
pub(crate) fn list(out: &mut Vec<u8>, elements: impl FnOnce(&mut List<'_>)) {
    out.push(b'[');
    elements(&mut List { out, empty: true });
    out.push(b']');
}

/// A body that is one object.
pub(crate) fn body(capacity: usize, members: impl FnOnce(&mut Object<'_>)) -> Vec<u8> {
    let mut out = Vec::with_capacity(capacity);
    object(&mut out, members);
    out
}

impl Object<'_> {
    /// Starts a member; the value is to follow in the bytes given back.
    pub(crate) fn key(&mut self, key: &str) -> &mut Vec<u8> {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        string(self.out, key);
        self.out.push(b':');
        self.out
    }

    /// A string.
    pub(crate) fn str(&mut self, key: &str, value: &str) {
        string(self.key(key), value);
    }

    /// A string made of several, without joining them first.
    pub(crate) fn joined(&mut self, key: &str, pieces: &[&str]) {
        let out = self.key(key);
        out.push(b'"');
        pieces.iter().for_each(|piece| content(out, piece));
        out.push(b'"');
    }

    /// A whole number.
    pub(crate) fn int(&mut self, key: &str, value: impl Into<i128>) {
        whole(self.key(key), value.into());
    }

    /// A number.
    pub(crate) fn real(&mut self, key: &str, value: f64) {
        real(self.key(key), value);
    }

    /// true or false.
    pub(crate) fn bool(&mut self, key: &str, value: bool) {
        self.key(key).extend_from_slice(if value { b"true" } else { b"false" });
    }

    /// null.
    pub(crate) fn null(&mut self, key: &str) {
        self.key(key).extend_from_slice(b"null");
    }

    /// A string or null.
    pub(crate) fn str_or_null(&mut self, key: &str, value: Option<&str>) {
        match value {
            Some(value) => self.str(key, value),
            None => self.null(key),
        }
    }

    /// JSON text as it is.
    pub(crate) fn raw(&mut self, key: &str, value: &RawValue) {
        self.key(key).extend_from_slice(value.get().as_bytes());
    }

    /// An object.
    pub(crate) fn object(&mut self, key: &str, members: impl FnOnce(&mut Object<'_>)) {
        object(self.key(key), members);
    }

    /// A list.
    pub(crate) fn list(&mut self, key: &str, elements: impl FnOnce(&mut List<'_>)) {
        list(self.key(key), elements);
    }

    /// A list of strings.
    pub(crate) fn strs<'s>(&mut self, key: &str, values: impl IntoIterator<Item = &'s str>) {
        self.list(key, |l| values.into_iter().for_each(|v| string(l.next(), v)));
    }

    /// Text that should be a JSON object (a tool call's arguments), for dialects that demand one. Nothing is `{}`; a cut
    /// or broken text is kept in a member, so that it is not lost.
    pub(crate) fn object_text(&mut self, key: &str, text: &str) {
        let text = text.trim();
        let is_object = text.starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
        match text {
            _ if is_object => self.key(key).extend_from_slice(text.as_bytes()),
            "" => self.object(key, |_| {}),
            broken => self.object(key, |o| o.str("arguments", broken)),
        }
    }

    /// The members of an object that is already JSON text; anything else writes nothing.
    pub(crate) fn members_of(&mut self, object: &RawValue) {
        let inner = object.get().trim_ascii();
        let inner = inner.strip_prefix('{').and_then(|i| i.strip_suffix('}')).map(str::trim_ascii);
        if let Some(inner) = inner.filter(|i| !i.is_empty()) {
            if !self.empty {
                self.out.push(b',');
            }
            self.empty = false;
            self.out.extend_from_slice(inner.as_bytes());
        }
    }
}

impl List<'_> {
    /// Starts an element; the value is to follow in the bytes given back.
    pub(crate) fn next(&mut self) -> &mut Vec<u8> {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        self.out
    }

    /// An object.
    pub(crate) fn object(&mut self, members: impl FnOnce(&mut Object<'_>)) {
        object(self.next(), members);
    }

    /// JSON text as it is.
    pub(crate) fn raw(&mut self, value: &RawValue) {
        self.next().extend_from_slice(value.get().as_bytes());
    }

    /// The elements of a list that is already JSON text; anything else writes nothing.
    pub(crate) fn elements_of(&mut self, list: &RawValue) {
        let inner = list.get().strip_prefix('[').and_then(|i| i.strip_suffix(']')).map(str::trim_ascii);
        if let Some(inner) = inner.filter(|i| !i.is_empty()) {
            self.next().extend_from_slice(inner.as_bytes());
        }
    }
}

/// Bytes looked at together; the check of one block is a handful of vector instructions.
const BLOCK: usize = 32;

/// Writes a string. Blocks without anything to escape, nearly all of a prompt or an image, are copied whole.
pub(crate) fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    content(out, text);
    out.push(b'"');
}

fn content(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let (blocks, tail) = bytes.as_chunks::<BLOCK>();
    // Everything before this is written.
    let mut clean = 0;
    for (at, block) in blocks.iter().enumerate() {
        if block.iter().fold(0u8, |any, b| any | u8::from(needs_escape(*b))) != 0 {
            out.extend_from_slice(&bytes[clean..at * BLOCK]);
            block.iter().for_each(|b| escaped(out, *b));
            clean = (at + 1) * BLOCK;
        }
    }
    if tail.iter().any(|b| needs_escape(*b)) {
        out.extend_from_slice(&bytes[clean..blocks.len() * BLOCK]);
        tail.iter().for_each(|b| escaped(out, *b));
    } else {
        out.extend_from_slice(&bytes[clean..]);
    }
}

fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

fn escaped(out: &mut Vec<u8>, byte: u8) {
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        0..0x20 => {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            out.extend_from_slice(b"\\u00");
            out.push(HEX[usize::from(byte >> 4)]);
            out.push(HEX[usize::from(byte & 15)]);
        }
        other => out.push(other),
    }
}

/// Writes a whole number.
pub(crate) fn whole(out: &mut Vec<u8>, value: i128) {
    let mut digits = itoa::Buffer::new();
    out.extend_from_slice(digits.format(value).as_bytes());
}

/// Largest magnitude below which every whole `f64` is exact.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Writes a number so that it reads back as the same `f64`; whole ones without a fraction. JSON has no NaN or infinity:
/// null.
pub(crate) fn real(out: &mut Vec<u8>, value: f64) {
    if value.fract() == 0.0 && value.abs() < EXACT && (value != 0.0 || value.is_sign_positive()) {
        // Exact by the bound above.
        return whole(out, value as i128);
    }
    // Writing into a Vec cannot fail; serde_json writes non-finite numbers as null.
    let _ = serde_json::to_writer(out, &value);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn objects_and_lists_are_closed_and_separated() {
        let out = body(0, |o| {
            o.str("a", "x");
            o.list("b", |l| {
                whole(l.next(), 1);
                l.object(|_| {});
            });
            o.object("c", |o| o.null("d"));
        });
        assert_eq!(String::from_utf8(out).unwrap(), r#"{"a":"x","b":[1,{}],"c":{"d":null}}"#);
    }

    #[test]
    fn members_of_an_object_join_others() {
        let raw = |s: &str| serde_json::from_str::<Box<RawValue>>(s).unwrap();
        let out = body(0, |o| {
            o.members_of(&raw("{}"));
            o.members_of(&raw(" {\"x\": 1 } "));
            o.bool("y", true);
            o.members_of(&raw("[1]"));
            o.members_of(&raw("{\"z\":{}}"));
        });
        assert_eq!(String::from_utf8(out).unwrap(), r#"{"x": 1,"y":true,"z":{}}"#);
    }

    #[test]
    fn numbers_that_json_lacks_are_null() {
        let mut out = Vec::new();
        real(&mut out, f64::NAN);
        assert_eq!(out, b"null");
    }

    proptest! {
        #[test]
        fn strings_read_back(text in "\\PC{0,80}|[\\x00-\\x7f]{0,80}") {
            let mut out = Vec::new();
            string(&mut out, &text);
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }

        #[test]
        fn numbers_read_back(value in any::<f64>().prop_filter("finite", |v| v.is_finite())) {
            let mut out = Vec::new();
            real(&mut out, value);
            let back: f64 = serde_json::from_slice(&out).unwrap();
            // serde_json without `float_roundtrip` may differ in the last digit, which for the least of all numbers
            // (subnormal: below 2.2e-308) is the least number itself.
            let last_digit = value.abs() * 1e-15 + f64::from_bits(1);
            prop_assert!((back - value).abs() <= last_digit, "{} {}", back, value);
        }
    }
}
