//! One kind of failure for the whole way of a request: whose fault, whether another try may help, what is shown.
//!
//! Never here: dialects (room `wire` writes them).

use serde::{Deserialize, Serialize};

/// Whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The caller's: fix the request.
    Caller,
    /// A backend's.
    Backend,
    /// Ours.
    Us,
}

/// May another attempt help?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Retry {
    /// No: the same request fails everywhere.
    Never,
    /// The same place may answer next time.
    SamePlace,
    /// Another place may answer.
    NextPlace,
}

/// What went wrong, in a closed vocabulary. `code()` is the machine-readable code that callers see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The body is not what the API asks for.
    InvalidRequest,
    /// The body is larger than allowed.
    TooLarge,
    /// The body is encoded in a way that is not accepted.
    UnsupportedMedia,
    /// The body did not arrive in time.
    RequestTimeout,
    /// Missing or unknown key.
    Unauthenticated,
    /// The key may not do this.
    Forbidden,
    /// The policy leaves no place for this data.
    PolicyDenied,
    /// No such model.
    ModelNotFound,
    /// No such path.
    NotFound,
    /// Wrong HTTP method.
    MethodNotAllowed,
    /// The prompt fits no context window.
    ContextLength,
    /// No model here has the capability.
    Unsupported,
    /// Every eligible place is down or loading.
    NoPlaceReady,
    /// Too many requests.
    RateLimited,
    /// A budget has no room for what the request may cost.
    BudgetExceeded,
    /// The same idempotency key is in use by a request under way.
    InFlight,
    /// The idempotency key was used for another request.
    KeyReused,
    /// More is asked than there is memory for here, or than the places that may answer can do in good time.
    Overloaded,
    /// The ledger takes no more records.
    LedgerUnavailable,
    /// The audit trail takes no more records.
    AuditUnavailable,
    /// This process is stopping, and the time for requests under way is over.
    ShuttingDown,
    /// No connection to the backend.
    Connect,
    /// A deadline passed.
    Timeout,
    /// The backend refused our credentials.
    UpstreamAuth,
    /// The backend refused the request itself.
    UpstreamRefused,
    /// The backend is overloaded or limits us.
    UpstreamBusy,
    /// The backend failed.
    UpstreamError,
    /// The backend answered something that is not its protocol.
    UpstreamInvalid,
    /// The stream ended without its terminal event.
    Truncated,
    /// The caller went away.
    Cancelled,
    /// Another attempt of the same request was faster.
    Outrun,
    /// The embedded engine failed.
    Engine,
    /// A bug of ours.
    Internal,
}

impl Cause {
    /// The code shown to callers.
    pub const fn code(self) -> &'static str {
        match self {
            Cause::InvalidRequest => "invalid_request",
            Cause::TooLarge => "request_too_large",
            Cause::UnsupportedMedia => "unsupported_media_type",
            Cause::RequestTimeout => "request_timeout",
            Cause::Unauthenticated => "invalid_api_key",
            Cause::Forbidden => "forbidden",
            Cause::PolicyDenied => "policy_denied",
            Cause::ModelNotFound => "model_not_found",
            Cause::NotFound => "not_found",
            Cause::MethodNotAllowed => "method_not_allowed",
            Cause::ContextLength => "context_length_exceeded",
            Cause::Unsupported => "unsupported_feature",
            Cause::NoPlaceReady => "no_place_ready",
            Cause::RateLimited => "rate_limit_exceeded",
            Cause::BudgetExceeded => "budget_exceeded",
            Cause::InFlight => "idempotency_key_in_use",
            Cause::KeyReused => "idempotency_key_reused",
            Cause::Overloaded => "overloaded",
            Cause::LedgerUnavailable => "ledger_unavailable",
            Cause::AuditUnavailable => "audit_unavailable",
            Cause::ShuttingDown => "shutting_down",
            Cause::Connect => "upstream_unreachable",
            Cause::Timeout => "upstream_timeout",
            Cause::UpstreamAuth => "upstream_credentials_rejected",
            Cause::UpstreamRefused => "upstream_refused",
            Cause::UpstreamBusy => "upstream_busy",
            Cause::UpstreamError => "upstream_error",
            Cause::UpstreamInvalid => "upstream_invalid",
            Cause::Truncated => "upstream_truncated",
            Cause::Cancelled => "client_closed_request",
            Cause::Outrun => "outrun",
            Cause::Engine => "engine_failed",
            Cause::Internal => "internal_error",
        }
    }

    /// The HTTP status shown to callers.
    pub const fn status(self) -> u16 {
        match self {
            Cause::InvalidRequest | Cause::ContextLength | Cause::Unsupported | Cause::UpstreamRefused => 400,
            Cause::Unauthenticated => 401,
            Cause::Forbidden | Cause::PolicyDenied => 403,
            Cause::ModelNotFound | Cause::NotFound => 404,
            Cause::MethodNotAllowed => 405,
            Cause::RequestTimeout => 408,
            Cause::InFlight => 409,
            Cause::TooLarge => 413,
            Cause::UnsupportedMedia => 415,
            Cause::KeyReused => 422,
            Cause::RateLimited | Cause::BudgetExceeded | Cause::UpstreamBusy => 429,
            Cause::Cancelled | Cause::Outrun => 499,
            Cause::Internal => 500,
            Cause::UpstreamAuth
            | Cause::Connect
            | Cause::UpstreamError
            | Cause::UpstreamInvalid
            | Cause::Truncated
            | Cause::Engine => 502,
            Cause::NoPlaceReady
            | Cause::Overloaded
            | Cause::LedgerUnavailable
            | Cause::AuditUnavailable
            | Cause::ShuttingDown => 503,
            Cause::Timeout => 504,
        }
    }
}

