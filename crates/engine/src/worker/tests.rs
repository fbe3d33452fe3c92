//! The scheduler, step by step, over the real model code and tiny models.
#![allow(clippy::unwrap_used, clippy::panic)]
