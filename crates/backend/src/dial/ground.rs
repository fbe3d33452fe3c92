//! What kind of ground an address stands on: this host, a private network, the public one, or ground that nobody dials.
//!
//! An IPv6 address that carries an IPv4 one inside (mapped, translated, NAT64, 6to4, Teredo) is judged by what it carries:
//! the kernel or a gateway on the way sends it there. Ranges: the IANA registries of special-purpose addresses (RFC 6890
//! and what updates it).
//!
//! Never here: names, configuration, or what is allowed where (`egress`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The ground of an address, nearest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ground {
    /// This host by itself: `127.0.0.0/8`, `::1`.
    Loopback,
    /// A network that is not routed in public.
    Private,
    /// Everything else, documentation and benchmark ranges included: far away is the careful answer.
    Public,
    /// IPv6 link-local: where multicast DNS is at home it stands beside a good address. Not dialled, and no sign of malice.
    LinkLocal,
    /// Never dialled. Metadata services give out credentials; the rest is no one's address.
    Never(&'static str),
}

/// Metadata services outside the link-local ranges. Sources: the providers' documentation of their instance metadata.
const METADATA_V4: [(Ipv4Addr, &str); 3] = [
    (Ipv4Addr::new(100, 100, 100, 200), "the metadata service of Alibaba Cloud"),
    (Ipv4Addr::new(168, 63, 129, 16), "the host service of Azure"),
    (Ipv4Addr::new(192, 0, 0, 192), "the metadata service of Oracle Cloud"),
];

/// The ground of `ip`.
pub(crate) fn ground(ip: IpAddr) -> Ground {
    match ip {
        IpAddr::V4(v4) => ground_v4(v4),
        IpAddr::V6(v6) => ground_v6(v6),
    }
}

/// The IPv4 address that is really meant, where there is one inside.
pub(crate) fn plain(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) => carried(v6).map_or(ip, IpAddr::V4),
        v4 @ IpAddr::V4(_) => v4,
    }
}

fn ground_v4(ip: Ipv4Addr) -> Ground {
    if let Some((_, what)) = METADATA_V4.iter().find(|(known, _)| *known == ip) {
        return Ground::Never(what);
    }
    match ip.octets() {
        [0, ..] => Ground::Never("an unspecified address"),
        [127, ..] => Ground::Loopback,
        [169, 254, ..] => Ground::Never("a link-local address, where clouds have their metadata service"),
        [255, 255, 255, 255] => Ground::Never("the broadcast address"),
        [224..=239, ..] => Ground::Never("a multicast address"),
        // RFC 1918; RFC 6598, which providers and overlay networks share; IETF's own; and 240/4, which some networks use inside.
        [10, ..] | [192, 168, ..] | [192, 0, 0, _] | [240..=255, ..] => Ground::Private,
        [172, b, ..] if b & 0xf0 == 16 => Ground::Private,
        [100, b, ..] if b & 0xc0 == 64 => Ground::Private,
        _ => Ground::Public,
    }
}

fn ground_v6(ip: Ipv6Addr) -> Ground {
    if ip.is_loopback() {
        return Ground::Loopback;
    }
    if ip.is_unspecified() {
        return Ground::Never("an unspecified address");
    }
    if let Some(inner) = carried(ip) {
        return ground_v4(inner);
    }
    let s = ip.segments();
    match s {
        // OpenStack's metadata service: 169.254.169.254 behind fe80::.
        [0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe] => Ground::Never("the metadata service of OpenStack"),
        [0xfd00, 0x0ec2, ..] => Ground::Never("a service address of AWS, its metadata service among them"),
        [0xfd20, 0x00ce, ..] => Ground::Never("the metadata service of Google Cloud"),
        [first, ..] if first & 0xff00 == 0xff00 => Ground::Never("a multicast address"),
        [first, ..] if first & 0xffc0 == 0xfe80 => Ground::LinkLocal,
        // Unique local addresses, the site-local ones before them, and the local prefix of NAT64.
        [first, ..] if first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfec0 => Ground::Private,
        [0x0064, 0xff9b, 1, ..] => Ground::Private,
        // The discard prefix.
        [0x0100, 0, 0, 0, ..] => Ground::Never("a discard address"),
        _ => Ground::Public,
    }
}

