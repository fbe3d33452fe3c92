//! HTTP status codes of upstreams to faults, in one table.
//!
//! Never here: reading bodies from sockets.

use super::{Whom, identifier, is_context_length, wait};
use decide::{Cause, Fault, Retry, Side};
use http::{HeaderMap, StatusCode, header};
use std::time::SystemTime;

/// What a status other than success means. `body` is the head of the error body, at most.
pub(crate) fn refusal(whom: &Whom, status: StatusCode, headers: &HeaderMap, body: &[u8], now: SystemTime) -> Fault {
    let told = Told::read(headers, body);
    let words = whom.words(&told.message);
    let code = status.as_u16();
    let mut fault = match code {
        300..400 => whom.fault(
            Cause::UpstreamInvalid,
            &format!("answered with a redirect (HTTP {code}), which is not followed. Set its base_url to the final address."),
        ),
        // What the upstream says of our key is not for callers: it may repeat the key.
        401 | 403 => whom
            .fault(
                Cause::UpstreamAuth,
                &format!("refused our credentials (HTTP {code}). Your own key is not at fault; the operator must check this place's api_key."),
            ),
        402 => whom
            .fault(Cause::UpstreamAuth, "says that our account there has no credit left (HTTP 402). The operator must check it."),
        429 => whom.fault(Cause::UpstreamBusy, &format!("limits our requests (HTTP 429): {words}")),
        503 => whom.fault(Cause::UpstreamBusy, &format!("is overloaded or loading (HTTP 503): {words}")),
        404 if told.is_model_not_found() => lost_model(whom, &words),
        400 | 413 | 422 if told.is_context_length() => {
            whom.context_length(&words)
        }
        500 if told.message.contains("json.exception.parse_error") => refused(whom, code, &words),
        408 | 409 | 500.. => whom.fault(Cause::UpstreamError, &format!("failed (HTTP {code}): {words}")),
        400..500 => refused(whom, code, &words),
        _ => whom.invalid(&format!("HTTP status {code}")),
    };
    fault.retry_after_s = wait::asked(headers, now);
    if fault.detail.is_none() {
        // For logs: names only. The upstream's words may repeat the key, or what was asked.
        let name = |word: &Option<String>| word.as_deref().map_or("none", identifier).to_owned();
        fault.detail = Some(whom.clean(&format!("HTTP {code}, kind {}, code {}", name(&told.kind), name(&told.code))));
    }
    fault
}

/// The request itself is at fault, there and elsewhere.
fn refused(whom: &Whom, code: u16, words: &str) -> Fault {
    let mut fault = whom.fault(Cause::UpstreamRefused, &format!("refused the request (HTTP {code}): {words}"));
    fault.retry = Retry::Never;
    fault
}

/// The place does not have the model that it was said to have; another one may.
fn lost_model(whom: &Whom, words: &str) -> Fault {
    let mut fault = whom.fault(Cause::ModelNotFound, &format!("does not have this model any more (HTTP 404): {words}"));
    (fault.side, fault.retry) = (Side::Backend, Retry::NextPlace);
    fault
}

/// What the error body says.
#[derive(Default)]
struct Told {
    message: String,
    kind: Option<String>,
    code: Option<String>,
}

impl Told {
    /// A page of markup says nothing to a caller of an API.
    fn read(headers: &HeaderMap, body: &[u8]) -> Told {
        let html = headers.get(header::CONTENT_TYPE).is_some_and(|v| v.as_bytes().starts_with(b"text/html"));
        if html || body.trim_ascii_start().starts_with(b"<") {
            return Told::default();
        }
        let told = wire::upstream_error::read(body);
        Told { message: told.message, kind: told.kind, code: told.code }
    }

    /// By code (OpenAI), by kind (Anthropic's `not_found_error` names the model), or in words (Ollama, vLLM). A path that
    /// is not there names no model.
    fn is_model_not_found(&self) -> bool {
        let is = |word: &Option<String>| word.as_deref() == Some("model_not_found");
        if is(&self.code) || is(&self.kind) {
            return true;
        }
        let message = self.message.to_ascii_lowercase();
        let gone = ["not found", "does not exist", "not exist", "no such model", "unknown model"];
        let anthropic = self.kind.as_deref() == Some("not_found_error") && message.starts_with("model");
        anthropic || (message.contains("model") && gone.iter().any(|g| message.contains(g)))
    }

