//! One llama.cpp context and the KV cache of all sequences: a batch is put together token by token, computed, and its logits
//! are read. Sequences are copied, cut, saved and brought back.
//!
//! The cache has one of two forms. Where there is memory for every slot's whole context, each slot has a *stream* of its own:
//! attention looks at its cells only, which at 8 and 16 requests is a fifth faster than the other form (measured on a 0.5B
//! model with 480 tokens each); a prefix of another stream is copied. Otherwise the cache is *unified*: any cell can belong
//! to any sequence, and to several at once, so memory follows the tokens there are, and a common prefix costs nothing.
//!
//! A batch of several requests takes other kernels than a batch of one, and in a unified cache the cells of a sequence lie
//! scattered: sums are added in another order and their last bits differ. Where two tokens are that close, a greedy answer
//! in company can differ from the same one alone. Random numbers do not: each request draws its own.
//!
//! Never here: who is served, text.

mod look;
mod open;
mod pool;

use self::pool::Pool;
use super::cells::Cells;
use super::llama::{Model, complaints};
use llama_cpp_sys_2 as sys;
use std::ptr::{NonNull, null_mut};
use std::rc::Rc;

/// Tokens of a slot that a step may feed without knowing them: it wants the logits of each of these, and of the last known one.
pub(super) const DRAFTED_MOST: usize = 16;

/// What a step could not do.
pub(super) enum Failure {
    /// Too few cells are free.
    Full,
    /// llama.cpp failed; the state of the sequences of this batch is unknown.
    Broken(String),
}

/// The saved state of one sequence; only made by [`Session::save`].
pub(super) struct State {
    bytes: Vec<u8>,
    cells: usize,
}

impl State {
    /// Bytes in host memory.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Cells that it needs to come back.
    pub(super) fn cells(&self) -> usize {
        self.cells
    }
}

/// A batch as llama.cpp reads it.
#[derive(Default)]
struct Batch {
    tokens: Vec<i32>,
    positions: Vec<i32>,
    sequences: Vec<i32>,
    counts: Vec<i32>,
    wanted: Vec<i8>,
}

/// The state of all sequences.
pub(super) struct Session<'m> {
    context: NonNull<sys::llama_context>,
    /// Dropped, like every field, after `drop` has freed the context that uses it.
    pool: Option<Rc<Pool>>,
    model: &'m Model,
    cells: Cells,
    batch: Batch,
    pointers: Vec<*mut i32>,
    most: usize,
    sequences: u32,
    streams: bool,
    /// Streams are being copied: it happens at the next decode, until which their contents must stay.
    copying: bool,
}

