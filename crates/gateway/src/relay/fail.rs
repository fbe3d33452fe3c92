//! A fault in the words of each dialect.

use decide::{Cause, Fault};
use wire::{Chunk, Dialect, Event, anthropic, ollama, openai};

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

/// A stream that ended without its terminal event.
pub(crate) fn truncated() -> Fault {
    let shown = "The model's answer broke off before its end. What came so far may be incomplete; ask again.";
    Fault::new(Cause::Truncated, shown)
}

/// A panic of ours.
pub(crate) fn panicked() -> Fault {
    let shown = "Something went wrong inside Dewpoint. Please report this with the request id.";
    Fault::new(Cause::Internal, shown)
}

/// The time for requests under way is over.
pub(crate) fn shutting_down() -> Fault {
    let shown = "Dewpoint is stopping and cannot finish this answer. Ask again; another instance may answer.";
    Fault::new(Cause::ShuttingDown, shown).after(1)
}

/// An error inside a stream, as a fault that the next place may mend.
pub(crate) fn in_band(chunk: &Chunk) -> Option<Fault> {
    chunk.events.iter().find_map(|e| match e {
        Event::Error { message, kind } => {
            let shown =
                format!("The model's server reported an error: {}", message.chars().take(500).collect::<String>());
            Some(Fault::new(Cause::UpstreamError, shown).because(kind.clone().unwrap_or_default()))
        }
        _ => None,
    })
}
