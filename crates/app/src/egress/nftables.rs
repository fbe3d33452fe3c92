//! The plan as a ruleset of nftables: one user may open connections to these addresses and ports, and to nothing else.
//!
//! Never here: names as rules. nftables knows addresses only, so names stand in comments, and the rules hold for the addresses
//! of the moment.

use super::plan::Plan;
use std::fmt::Write;

/// The ruleset. It replaces its own table and touches no other, so it can be loaded again and again.
pub(super) fn ruleset(plan: &Plan, user: &str) -> String {
    let mut out = String::new();
    let version = env!("CARGO_PKG_VERSION");
    let _ = writeln!(out, "#!/usr/sbin/nft -f\n# dewpoint {version} egress-rules, from {}.", plan.source);
    out.push_str("# nftables knows no names: these are the addresses that the names had when this was written. Write it anew when\n");
    out.push_str("# they change (a timer), or what has moved cannot be reached. It fails closed.\n");
    if plan.airgap {
        out.push_str("# The air gap is closed: nothing but this host.\n");
    }
    for line in plan.comments() {
        let _ = writeln!(out, "#   {line}");
    }
    out.push_str("# `dewpoint pull` is not among them: it runs as whoever calls it.\n\n");
    out.push_str("add table inet dewpoint_egress\ndelete table inet dewpoint_egress\n\ntable inet dewpoint_egress {\n");
    let targets = plan.targets();
    let (v4, v6): (Vec<_>, Vec<_>) = targets.into_iter().partition(|(ip, _)| ip.is_ipv4());
    for (name, kind, elements) in [("places4", "ipv4_addr", &v4), ("places6", "ipv6_addr", &v6)] {
        let _ = writeln!(out, "\tset {name} {{\n\t\ttype {kind} . inet_service");
        let listed: Vec<String> = elements.iter().map(|(ip, port)| format!("{ip} . {port}")).collect();
        if !listed.is_empty() {
            let _ = writeln!(out, "\t\telements = {{ {} }}", listed.join(",\n\t\t             "));
        }
        out.push_str("\t}\n\n");
    }
    // Only packets of this user's own sockets: what the kernel sends by itself has no user, and is not its business.
    out.push_str("\tchain output {\n\t\ttype filter hook output priority filter; policy accept;\n");
    let _ = writeln!(out, "\t\tmeta skuid {} jump dewpoint\n\t}}\n\n\tchain dewpoint {{", quoted(user));
    out.push_str("\t\toifname \"lo\" accept\n");
    out.push_str("\t\tct state established,related accept comment \"answers to callers, and what was let out\"\n");
    out.push_str("\t\tip daddr . tcp dport @places4 accept\n\t\tip6 daddr . tcp dport @places6 accept\n");
    if plan.asks_names() {
        for resolver in plan.resolvers.iter().filter(|ip| !ip.is_loopback()) {
            let family = if resolver.is_ipv4() { "ip" } else { "ip6" };
            for protocol in ["udp", "tcp"] {
                let _ =
                    writeln!(out, "\t\t{family} daddr {} {protocol} dport 53 accept comment \"name server\"", resolver);
            }
        }
    }
    out.push_str("\t\tlimit rate 10/minute log prefix \"dewpoint egress: \" level warn\n");
    out.push_str("\t\tcounter reject with icmpx type admin-prohibited\n\t}\n}\n");
    out
}

/// A number is a user id, everything else a name.
fn quoted(user: &str) -> String {
    if user.bytes().all(|b| b.is_ascii_digit()) { user.to_owned() } else { format!("\"{user}\"") }
}
