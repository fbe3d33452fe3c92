//! What a worker is told to load, and what it says of itself.
//!
//! Never here: how any of it is done.

use super::VERSION;
use serde::{Deserialize, Serialize};

/// What to load. Every value was checked by the supervisor and is checked again before it reaches C.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Load {
    pub(crate) version: u32,
    pub(crate) path: String,
    pub(crate) role: Role,
    /// Context window of one request, tokens.
    pub(crate) context: u32,
    /// Requests worked on at the same time.
    pub(crate) slots: u16,
    /// Cells of the one KV cache that all slots share; at least `context`.
    pub(crate) cells: u32,
    /// How keys and values are stored.
    pub(crate) cache: CacheType,
    /// Computing threads.
    pub(crate) threads: u16,
    /// Tokens of one decode step at most, prompts and answers together.
    pub(crate) batch: u32,
    /// Host memory for prefixes that were evicted from the KV cache, bytes; 0 keeps none.
    pub(crate) prefix_bytes: u64,
    /// Layers on GPUs; `None` puts there what fits.
    pub(crate) gpu_layers: Option<u32>,
    /// How several GPUs share the model.
    pub(crate) split: Split,
    /// The experts of a mixture stay in host memory.
    pub(crate) experts_on_cpu: bool,
    /// The file is mapped, not read.
    pub(crate) mmap: bool,
    /// Adapters on top of the weights.
    pub(crate) loras: Vec<Lora>,
    /// A smaller model of the same vocabulary that proposes tokens.
    pub(crate) draft: Option<Draft>,
    /// Tokens may be proposed from the text itself (prompt lookup).
    pub(crate) lookup: bool,
    /// What turns images into what the model reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) projector: Option<String>,
}

impl Load {
    /// A plain load: the cache holds every slot's whole context, in 16 bits, nothing on a GPU, no drafting.
    pub(crate) fn new(path: String, context: u32, slots: u16, threads: u16) -> Load {
        Load {
            version: VERSION,
            path,
            role: Role::Generate,
            context,
            slots,
            cells: context.saturating_mul(u32::from(slots)),
            cache: CacheType::F16,
            threads,
            batch: 512,
            prefix_bytes: 0,
            gpu_layers: Some(0),
            split: Split::Layer,
            experts_on_cpu: false,
            mmap: true,
            loras: Vec::new(),
            draft: None,
            lookup: false,
            projector: None,
        }
    }
}

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    /// Writing text.
    #[default]
    Generate,
    /// A vector per text.
    Embed,
    /// A score per pair of query and text.
    Rerank,
}

/// Bits of a stored key or value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheType {
    /// 16 bits.
    #[default]
    F16,
    /// 8.5 bits.
    Q8_0,
    /// 4.5 bits.
    Q4_0,
}

/// How several GPUs share a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// One GPU only.
    None,
    /// Whole layers.
    #[default]
    Layer,
    /// Rows of each matrix.
    Row,
}

/// An adapter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Lora {
    pub(crate) path: String,
    pub(crate) scale: f32,
}

/// A model that proposes tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Draft {
    pub(crate) path: String,
    /// Tokens proposed at a time, at most.
    pub(crate) most: u16,
}

/// What was loaded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Info {
    pub(crate) params: u64,
    pub(crate) bytes: u64,
    pub(crate) context: u32,
    pub(crate) vocabulary: u32,
    pub(crate) template: bool,
    /// Length of a vector, for encoders.
    pub(crate) dimensions: u32,
    /// Resident memory of the worker after loading, bytes, as measured; 0 where the system does not say.
    pub(crate) resident: u64,
}

/// How a worker is doing. Counters are since it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Stats {
    pub(crate) running: u32,
    pub(crate) waiting: u32,
    /// Cells of the KV cache that are in use (requests and kept prefixes; of these, prefixes that may be dropped), and all.
    pub(crate) cells_used: u32,
    pub(crate) cells_kept: u32,
    pub(crate) cells: u32,
    /// Prompt tokens asked for, and of these found in the prefix cache.
    pub(crate) prefix_queries: u64,
    pub(crate) prefix_hits: u64,
    /// Bytes of prefixes kept in host memory.
    pub(crate) prefix_bytes: u64,
    pub(crate) prompt_tokens: u64,
    pub(crate) generation_tokens: u64,
    pub(crate) preemptions: u64,
    pub(crate) drafts: u64,
    pub(crate) drafted: u64,
    pub(crate) accepted: u64,
    /// Decode steps.
    pub(crate) steps: u64,
    /// Resident memory of the worker, bytes.
    pub(crate) resident: u64,
}
