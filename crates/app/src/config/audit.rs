//! The shape of `[audit]`.
//!
//! Never here: validation across fields (`resolve`).

use super::secret::SecretRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The evidence: each decision in a hash chain with signed heads, for `dewpoint audit`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Audit {
    /// Whether decisions are recorded.
    pub(crate) enabled: bool,
    /// Folder of the audit trail. Left out: `audit` in the folder of the ledger (`[ledger] dir`, else `DEWPOINT_DATA`,
    /// else `$XDG_DATA_HOME/dewpoint`, else `~/.local/share/dewpoint`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dir: Option<String>,
    /// The key that signs heads: `{ file = "/run/secrets/audit.pem" }`, Ed25519 in PKCS#8 PEM, as `openssl genpkey -algorithm ed25519`
    /// makes it. Left out: the file `key` in the folder, made at the first start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<SecretRef>,
    /// What is refused with 503 `audit_unavailable` while decisions do not reach the disk.
    pub(crate) when_failing: AuditFailing,
    /// Days after which whole old segments are deleted (1 to 36500). Left out: never. The EU AI Act asks deployers and providers of
    /// high-risk systems to keep logs for at least six months.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) keep_days: Option<u32>,
}

impl Default for Audit {
    fn default() -> Audit {
        Audit { enabled: true, dir: None, key: None, when_failing: AuditFailing::Refuse, keep_days: None }
    }
}

/// What is refused while decisions do not reach the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AuditFailing {
    /// What is above `internal`, and what may leave the own ground. The rest goes on, and what is not recorded is counted.
    Refuse,
    /// Nothing. What is not recorded is counted.
    GoOn,
}
