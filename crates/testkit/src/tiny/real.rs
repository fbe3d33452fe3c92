//! The model to measure with: the shape, the types and the size of Qwen2.5-0.5B-Instruct in Q4_K_M, with random
//! weights; and a draft for it, its own first two layers.
//!
//! llama.cpp's Q4_K_M of this model stores rows of 896 values in Q5_0 and Q8_0, since 896 is no multiple of the 256 that
//! Q4_K and Q6_K need; only `ffn_down` (rows of 4864) is in Q4_K and Q6_K. The same is done here.
//!
//! Never here: the tiny models.

use super::gguf::Gguf;
use super::tensor::{Fill, Kind, Tensor};
use super::{bpe, template};

const WIDTH: usize = 896;
const HEADS: usize = 14;
const KV_WIDTH: usize = 128;
const HIDDEN: usize = 4864;
const VOCAB: usize = 151_936;
/// Ids below are bytes and merges, ids from here on special tokens, as in Qwen's vocabulary.
const SPECIAL: usize = 151_643;
/// Layers of the model.
pub const LAYERS: usize = 24;
/// Layers of its draft.
pub const DRAFT_LAYERS: usize = 2;

/// The file with `layers` layers. Layers after the second add little to the sum, so that a draft of the same seed with
/// two layers often guesses right: how often is a property of the weights, not of any text.
pub fn real(layers: usize) -> Gguf {
    let mut file = Gguf::default();
    keys(&mut file, layers);
    vocabulary(&mut file);
    tensors(&mut file, layers);
    file
}

fn keys(file: &mut Gguf, layers: usize) {
    file.text("general.architecture", "qwen2");
    file.text("general.name", "Dewpoint test model, 0.5B shape, random weights");
    file.uint("general.file_type", 15);
    file.uint("general.quantization_version", 2);
    file.uint("qwen2.block_count", layers as u32);
    file.uint("qwen2.context_length", 32_768);
    file.uint("qwen2.embedding_length", WIDTH as u32);
    file.uint("qwen2.feed_forward_length", HIDDEN as u32);
    file.uint("qwen2.attention.head_count", HEADS as u32);
    file.uint("qwen2.attention.head_count_kv", 2);
    file.float("qwen2.rope.freq_base", 1e6);
    file.float("qwen2.attention.layer_norm_rms_epsilon", 1e-6);
    file.text("tokenizer.chat_template", template::QWEN);
}

fn vocabulary(file: &mut Gguf) {
    let mut words = bpe::bpe(SPECIAL - 256);
    let mut kinds = vec![1i32; words.tokens.len()];
    // Merges that lead to a token that was there already leave a few ids free.
    while words.tokens.len() < SPECIAL {
        words.tokens.push(format!("[FREE{}]", words.tokens.len()));
        kinds.push(5);
    }
    let special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"];
    words.tokens.extend(special.map(String::from));
    kinds.extend([3; 3]);
    let parts = ["<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<think>", "</think>"];
    words.tokens.extend(parts.map(String::from));
    kinds.extend([4; 6]);
    while words.tokens.len() < VOCAB {
        words.tokens.push(format!("[PAD{}]", words.tokens.len()));
        kinds.push(5);
    }
    file.text("tokenizer.ggml.model", "gpt2");
    file.text("tokenizer.ggml.pre", "qwen2");
    file.texts("tokenizer.ggml.tokens", &words.tokens);
    file.ints("tokenizer.ggml.token_type", &kinds);
    file.texts("tokenizer.ggml.merges", &words.merges);
    file.uint("tokenizer.ggml.eos_token_id", SPECIAL as u32 + 2);
    file.uint("tokenizer.ggml.padding_token_id", SPECIAL as u32);
    file.uint("tokenizer.ggml.bos_token_id", SPECIAL as u32);
    file.flag("tokenizer.ggml.add_bos_token", false);
}

pub(super) fn tensors(file: &mut Gguf, layers: usize) {
    let mut add = |name: String, shape: &[usize], fill: Fill, kind: Kind| {
        file.tensor(Tensor::new(name, shape, fill).of(kind));
    };
    // Logits of deviation 3: the input of the output layer has deviation 1.
    add("token_embd.weight".into(), &[WIDTH, VOCAB], Fill::Random(0.1), Kind::Q8_0);
    add("output_norm.weight".into(), &[WIDTH], Fill::AroundOne(0.1), Kind::F32);
    for i in 0..layers {
        let name = |part: &str| format!("blk.{i}.{part}");
        let strength = if i < DRAFT_LAYERS { 1.0 } else { 0.06 };
        let many = more_bits(i, LAYERS);
        let (value, down) = if many { (Kind::Q8_0, Kind::Q6K) } else { (Kind::Q5_0, Kind::Q4K) };
        // Matrices that keep the deviation: one over the root of the row.
        let row = 0.033;
        add(name("attn_norm.weight"), &[WIDTH], Fill::AroundOne(0.1), Kind::F32);
        add(name("attn_q.weight"), &[WIDTH, WIDTH], Fill::Random(row), Kind::Q5_0);
        add(name("attn_q.bias"), &[WIDTH], Fill::Random(0.5), Kind::F32);
        add(name("attn_k.weight"), &[WIDTH, KV_WIDTH], Fill::Random(row), Kind::Q5_0);
        add(name("attn_k.bias"), &[KV_WIDTH], Fill::Random(0.5), Kind::F32);
        add(name("attn_v.weight"), &[WIDTH, KV_WIDTH], Fill::Random(row), value);
        add(name("attn_v.bias"), &[KV_WIDTH], Fill::Random(0.1), Kind::F32);
        add(name("attn_output.weight"), &[WIDTH, WIDTH], Fill::Random(row * 2.0 * strength), Kind::Q5_0);
        add(name("ffn_norm.weight"), &[WIDTH], Fill::AroundOne(0.1), Kind::F32);
        add(name("ffn_gate.weight"), &[WIDTH, HIDDEN], Fill::Random(row), Kind::Q5_0);
        add(name("ffn_up.weight"), &[WIDTH, HIDDEN], Fill::Random(row), Kind::Q5_0);
        add(name("ffn_down.weight"), &[HIDDEN, WIDTH], Fill::Random(0.0143 * 3.0 * strength), down);
    }
}

/// Which layers llama.cpp gives more bits in Q4_K_M: the first and the last eighth, and each third between.
fn more_bits(layer: usize, layers: usize) -> bool {
    layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2
}
