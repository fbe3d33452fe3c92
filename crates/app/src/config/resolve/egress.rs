//! The section `[egress]`: its networks and hosts read, the air gap from three doors.
//!
//! Never here: what the list means (room `backend`).

use super::{PlaceSettings, Reader};
use crate::config::origin::Origin;
use crate::config::shape::Egress;
use backend::IpNet;

/// The variable that closes the air gap.
const AIRGAP_VARIABLE: &str = "DEWPOINT_AIRGAP";

/// What may be dialled beside the places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct EgressSettings {
    /// Only this host.
    pub(crate) airgap: bool,
    /// Networks of one's own.
    pub(crate) private: Vec<IpNet>,
    /// Hosts that downloads may come from.
    pub(crate) pull: Vec<String>,
}

impl EgressSettings {
    /// What may be dialled: these places, each in the zone that it declares, and nothing else.
    pub(crate) fn list<'a>(&self, places: impl IntoIterator<Item = &'a PlaceSettings>) -> backend::Egress {
        let list = backend::Egress::default().airgapped(self.airgap).private(&self.private);
        places.into_iter().fold(list, |list, place| match backend::Origin::parse(&place.base_url) {
            Ok(origin) => list.place(&origin, place.place.zone),
            Err(_) => list,
        })
    }
}

pub(super) fn egress(r: &mut Reader<'_>, section: &Egress) -> EgressSettings {
    let airgap = airgap(r, section);
    let mut private = Vec::new();
    for (i, text) in section.private.iter().enumerate() {
        match network(text) {
            Ok(net) => private.push(net),
            Err(why) => {
                let what = format!("\"{text}\" is not a network");
                r.wrong(
                    &format!("egress.private[{i}]"),
                    what,
                    why,
                    "write for example \"10.0.0.0/8\" or \"fd12:3456::/32\"",
                );
            }
        }
    }
    note_list(r, "egress.private", &section.private);
    for (i, host) in section.pull.iter().enumerate() {
        if !is_host(host.strip_prefix("*.").unwrap_or(host)) {
            let why = "it is a host name, or `*.` and a host name, without scheme, port and path";
            let what = format!("\"{host}\" is not a host");
            r.wrong(&format!("egress.pull[{i}]"), what, why, "write for example \"huggingface.co\" or \"*.hf.co\"");
        }
    }
    note_list(r, "egress.pull", &section.pull);
    EgressSettings { airgap, private, pull: section.pull.clone() }
}

/// The variable closes it whatever the file says; neither opens what the other closes.
fn airgap(r: &mut Reader<'_>, section: &Egress) -> bool {
    let by_variable = match (r.env)(AIRGAP_VARIABLE).as_deref().map(str::trim) {
        None | Some("" | "0" | "false") => false,
        Some("1" | "true") => true,
        Some(_) => {
            // In doubt it is closed. What stands there is not shown: variables are where secrets are.
            r.warnings
                .push(format!("{AIRGAP_VARIABLE} is neither 1 nor 0, which closes the air gap; write one of them"));
            true
        }
    };
    if by_variable {
        r.values.note("egress.airgap", true, Origin::Environment(AIRGAP_VARIABLE.to_owned()));
    } else {
        r.note("egress.airgap", section.airgap);
    }
    by_variable || section.airgap
}

/// A network in CIDR form, or one address. Bits behind the prefix are a slip of the pen that would widen or move it.
fn network(text: &str) -> Result<IpNet, String> {
    let net: IpNet = match text.parse::<std::net::IpAddr>() {
        Ok(ip) => ip.into(),
        Err(_) => text.parse().map_err(|_| "a network is an address, a slash and a number of bits".to_owned())?,
    };
    if net.network() == net.addr() { Ok(net) } else { Err(format!("its first address is {}", net.trunc())) }
}

fn is_host(name: &str) -> bool {
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    name.len() <= 253 && name.contains('.') && name.split('.').all(label) && name.parse::<std::net::IpAddr>().is_err()
}

fn note_list(r: &mut Reader<'_>, path: &str, list: &[String]) {
    r.note(path, if list.is_empty() { "(none)".to_owned() } else { list.join(", ") });
}

/// Says of places that can never be dialled as they are configured.
pub(super) fn warn_of_refused(r: &mut Reader<'_>, egress: &EgressSettings, places: &[PlaceSettings]) {
    let list = egress.list(places);
    for place in places {
        let denied = backend::Origin::parse(&place.base_url).ok().and_then(|origin| list.refuses(&origin));
        if let Some(denied) = denied {
            r.warnings.push(format!("{}: the place \"{}\" will not be asked: {denied}", place.from, place.place.id));
        }
    }
}
