//! The allow-list: which origins may be dialled, and on what ground the addresses behind their names may stand.
//!
//! The zone that a place declares is a promise about where its data goes, so its name must lead there: one that is said to
//! be on the own network and resolves to a public address is refused, and so is a vendor's name that resolves to a private
//! one (DNS rebinding). An address that the configuration writes out is what it is; only its zone has to be true.
//!
//! Never here: reading configuration (room `app`), sockets.

use super::ground::{Ground, ground, plain};
use super::origin::Origin;
use decide::Zone;
use ipnet::IpNet;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// What may be dialled. Empty at first: nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Egress {
    airgap: bool,
    any_loopback: bool,
    private: Arc<[IpNet]>,
    origins: HashMap<Spot, Grounds>,
    patterns: Vec<String>,
}

/// Scheme, host and port. The name that TLS asks for (SNI) is the host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Spot {
    pub(super) https: bool,
    pub(super) host: Box<str>,
    pub(super) port: u16,
}

impl Spot {
    pub(super) fn of(origin: &Origin) -> Spot {
        Spot { https: origin.is_https(), host: origin.host().into(), port: origin.port() }
    }
}

/// Which grounds the addresses behind a name may stand on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Grounds {
    loopback: bool,
    private: bool,
    public: bool,
}

impl Grounds {
    const LOOPBACK: Grounds = Grounds { loopback: true, private: false, public: false };

    /// Of a name, by the zone that is declared for it.
    fn of(zone: Zone, literal: Option<IpAddr>) -> Grounds {
        let (loopback, private, public) = match zone {
            Zone::Embedded => (false, false, false),
            Zone::SameHost => (true, true, false),
            Zone::OwnNetwork => (false, true, false),
            Zone::RentedDedicated => (false, true, true),
            Zone::VendorCloud => (false, false, true),
        };
        // Nothing resolves an address that is written out. What is nearer than its zone says is treated with more care than
        // it needs, which is no lie; what is farther is one.
        let nearer = literal.is_some();
        Grounds { loopback: loopback || nearer, private: private || nearer, public }
    }

    /// Two places with one name share its connections, so both have to agree.
    fn both(self, other: Grounds) -> Grounds {
        Grounds {
            loopback: self.loopback && other.loopback,
            private: self.private && other.private,
            public: self.public && other.public,
        }
    }
}

impl Egress {
    /// Nothing but this host, at any port: for tests and tools that talk to servers which they started themselves.
    pub fn loopback() -> Egress {
        Egress { any_loopback: true, ..Egress::default() }
    }

    /// With the air gap closed: only loopback addresses, whatever else is listed.
    #[must_use]
    pub fn airgapped(mut self, airgap: bool) -> Egress {
        self.airgap = airgap;
        self
    }

    /// With networks that count as one's own: every listed origin may stand there.
    #[must_use]
    pub fn private(mut self, networks: &[IpNet]) -> Egress {
        self.private = networks.into();
        self
    }

    /// Lists the origin of a place, in the zone that it declares.
    #[must_use]
    pub fn place(mut self, origin: &Origin, zone: Zone) -> Egress {
        self.add(origin, Grounds::of(zone, origin.literal()));
        self
    }

    /// Lists an origin that the user of this machine named himself: a private address is as good as a public one.
    #[must_use]
    pub fn named(self, origin: &Origin) -> Egress {
        self.place(origin, Zone::RentedDedicated)
    }

    /// Lists hosts by pattern, for downloads that lead from one host to another: `huggingface.co`, or `*.hf.co` for every
    /// name below it. Only https, only port 443, only public addresses.
    #[must_use]
    pub fn hosts(mut self, patterns: &[String]) -> Egress {
        self.patterns.extend(patterns.iter().map(|p| p.to_ascii_lowercase()));
        self
    }

    /// Whether connections that were made under `before` are as good under this list: the same rules for every origin that
    /// stands on both.
    pub fn agrees(&self, before: &Egress) -> bool {
        let same = |(spot, grounds): (&Spot, &Grounds)| before.origins.get(spot).is_none_or(|g| g == grounds);
        self.airgap == before.airgap && self.private == before.private && self.origins.iter().all(same)
    }

    /// Why an origin is not dialled, as far as that can be said without asking for its name.
    pub fn refuses(&self, origin: &Origin) -> Option<Denied> {
        self.leave(&Spot::of(origin)).err()
    }

    /// Whether the air gap is closed.
    pub fn is_airgapped(&self) -> bool {
        self.airgap
    }

    fn add(&mut self, origin: &Origin, grounds: Grounds) {
        let grounds = if origin.is_loopback() { Grounds::LOOPBACK } else { grounds };
        let before = self.origins.get(&Spot::of(origin)).copied();
        self.origins.insert(Spot::of(origin), before.map_or(grounds, |b| b.both(grounds)));
    }

    /// Leave to connect to a spot, for addresses that pass [`Leave::check`].
    pub(super) fn leave(&self, spot: &Spot) -> Result<Leave, Denied> {
        let origin_is_loopback = super::origin::is_loopback_host(&spot.host);
        let denied = |reason, why: String| Err(Denied { reason, why });
        if self.airgap && !origin_is_loopback {
            let why =
                format!("{} is beyond this host, and the air gap is closed (--airgap, [egress] airgap)", spot.shown());
            return denied(Reason::Airgap, why);
        }
        let grounds = match self.origins.get(spot) {
            Some(grounds) => *grounds,
            None if self.any_loopback && origin_is_loopback => Grounds::LOOPBACK,
            None if self.fits_pattern(spot) => Grounds::of(Zone::VendorCloud, None),
            None => {
                let why = format!("{} is not on the egress list, which is built from the configuration", spot.shown());
                return denied(Reason::NotListed, why);
            }
        };
        let leave = Leave { host: spot.host.clone(), grounds, private: self.private.clone() };
        if let Some(ip) = super::origin::literal(&spot.host) {
            leave.check(ip)?;
        }
        Ok(leave)
    }

