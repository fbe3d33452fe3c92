//! BERT: an encoder that makes a vector of a text, or with a head the score of a pair.
//!
//! Never here: decoders.

use super::gguf::Gguf;
use super::sizes::{HEADS, HIDDEN, LAYERS, WIDTH};
use super::tensor::{Fill, Kind, Tensor};
use super::vocab;

/// GGUF's numbers of the ways of pooling.
const MEAN: u32 = 1;
const RANK: u32 = 4;

/// Everything but the keys that all models have.
pub(super) fn write(file: &mut Gguf, ranks: bool, context: usize) {
    file.uint("bert.attention.head_count", HEADS as u32);
    file.float("bert.attention.layer_norm_epsilon", 1e-12);
    file.flag("bert.attention.causal", false);
    file.uint("bert.pooling_type", if ranks { RANK } else { MEAN });
    let vocab = vocab::word_pieces(file);
    let mut add = |name: String, shape: &[usize], fill: Fill| {
        // What is added to the stream as it is must be of 32 bits: ggml has no sum of 32 and 16 bits.
        let added = matches!(name.as_str(), "token_types.weight" | "position_embd.weight");
        let kind = if shape.len() > 1 && !added { Kind::F16 } else { Kind::F32 };
        file.tensor(Tensor::new(name, shape, fill).of(kind));
    };
    add("token_embd.weight".into(), &[WIDTH, vocab.size], Fill::Random(1.0));
    add("token_types.weight".into(), &[WIDTH, 2], Fill::Random(0.3));
    add("position_embd.weight".into(), &[WIDTH, context], Fill::Random(0.1));
    add("token_embd_norm.weight".into(), &[WIDTH], Fill::AroundOne(0.1));
    add("token_embd_norm.bias".into(), &[WIDTH], Fill::Random(0.1));
    for layer in 0..LAYERS {
        let mut linear = |part: &str, from: usize, to: usize| {
            let row = (1.0 / from as f32).sqrt();
            add(format!("blk.{layer}.{part}.weight"), &[from, to], Fill::Random(row));
            add(format!("blk.{layer}.{part}.bias"), &[to], Fill::Random(0.1));
        };
        ["attn_q", "attn_k", "attn_v", "attn_output"].iter().for_each(|part| linear(part, WIDTH, WIDTH));
        linear("ffn_up", WIDTH, HIDDEN);
        linear("ffn_down", HIDDEN, WIDTH);
        for part in ["attn_output_norm", "layer_output_norm"] {
            add(format!("blk.{layer}.{part}.weight"), &[WIDTH], Fill::AroundOne(0.1));
            add(format!("blk.{layer}.{part}.bias"), &[WIDTH], Fill::Random(0.1));
        }
    }
    if ranks {
        add("cls.weight".into(), &[WIDTH, WIDTH], Fill::Random(0.1));
        add("cls.bias".into(), &[WIDTH], Fill::Random(0.1));
        file.tensor(Tensor::new("cls.output.weight", &[WIDTH, 1], Fill::Random(0.3)));
        file.tensor(Tensor::new("cls.output.bias", &[1], Fill::Random(0.1)));
    }
}
