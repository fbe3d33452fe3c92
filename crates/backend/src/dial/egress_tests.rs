//! Tests of the allow-list and of what may stand behind a name.
#![allow(clippy::unwrap_used)]

use super::*;

fn origin(url: &str) -> Origin {
    Origin::parse(url).unwrap()
}

fn ips(list: &[&str]) -> Vec<SocketAddr> {
    list.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect()
}

/// What a place of `zone` at `url` may dial of these addresses.
fn chosen(egress: Egress, url: &str, zone: Zone, addresses: &[&str]) -> Result<Vec<String>, Reason> {
    let at = origin(url);
    let leave = egress.place(&at, zone).leave(&Spot::of(&at)).map_err(|d| d.reason)?;
    let good = leave.choose(&ips(addresses)).map_err(|d| d.reason)?;
    Ok(good.iter().map(|a| a.ip().to_string()).collect())
}

#[test]
fn only_what_is_listed_and_exactly_that() {
    let listed = origin("https://api.example/v1");
    let egress = Egress::default().place(&listed, Zone::VendorCloud);
    assert!(egress.leave(&Spot::of(&origin("https://API.example:443/other"))).is_ok(), "a path is no other origin");
    for other in [
        "http://api.example/v1",
        "https://api.example:8443/v1",
        "https://evil.api.example/v1",
        "https://api.example.evil/v1",
        "https://127.0.0.1/",
        "http://localhost:4141",
    ] {
        assert_eq!(egress.leave(&Spot::of(&origin(other))).unwrap_err().reason, Reason::NotListed, "{other}");
    }
    assert_eq!(Egress::default().leave(&Spot::of(&listed)).unwrap_err().reason, Reason::NotListed, "nothing at first");
    assert!(Egress::loopback().leave(&Spot::of(&origin("http://127.0.0.1:9"))).is_ok());
    assert_eq!(Egress::loopback().leave(&Spot::of(&listed)).unwrap_err().reason, Reason::NotListed);
}

#[test]
fn a_zone_is_a_promise_that_the_addresses_have_to_keep() {
    let (loopback, private, public) = ("127.0.0.1", "10.1.2.3", "93.184.216.34");
    let url = "http://gpu.example:8000/v1";
    for (zone, expected) in [
        (Zone::SameHost, [None, None, Some(Reason::Public)]),
        (Zone::OwnNetwork, [Some(Reason::Loopback), None, Some(Reason::Public)]),
        (Zone::RentedDedicated, [Some(Reason::Loopback), None, None]),
        (Zone::VendorCloud, [Some(Reason::Loopback), Some(Reason::Private), None]),
    ] {
        for (address, reason) in [loopback, private, public].into_iter().zip(expected) {
            let got = chosen(Egress::default(), url, zone, &[address]);
            assert_eq!(got.err(), reason, "{zone:?} at {address}");
        }
        for never in ["169.254.169.254", "fd00:ec2::254", "100.100.100.200", "0.0.0.0", "224.0.0.1", "255.255.255.255"]
        {
            let got = chosen(Egress::default(), url, zone, &[never]);
            assert_eq!(got, Err(Reason::Forbidden), "{zone:?} at {never}");
        }
    }
}

