//! The model itself: loading, tokens, one decode step. With `sampler` the only file that names llama.cpp's types, so that
//! everything above it stays the same when the binding changes.
//!
//! Never here: requests, stop sequences, frames.

use crate::protocol::{Info, Load};
use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::token::LlamaToken;
use std::collections::HashSet;
use std::ffi::{CStr, c_char, c_void};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

/// Prompt tokens per decode step: a request that is cancelled, or another slot, waits no longer than this.
pub(super) const CHUNK: usize = 512;

/// A loaded model.
pub(super) struct Model {
    pub(super) model: LlamaModel,
    backend: LlamaBackend,
    vocabulary: i32,
}

impl Model {
    /// Loads a file. `progress` is told per mille and says whether to go on.
    pub(super) fn load(path: &str, mut progress: impl FnMut(u16) -> bool + 'static) -> Result<Model, String> {
        let backend = LlamaBackend::init().map_err(|e| e.to_string())?;
        log_to_stderr();
        let params = LlamaModelParams::default()
            .with_progress_callback(move |done| progress((done.clamp(0.0, 1.0) * 1000.0) as u16));
        let model = LlamaModel::load_from_file(&backend, path, &params)
            .map_err(|_| format!("The model file {path} cannot be loaded: {}.", complaints()))?;
        let vocabulary = model.n_vocab();
        if vocabulary <= 0 {
            return Err(format!("The model file {path} has no vocabulary, so it cannot write text."));
        }
        Ok(Model { model, backend, vocabulary })
    }

    /// A context for `load.slots` sequences of `load.context` tokens each.
    pub(super) fn session(&self, load: &Load) -> Result<Session<'_>, String> {
        let all = load.context.next_multiple_of(256).checked_mul(u32::from(load.slots)).and_then(NonZeroU32::new);
        let threads = i32::from(load.threads as i16).max(1);
        let chunk = CHUNK.min(load.context as usize);
        // Each sequence has its own stretch of the cache: what others do changes nothing in its arithmetic, and so the
        // same seed gives the same text alone and in company.
        let params = LlamaContextParams::default()
            .with_n_ctx(Some(all.ok_or("context times slots is too large")?))
            .with_n_batch(chunk as u32)
            .with_n_ubatch(chunk as u32)
            .with_n_seq_max(u32::from(load.slots))
            .with_kv_unified(false)
            .with_n_threads(threads)
            .with_n_threads_batch(threads)
            .with_no_perf(true);
        let context = self.model.new_context(&self.backend, params).map_err(|_| {
            format!(
                "There is no room for a context of {} tokens for {} requests at a time: {}. Set a smaller context.",
                load.context,
                load.slots,
                complaints()
            )
        })?;
        Ok(Session { context, batch: LlamaBatch::new(chunk, 1), chunk, vocabulary: self.vocabulary })
    }

    /// For the gateway.
    pub(super) fn info(&self, load: &Load) -> Info {
        Info {
            params: self.model.n_params(),
            bytes: self.model.size(),
            context: load.context,
            vocabulary: self.vocabulary.unsigned_abs(),
            template: self.template().is_some(),
            dimensions: 0,
            resident: 0,
        }
    }

    /// The model's chat template.
    pub(super) fn template(&self) -> Option<String> {
        self.model.meta_val_str("tokenizer.chat_template").ok()
    }

    /// Text of the token that begins, and of the one that ends a text; empty where the model has none.
    pub(super) fn borders(&self) -> (String, String) {
        let vocab = self.model.vocab();
        let text = |token: LlamaToken| {
            let known = (0..self.vocabulary).contains(&token.0);
            known.then(|| vocab.text(token)).flatten().map(|t| t.to_string_lossy().into_owned()).unwrap_or_default()
        };
        (text(vocab.bos()), text(vocab.eos()))
    }

    /// How the control tokens are spelt.
    pub(super) fn spellings(&self) -> Vec<String> {
        let vocab = self.model.vocab();
        let control = vocab.tokens().filter(|t| vocab.is_control(*t));
        control.filter_map(|t| vocab.text(t).map(|s| s.to_string_lossy().into_owned())).collect()
    }

    /// The tokens of a prompt in stretches that do not reach into one another, with the beginning token where the model
    /// wants one and the text has none. A text without tokens gets the beginning token, if there is one, so that there is
    /// something to continue.
    pub(super) fn tokens<'t>(&self, stretches: impl IntoIterator<Item = &'t str>) -> Vec<i32> {
        let vocab = self.model.vocab();
        let mut tokens = Vec::new();
        for text in stretches {
            tokens.extend(vocab.tokenize(text.as_bytes(), false, true));
        }
        let bos = vocab.bos();
        let wanted = vocab.should_add_bos() && tokens.first() != Some(&bos);
        if (wanted || tokens.is_empty()) && (0..self.vocabulary).contains(&bos.0) {
            tokens.insert(0, bos);
        }
        tokens.into_iter().map(|t| t.0).collect()
    }

    /// The bytes that a token stands for; none for control tokens.
    pub(super) fn bytes(&self, token: i32) -> Vec<u8> {
        if !(0..self.vocabulary).contains(&token) {
            return Vec::new();
        }
        self.model.vocab().token_to_piece(LlamaToken(token), false, None)
    }

    /// The bytes that a token stands for, as it is spelt if it is a control token.
    pub(super) fn spelt(&self, token: i32) -> Vec<u8> {
        if !(0..self.vocabulary).contains(&token) {
            return Vec::new();
        }
        self.model.vocab().token_to_piece(LlamaToken(token), true, None)
    }

    /// The control tokens that `shown` is true of, by their spelling.
    pub(super) fn controls(&self, shown: impl Fn(&str) -> bool) -> HashSet<i32> {
        let vocab = self.model.vocab();
        let control = vocab.tokens().filter(|t| vocab.is_control(*t));
        control.filter(|t| vocab.text(*t).is_some_and(|s| shown(&s.to_string_lossy()))).map(|t| t.0).collect()
    }

    /// The model's architecture.
    pub(super) fn architecture(&self) -> String {
        self.model.meta_val_str("general.architecture").unwrap_or_default()
    }

    /// Does this token end the answer?
    pub(super) fn ends(&self, token: i32) -> bool {
        (0..self.vocabulary).contains(&token) && self.model.vocab().is_eog(LlamaToken(token))
    }
}

