//! The suite of faults: the real `dewpoint serve` between scripted upstreams and clients that misbehave. One test or more
//! for each of the 64 faults of the catalogue, named by its number; `table.rs` says which hold, by which tests.
//!
//! Never here: parts of the server in this process (unit tests of the rooms do that), or traffic beyond loopback.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(unix)]
#![allow(clippy::disallowed_methods, reason = "a test is a client: it opens sockets to the server")]

mod rig;
mod table;

mod cascade;
mod client;
mod load;
mod own;
mod promise;
mod upstream;
