//! The terms under which a place handles data: where, under whose law, for how long, and whether it learns from it.
//! Declared with evidence and an expiry; what is not declared, or no longer holds, counts as the worst value.
//!
//! Never here: a clock (time is an argument) or reading of configuration (room `app`).

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How long a place keeps what it was sent, shortest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Retention {
    /// Not at all ("zero data retention").
    None,
    /// At most this many days, against abuse or for operation.
    Days(u32),
    /// Nobody says.
    #[default]
    Unknown,
}

/// "none", "30 days", "unknown".
impl std::fmt::Display for Retention {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Retention::None => f.write_str("none"),
            Retention::Days(1) => f.write_str("1 day"),
            Retention::Days(days) => write!(f, "{days} days"),
            Retention::Unknown => f.write_str("unknown"),
        }
    }
}

/// Whether a place trains on what it was sent, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Training {
    /// By contract never.
    Never,
    /// Not, since its customer opted out.
    OptedOut,
    /// Nobody says, or it does.
    #[default]
    Unknown,
}

/// "never", "opted-out", "unknown".
impl std::fmt::Display for Training {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Training::Never => "never",
            Training::OptedOut => "opted-out",
            Training::Unknown => "unknown",
        })
    }
}

/// What a place declares of its handling of data.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Terms {
    /// Where it may be processed: ISO 3166-1 alpha-2 codes; empty is anywhere.
    pub regions: BTreeSet<Arc<str>>,
    /// Country of the ultimate parent (the law that can compel it); `None` is unknown.
    pub legal_seat: Option<Arc<str>>,
    /// How long it is kept.
    pub retention: Retention,
    /// Whether it is learned from.
    pub training: Training,
    /// Contracts in force: `BAA`, `DPA`, `SCC`, …
    pub contracts: BTreeSet<Arc<str>>,
    /// Where an auditor finds the proof of all this (a link or a document number).
    pub evidence: Option<Arc<str>>,
    /// Unix seconds after which these terms no longer hold.
    pub expires_unix_s: Option<u64>,
}

impl Terms {
    /// Whether they hold at a moment, Unix seconds. What has expired counts as never declared.
    pub fn hold_at(&self, now_unix_s: u64) -> bool {
        self.expires_unix_s.is_none_or(|end| now_unix_s < end)
    }
}
