//! Errors, and the count of tokens, for a caller of Anthropic's dialect.

use crate::json::write::body;

/// The types of errors that this dialect knows; SDKs choose their exception by status, people read these.
const KINDS: [&str; 10] = [
    "invalid_request_error",
    "authentication_error",
    "billing_error",
    "permission_error",
    "not_found_error",
    "request_too_large",
    "rate_limit_error",
    "timeout_error",
    "overloaded_error",
    "api_error",
];

/// The body of an error. A kind that this dialect does not know becomes `api_error`. `request_id` is left out if `None`.
pub fn error_body(message: &str, kind: &str, request_id: Option<&str>) -> Vec<u8> {
    let kind = KINDS.into_iter().find(|known| *known == kind).unwrap_or("api_error");
    body(256, |o| {
        o.str("type", "error");
        o.object("error", |o| {
            o.str("type", kind);
            o.str("message", message);
        });
        if let Some(id) = request_id {
            o.str("request_id", id);
        }
    })
}

/// The same inside a stream: one whole event.
pub fn error_frame(message: &str, kind: &str, request_id: Option<&str>) -> Vec<u8> {
    [b"event: error\ndata: ", &error_body(message, kind, request_id)[..], b"\n\n"].concat()
}

/// The body of an answer of `POST /v1/messages/count_tokens`.
pub fn count_tokens_body(tokens: u64) -> Vec<u8> {
    body(32, |o| o.int("input_tokens", tokens))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_this_dialects_form() {
        assert_eq!(
            error_body("m", "overloaded_error", Some("req_1")),
            br#"{"type":"error","error":{"type":"overloaded_error","message":"m"},"request_id":"req_1"}"#
        );
        assert_eq!(
            error_frame("m", "server_error", None),
            b"event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"m\"}}\n\n"
        );
        assert_eq!(count_tokens_body(7), br#"{"input_tokens":7}"#);
    }
}
