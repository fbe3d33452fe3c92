//! From what a model is told to be to what its worker is told to load, and how much memory that will need.
//!
//! Never here: waiting for the memory (`ledger`), starting the worker (`supervise`).

use crate::cpu;
use crate::protocol::{Draft, Load, Lora};
use crate::source::{self, Facts};
use crate::spec::ModelSpec;
use std::path::{Path, PathBuf};

/// What a worker needs beside weights and cache: its own code, buffers of a step, the vocabulary.
const WORKER_BYTES: u64 = 64 << 20;
/// Tokens that a draft model proposes at a time, at most.
const DRAFT_MOST: u16 = 16;

/// Looks at processor and file, off the runtime's threads since it reads the disk. What to load, and how many bytes of
/// memory that will need.
pub(super) async fn prepare(model: ModelSpec) -> Result<(Load, u64), String> {
    let looked = tokio::task::spawn_blocking(move || {
        cpu::check()?;
        let path = source::path(&model.source)?;
        let facts = source::examine(&path)?;
        let context = facts.context(model.context_tokens)?;
        let threads = model.threads.unwrap_or_else(|| cpu::threads(facts.bytes)).clamp(1, 512);
        let plain = Load::new(text(&path)?, context, facts.slots(model.slots, context), threads);
        let lora = |(path, scale): &(PathBuf, f32)| Ok::<_, String>(Lora { path: text(path)?, scale: *scale });
        let load = Load {
            cells: model.cache_tokens.unwrap_or(plain.cells).max(context),
            cache: model.cache,
            prefix_bytes: model.prefix_bytes,
            gpu_layers: model.gpu_layers,
            split: model.split,
            experts_on_cpu: model.experts_on_cpu,
            mmap: model.mmap,
            loras: model.loras.iter().map(lora).collect::<Result<_, _>>()?,
            draft: model.draft.as_deref().map(text).transpose()?.map(|path| Draft { path, most: DRAFT_MOST }),
            lookup: model.lookup,
            ..plain
        };
        let need = estimate(&facts, &load)?;
        Ok((load, need))
    });
    looked.await.unwrap_or_else(|e| Err(format!("The model could not be looked at: {e}.")))
}

fn text(path: &Path) -> Result<String, String> {
    path.to_str().map(str::to_owned).ok_or_else(|| format!("The path {} is not UTF-8. Rename it.", path.display()))
}

/// Bytes of memory that this load will need, before anything is measured: the files and the cache.
fn estimate(facts: &Facts, load: &Load) -> Result<u64, String> {
    let beside = load.loras.iter().map(|l| &l.path).chain(load.draft.iter().map(|d| &d.path));
    let mut sum = facts.bytes.saturating_add(facts.cache_bytes(load.cells, load.cache)).saturating_add(WORKER_BYTES);
    for path in beside {
        let file =
            std::fs::metadata(path).map_err(|e| format!("The file {path} cannot be read ({e}). Correct its path."))?;
        sum = sum.saturating_add(file.len());
    }
    Ok(sum)
}
