//! Models that can be pulled by a short name.
//!
//! Digests are those of public lists that have them beside each file (most: github.com/mudler/LocalAI, gallery/index.yaml). The hub's own
//! digest is compared with them before anything is fetched. Rows without one are checked against the hub's own alone.
//!
//! Never here: models whose file or licence is not certain.

/// One model of the catalog: one file of one repository on Hugging Face.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// The short name.
    pub name: &'static str,
    /// `owner/repo`.
    pub repo: &'static str,
    /// The file in it.
    pub file: &'static str,
    /// Its SHA-256; none where no source says it.
    pub sha256: Option<&'static str>,
    /// About so large, in millions of bytes, rounded.
    pub about_mb: u32,
    /// Licence: an SPDX identifier, or the publisher's name for his own.
    pub license: &'static str,
    /// What it is for.
    pub task: Task,
}

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Writes text.
    Chat,
    /// Writes text after thinking aloud.
    Reason,
    /// Writes programs.
    Code,
    /// Makes vectors.
    Embed,
    /// Orders documents.
    Rerank,
}

impl Task {
    /// For people and for JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Task::Chat => "chat",
            Task::Reason => "reasoning",
            Task::Code => "code",
            Task::Embed => "embeddings",
            Task::Rerank => "rerank",
        }
    }
}

impl Row {
    /// About so much memory with a context of 8,192 tokens, in millions of bytes: the weights, a tenth of them for the cache (the header of the
    /// file says it exactly: `dewpoint show`), and 300 MB beside them.
    pub fn about_memory_mb(&self) -> u32 {
        self.about_mb + self.about_mb / 10 + 300
    }
}

