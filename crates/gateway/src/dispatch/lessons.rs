//! What is learned of a model from an answer that was looked at. Facts count more than estimates, and an answer that passes a check
//! of form counts little: it says nothing of what is in it.
//!
//! Never here: text, comparisons that a promise may rest on (they have to be drawn by lot, and these are not), or storage.

use super::Way;
use super::hold::Held;
use crate::settle::Account;
use decide::{Lesson, Origin};
use sense::check::Checked;
use sense::doubt::Doubt;
use wire::Answer;

/// What a lesson counts, in thousandths of an observation: a hard check that failed, one that was passed, an escalation whose
/// stronger answer said the same or something else, and one where nobody can tell.
const FAILED: u32 = 1_000;
const PASSED: u32 = 100;
const COMPARED: u32 = 500;
const GUESSED: u32 = 100;

/// An answer was held against what was asked for.
pub(super) fn checked(way: &Way<'_>, account: &Account, held: &Held<'_>, checked: Checked) {
    let (score, weight) = match (checked.is_hard(), checked.tested) {
        (true, _) => (0, FAILED),
        (false, true) => (1_000, PASSED),
        (false, false) => return,
    };
    tell(way, account, held, Origin::Check, score, weight);
}

/// An answer was doubted, and another one came. That of the stronger place is taken for right where the two can be compared, which
/// is more than is known; else the doubt itself is all there is. A hard flaw was told already.
pub(super) fn escalated(way: &Way<'_>, account: &Account, held: &Held<'_>, doubt: &Doubt, stronger: Option<&Answer>) {
    if doubt.hard {
        return;
    }
    let compared = stronger.filter(|_| held.whole).and_then(|stronger| sense::agree(held.answer(), stronger));
    let (score, weight) = match compared {
        Some(same) => (if same { 1_000 } else { 0 }, COMPARED),
        None => ((1_000 - doubt.permille.max(0)).unsigned_abs(), GUESSED),
    };
    tell(way, account, held, Origin::Escalation, score, weight);
}

fn tell(way: &Way<'_>, account: &Account, held: &Held<'_>, origin: Origin, score_permille: u16, weight_milli: u32) {
    let from = held.attempt.candidate;
    way.wiring.learned.lesson(Lesson {
        request_id: account.request_id().into(),
        at_unix_ms: account.arrived_unix_ms(),
        place: from.place.id.clone(),
        model: from.model.id.clone(),
        task: way.judged.need.task,
        origin,
        score_permille,
        weight_milli,
        compared: None,
    });
}
