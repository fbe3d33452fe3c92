//! Opening a session: its parameters, its adapters.
//!
//! Never here: steps.

use super::super::cells::Cells;
use super::super::llama::{Model, complaints};
use super::pool::Pool;
use super::{Batch, DRAFTED_MOST, Session};
use crate::protocol::{CacheType, Load};
use llama_cpp_sys_2 as sys;
use std::ffi::CString;
use std::ptr::NonNull;
use std::rc::Rc;

/// Sequences of a unified cache that may stay after their request, besides those being worked on: as many as there are slots,
/// at least this many.
const KEPT_MIN: u32 = 8;

impl<'m> Session<'m> {
    /// A context for `load.slots` requests at a time, with computing threads of its own.
    ///
    /// # Errors
    /// There is not enough memory, or an adapter does not fit; the text says what to do.
    pub(in crate::worker) fn new(model: &'m Model, load: &Load) -> Result<Session<'m>, String> {
        let logits = u32::from(load.slots) * (1 + DRAFTED_MOST as u32);
        Session::open(model, load, logits, Pool::new(load.threads))
    }

    /// A context of another model that computes on the threads of this session, the logits of one token at a time. One of
    /// the two computes while the other waits.
    ///
    /// # Errors
    /// As [`Session::new`].
    pub(in crate::worker) fn beside<'n>(&self, model: &'n Model, load: &Load) -> Result<Session<'n>, String> {
        Session::open(model, load, 1, self.pool.clone())
    }

    #[allow(unsafe_code, reason = "the binding's context has no thread pool and one adapter only")]
    fn open(model: &'m Model, load: &Load, logits: u32, pool: Option<Rc<Pool>>) -> Result<Session<'m>, String> {
        let slots = u32::from(load.slots);
        let whole = load.context.checked_mul(slots).is_some_and(|all| load.cells >= all);
        let (sequences, cells) = if whole {
            (slots, load.context.next_multiple_of(256).saturating_mul(slots))
        } else {
            (slots + slots.max(KEPT_MIN), load.cells.next_multiple_of(256))
        };
        let batch = load.batch.min(cells);
        let kind = match load.cache {
            CacheType::F16 => sys::GGML_TYPE_F16,
            CacheType::Q8_0 => sys::GGML_TYPE_Q8_0,
            CacheType::Q4_0 => sys::GGML_TYPE_Q4_0,
        };
        // SAFETY: gives a plain value.
        let mut params = unsafe { sys::llama_context_default_params() };
        params.n_ctx = cells;
        params.n_batch = batch;
        params.n_ubatch = batch;
        params.n_seq_max = sequences;
        // llama.cpp aborts where a step wants the logits of more tokens, or there are more sequences.
        params.n_outputs_max = batch.min(logits).max(sequences);
        params.kv_unified = !whole;
        // With less, a model with a sliding window could not be cut back to a common prefix.
        params.swa_full = true;
        params.n_threads = i32::from(load.threads);
        params.n_threads_batch = i32::from(load.threads);
        params.type_k = kind;
        params.type_v = kind;
        params.no_perf = true;
        // SAFETY: the model outlives the session ('m), and every value of `load` was checked.
        let context = unsafe { sys::llama_init_from_model(model.raw(), params) };
        let context = NonNull::new(context).ok_or_else(|| {
            format!(
                "There is no room for a KV cache of {cells} tokens: {}. Set a smaller context, fewer slots, or a smaller \
                 type of cache.",
                complaints()
            )
        })?;
        let session = Session {
            context,
            pool,
            model,
            cells: Cells::new(cells, sequences),
            batch: Batch::default(),
            pointers: Vec::new(),
            most: batch as usize,
            sequences,
            streams: whole,
            copying: false,
        };
        if let Some(pool) = &session.pool {
            pool.attach(context);
        }
        session.adapt(load)?;
        Ok(session)
    }

    /// Puts the adapters on.
    #[allow(unsafe_code, reason = "the binding can only put one adapter on")]
    fn adapt(&self, load: &Load) -> Result<(), String> {
        let (mut adapters, mut scales) = (Vec::new(), Vec::new());
        for lora in &load.loras {
            let refused = |why: String| format!("The adapter {} cannot be used: {why}.", lora.path);
            let path = CString::new(lora.path.as_str()).map_err(|e| refused(e.to_string()))?;
            // SAFETY: the path is NUL-terminated; llama.cpp frees adapters together with their model.
            let adapter = unsafe { sys::llama_adapter_lora_init(self.model.raw(), path.as_ptr()) };
            if adapter.is_null() {
                return Err(refused(complaints()));
            }
            adapters.push(adapter);
            scales.push(lora.scale);
        }
        if adapters.is_empty() {
            return Ok(());
        }
        let n = adapters.len();
        // SAFETY: both arrays have n members and are copied by the call.
        let code = unsafe {
            sys::llama_set_adapters_lora(self.context.as_ptr(), adapters.as_mut_ptr(), n, scales.as_mut_ptr())
        };
        if code == 0 { Ok(()) } else { Err(format!("The adapters cannot be used together: {}.", complaints())) }
    }
}
