//! What a firewall has to let through, whatever its form.
//!
//! Never here: looking names up (`rules`), or writing it down.

use std::net::IpAddr;

/// What a firewall has to let through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    /// The file in force.
    pub(super) source: String,
    pub(super) airgap: bool,
    pub(super) ways: Vec<Way>,
    /// Name servers, as `/etc/resolv.conf` names them.
    pub(super) resolvers: Vec<IpAddr>,
}

/// The way to one place beyond this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) place: String,
    pub(super) zone: &'static str,
    pub(super) host: String,
    pub(super) port: u16,
    /// Whether the host is a name, whose addresses may be others tomorrow.
    pub(super) named: bool,
    /// Its addresses, or why there are none.
    pub(super) addresses: Result<Vec<IpAddr>, String>,
}

impl Plan {
    /// Whether names have to be looked up at all.
    pub(super) fn asks_names(&self) -> bool {
        self.ways.iter().any(|w| w.named && w.addresses.is_ok())
    }

    /// Every address with its port, once.
    pub(super) fn targets(&self) -> Vec<(IpAddr, u16)> {
        let each = |w: &Way| {
            w.addresses.clone().unwrap_or_default().into_iter().map(move |ip| (ip, w.port)).collect::<Vec<_>>()
        };
        let mut all: Vec<_> = self.ways.iter().flat_map(each).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Comments for both forms: what the addresses stand for.
    pub(super) fn comments(&self) -> Vec<String> {
        let mut out = Vec::new();
        for way in &self.ways {
            let head = format!("{} ({}): {}:{}", way.place, way.zone, way.host, way.port);
            out.push(match &way.addresses {
                Ok(_) => head,
                Err(why) => format!("{head} - left out: {why}"),
            });
        }
        out.into_iter().map(|line| line.chars().filter(|c| !c.is_control()).collect()).collect()
    }
}
