//! The model itself: loading, and what its tokens mean. With `session` and `sampler` the only file that names llama.cpp's
//! types, so that everything above stays the same when the binding changes.
//!
//! Never here: requests, stop sequences, frames.

use super::memory::resident;
use crate::protocol::{Info, Load, Split};
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::{LlamaModelParams, LlamaSplitMode};
use llama_cpp_2::token::LlamaToken;
use std::collections::HashSet;
use std::ffi::{CStr, c_char, c_void};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// A loaded model.
pub(super) struct Model {
    pub(super) model: LlamaModel,
    vocabulary: i32,
}

impl Model {
    /// Loads a file. `progress` is told per mille and says whether to go on.
    ///
    /// # Errors
    /// llama.cpp refuses it; the text has its reason.
    pub(super) fn load(load: &Load, mut progress: impl FnMut(u16) -> bool + 'static) -> Result<Model, String> {
        let backend = backend()?;
        let split = match load.split {
            Split::None => LlamaSplitMode::None,
            Split::Layer => LlamaSplitMode::Layer,
            Split::Row => LlamaSplitMode::Row,
        };
        let mut params = LlamaModelParams::default()
            .with_use_mmap(load.mmap)
            .with_split_mode(split)
            .with_progress_callback(move |done| progress((done.clamp(0.0, 1.0) * 1000.0) as u16));
        if let Some(layers) = load.gpu_layers {
            params = params.with_n_gpu_layers(layers);
        }
        // Overrides point into the parameters themselves, which must not move from here on.
        let mut params = std::pin::pin!(params);
        if load.experts_on_cpu {
            params.as_mut().add_cpu_moe_override();
        }
        let model = LlamaModel::load_from_file(backend, &load.path, &params)
            .map_err(|_| format!("The model file {} cannot be loaded: {}.", load.path, complaints()))?;
        let vocabulary = model.n_vocab();
        if vocabulary <= 0 {
            return Err(format!("The model file {} has no vocabulary, so it cannot write text.", load.path));
        }
        Ok(Model { model, vocabulary })
    }

    /// Tokens that there are.
    pub(super) fn vocabulary(&self) -> i32 {
        self.vocabulary
    }

    /// Is this a token of this model? Only such may reach llama.cpp.
    pub(super) fn knows(&self, token: i32) -> bool {
        (0..self.vocabulary).contains(&token)
    }

    /// Can a sequence be cut back to any earlier token? Not where the model carries a running state.
    pub(super) fn rewinds(&self) -> bool {
        !self.model.is_recurrent() && !self.model.is_hybrid()
    }

    /// llama.cpp's own pointer, for what the binding has no safe way to do.
    #[allow(unsafe_code, reason = "the binding gives no other access")]
    pub(super) fn raw(&self) -> *mut llama_cpp_sys_2::llama_model {
        // SAFETY: LlamaModel is repr(transparent) over a repr(transparent) NonNull<llama_model>.
        unsafe { *std::ptr::from_ref(&self.model).cast() }
    }

    /// How the vocabulary of `other` differs from this one; `None` where tokens of the one mean the same in the other, but for
    /// `padding` tokens at the end that only one of them has.
    pub(super) fn difference(&self, other: &Model, padding: i32) -> Option<String> {
        let (ours, theirs) = (self.model.vocab(), other.model.vocab());
        let (size, theirs_size) = (self.vocabulary, other.vocabulary);
        if size.abs_diff(theirs_size) > padding.unsigned_abs() {
            return Some(format!("their vocabularies have {theirs_size} and {size} tokens"));
        }
        if ours.vocab_type() != theirs.vocab_type() {
            return Some("their tokenizers are of different kinds".to_owned());
        }
        let borders = [("beginning", ours.bos(), theirs.bos()), ("end", ours.eos(), theirs.eos())];
        if let Some((name, a, b)) = borders.into_iter().find(|(_, a, b)| a != b) {
            return Some(format!("the token for the {name} of a text is {} in the one and {} in the other", b.0, a.0));
        }
        // All of them: it takes milliseconds.
        let mut both = (0..size.min(theirs_size)).map(LlamaToken);
        let at = both.find(|token| ours.text(*token) != theirs.text(*token))?;
        let spelt = |text: Option<&CStr>| text.map(|t| t.to_string_lossy().into_owned()).unwrap_or_default();
        let (a, b) = (spelt(theirs.text(at)), spelt(ours.text(at)));
        Some(format!("token {} is {a:?} in the one and {b:?} in the other", at.0))
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
            resident: resident(),
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
        let mut tokens: Vec<_> = self.plain(stretches).into_iter().map(LlamaToken).collect();
        let bos = vocab.bos();
        let wanted = vocab.should_add_bos() && tokens.first() != Some(&bos);
        if (wanted || tokens.is_empty()) && (0..self.vocabulary).contains(&bos.0) {
            tokens.insert(0, bos);
        }
        tokens.into_iter().map(|t| t.0).collect()
    }

    /// The tokens of stretches in the middle of a prompt.
    pub(super) fn plain<'t>(&self, stretches: impl IntoIterator<Item = &'t str>) -> Vec<i32> {
        let vocab = self.model.vocab();
        let tokens = stretches.into_iter().flat_map(|text| vocab.tokenize(text.as_bytes(), false, true));
        tokens.map(|t| t.0).collect()
    }

    /// The bytes that a token stands for; for control tokens none, or with `special` their spelling.
    pub(super) fn bytes(&self, token: i32, special: bool) -> Vec<u8> {
        if !self.knows(token) {
            return Vec::new();
        }
        self.model.vocab().token_to_piece(LlamaToken(token), special, None)
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

    /// The tokens that end an answer.
    pub(super) fn endings(&self) -> impl Iterator<Item = i32> + '_ {
        (0..self.vocabulary).filter(|token| self.ends(*token))
    }

    /// Does this token end the answer?
    pub(super) fn ends(&self, token: i32) -> bool {
        self.knows(token) && self.model.vocab().is_eog(LlamaToken(token))
    }
}

/// llama.cpp, begun once in this process and never ended.
pub(super) fn backend() -> Result<&'static LlamaBackend, String> {
    static ONE: OnceLock<LlamaBackend> = OnceLock::new();
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(backend) = ONE.get() {
        return Ok(backend);
    }
    let backend = LlamaBackend::init().map_err(|e| e.to_string())?;
    log_to_stderr();
    Ok(ONE.get_or_init(|| backend))
}

static LEVEL: AtomicU32 = AtomicU32::new(0);
static COMPLAINTS: Mutex<String> = Mutex::new(String::new());
/// Complaints are kept up to this many bytes.
const COMPLAINTS_MAX: usize = 600;

/// What llama.cpp complained about since the last time this was asked, on one line.
pub(super) fn complaints() -> String {
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
        llama_cpp_sys_2::mtmd_helper_log_set(Some(line), std::ptr::null_mut());
    }
}
