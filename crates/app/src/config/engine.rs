//! The shape of `[engine]` and `[[engine.model]]`.
//!
//! Never here: validation across fields (`resolve`).

use schemars::JsonSchema;
use serde::de::value::SeqAccessDeserializer;
use serde::{Deserialize, Serialize};

/// The embedded engine: one place with any number of models, each in a worker process of its own while it is loaded.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Engine {
    /// Whether the embedded engine runs.
    pub(crate) enabled: bool,
    /// One model that is loaded at the start: the path of a GGUF file, or `bundled` for the demonstration model inside the
    /// binary. Several models are tables `[[engine.model]]` instead.
    pub(crate) model: EngineModels,
    /// Context window of one request in tokens, for models that do not say their own; 0 takes what the model was trained
    /// for, at most 8192.
    pub(crate) context_tokens: u32,
    /// Threads, for models that do not say their own; 0 lets the engine choose by the size of the model.
    pub(crate) threads: u16,
    /// Memory of all models together, megabytes (1 MB = 1,000,000 bytes); 0 takes nine tenths of what is free at the start,
    /// the limits of a container included. When a model does not fit, idle ones are unloaded, those used longest ago first.
    pub(crate) memory_mb: u64,
    /// How long a model stays loaded without a request: `5m`, `1h30m`, `0` (unloaded at once), `-1` (for ever). A model with
    /// `preload` stays for ever unless it says its own.
    pub(crate) keep_alive: String,
    /// Models that are loaded at the same time, at most; 0 is as many as fit into memory.
    pub(crate) max_loaded: u16,
}

impl Default for Engine {
    fn default() -> Engine {
        Engine {
            enabled: true,
            model: EngineModels::One("bundled".to_owned()),
            context_tokens: 0,
            threads: 0,
            memory_mb: 0,
            keep_alive: "5m".to_owned(),
            max_loaded: 0,
        }
    }
}

/// One model by its path, or tables.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum EngineModels {
    /// The path of a GGUF file, or `bundled`.
    One(String),
    /// Tables `[[engine.model]]`.
    Many(Vec<EngineModel>),
}

/// Reads a string or a list. By hand, since serde's untagged enums lose the line and the name of an unknown key.
impl<'de> Deserialize<'de> for EngineModels {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<EngineModels, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = EngineModels;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the path of a GGUF file, or tables [[engine.model]]")
            }
            fn visit_str<E: serde::de::Error>(self, path: &str) -> Result<EngineModels, E> {
                Ok(EngineModels::One(path.to_owned()))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, list: A) -> Result<EngineModels, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(EngineModels::Many)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// A model of the embedded engine. Callers write `edge/name` (or the name that a `[[place]]` with `api = "engine"` gives
/// the engine). It is loaded by its first request, unless `preload` is set.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EngineModel {
    /// Unique name; may contain `/`.
    pub(crate) name: String,
    /// Path of a GGUF file, or `bundled`. Left out: the model of that name in the local store (`$DEWPOINT_MODELS`, else
    /// `$XDG_DATA_HOME/dewpoint/models`, else `~/.local/share/dewpoint/models`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
    /// Context window of one request, tokens. Left out: that of `[engine]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) context_tokens: Option<u32>,
    /// Requests worked on at the same time (1 to 64). Left out: chosen by the memory that their contexts need.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) slots: Option<u16>,
    /// Tokens that the KV cache holds, of all requests together. Left out: room for the whole context of every slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cache_tokens: Option<u32>,
    /// How keys and values are stored.
    #[serde(default)]
    pub(crate) cache: CacheType,
    /// Threads (1 to 512). Left out: those of `[engine]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) threads: Option<u16>,
    /// Layers on GPUs. Left out: as many as fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) gpu_layers: Option<u32>,
    /// How several GPUs share the model.
    #[serde(default)]
    pub(crate) split: Split,
    /// The experts of a mixture stay in host memory.
    #[serde(default)]
    pub(crate) experts_on_cpu: bool,
    /// The file is mapped into memory; `false` reads it.
    #[serde(default = "yes")]
    pub(crate) mmap: bool,
    /// Host memory for prefixes that no longer fit the KV cache, megabytes; 0 keeps none.
    #[serde(default = "prefix_cache_mb")]
    pub(crate) prefix_cache_mb: u32,
    /// Path of a smaller GGUF file of the same vocabulary that proposes tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) draft: Option<String>,
    /// Path of the projector that lets the model read images (`mmproj-*.gguf`). Left out: the one in the model's folder, where exactly one there fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) projector: Option<String>,
    /// Tokens may be proposed from the text itself (prompt lookup), where that is faster.
    #[serde(default = "yes")]
    pub(crate) lookup: bool,
    /// LoRA adapters on top of the weights: `{ path = "adapter.gguf", scale = 1.0 }`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) loras: Vec<Lora>,
    /// How long it stays loaded without a request, as in `[engine]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) keep_alive: Option<String>,
    /// It is loaded at the start, and again after a crash without being asked for.
    #[serde(default)]
    pub(crate) preload: bool,
}

fn yes() -> bool {
    true
}

fn prefix_cache_mb() -> u32 {
    256
}

/// An adapter.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lora {
    /// Path of its GGUF file.
    pub(crate) path: String,
    /// How strongly it counts.
    #[serde(default = "one")]
    pub(crate) scale: f64,
}

fn one() -> f64 {
    1.0
}

/// How the keys and values of the cache are stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CacheType {
    /// 16 bits a value.
    #[default]
    F16,
    /// 8.5 bits a value: half the memory.
    Q8_0,
    /// 4.5 bits a value: a quarter of the memory, and some loss.
    Q4_0,
}

/// How several GPUs share a model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Split {
    /// One GPU only.
    None,
    /// Whole layers.
    #[default]
    Layer,
    /// Rows of each matrix.
    Row,
}
