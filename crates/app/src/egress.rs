//! What a server may dial, for people and machines: the line at the start, the count of refusals, and `dewpoint egress-rules`,
//! which prints the firewall that matches the configuration.
//!
//! Never here: the refusing itself (room `backend`).

mod nftables;
mod plan;
mod policy;
mod rules;

pub(crate) use rules::{EgressRules, run};

use crate::config::{EgressSettings, PlaceSettings};
use backend::{Dialer, Origin};
use std::fmt::Write;

/// The line at the start: nothing, unless the air gap is closed.
pub(crate) fn line<'a>(egress: &EgressSettings, places: impl Iterator<Item = &'a PlaceSettings> + Clone) -> String {
    if !egress.airgap {
        return String::new();
    }
    let list = egress.list(places.clone());
    let beyond = places.filter(|p| Origin::parse(&p.base_url).is_ok_and(|origin| list.refuses(&origin).is_some()));
    let beyond: Vec<&str> = beyond.map(|p| p.place.id.as_str()).collect();
    let refused = if beyond.is_empty() { String::new() } else { format!("; refused: {}", beyond.join(", ")) };
    format!("air gap closed: nothing but this host is dialled, and no name server is asked{refused}\n")
}

/// The family of `/metrics`. Every reason is there from the start, so that a rule on its growth has something to compare with.
pub(crate) fn metrics(dialer: &Dialer) -> String {
    let name = "dewpoint_egress_denied";
    let mut out =
        format!("# HELP {name} Connections and requests that the egress list refused.\n# TYPE {name} counter\n");
    for (reason, count) in dialer.denied() {
        let _ = writeln!(out, "{name}_total{{reason=\"{}\"}} {count}", reason.as_str());
    }
    out
}