/// Everything that has a short name, by family.
#[rustfmt::skip] // A row is a line.
pub const CATALOG: &[Row] = &[
    // Qwen
    row("qwen3-0.6b", "MaziyarPanahi/Qwen3-0.6B-GGUF", "Qwen3-0.6B.Q4_K_M.gguf", "dc4503da5d7cc7254055a86cd90e1a8c9d16c6ac71eb3a32b34bf48a1f4e0999", 400, "Apache-2.0", Task::Chat),
    row("qwen3-1.7b", "MaziyarPanahi/Qwen3-1.7B-GGUF", "Qwen3-1.7B.Q4_K_M.gguf", "ea2aa5f1cce3c8df81ae5fd292a6ed265b8393cc89534dc21fc5327cc974116a", 1_100, "Apache-2.0", Task::Chat),
    row("qwen3-4b", "MaziyarPanahi/Qwen3-4B-GGUF", "Qwen3-4B.Q4_K_M.gguf", "a37931937683a723ae737a0c6fc67dab7782fd8a1b9dea2ca445b7a1dbd5ca3a", 2_500, "Apache-2.0", Task::Chat),
    row("qwen3-8b", "MaziyarPanahi/Qwen3-8B-GGUF", "Qwen3-8B.Q4_K_M.gguf", "376902d50612ecfc5bd8b268f376c04d10ad7e480f99a1483b833f04344a549e", 5_000, "Apache-2.0", Task::Chat),
    row("qwen2.5-0.5b", "bartowski/Qwen2.5-0.5B-Instruct-GGUF", "Qwen2.5-0.5B-Instruct-Q4_K_M.gguf", "6eb923e7d26e9cea28811e1a8e852009b21242fb157b26149d3b188f3a8c8653", 400, "Apache-2.0", Task::Chat),
    row("qwen2.5-1.5b", "bartowski/Qwen2.5-1.5B-Instruct-GGUF", "Qwen2.5-1.5B-Instruct-Q4_K_M.gguf", "1adf0b11065d8ad2e8123ea110d1ec956dab4ab038eab665614adba04b6c3370", 990, "Apache-2.0", Task::Chat),
    row("qwen2.5-32b", "bartowski/Qwen2.5-32B-Instruct-GGUF", "Qwen2.5-32B-Instruct-Q4_K_M.gguf", "2e5f6daea180dbc59f65a40641e94d3973b5dbaa32b3c0acf54647fa874e519e", 20_000, "Apache-2.0", Task::Chat),
    row("qwen2.5-72b", "bartowski/Qwen2.5-72B-Instruct-GGUF", "Qwen2.5-72B-Instruct-Q4_K_M.gguf", "e4c8fad16946be8cf0bbf67eb8f4e18fc7415a5a6d2854b4cda453edb4082545", 47_000, "Qwen License", Task::Chat),
    row("qwen2.5-coder-7b", "bartowski/Qwen2.5-Coder-7B-Instruct-GGUF", "Qwen2.5-Coder-7B-Instruct-Q4_K_M.gguf", "1664fccab734674a50763490a8c6931b70e3f2f8ec10031b54806d30e5f956b6", 4_700, "Apache-2.0", Task::Code),
    // Llama
    row("llama-3.2-1b", "hugging-quants/Llama-3.2-1B-Instruct-Q4_K_M-GGUF", "llama-3.2-1b-instruct-q4_k_m.gguf", "1d0e9419ec4e12aef73ccf4ffd122703e94c48344a96bc7c5f0f2772c2152ce3", 810, "Llama 3.2 Community", Task::Chat),
    row("llama-3.2-3b", "hugging-quants/Llama-3.2-3B-Instruct-Q4_K_M-GGUF", "llama-3.2-3b-instruct-q4_k_m.gguf", "c55a83bfb6396799337853ca69918a0b9bbb2917621078c34570bc17d20fd7a1", 2_000, "Llama 3.2 Community", Task::Chat),
    row("llama-3.1-8b", "MaziyarPanahi/Meta-Llama-3.1-8B-Instruct-GGUF", "Meta-Llama-3.1-8B-Instruct.Q4_K_M.gguf", "c2f17f44af962660d1ad4cb1af91a731f219f3b326c2b14441f9df1f347f2815", 4_900, "Llama 3.1 Community", Task::Chat),
    row("llama-3.3-70b", "MaziyarPanahi/Llama-3.3-70B-Instruct-GGUF", "Llama-3.3-70B-Instruct.Q4_K_M.gguf", "4f3b04ecae278bdb0fd545b47c210bc5edf823e5ebf7d41e0b526c81d54b1ff3", 43_000, "Llama 3.3 Community", Task::Chat),
    // Gemma
    row("gemma-3-270m", "ggml-org/gemma-3-270m-it-qat-GGUF", "gemma-3-270m-it-qat-Q4_0.gguf", "3626e245220ca4a1c5911eb4010b3ecb7bdbf5bc53c79403c21355354d1e2dc6", 240, "Gemma Terms of Use", Task::Chat),
    row("gemma-3-1b", "ggml-org/gemma-3-1b-it-GGUF", "gemma-3-1b-it-Q4_K_M.gguf", "8ccc5cd1f1b3602548715ae25a66ed73fd5dc68a210412eea643eb20eb75a135", 810, "Gemma Terms of Use", Task::Chat),
    row("gemma-3-4b", "bartowski/google_gemma-3-4b-it-qat-GGUF", "google_gemma-3-4b-it-qat-Q4_0.gguf", "0231e2cba887f4c7834c39b34251e26b2eebbb71dfac0f7e6e2b2c2531c1a583", 2_400, "Gemma Terms of Use", Task::Chat),
    row("gemma-3-12b", "bartowski/google_gemma-3-12b-it-qat-GGUF", "google_gemma-3-12b-it-qat-Q4_0.gguf", "2ad4c9ce431a2d5b80af37983828c2cfb8f4909792ca5075e0370e3a71ca013d", 6_900, "Gemma Terms of Use", Task::Chat),
    row("gemma-3-27b", "bartowski/google_gemma-3-27b-it-qat-GGUF", "google_gemma-3-27b-it-qat-Q4_0.gguf", "4f1e32db877a9339df2d6529c1635570425cbe81f0aa3f7dd5d1452f2e632b42", 16_000, "Gemma Terms of Use", Task::Chat),
    row("gemma-2-2b", "bartowski/gemma-2-2b-it-GGUF", "gemma-2-2b-it-Q4_K_M.gguf", "", 1_700, "Gemma Terms of Use", Task::Chat),
    // Mistral
    row("mistral-7b", "MaziyarPanahi/Mistral-7B-Instruct-v0.3-GGUF", "Mistral-7B-Instruct-v0.3.Q4_K_M.gguf", "14850c84ff9f06e9b51d505d64815d5cc0cea0257380353ac0b3d21b21f6e024", 4_400, "Apache-2.0", Task::Chat),
    row("mistral-nemo-12b", "bartowski/Mistral-Nemo-Instruct-2407-GGUF", "Mistral-Nemo-Instruct-2407-Q4_K_M.gguf", "7c1a10d202d8788dbe5628dc962254d10654c853cae6aaeca0618f05490d4a46", 7_500, "Apache-2.0", Task::Chat),
    // DeepSeek
    row("deepseek-r1-qwen-1.5b", "bartowski/DeepSeek-R1-Distill-Qwen-1.5B-GGUF", "DeepSeek-R1-Distill-Qwen-1.5B-Q4_K_M.gguf", "", 1_100, "MIT", Task::Reason),
    row("deepseek-r1-qwen-7b", "bartowski/DeepSeek-R1-Distill-Qwen-7B-GGUF", "DeepSeek-R1-Distill-Qwen-7B-Q4_K_M.gguf", "", 4_700, "MIT", Task::Reason),
    row("deepseek-r1-llama-8b", "bartowski/DeepSeek-R1-Distill-Llama-8B-GGUF", "DeepSeek-R1-Distill-Llama-8B-Q4_K_M.gguf", "", 4_900, "MIT", Task::Reason),
    // Phi
    row("phi-4", "bartowski/phi-4-GGUF", "phi-4-Q4_K_M.gguf", "009aba717c09d4a35890c7d35eb59d54e1dba884c7c526e7197d9c13ab5911d9", 9_100, "MIT", Task::Chat),
    row("phi-4-mini", "bartowski/microsoft_Phi-4-mini-instruct-GGUF", "microsoft_Phi-4-mini-instruct-Q4_K_M.gguf", "01999f17c39cc3074afae5e9c539bc82d45f2dd7faa3917c66cbef76fce8c0c2", 2_500, "MIT", Task::Chat),
    row("phi-4-mini-reasoning", "bartowski/microsoft_Phi-4-mini-reasoning-GGUF", "microsoft_Phi-4-mini-reasoning-Q4_K_M.gguf", "ce8becd58f350d8ae0ec3bbb201ab36f750ffab17ab6238f39292d12ab68ea06", 2_500, "MIT", Task::Reason),
    // SmolLM
    row("smollm2-1.7b", "HuggingFaceTB/SmolLM2-1.7B-Instruct-GGUF", "smollm2-1.7b-instruct-q4_k_m.gguf", "decd2598bc2c8ed08c19adc3c8fdd461ee19ed5708679d1c54ef54a5a30d4f33", 1_100, "Apache-2.0", Task::Chat),
    // Encoders
    row("nomic-embed-text", "nomic-ai/nomic-embed-text-v1.5-GGUF", "nomic-embed-text-v1.5.Q8_0.gguf", "", 150, "Apache-2.0", Task::Embed),
    row("bge-small-en", "CompendiumLabs/bge-small-en-v1.5-gguf", "bge-small-en-v1.5-q8_0.gguf", "ec38e8da142596baa913124ae50550de284b6916bf59577ef2f0cb9660c2f514", 40, "MIT", Task::Embed),
    row("bge-reranker-m3", "gpustack/bge-reranker-v2-m3-GGUF", "bge-reranker-v2-m3-Q8_0.gguf", "a43c7c9b11a4c1517e5bf95151960e1621d1b72f7a493364b01e386cf1aaa1d3", 640, "Apache-2.0", Task::Rerank),
    row("jina-reranker-tiny", "mradermacher/jina-reranker-v1-tiny-en-GGUF", "jina-reranker-v1-tiny-en.f16.gguf", "5f696cf0d0f3d347c4a279eee8270e5918554cdac0ed1f632f2619e4e8341407", 70, "Apache-2.0", Task::Rerank),
];

