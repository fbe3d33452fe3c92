//! Values wrapped in Base64: a word that decodes to plain text is read as that text.
//!
//! Never here: what is found in it.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Shortest word that is decoded: 15 bytes, about the shortest address worth wrapping.
const SHORTEST: usize = 20;
const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);

/// The word of Base64 around `at`, not before `floor`: start, end.
pub(super) fn word(bytes: &[u8], at: usize, floor: usize) -> (usize, usize) {
    let part = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_');
    let (mut start, mut end) = (at, at);
    while start > floor && part(bytes[start - 1]) {
        start -= 1;
    }
    while end < bytes.len() && part(bytes[end]) {
        end += 1;
    }
    (start, end)
}

/// The text that a word stands for, where it is one.
pub(super) fn decode(word: &[u8]) -> Option<String> {
    let both = word.iter().any(u8::is_ascii_lowercase) && word.iter().any(u8::is_ascii_uppercase);
    if word.len() < SHORTEST || !both {
        return None;
    }
    let engine = if word.iter().any(|b| matches!(b, b'-' | b'_')) { URL_SAFE } else { STANDARD };
    let whole = if word.len() % 4 == 1 { word.len() - 1 } else { word.len() };
    // Most words are no text; that shows in the first bytes.
    let mut head = [0; 15];
    let n = engine.decode_slice(&word[..SHORTEST], &mut head).ok()?;
    if !head[..n].iter().all(|b| *b >= 0x80 || plain(*b)) {
        return None;
    }
    let text = String::from_utf8(engine.decode(&word[..whole]).ok()?).ok()?;
    text.bytes().all(|b| b >= 0x80 || plain(b)).then_some(text)
}

fn plain(byte: u8) -> bool {
    (b' '..0x7f).contains(&byte) || matches!(byte, b'\n' | b'\r' | b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_text() {
        let wrapped = STANDARD.encode("mail jo.doe@example.org now");
        assert_eq!(decode(wrapped.trim_end_matches('=').as_bytes()).as_deref(), Some("mail jo.doe@example.org now"));
        assert_eq!(decode(b"ThisIsAnOrdinaryIdentifier"), None);
        assert_eq!(decode(b"c2hvcnQ"), None);
        let text = format!("x={wrapped}, y");
        let (start, end) = word(text.as_bytes(), 5, 0);
        assert_eq!(&text[start..end], wrapped.trim_end_matches('='));
    }
}
