//! The encoder itself: a text's tokens, one step over many texts, one vector of each. Beside `llama` and `sampler` the only
//! file that names llama.cpp's types.
//!
//! Never here: requests, frames.

use crate::disarm::{Disarm, stretches};
use crate::protocol::Load;
use crate::source::Pooling;
use crate::worker::llama::{Model, backend, complaints};
use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::params::{LlamaContextParams, LlamaPoolingType};
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::token::LlamaToken;
use std::num::NonZeroU32;

/// Tokens of one step at least: short texts are cheaper together.
const STEP: u32 = 512;
/// Tokens that are computed at once where a text may be cut into several pieces.
const PIECE: u32 = 512;

/// A loaded encoder.
pub(super) struct Encoder<'m> {
    model: &'m Model,
    context: LlamaContext<'m>,
    batch: LlamaBatch<'static>,
    step: usize,
    sequences: usize,
    pooling: Pooling,
    disarm: Disarm,
    /// How a reranker wants query and document put together, where its file says so.
    pair: Option<String>,
}

/// What still fits into a step.
pub(super) struct Room {
    tokens: usize,
    texts: usize,
}

impl Room {
    /// Takes room for one more text, if there is.
    pub(super) fn take(&mut self, tokens: usize) -> bool {
        let fits = self.texts > 0 && tokens <= self.tokens;
        if fits {
            self.texts -= 1;
            self.tokens -= tokens;
        }
        fits
    }
}