/// One failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{}: {shown}", cause.code())]
pub struct Fault {
    /// Whose fault.
    pub side: Side,
    /// May another attempt help?
    pub retry: Retry,
    /// What happened.
    pub cause: Cause,
    /// What the caller is told: what happened, why, and what to do next. Never data of another party.
    pub shown: String,
    /// The request field at fault, if one is (`messages[0].content`).
    pub param: Option<String>,
    /// Seconds the backend asked us to wait.
    pub retry_after_s: Option<u32>,
    /// For logs only, never shown.
    pub detail: Option<String>,
}

impl Fault {
    /// A failure with the side and retry that its cause implies.
    pub fn new(cause: Cause, shown: impl Into<String>) -> Fault {
        let (side, retry) = match cause {
            Cause::InvalidRequest
            | Cause::TooLarge
            | Cause::UnsupportedMedia
            | Cause::RequestTimeout
            | Cause::Unauthenticated
            | Cause::Forbidden
            | Cause::PolicyDenied
            | Cause::ModelNotFound
            | Cause::NotFound
            | Cause::MethodNotAllowed
            | Cause::ContextLength
            | Cause::Unsupported
            | Cause::InFlight
            | Cause::KeyReused
            | Cause::Cancelled
            | Cause::Outrun => (Side::Caller, Retry::Never),
            Cause::UpstreamRefused => (Side::Backend, Retry::Never),
            Cause::Connect
            | Cause::Timeout
            | Cause::UpstreamAuth
            | Cause::UpstreamBusy
            | Cause::UpstreamError
            | Cause::UpstreamInvalid
            | Cause::Truncated
            | Cause::Engine => (Side::Backend, Retry::NextPlace),
            Cause::NoPlaceReady
            | Cause::RateLimited
            | Cause::BudgetExceeded
            | Cause::Overloaded
            | Cause::LedgerUnavailable
            | Cause::AuditUnavailable
            | Cause::ShuttingDown
            | Cause::Internal => (Side::Us, Retry::Never),
        };
        Fault { side, retry, cause, shown: shown.into(), param: None, retry_after_s: None, detail: None }
    }

    /// Names the request field at fault.
    #[must_use]
    pub fn at(mut self, param: impl Into<String>) -> Fault {
        self.param = Some(param.into());
        self
    }

    /// Adds what only logs may see.
    #[must_use]
    pub fn because(mut self, detail: impl Into<String>) -> Fault {
        self.detail = Some(detail.into());
        self
    }

    /// Adds the wait that the backend asked for.
    #[must_use]
    pub fn after(mut self, seconds: u32) -> Fault {
        self.retry_after_s = Some(seconds);
        self
    }
}
