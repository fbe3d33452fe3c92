//! Test models: GGUF files with seeded random weights and vocabularies of their own, in the architectures that matter.
//! None answers users; `cargo run --release -p xtask -- test-models DIR` writes them.
//!
//! Never here: reading model files, anything that is shipped.

mod block;
mod bpe;
mod encoder;
mod family;
mod gguf;
mod real;
mod template;
mod tensor;
mod vocab;

pub use family::{CONTEXT, Family};
pub use gguf::Gguf;
pub use real::{DRAFT_LAYERS, LAYERS, real};
pub use tensor::{Fill, Kind, Tensor};

/// The seed of all files that are written for use.
pub const SEED: u64 = 7;
