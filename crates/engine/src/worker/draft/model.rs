//! A draft model: a smaller model of the same vocabulary that writes ahead, with a sequence per slot in a context of its own.
//!
//! It is kept in step lazily: only when it is asked it trims what it holds of a slot to what the request's tokens still
//! begin with, and reads what is new. While the policy leaves it alone it costs nothing.
//!
//! Never here: the decision to draft, checking proposals.

use super::accept;
use crate::protocol::Load;
use crate::worker::llama::Model;
use crate::worker::pick::{BLOCK, survey};
use crate::worker::session::{Failure, Session};
use std::path::Path;
use std::time::{Duration, Instant};

/// Vocabularies may differ by so many tokens at their end: families pad theirs to round numbers that differ by model size
/// (Qwen2.5: 151,936 and 152,064). The bound is that of llama.cpp.
const PADDING_MAX: i32 = 128;
/// A token that the draft model itself gives less than this is not proposed, nor anything after it.
const SURE: f32 = 0.5;
/// A logit so far below the largest adds nothing to the sum of their exponentials that would matter.
const FAR: f32 = 20.0;
/// New tokens of a request that are usual between two proposals: the one to continue from and one that was accepted last.
const USUAL: usize = 2;
/// After so many failures in a row it is given up.
const FAILURES_MAX: u32 = 3;

/// The weights of a draft model.
pub(in crate::worker) struct DraftModel {
    model: Model,
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
        let refused = |why: String| format!("The draft model cannot be used. {why}");
        crate::source::examine(Path::new(path)).map_err(refused)?;
        let model = Model::load(&own(load, path), |_| true).map_err(refused)?;
        if let Some(difference) = target.difference(&model, PADDING_MAX) {
            return Err(format!(
                "The draft model {path} cannot propose tokens for {}: {difference}. Give a draft model of the same family, \
                 or none.",
                load.path
            ));
        }
        Ok(Some(DraftModel { model, most: draft.most.clamp(1, accept::MOST as u16) }))
    }

    /// Tokens proposed at a time, at most.
    pub(super) fn most(&self) -> usize {
        usize::from(self.most)
    }

    /// A sequence per slot, computed on the threads of `target`, the session of the model that checks.
    ///
    /// # Errors
    /// There is no memory for it; the text is for people.
    pub(in crate::worker) fn drafter(&self, target: &Session<'_>, load: &Load) -> Result<Drafter<'_>, String> {
        let session = target.beside(&self.model, &own(load, &load.path));
        let session = session.map_err(|e| format!("The draft model cannot be used beside the model. {e}"))?;
        Ok(Drafter {
            session,
            model: &self.model,
            limit: load.context as usize,
            target: target.vocabulary(),
            sure: SURE,
            held: vec![Vec::new(); usize::from(load.slots)],
            peaks: Vec::new(),
            read: Duration::ZERO,
            failures: 0,
        })
    }
}

/// How a draft model at `path` is loaded beside what `load` says: with as many cells, and on a GPU wholly where the model
/// itself is there at all, since it is small.
fn own(load: &Load, path: &str) -> Load {
    Load {
        cells: load.cells,
        cache: load.cache,
        batch: load.batch.min(load.context),
        gpu_layers: load.gpu_layers.filter(|layers| *layers == 0),
        split: load.split,
        mmap: load.mmap,
        ..Load::new(path.to_owned(), load.context, load.slots, load.threads)
    }
}

/// The state of all slots in the draft model.
pub(in crate::worker) struct Drafter<'m> {
    session: Session<'m>,
    model: &'m Model,
    /// Context of one request, tokens.
    limit: usize,
    /// Size of the vocabulary of the model that checks.
    target: i32,
    /// Probability that a proposed token must have.
    pub(in crate::worker) sure: f32,
    /// The tokens of each slot that are in the cache.
    held: Vec<Vec<i32>>,
    /// The largest logits, block by block.
    peaks: Vec<f32>,
    read: Duration,
    failures: u32,
}

