//! The JSON beside a model file: where it came from, and how to know it again.
//!
//! Never here: reading folders.

use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use std::io::Read;
use std::path::Path;

/// SHA-256 of a file. Written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    /// Reads 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Digest> {
        let hex = Some(text).filter(|t| t.len() == 64 && t.bytes().all(|b| b.is_ascii_hexdigit()))?;
        let mut out = [0; 32];
        for (byte, pair) in out.iter_mut().zip(hex.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Digest(out))
    }

    /// Of a whole file; reads all of it.
    ///
    /// # Errors
    /// Reading fails.
    pub(crate) fn of_file(path: &Path) -> std::io::Result<Digest> {
        let mut context = Context::new(&SHA256);
        hash_into(&mut context, &mut std::fs::File::open(path)?, u64::MAX)?;
        Ok(Digest::of(context))
    }

    /// The end of a running hash.
    pub(crate) fn of(context: Context) -> Digest {
        let mut out = [0; 32];
        out.copy_from_slice(context.finish().as_ref());
        Digest(out)
    }
}

/// Adds at most `limit` bytes of a file to a running hash; gives back how many there were.
pub(crate) fn hash_into(context: &mut Context, file: &mut impl Read, limit: u64) -> std::io::Result<u64> {
    let mut buffer = vec![0; 1 << 20];
    let mut done = 0;
    let mut file = file.take(limit);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(done),
            n => {
                context.update(&buffer[..n]);
                done += n as u64;
            }
        }
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Digest, String> {
        Digest::parse(&text).ok_or_else(|| format!("`{text}` is no SHA-256"))
    }
}

/// What is known of one model in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Where it came from: `hf:owner/repo:file` or an address.
    pub source: String,
    /// Its files, in the order of their parts.
    pub files: Vec<FileCard>,
    /// Licence as the hub or the catalog names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// When it was complete, seconds since 1970.
    pub pulled_unix_s: u64,
}

/// One file of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileCard {
    /// Its name inside the store.
    pub file: String,
    /// The address it was asked for at; redirects are not noted, since they expire.
    pub url: String,
    /// Length in bytes.
    pub bytes: u64,
    /// Of what was written, computed here.
    pub sha256: Digest,
    /// Strong ETag or date that the server gave, to know a changed file by where nobody promises a digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validator: Option<String>,
    /// Whether that digest was promised by somebody (the caller, the hub, the catalog) and held.
    pub verified: bool,
}

impl Card {
    /// All files together, bytes.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|f| f.bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_digest_is_64_hexadecimal_digits() {
        assert_eq!(Digest::parse(ABC).unwrap().to_string(), ABC);
        assert_eq!(Digest::parse(&ABC.to_uppercase()).unwrap().to_string(), ABC);
        for bad in ["", &ABC[1..], &format!("{ABC}0"), &ABC.replace('b', "g"), "é".repeat(32).as_str()] {
            assert_eq!(Digest::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn of_a_known_file() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("f"), "abc").unwrap();
        assert_eq!(Digest::of_file(&folder.path().join("f")).unwrap().to_string(), ABC);
    }
}
