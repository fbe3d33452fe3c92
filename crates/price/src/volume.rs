//! The book as bytes: sections that are inflated one by one when they are asked for, a digest, a signature.
//!
//! Never here: what stands in the sections.

use crate::Damaged;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use ring::{digest, signature};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::OnceLock;

/// The book, and who vouches for it.
const BYTES: &[u8] = include_bytes!("../data/book.bin");
const SEAL: &str = include_str!("../data/book.seal.json");
/// The public half of the key that has to have signed the book, hexadecimal. A release has its own; the one of this
/// repository is the development key, whose private half anybody can make (`cargo xtask prices` does): it says that the
/// book is as it was made, not who made it.
const KEY: &str = include_str!("../data/book.pub");

const MAGIC: &[u8; 4] = b"DPB1";
/// No section is larger than this when inflated: a damaged one cannot take the memory.
const SECTION_MAX_BYTES: u64 = 16 << 20;

/// Where the book comes from and what is in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Head {
    /// The day as of which it was put together, `2026-08-21`.
    pub date: String,
    /// The catalogues it was put together from.
    pub sources: Vec<Catalog>,
    /// Name, place and length of each section behind the head.
    #[serde(default)]
    sections: BTreeMap<String, (u64, u64)>,
}

/// One catalogue.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Catalog {
    /// Letter that rows name it by.
    pub mark: char,
    /// Name.
    pub name: String,
    /// Which issue of it, and its licence.
    pub issue: String,
    /// As of which day its prices are taken to be.
    pub date: String,
    /// SHA-256 of the file that was read, hexadecimal.
    pub sha256: String,
}

/// Digest and signature.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Seal {
    /// SHA-256 of the book, hexadecimal.
    pub sha256: String,
    /// Ed25519 over that digest (its 32 bytes), hexadecimal.
    pub ed25519: String,
}

/// A book, opened.
#[derive(Debug)]
pub struct Volume {
    head: Head,
    version: String,
    body: &'static [u8],
}

impl Volume {
    /// The book inside the binary; its signature is verified once, when it is first asked for. Nothing is inflated yet.
    ///
    /// # Errors
    /// It is damaged, or not signed by the key that is built in.
    pub fn built_in() -> Result<&'static Volume, Damaged> {
        static OPEN: OnceLock<Result<Volume, String>> = OnceLock::new();
        let open = || {
            let seal: Seal = serde_json::from_str(SEAL).map_err(|e| e.to_string())?;
            verify(BYTES, &seal, KEY)?;
            Volume::open(BYTES)
        };
        OPEN.get_or_init(open).as_ref().map_err(|why| Damaged(why.clone()))
    }

    fn open(bytes: &'static [u8]) -> Result<Volume, String> {
        let rest = bytes.strip_prefix(MAGIC).ok_or("it is no book")?;
        let (length, rest) = rest.split_first_chunk::<4>().ok_or("it ends early")?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|e| e.to_string())?;
        let (head, body) = rest.split_at_checked(length).ok_or("it ends early")?;
        let head: Head = serde_json::from_slice(head).map_err(|e| e.to_string())?;
        Ok(Volume { version: format!("book-{}", head.date), head, body })
    }

    /// `book-2026-08-21`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Where it comes from.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Names of the sections that begin with `prefix`, without it.
    pub fn sections<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        self.head.sections.keys().filter_map(move |name| name.strip_prefix(prefix))
    }

    /// One section, inflated.
    ///
    /// # Errors
    /// There is none of that name, or it is damaged.
    pub fn section(&self, name: &str) -> Result<Vec<u8>, Damaged> {
        let damaged = |why: &str| Damaged(format!("section {name} {why}"));
        let (at, length) = *self.head.sections.get(name).ok_or_else(|| damaged("is missing"))?;
        let range = at.checked_add(length).and_then(|end| Some(usize::try_from(at).ok()?..usize::try_from(end).ok()?));
        let packed = range.and_then(|r| self.body.get(r)).ok_or_else(|| damaged("ends early"))?;
        let mut text = Vec::new();
        DeflateDecoder::new(packed)
            .take(SECTION_MAX_BYTES)
            .read_to_end(&mut text)
            .map_err(|e| damaged(&format!("does not inflate: {e}")))?;
        Ok(text)
    }

    /// One section as what it says.
    ///
    /// # Errors
    /// As [`Volume::section`], or it says something else.
    pub fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, Damaged> {
        let text = self.section(name)?;
        serde_json::from_slice(&text).map_err(|e| Damaged(format!("section {name}: {e}")))
    }
}

