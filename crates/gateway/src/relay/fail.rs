//! A fault in the words of each dialect.

use decide::{Cause, Fault};
use wire::{Dialect, anthropic, ollama, openai};

/// The body of an error response.
pub(crate) fn body(dialect: Dialect, id: &str, fault: &Fault) -> Vec<u8> {
    let message = fault.shown.as_str();
    match dialect {
        Dialect::Openai => {
            openai::error_body(message, openai_kind(fault.cause), fault.param.as_deref(), Some(fault.cause.code()))
        }
        Dialect::Anthropic => anthropic::error_body(message, anthropic_kind(fault.cause), Some(id)),
        Dialect::Ollama => ollama::error_body(message),
    }
}

/// The last frame of a stream that broke.
pub(crate) fn frame(dialect: Dialect, id: &str, fault: &Fault) -> Vec<u8> {
    let message = fault.shown.as_str();
    match dialect {
        Dialect::Openai => {
            openai::error_frame(message, openai_kind(fault.cause), fault.param.as_deref(), Some(fault.cause.code()))
        }
        Dialect::Anthropic => anthropic::error_frame(message, anthropic_kind(fault.cause), Some(id)),
        Dialect::Ollama => ollama::error_frame(message),
    }
}

/// OpenAI's `type` of an error.
fn openai_kind(cause: Cause) -> &'static str {
    match cause.status() {
        401 => "authentication_error",
        403 => "permission_error",
        429 => "rate_limit_error",
        499 | 400..=428 => "invalid_request_error",
        _ => "server_error",
    }
}

/// Anthropic's `type` of an error.
fn anthropic_kind(cause: Cause) -> &'static str {
    match cause.status() {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 => "overloaded_error",
        504 => "timeout_error",
        499 | 400..=428 => "invalid_request_error",
        _ => "api_error",
    }
}
