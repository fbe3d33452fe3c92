//! A draft model: a smaller model of the same vocabulary that writes ahead, with a sequence per slot in a context of its own.
//!
//! It is kept in step lazily: only when it is asked it trims what it holds of a slot to what the request's tokens still
//! begin with, and reads what is new. While the policy leaves it alone it costs nothing.
//!
//! Never here: the decision to draft, checking proposals.

use super::{Writer, accept};
use crate::protocol::{CacheType, Load};
use crate::worker::llama::{self, Model};
use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::params::{KvCacheType, LlamaContextParams};
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::token::LlamaToken;
use std::num::NonZeroU32;
use std::path::Path;
use std::time::{Duration, Instant};

/// Vocabularies may differ by so many tokens at their end: families pad theirs to round numbers that differ by model size
/// (Qwen2.5: 151,936 and 152,064). The bound is that of llama.cpp.
const PADDING_MAX: usize = 128;
/// A token that the draft model itself gives less than this is not proposed, nor anything after it.
const SURE: f32 = 0.5;
/// Tokens read at a time.
const CHUNK: usize = 512;
/// New tokens of a request that are usual between two proposals: the one to continue from and one that was accepted last.
const USUAL: usize = 2;
/// After so many failures in a row it is given up.
const FAILURES_MAX: u32 = 3;

/// The weights of a draft model.
pub(in crate::worker) struct DraftModel {
    model: LlamaModel,
    vocabulary: usize,
    most: u16,
}

impl DraftModel {
    /// Loads the draft model that `load` names, for `target`; `None` where it names none.
    ///
    /// # Errors
    /// The file is no usable model, or its vocabulary is another one; the text is for people.
    pub(in crate::worker) fn load(target: &Model, load: &Load) -> Result<Option<DraftModel>, String> {
        let Some(draft) = &load.draft else { return Ok(None) };
        let path = &draft.path;
        crate::source::examine(Path::new(path)).map_err(|e| format!("The draft model cannot be used. {e}"))?;
        let params = LlamaModelParams::default().with_use_mmap(load.mmap);
        // It is small: on a GPU wholly where the target is there at all.
        let params = if load.gpu_layers == Some(0) { params.with_n_gpu_layers(0) } else { params };
        let model = LlamaModel::load_from_file(target.backend(), path, &params)
            .map_err(|_| format!("The draft model {path} cannot be loaded: {}.", llama::complaints()))?;
        if let Some(difference) = difference(&target.model, &model) {
            return Err(format!(
                "The draft model {path} cannot propose tokens for {}: {difference}. Give a draft model of the same family, \
                 or none.",
                load.path
            ));
        }
        let vocabulary = usize::try_from(model.n_vocab()).unwrap_or(0);
        Ok(Some(DraftModel { model, vocabulary, most: draft.most.clamp(1, accept::MOST as u16) }))
    }

    /// Tokens proposed at a time, at most.
    pub(in crate::worker) fn most(&self) -> u16 {
        self.most
    }

    /// A context with a sequence per slot.
    ///
    /// # Errors
    /// There is no memory for it; the text is for people.
    pub(in crate::worker) fn drafter(&self, target: &Model, load: &Load) -> Result<Drafter<'_>, String> {
        let kind = match load.cache {
            CacheType::F16 => KvCacheType::F16,
            CacheType::Q8_0 => KvCacheType::Q8_0,
            CacheType::Q4_0 => KvCacheType::Q4_0,
        };
        let chunk = CHUNK.min(load.context as usize).max(1);
        let threads = i32::from(load.threads).max(1);
        let cells = load.cells.max(load.context).next_multiple_of(256);
        let params = LlamaContextParams::default()
            .with_n_ctx(NonZeroU32::new(cells))
            .with_n_batch(chunk as u32)
            .with_n_ubatch(chunk as u32)
            .with_n_seq_max(u32::from(load.slots))
            .with_kv_unified(true)
            .with_type_k(kind)
            .with_type_v(kind)
            .with_n_threads(threads)
            .with_n_threads_batch(threads)
            .with_no_perf(true);
        let context = self.model.new_context(target.backend(), params).map_err(|_| {
            format!("There is no room for the draft model's cache of {cells} tokens: {}. Set a smaller context or no draft model.", llama::complaints())
        })?;
        Ok(Drafter {
            context,
            batch: LlamaBatch::new(chunk, 1),
            chunk,
            limit: load.context as usize,
            vocabulary: self.vocabulary,
            target: usize::try_from(target.model.n_vocab()).unwrap_or(0),
            held: vec![Vec::new(); usize::from(load.slots)],
            read: Duration::ZERO,
            failures: 0,
        })
    }
}