impl Drafter<'_> {
    /// Feeds tokens after what is held; gives the place of the logits of the last.
    fn feed(&mut self, slot: usize, tokens: &[i32]) -> Result<usize, String> {
        let mut place = 0;
        for chunk in tokens.chunks(self.session.most()) {
            let at = self.held[slot].len();
            self.session.begin();
            for (i, token) in chunk.iter().enumerate() {
                place = self.session.add(slot as u32, *token, at + i, i + 1 == chunk.len())?;
            }
            self.session.decode().map_err(|failure| match failure {
                Failure::Full => "its cache is full".to_owned(),
                Failure::Broken(why) => why,
            })?;
            self.held[slot].extend_from_slice(chunk);
        }
        Ok(place)
    }

    /// Brings a slot in step with the history but for its last token; false where that cannot be done.
    fn trim(&mut self, slot: usize, history: &[i32]) {
        let held = &mut self.held[slot];
        let same = held.iter().zip(&history[..history.len() - 1]).take_while(|(a, b)| a == b).count();
        if same == held.len() {
            return;
        }
        // A model with a recurrent state cannot go back: it begins anew.
        held.truncate(if self.session.trim(slot as u32, same) { same } else { 0 });
    }

    /// Reads at most `most` of the tokens that must be read before anything can be proposed.
    fn catch_up(&mut self, slot: usize, history: &[i32], most: usize) -> Result<(), String> {
        self.trim(slot, history);
        let new = &history[self.held[slot].len()..];
        let late = new.len().saturating_sub(USUAL).min(most);
        if late > 0 {
            let began = Instant::now();
            self.feed(slot, &new[..late])?;
            self.read = began.elapsed();
        }
        Ok(())
    }

    fn draft(&mut self, slot: usize, history: &[i32], most: usize) -> Result<Vec<i32>, String> {
        self.catch_up(slot, history, usize::MAX)?;
        let new = &history[self.held[slot].len()..];
        let mut place = self.feed(slot, new)?;
        let mut tokens = Vec::with_capacity(most);
        while let Some(token) = likeliest(self.session.logits(place), self.sure, &mut self.peaks) {
            if token >= self.target {
                break;
            }
            tokens.push(token);
            if tokens.len() >= most {
                break;
            }
            place = self.feed(slot, &[token])?;
        }
        Ok(tokens)
    }

    /// Does something for a slot, if that can be done at all.
    fn with<T: Default>(
        &mut self,
        slot: u32,
        history: &[i32],
        work: impl FnOnce(&mut Self, usize, usize) -> Result<T, String>,
    ) -> T {
        self.read = Duration::ZERO;
        let slot = slot as usize;
        let room = self.limit.saturating_sub(history.len());
        if slot >= self.held.len() || history.is_empty() || room == 0 || self.failures >= FAILURES_MAX {
            return T::default();
        }
        // A prompt may hold tokens that only the other model has, in its padding. What is held was looked at before.
        let unread = history.get(self.held[slot].len()..).unwrap_or(history);
        if !unread.iter().all(|t| self.model.knows(*t)) {
            return T::default();
        }
        match work(self, slot, room) {
            Ok(done) => {
                self.failures = 0;
                done
            }
            Err(why) => {
                // Most likely its cache is full of other slots' tokens. Nothing is lost but the reading.
                eprintln!("engine worker: the draft model failed: {why}");
                self.failures += 1;
                (0..self.held.len()).for_each(|slot| self.forget(slot as u32));
                T::default()
            }
        }
    }

    /// At most `most` tokens that may follow `history`, the tokens of this slot's request so far; none is a fine answer.
    pub(in crate::worker) fn propose(&mut self, slot: u32, history: &[i32], most: usize) -> Vec<i32> {
        self.with(slot, history, |me, slot, room| me.draft(slot, history, most.min(room)))
    }

    /// Reads at most `most` tokens of what [`Drafter::lag`] counts, and proposes nothing.
    pub(super) fn read(&mut self, slot: u32, history: &[i32], most: usize) {
        self.with(slot, history, |me, slot, _| me.catch_up(slot, history, most));
    }

    /// Tokens of the history that must be read before anything can be proposed.
    pub(super) fn lag(&self, slot: u32, history: &[i32]) -> usize {
        let held = self.held.get(slot as usize).map_or(0, Vec::len);
        history.len().saturating_sub(held + USUAL)
    }

    /// How long reading took in the last [`Drafter::propose`] or [`Drafter::read`].
    pub(super) fn read_for(&self) -> Duration {
        self.read
    }

    /// The request of this slot is over.
    pub(in crate::worker) fn forget(&mut self, slot: u32) {
        if let Some(held) = self.held.get_mut(slot as usize) {
            held.clear();
            self.session.trim(slot, 0);
        }
    }
}

/// The likeliest token, if its probability is at least `sure`; none where the model computes nonsense.
fn likeliest(logits: &[f32], sure: f32, peaks: &mut Vec<f32>) -> Option<i32> {
    let (token, peak) = survey(logits, peaks).ok().filter(|(_, peak)| peak.is_finite())?;
    let least = 1.0 / sure;
    let mut sum = 0.0;
    for (block, most) in logits.chunks(BLOCK).zip(peaks) {
        if *most > peak - FAR {
            sum += block.iter().map(|l| (l - peak).exp()).sum::<f32>();
        }
        if sum > least {
            return None;
        }
    }
    Some(token)
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
        let session = Session::new(&target, &load).unwrap();
        let mut drafter = weights.drafter(&session, &load).unwrap();
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
    fn the_likeliest_token_must_have_the_probability() {
        let mut peaks = Vec::new();
        let mut at = |logits: &[f32], sure: f32| likeliest(logits, sure, &mut peaks);
        let half = [0.0, 2.0_f32.ln(), 0.0];
        assert_eq!((at(&half, 0.499), at(&half, 0.501), at(&half, 0.0)), (Some(1), None, Some(1)));
        // The rest lies in other blocks, and far below.
        let mut logits = vec![-30.0; 100_000];
        logits[77_777] = 2.0;
        logits[99_999] = 2.0 - 9.0_f32.ln();
        assert_eq!((at(&logits, 0.89), at(&logits, 0.91)), (Some(77_777), None));
        assert_eq!((at(&[], 0.5), at(&[f32::NAN, f32::NAN], 0.5), at(&[f32::NEG_INFINITY], 0.5)), (None, None, None));
    }
}
