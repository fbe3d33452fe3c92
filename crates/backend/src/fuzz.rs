//! What the fuzz targets check of this room's reading of refusals: status, headers (`Retry-After`, rate limits) and body of
//! an upstream's answer.
//!
//! Never here: anything that is shipped; the feature `fuzz` is for `fuzz/` only.

use crate::Secret;
use crate::blame::{Whom, refusal};
use decide::PlaceId;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use std::time::{Duration, UNIX_EPOCH};

/// The key of the place whose answers are read; no text may repeat it.
#[doc(hidden)]
pub const FUZZ_KEY: &str = "sk-canary-0123456789";

/// The longest wait that may come of any header, seconds.
const WAIT_MAX_S: u32 = 3600;

/// Reads the head (lines `name: value`) and body of a refusal and checks what callers and logs are told: bounded, without the
/// place's key, without line breaks; and that no header makes a wait of more than an hour.
///
/// # Panics
/// When one of these does not hold.
#[doc(hidden)]
pub fn check_refusal(status: u16, head: &[u8], body: &[u8], now_s: u32) {
    let Ok(status) = StatusCode::from_u16(status) else { return };
    let mut headers = HeaderMap::new();
    for line in head.split(|b| *b == b'\n').take(64) {
        let Some(colon) = line.iter().position(|b| *b == b':') else { continue };
        let name = HeaderName::from_bytes(line.get(..colon).unwrap_or_default());
        let value = HeaderValue::from_bytes(line.get(colon + 1..).unwrap_or_default().trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    let whom = Whom { place: PlaceId::new("p"), key: Some(Secret::new(FUZZ_KEY)) };
    let now = UNIX_EPOCH + Duration::from_secs(now_s.into());
    let fault = refusal(&whom, status, &headers, body, now);
    assert!(fault.retry_after_s.is_none_or(|s| (1..=WAIT_MAX_S).contains(&s)), "{:?}", fault.retry_after_s);
    for text in [Some(&fault.shown), fault.detail.as_ref()].into_iter().flatten() {
        assert!(!text.contains(FUZZ_KEY), "{text}");
        assert!(!text.contains(['\n', '\r']), "{text:?}");
        assert!(text.chars().count() <= 1000, "{} characters: {text}", text.chars().count());
    }
}
