//! How wide and how deep the tiny models are.
//!
//! Never here: anything that counts or computes.

/// Width of the residual stream.
pub(super) const WIDTH: usize = 128;
/// Values per attention head: a multiple of 32, so that the KV cache can be quantised.
pub(super) const HEAD: usize = 32;
pub(super) const HEADS: usize = 4;
pub(super) const KV_HEADS: usize = 2;
pub(super) const HIDDEN: usize = 192;
pub(super) const LAYERS: usize = 2;
