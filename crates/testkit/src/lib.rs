//! What tests and benches of several rooms share: an upstream with a script, the contract suite of backends, a bare
//! proxy and a small load client. Development only.
//!
//! Never here: shipped code, traffic to anything but loopback.

// Doubles may fail loudly: a broken double is a broken test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod contract;
mod fake;
mod load;
mod permit;
mod proxy;
pub mod tiny;
mod voice;

pub use fake::{Answer, Authority, Certificate, Deaf, Fake, FakeTwo, Framing, Seen, Step, Two, TwoEnd};
pub use load::{Load, Report, load};
pub use permit::{model, permit_for, place};
pub use proxy::bare_proxy;
pub use voice::Voice;
