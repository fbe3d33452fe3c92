//! Faults 27 to 46: what upstreams do.
//!
//! Never here: the rig (`rig`).

mod connect;
mod content;
mod cut;
mod framing;
mod status;
mod two;
