//! One line of the chain. The bytes themselves are the canonical form, so that nothing has to be written anew to be checked:
//!
//! ```text
//! {"prev":"<64 hex>","seq":7,"at":"2026-11-23T04:21:22.123Z","kind":"decided",…,"hash":"<64 hex>"}
//! ```
//!
//! `hash` is the SHA-256 of every byte of the line before `,"hash":`; it begins with the hash of the line before, so that it is
//! SHA-256(previous hash ‖ record).
//!
//! Never here: what records say.

use crate::{hex, time};
use ring::digest::{SHA256, digest};
use serde::Serialize;

/// A SHA-256.
pub(crate) type Hash = [u8; 32];
/// What the first record follows.
pub(crate) const ORIGIN: Hash = [0; 32];
/// Bytes of a line at most, its line end included. What records say is bounded far below.
pub(crate) const LINE_MAX: usize = 1 << 20;
/// From the end of what is hashed to the end of the line.
const TAIL: usize = b",\"hash\":\"".len() + 64 + b"\"}".len();

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> Hash {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}

/// The end of a chain: where the next record goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    /// The number of the last record; 0 before the first.
    pub(crate) seq: u64,
    /// Its hash.
    pub(crate) hash: Hash,
}

impl End {
    /// Before the first record.
    pub(crate) const START: End = End { seq: 0, hash: ORIGIN };

    /// Appends the next record to `out`. `body` must be a struct with at least one field.
    pub(crate) fn seal(&mut self, at_unix_ms: u64, kind: &str, body: &impl Serialize, out: &mut Vec<u8>) {
        use std::io::Write;
        let start = out.len();
        out.extend_from_slice(b"{\"prev\":\"");
        hex::put(&self.hash, out);
        let _ = write!(out, "\",\"seq\":{},\"at\":\"", self.seq + 1);
        time::put(at_unix_ms, out);
        let _ = write!(out, "\",\"kind\":\"{kind}\"");
        let body_at = out.len();
        // Neither a struct of ours nor a Vec can fail.
        let _ = serde_json::to_writer(&mut *out, body);
        if let Some(brace) = out.get_mut(body_at) {
            *brace = b',';
        }
        out.truncate(out.len() - 1);
        self.hash = sha256(&out[start..]);
        self.seq += 1;
        out.extend_from_slice(b",\"hash\":\"");
        hex::put(&self.hash, out);
        out.extend_from_slice(b"\"}\n");
    }
}

/// A line, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    pub(crate) prev: Hash,
    pub(crate) seq: u64,
    pub(crate) at_unix_ms: u64,
    pub(crate) kind: &'a str,
    /// The whole line, which is JSON.
    pub(crate) json: &'a [u8],
    /// The hash that it says it has, which is also the one that it has.
    pub(crate) hash: Hash,
}

/// What is wrong with a line by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Flaw {
    #[error("it is not a record of an audit trail")]
    Foreign,
    #[error("its contents do not have the hash that it states: it was changed after it was written")]
    Changed,
}

/// Takes a line without its line end apart, and checks it against its own hash.
pub(crate) fn read(line: &[u8]) -> Result<Line<'_>, Flaw> {
    let (hashed, stated) = split(line).ok_or(Flaw::Foreign)?;
    // Before anything else: what was changed may look like anything.
    if sha256(hashed) != stated {
        return Err(Flaw::Changed);
    }
    open(line, hashed, stated).ok_or(Flaw::Foreign)
}

fn split(line: &[u8]) -> Option<(&[u8], Hash)> {
    let (hashed, tail) = line.split_at(line.len().checked_sub(TAIL)?);
    let digits = tail.strip_prefix(b",\"hash\":\"")?.strip_suffix(b"\"}")?;
    Some((hashed, hex::read(digits)?))
}

fn open<'a>(json: &'a [u8], hashed: &'a [u8], hash: Hash) -> Option<Line<'a>> {
    let rest = hashed.strip_prefix(b"{\"prev\":\"")?;
    let (prev, rest) = rest.split_at_checked(64)?;
    let prev = hex::read(prev)?;
    let rest = rest.strip_prefix(b"\",\"seq\":")?;
    let (digits, rest) = rest.split_at(rest.iter().position(|b| *b == b',')?);
    let seq: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let rest = rest.strip_prefix(b",\"at\":\"")?;
    let (at, rest) = rest.split_at_checked(time::LENGTH)?;
    let at_unix_ms = time::read(at)?;
    let rest = rest.strip_prefix(b"\",\"kind\":\"")?;
    let (kind, rest) = rest.split_at(rest.iter().position(|b| *b == b'"')?);
    let plain = kind.iter().all(u8::is_ascii_lowercase) && rest.starts_with(b"\",");
    let kind = std::str::from_utf8(kind).ok().filter(|_| plain)?;
    Some(Line { prev, seq, at_unix_ms, kind, json, hash })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[derive(Serialize)]
    struct Body {
        n: u64,
        text: &'static str,
    }

    fn lines() -> (Vec<u8>, End) {
        let (mut out, mut end) = (Vec::new(), End::START);
        end.seal(1, "start", &Body { n: 1, text: "a\"b" }, &mut out);
        end.seal(2, "decided", &Body { n: 2, text: "\n" }, &mut out);
        (out, end)
    }

    #[test]
    fn what_is_sealed_is_read_again_and_is_json() {
        let (bytes, end) = lines();
        let read: Vec<_> =
            bytes.strip_suffix(b"\n").unwrap().split(|b| *b == b'\n').map(|l| super::read(l).unwrap()).collect();
        assert_eq!((read[0].prev, read[0].seq, read[0].kind, read[0].at_unix_ms), (ORIGIN, 1, "start", 1));
        assert_eq!((read[1].prev, read[1].hash, read[1].seq), (read[0].hash, end.hash, end.seq));
        let json: serde_json::Value = serde_json::from_slice(read[0].json).unwrap();
        assert_eq!((&json["n"], &json["text"], &json["seq"]), (&1.into(), &"a\"b".into(), &1.into()));
    }

    #[test]
    fn any_changed_byte_of_a_line_is_seen() {
        let (bytes, _) = lines();
        let line = bytes.split(|b| *b == b'\n').next().unwrap();
        for at in 0..line.len() {
            for flip in [1, 0x20, 0x80] {
                let mut bad = line.to_vec();
                bad[at] ^= flip;
                assert!(read(&bad).is_err(), "byte {at} ^ {flip}");
            }
        }
        for cut in 0..line.len() {
            assert!(read(&line[..cut]).is_err(), "cut at {cut}");
        }
    }
}
