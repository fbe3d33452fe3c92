//! The shape of `[egress]`.
//!
//! Never here: validation (`resolve`), or what is dialled (room `backend`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What may be dialled beside the places. Every origin that is not configured or discovered is refused, and so is a name
/// that leads to an address which does not fit its place's zone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Egress {
    /// Only loopback addresses are dialled: places beyond this host are refused, `dewpoint pull` as well, and no name server is
    /// asked. `serve --airgap` and `DEWPOINT_AIRGAP=1` do the same; once closed, it stays closed until a restart.
    pub(crate) airgap: bool,
    /// Networks that are your own, such as `10.0.0.0/8` or `2001:db8::/32`. The name of any place may lead there. Without them,
    /// names of `same-host`, `own-network` and `rented-dedicated` places may lead to private addresses (RFC 1918, RFC 6598, ULA),
    /// names of `vendor-cloud` places to public ones only.
    pub(crate) private: Vec<String>,
    /// Hosts that `dewpoint pull` may be led to, besides the one that is named: `host`, or `*.host` for all below it. Only https on
    /// port 443. `serve` never dials them.
    pub(crate) pull: Vec<String>,
}

impl Default for Egress {
    fn default() -> Egress {
        let pull = ["huggingface.co", "*.huggingface.co", "*.hf.co"].map(str::to_owned).to_vec();
        Egress { airgap: false, private: Vec::new(), pull }
    }
}
