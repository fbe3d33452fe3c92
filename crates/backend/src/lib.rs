//! Everything that answers: one [`Backend`] per place, the one door to the network, and the probes that publish the
//! [`decide::Fleet`].
//!
//! Way of an attempt: [`Backend::send`] checks its [`decide::Permit`], writes the request in the place's dialect and
//! shape ([`Profile`]), sends it through the place's [`Upstream`], and gives the answer back as [`Reply`]. Failures
//! become a [`decide::Fault`] that says whether another place may help.
//!
//! Never here: choosing a place, retries, storage. A backend sends what a [`decide::Permit`] names, once, and reports.

mod adapter;
mod anthropic;
mod blame;
mod board;
mod call;
mod catalog;
mod contract;
mod dial;
mod encode;
mod exchange;
#[cfg(feature = "fuzz")]
mod fuzz;
mod identify;
mod metrics;
mod ollama;
mod openai;
mod place;
mod probe;
mod profile;
mod signs;
mod stream;

pub use board::{Board, Complete, Entry};
pub use contract::{Backend, BoxFuture, Deadlines, Discovered, EventStream, Meter, Probed, Reply, check};
pub use dial::{
    Auth, CallError, Denied, DialError, Dialer, DialerOptions, Egress, Errand, Origin, OriginError, Peer, Question,
    Reason, Route, Secret, Upstream,
};
#[cfg(feature = "fuzz")]
pub use fuzz::{FUZZ_KEY, check_refusal};
pub use identify::{LOOPBACK_PORTS, identify};
/// A network in CIDR form, for [`Egress::private`].
pub use ipnet::IpNet;
pub use place::{BuildError, BuildFault, PlaceSpec, build};
pub use profile::{MetricNames, PROFILES, Profile};
