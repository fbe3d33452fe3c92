//! The way of a request, end to end within one process: the real server, board and codecs; only the backends are
//! scripted, since faults at an exact moment are what a real engine cannot be made to show.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]
#![allow(clippy::disallowed_methods, reason = "a test is a client: it opens sockets to the server")]

mod attempts;
mod bounds;
mod care;
mod cascade;
mod encode;
mod ends;
mod evidence;
mod faults;
mod feedback;
mod gone;
mod house;
mod kept;
mod plain;
mod policy;
mod reader;
mod shadow;
mod spend;
mod stream;
mod usage;
mod veil;
