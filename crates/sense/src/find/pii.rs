//! Structured personal data: one walk over the text, from mark to mark. A digit begins a chain (`hunt`), `@`, `:` and `.`
//! stand in addresses and names; where there is none of them, there is nothing to look at.
//!
//! Never here: secrets (`secret`); overlaps (`resolve`).

use super::hunt::Hunt;
use super::kit::{Kit, Named, Wrapped};
use super::{FinderError, FinderOptions, Finding, host, net};

/// Detectors of personal data.
#[derive(Debug)]
pub(super) struct Pii {
    kit: Kit,
}

impl Pii {
    pub(super) fn new(options: &FinderOptions) -> Result<Pii, FinderError> {
        Ok(Pii { kit: Kit::new(options)? })
    }

    /// Every reading of the text, overlapping and weak ones too, and the words that wrap more text.
    pub(super) fn find(&self, text: &str, out: &mut Vec<Finding>, wrapped: &mut Vec<Wrapped>) {
        let bytes = text.as_bytes();
        let mut hunt = Hunt::new(&self.kit, text);
        let (mut at, mut named, mut colons) = (0, 0, 0);
        let mut urls = net::Urls::default();
        while let Some(skip) = bytes[at..].iter().position(|b| MARK[usize::from(*b)]) {
            at += skip;
            let next = bytes.get(at + 1).copied().unwrap_or(b' ');
            match bytes[at] {
                b'0'..=b'9' => {
                    hunt.digit(at, out, wrapped);
                    at += bytes[at + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
                }
                b'@' if at > 0 && inner(bytes[at - 1]) && inner(next) => {
                    if let Some(seen) = net::email(text, at) {
                        self.kit.note(out, Named::Email, seen.start, seen.end, 95);
                        named = named.max(seen.end);
                    }
                }
                b':' if next == b'/' && bytes.get(at + 2) == Some(&b'/') && at >= named => {
                    if let Some((seen, password)) = net::url(&mut urls, text, at) {
                        self.kit.note(out, Named::Url, seen.start, seen.end, 95);
                        if let Some(user) = password {
                            self.kit.note(out, Named::Credentials, user.start, user.end, 95);
                        }
                        named = seen.end;
                    }
                }
                b':' if at >= colons && (next.is_ascii_hexdigit() || next == b':') => {
                    let (seen, read) = host::colons(bytes, at, colons);
                    match seen {
                        Some((seen, Some(address))) => self.kit.note_address(out, seen, address, 95),
                        Some((seen, None)) => self.kit.note(out, Named::Mac, seen.start, seen.end, 95),
                        None => {}
                    }
                    colons = read.max(at + 1);
                }
                b'.' if next.is_ascii_alphanumeric() && at > 0 && bytes[at - 1].is_ascii_alphanumeric() => {
                    if at >= named {
                        if let Some(seen) = net::domain(text, at) {
                            self.kit.note(out, Named::Url, seen.start, seen.end, 85);
                            named = seen.end;
                        } else {
                            named = name_end(bytes, at);
                        }
                    }
                    if let Some(seen) = host::dotted(bytes, at) {
                        self.kit.note(out, Named::Mac, seen.start, seen.end, 90);
                    }
                }
                b'-' if bytes.get(at + 3) == Some(&b'-') => {
                    if let Some(seen) = host::hyphens(bytes, at) {
                        self.kit.note(out, Named::Mac, seen.start, seen.end, 95);
                    }
                }
                b'[' | b'(' | b'{' if next.eq_ignore_ascii_case(&b'a') => {
                    if let Some(seen) = net::spelled(text, at) {
                        self.kit.note(out, Named::Email, seen.start, seen.end, 85);
                    }
                }
                _ => {}
            }
            at += 1;
        }
        for dot in memchr::memmem::find_iter(bytes, b" dot ") {
            if let Some(seen) = net::in_words(text, dot) {
                self.kit.note(out, Named::Email, seen.start, seen.end, 75);
            }
        }
    }
}

/// What may stand beside the `@` of an address.
fn inner(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || matches!(byte, b'_' | b'-' | b'+')
}

/// Where the run of labels that the dot at `at` stands in ends: its other dots need no look.
fn name_end(bytes: &[u8], at: usize) -> usize {
    let more =
        bytes[at + 1..].iter().take(255).take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.')).count();
    at + 1 + more
}

static MARK: [bool; 256] = {
    let mut mark = [false; 256];
    let marks = b"0123456789@:.-[({";
    let mut i = 0;
    while i < marks.len() {
        mark[marks[i] as usize] = true;
        i += 1;
    }
    mark
};
