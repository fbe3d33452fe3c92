//! Private keys in blocks (PEM, OpenSSH, PGP, PuTTY), keys of cloud service accounts, passwords in NuGet's configuration.
//!
//! Never here: public keys and certificates.

use super::allow;
use super::shape::{ALNUM, Alphabet};

/// Bytes of a block at most.
const BLOCK: usize = 32 * 1024;
/// Characters of Base64 a key has at least.
const LEAST: usize = 48;

/// The private key in PEM whose first line begins at `at`. One that is cut off before its last line counts as well.
pub(super) fn pem(text: &[u8], at: usize) -> Option<(usize, usize)> {
    let label = at + b"-----BEGIN".len();
    let label_end = label + memchr::memmem::find(text.get(label..text.len().min(label + 120))?, b"-----")?;
    let name = text[label..label_end].to_ascii_uppercase();
    memchr::memmem::find(&name, b"PRIVATE KEY")?;
    let body = label_end + 5;
    let window = &text[body..text.len().min(body + BLOCK)];
    if let Some(length) = memchr::memmem::find(window, b"-----") {
        let rest = &window[length + 5..window.len().min(length + 5 + 120)];
        if rest.get(..3).is_some_and(|w| w.eq_ignore_ascii_case(b"END")) {
            let end =
                memchr::memmem::find(rest, b"-----").map_or(body + length, |dashes| body + length + 5 + dashes + 5);
            return is_key(&window[..length]).then_some((at, end));
        }
    }
    let end = ALNUM.with(b"+/= \t\r\n\\:,").run(text, body, BLOCK);
    is_key(&text[body..end]).then_some((at, end))
}

/// Whether enough of it is Base64 that looks random.
fn is_key(body: &[u8]) -> bool {
    let mut characters = Vec::with_capacity(body.len().min(1024));
    let mut escaped = false;
    for &c in body.iter().take(BLOCK) {
        if !escaped && (ALNUM.has(c) || matches!(c, b'+' | b'/' | b'=')) {
            characters.push(c);
        }
        escaped = c == b'\\' && !escaped;
        if characters.len() >= 1024 {
            break;
        }
    }
    characters.len() >= LEAST && allow::entropy(&characters) >= 3.5
}

/// The private part of a PuTTY key, after `Private-Lines:` at `at`.
pub(super) fn putty(text: &[u8], at: usize) -> Option<(usize, usize)> {
    let start = Alphabet::of(b" 0123456789").run(text, at, 8);
    let end = ALNUM.with(b"+/= \t\r\n\\").run(text, start, BLOCK);
    is_key(&text[start..end]).then_some((start, end))
}

/// The mark of a service account's key file: `"type": "service_account"`.
pub(super) fn service_account(text: &[u8], word: (usize, usize)) -> Option<(usize, usize)> {
    let before = Alphabet::of(b"\\\"': \t").run_back(text, word.0, 12);
    let named = text[..before].ends_with(b"type") && text[before..word.0].contains(&b':');
    let closed = matches!(text.get(word.1), Some(b'"' | b'\'' | b'\\'));
    (named && closed).then_some(word)
}

/// The value in `<add key="ClearTextPassword" value="…" />`, after `<add key=` at `at`.
pub(super) fn nuget(text: &[u8], at: usize) -> Option<(usize, usize)> {
    let rest = &text[at..text.len().min(at + 256)];
    let lower = rest.to_ascii_lowercase();
    let key = [b"\"password\"".as_slice(), b"\"cleartextpassword\""].into_iter().find(|key| lower.starts_with(key))?;
    let space = Alphabet::of(b" \t\r\n").run(rest, key.len(), 16);
    let start = space + rest.get(space..)?.starts_with(b"value=\"").then_some(7)?;
    let length = rest[start..].iter().position(|c| *c == b'"')?;
    let value = &rest[start..start + length];
    let good = length >= 8 && !allow::variable(value) && !allow::stand_in(value) && allow::entropy(value) >= 1.0;
    good.then_some((at + start, at + start + length))
}
