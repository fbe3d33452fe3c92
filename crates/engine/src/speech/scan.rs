//! Where a JSON value ends, as it comes in pieces.
//!
//! Never here: what is in the value.

/// Follows one value. It counts brackets and minds strings; whether the value is valid is for whoever has all of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Scan {
    depth: usize,
    string: bool,
    escape: bool,
    begun: bool,
    done: bool,
}

impl Scan {
    /// How many bytes of `text` belong to the value, and whether it is complete. A number or a word is complete when
    /// something else follows.
    pub(super) fn feed(&mut self, text: &str) -> (usize, bool) {
        for (at, c) in text.char_indices() {
            if self.done {
                return (at, true);
            }
            let after = at + c.len_utf8();
            if self.string {
                match c {
                    _ if self.escape => self.escape = false,
                    '\\' => self.escape = true,
                    '"' => {
                        self.string = false;
                        self.done = self.depth == 0;
                    }
                    _ => {}
                }
            } else {
                match c {
                    '"' if self.begun && self.depth == 0 => return (at, true),
                    '"' => self.string = true,
                    '{' | '[' if self.begun && self.depth == 0 => return (at, true),
                    '{' | '[' => self.depth += 1,
                    '}' | ']' if self.depth == 0 => return (at, true),
                    '}' | ']' => {
                        self.depth -= 1;
                        self.done = self.depth == 0;
                    }
                    ',' if self.depth == 0 => return (at, true),
                    c if c.is_whitespace() && self.depth == 0 => return (at, true),
                    _ => {}
                }
            }
            self.begun = true;
            if self.done {
                return (after, true);
            }
        }
        (text.len(), self.done)
    }
}

/// The JSON string at the beginning of `text`: its length with both quotes, once it is complete.
pub(super) fn string(text: &str) -> Option<usize> {
    let mut scan = Scan::default();
    match scan.feed(text) {
        (length, true) => Some(length),
        _ => None,
    }
}

/// Is this a JSON object, and none that is nested deeper than serde_json reads?
pub(super) fn is_object(text: &str) -> bool {
    text.trim_start().starts_with('{') && serde_json::from_str::<serde_json::Value>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_ends_where_it_ends_however_it_is_cut() {
        for (text, length) in
            [(r#"{"a":[1,"}]\""]} x"#, 16), (r#""a\"b","#, 6), ("12, 3", 2), ("true}", 4), ("[]]", 2), ("}", 0)]
        {
            assert_eq!(Scan::default().feed(text), (length, true), "{text}");
            let mut scan = Scan::default();
            let mut seen = 0;
            for c in text.chars() {
                let (n, done) = scan.feed(&c.to_string());
                seen += n;
                if done {
                    break;
                }
            }
            assert_eq!(seen, length, "{text}");
        }
    }

    #[test]
    fn depth_beyond_bounds_is_no_object() {
        assert!(is_object(" {\"a\": [1]}"));
        assert!(!is_object("[1]") && !is_object("{\"a\": }") && !is_object("{} x"));
        assert!(!is_object(&format!("{{\"a\":{}{}}}", "[".repeat(9999), "]".repeat(9999))));
    }
}