const fn row(
    name: &'static str,
    repo: &'static str,
    file: &'static str,
    sha256: &'static str,
    about_mb: u32,
    license: &'static str,
    task: Task,
) -> Row {
    let sha256 = if sha256.is_empty() { None } else { Some(sha256) };
    Row { name, repo, file, sha256, about_mb, license, task }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::card::Digest;
    use crate::name::{Wanted, check_own, plain, simple};

    #[test]
    fn every_row_can_be_pulled() {
        let mut names = std::collections::HashSet::new();
        for row in CATALOG {
            assert!(names.insert(simple(row.name)), "{} is there twice", row.name);
            check_own(row.name).unwrap();
            assert_eq!(Wanted::parse(row.name).unwrap(), Wanted::Catalog(row));
            let (owner, repo) = row.repo.split_once('/').unwrap();
            assert!(
                plain(owner) && plain(repo) && row.file.split('/').all(plain) && row.file.ends_with(".gguf"),
                "{}",
                row.name
            );
            assert!(row.sha256.is_none_or(|hex| Digest::parse(hex).is_some()), "{}", row.name);
            assert!(row.about_mb > 10 && !row.license.is_empty(), "{}", row.name);
        }
        let digests: std::collections::HashSet<_> = CATALOG.iter().filter_map(|r| r.sha256).collect();
        assert_eq!(digests.len(), CATALOG.iter().filter(|r| r.sha256.is_some()).count(), "a digest stands twice");
    }
}
