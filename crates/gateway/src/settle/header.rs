//! What is told in a header, as a header may carry it.
//!
//! Never here: which headers there are.

use http::HeaderValue;

/// A header value; characters that no header may carry become `?`.
pub(crate) fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| {
        let plain: String = text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect();
        HeaderValue::from_str(&plain).unwrap_or(HeaderValue::from_static("?"))
    })
}
