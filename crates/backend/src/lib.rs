//! Everything that answers: one [`Backend`] per place, the one door to the network, and the probes that publish the
//! [`decide::Fleet`].
//!
//! Never here: choosing a place, retries, storage. A backend sends what a [`Permit`] names, once, and reports.

mod contract;

pub use contract::{Backend, BoxFuture, Deadlines, Discovered, EventStream, Meter, Probed, Reply, check};