/// The state of all sequences.
pub(super) struct Session<'m> {
    context: LlamaContext<'m>,
    batch: LlamaBatch<'static>,
    chunk: usize,
    vocabulary: i32,
}

impl Session<'_> {
    /// Most tokens of one [`Session::feed`].
    pub(super) fn chunk(&self) -> usize {
        self.chunk
    }

    /// Forgets a sequence.
    pub(super) fn clear(&mut self, sequence: u32) {
        // Whole sequences can always be removed; the only errors are numbers beyond i32, and slots are few.
        let _ = self.context.clear_kv_cache_seq(Some(sequence), None, None);
    }

    /// Feeds tokens of one sequence from position `at` on; `logits` asks for those after the last token.
    pub(super) fn feed(&mut self, sequence: u32, tokens: &[i32], at: u32, logits: bool) -> Result<(), String> {
        self.batch.clear();
        for (i, token) in tokens.iter().enumerate() {
            if !(0..self.vocabulary).contains(token) {
                return Err(format!("token {token} is not in the vocabulary"));
            }
            let wanted = logits && i + 1 == tokens.len();
            self.batch
                .add(LlamaToken(*token), at as i32 + i as i32, &[sequence as i32], wanted)
                .map_err(|e| e.to_string())?;
        }
        self.context.decode(&mut self.batch).map_err(|e| format!("{e}: {}", complaints()))
    }

    /// The logits that the last [`Session::feed`] asked for.
    pub(super) fn logits(&self) -> &[f32] {
        self.context.get_logits_ith(-1)
    }
}

static LEVEL: AtomicU32 = AtomicU32::new(0);
static COMPLAINTS: Mutex<String> = Mutex::new(String::new());
/// Complaints are kept up to this many bytes.
const COMPLAINTS_MAX: usize = 600;

/// What llama.cpp complained about since the last time this was asked, on one line.
fn complaints() -> String {
    let text = std::mem::take(&mut *COMPLAINTS.lock().unwrap_or_else(PoisonError::into_inner));
    if text.is_empty() { "llama.cpp gave no reason".to_owned() } else { text }
}

/// Warnings and errors of llama.cpp go to stderr; the rest is dropped. The binding's own redirection aborts the process
/// on a log level it does not know.
#[allow(unsafe_code, reason = "the binding has no safe way to receive log lines")]
fn log_to_stderr() {
    unsafe extern "C" fn line(level: llama_cpp_sys_2::ggml_log_level, text: *const c_char, _: *mut c_void) {
        if text.is_null() {
            return;
        }
        let continues = level == llama_cpp_sys_2::GGML_LOG_LEVEL_CONT;
        let level = if continues { LEVEL.load(Ordering::Relaxed) } else { level };
        LEVEL.store(level, Ordering::Relaxed);
        if level != llama_cpp_sys_2::GGML_LOG_LEVEL_WARN && level != llama_cpp_sys_2::GGML_LOG_LEVEL_ERROR {
            return;
        }
        // SAFETY: llama.cpp passes a NUL-terminated string that lives for the call.
        let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
        eprint!("{text}");
        if level == llama_cpp_sys_2::GGML_LOG_LEVEL_ERROR && !text.trim().is_empty() {
            let mut kept = COMPLAINTS.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() + text.len() <= COMPLAINTS_MAX {
                let between = if kept.is_empty() { "" } else { "; " };
                kept.push_str(between);
                kept.push_str(text.trim());
            }
        }
    }
    // SAFETY: `line` is a plain function without state and may be called from any thread at any time.
    unsafe {
        llama_cpp_sys_2::llama_log_set(Some(line), std::ptr::null_mut());
        llama_cpp_sys_2::ggml_log_set(Some(line), std::ptr::null_mut());
    }
}
