//! A tiny image encoder: LLaVA's form, a vision transformer of one layer and two matrices into the width of the tiny models.
//!
//! Never here: text models.

use super::gguf::Gguf;
use super::sizes::WIDTH;
use super::tensor::{Fill, Kind, Tensor};

/// Sides of image and patch in pixels: an image becomes 16 tokens.
const IMAGE: usize = 32;
const PATCH: usize = 8;
/// Tokens of an image, whatever its size.
pub const IMAGE_TOKENS: usize = (IMAGE / PATCH) * (IMAGE / PATCH);
const HEADS: u32 = 2;
const EMBEDDING: usize = 64;

/// The file that goes beside a tiny model.
pub fn projector() -> Gguf {
    let mut file = Gguf::default();
    file.text("general.architecture", "clip");
    file.text("general.name", "tiny-mmproj");
    file.flag("clip.has_vision_encoder", true);
    file.text("clip.projector_type", "mlp");
    file.flag("clip.use_gelu", true);
    file.uint("clip.vision.image_size", IMAGE as u32);
    file.uint("clip.vision.patch_size", PATCH as u32);
    file.uint("clip.vision.embedding_length", EMBEDDING as u32);
    file.uint("clip.vision.feed_forward_length", 2 * EMBEDDING as u32);
    file.uint("clip.vision.projection_dim", WIDTH as u32);
    // The last layer is not computed: LLaVA takes what the one before it says.
    file.uint("clip.vision.block_count", 2);
    file.uint("clip.vision.attention.head_count", HEADS);
    file.float("clip.vision.attention.layer_norm_epsilon", 1e-5);
    file.floats("clip.vision.image_mean", &[0.5, 0.5, 0.5]);
    file.floats("clip.vision.image_std", &[0.25, 0.25, 0.25]);
    let mut add = |name: String, shape: &[usize], fill: Fill| {
        let kind = if name.ends_with("weight") && shape.len() > 1 && name != "v.position_embd.weight" {
            Kind::F16
        } else {
            Kind::F32
        };
        file.tensor(Tensor::new(name, shape, fill).of(kind));
    };
    add("v.patch_embd.weight".into(), &[PATCH, PATCH, 3, EMBEDDING], Fill::Random(0.1));
    add("v.position_embd.weight".into(), &[EMBEDDING, IMAGE_TOKENS], Fill::Random(0.3));
    for layer in 0..2 {
        let mut linear = |part: &str, from: usize, to: usize| {
            let row = (1.0 / from as f32).sqrt();
            add(format!("v.blk.{layer}.{part}.weight"), &[from, to], Fill::Random(row));
            add(format!("v.blk.{layer}.{part}.bias"), &[to], Fill::Random(0.1));
        };
        ["attn_q", "attn_k", "attn_v", "attn_out"].iter().for_each(|part| linear(part, EMBEDDING, EMBEDDING));
        linear("ffn_up", EMBEDDING, 2 * EMBEDDING);
        linear("ffn_down", 2 * EMBEDDING, EMBEDDING);
        for part in ["ln1", "ln2"] {
            add(format!("v.blk.{layer}.{part}.weight"), &[EMBEDDING], Fill::AroundOne(0.1));
            add(format!("v.blk.{layer}.{part}.bias"), &[EMBEDDING], Fill::Random(0.1));
        }
    }
    add("mm.0.weight".into(), &[EMBEDDING, WIDTH], Fill::Random(0.12));
    add("mm.0.bias".into(), &[WIDTH], Fill::Random(0.1));
    add("mm.2.weight".into(), &[WIDTH, WIDTH], Fill::Random(0.1));
    add("mm.2.bias".into(), &[WIDTH], Fill::Random(0.1));
    file
}
