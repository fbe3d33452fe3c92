//! What is learned of a model from an answer that was looked at. What it counts is said by its origin
//! ([`decide::Origin::weight_milli`]).
//!
//! Never here: text, comparisons that a promise may rest on (they have to be drawn by lot, and these are not), or storage.

use super::Way;
use super::hold::Held;
use crate::settle::Account;
use decide::{Lesson, Origin};
use sense::check::Checked;
use sense::doubt::Doubt;
use wire::Answer;

/// An answer was held against what was asked for.
pub(super) fn checked(way: &Way<'_>, account: &Account, held: &Held<'_>, checked: Checked) {
    if checked.is_hard() || checked.tested {
        tell(way, account, held, Origin::Check, if checked.is_hard() { 0 } else { 1_000 });
    }
}

/// An answer was doubted, and another one came. That of the stronger place is taken for right where the two can be compared, which
/// is more than is known; else the doubt itself is all there is. A hard flaw was told already.
pub(super) fn escalated(way: &Way<'_>, account: &Account, held: &Held<'_>, doubt: &Doubt, stronger: Option<&Answer>) {
    if doubt.hard {
        return;
    }
    let compared = stronger.filter(|_| held.whole).and_then(|stronger| sense::agree(held.answer(), stronger));
    let score = match compared {
        Some(same) => u16::from(same) * 1_000,
        None => (1_000 - doubt.permille.max(0)).unsigned_abs(),
    };
    tell(way, account, held, Origin::Escalation, score);
}

fn tell(way: &Way<'_>, account: &Account, held: &Held<'_>, origin: Origin, score_permille: u16) {
    let from = held.attempt.candidate;
    way.wiring.learned.lesson(Lesson {
        request_id: account.request_id().into(),
        at_unix_ms: account.arrived_unix_ms(),
        place: from.place.id.clone(),
        model: from.model.id.clone(),
        task: way.judged.need.task,
        origin,
        score_permille,
        weight_milli: origin.weight_milli(score_permille),
        compared: None,
    });
}
