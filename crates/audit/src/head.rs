//! A signed head: "the chain had this record, with this hash, then", under a key. One line, as a record is one:
//!
//! ```text
//! {"head":1,"n":3,"seq":20000,"hash":"<64 hex>","at":"2026-11-23T04:21:22.123Z","key":"<64 hex>","sig":"<128 hex>"}
//! ```
//!
//! `sig` is the Ed25519 signature of every byte of the line before `,"sig":`; `key` is the public key; `n` counts the heads.
//!
//! Never here: files.

use crate::frame::{End, Hash};
use crate::{hex, time};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::Serialize;

const SIG: &[u8] = b",\"sig\":\"";
/// From the end of what is signed to the end of the line.
const TAIL: usize = SIG.len() + 128 + b"\"}".len();

/// A head whose signature holds under the key that it names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Head {
    /// The how many-th head of the trail, from 1.
    pub n: u64,
    /// The number of the record.
    pub seq: u64,
    /// Its hash.
    #[serde(serialize_with = "shown")]
    pub hash: [u8; 32],
    /// When it was signed, Unix milliseconds.
    pub at_unix_ms: u64,
    /// The public key.
    #[serde(serialize_with = "shown")]
    pub key: [u8; 32],
    /// The line, without its line end.
    #[serde(skip)]
    pub line: String,
}

fn shown<S: serde::Serializer>(bytes: &[u8; 32], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&hex::show(bytes))
}

impl Head {
    /// Signs a head.
    pub(crate) fn sign(pair: &Ed25519KeyPair, n: u64, end: End, at_unix_ms: u64) -> Head {
        let key = public(pair);
        let mut line = format!(
            "{{\"head\":1,\"n\":{n},\"seq\":{},\"hash\":\"{}\",\"at\":\"{}\",\"key\":\"{}\"",
            end.seq,
            hex::show(&end.hash),
            time::show(at_unix_ms),
            hex::show(&key)
        );
        let signature = pair.sign(line.as_bytes());
        line.push_str(",\"sig\":\"");
        line.push_str(&hex::show(signature.as_ref()));
        line.push_str("\"}");
        Head { n, seq: end.seq, hash: end.hash, at_unix_ms, key, line }
    }

    /// Reads a line and checks its signature under the key that it names.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(line: &str) -> Result<Head, &'static str> {
        let bytes = line.as_bytes();
        let parts = bytes.len().checked_sub(TAIL).and_then(|at| bytes.split_at_checked(at));
        let (signed, tail) = parts.ok_or("it is not a signed head")?;
        let digits = tail.strip_prefix(SIG).and_then(|t| t.strip_suffix(b"\"}"));
        let signature: [u8; 64] = digits.and_then(hex::read).ok_or("it is not a signed head")?;
        let head = fields(signed, line).ok_or("it is not a signed head")?;
        UnparsedPublicKey::new(&ED25519, head.key)
            .verify(signed, &signature)
            .map_err(|_| "its signature does not hold: it was changed after it was signed")?;
        Ok(head)
    }

    /// Reads a line without checking its signature.
    pub(crate) fn unchecked(line: &str) -> Option<Head> {
        let signed = line.as_bytes().get(..line.len().checked_sub(TAIL)?)?;
        fields(signed, line)
    }

    /// Where the chain was.
    pub(crate) fn end(&self) -> End {
        End { seq: self.seq, hash: self.hash }
    }
}

fn fields(signed: &[u8], line: &str) -> Option<Head> {
    fn number(text: &[u8]) -> Option<(u64, &[u8])> {
        let (digits, rest) = text.split_at(text.iter().position(|b| *b == b',')?);
        Some((std::str::from_utf8(digits).ok()?.parse().ok()?, rest))
    }
    let (n, rest) = number(signed.strip_prefix(b"{\"head\":1,\"n\":")?)?;
    let (seq, rest) = number(rest.strip_prefix(b",\"seq\":")?)?;
    let (hash, rest) = rest.strip_prefix(b",\"hash\":\"")?.split_at_checked(64)?;
    let (at, rest) = rest.strip_prefix(b"\",\"at\":\"")?.split_at_checked(time::LENGTH)?;
    let (key, rest) = rest.strip_prefix(b"\",\"key\":\"")?.split_at_checked(64)?;
    if rest != b"\"" {
        return None;
    }
    let (hash, key): (Hash, Hash) = (hex::read(hash)?, hex::read(key)?);
    Some(Head { n, seq, hash, at_unix_ms: time::read(at)?, key, line: line.to_owned() })
}

/// The public key of a pair.
pub(crate) fn public(pair: &Ed25519KeyPair) -> [u8; 32] {
    let mut out = [0; 32];
    // An Ed25519 public key has 32 bytes (RFC 8032).
    out.copy_from_slice(pair.public_key().as_ref());
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_head_is_read_again_and_any_changed_byte_is_seen() {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[5; 32]).unwrap();
        let head = Head::sign(&pair, 3, End { seq: 9, hash: [7; 32] }, 1_788_000_000_000);
        assert_eq!(Head::read(&head.line), Ok(head.clone()));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&head.line).unwrap()["seq"], 9);
        for at in 0..head.line.len() {
            let mut bad = head.line.clone().into_bytes();
            bad[at] ^= 1;
            let bad = String::from_utf8(bad).unwrap();
            assert!(Head::read(&bad).is_err(), "byte {at}");
            assert!(Head::read(&head.line[..at]).is_err(), "cut at {at}");
        }
    }
}
