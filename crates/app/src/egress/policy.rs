//! The plan as a NetworkPolicy of Kubernetes: pods with one label may open connections to these addresses and ports only.
//!
//! Never here: names as rules. A NetworkPolicy knows addresses only, so names stand in comments.

use super::plan::Plan;
use std::fmt::Write;

/// The manifest. Loopback inside a pod is not subject to network policies.
pub(super) fn manifest(plan: &Plan, namespace: &str) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "# dewpoint {} egress-rules, from {}.", env!("CARGO_PKG_VERSION"), plan.source);
    out.push_str("# A NetworkPolicy knows no names: these are the addresses that the names had when this was written. Write it anew\n");
    out.push_str(
        "# when they change, or what has moved cannot be reached. It needs a network plugin that enforces policies.\n",
    );
    if plan.airgap {
        out.push_str("# The air gap is closed: nothing but the pod itself.\n");
    }
    for line in plan.comments() {
        let _ = writeln!(out, "#   {line}");
    }
    out.push_str("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: dewpoint-egress\n");
    let _ = writeln!(out, "  namespace: \"{namespace}\"");
    out.push_str("spec:\n  podSelector:\n    matchLabels:\n      app.kubernetes.io/name: dewpoint\n  policyTypes:\n    - Egress\n");
    let targets = plan.targets();
    if targets.is_empty() {
        out.push_str("  egress: []\n");
        return out;
    }
    out.push_str("  egress:\n");
    for (ip, port) in targets {
        let bits = if ip.is_ipv4() { 32 } else { 128 };
        let _ = writeln!(out, "    - to:\n        - ipBlock:\n            cidr: \"{ip}/{bits}\"");
        let _ = writeln!(out, "      ports:\n        - protocol: TCP\n          port: {port}");
    }
    if plan.asks_names() {
        out.push_str("    # The cluster's name server; correct the labels where yours is another.\n");
        out.push_str("    - to:\n        - namespaceSelector:\n            matchLabels:\n              kubernetes.io/metadata.name: kube-system\n");
        out.push_str(
            "          podSelector:\n            matchLabels:\n              k8s-app: kube-dns\n      ports:\n",
        );
        out.push_str("        - protocol: UDP\n          port: 53\n        - protocol: TCP\n          port: 53\n");
    }
    out
}
