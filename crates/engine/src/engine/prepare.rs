//! From what a model is told to be to what its worker is told to load, and how much memory that will need.
//!
//! Never here: waiting for the memory (`ledger`), starting the worker (`supervise`).

use super::fitting::{self, text};
use crate::cpu;
use crate::protocol::{Load, Lora};
use crate::source;
use crate::spec::ModelSpec;
use std::path::PathBuf;

/// Looks at processor and file, off the runtime's threads since it reads the disk. What to load, and how many bytes of
/// memory that will need.
pub(super) async fn prepare(model: ModelSpec) -> Result<(Load, u64), String> {
    let looked = tokio::task::spawn_blocking(move || {
        cpu::check()?;
        let path = source::path(&model.source)?;
        let facts = source::examine(&path)?;
        let threads = model.threads.unwrap_or_else(|| cpu::threads(facts.bytes)).clamp(1, 512);
        // Whether it fits is for the ledger to say, which can make room.
        let plan = fitting::plan(&model, &facts, None)?;
        let lora = |(path, scale): &(PathBuf, f32)| Ok::<_, String>(Lora { path: text(path)?, scale: *scale });
        let load = Load {
            role: facts.role,
            cells: plan.cells,
            cache: model.cache,
            prefix_bytes: model.prefix_bytes,
            gpu_layers: plan.gpu_layers,
            split: model.split,
            experts_on_cpu: plan.experts_on_cpu,
            mmap: model.mmap,
            loras: model.loras.iter().map(lora).collect::<Result<_, _>>()?,
            draft: fitting::draft(&model)?,
            lookup: model.lookup,
            projector: source::projector(&model.source, model.projector.as_deref())?
                .as_deref()
                .map(text)
                .transpose()?,
            ..Load::new(text(&path)?, plan.context, plan.slots, threads)
        };
        Ok((load, plan.host))
    });
    looked.await.unwrap_or_else(|e| Err(format!("The model could not be looked at: {e}.")))
}
