//! The rules of the house as functions over a tree of files, so that each rule can be tested on a small made-up tree.
//!
//! - [`tidy`]: what the sources and pages must look like.
//! - [`deny`]: what may be depended on.
//! - [`ratchet`]: figures that may only improve.
//! - [`abilities`]: what is published about models, as beliefs to begin with.
//! - [`capacity`]: speeds and rents of GPUs, derived from public measurements.

pub mod abilities;
pub mod capacity;
pub mod deny;
pub mod prices;
pub mod ratchet;
pub mod tidy;