/// How two vocabularies differ; `None` where they do not.
fn difference(target: &LlamaModel, draft: &LlamaModel) -> Option<String> {
    let (ours, theirs) = (target.vocab(), draft.vocab());
    let sizes = (ours.n_tokens(), theirs.n_tokens());
    if sizes.0.abs_diff(sizes.1) as usize > PADDING_MAX {
        return Some(format!("their vocabularies have {} and {} tokens", sizes.1, sizes.0));
    }
    if ours.vocab_type() != theirs.vocab_type() {
        return Some("their tokenizers are of different kinds".to_owned());
    }
    let borders = [("beginning", ours.bos(), theirs.bos()), ("end", ours.eos(), theirs.eos())];
    if let Some((name, a, b)) = borders.into_iter().find(|(_, a, b)| a != b) {
        return Some(format!("the token for the {name} of a text is {} in the one and {} in the other", b.0, a.0));
    }
    // All of them: it takes milliseconds.
    let other = (0..sizes.0.min(sizes.1)).map(LlamaToken).find(|token| ours.text(*token) != theirs.text(*token))?;
    let spelt = |text: Option<&std::ffi::CStr>| text.map(|t| t.to_string_lossy().into_owned()).unwrap_or_default();
    let (a, b) = (spelt(theirs.text(other)), spelt(ours.text(other)));
    Some(format!("token {} is {a:?} in the one and {b:?} in the other", other.0))
}

/// The state of all slots in the draft model.
pub(in crate::worker) struct Drafter<'m> {
    context: LlamaContext<'m>,
    batch: LlamaBatch<'static>,
    chunk: usize,
    /// Context of one request, tokens.
    limit: usize,
    vocabulary: usize,
    /// Size of the vocabulary of the model that checks.
    target: usize,
    /// The tokens of each slot that are in the cache.
    held: Vec<Vec<i32>>,
    read: Duration,
    failures: u32,
}

impl Drafter<'_> {
    /// Feeds tokens after what is held, the last with logits.
    fn feed(&mut self, slot: usize, tokens: &[i32]) -> Result<(), String> {
        for chunk in tokens.chunks(self.chunk) {
            self.batch.clear();
            let at = self.held[slot].len();
            for (i, token) in chunk.iter().enumerate() {
                let last = i + 1 == chunk.len();
                self.batch.add(LlamaToken(*token), (at + i) as i32, &[slot as i32], last).map_err(|e| e.to_string())?;
            }
            self.context.decode(&mut self.batch).map_err(|e| format!("{e}: {}", llama::complaints()))?;
            self.held[slot].extend_from_slice(chunk);
        }
        Ok(())
    }

    /// Brings a slot in step with the history but for its last token; false where that cannot be done.
    fn trim(&mut self, slot: usize, history: &[i32]) {
        let held = &mut self.held[slot];
        let same = held.iter().zip(&history[..history.len() - 1]).take_while(|(a, b)| a == b).count();
        if same == held.len() {
            return;
        }
        // A model with a recurrent state cannot go back: it begins anew.
        let from = if matches!(self.context.clear_kv_cache_seq(Some(slot as u32), Some(same as u32), None), Ok(true)) {
            same
        } else {
            let _ = self.context.clear_kv_cache_seq(Some(slot as u32), None, None);
            0
        };
        held.truncate(from);
    }

    fn draft(&mut self, slot: usize, history: &[i32], most: usize) -> Result<Vec<i32>, String> {
        self.trim(slot, history);
        let new = &history[self.held[slot].len()..];
        let late = new.len().saturating_sub(USUAL);
        if late > 0 {
            let began = Instant::now();
            self.feed(slot, &new[..late])?;
            self.context.synchronize();
            self.read = began.elapsed();
        }
        self.feed(slot, &new[late..])?;
        let mut tokens = Vec::with_capacity(most);
        while let Some((token, sure)) = likeliest(self.context.get_logits_ith(-1)) {
            if sure < SURE || token as usize >= self.target {
                break;
            }
            tokens.push(token);
            if tokens.len() >= most {
                break;
            }
            self.feed(slot, &[token])?;
        }
        Ok(tokens)
    }

    fn drop_all(&mut self) {
        for slot in 0..self.held.len() {
            self.forget(slot as u32);
        }
    }
}

impl Writer for Drafter<'_> {
    fn propose(&mut self, slot: u32, history: &[i32], most: usize) -> Vec<i32> {
        self.read = Duration::ZERO;
        let slot = slot as usize;
        let room = self.limit.saturating_sub(history.len());
        let readable = history.iter().all(|t| usize::try_from(*t).is_ok_and(|t| t < self.vocabulary));
        if slot >= self.held.len() || history.is_empty() || !readable || room == 0 || self.failures >= FAILURES_MAX {
            return Vec::new();
        }
        match self.draft(slot, history, most.min(room)) {
            Ok(tokens) => {
                self.failures = 0;
                tokens
            }
            Err(why) => {
                // Most likely its cache is full of other slots' tokens. Nothing is lost but the reading.
                eprintln!("engine worker: the draft model failed: {why}");
                self.failures += 1;
                self.drop_all();
                Vec::new()
            }
        }
    }

    fn lag(&self, slot: u32, history: &[i32]) -> usize {
        let held = self.held.get(slot as usize).map_or(0, Vec::len);
        history.len().saturating_sub(held + USUAL)
    }

    fn read_for(&self) -> Duration {
        self.read
    }

    fn forget(&mut self, slot: u32) {
        if let Some(held) = self.held.get_mut(slot as usize) {
            held.clear();
            // Whole sequences can always be removed.
            let _ = self.context.clear_kv_cache_seq(Some(slot), None, None);
        }
    }
}

