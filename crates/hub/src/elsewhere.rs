//! Every model on this machine: our store, and what Ollama, Hugging Face's tools and llama.cpp's have on the disk. These folders are
//! only read.
//!
//! Never here: writing; loading.

mod hugging_face;
mod llama_cpp;
mod ollama;

use crate::folders::Folders;
use crate::store::Store;
use std::path::{Path, PathBuf};

/// Folders and files that one look at a cache visits, at most.
const ENTRIES_MAX: usize = 20_000;

/// Who keeps a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Where {
    /// A path was given, so somewhere on the disk.
    Path,
    /// The configuration names its file.
    Configured,
    /// Our store.
    Store,
    /// Ollama.
    Ollama,
    /// Hugging Face's cache.
    HuggingFace,
    /// The cache of llama.cpp's programs.
    LlamaCpp,
}

impl Where {
    /// For people and for JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Where::Path => "path",
            Where::Configured => "configured",
            Where::Store => "store",
            Where::Ollama => "ollama",
            Where::HuggingFace => "hf cache",
            Where::LlamaCpp => "llama.cpp cache",
        }
    }
}

/// A model on this disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The name by which [`crate::find()`] finds it.
    pub name: String,
    /// Its file, or the first of its parts.
    pub path: PathBuf,
    /// All its files together.
    pub bytes: u64,
    /// Who keeps it.
    pub place: Where,
    /// Licence where the store knows it.
    pub license: Option<String>,
    /// Where the store has it from.
    pub source: Option<String>,
}

impl Held {
    fn new(name: String, path: PathBuf, bytes: u64, place: Where) -> Held {
        Held { name, path, bytes, place, license: None, source: None }
    }
}

/// Everything that is there, the store first, each in the order of names. Whatever cannot be read is not there.
pub fn survey(folders: &Folders) -> Vec<Held> {
    let stored = Store::new(&folders.store).list().into_iter().map(|model| {
        let (license, source) = model.card.map(|c| (c.license, Some(c.source))).unwrap_or_default();
        Held { license, source, ..Held::new(model.name, model.path, model.bytes, Where::Store) }
    });
    let mut out: Vec<Held> = stored.collect();
    let looks = [
        folders.ollama.as_deref().map(ollama::look),
        folders.hugging_face.as_deref().map(hugging_face::look),
        folders.llama_cpp.as_deref().map(llama_cpp::look),
    ];
    for mut found in looks.into_iter().flatten() {
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found.dedup_by(|a, b| a.name == b.name);
        out.extend(found);
    }
    out
}

/// The names in a folder, in order; none where it cannot be read.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().take(ENTRIES_MAX);
    let mut names: Vec<String> = entries.filter_map(|e| e.ok()?.file_name().into_string().ok()).collect();
    names.sort_unstable();
    names
}

/// The length of a file, through symbolic links; none where it is not there whole.
fn length(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|m| m.len())
}

/// The GGUF models among files of one folder: whole ones, and split ones with all their parts. `(file, bytes)`; projectors are no models.
fn models(folder: &Path, files: &[String]) -> Vec<(String, u64)> {
    let model =
        |file: &&String| file.to_ascii_lowercase().ends_with(".gguf") && !file.to_ascii_lowercase().contains("mmproj");
    let whole = |file: &String| match crate::name::shard(file) {
        None => length(&folder.join(file)),
        Some(part) if part.number == 1 => (1..=part.count)
            .map(|n| length(&folder.join(crate::name::shard_file(part.stem, n, part.count))))
            .sum::<Option<u64>>(),
        Some(_) => None,
    };
    files.iter().filter(model).filter_map(|file| Some((file.clone(), whole(file)?))).collect()
}
