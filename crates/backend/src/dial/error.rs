//! What can go wrong between an upstream and us, before there is an answer.
//!
//! Never here: what that means for a request (`blame`).

use super::connect::TooSlow;
use super::egress::{Denied, Reason};

/// Why there is no dialer or no upstream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    /// The bundle of roots cannot be used.
    #[error("the certificates in {path} cannot be used: {why}; give a PEM file with at least one certificate")]
    CaFile {
        /// The file.
        path: String,
        /// What is wrong.
        why: String,
    },
    /// The key has characters that no header can carry.
    #[error("the key for {0} holds characters that cannot stand in a header; check for line breaks inside it")]
    Key(String),
}

/// Why a request got no answer. Texts are for logs: they may name addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No connection: refused, unknown name, TLS. Nothing was sent.
    #[error("no connection: {0}")]
    Connect(String),
    /// No connection within the deadline. Nothing was sent.
    #[error("{0}")]
    ConnectSlow(String),
    /// The egress list does not allow it. Nothing was sent, and nothing was dialled.
    #[error("not dialled: {why}")]
    Forbidden {
        /// Which rule.
        reason: Reason,
        /// What exactly.
        why: String,
    },
    /// No head of an answer by the deadline. The request may have been received.
    #[error("no answer began in time")]
    Late,
    /// The connection ended before the answer began. The request may have been received.
    #[error("the connection was lost: {0}")]
    Lost(String),
    /// The request could not be written down, or its permit is for another place (a bug of ours). Nothing was sent.
    #[error("the request could not be built: {0}")]
    Built(String),
}

impl From<Denied> for CallError {
    fn from(denied: Denied) -> CallError {
        CallError::Forbidden { reason: denied.reason, why: denied.why }
    }
}

/// What the pooled client's error means.
pub(super) fn call_error(error: &hyper_util::client::legacy::Error) -> CallError {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    // The chain is as deep as the layers under it; the bound only guards against a cycle.
    for _ in 0..8 {
        let Some(cause) = source else { break };
        if let Some(denied) = cause.downcast_ref::<Denied>() {
            return denied.clone().into();
        }
        if cause.is::<TooSlow>() {
            return CallError::ConnectSlow(cause.to_string());
        }
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    if error.is_connect() { CallError::Connect(text) } else { CallError::Lost(text) }
}
