//! Tests of the firewall's text. `nft` and `kubectl` are not asked: the ruleset is compared with one that was read by hand, the
//! manifest is parsed and held against the API's shape.
#![allow(clippy::unwrap_used)]

use super::*;
use yaml_rust2::{Yaml, YamlLoader};

fn way(place: &str, zone: &'static str, host: &str, port: u16, addresses: &[&str]) -> Way {
    let literal = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    let addresses = Ok(addresses.iter().map(|ip| ip.parse().unwrap()).collect());
    Way { place: place.to_owned(), zone, host: host.to_owned(), port, named: !literal, addresses }
}

fn plan() -> Plan {
    let mut lost = way("lost", "own-network", "gpu.lan", 8000, &[]);
    lost.addresses = Err("gpu.lan is at 1.1.1.1: a public address\n}; flush ruleset".to_owned());
    Plan {
        source: "dewpoint.toml".to_owned(),
        airgap: false,
        ways: vec![
            way("openai", "vendor-cloud", "api.openai.com", 443, &["162.159.140.245", "2606:4700:7::f5"]),
            way("mirror", "vendor-cloud", "api.openai.com", 443, &["162.159.140.245"]),
            way("gpu", "own-network", "10.0.0.7", 8000, &["10.0.0.7"]),
            lost,
        ],
        resolvers: vec!["10.0.0.2".parse().unwrap(), "127.0.0.53".parse().unwrap()],
    }
}

#[test]
fn a_ruleset_lets_one_user_out_to_these_addresses_only() {
    let text = nftables::ruleset(&plan(), "dewpoint");
    insta::assert_snapshot!(text.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
    assert_eq!(text.matches('{').count(), text.matches('}').count() - 1, "balanced, but for the one in the comment");
    let orders = text.lines().filter(|l| !l.starts_with('#'));
    assert!(orders.clone().all(|l| !l.contains("flush") && !l.contains("openai")), "names and reasons are comments");
    let order = |wanted: &str| orders.clone().position(|l| l.contains(wanted)).unwrap();
    assert!(order("meta skuid \"dewpoint\" jump dewpoint") < order("@places4") && order("@places4") < order("reject"));
    assert!(nftables::ruleset(&plan(), "1000").contains("meta skuid 1000 jump dewpoint"));
}

#[test]
fn an_air_gap_lets_nothing_out() {
    let plan = Plan {
        airgap: true,
        ways: vec![Way { addresses: Err("air gap".to_owned()), ..plan().ways.remove(0) }],
        ..plan()
    };
    let text = nftables::ruleset(&plan, "dewpoint");
    assert!(!text.contains("elements") && !text.contains("dport 53"), "{text}");
    let manifest = policy::manifest(&plan, "default");
    let yaml = &YamlLoader::load_from_str(&manifest).unwrap()[0];
    assert_eq!(yaml["spec"]["egress"].as_vec().map(Vec::len), Some(0), "an empty list lets nothing out");
    assert_eq!(yaml["spec"]["policyTypes"][0].as_str(), Some("Egress"));
}

#[test]
fn a_manifest_has_the_shape_of_the_api() {
    let manifest = policy::manifest(&plan(), "ai");
    let documents = YamlLoader::load_from_str(&manifest).unwrap();
    assert_eq!(documents.len(), 1);
    let yaml = &documents[0];
    assert_eq!(yaml["apiVersion"].as_str(), Some("networking.k8s.io/v1"));
    assert_eq!(yaml["kind"].as_str(), Some("NetworkPolicy"));
    assert_eq!(yaml["metadata"]["name"].as_str(), Some("dewpoint-egress"));
    assert_eq!(yaml["metadata"]["namespace"].as_str(), Some("ai"));
    let spec = &yaml["spec"];
    assert_eq!(keys(spec), ["podSelector", "policyTypes", "egress"]);
    assert_eq!(spec["podSelector"]["matchLabels"]["app.kubernetes.io/name"].as_str(), Some("dewpoint"));
    let rules = spec["egress"].as_vec().unwrap();
    let mut blocks = Vec::new();
    for rule in rules {
        assert_eq!(keys(rule), ["to", "ports"]);
        let to = rule["to"].as_vec().unwrap();
        assert_eq!(to.len(), 1, "a rule without `to` would let everything out");
        for port in rule["ports"].as_vec().unwrap() {
            assert!(matches!(port["protocol"].as_str(), Some("TCP" | "UDP")));
            assert!((1..=65535).contains(&port["port"].as_i64().unwrap()));
        }
        if let Some(cidr) = to[0]["ipBlock"]["cidr"].as_str() {
            cidr.parse::<backend::IpNet>().unwrap();
            blocks.push(format!("{cidr}:{}", rule["ports"][0]["port"].as_i64().unwrap()));
        } else {
            assert!(
                keys(&to[0]) == ["namespaceSelector", "podSelector"] && rule["ports"][0]["port"].as_i64() == Some(53)
            );
        }
    }
    assert_eq!(blocks, ["10.0.0.7/32:8000", "162.159.140.245/32:443", "2606:4700:7::f5/128:443"]);
    assert_eq!(rules.len(), 4, "and the name server");
}

fn keys(yaml: &Yaml) -> Vec<&str> {
    yaml.as_hash().unwrap().keys().map(|k| k.as_str().unwrap()).collect()
}

#[test]
fn only_what_is_asked_for_is_let_out() {
    let mut plan = plan();
    plan.ways.retain(|w| !w.named);
    assert!(!nftables::ruleset(&plan, "dewpoint").contains("dport 53"), "addresses need no name server");
    assert!(!policy::manifest(&plan, "default").contains("kube-dns"));
}

#[test]
fn names_that_stand_in_a_ruleset_are_words() {
    for good in ["dewpoint", "1000", "svc-ai.prod_1", &"a".repeat(63)] {
        assert!(word(good).is_ok(), "{good}");
    }
    for bad in ["", "a b", "a\" accept", "-x", "a\n", "ä", &"a".repeat(64)] {
        assert!(word(bad).is_err(), "{bad}");
    }
}

#[test]
fn name_servers_are_read_as_the_system_reads_them() {
    let text = "# nameserver 9.9.9.9\nsearch lan\nnameserver 10.0.0.2\n nameserver\tfe80::1%eth0\nnameserver bad\nnameserver 1.1.1.1 # x\n";
    let found: Vec<String> = resolvers(text).iter().map(ToString::to_string).collect();
    assert_eq!(found, ["10.0.0.2", "fe80::1", "1.1.1.1"]);
}