/// The IPv4 address inside an IPv6 one.
fn carried(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = ip.segments();
    let join = |high: u16, low: u16| Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    match s {
        // IPv4-mapped; IPv4-translated (RFC 2765); IPv4-compatible (RFC 4291, `::` and `::1` are not of them); NAT64 (RFC 6052).
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x0064, 0xff9b, 0, 0, 0, 0, high, low] => join(high, low),
        [0, 0, 0, 0, 0, 0, high, low] if !ip.is_loopback() && !ip.is_unspecified() => join(high, low),
        // 6to4.
        [0x2002, high, low, ..] => join(high, low),
        // Teredo: the client's address, with its bits turned over.
        [0x2001, 0, _, _, _, _, high, low] => join(!high, !low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(text: &str) -> Ground {
        ground(text.parse().unwrap())
    }

    #[test]
    fn edges_of_every_range() {
        for (ground, addresses) in [
            (Ground::Loopback, &["127.0.0.0", "127.255.255.255", "::1"][..]),
            (
                Ground::Private,
                &[
                    "10.0.0.0",
                    "10.255.255.255",
                    "172.16.0.0",
                    "172.31.255.255",
                    "192.168.0.0",
                    "192.168.255.255",
                    "100.64.0.0",
                    "100.127.255.255",
                    "fc00::",
                    "fdff:ffff::1",
                    "fec0::1",
                    "64:ff9b:1::a00:1",
                    "240.0.0.1",
                    "192.0.0.1",
                ],
            ),
            (
                Ground::Public,
                &[
                    "9.255.255.255",
                    "11.0.0.0",
                    "172.15.255.255",
                    "172.32.0.0",
                    "192.167.255.255",
                    "192.169.0.0",
                    "100.63.255.255",
                    "100.128.0.0",
                    "128.0.0.0",
                    "126.255.255.255",
                    "169.253.255.255",
                    "169.255.0.0",
                    "223.255.255.255",
                    "1.0.0.0",
                    "192.0.1.0",
                    "168.63.129.15",
                    "2606:4700::1111",
                    "fbff::1",
                    "203.0.113.7",
                ],
            ),
            (Ground::LinkLocal, &["fe80::1", "febf:ffff::1"]),
        ] {
            for address in addresses {
                assert_eq!(of(address), ground, "{address}");
            }
        }
    }

    #[test]
    fn nobody_dials_metadata_and_no_ones_addresses() {
        for address in [
            "169.254.0.0",
            "169.254.169.254",
            "169.254.170.2",
            "169.254.255.255",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",
            "fe80::a9fe:a9fe",
            "0.0.0.0",
            "0.255.255.255",
            "::",
            "224.0.0.0",
            "239.255.255.255",
            "255.255.255.255",
            "ff02::1",
            "ff00::",
            "100::1",
        ] {
            assert!(matches!(of(address), Ground::Never(_)), "{address}");
        }
    }

    #[test]
    fn what_is_carried_inside_counts() {
        for (metadata, loopback, private, public) in [
            ("::ffff:169.254.169.254", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8"),
            ("::ffff:0:169.254.169.254", "::ffff:0:127.0.0.1", "::ffff:0:10.0.0.1", "::ffff:0:8.8.8.8"),
            ("::169.254.169.254", "::127.0.0.1", "::10.0.0.1", "::8.8.8.8"),
            ("64:ff9b::169.254.169.254", "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::8.8.8.8"),
            ("2002:a9fe:a9fe::1", "2002:7f00:1::", "2002:a00:1::1", "2002:808:808::1"),
            (
                "2001:0:1:2:3:4:5601:5601",
                "2001:0:1:2:3:4:80ff:fffe",
                "2001:0:1:2:3:4:f5ff:fffe",
                "2001:0:1:2:3:4:f7f7:f7f7",
            ),
        ] {
            assert!(matches!(of(metadata), Ground::Never(_)), "{metadata}");
            assert_eq!(of(loopback), Ground::Loopback, "{loopback}");
            assert_eq!(of(private), Ground::Private, "{private}");
            assert_eq!(of(public), Ground::Public, "{public}");
        }
        assert_eq!(plain("::ffff:10.1.2.3".parse().unwrap()), "10.1.2.3".parse::<IpAddr>().unwrap());
        assert_eq!(plain("2606:4700::1".parse().unwrap()), "2606:4700::1".parse::<IpAddr>().unwrap());
    }
}
