//! One layer of a decoder: which keys and tensors llama.cpp's `src/models/*.cpp` want of each kind.
//!
//! Never here: vocabularies, encoders.

use super::gguf::Gguf;
use super::sizes::{HEAD, HEADS, HIDDEN, KV_HEADS, WIDTH};
use super::tensor::{Fill, Kind, Tensor};
use super::vocab::Vocab;

/// Experts, how many of them answer, and the width of each.
const EXPERTS: usize = 8;
const EXPERTS_USED: usize = 2;
const EXPERT_HIDDEN: usize = 64;
/// Latent attention: ranks of queries and of keys with values; each head has `HEAD` values with and `HEAD` without a
/// position.
const QUERY_RANK: usize = 64;
const KV_RANK: usize = 32;
/// A matrix whose rows are `WIDTH` long keeps the deviation with this one: one over the root of the row.
const ROW: f32 = 0.088;

/// What is special in a layer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    /// Biases on queries, keys and values.
    pub(super) biases: bool,
    /// Norms on queries and keys.
    pub(super) head_norms: bool,
    /// Norms after attention and feed-forward.
    pub(super) post_norms: bool,
    /// Queries, keys and values in one matrix, gate and up in one.
    pub(super) fused: bool,
    /// A mixture of experts instead of one feed-forward.
    pub(super) experts: bool,
    /// Multi-head latent attention.
    pub(super) latent: bool,
    /// A sliding window of so many tokens in some layers.
    pub(super) window: Option<u32>,
    /// Soft caps on attention and logits.
    pub(super) soft_caps: bool,
    /// How much a layer adds to the residual stream.
    pub(super) strength: f32,
}

impl Default for Block {
    fn default() -> Block {
        Block {
            biases: false,
            head_norms: false,
            post_norms: false,
            fused: false,
            experts: false,
            latent: false,
            window: None,
            soft_caps: false,
            strength: 2.0,
        }
    }
}

/// Embedding, output norm, output layer.
pub(super) fn outer(file: &mut Gguf, vocab: &Vocab, tied: bool) {
    // Logits of deviation 2.5; marks are quiet, so that greedy text does not end by chance.
    let rows = || Fill::QuietRows { deviation: 0.22, quiet: vocab.marks.clone() };
    file.tensor(Tensor::new("token_embd.weight", &[WIDTH, vocab.size], rows()).of(Kind::F16));
    file.tensor(Tensor::new("output_norm.weight", &[WIDTH], Fill::AroundOne(0.1)));
    if !tied {
        file.tensor(Tensor::new("output.weight", &[WIDTH, vocab.size], rows()).of(Kind::F16));
    }
}

struct Layer<'a> {
    file: &'a mut Gguf,
    number: usize,
}

impl Layer<'_> {
    fn add(&mut self, part: &str, shape: &[usize], fill: Fill) {
        // Routers keep their precision, as llama.cpp's converter has it.
        let kind = if shape.len() > 1 && part != "ffn_gate_inp.weight" { Kind::F16 } else { Kind::F32 };
        self.file.tensor(Tensor::new(format!("blk.{}.{part}", self.number), shape, fill).of(kind));
    }

    fn norm(&mut self, part: &str, length: usize) {
        self.add(part, &[length], Fill::AroundOne(0.1));
    }

    fn matrix(&mut self, part: &str, shape: &[usize], strength: f32) {
        let row = ROW * (WIDTH as f32 / shape[0] as f32).sqrt();
        self.add(part, shape, Fill::Random(row * strength));
    }
}

impl Block {
    /// The keys that go with it.
    pub(super) fn keys(&self, file: &mut Gguf, arch: &str) {
        let key = |name: &str| format!("{arch}.{name}");
        file.uint(&key("attention.head_count"), HEADS as u32);
        file.uint(&key("attention.head_count_kv"), if self.latent { 1 } else { KV_HEADS as u32 });
        file.float(&key("attention.layer_norm_rms_epsilon"), 1e-6);
        file.uint(&key("rope.dimension_count"), HEAD as u32);
        file.float(&key("rope.freq_base"), 10_000.0);
        let (keys, values) = if self.latent { (KV_RANK + HEAD, KV_RANK) } else { (HEAD, HEAD) };
        file.uint(&key("attention.key_length"), keys as u32);
        file.uint(&key("attention.value_length"), values as u32);
        if let Some(window) = self.window {
            file.uint(&key("attention.sliding_window"), window);
            // Every second layer sees everything.
            file.uint(&key("attention.sliding_window_pattern"), 2);
        }
        if self.soft_caps {
            file.float(&key("attn_logit_softcapping"), 50.0);
            file.float(&key("final_logit_softcapping"), 30.0);
        }
        if self.experts {
            file.uint(&key("expert_count"), EXPERTS as u32);
            file.uint(&key("expert_used_count"), EXPERTS_USED as u32);
            file.uint(&key("expert_feed_forward_length"), EXPERT_HIDDEN as u32);
            file.uint(&key("expert_shared_feed_forward_length"), EXPERT_HIDDEN as u32);
        }
        if self.latent {
            file.uint(&key("attention.q_lora_rank"), QUERY_RANK as u32);
            file.uint(&key("attention.kv_lora_rank"), KV_RANK as u32);
            file.uint(&key("attention.key_length_mla"), 2 * HEAD as u32);
            file.uint(&key("attention.value_length_mla"), HEAD as u32);
            file.uint(&key("leading_dense_block_count"), 1);
            file.uint(&key("expert_shared_count"), 1);
            file.uint(&key("expert_group_count"), 4);
            file.uint(&key("expert_group_used_count"), 2);
            file.float(&key("expert_weights_scale"), 2.5);
            file.flag(&key("expert_weights_norm"), true);
            // Sigmoid.
            file.uint(&key("expert_gating_func"), 2);
        }
    }

