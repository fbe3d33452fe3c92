//! Upstreams behind TLS: who is trusted, which HTTP is spoken, and HTTP/2 that breaks off.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

mod authority;
mod door;
mod two;
