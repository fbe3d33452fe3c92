//! How much memory a model needs, from its header alone, and what of it fits: context, slots, cells of the KV cache, layers
//! on a GPU. Estimates; the worker says later what it really took.
//!
//! Never here: files, the system's free memory, a vendor type.

use crate::gguf::{Header, Tensor};
use crate::protocol::CacheType;

/// Context that is never undercut to make a model fit, tokens.
const CONTEXT_LEAST: u32 = 512;
/// Slots where nothing is asked for. They share one cache, so a slot costs next to nothing; on 4 cores 16 sequences together
/// are 3.3 times as fast as one (102 against 31 tokens/s).
const SLOTS_DEFAULT: u16 = 16;
/// Most slots.
pub(crate) const SLOTS_MAX: u16 = 64;
/// KV cache where nothing is asked for: room for every slot's whole context, but no more than this or a quarter of what is free.
const CACHE_BYTES: u64 = 512 << 20;
/// Cells come in this many.
const CELLS_STEP: u32 = 256;
/// A worker without a model: its program and its own buffers, bytes (measured with the tiny test model: 17 MB resident).
const WORKER_BYTES: u64 = 16 << 20;
/// Tables of the tokenizer per token of the vocabulary, bytes (measured on vocabularies of 259 to 152k tokens).
const TOKEN_BYTES: u64 = 300;
/// Tokens of a step that have logits: those that are decoded and those that are drafted.
const OUTPUTS: u64 = 64;
/// Bytes per node and its bookkeeping of the graph of one layer.
const LAYER_BYTES: u64 = 128 << 10;

/// What a model needs, by part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fit {
    /// All weights, bytes; a matrix that is used twice and repacked for its second use counts twice.
    pub(crate) weights: u64,
    /// Of these, weights that a processor stores in another order. With `mmap` their pages in the file are touched once as well,
    /// and the system may drop those again at any time.
    pub(crate) repacked: u64,
    /// Of the weights, the experts of a mixture that not every token uses.
    pub(crate) experts: u64,
    /// Layers.
    pub(crate) layers: u64,
    /// Numbers in the KV cache per cell, all layers together: for each token its key and its value in each layer.
    numbers: u64,
    vocabulary: u64,
    width: u64,
    hidden: u64,
}

impl Fit {
    /// From a header. What it does not say counts as nothing.
    pub(crate) fn new(header: &Header) -> Fit {
        let number = |key: &str| header.arch_uint(key).unwrap_or(0);
        let layers = number("block_count");
        let sum = |f: &dyn Fn(&Tensor) -> bool| {
            header.tensors.iter().filter(|t| f(t)).fold(0u64, |sum, t| sum.saturating_add(t.bytes))
        };
        let embedding = header.tensors.iter().find(|t| t.name == "token_embd.weight");
        let tied = !header.tensors.iter().any(|t| t.name == "output.weight");
        // Without a matrix of its own the output uses the embeddings', which are looked up in their own order.
        let twice = embedding.filter(|t| tied && repackable(t)).map_or(0, |t| t.bytes);
        let repacked = sum(&|t| t.name != "token_embd.weight" && t.name.ends_with(".weight") && repackable(t));
        let vocabulary = embedding.map_or_else(|| number("vocab_size"), |t| t.rows);
        Fit {
            weights: sum(&|_| true).saturating_add(twice),
            repacked: repacked.saturating_add(twice),
            experts: sum(&|t| t.name.contains("_exps.")),
            layers,
            numbers: numbers(header, layers),
            vocabulary,
            width: number("embedding_length"),
            hidden: header.arch_uint_of_layer("feed_forward_length", 0).unwrap_or(0),
        }
    }

    /// Bytes of one cell of the KV cache. Layers with a sliding window count as if they kept everything: an upper bound.
    pub(crate) fn cache_per_cell(&self, cache: CacheType) -> u64 {
        let (bytes, numbers) = match cache {
            CacheType::F16 => (2, 1),
            CacheType::Q8_0 => (34, 32),
            CacheType::Q4_0 => (18, 32),
        };
        self.numbers.saturating_mul(bytes).div_ceil(numbers)
    }

    /// Bytes of a KV cache.
    pub(crate) fn cache(&self, cells: u32, cache: CacheType) -> u64 {
        let cells = u64::from(cells).next_multiple_of(u64::from(CELLS_STEP));
        self.cache_per_cell(cache).saturating_mul(cells)
    }

