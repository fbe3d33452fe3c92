//! Our own count of what a model read and said, where its tokenizer is published: for streams that were cut, for places that do
//! not count, and to compare with those that do. Always beside the task of the request, and bounded.
//!
//! It stays an estimate on the bill: what a place bills beyond the texts (an end mark, reasoning that it does not show, tokens
//! that were made after the caller left) is not in them.
//!
//! Never here: tokenizers (room `sense`), or whose count is believed (`meterage`).

use decide::Candidate;
use sense::Tokenizer;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use wire::Ask;

/// Bytes of an answer that are kept at most; of a longer one nothing is counted.
const KEPT_MAX: usize = 256 * 1024;
/// So long an end waits for a count; the first one of a vocabulary takes about 100 ms, others about one a hundred kilobytes.
const PATIENCE: Duration = Duration::from_secs(1);
/// Counts at a time; who would wait longer than is patient is estimated.
static SEATS: Semaphore = Semaphore::const_new(2);

/// The texts of one answer.
#[derive(Debug)]
pub(crate) struct Seen {
    tokenizer: Tokenizer,
    text: String,
    /// What was thought aloud.
    thoughts: String,
    /// There was more than texts: calls, refusals.
    pub(super) other: bool,
    /// There was more than is kept.
    long: bool,
}

/// Tokens by our own count, as far as they could be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counted {
    pub(crate) input: Option<u64>,
    /// Reasoning included.
    pub(crate) output: Option<u64>,
    pub(crate) reasoning: Option<u64>,
}

/// Prompt tokens of a request at this candidate, where its tokenizer is known and the request is of plain texts.
pub(crate) async fn prompt_tokens(candidate: &Candidate, ask: &Arc<Ask>) -> Option<u64> {
    let seen = Seen::of(candidate, false)?;
    seen.count(Arc::clone(ask)).await.input
}

impl Seen {
    /// Nothing yet, of a model whose tokenizer is known. What was taken out and put back is not what the place saw.
    pub(super) fn of(candidate: &Candidate, redacted: bool) -> Option<Box<Seen>> {
        let tokenizer = Tokenizer::of(&candidate.model.id).filter(|_| !redacted)?;
        let (text, thoughts) = (String::new(), String::new());
        Some(Box::new(Seen { tokenizer, text, thoughts, other: false, long: false }))
    }

    pub(super) fn push(&mut self, text: &str, thought: bool) {
        self.long |= self.text.len() + self.thoughts.len() + text.len() > KEPT_MAX;
        if !self.long {
            if thought { &mut self.thoughts } else { &mut self.text }.push_str(text);
        }
    }

    /// Counts, beside this task. Nothing where that takes too long.
    pub(super) async fn count(self: Box<Seen>, ask: Arc<Ask>) -> Counted {
        let counting = async move {
            // It cannot be closed.
            let seat = SEATS.acquire().await.ok()?;
            let counting = tokio::task::spawn_blocking(move || {
                let counted = self.counted(&ask);
                drop(seat);
                counted
            });
            counting.await.ok()
        };
        tokio::time::timeout(PATIENCE, counting).await.ok().flatten().unwrap_or_default()
    }

    /// Counts beside everything, and hands the count on; not at all where all seats are taken.
    pub(super) fn count_later(self: Box<Seen>, ask: Arc<Ask>, then: impl FnOnce(Counted) + Send + 'static) {
        if let Ok(seat) = SEATS.try_acquire() {
            tokio::task::spawn_blocking(move || {
                then(self.counted(&ask));
                drop(seat);
            });
        }
    }

    fn counted(&self, ask: &Ask) -> Counted {
        let of = |text: &str| Some(self.tokenizer.count(text)).filter(|_| !self.long && !self.other);
        let reasoning = of(&self.thoughts);
        let output = reasoning.and_then(|thought| of(&self.text).map(|text| text + thought));
        Counted { input: self.tokenizer.prompt(ask), output, reasoning }
    }
}
