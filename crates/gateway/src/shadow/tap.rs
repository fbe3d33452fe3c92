//! What a request that was drawn by lot is to be compared by: the answers that its places gave, within bounds.
//!
//! Only requests that are drawn have one; for all others nothing is copied.
//!
//! Never here: comparing, or asking.

use decide::{Candidate, Model, Outcome, Place, Record};
use std::sync::{Arc, Mutex, PoisonError};
use wire::{Answer, Chunk, Event, Join};

/// Bytes of text of one answer that are kept at most; a longer one is not compared.
const HEARD_MAX_BYTES: usize = 64 * 1024;
/// Events of one stream at most.
const HEARD_MAX_EVENTS: usize = 20_000;

/// An answer and who gave it.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) place: Arc<Place>,
    pub(super) model: Arc<Model>,
    pub(super) quality_permille: u16,
    /// `None`: longer than what is kept.
    pub(super) answer: Option<Answer>,
    /// Doubt before another answer was there; `None` where it was not judged.
    pub(super) doubt_permille: Option<i16>,
    /// Whether it could be compared as far as it was seen when it was judged.
    pub(super) comparable: bool,
}

/// What is heard of the answer under way.
#[derive(Debug, Default)]
struct Heard {
    join: Join,
    bytes: usize,
    events: usize,
    too_long: bool,
    /// Said by whoever judged it.
    comparable: Option<bool>,
}

#[derive(Debug, Default)]
struct Kept {
    heard: Heard,
    doubted: Option<Given>,
    answered: Option<Given>,
}

/// The answers to one request.
#[derive(Debug, Default)]
pub(crate) struct Tap(Mutex<Kept>);

impl Tap {
    /// A whole answer came.
    pub(crate) fn answer(&self, answer: &Answer) {
        let mut kept = self.kept();
        let bytes: usize = answer.choices.iter().map(choice_bytes).sum();
        if bytes > HEARD_MAX_BYTES {
            kept.heard.too_long = true;
            return;
        }
        // Without what only the caller sees.
        let plain = Answer { raw: None, ..answer.clone() };
        for event in plain.into_events() {
            kept.heard.take(&event);
        }
    }

    /// A piece of a stream came.
    pub(crate) fn event(&self, event: &Event) {
        self.kept().heard.take(event);
    }

    /// Pieces of a stream that was held came.
    pub(crate) fn chunks(&self, chunks: &[Chunk]) {
        let mut kept = self.kept();
        chunks.iter().flat_map(|chunk| &chunk.events).for_each(|event| kept.heard.take(event));
    }

    /// The answer under way was judged, and could be compared as far as it was seen then.
    pub(crate) fn judged(&self, comparable: bool) {
        self.kept().heard.comparable = Some(comparable);
    }

    /// An attempt is settled: what was heard was its answer.
    pub(crate) fn settled(&self, candidate: &Candidate, record: &Record) {
        let mut kept = self.kept();
        let heard = std::mem::take(&mut kept.heard);
        let slot = match record.outcome {
            Outcome::Doubted => &mut kept.doubted,
            Outcome::Ok => &mut kept.answered,
            _ => return,
        };
        *slot = Some(Given {
            place: candidate.place.clone(),
            model: candidate.model.clone(),
            quality_permille: candidate.reason.quality_permille,
            answer: (!heard.too_long).then(|| heard.join.finish()),
            doubt_permille: record.doubt_permille,
            comparable: heard.comparable.unwrap_or(false),
        });
    }

    /// The answer that was doubted, and the one that the caller got.
    pub(super) fn into_answers(self) -> (Option<Given>, Option<Given>) {
        let kept = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        (kept.doubted, kept.answered)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Heard {
    fn take(&mut self, event: &Event) {
        let bytes = match event {
            Event::Text { text, .. } | Event::Refusal { text, .. } | Event::CallArguments { text, .. } => text.len(),
            Event::CallStart { id, name, .. } => id.len() + name.len(),
            Event::Finish { .. } => 0,
            _ => return,
        };
        self.bytes += bytes;
        self.events += 1;
        self.too_long |= self.bytes > HEARD_MAX_BYTES || self.events > HEARD_MAX_EVENTS;
        if self.too_long {
            self.join = Join::default();
        } else {
            self.join.push(event.clone());
        }
    }
}

fn choice_bytes(choice: &wire::Choice) -> usize {
    let calls: usize = choice.tool_calls.iter().map(|c| c.id.len() + c.name.len() + c.arguments.len()).sum();
    choice.text.as_deref().map_or(0, str::len) + choice.refusal.as_deref().map_or(0, str::len) + calls
}