    /// Bytes beside weights and cache for steps of `batch` tokens over `cells` cells: activations of the widest layer, the mask,
    /// logits of [`OUTPUTS`] tokens, the vocabulary's tables, the graph. llama.cpp reserves address space for a step where every
    /// token has logits, which it never touches.
    pub(crate) fn compute(&self, batch: u32, cells: u32) -> u64 {
        let per_token = self.hidden.saturating_mul(2).saturating_add(self.width.saturating_mul(4));
        let step = u64::from(batch).saturating_mul(per_token.saturating_mul(4).saturating_add(u64::from(cells) * 6));
        let logits = self.vocabulary.saturating_mul(OUTPUTS * 4);
        let tables =
            self.vocabulary.saturating_mul(TOKEN_BYTES).saturating_add(self.layers.saturating_mul(LAYER_BYTES));
        step.saturating_add(logits).saturating_add(tables).saturating_add(WORKER_BYTES)
    }
}

/// Numbers per cell in all layers.
fn numbers(header: &Header, layers: u64) -> u64 {
    let number = |key: &str| header.arch_uint(key);
    let mut sum = 0u64;
    // No model has more layers than this; a header that claims more is refused by llama.cpp.
    for layer in 0..layers.min(1024) as usize {
        let heads = header.arch_uint_of_layer("attention.head_count", layer).unwrap_or(0);
        // No heads: a layer with a recurrent state, which does not grow with the context.
        let own = header.arch_uint_of_layer("attention.head_count_kv", layer).unwrap_or(heads);
        let width = number("embedding_length").unwrap_or(0).checked_div(heads).unwrap_or(0);
        let key = number("attention.key_length").unwrap_or(width);
        // Multi-head latent attention (deepseek2): one compressed vector, from which key and value are both made.
        let latent = number("attention.key_length_mla").is_some() && number("attention.value_length_mla").is_some();
        let value = if latent { 0 } else { number("attention.value_length").unwrap_or(width) };
        sum = sum.saturating_add(own.saturating_mul(key.saturating_add(value)));
    }
    sum
}

/// Does llama.cpp store this matrix in another order for this processor? (`ggml_repack_get_optimal_repack_type` of the
/// pinned version, for what our build uses: AVX2, or NEON with dot products.)
fn repackable(tensor: &Tensor) -> bool {
    const BY: [(u32, u64, u64); 7] =
        // Type, and rows that it must be a multiple of: AVX2 (0 is never), NEON.
        [(2, 8, 4), (12, 8, 8), (20, 8, 4), (39, 8, 4), (13, 0, 8), (14, 0, 8), (8, 0, 4)];
    let step = |(_, avx2, neon): &(u32, u64, u64)| match () {
        () if cfg!(target_arch = "x86_64") => *avx2,
        () if cfg!(target_arch = "aarch64") => *neon,
        () => 0,
    };
    let step = BY.iter().find(|(kind, ..)| *kind == tensor.kind).map_or(0, step);
    (2..=3).contains(&tensor.dimensions) && step > 0 && tensor.rows.is_multiple_of(step)
}

/// What is asked for, and what there is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Wish {
    /// Context of one request, and whether somebody asked for just this.
    pub(crate) context: u32,
    pub(crate) fixed: bool,
    pub(crate) slots: Option<u16>,
    pub(crate) cells: Option<u32>,
    pub(crate) cache: CacheType,
    /// Tokens of a step.
    pub(crate) batch: u32,
    pub(crate) gpu_layers: Option<u32>,
    pub(crate) experts_on_cpu: bool,
    /// Adapters, a draft model with its cache, prefixes kept in host memory: bytes.
    pub(crate) beside: u64,
    /// Free memory of the host and, where known, of the GPUs; `None` is not known and then nothing is refused for it.
    pub(crate) host_free: Option<u64>,
    pub(crate) gpu_free: Option<u64>,
}

/// What to load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) context: u32,
    pub(crate) slots: u16,
    pub(crate) cells: u32,
    /// `None` leaves it to llama.cpp.
    pub(crate) gpu_layers: Option<u32>,
    pub(crate) experts_on_cpu: bool,
    /// Bytes of host memory, and of GPU memory.
    pub(crate) host: u64,
    pub(crate) gpu: u64,
}

