//! What an account hears of the answers to its request, where it is drawn for a comparison. For every other request these do nothing.
//!
//! Never here: what is compared (`shadow`).

use super::Account;
use decide::{Candidate, Record};
use wire::{Answer, Chunk, Event};

impl Account {
    /// A whole answer is about to be relayed, or was doubted and will not be.
    pub(crate) fn heard(&self, answer: &Answer) {
        if let Some(tap) = &self.tap {
            tap.answer(answer);
        }
    }

    /// Chunks that were held and will not be relayed.
    pub(crate) fn heard_chunks(&self, chunks: &[Chunk]) {
        if let Some(tap) = &self.tap {
            tap.chunks(chunks);
        }
    }

    /// A piece of a stream is relayed.
    pub(crate) fn heard_event(&self, event: &Event) {
        if let Some(tap) = &self.tap {
            tap.event(event);
        }
    }

    /// The answer under way was judged; `comparable` by [`sense::comparable`] as far as it was seen then.
    pub(crate) fn judged(&self, comparable: bool) {
        if let Some(tap) = &self.tap {
            tap.judged(comparable);
        }
    }

    /// An attempt has its record.
    pub(super) fn heard_of(&self, candidate: &Candidate, record: &Record) {
        if let Some(tap) = &self.tap {
            tap.settled(candidate, record);
        }
    }
}
