//! Looking at an image: it is encoded, and what comes out is decoded as part of a sequence, in a step of its own.
//!
//! Never here: preparing images.

use super::super::llama::complaints;
use super::super::vision::{Projector, Seen};
use super::{Failure, Session};
use llama_cpp_sys_2 as sys;

impl Session<'_> {
    /// Computes an image at `position` of a sequence.
    ///
    /// # Errors
    /// [`Failure`]; the sequence is as it was.
    #[allow(unsafe_code, reason = "the binding decodes no embeddings of one sequence among several")]
    pub(in crate::worker) fn look(
        &mut self,
        projector: &Projector<'_>,
        seen: &Seen,
        sequence: u32,
        position: usize,
    ) -> Result<(), Failure> {
        let broken = |e: std::num::TryFromIntError| Failure::Broken(e.to_string());
        let (past, most) = (i32::try_from(position).map_err(broken)?, i32::try_from(self.most).map_err(broken)?);
        if sequence >= self.sequences {
            return Err(Failure::Broken(format!("there is no sequence {sequence}")));
        }
        if seen.tokens > self.cells.free() {
            return Err(Failure::Full);
        }
        // SAFETY: projector, chunk and context are alive and of the same model; the sequence was checked. The embeddings
        // belong to the projector and stay until it encodes again.
        let code = unsafe {
            let (eye, context) = (projector.raw(), self.context.as_ptr());
            // llama.cpp aborts where an image that must be seen at once is longer than a batch.
            if sys::mtmd_decode_use_non_causal(eye, seen.raw()) && seen.tokens > self.most {
                let text = format!("the image has {} tokens, and this model reads at most {most} at once", seen.tokens);
                return Err(Failure::Broken(text));
            }
            if sys::mtmd_encode_chunk(eye, seen.raw()) != 0 {
                return Err(Failure::Broken(format!("the image cannot be encoded: {}", complaints())));
            }
            let (embeddings, mut after) = (sys::mtmd_get_output_embd(eye), past);
            sys::mtmd_helper_decode_image_chunk(
                eye,
                context,
                seen.raw(),
                embeddings,
                past,
                sequence as i32,
                most,
                &raw mut after,
                None,
                std::ptr::null_mut(),
            )
        };
        self.copying = false;
        if code == 0 {
            self.cells.grow(sequence, seen.tokens);
            return Ok(());
        }
        // Parts of it may be there.
        // SAFETY: the sequence was checked.
        let cut = unsafe {
            let memory = sys::llama_get_memory(self.context.as_ptr());
            sys::llama_memory_seq_rm(memory, sequence as i32, past, -1)
        };
        if code == 1 && cut {
            return Err(Failure::Full);
        }
        Err(Failure::Broken(format!("decoding the image failed ({code}): {}", complaints())))
    }
}
