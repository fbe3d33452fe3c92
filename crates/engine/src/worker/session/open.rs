//! Opening a session: its parameters, its computing threads, its adapters.
//!
//! Never here: steps.

use super::super::cells::Cells;
use super::super::llama::{Model, complaints};
use super::{Batch, Session};
use crate::protocol::{CacheType, Load};
use llama_cpp_sys_2 as sys;
use std::ffi::CString;
use std::ptr::NonNull;

/// Sequences of a unified cache that may stay after their request, besides those being worked on: as many as there are slots,
/// at least this many.
const KEPT_MIN: u32 = 8;

/// Tokens of a slot whose logits a step wants, as far as buffers are made in advance: the next one, and a few drafted.
const LOGITS_PER_SLOT: u32 = 17;

impl<'m> Session<'m> {
    /// A context for `load.slots` requests at a time.
    ///
    /// # Errors
    /// There is not enough memory, or an adapter does not fit; the text says what to do.
    #[allow(unsafe_code, reason = "the binding's context has no thread pool and one adapter only")]
    pub(in crate::worker) fn new(model: &'m Model, load: &Load) -> Result<Session<'m>, String> {
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
        // What the buffers are made for; they grow where a step wants the logits of more tokens.
        params.n_outputs_max = batch.min(slots * LOGITS_PER_SLOT);
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
        let mut session = Session {
            context,
            pool: None,
            model,
            cells: Cells::new(cells, sequences),
            batch: Batch::default(),
            pointers: Vec::new(),
            most: batch as usize,
            sequences,
            streams: whole,
            copying: false,
        };
        session.pool(load.threads);
        session.adapt(load)?;
        Ok(session)
    }

    /// Computing threads that live as long as the session: without a pool ggml starts them anew for every step.
    #[allow(unsafe_code, reason = "the binding knows no thread pool")]
    fn pool(&mut self, threads: u16) {
        if threads < 2 {
            return;
        }
        // SAFETY: the parameters are a plain value; the pool is freed after the context in `drop`.
        unsafe {
            let mut params = sys::ggml_threadpool_params_default(i32::from(threads));
            self.pool = NonNull::new(sys::ggml_threadpool_new(&raw mut params));
            if let Some(pool) = self.pool {
                sys::llama_attach_threadpool(self.context.as_ptr(), pool.as_ptr(), pool.as_ptr());
            }
        }
    }

    /// Puts the adapters on.
    #[allow(unsafe_code, reason = "the binding can only put one adapter on")]
    fn adapt(&mut self, load: &Load) -> Result<(), String> {
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