impl<'m> Encoder<'m> {
    /// A context for texts of `load.context` tokens, `load.slots` of them in a step.
    ///
    /// # Errors
    /// There is no room for it.
    pub(super) fn new(model: &'m Model, load: &Load, pooling: Pooling) -> Result<Encoder<'m>, String> {
        let step = load.context.max(STEP).next_multiple_of(256);
        // A text must be computed at once, but for one that is read from left to right and pooled by its last token.
        let piece = if pooling == Pooling::Last { step.min(PIECE) } else { step };
        let threads = i32::from(load.threads as i16).max(1);
        let params = LlamaContextParams::default()
            .with_n_ctx(NonZeroU32::new(step))
            .with_n_batch(step)
            .with_n_ubatch(piece)
            .with_n_seq_max(u32::from(load.slots))
            .with_kv_unified(true)
            .with_embeddings(true)
            .with_pooling_type(LlamaPoolingType::from(pooling as i32))
            .with_n_threads(threads)
            .with_n_threads_batch(threads)
            .with_no_perf(true);
        let context = model.model.new_context(backend()?, params).map_err(|_| {
            let (tokens, why) = (load.context, complaints());
            format!("There is no room to read texts of {tokens} tokens: {why}. Set a smaller context.")
        })?;
        let batch = LlamaBatch::new(step as usize, 1);
        let pair = model.model.meta_val_str("tokenizer.chat_template.rerank").ok();
        let disarm = Disarm::new(model.spellings(), []);
        let (step, sequences) = (step as usize, usize::from(load.slots));
        Ok(Encoder { model, context, batch, step, sequences, pooling, disarm, pair })
    }

    /// Length of a vector.
    pub(super) fn dimensions(&self) -> u32 {
        match self.pooling {
            Pooling::Rank => self.model.model.n_cls_out(),
            _ => self.model.model.n_embd_out().unsigned_abs(),
        }
    }

    /// Room of an empty step.
    pub(super) fn room(&self) -> Room {
        Room { tokens: self.step, texts: self.sequences }
    }

    /// The tokens of a text, with those that begin and end one. Words that spell a control token are words.
    pub(super) fn tokens(&self, text: &str) -> Vec<i32> {
        self.model.model.vocab().tokenize(text.as_bytes(), true, false).into_iter().map(|t| t.0).collect()
    }

    /// The tokens of a query with a document, as llama.cpp's server puts them together: by the model's own template, else
    /// as BERT was trained, `[CLS] query [SEP] document [SEP]`, with the tokens that this model has.
    pub(super) fn pair(&self, query: &str, document: &str) -> Vec<i32> {
        let vocab = self.model.model.vocab();
        let mut out: Vec<LlamaToken> = Vec::new();
        if let Some(template) = &self.pair {
            let mut parts = [query.to_owned(), document.to_owned()];
            parts.iter_mut().for_each(|part| self.disarm.text(part));
            // What a query says must not be read as a place for the document.
            let put = |text: &str| text.replace("{query}", &parts[0]);
            let halves: Vec<String> = template.split("{document}").map(put).collect();
            let text = halves.join(&parts[1]);
            stretches(&text).for_each(|s| out.extend(vocab.tokenize(s.as_bytes(), false, true)));
            return out.into_iter().map(|t| t.0).collect();
        }
        let known = |token: LlamaToken| Some(token).filter(|t| self.model.knows(t.0));
        let end = known(vocab.eos()).or_else(|| known(vocab.sep()));
        let words = |text: &str| vocab.tokenize(text.as_bytes(), false, false);
        out.extend(known(vocab.bos()).filter(|_| vocab.should_add_bos()));
        out.extend(words(query));
        out.extend(end.filter(|_| vocab.should_add_eos()));
        out.extend(known(vocab.sep()).filter(|_| vocab.should_add_sep()));
        out.extend(words(document));
        out.extend(end.filter(|_| vocab.should_add_eos()));
        out.into_iter().map(|t| t.0).collect()
    }

    /// Tokens of a caller's own.
    ///
    /// # Errors
    /// One that the model does not have.
    pub(super) fn known(&self, tokens: Vec<i32>) -> Result<Vec<i32>, String> {
        let vocabulary = self.model.vocabulary();
        match tokens.iter().find(|t| !self.model.knows(**t)) {
            Some(token) => {
                Err(format!("Token {token} is not of this model, which has tokens 0 to {}.", vocabulary - 1))
            }
            None => Ok(tokens),
        }
    }

    /// Whether a token stands at the end of every text.
    pub(super) fn closes(&self, token: i32) -> bool {
        let vocab = self.model.model.vocab();
        token == vocab.sep().0 || token == vocab.eos().0
    }

    /// One step: a vector of length one for each text, or its score from 0 to 1. Together the texts have no more tokens
    /// than [`Encoder::room`] has.
    ///
    /// # Errors
    /// llama.cpp's, or numbers that are none.
    pub(super) fn run(&mut self, texts: &[&[i32]]) -> Result<Vec<Vec<f32>>, String> {
        self.context.clear_kv_cache();
        self.batch.clear();
        for (sequence, tokens) in (0i32..).zip(texts) {
            for (at, token) in (0i32..).zip(*tokens) {
                self.batch.add(LlamaToken(*token), at, &[sequence], true).map_err(|e| e.to_string())?;
            }
        }
        self.context.decode(&mut self.batch).map_err(|e| format!("{e}: {}", complaints()))?;
        let read = |sequence: i32| {
            let values = self.context.embeddings_seq_ith(sequence).map_err(|e| format!("{e}: {}", complaints()))?;
            if values.iter().any(|v| !v.is_finite()) {
                return Err("the model gave numbers that are none (NaN or infinite)".to_owned());
            }
            Ok(if self.pooling == Pooling::Rank { score(values) } else { normalised(values) })
        };
        (0i32..).zip(texts).map(|(sequence, _)| read(sequence)).collect()
    }
}

/// A classifier of one label gives a logit, and its probability is the score, as sentence-transformers has it. One of
/// several labels gives probabilities, the first of which is the score.
fn score(values: &[f32]) -> Vec<f32> {
    match values {
        [logit] => vec![1.0 / (1.0 + (-logit).exp())],
        _ => values.iter().take(1).copied().collect(),
    }
}

/// Of length one, so that the product of two vectors is their cosine. A vector of zeros has no direction and stays.
fn normalised(values: &[f32]) -> Vec<f32> {
    let length = values.iter().map(|v| f64::from(*v) * f64::from(*v)).sum::<f64>().sqrt();
    let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
    values.iter().map(|v| (f64::from(*v) * scale) as f32).collect()
}