/// Puts a book together: the same sections give the same bytes.
///
/// # Errors
/// It does not fit its own length fields.
pub fn bind(head: Head, sections: &BTreeMap<String, Vec<u8>>) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    let mut places = BTreeMap::new();
    for (name, text) in sections {
        let at = body.len();
        let mut packer = DeflateEncoder::new(&mut body, flate2::Compression::best());
        packer.write_all(text)?;
        packer.finish()?;
        places.insert(name.clone(), (at as u64, (body.len() - at) as u64));
    }
    let head = serde_json::to_vec(&Head { sections: places, ..head })?;
    let length = u32::try_from(head.len()).map_err(std::io::Error::other)?;
    Ok([MAGIC.as_slice(), &length.to_le_bytes(), &head, &body].concat())
}

/// Signs a book. Gives the seal and the public half of the key.
pub fn seal(bytes: &[u8], key: &signature::Ed25519KeyPair) -> (Seal, String) {
    use signature::KeyPair;
    let digest = digest::digest(&digest::SHA256, bytes);
    let seal = Seal { sha256: hex(digest.as_ref()), ed25519: hex(key.sign(digest.as_ref()).as_ref()) };
    (seal, hex(key.public_key().as_ref()))
}

/// Whether a book is as it was signed.
fn verify(bytes: &[u8], seal: &Seal, key: &str) -> Result<(), String> {
    let digest = digest::digest(&digest::SHA256, bytes);
    if hex(digest.as_ref()) != seal.sha256 {
        return Err("it is not the book that its seal is of".to_owned());
    }
    let (key, signed) = (unhex(key.trim()), unhex(&seal.ed25519));
    let (Some(key), Some(signed)) = (key, signed) else { return Err("its seal cannot be read".to_owned()) };
    signature::UnparsedPublicKey::new(&signature::ED25519, key)
        .verify(digest.as_ref(), &signed)
        .map_err(|_| "its signature is not of the key that this binary trusts".to_owned())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_book_is_signed_and_a_changed_one_is_not() {
        assert!(Volume::built_in().is_ok());
        let seal: Seal = serde_json::from_str(SEAL).unwrap();
        let mut changed = BYTES.to_vec();
        *changed.last_mut().unwrap() ^= 1;
        assert!(verify(&changed, &seal, KEY).unwrap_err().contains("not the book"));
        let digest = hex(digest::digest(&digest::SHA256, &changed).as_ref());
        let forged = Seal { sha256: digest, ..seal.clone() };
        assert!(verify(&changed, &forged, KEY).unwrap_err().contains("signature"));
        let other = hex(&[7; 32]);
        assert!(verify(BYTES, &seal, &other).unwrap_err().contains("signature"));
    }

    #[test]
    fn sections_come_back_and_damage_is_told() {
        let head = Head { date: "2026-01-02".into(), sources: Vec::new(), sections: BTreeMap::new() };
        let sections = BTreeMap::from([("a".to_owned(), b"[1,2]".to_vec()), ("b/x".to_owned(), b"{}".to_vec())]);
        let bytes = bind(head.clone(), &sections).unwrap();
        assert_eq!(bytes, bind(head, &sections).unwrap(), "the same bytes");
        let volume = Volume::open(Box::leak(bytes.clone().into_boxed_slice())).unwrap();
        assert_eq!(volume.json::<Vec<u8>>("a").unwrap(), [1, 2]);
        assert_eq!(volume.sections("b/").collect::<Vec<_>>(), ["x"]);
        assert!(volume.section("c").unwrap_err().to_string().contains("section c is missing"));
        for cut in 0..bytes.len() {
            let short: &'static [u8] = Box::leak(bytes[..cut].to_vec().into_boxed_slice());
            let whole = Volume::open(short).is_ok_and(|v| v.section("a").is_ok() && v.section("b/x").is_ok());
            assert!(!whole, "cut at {cut}");
        }
    }
}