#[test]
fn networks_of_ones_own_are_listed() {
    let own = |nets: &[&str]| Egress::default().private(&nets.iter().map(|n| n.parse().unwrap()).collect::<Vec<_>>());
    let at = |egress, zone, ip| chosen(egress, "http://x.example", zone, &[ip]).err();
    // A vendor's service behind a private link; a university's public addresses.
    assert_eq!(at(own(&["10.0.0.0/8"]), Zone::VendorCloud, "10.1.2.3"), None);
    assert_eq!(at(own(&["10.0.0.0/8"]), Zone::VendorCloud, "::ffff:10.1.2.3"), None, "the plain form counts");
    assert_eq!(at(own(&["10.0.0.0/9"]), Zone::VendorCloud, "10.128.0.0"), Some(Reason::Private));
    assert_eq!(at(own(&["131.130.0.0/16"]), Zone::OwnNetwork, "131.130.1.1"), None);
    assert_eq!(at(own(&["131.130.0.0/16"]), Zone::OwnNetwork, "131.131.1.1"), Some(Reason::Public));
    assert_eq!(at(own(&["2001:db8::/32"]), Zone::OwnNetwork, "2001:db8::1"), None);
    // No list makes a metadata service one's own, or this host somebody else's.
    assert_eq!(at(own(&["0.0.0.0/0"]), Zone::OwnNetwork, "169.254.169.254"), Some(Reason::Forbidden));
    assert_eq!(at(own(&["0.0.0.0/0"]), Zone::VendorCloud, "127.0.0.1"), Some(Reason::Loopback));
}

#[test]
fn of_a_mixed_answer_the_good_ones_are_kept_unless_one_is_never_dialled() {
    let own = |list: &[&str]| chosen(Egress::default(), "http://gpu.local", Zone::OwnNetwork, list);
    assert_eq!(own(&["93.184.216.34", "10.0.0.7", "192.168.1.7"]).unwrap(), ["10.0.0.7", "192.168.1.7"]);
    assert_eq!(
        own(&["fe80::1", "192.168.1.7"]).unwrap(),
        ["192.168.1.7"],
        "multicast DNS gives link-local ones as well"
    );
    assert_eq!(own(&["fe80::1"]), Err(Reason::Forbidden));
    assert_eq!(own(&["192.168.1.7", "169.254.169.254"]), Err(Reason::Forbidden));
    assert_eq!(own(&["192.168.1.7", "64:ff9b::a9fe:a9fe"]), Err(Reason::Forbidden), "whatever it is wrapped in");
    let cloud =
        chosen(Egress::default(), "https://api.example", Zone::VendorCloud, &["127.0.0.1", "10.0.0.1", "1.1.1.1"]);
    assert_eq!(cloud.unwrap(), ["1.1.1.1"]);
}

#[test]
fn an_address_that_is_written_out_is_what_it_is_and_its_zone_has_to_be_true() {
    let leave = |url: &str, zone| {
        let at = origin(url);
        Egress::default().place(&at, zone).leave(&Spot::of(&at)).map(|_| ()).map_err(|d| d.reason)
    };
    for zone in [Zone::SameHost, Zone::OwnNetwork, Zone::RentedDedicated, Zone::VendorCloud] {
        assert_eq!(leave("http://127.0.0.1:1", zone), Ok(()), "{zone:?}");
        assert_eq!(leave("http://10.0.0.7:1", zone), Ok(()), "{zone:?}");
    }
    assert_eq!(leave("https://93.184.216.34", Zone::VendorCloud), Ok(()));
    assert_eq!(leave("https://93.184.216.34", Zone::OwnNetwork), Err(Reason::Public));
    assert_eq!(leave("https://93.184.216.34", Zone::SameHost), Err(Reason::Public));
    // A name of this host means this host, whatever zone is declared and whatever a name server says.
    let at = origin("http://localhost:1");
    let leave = Egress::default().place(&at, Zone::VendorCloud).leave(&Spot::of(&at)).unwrap();
    assert_eq!(leave.choose(&ips(&["93.184.216.34"])).unwrap_err().reason, Reason::Public);
    assert!(leave.choose(&ips(&["127.0.0.1"])).is_ok());
}