/// The likeliest token and its probability; none where the model computes nonsense.
fn likeliest(logits: &[f32]) -> Option<(i32, f32)> {
    let (at, most) = logits
        .iter()
        .enumerate()
        .fold((0, f32::NEG_INFINITY), |best, (at, logit)| if *logit > best.1 { (at, *logit) } else { best });
    let sum: f32 = logits.iter().map(|l| (l - most).exp()).sum();
    let sure = 1.0 / sum;
    (most.is_finite() && sure.is_finite()).then_some((at as i32, sure))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::protocol::Draft;
    use crate::tiny::Tiny;

    /// One test for all, since llama.cpp can be started once per process.
    #[test]
    fn a_draft_model_writes_ahead_and_keeps_in_step() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: Vec<u8>| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let path = file("target.gguf", Tiny::default().bytes());
        let mut load = Load::new(path.clone(), 128, 2, 1);
        let target = Model::load(&load, |_| true).unwrap();
        assert!(DraftModel::load(&target, &load).unwrap().is_none());

        // Another vocabulary of the same size: one spelling differs.
        let mut other = Tiny::default().bytes();
        let at = other.windows(10).position(|w| w == b"<|im_end|>").unwrap();
        other[at + 2] = b'X';
        load.draft = Some(Draft { path: file("other.gguf", other), most: 8 });
        let why = DraftModel::load(&target, &load).map(drop).unwrap_err();
        assert!(why.contains("other.gguf") && why.contains("target.gguf") && why.contains("<|Xm_end|>"), "{why}");
        load.draft = Some(Draft { path: file("bad.gguf", b"GGUF".to_vec()), most: 8 });
        assert!(DraftModel::load(&target, &load).map(drop).unwrap_err().starts_with("The draft model cannot be used."));

        load.draft = Some(Draft { path, most: 8 });
        let weights = DraftModel::load(&target, &load).unwrap().unwrap();
        let mut drafter = weights.drafter(&target, &load).unwrap();
        let text = |t: &str| t.bytes().map(i32::from).collect::<Vec<i32>>();
        let letters = text("abcdefgh");
        assert_eq!(drafter.lag(0, &letters), 6);
        assert_eq!(drafter.propose(0, &letters, 4), text("ijkl"));
        assert!(drafter.read_for() > Duration::ZERO);
        // It holds "abcdefghijk". Two of the four were kept, then something else came.
        let mut history = text("abcdefghij");
        history.extend(text("5"));
        assert_eq!(drafter.lag(0, &history), 0);
        assert_eq!(drafter.propose(0, &history, 3), text("678"));
        assert_eq!(drafter.held[0], text("abcdefghij567"));
        assert_eq!(drafter.read_for(), Duration::ZERO);
        // Another slot is its own world, and a forgotten one begins anew.
        assert_eq!(drafter.propose(1, &text("xy"), 3), text("zab"));
        drafter.forget(0);
        assert_eq!(drafter.propose(0, &text("xyz"), 2), text("ab"));
        // The same last token over again, nothing to trim but the last one.
        assert_eq!(drafter.propose(0, &text("xyz"), 2), text("ab"));

        // Where it is not sure it says nothing; nor beyond the context, nor of tokens that it does not know.
        assert_eq!(drafter.propose(0, &text("~"), 3), Vec::<i32>::new());
        assert_eq!(drafter.propose(0, &vec![97; 128], 3), Vec::<i32>::new());
        assert_eq!(drafter.propose(0, &[97, 5000], 3), Vec::<i32>::new());
        assert_eq!(drafter.propose(0, &[97, -1], 3), Vec::<i32>::new());
        assert_eq!(drafter.propose(9, &[97], 3), Vec::<i32>::new());
        assert_eq!(drafter.propose(0, &text(&"a".repeat(127)), 3).len(), 1, "one token fits");
        // Both slots together fill the cache: it recovers.
        for slot in [0, 1, 0, 1] {
            drafter.propose(slot, &text(&"ab".repeat(63)), 2);
        }
        assert_eq!(drafter.propose(0, &text("xyz"), 2), text("ab"));
    }

    #[test]
    fn the_likeliest_token_has_its_probability() {
        let (token, sure) = likeliest(&[0.0, 2.0_f32.ln(), 0.0]).unwrap();
        assert_eq!(token, 1);
        assert!((sure - 0.5).abs() < 1e-6);
        assert_eq!(likeliest(&[]), None);
        assert_eq!(likeliest(&[f32::NAN, f32::NAN]), None);
    }
}
