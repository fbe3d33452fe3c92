//! What an engine is told to run: its place, its program, its models.
//!
//! Never here: reading model files, requests.

use crate::protocol::{CacheType, Split};
use crate::source::ModelSource;
use decide::Place;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What to run, and where. Nothing here comes from a request.
#[derive(Debug, Clone)]
pub struct EngineSpec {
    /// The place that this engine is; its `api` should be [`decide::Api::Engine`].
    pub place: Arc<Place>,
    /// The program that runs a worker: this binary.
    pub program: PathBuf,
    /// Its arguments: `["engine-worker"]`.
    pub args: Vec<String>,
    /// The models, each in a worker of its own; at least one.
    pub models: Vec<ModelSpec>,
    /// Memory of all workers together, bytes; `None` takes what the host has free. A model that does not fit makes room by unloading the
    /// idle ones that were used longest ago.
    pub memory_bytes: Option<u64>,
    /// Models loaded at the same time, at most; `None` is as many as fit.
    pub max_loaded: Option<u16>,
}

/// One model and how to run it.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelSpec {
    /// Where its weights are.
    pub source: ModelSource,
    /// Its id; `None` takes the file's name without `.gguf` (for bundled bytes `dewpoint-edge`).
    pub id: Option<String>,
    /// Context of one request in tokens; `None` takes what the model was trained for, at most 8192.
    pub context_tokens: Option<u32>,
    /// Requests worked on at the same time; `None` chooses by the memory that their contexts need.
    pub slots: Option<u16>,
    /// Tokens of all requests together that the KV cache holds; `None` is room for every slot's whole context, bounded by memory.
    pub cache_tokens: Option<u32>,
    /// How keys and values are stored.
    pub cache: CacheType,
    /// Computing threads; `None` takes one for a small model, else physical cores less one.
    pub threads: Option<u16>,
    /// Host memory for prefixes that were evicted from the KV cache, bytes.
    pub prefix_bytes: u64,
    /// Layers on GPUs; `None` puts there what fits.
    pub gpu_layers: Option<u32>,
    /// How several GPUs share the model.
    pub split: Split,
    /// The experts of a mixture stay in host memory.
    pub experts_on_cpu: bool,
    /// The file is mapped into memory, not read.
    pub mmap: bool,
    /// LoRA adapters on top of the weights: files and their scales.
    pub loras: Vec<(PathBuf, f32)>,
    /// A smaller model of the same vocabulary that proposes tokens.
    pub draft: Option<PathBuf>,
    /// What turns images into what the model reads (`mmproj-*.gguf`); `None` takes the one beside the model, where there is exactly
    /// one of its width.
    pub projector: Option<PathBuf>,
    /// Whether tokens may be proposed from the text itself (prompt lookup).
    pub lookup: bool,
    /// Loaded at start; else by the first request.
    pub preload: bool,
    /// Unloaded after so long without a request; `None` stays.
    pub keep_alive: Option<Duration>,
    /// What is believed of it before any evidence; passed on as it is.
    pub ability: Option<Arc<decide::Ability>>,
}

impl ModelSpec {
    /// A model with nothing asked for: loaded at start, kept, everything else chosen by the engine.
    pub fn new(source: ModelSource) -> ModelSpec {
        ModelSpec {
            source,
            id: None,
            context_tokens: None,
            slots: None,
            cache_tokens: None,
            cache: CacheType::F16,
            threads: None,
            prefix_bytes: 256 << 20,
            gpu_layers: None,
            split: Split::Layer,
            experts_on_cpu: false,
            mmap: true,
            loras: Vec::new(),
            draft: None,
            projector: None,
            lookup: true,
            preload: true,
            keep_alive: None,
            ability: None,
        }
    }
}
