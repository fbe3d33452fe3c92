//! Models that can be pulled by a short name.
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
    /// Its length; none where no source says it to the byte.
    pub bytes: Option<u64>,
    /// Its SHA-256; none where no source says it. The hub's own digest is checked in any case.
    pub sha256: Option<&'static str>,
    /// Licence: an SPDX identifier, or the publisher's name for his own.
    pub license: &'static str,
    /// What it is for.
    pub task: Task,
    /// Parameters in words (`0.5B`).
    pub params: &'static str,
}

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Writes text.
    Chat,
    /// Makes vectors.
    Embed,
    /// Orders documents.
    Rerank,
}

/// Everything that has a short name, by family.
pub const CATALOG: &[Row] = &[
    Row {
        name: "mistral-7b",
        repo: "MaziyarPanahi/Mistral-7B-Instruct-v0.3-GGUF",
        file: "Mistral-7B-Instruct-v0.3.Q4_K_M.gguf",
        bytes: None,
        sha256: Some("14850c84ff9f06e9b51d505d64815d5cc0cea0257380353ac0b3d21b21f6e024"),
        license: "Apache-2.0",
        task: Task::Chat,
        params: "7B",
    },
];
