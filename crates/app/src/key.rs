//! Keys of callers: making them, and their SHA-256, which is all that the configuration needs to hold. (The keys are
//! 190 random bits, so a plain hash is enough: there is nothing to guess.)
//!
//! Never here: keys of providers.

use crate::problem::{Problem, Problems};
use ring::rand::SecureRandom;
use std::fmt::Write as _;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// SHA-256 of a whole key, or of anything else.
pub(crate) fn sha256(key: impl AsRef<[u8]>) -> [u8; 32] {
    let digest = ring::digest::digest(&ring::digest::SHA256, key.as_ref());
    let mut out = [0; 32];
    out.copy_from_slice(digest.as_ref());
    out
}

/// Reads `sha256:` and 64 hexadecimal digits.
pub(crate) fn parse_hash(text: &str) -> Option<[u8; 32]> {
    let hex = text.strip_prefix("sha256:").filter(|h| h.len() == 64 && h.bytes().all(|b| b.is_ascii_hexdigit()))?;
    let mut out = [0; 32];
    for (byte, pair) in out.iter_mut().zip(hex.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(out)
}

/// `sha256:` and 64 hexadecimal digits.
pub(crate) fn show_hash(hash: &[u8; 32]) -> String {
    hash.iter().fold("sha256:".to_owned(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// `count` random characters of the alphabet, each equally likely (values past the last multiple of 62 are drawn again).
pub(crate) fn random(count: usize) -> Result<String, Problems> {
    let source = ring::rand::SystemRandom::new();
    let mut out = String::with_capacity(count);
    while out.len() < count {
        let mut bytes = [0; 64];
        source.fill(&mut bytes).map_err(|_| {
            Problem::new("no key was made", "the system gives no random numbers", "try again, or on another machine")
        })?;
        let usable = bytes.iter().filter(|b| **b < 248).map(|b| char::from(ALPHABET[usize::from(*b) % 62]));
        out.extend(usable.take(count - out.len()));
    }
    Ok(out)
}

/// Prints a new key and the lines that let it in. Nothing is stored.
pub(crate) fn new() -> Result<(), Problems> {
    let (id, secret) = (random(6)?, random(32)?);
    let key = format!("dp_{id}_{secret}");
    println!("{key}\n");
    println!("The key is shown this once. To let it in, add to dewpoint.toml:\n");
    println!("[[key]]\nname = \"{id}\"\nhash = \"{}\"", show_hash(&sha256(&key)));
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn hash_of_a_known_text() {
        let shown = show_hash(&sha256("abc"));
        assert_eq!(shown, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(parse_hash(&shown), Some(sha256("abc")));
    }

    #[test]
    fn what_is_no_hash_is_refused() {
        for bad in ["", "sha256:", "sha256:12", "md5:00", &format!("sha256:{}", "g".repeat(64)), &"a".repeat(64)] {
            assert_eq!(parse_hash(bad), None, "{bad} was taken");
        }
    }

    #[test]
    fn random_keys_differ_and_keep_to_the_alphabet() {
        let (a, b) = (random(32).unwrap(), random(32).unwrap());
        assert_ne!(a, b);
        assert!(a.len() == 32 && a.bytes().all(|c| ALPHABET.contains(&c)));
    }
}
