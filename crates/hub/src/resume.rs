//! Going on where a download was broken off: which part to ask for, and whether what comes is that part.
//!
//! Never here: the network, the disk.

use crate::part::Part;
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Headers that ask for the rest; none where nothing is there, or nothing would tell whether the rest fits.
pub(crate) fn resume_headers(part: &Part) -> Vec<(HeaderName, HeaderValue)> {
    let Ok(range) = HeaderValue::from_str(&format!("bytes={}-", part.written())) else { return Vec::new() };
    let condition = part.note.validator.as_deref().and_then(|v| HeaderValue::from_str(v).ok());
    match condition {
        _ if part.written() == 0 => Vec::new(),
        Some(condition) => vec![(header::RANGE, range), (header::IF_RANGE, condition)],
        None if part.note.sha256.is_some() => vec![(header::RANGE, range)],
        None => Vec::new(),
    }
}

/// Does a partial answer go on where the part ends? Gives back the length of the whole.
pub(crate) fn continues(head: &HeaderMap, part: &Part) -> Option<u64> {
    let text = head.get(header::CONTENT_RANGE)?.to_str().ok()?;
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (from, to) = range.split_once('-')?;
    let (from, to, total): (u64, u64, u64) = (from.parse().ok()?, to.parse().ok()?, total.parse().ok()?);
    let same = part.note.validator.is_none() || validator(head).is_none() || validator(head) == part.note.validator;
    let length = part.note.total.is_none_or(|noted| noted == total);
    (same && length && from == part.written() && to.checked_add(1) == Some(total)).then_some(total)
}

/// A strong ETag, else the date: what `If-Range` may carry.
pub(crate) fn validator(head: &HeaderMap) -> Option<String> {
    let text = |name| head.get(name).and_then(|v: &HeaderValue| v.to_str().ok()).map(str::to_owned);
    text(header::ETAG).filter(|e| e.starts_with('"')).or_else(|| text(header::LAST_MODIFIED))
}

/// A header that is a number.
pub(crate) fn number(head: &HeaderMap, name: HeaderName) -> Option<u64> {
    head.get(name)?.to_str().ok()?.parse().ok()
}

/// The first four bytes, which may come in pieces.
pub(crate) struct Magic {
    /// Bytes before.
    pub(crate) seen: u64,
}

impl Magic {
    /// Do these bytes go on as a GGUF file does?
    pub(crate) fn fits(&mut self, data: &[u8]) -> bool {
        let rest = b"GGUF".get(usize::try_from(self.seen).unwrap_or(4)..).unwrap_or_default();
        self.seen += data.len() as u64;
        rest.iter().zip(data).all(|(want, have)| want == have)
    }
}
