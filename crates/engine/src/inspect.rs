//! What a model file says of itself, for lists of models: read by the bounded reader, loaded by nobody.
//!
//! Never here: loading, a judgement whether this engine runs the model.

use crate::gguf::{self, Header};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// Host memory beside weights and cache that a loaded model takes, bytes: compute buffers and the process itself. A rule of thumb.
const BESIDE_BYTES: u64 = 200 << 20;

/// The header of a GGUF file in the words of people.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileFacts {
    /// `general.name`.
    pub name: Option<String>,
    /// `general.architecture` (`llama`, `qwen2`); none in the later parts of a split model.
    pub architecture: Option<String>,
    /// `general.license`, as it is written there.
    pub license: Option<String>,
    /// How most weights are stored (`Q4_K_M`), from `general.file_type`.
    pub quantisation: Option<&'static str>,
    /// Parameters in this file; a split model has more in its other files.
    pub params: u64,
    /// Length of the file in bytes.
    pub file_bytes: u64,
    /// Context the model was trained for, tokens.
    pub context_tokens: Option<u64>,
    /// Layers.
    pub layers: Option<u64>,
    /// Width of the embeddings.
    pub width: Option<u64>,
    /// Experts of a mixture.
    pub experts: Option<u64>,
    /// KV cache per token of context at 16 bits a value, bytes; none where the header does not say.
    pub cache_bytes_per_token: Option<u64>,
    /// Whether it has a chat template.
    pub template: bool,
    /// Whether that template knows tools.
    pub tools: bool,
    /// Whether it makes vectors instead of text (`<architecture>.pooling_type` is there).
    pub encoder: bool,
    /// Whether it orders documents by a query (`pooling_type` 4, rank).
    pub reranker: bool,
    /// Files of a split model; 1 where it is whole.
    pub parts: u64,
}

impl FileFacts {
    /// Memory for a context of this many tokens, bytes: the weights, the KV cache at 16 bits a value, and some 200 MiB beside them.
    /// `weights_bytes` are those of all files of the model.
    pub fn memory_bytes(&self, weights_bytes: u64, context_tokens: u64) -> u64 {
        let cache = self.cache_bytes_per_token.unwrap_or(0).saturating_mul(context_tokens);
        weights_bytes.saturating_add(cache).saturating_add(BESIDE_BYTES)
    }

    /// The longest context in whole multiples of 1,024 tokens that fits into this much memory, at most the trained one. 0 when
    /// not even the weights fit; none when the header does not say what a token takes.
    pub fn context_within(&self, weights_bytes: u64, memory_bytes: u64) -> Option<u64> {
        let per_token = self.cache_bytes_per_token.filter(|n| *n > 0)?;
        let room = memory_bytes.saturating_sub(self.memory_bytes(weights_bytes, 0));
        let most = self.context_tokens.unwrap_or(u64::MAX);
        let tokens = room / per_token;
        Some(if tokens >= most { most } else { tokens / 1024 * 1024 })
    }
}

/// Reads and checks the header of a model file. No weights are read.
///
/// # Errors
/// Why the file is no usable GGUF file, as a part of a sentence ("it does not begin with the letters GGUF").
pub fn inspect(path: &Path) -> Result<FileFacts, String> {
    let file = File::open(path).map_err(|e| e.to_string())?;
    let header = gguf::read(BufReader::with_capacity(1 << 16, file)).map_err(|e| e.to_string())?;
    let facts = facts(&header);
    // The later parts of a split model have tensors and little else.
    if facts.architecture.is_none() && header.uint("split.no").unwrap_or(0) == 0 {
        return Err("general.architecture is missing from its header".to_owned());
    }
    Ok(facts)
}

pub(crate) fn facts(header: &Header) -> FileFacts {
    let text = |key: &str| header.text(key).map(str::to_owned).filter(|t| !t.is_empty());
    let template = header.text("tokenizer.chat_template");
    FileFacts {
        name: text("general.name"),
        architecture: text("general.architecture"),
        license: text("general.license"),
        quantisation: header.uint("general.file_type").and_then(quantisation),
        params: header.params,
        file_bytes: header.file_len,
        context_tokens: header.arch_uint("context_length"),
        layers: header.arch_uint("block_count"),
        width: header.arch_uint("embedding_length"),
        experts: header.arch_uint("expert_count").filter(|n| *n > 0),
        cache_bytes_per_token: cache_per_token(header),
        template: template.is_some(),
        tools: template.is_some_and(|t| t.contains("tools")),
        encoder: header.arch_uint("pooling_type").is_some(),
        reranker: header.arch_uint("pooling_type") == Some(4),
        parts: header.uint("split.count").unwrap_or(1).max(1),
    }
}

