//! `make prove`: what may not leave never leaves, shown by witnesses that are not ours: the kernel's counters, the frames on
//! a wire, the system calls of the process. The real `dewpoint serve` runs in network namespaces that the tests make
//! themselves, between scripted engines of this host and "clouds" at the far end of a wire that belong to the test.
//!
//! | part | file | witness |
//! |---|---|---|
//! | a | `loopback` | the kernel counts packets that no route takes; there is none but loopback |
//! | b | `link` | a sniffer sees every frame on the one wire that leads out |
//! | b | `redacted` | the same, of requests that travel with their values taken out |
//! | d | `property` | recording clouds, under random policies, places and faults |
//! | e | `calls` | `strace` sees every address that the process names to the kernel |
//!
//! Each part has its negative controls (c): what it would report of a leak is made to happen, and must be reported.
//! Without the right to make namespaces, `DEWPOINT_PROVE=1` (as `make prove` sets it) fails; a plain run of the tests says
//! so and goes on with what needs none.
//!
//! Never here: traffic beyond this host. Nothing is sent before the namespace was seen to be our own.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests are clients, and their controls leak on purpose"
)]

mod ask;
mod calls;
mod campaign;
mod canary;
mod counters;
mod far;
mod frames;
mod link;
mod loopback;
mod namespace;
mod property;
mod redacted;
mod rules;
mod server;
mod table;
