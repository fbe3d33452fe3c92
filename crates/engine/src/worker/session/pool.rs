//! Computing threads that live as long as the sessions that share them: without a pool ggml starts threads anew for every
//! step, which for a small model takes a hundred times as long as the step itself.
//!
//! Never here: what is computed.

use llama_cpp_sys_2 as sys;
use std::ptr::NonNull;
use std::rc::Rc;

/// Threads for one session after the other, never two at the same time: whoever has it is not `Send`.
pub(super) struct Pool(NonNull<sys::ggml_threadpool>);

impl Pool {
    /// So many threads, the caller's own included; `None` where that one is enough, or there are no more to be had.
    #[allow(unsafe_code, reason = "the binding knows no thread pool")]
    pub(super) fn new(threads: u16) -> Option<Rc<Pool>> {
        if threads < 2 {
            return None;
        }
        // SAFETY: the parameters are a plain value.
        let pool = unsafe {
            let mut params = sys::ggml_threadpool_params_default(i32::from(threads));
            sys::ggml_threadpool_new(&raw mut params)
        };
        NonNull::new(pool).map(|pool| Rc::new(Pool(pool)))
    }

    /// Lets a context compute here. The context must be freed before the pool.
    #[allow(unsafe_code, reason = "the binding knows no thread pool")]
    pub(super) fn attach(&self, context: NonNull<sys::llama_context>) {
        // SAFETY: both live; a session keeps its pool until its context is freed.
        unsafe { sys::llama_attach_threadpool(context.as_ptr(), self.0.as_ptr(), self.0.as_ptr()) };
    }
}

impl Drop for Pool {
    #[allow(unsafe_code, reason = "made by hand, freed by hand")]
    fn drop(&mut self) {
        // SAFETY: made by `new`; the last session that used it has freed its context.
        unsafe { sys::ggml_threadpool_free(self.0.as_ptr()) };
    }
}
