//! JSON web tokens (RFC 7519): three parts in Base64url, the first a JSON object that names an algorithm.
//!
//! Never here: tokens without a header of JSON.

use super::shape::{self, Alphabet, URL};
use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Characters looked at of one part.
const PART: usize = 8192;
/// Least characters of header and payload.
const LEAST: usize = 12;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
/// Base64 with or without padding.
const PLAIN: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT);
const SAFE: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::URL_SAFE, LENIENT);

/// What a run of Base64 (either alphabet, padding or not) stands for. A character too many at the end is left out.
pub(super) fn decode(run: &[u8]) -> Option<Vec<u8>> {
    let run = if run.len() % 4 == 1 { &run[..run.len() - 1] } else { run };
    let safe = run.iter().any(|c| matches!(c, b'-' | b'_'));
    if safe { SAFE.decode(run).ok() } else { PLAIN.decode(run).ok() }
}

/// The span of the token that begins at `at`.
pub(super) fn at(text: &[u8], at: usize) -> Option<(usize, usize)> {
    let exact = text[at..].starts_with(b"eyJ") || text[at..].starts_with(b"ewog");
    if !exact || !shape::begins(text, at) || (at > 0 && text[at - 1] == b'-') {
        return None;
    }
    let header_end = URL.run(text, at, PART);
    if header_end - at < LEAST || text.get(header_end) != Some(&b'.') {
        return None;
    }
    // Slashes may be escaped where JSON stands in a string.
    let body = URL.with(b"/\\");
    let payload_end = body.run(text, header_end + 1, PART);
    let payload = &text[header_end + 1..payload_end];
    let json = |part: &[u8]| part.starts_with(b"ey") || part.starts_with(b"ewo");
    let header = decode(&text[at..header_end])?;
    let algorithm = memchr::memmem::find(&header, b"\"alg\"").is_some();
    if header.first() != Some(&b'{') || !(algorithm || json(payload)) || payload.len() < LEAST {
        return None;
    }
    let mut end = payload_end;
    // The signature; an encrypted token (RFC 7516) has two parts more.
    for _ in 0..3 {
        if text.get(end) != Some(&b'.') {
            break;
        }
        let part = body.run(text, end + 1, PART);
        if part == end + 1 && text.get(part).is_some_and(u8::is_ascii_alphanumeric) {
            break;
        }
        end = Alphabet::of(b"=").run(text, part, 2);
    }
    // A sentence may end here.
    let trimmed = text[..end].iter().rev().take_while(|c| **c == b'\\').count();
    (end > payload_end).then_some((at, end - trimmed))
}

/// A run of Base64, and where in it a character stands next that only one of the two alphabets has: many tokens may seem to begin in
/// one run.
#[derive(Debug, Default)]
pub(super) struct Run {
    end: usize,
    safe: usize,
    plain: usize,
}

impl Run {
    /// The span of a token wrapped in Base64 that begins at `at`, whole or cut off. Goes along with one text, from left to right.
    pub(super) fn wrapped(&mut self, text: &[u8], at: usize) -> Option<(usize, usize)> {
        if !text[at..].starts_with(b"ZXlK") || !shape::begins(text, at) {
            return None;
        }
        let new = at >= self.end;
        if new {
            self.end = URL.with(b"+/").run(text, at, text.len());
        }
        let end = self.end.min(at + 2 * PART);
        let next = |is: [u8; 2]| at + text[at..self.end].iter().take_while(|c| !is.contains(c)).count();
        if new || self.safe < at {
            self.safe = next(*b"-_");
        }
        if new || self.plain < at {
            self.plain = next(*b"+/");
        }
        // What is of one alphabet can be decoded, and `ZXlK` stands for `eyJ`, which stands for `{"`.
        let whole = at + (end - at) / 4 * 4;
        let mixed = self.safe < whole && self.plain < whole;
        let inner = decode(&text[at..whole.min(at + 8)])?;
        let header = decode(inner.get(..4).filter(|h| h.iter().all(|c| URL.has(*c)))?)?;
        let good = end - at >= 44 && !mixed && header.starts_with(b"{\"");
        good.then(|| (at, Alphabet::of(b"=").run(text, end, 2)))
    }
}