    /// Its tensors.
    pub(super) fn tensors(&self, file: &mut Gguf, number: usize) {
        let mut layer = Layer { file, number };
        layer.norm("attn_norm.weight", WIDTH);
        if self.latent {
            self.latent_attention(&mut layer)
        } else {
            self.attention(&mut layer)
        }
        layer.matrix("attn_output.weight", &[HEADS * HEAD, WIDTH], 2.0 * self.strength);
        layer.norm("ffn_norm.weight", WIDTH);
        if self.post_norms {
            let loud = || Fill::Same(self.strength);
            layer.add("post_attention_norm.weight", &[WIDTH], loud());
            layer.add("post_ffw_norm.weight", &[WIDTH], loud());
        }
        match (self.experts, self.latent && number == 0) {
            (true, false) => self.mixture(&mut layer),
            _ if self.fused => {
                layer.matrix("ffn_up.weight", &[WIDTH, 2 * HIDDEN], 1.0);
                layer.matrix("ffn_down.weight", &[HIDDEN, WIDTH], 3.0 * self.strength);
            }
            _ => {
                layer.matrix("ffn_gate.weight", &[WIDTH, HIDDEN], 1.0);
                layer.matrix("ffn_up.weight", &[WIDTH, HIDDEN], 1.0);
                layer.matrix("ffn_down.weight", &[HIDDEN, WIDTH], 3.0 * self.strength);
            }
        }
    }

    fn attention(&self, layer: &mut Layer<'_>) {
        let (queries, values) = (HEADS * HEAD, KV_HEADS * HEAD);
        if self.fused {
            layer.matrix("attn_qkv.weight", &[WIDTH, queries + 2 * values], 1.0);
            return;
        }
        for (part, width) in [("attn_q", queries), ("attn_k", values), ("attn_v", values)] {
            layer.matrix(&format!("{part}.weight"), &[WIDTH, width], 1.0);
            if self.biases {
                layer.add(&format!("{part}.bias"), &[width], Fill::Random(0.3));
            }
        }
        if self.head_norms {
            layer.norm("attn_q_norm.weight", HEAD);
            layer.norm("attn_k_norm.weight", HEAD);
        }
    }

    fn latent_attention(&self, layer: &mut Layer<'_>) {
        layer.matrix("attn_q_a.weight", &[WIDTH, QUERY_RANK], 1.0);
        layer.norm("attn_q_a_norm.weight", QUERY_RANK);
        layer.matrix("attn_q_b.weight", &[QUERY_RANK, HEADS * 2 * HEAD], 1.0);
        layer.matrix("attn_kv_a_mqa.weight", &[WIDTH, KV_RANK + HEAD], 1.0);
        layer.norm("attn_kv_a_norm.weight", KV_RANK);
        layer.matrix("attn_k_b.weight", &[HEAD, KV_RANK, HEADS], 1.0);
        layer.matrix("attn_v_b.weight", &[KV_RANK, HEAD, HEADS], 1.0);
    }

    fn mixture(&self, layer: &mut Layer<'_>) {
        layer.matrix("ffn_gate_inp.weight", &[WIDTH, EXPERTS], 1.0);
        layer.matrix("ffn_gate_exps.weight", &[WIDTH, EXPERT_HIDDEN, EXPERTS], 1.0);
        layer.matrix("ffn_up_exps.weight", &[WIDTH, EXPERT_HIDDEN, EXPERTS], 1.0);
        layer.matrix("ffn_down_exps.weight", &[EXPERT_HIDDEN, WIDTH, EXPERTS], 3.0 * self.strength);
        layer.matrix("ffn_gate_shexp.weight", &[WIDTH, EXPERT_HIDDEN], 1.0);
        layer.matrix("ffn_up_shexp.weight", &[WIDTH, EXPERT_HIDDEN], 1.0);
        layer.matrix("ffn_down_shexp.weight", &[EXPERT_HIDDEN, WIDTH], 3.0 * self.strength);
        if self.latent {
            layer.add("exp_probs_b.bias", &[EXPERTS], Fill::Random(0.1));
        } else {
            layer.add("ffn_gate_inp_shexp.weight", &[WIDTH], Fill::Random(ROW));
        }
    }
}
