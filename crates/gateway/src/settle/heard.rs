//! What an account hears of the answers to its request, where it is drawn for a comparison. For every other request these do nothing.
//!
//! Never here: what is compared (`shadow`).

use super::Account;
use decide::{Candidate, Record};
use wire::{Answer, Event};

impl Account {
    /// A whole answer is about to be relayed, or was held and is not shown.
    pub(crate) fn heard(&self, answer: &Answer) {
        if let Some(tap) = &self.tap {
            tap.answer(answer);
        }
    }

    /// A piece of a stream is relayed.
    pub(crate) fn heard_event(&self, event: &Event) {
        if let Some(tap) = &self.tap {
            tap.event(event);
        }
    }

    /// An attempt has its record; `comparable` is what [`sense::comparable`] said of its answer when that was judged.
    pub(super) fn heard_of(&self, candidate: &Candidate, record: &Record, comparable: bool) {
        if let Some(tap) = &self.tap {
            tap.settled(candidate, record, comparable);
        }
    }
}