    fn fits_pattern(&self, spot: &Spot) -> bool {
        let fits = |pattern: &String| match pattern.strip_prefix('*') {
            Some(end) => spot.host.len() > end.len() && spot.host.ends_with(end) && end.starts_with('.'),
            None => *pattern == *spot.host,
        };
        spot.https && spot.port == 443 && super::origin::literal(&spot.host).is_none() && self.patterns.iter().any(fits)
    }
}

impl Spot {
    fn shown(&self) -> String {
        format!("{}://{}:{}", if self.https { "https" } else { "http" }, self.host, self.port)
    }
}

/// Leave to connect to one origin: what the addresses behind its name have to be.
#[derive(Debug, Clone)]
pub(super) struct Leave {
    host: Box<str>,
    grounds: Grounds,
    private: Arc<[IpNet]>,
}

impl Leave {
    /// Whether one address may be dialled.
    pub(super) fn check(&self, ip: IpAddr) -> Result<(), Denied> {
        let ground = ground(ip);
        let own = self.private.iter().any(|net| net.contains(&plain(ip)));
        let (reason, why) = match ground {
            Ground::Never(what) => (Reason::Forbidden, format!("{what}, which is never dialled")),
            Ground::LinkLocal => (Reason::Forbidden, "a link-local address, which is never dialled".to_owned()),
            Ground::Loopback if self.grounds.loopback => return Ok(()),
            Ground::Loopback => {
                (Reason::Loopback, "an address of this host, but the name is not of this host".to_owned())
            }
            Ground::Private if self.grounds.private || own => return Ok(()),
            Ground::Private if !self.grounds.public => (Reason::Private, self.only_loopback("a private address")),
            Ground::Private => {
                let why = "a private address, which this place's zone does not lead to; list its network in [egress] private if \
                           it is meant";
                (Reason::Private, why.to_owned())
            }
            Ground::Public if self.grounds.public || (own && self.grounds.private) => return Ok(()),
            Ground::Public if !self.grounds.private => (Reason::Public, self.only_loopback("a public address")),
            Ground::Public => {
                let why = "a public address, but the place is declared to be on own ground; correct its zone, or list the network \
                           in [egress] private if it is your own";
                (Reason::Public, why.to_owned())
            }
        };
        Err(Denied { reason, why: format!("{} is at {ip}: {why}", self.host) })
    }

    fn only_loopback(&self, what: &str) -> String {
        if self.grounds == Grounds::LOOPBACK {
            format!("{what}, but the name means this host")
        } else {
            format!("{what}; places that share this name declare zones which do not agree")
        }
    }

    /// Those of a name's addresses that may be dialled.
    ///
    /// An answer with an address that is never dialled in it is refused whole: no honest server gives one, and the rest of it
    /// deserves no trust. Of a mixed answer otherwise the good ones are kept. IPv6 link-local addresses, which multicast DNS
    /// gives beside good ones, are left out.
    pub(super) fn choose(&self, addresses: &[SocketAddr]) -> Result<Vec<SocketAddr>, Denied> {
        let mut good = Vec::with_capacity(addresses.len());
        let mut refused = None;
        for address in addresses {
            match (self.check(address.ip()), ground(address.ip())) {
                (Ok(()), _) => good.push(*address),
                (Err(denied), Ground::Never(_)) => return Err(denied),
                (Err(denied), _) => refused = refused.or(Some(denied)),
            }
        }
        match refused {
            Some(denied) if good.is_empty() => Err(denied),
            _ => Ok(good),
        }
    }
}

/// Why something was not dialled, as `/metrics` counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The origin is not on the list.
    NotListed,
    /// The air gap is closed.
    Airgap,
    /// A link-local, metadata, multicast, unspecified or broadcast address.
    Forbidden,
    /// A loopback address behind a name that is not of this host.
    Loopback,
    /// A private address behind a name that must not lead to one.
    Private,
    /// A public address behind a name that is declared to be on own ground.
    Public,
}

impl Reason {
    /// Every reason, in the order in which they are counted.
    pub const ALL: [Reason; 6] =
        [Reason::NotListed, Reason::Airgap, Reason::Forbidden, Reason::Loopback, Reason::Private, Reason::Public];

    /// The snake-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::NotListed => "not_listed",
            Reason::Airgap => "airgap",
            Reason::Forbidden => "forbidden_address",
            Reason::Loopback => "loopback_address",
            Reason::Private => "private_address",
            Reason::Public => "public_address",
        }
    }

    /// In words, without any address, for tables and callers.
    pub const fn shown(self) -> &'static str {
        match self {
            Reason::NotListed => "its address is not on the egress list",
            Reason::Airgap => "it is beyond this host, and the air gap is closed",
            Reason::Forbidden => "its name leads to an address that is never dialled",
            Reason::Loopback => "its name leads to this host",
            Reason::Private => "its name leads to a private network that is not configured for it",
            Reason::Public => "its name leads to a public address, but it is declared to be on own ground",
        }
    }
}

/// Something was not dialled. The text names the address, so it is for logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Denied {
    /// Which rule.
    pub reason: Reason,
    /// What exactly.
    pub why: String,
}

#[cfg(test)]
#[path = "egress_tests.rs"]
mod tests;
