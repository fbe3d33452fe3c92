//! From what is asked of a model, and what its files say, to what will be loaded ([`crate::fit`] does the arithmetic).
//!
//! Never here: how much memory is free, starting a worker.

use crate::fit::{self, Plan, Wish};
use crate::protocol::{Draft, Load, Role};
use crate::source::{self, Facts};
use crate::spec::ModelSpec;
use std::fs;
use std::path::Path;

/// Tokens that a draft model proposes at a time, at most. The policy chooses fewer where fewer win.
const DRAFT_MOST: u16 = 16;
/// Tokens of an encoder's step at least, as the worker has it.
const ENCODER_STEP: u32 = 512;

/// Context, slots, cells and layers to load with, in what is free on the host; `None` is not known and refuses nothing.
///
/// # Errors
/// The context is out of bounds, a file beside the model cannot be read, or there is not enough memory; for people.
pub(super) fn plan(model: &ModelSpec, facts: &Facts, host_free: Option<u64>) -> Result<Plan, String> {
    let context = facts.context(model.context_tokens)?;
    let mut wish = Wish {
        context,
        fixed: model.context_tokens.is_some(),
        slots: model.slots,
        cells: model.cache_tokens,
        cache: model.cache,
        batch: Load::new(String::new(), context, 1, 1).batch.min(context),
        gpu_layers: model.gpu_layers,
        experts_on_cpu: model.experts_on_cpu,
        beside: model.prefix_bytes.min(host_free.unwrap_or(0) / 16),
        host_free,
        gpu_free: None,
    };
    if facts.role != Role::Generate {
        return encoder(model, facts, wish);
    }
    for (path, _) in &model.loras {
        let file = fs::metadata(path);
        let file =
            file.map_err(|e| format!("The adapter {} cannot be read ({e}). Correct its path.", path.display()))?;
        wish.beside = wish.beside.saturating_add(file.len());
    }
    if let Some(projector) = source::projector(&model.source, model.projector.as_deref())? {
        let bytes = fs::metadata(&projector).map_or(0, |f| f.len());
        wish.beside = wish.beside.saturating_add(bytes);
    }
    if let Some(draft) = &model.draft {
        let small = source::examine(draft).map_err(|e| format!("The draft model cannot be used. {e}"))?.fit;
        // As many cells as the model itself has where nothing stands beside it: at most as many as it will have.
        let cells = fit::plan(&facts.fit, &wish)?.cells;
        let own = small.weights.saturating_add(small.cache(cells, wish.cache));
        wish.beside = wish.beside.saturating_add(own).saturating_add(small.compute(wish.batch, cells));
    }
    let plan = fit::plan(&facts.fit, &wish)?;
    if plan.context < context {
        tracing::warn!(
            target: "engine", wanted = context, context = plan.context, "the context is smaller than the model's: memory is short"
        );
    }
    Ok(plan)
}

/// An encoder keeps nothing between texts: one step over texts of the whole context is all that it needs. Slots are texts
/// of one step.
fn encoder(model: &ModelSpec, facts: &Facts, wish: Wish) -> Result<Plan, String> {
    let step = wish.context.max(ENCODER_STEP);
    let wish = Wish { slots: Some(1), cells: Some(step), batch: step, beside: 0, ..wish };
    let plan = fit::plan(&facts.fit, &wish)?;
    let slots = model.slots.unwrap_or(fit::SLOTS_MAX).clamp(1, fit::SLOTS_MAX);
    Ok(Plan { slots, ..plan })
}

/// The draft model, where one is asked for.
///
/// # Errors
/// Its path cannot be passed on.
pub(super) fn draft(model: &ModelSpec) -> Result<Option<Draft>, String> {
    let path = model.draft.as_deref().map(text).transpose()?;
    Ok(path.map(|path| Draft { path, most: DRAFT_MOST }))
}

/// A path as the worker is told it.
///
/// # Errors
/// It is not UTF-8.
pub(super) fn text(path: &Path) -> Result<String, String> {
    path.to_str().map(str::to_owned).ok_or_else(|| format!("The path {} is not UTF-8. Rename it.", path.display()))
}
