//! What tests and benches of several rooms share: an upstream with a script, the contract suite of backends, a bare
//! proxy, clients that keep their own account, and the real program as a process. Development only.
//!
//! Never here: shipped code, traffic to anything but loopback.

// Doubles may fail loudly: a broken double is a broken test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod arrivals;
mod caller;
pub mod chart;
pub mod contract;
mod fake;
mod load;
mod permit;
mod plan;
mod proxy;
pub mod series;
mod served;
pub mod tiny;
mod voice;

pub use arrivals::{Arrivals, Shot, Shots, arrive};
pub use caller::{Call, Caller, Ending, Heard, Manner};
pub use fake::{Answer, Authority, Certificate, Deaf, Fake, FakeTwo, Framing, Seen, Step, Two, TwoEnd};
pub use load::{Load, Report, load};
pub use permit::{model, permit_for, place};
pub use plan::{Asked, Plan, obey};
pub use proxy::bare_proxy;
pub use served::{Served, machine, place_toml, quiet_port};
pub use voice::Voice;