/// Fits a model into what is free.
///
/// # Errors
/// It does not fit; the text says what it needs, what there is, and what would help.
pub(crate) fn plan(fit: &Fit, wish: &Wish) -> Result<Plan, String> {
    let free = wish.host_free.unwrap_or(u64::MAX);
    let (gpu_layers, experts_on_cpu, gpu) = gpu(fit, wish);
    let slots = wish.slots.unwrap_or(SLOTS_DEFAULT).clamp(1, SLOTS_MAX);
    let host = |cells: u32| {
        let all = fit.weights.saturating_add(fit.cache(cells, wish.cache));
        all.saturating_sub(gpu).saturating_add(fit.compute(wish.batch, cells)).saturating_add(wish.beside)
    };
    let mut context = wish.context;
    while host(context) > free && !wish.fixed && wish.cells.is_none() && context / 2 >= CONTEXT_LEAST {
        context /= 2;
    }
    let cells = match wish.cells {
        Some(cells) => cells.max(context),
        None => {
            let most = CACHE_BYTES.max(wish.host_free.unwrap_or(0) / 4);
            let affordable = |cells: u32| fit.cache(cells, wish.cache) <= most && host(cells) <= free;
            let all = context.saturating_mul(u32::from(slots));
            // Whole contexts, as many as are affordable, and one in any case.
            (1..=u32::from(slots)).rev().map(|n| all / u32::from(slots) * n).find(|c| affordable(*c)).unwrap_or(context)
        }
    };
    let need = host(cells);
    if need > free {
        return Err(refusal(fit, wish, &host, cells, free));
    }
    Ok(Plan { context, slots, cells, gpu_layers, experts_on_cpu, host: need, gpu })
}

/// Layers on GPUs, whether experts stay on the host, and bytes on the GPUs.
fn gpu(fit: &Fit, wish: &Wish) -> (Option<u32>, bool, u64) {
    let free = match (wish.gpu_free, wish.gpu_layers) {
        (_, Some(0)) => return (Some(0), wish.experts_on_cpu, 0),
        (None, asked) => return (asked, wish.experts_on_cpu, 0),
        (Some(free), _) => free.saturating_sub(fit.compute(wish.batch, wish.context)),
    };
    // The layers and, as one more, the output.
    let all = fit.layers.saturating_add(1);
    let bytes = |experts_on_cpu: bool| {
        let weights = fit.weights.saturating_sub(if experts_on_cpu { fit.experts } else { 0 });
        weights.saturating_add(fit.cache(wish.context, wish.cache))
    };
    // Experts are most of a mixture and the least used part of it: they go first.
    let experts_on_cpu = wish.experts_on_cpu || (fit.experts > 0 && wish.gpu_layers.is_none() && bytes(false) > free);
    let each = (bytes(experts_on_cpu) / all).max(1);
    let layers = wish.gpu_layers.map_or(free / each, u64::from).min(all);
    (u32::try_from(layers).ok(), experts_on_cpu, each.saturating_mul(layers))
}

/// Says what does not fit and what would.
fn refusal(fit: &Fit, wish: &Wish, host: &dyn Fn(u32) -> u64, cells: u32, free: u64) -> String {
    let text = format!(
        "The model needs about {} of memory ({} weights, {} for a cache of {cells} tokens, {} to compute), and {} are free. ",
        size(host(cells)),
        size(fit.weights),
        size(fit.cache(cells, wish.cache)),
        size(fit.compute(wish.batch, cells).saturating_add(wish.beside)),
        size(free)
    );
    let mut smaller = cells / 2 / CELLS_STEP * CELLS_STEP;
    while smaller >= CONTEXT_LEAST && host(smaller) > free {
        smaller = smaller / 2 / CELLS_STEP * CELLS_STEP;
    }
    let packed =
        host(cells).saturating_sub(fit.cache(cells, wish.cache)).saturating_add(fit.cache(cells, CacheType::Q8_0));
    let advice = if smaller >= CONTEXT_LEAST && wish.cells.is_some_and(|c| c > wish.context) {
        format!("Set `cache_tokens` to {smaller} or less (fewer requests at a time), or free memory.")
    } else if smaller >= CONTEXT_LEAST {
        format!("Set `context_tokens` to {smaller} or less, or free memory.")
    } else if packed <= free && wish.cache == CacheType::F16 {
        "Set `cache = \"q8_0\"`, or free memory.".to_owned()
    } else {
        "Use a smaller or more strongly quantised model, or free memory.".to_owned()
    };
    text + &advice
}

/// Bytes for people.
fn size(bytes: u64) -> String {
    let mib = bytes as f64 / f64::from(1 << 20);
    if mib < 1024.0 { format!("{mib:.0} MiB") } else { format!("{:.1} GiB", mib / 1024.0) }
}

#[cfg(test)]
#[path = "fit_tests.rs"]
mod tests;
