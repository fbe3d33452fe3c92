//! Test models: GGUF files with seeded random weights and vocabularies of their own, in the architectures that matter.
//! None answers users; `cargo run --release -p xtask -- test-models DIR` writes them.
//!
//! Never here: reading model files, anything that is shipped.

mod block;
mod bpe;
mod encoder;
mod family;
mod gguf;
mod projector;
mod real;
mod sizes;
mod template;
mod tensor;
mod vocab;

pub use family::{CONTEXT, Family};
pub use gguf::Gguf;
pub use projector::{IMAGE_TOKENS, projector};
pub use real::{DRAFT_LAYERS, LAYERS, real};
pub use tensor::{Fill, Kind, Tensor};

/// The seed of all files that are written for use.
pub const SEED: u64 = 7;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::hash::{DefaultHasher, Hash, Hasher};

    fn digest(bytes: &[u8]) -> u64 {
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        hasher.finish()
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
        let mut digests = HashSet::new();
        for family in Family::ALL {
            let first = family.file().bytes(SEED);
            assert!(first.len() <= 3 << 20, "{}: {} bytes", family.name(), first.len());
            assert_eq!(digest(&first), digest(&family.file().bytes(SEED)), "{}", family.name());
            assert_ne!(digest(&first), digest(&family.file().bytes(SEED + 1)), "{}", family.name());
            digests.insert(digest(&first));
        }
        assert_eq!(digests.len(), Family::ALL.len());
    }

    #[test]
    fn the_draft_is_the_first_layers_of_the_real_size_model() {
        let (mut whole, mut draft) = (Gguf::default(), Gguf::default());
        real::tensors(&mut whole, LAYERS);
        real::tensors(&mut draft, DRAFT_LAYERS);
        let (whole, draft) = (whole.tensors_mut(), draft.tensors_mut());
        assert_eq!(whole.len(), 2 + 12 * LAYERS);
        assert_eq!(draft[..], whole[..draft.len()]);
        let bytes: u64 = whole.iter().map(Tensor::bytes).sum();
        assert!(
            (385_000_000..400_000_000).contains(&bytes),
            "{bytes}: that of Qwen2.5-0.5B in Q4_K_M has 398 MB with its header"
        );
    }
}
