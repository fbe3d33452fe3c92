//! Test models: GGUF files with seeded random weights and vocabularies of their own, in the architectures that matter.
//! None answers users; `cargo run --release -p xtask -- test-models DIR` writes them.
//!
//! Never here: reading model files, anything that is shipped.

mod bpe;
mod gguf;
mod real;
mod template;
mod tensor;

pub use gguf::Gguf;
pub use real::{DRAFT_LAYERS, LAYERS, real};
pub use tensor::{Fill, Kind, Tensor};
