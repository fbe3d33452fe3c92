//! Images: what llama.cpp's `mtmd` makes of them, with the model's projector. With `llama`, `session` and `sampler` the
//! only file that names llama.cpp's types. What `mtmd` gets are pixels: files are read in Rust (`picture`), and its own reader,
//! which may start other programs, is never called.
//!
//! Never here: files of images, prompts.

use super::llama::{Model, complaints};
use crate::protocol::Load;
use llama_cpp_sys_2 as sys;
use std::ffi::CString;
use std::marker::PhantomData;
use std::ptr::NonNull;

/// Pixels of an image: rows of red, green, blue.
pub(super) struct Pixels {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) rgb: Vec<u8>,
}

/// What an image becomes in a prompt.
pub(super) enum Chunk {
    /// Tokens that go with it.
    Text(Vec<i32>),
    /// The image, or a part of it.
    Image(Seen),
}

/// An image, or a part of one, as the model will read it.
pub(super) struct Seen {
    chunk: NonNull<sys::mtmd_input_chunk>,
    /// Cells of the KV cache that it takes.
    pub(super) tokens: usize,
    /// How far the positions of what follows are moved on by it.
    pub(super) positions: usize,
}

impl Seen {
    pub(super) fn raw(&self) -> *const sys::mtmd_input_chunk {
        self.chunk.as_ptr()
    }
}

impl Drop for Seen {
    #[allow(unsafe_code, reason = "copied by hand, freed by hand")]
    fn drop(&mut self) {
        // SAFETY: made by mtmd_input_chunk_copy, and nobody else has it.
        unsafe { sys::mtmd_input_chunk_free(self.chunk.as_ptr()) }
    }
}

/// The model's eye.
pub(super) struct Projector<'m> {
    context: NonNull<sys::mtmd_context>,
    model: PhantomData<&'m Model>,
}

impl<'m> Projector<'m> {
    /// Loads the projector, where there is one.
    ///
    /// # Errors
    /// It is none, or does not fit the model.
    #[allow(unsafe_code, reason = "the binding's parameters leave out the ones that matter")]
    pub(super) fn load(model: &'m Model, load: &Load) -> Result<Option<Projector<'m>>, String> {
        let Some(path) = &load.projector else { return Ok(None) };
        let refused = |why: String| format!("The projector {path} cannot be used with this model: {why}.");
        let name = CString::new(path.as_str()).map_err(|e| refused(e.to_string()))?;
        // SAFETY: the name is NUL-terminated, and the model outlives the projector ('m).
        let context = unsafe {
            let mut params = sys::mtmd_context_params_default();
            params.use_gpu = load.gpu_layers != Some(0);
            params.print_timings = false;
            params.n_threads = i32::from(load.threads);
            sys::mtmd_init_from_file(name.as_ptr(), model.raw(), params)
        };
        let context = NonNull::new(context).ok_or_else(|| refused(complaints()))?;
        let projector = Projector { context, model: PhantomData };
        // SAFETY: the context is alive.
        if unsafe { sys::mtmd_support_vision(projector.raw()) } {
            Ok(Some(projector))
        } else {
            Err(refused("it is not for images".into()))
        }
    }

    pub(super) fn raw(&self) -> *mut sys::mtmd_context {
        self.context.as_ptr()
    }

    /// What an image becomes in a prompt. Nothing is computed yet.
    ///
    /// # Errors
    /// The projector does not take it.
    #[allow(unsafe_code, reason = "the binding turns text into tokens its own way, where a marker could be forged")]
    pub(super) fn see(&self, pixels: &Pixels) -> Result<Vec<Chunk>, String> {
        let size = u64::from(pixels.width) * u64::from(pixels.height) * 3;
        if size == 0 || size != pixels.rgb.len() as u64 {
            return Err("The image has no pixels.".into());
        }
        let mut seen = Vec::new();
        // SAFETY: the bitmap is copied from as many bytes as its size says; chunks are read while their list lives, images
        // are copied out of it; list and bitmap are freed once.
        unsafe {
            let bitmap = sys::mtmd_bitmap_init(pixels.width, pixels.height, pixels.rgb.as_ptr());
            let list = sys::mtmd_input_chunks_init();
            let part = sys::mtmd_input_part { text: std::ptr::null(), bitmap };
            let mut parts = [&raw const part];
            let code = sys::mtmd_tokenize_from_parts(self.raw(), list, parts.as_mut_ptr(), 1, false);
            for at in 0..if code == 0 { sys::mtmd_input_chunks_size(list) } else { 0 } {
                let chunk = sys::mtmd_input_chunks_get(list, at);
                if sys::mtmd_input_chunk_get_type(chunk) == sys::MTMD_INPUT_CHUNK_TYPE_TEXT {
                    let mut n = 0;
                    let tokens = sys::mtmd_input_chunk_get_tokens_text(chunk, &raw mut n);
                    if n > 0 && !tokens.is_null() {
                        seen.push(Chunk::Text(std::slice::from_raw_parts(tokens, n).to_vec()));
                    }
                } else if let Some(copy) = NonNull::new(sys::mtmd_input_chunk_copy(chunk)) {
                    let positions = sys::mtmd_input_chunk_get_n_pos(chunk).max(0) as usize;
                    let tokens = sys::mtmd_input_chunk_get_n_tokens(chunk);
                    seen.push(Chunk::Image(Seen { chunk: copy, tokens, positions }));
                }
            }
            sys::mtmd_input_chunks_free(list);
            sys::mtmd_bitmap_free(bitmap);
        }
        if seen.is_empty() { Err(format!("The image cannot be prepared: {}.", complaints())) } else { Ok(seen) }
    }
}

impl Drop for Projector<'_> {
    #[allow(unsafe_code, reason = "made by hand, freed by hand")]
    fn drop(&mut self) {
        // SAFETY: made by mtmd_init_from_file, and nobody else has it.
        unsafe { sys::mtmd_free(self.raw()) }
    }
}
