//! Reading and writing of JSON, shared by the dialects.
//!
//! Reading is one pass of `serde_json` over the body, member by member ([`read`]); what a dialect does not know is kept
//! as text. Writing goes straight into the bytes that are sent ([`write`]), without a tree in between.
//!
//! Never here: a dialect's shapes, or a JSON grammar of our own.

pub(crate) mod fault;
pub(crate) mod lex;
pub(crate) mod loose;
pub(crate) mod read;
pub(crate) mod write;

use crate::WireError;

/// Objects and lists may stand in each other this deep at most; deeper JSON is refused before it is read, so that no
/// reader here or behind us runs out of stack. The limit is that of `serde_json`.
pub const MAX_DEPTH: usize = 128;

/// The body as text: not empty, UTF-8, not nested too deep. Costs one fast scan and no stack.
pub(crate) fn text(body: &[u8]) -> Result<&str, WireError> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    if body.is_empty() {
        return Err(WireError::new("The body is empty; send a JSON object."));
    }
    let text = std::str::from_utf8(body).map_err(|e| {
        WireError::new(format!("The body is not valid UTF-8 (byte {}); send JSON encoded as UTF-8.", e.valid_up_to()))
    })?;
    if is_too_deep(body) {
        return Err(WireError::new(format!(
            "The body nests objects and lists deeper than {MAX_DEPTH} levels; send a flatter one."
        )));
    }
    Ok(text)
}

/// Whether brackets outside strings nest deeper than [`MAX_DEPTH`]. Bodies with few brackets, nearly all, are settled by
/// counting; in blocks whose count fits a byte, since that is what the compiler vectorises well.
fn is_too_deep(body: &[u8]) -> bool {
    let count = |block: &[u8]| block.iter().fold(0u8, |n, b| n + u8::from((b | 0x20) == b'{'));
    let (blocks, rest) = body.as_chunks::<128>();
    let opening: usize = blocks.iter().map(|block| usize::from(count(block))).sum();
    opening + usize::from(count(rest)) > MAX_DEPTH && depth_exceeds(body)
}

/// The exact scan: quotes, escapes, brackets.
fn depth_exceeds(body: &[u8]) -> bool {
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(byte) = body.get(at) {
        match byte {
            b'"' => at = string_end(body, at + 1),
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    false
}

/// Position of the quote that ends the string whose content starts at `at`, or the end of the body.
fn string_end(body: &[u8], mut at: usize) -> usize {
    while let Some(rest) = body.get(at..) {
        match memchr::memchr2(b'"', b'\\', rest) {
            Some(found) if rest[found] == b'"' => return at + found,
            Some(found) => at += found + 2,
            None => break,
        }
    }
    body.len()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn nested(levels: usize) -> Vec<u8> {
        [vec![b'['; levels], vec![b']'; levels]].concat()
    }

    #[test]
    fn the_limit_is_exact() {
        assert!(text(&nested(MAX_DEPTH)).is_ok());
        let error = text(&nested(MAX_DEPTH + 1)).unwrap_err();
        assert!(error.message.contains("128"), "{error}");
    }

    #[test]
    fn a_hundred_thousand_levels_cost_no_stack() {
        assert!(text(&nested(100_000)).is_err());
        assert!(text(&vec![b'{'; 1_000_000]).is_err());
    }

    #[test]
    fn brackets_in_strings_do_not_count() {
        let body = format!(r#"{{"a":"{}\"[","b":"\\"}}"#, "[{".repeat(500));
        assert!(text(body.as_bytes()).is_ok());
        let body = format!(r#"["\"",{}"#, "[".repeat(200));
        assert!(text(body.as_bytes()).is_err());
    }

    #[test]
    fn width_is_not_depth() {
        let body = format!("[{}[]]", "[],{},".repeat(5_000));
        assert!(text(body.as_bytes()).is_ok());
    }

    #[test]
    fn empty_and_invalid_bodies_say_so() {
        assert!(text(b"").unwrap_err().message.contains("empty"));
        assert!(text(b"{\"a\":\"\xFF\"}").unwrap_err().message.contains("UTF-8 (byte 6)"));
        assert_eq!(text(b"\xEF\xBB\xBF{}").unwrap(), "{}");
    }
}
