//! Errors, for a caller of OpenAI's dialect.

use crate::json::write::body;

/// The body of an error; all four keys always, as OpenAI's description of it demands.
pub fn error_body(message: &str, kind: &str, param: Option<&str>, code: Option<&str>) -> Vec<u8> {
    body(256, |o| {
        o.object("error", |o| {
            o.str("message", message);
            o.str("type", kind);
            o.str_or_null("param", param);
            o.str_or_null("code", code);
        });
    })
}

/// The same inside a stream: one whole frame. No `[DONE]` follows it.
pub fn error_frame(message: &str, kind: &str, param: Option<&str>, code: Option<&str>) -> Vec<u8> {
    [b"data: ", &error_body(message, kind, param, code)[..], b"\n\n"].concat()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_error_has_all_four_keys() {
        let text = String::from_utf8(error_body("no \"x\"", "invalid_request_error", None, None)).unwrap();
        assert_eq!(text, r#"{"error":{"message":"no \"x\"","type":"invalid_request_error","param":null,"code":null}}"#);
        let frame = error_frame("m", "t", Some("p"), Some("c"));
        assert_eq!(frame, b"data: {\"error\":{\"message\":\"m\",\"type\":\"t\",\"param\":\"p\",\"code\":\"c\"}}\n\n");
    }
}