#[test]
fn places_that_share_a_name_share_what_both_allow() {
    let at = origin("http://box.example:1");
    let both = |a, b| Egress::default().place(&at, a).place(&at, b).leave(&Spot::of(&at)).unwrap();
    let clash = both(Zone::OwnNetwork, Zone::VendorCloud);
    assert_eq!(clash.check("10.0.0.1".parse().unwrap()).unwrap_err().reason, Reason::Private);
    assert_eq!(clash.check("1.1.1.1".parse().unwrap()).unwrap_err().reason, Reason::Public);
    assert!(both(Zone::OwnNetwork, Zone::RentedDedicated).check("10.0.0.1".parse().unwrap()).is_ok());
    // An Ollama on this host with models of its own and models of its cloud.
    let local = origin("http://localhost:11434");
    let egress = Egress::default().place(&local, Zone::SameHost).place(&local, Zone::VendorCloud);
    assert!(egress.leave(&Spot::of(&local)).unwrap().check("127.0.0.1".parse().unwrap()).is_ok());
}

#[test]
fn a_list_agrees_with_another_as_long_as_no_rule_of_an_origin_changes() {
    let (a, b) = (origin("http://a.example"), origin("http://b.example"));
    let before = Egress::default().place(&a, Zone::OwnNetwork);
    assert!(before.clone().place(&b, Zone::VendorCloud).agrees(&before), "one more");
    assert!(Egress::default().agrees(&before), "one fewer");
    assert!(!Egress::default().place(&a, Zone::VendorCloud).agrees(&before), "another zone");
    assert!(!before.clone().place(&a, Zone::VendorCloud).agrees(&before), "a second place of another zone");
    assert!(!before.clone().private(&["10.0.0.0/8".parse().unwrap()]).agrees(&before));
    assert!(!before.clone().airgapped(true).agrees(&before));
}

#[test]
fn an_air_gap_leaves_this_host_only() {
    let (here, there, box_) =
        (origin("http://127.0.0.1:8000"), origin("https://api.example"), origin("http://10.0.0.7:8000"));
    let docker = origin("http://host.docker.internal:11434");
    let egress = Egress::default()
        .private(&["10.0.0.0/8".parse().unwrap()])
        .place(&here, Zone::SameHost)
        .place(&there, Zone::VendorCloud)
        .place(&box_, Zone::OwnNetwork)
        .place(&docker, Zone::SameHost)
        .hosts(&["*.hf.co".to_owned()])
        .airgapped(true);
    assert!(egress.leave(&Spot::of(&here)).is_ok());
    for far in [there, box_, docker, origin("https://cdn.hf.co")] {
        assert_eq!(egress.leave(&Spot::of(&far)).unwrap_err().reason, Reason::Airgap, "{far}");
    }
    assert_eq!(egress.leave(&Spot::of(&origin("http://127.0.0.1:9"))).unwrap_err().reason, Reason::NotListed);
}

#[test]
fn patterns_name_hosts_and_what_is_below_them() {
    let egress = Egress::default().hosts(&["huggingface.co".to_owned(), "*.HF.co".to_owned()]);
    let leave = |url: &str| egress.leave(&Spot::of(&origin(url)));
    for good in ["https://huggingface.co", "https://cdn.hf.co", "https://a.b.hf.co:443"] {
        assert!(leave(good).is_ok(), "{good}");
    }
    for bad in [
        "https://hf.co",
        "https://evilhf.co",
        "https://hf.co.evil",
        "https://huggingface.co.evil",
        "http://cdn.hf.co",
        "https://cdn.hf.co:8443",
        "https://x.huggingface.co",
    ] {
        assert_eq!(leave(bad).unwrap_err().reason, Reason::NotListed, "{bad}");
    }
    assert_eq!(
        leave("https://cdn.hf.co").unwrap().check("10.0.0.1".parse().unwrap()).unwrap_err().reason,
        Reason::Private
    );
    // What the user typed may be on a network of his own.
    let mirror = origin("http://mirror.lan");
    let named = Egress::default().named(&mirror).leave(&Spot::of(&mirror)).unwrap();
    assert!(named.check("10.0.0.1".parse().unwrap()).is_ok() && named.check("1.1.1.1".parse().unwrap()).is_ok());
    assert_eq!(named.check("127.0.0.1".parse().unwrap()).unwrap_err().reason, Reason::Loopback);
}
