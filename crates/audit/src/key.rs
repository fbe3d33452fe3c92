//! The two keys of an installation: one signs heads (Ed25519, PKCS#8 PEM, as `openssl genpkey -algorithm ed25519` makes it), the
//! other is for the fingerprints of prompts (32 random bytes as hexadecimal digits). Made at the first start, readable by their
//! owner only.
//!
//! Never here: showing a private key.

use crate::{AuditError, hex};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{Context, SHA256};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::Ed25519KeyPair;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

/// Name of the signing key in the folder.
pub(crate) const KEY: &str = "key";
/// Name of the key of fingerprints in the folder.
pub(crate) const PROMPT_KEY: &str = "prompt-key";
/// Bytes of a key file at most.
const FILE_MAX: u64 = 16_384;
/// What stands before the seed in PKCS#8 (RFC 8410 section 7): version 0, the algorithm 1.3.101.112, an octet string in an octet
/// string.
const PKCS8: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// The signing key at `path`; made there where there is none and `make` says so.
///
/// # Errors
/// It cannot be read or made, or is no such key.
pub(crate) fn signing(path: &Path, make: bool) -> Result<Ed25519KeyPair, AuditError> {
    let text = match text(path)? {
        Some(text) => text,
        None if make => {
            let text = pem(&random()?);
            create(path, &text)?;
            text
        }
        None => return Err(AuditError::Key { path: path.to_owned(), why: "there is no such file" }),
    };
    parse(&text).ok_or(AuditError::Key { path: path.to_owned(), why: "it is not an Ed25519 key in PKCS#8 PEM" })
}

/// The key of the fingerprints of prompts in the trail's folder, which is made where there is none, as the key is.
///
/// # Errors
/// It cannot be read or made, or is not 64 hexadecimal digits.
pub fn prompt_key(dir: &Path) -> Result<[u8; 32], AuditError> {
    folder(dir)?;
    let path = dir.join(PROMPT_KEY);
    if let Some(text) = text(&path)? {
        let why = "it is not 64 lower-case hexadecimal digits";
        return hex::read(text.trim_end().as_bytes()).ok_or(AuditError::Key { path, why });
    }
    let key = random()?;
    create(&path, &(hex::show(&key) + "\n"))?;
    Ok(key)
}

/// What names the key of fingerprints in the chain without giving it away.
pub(crate) fn prompt_key_id(key: &[u8; 32]) -> String {
    let mut context = Context::new(&SHA256);
    context.update(b"dewpoint prompt key id\0");
    context.update(key);
    hex::show(&context.finish().as_ref()[..8])
}

/// Makes the folder, for its owner only.
pub(crate) fn folder(dir: &Path) -> Result<(), AuditError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(AuditError::file("create", dir))
}

/// Reads a small file; `None` where there is none.
fn text(path: &Path) -> Result<Option<String>, AuditError> {
    let mut text = String::new();
    match File::open(path).and_then(|f| f.take(FILE_MAX).read_to_string(&mut text)) {
        Ok(_) => Ok(Some(text)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) if e.kind() == ErrorKind::InvalidData => {
            Err(AuditError::Key { path: path.to_owned(), why: "it is no text" })
        }
        Err(e) => Err(AuditError::file("read", path)(e)),
    }
}

/// Whole or not at all: under another name first.
fn create(path: &Path, text: &str) -> Result<(), AuditError> {
    let new = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&new).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&new, path)
    });
    written.map_err(AuditError::file("create", path))
}

fn random() -> Result<[u8; 32], AuditError> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).map_err(|_| AuditError::Random)?;
    Ok(bytes)
}

fn pem(seed: &[u8; 32]) -> String {
    let der = [&PKCS8[..], seed].concat();
    format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode(der))
}

fn parse(text: &str) -> Option<Ed25519KeyPair> {
    let inner = text.trim().strip_prefix(BEGIN)?.strip_suffix(END)?;
    let digits: String = inner.split_ascii_whitespace().collect();
    Ed25519KeyPair::from_pkcs8_maybe_unchecked(&STANDARD.decode(digits).ok()?).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::head::public;

    #[test]
    fn keys_are_made_once_for_their_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("audit");
        super::folder(&folder).unwrap();
        let path = folder.join(KEY);
        assert!(matches!(signing(&path, false), Err(AuditError::Key { .. })));
        let first = public(&signing(&path, true).unwrap());
        assert_eq!(public(&signing(&path, false).unwrap()), first);
        assert_eq!(prompt_key(&folder).unwrap(), prompt_key(&folder).unwrap());
        #[cfg(unix)]
        for (path, mode) in [(&folder, 0o700), (&path, 0o600), (&folder.join(PROMPT_KEY), 0o600)] {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, mode, "{}", path.display());
        }
    }

    /// The key of RFC 8410 section 10.3 and its public key of section 10.1.
    #[test]
    fn a_key_of_openssl_is_read() {
        let text = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
        let pair = parse(text).unwrap();
        assert_eq!(hex::show(&public(&pair)), "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1");
        assert!(parse(&text.replace("MC4C", "MC4D")).is_none());
        assert!(parse("").is_none());
    }
}