    fn is_context_length(&self) -> bool {
        is_context_length(&self.message, self.kind.as_deref()) || is_context_length("", self.code.as_deref())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use decide::PlaceId;
    use std::time::UNIX_EPOCH;

    fn fault(status: u16, body: &str) -> Fault {
        let whom = Whom { place: PlaceId::new("p"), key: None };
        refusal(&whom, StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body.as_bytes(), UNIX_EPOCH)
    }

    #[test]
    fn the_table_of_statuses() {
        use Cause::{UpstreamAuth, UpstreamBusy, UpstreamError, UpstreamInvalid, UpstreamRefused};
        use Retry::{Never, NextPlace};
        let body = r#"{"error":{"message":"because","type":"t","param":null,"code":null}}"#;
        for (status, cause, retry) in [
            (301, UpstreamInvalid, NextPlace),
            (400, UpstreamRefused, Never),
            (401, UpstreamAuth, NextPlace),
            (402, UpstreamAuth, NextPlace),
            (403, UpstreamAuth, NextPlace),
            (404, UpstreamRefused, Never),
            (405, UpstreamRefused, Never),
            (408, UpstreamError, NextPlace),
            (409, UpstreamError, NextPlace),
            (413, UpstreamRefused, Never),
            (422, UpstreamRefused, Never),
            (429, UpstreamBusy, NextPlace),
            (500, UpstreamError, NextPlace),
            (501, UpstreamError, NextPlace),
            (502, UpstreamError, NextPlace),
            (503, UpstreamBusy, NextPlace),
            (504, UpstreamError, NextPlace),
            (529, UpstreamError, NextPlace),
            (204, UpstreamInvalid, NextPlace),
        ] {
            let fault = fault(status, body);
            assert_eq!((fault.cause, fault.retry), (cause, retry), "{status}");
            assert!(fault.shown.starts_with("Place `p` "), "{}", fault.shown);
            let shows_words = !matches!(cause, UpstreamAuth | UpstreamInvalid);
            assert_eq!(fault.shown.contains("because"), shows_words, "{status}: {}", fault.shown);
        }
    }

    #[test]
    fn too_long_a_prompt_may_fit_elsewhere() {
        for body in [
            r#"{"error":{"code":400,"message":"request (3010 tokens) exceeds the available context size (1024 tokens), try increasing it","type":"exceed_context_size_error","n_prompt_tokens":3010,"n_ctx":1024}}"#,
            r#"{"error":{"message":"This model's maximum context length is 4096 tokens.","type":"BadRequestError","param":null,"code":400}}"#,
            r#"{"error":{"message":"x","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 208310 tokens > 200000 maximum"}}"#,
            r#"{"object":"error","message":"The input (9000 tokens) is longer than the model's context length (8192 tokens).","type":"BadRequestError","param":null,"code":400}"#,
        ] {
            let fault = fault(400, body);
            assert_eq!((fault.cause, fault.retry), (Cause::ContextLength, Retry::NextPlace), "{body}");
        }
    }

    #[test]
    fn llama_server_s_500_for_bad_json_is_no_failure_of_the_engine() {
        let body = r#"{"error":{"code":500,"message":"[json.exception.parse_error.101] parse error at line 1","type":"server_error"}}"#;
        assert_eq!(fault(500, body).cause, Cause::UpstreamRefused);
    }

    #[test]
    fn a_model_that_a_place_has_lost_may_be_elsewhere_and_a_wrong_path_is_not() {
        for body in [
            r#"{"error":{"message":"The model `m` does not exist or you do not have access to it.","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#,
            r#"{"type":"error","error":{"type":"not_found_error","message":"model: claude-x"}}"#,
            r#"{"error":"model \"m\" not found, try pulling it first"}"#,
            r#"{"object":"error","message":"The model `m` does not exist.","type":"NotFoundError","param":null,"code":404}"#,
        ] {
            let fault = fault(404, body);
            assert_eq!(
                (fault.cause, fault.retry, fault.side),
                (Cause::ModelNotFound, Retry::NextPlace, Side::Backend),
                "{body}"
            );
        }
        for body in [
            r#"{"error":{"message":"File Not Found","type":"not_found_error","code":404}}"#,
            r#"{"detail":"Not Found"}"#,
            "<html>",
            "",
        ] {
            let fault = fault(404, body);
            assert_eq!((fault.cause, fault.retry), (Cause::UpstreamRefused, Retry::Never), "{body}");
        }
    }

    #[test]
    fn pages_are_never_shown() {
        let fault = fault(502, "<html><body>secret page</body></html>");
        assert!(!fault.shown.contains("secret") && !fault.shown.contains('<'));
    }

    #[test]
    fn what_is_logged_of_a_kind_or_code_has_no_key_and_is_short() {
        let whom = Whom { place: PlaceId::new("p"), key: Some(crate::Secret::new("sk-abcdefgh")) };
        for status in [400, 429, 500] {
            let body = format!(r#"{{"error":{{"message":"m","type":"sk-abcdefgh","code":"{}"}}}}"#, "c".repeat(5000));
            let status = StatusCode::from_u16(status).unwrap();
            let fault = refusal(&whom, status, &HeaderMap::new(), body.as_bytes(), UNIX_EPOCH);
            let detail = fault.detail.unwrap();
            assert!(!detail.contains("sk-abcdefgh") && detail.len() < 600, "{detail}");
        }
    }
}