impl Session<'_> {
    /// Tokens of one step at most.
    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// Tokens that the model has.
    pub(super) fn vocabulary(&self) -> i32 {
        self.model.vocabulary()
    }

    /// Sequence numbers are below this.
    pub(super) fn sequences(&self) -> u32 {
        self.sequences
    }

    /// Has every slot a stream of its own? Then those of one batch should be neighbours, in order: llama.cpp computes a batch
    /// in one go only as far as sequence numbers follow one another.
    pub(super) fn streams(&self) -> bool {
        self.streams
    }

    /// Nothing can be saved or brought back before the next decode.
    pub(super) fn copying(&self) -> bool {
        self.copying
    }

    /// Who holds which cells.
    pub(super) fn cells(&self) -> &Cells {
        &self.cells
    }

    /// Begins a batch.
    pub(super) fn begin(&mut self) {
        let b = &mut self.batch;
        b.tokens.clear();
        b.positions.clear();
        b.sequences.clear();
        b.counts.clear();
        b.wanted.clear();
    }

    /// Tokens of the batch so far.
    pub(super) fn filled(&self) -> usize {
        self.batch.tokens.len()
    }

    /// Adds the token at `position` of a sequence, and gives its place in the batch.
    ///
    /// # Errors
    /// The batch is full, or there is no such token or sequence.
    pub(super) fn add(&mut self, sequence: u32, token: i32, position: usize, wanted: bool) -> Result<usize, String> {
        let place = self.filled();
        if place >= self.most || sequence >= self.sequences || !self.model.knows(token) {
            return Err(format!("token {token} cannot be fed at place {place} to sequence {sequence}"));
        }
        let b = &mut self.batch;
        b.tokens.push(token);
        b.positions.push(i32::try_from(position).map_err(|e| e.to_string())?);
        b.sequences.push(sequence as i32);
        b.counts.push(1);
        b.wanted.push(i8::from(wanted));
        Ok(place)
    }

    /// Computes the batch, and returns when that is done: on a GPU too, where llama.cpp itself only begins it, so that what a
    /// step takes can be measured.
    ///
    /// # Errors
    /// [`Failure`]; nothing was computed.
    #[allow(unsafe_code, reason = "the binding's batch cannot be filled from outside")]
    pub(super) fn decode(&mut self) -> Result<(), Failure> {
        if self.filled() > self.cells.free() {
            return Err(Failure::Full);
        }
        let b = &mut self.batch;
        self.pointers.clear();
        self.pointers.extend(b.sequences.iter_mut().map(std::ptr::from_mut));
        let batch = sys::llama_batch {
            n_tokens: b.tokens.len() as i32,
            token: b.tokens.as_mut_ptr(),
            embd: null_mut(),
            pos: b.positions.as_mut_ptr(),
            n_seq_id: b.counts.as_mut_ptr(),
            seq_id: self.pointers.as_mut_ptr(),
            logits: b.wanted.as_mut_ptr(),
        };
        // SAFETY: all arrays have n_tokens members and live through the call, which keeps none of them; tokens and
        // sequences were checked by `add`.
        match unsafe { sys::llama_decode(self.context.as_ptr(), batch) } {
            0 => {
                // SAFETY: the context lives.
                unsafe { sys::llama_synchronize(self.context.as_ptr()) };
                self.copying = false;
                for sequence in &b.sequences {
                    self.cells.grow(*sequence as u32, 1);
                }
                Ok(())
            }
            1 => Err(Failure::Full),
            code => Err(Failure::Broken(format!("decoding failed ({code}): {}", complaints()))),
        }
    }

    /// The logits that were wanted at this place of the last batch; empty where none were.
    #[allow(unsafe_code, reason = "the binding's accessor panics where llama.cpp gives null")]
    pub(super) fn logits(&self, place: usize) -> &[f32] {
        let Ok(place) = i32::try_from(place) else { return &[] };
        // SAFETY: llama.cpp gives null for a place without logits, else as many values as the vocabulary has tokens; they
        // stay until the next decode, which needs this session mutably.
        unsafe {
            let logits = sys::llama_get_logits_ith(self.context.as_ptr(), place);
            if logits.is_null() {
                return &[];
            }
            std::slice::from_raw_parts(logits, self.model.vocabulary() as usize)
        }
    }

    /// `to`, which holds the same `at` first tokens, takes those of `from` from there up to `until`. False, and `to` stays as it
    /// was, where the cells of `from` are not all there any more (a sliding window has gone over them).
    #[allow(unsafe_code, reason = "the binding's context is not used")]
    pub(super) fn share(&mut self, from: u32, to: u32, at: usize, until: usize) -> bool {
        let until = until.min(self.cells.len(from));
        let (Ok(p0), Ok(p1)) = (i32::try_from(at), i32::try_from(until)) else { return false };
        if !self.model.rewinds() || from >= self.sequences || to >= self.sequences || p1 <= p0 {
            return false;
        }
        // Streams are copied whole, and what is too much is cut off.
        let (q0, q1) = if self.streams { (-1, -1) } else { (p0, p1) };
        // SAFETY: the numbers of both sequences were checked.
        unsafe {
            let memory = sys::llama_get_memory(self.context.as_ptr());
            if from == to || sys::llama_memory_seq_pos_min(memory, from as i32) != 0 {
                return false;
            }
            sys::llama_memory_seq_cp(memory, from as i32, to as i32, q0, q1);
        }
        if !self.streams {
            self.cells.share(from, to, at, until);
            return true;
        }
        self.copying = true;
        self.cells.grow(to, self.cells.len(from) - at);
        self.trim(to, until)
    }

    /// Cuts a sequence back to its first `from` tokens. False where the model cannot do that; then the sequence is empty.
    #[allow(unsafe_code, reason = "the binding's context is not used")]
    pub(super) fn trim(&mut self, sequence: u32, from: usize) -> bool {
        let Ok(p0) = i32::try_from(from) else { return false };
        if sequence >= self.sequences {
            return false;
        }
        // SAFETY: the number of the sequence was checked. Whole sequences can always be removed.
        let cut = unsafe {
            let memory = sys::llama_get_memory(self.context.as_ptr());
            let cut = sys::llama_memory_seq_rm(memory, sequence as i32, p0, -1);
            if !cut {
                sys::llama_memory_seq_rm(memory, sequence as i32, -1, -1);
            }
            cut
        };
        self.cells.trim(sequence, if cut { from } else { 0 });
        cut
    }

    /// A copy of a sequence in host memory, unless it is larger than `most` bytes.
    #[allow(unsafe_code, reason = "the binding's context is not used")]
    pub(super) fn save(&self, sequence: u32, most: u64) -> Option<State> {
        let cells = self.cells.len(sequence);
        if !self.model.rewinds() || cells == 0 || self.copying {
            return None;
        }
        // SAFETY: the buffer has the size that llama.cpp asks for and is told.
        unsafe {
            let (context, sequence) = (self.context.as_ptr(), sequence as i32);
            let size = sys::llama_state_seq_get_size(context, sequence);
            if size == 0 || size as u64 > most {
                return None;
            }
            let mut bytes = vec![0u8; size];
            let written = sys::llama_state_seq_get_data(context, bytes.as_mut_ptr(), size, sequence);
            (written == size).then_some(State { bytes, cells })
        }
    }

    /// Brings a saved sequence back into an empty one. False, and it stays empty, where there is no room.
    #[allow(unsafe_code, reason = "the binding's context is not used")]
    pub(super) fn restore(&mut self, state: &State, sequence: u32) -> bool {
        if sequence >= self.sequences || self.cells.len(sequence) > 0 || self.cells.free() < state.cells || self.copying
        {
            return false;
        }
        let (context, size) = (self.context.as_ptr(), state.bytes.len());
        // SAFETY: the bytes come from `save` of this same context.
        let read = unsafe { sys::llama_state_seq_set_data(context, state.bytes.as_ptr(), size, sequence as i32) };
        let whole = read == size && self.cells.grow(sequence, state.cells);
        if !whole {
            self.trim(sequence, 0);
        }
        whole
    }
}

impl Drop for Session<'_> {
    #[allow(unsafe_code, reason = "made by hand, freed by hand")]
    fn drop(&mut self) {
        // SAFETY: made by this session, and nobody else has it.
        unsafe { sys::llama_free(self.context.as_ptr()) };
    }
}