/// `layers × KV heads × (key + value width of a head) × 2 bytes`. Multi-head latent attention (`attention.key_length_mla` is there) keeps
/// no values: they are part of the compressed key. Where every token sees every other (`attention.causal` is false) there is no cache.
fn cache_per_token(header: &Header) -> Option<u64> {
    if header.arch_uint("attention.causal") == Some(0) {
        return None;
    }
    let layers = header.arch_uint("block_count")?;
    let heads = header.arch_uint("attention.head_count").filter(|h| *h > 0)?;
    let kv_heads = header.arch_uint("attention.head_count_kv").unwrap_or(heads);
    let width = header.arch_uint("embedding_length").unwrap_or(0) / heads;
    let side = |key: &str| header.arch_uint(key).unwrap_or(width);
    let latent = header.arch_uint("attention.key_length_mla").is_some();
    let values = if latent { 0 } else { side("attention.value_length") };
    let per_head = side("attention.key_length").saturating_add(values);
    Some(layers.saturating_mul(kv_heads).saturating_mul(per_head).saturating_mul(2)).filter(|n| *n > 0)
}

/// The names of `enum llama_ftype` in llama.h; `None` for a number that it does not have.
fn quantisation(file_type: u64) -> Option<&'static str> {
    Some(match file_type {
        0 => "F32",
        1 => "F16",
        2 => "Q4_0",
        3 => "Q4_1",
        7 => "Q8_0",
        8 => "Q5_0",
        9 => "Q5_1",
        10 => "Q2_K",
        11 => "Q3_K_S",
        12 => "Q3_K_M",
        13 => "Q3_K_L",
        14 => "Q4_K_S",
        15 => "Q4_K_M",
        16 => "Q5_K_S",
        17 => "Q5_K_M",
        18 => "Q6_K",
        19 => "IQ2_XXS",
        20 => "IQ2_XS",
        21 => "Q2_K_S",
        22 => "IQ3_XS",
        23 => "IQ3_XXS",
        24 => "IQ1_S",
        25 => "IQ4_NL",
        26 => "IQ3_S",
        27 => "IQ3_M",
        28 => "IQ2_S",
        29 => "IQ2_M",
        30 => "IQ4_XS",
        31 => "IQ1_M",
        32 => "BF16",
        36 => "TQ1_0",
        37 => "TQ2_0",
        38 => "MXFP4",
        39 => "NVFP4",
        40 => "Q1_0",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::tiny::Tiny;

    fn of(tiny: &Tiny) -> FileFacts {
        facts(&gguf::read(std::io::Cursor::new(tiny.bytes())).unwrap())
    }

    #[test]
    fn says_what_the_header_says() {
        let facts = of(&Tiny { template: Some("{% if tools %}{% endif %}"), context: 4096, ..Tiny::default() });
        assert_eq!(facts.name.as_deref(), Some("tiny chain"));
        assert_eq!(facts.architecture.as_deref(), Some("llama"));
        assert_eq!((facts.context_tokens, facts.layers, facts.parts), (Some(4096), Some(1), 1));
        assert!(facts.template && facts.tools && !facts.encoder);
        // One layer, two heads of 32 + 32 values, two bytes each.
        assert_eq!(facts.cache_bytes_per_token, Some(2 * 64 * 2));
        let plain = of(&Tiny { template: Some("{{ messages }}"), ..Tiny::default() });
        assert!(plain.template && !plain.tools);
        assert!(!of(&Tiny::default()).template);
    }

    #[test]
    fn memory_and_context_answer_each_other() {
        let facts =
            FileFacts { cache_bytes_per_token: Some(1 << 10), context_tokens: Some(8192), ..FileFacts::default() };
        let need = facts.memory_bytes(1 << 30, 4096);
        assert_eq!(need, (1 << 30) + (4 << 20) + BESIDE_BYTES);
        assert_eq!(facts.context_within(1 << 30, need), Some(4096));
        assert_eq!(facts.context_within(1 << 30, need - 1), Some(3072));
        assert_eq!(facts.context_within(1 << 30, 64 << 30), Some(8192));
        assert_eq!(facts.context_within(1 << 30, 1 << 20), Some(0));
        assert_eq!(FileFacts::default().context_within(1, u64::MAX), None);
    }

    #[test]
    fn what_is_no_model_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.gguf");
        std::fs::write(&path, "<html>").unwrap();
        assert!(inspect(&path).unwrap_err().contains("letters GGUF"));
        std::fs::write(&path, Tiny { arch: "", ..Tiny::default() }.bytes()).unwrap();
        assert!(inspect(&path).unwrap_err().contains("general.architecture"));
        std::fs::write(&path, Tiny::default().bytes()).unwrap();
        assert!(inspect(&path).is_ok());
        assert!(inspect(&folder.path().join("none.gguf")).is_err());
    }

    #[cfg(feature = "llama")]
    #[test]
    fn names_are_those_of_the_pinned_llama_cpp() {
        use llama_cpp_sys_2 as c;
        for (number, name) in [
            (c::LLAMA_FTYPE_ALL_F32, "F32"),
            (c::LLAMA_FTYPE_MOSTLY_Q8_0, "Q8_0"),
            (c::LLAMA_FTYPE_MOSTLY_Q4_K_M, "Q4_K_M"),
            (c::LLAMA_FTYPE_MOSTLY_IQ4_XS, "IQ4_XS"),
            (c::LLAMA_FTYPE_MOSTLY_BF16, "BF16"),
            (c::LLAMA_FTYPE_MOSTLY_MXFP4_MOE, "MXFP4"),
        ] {
            assert_eq!(quantisation(u64::from(number)), Some(name));
        }
    }
}
