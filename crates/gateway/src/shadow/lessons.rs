//! What two answers to one request say of the models that gave them.
//!
//! For the promise the strong answer counts as right: the weak one is lost where it differs. That overstates the loss, since the
//! strong model errs, too, and since two right answers may differ in form. For the belief in a model's ability neither counts as
//! right: where they agree both were probably right, and where they differ at most one was; whose the error is, is shared out by
//! what was expected of the two before (the expectation step of Dawid and Skene, Applied Statistics 28, 1979, for two raters).
//!
//! Never here: text.

use crate::settle::Given;
use decide::{Compared, Lesson, Origin, Task};
use std::sync::Arc;

/// What is the same for both lessons of a comparison.
pub(super) struct Of {
    pub(super) request_id: Arc<str>,
    pub(super) at_unix_ms: u64,
    pub(super) asked: Arc<str>,
    pub(super) task: Task,
}

/// The lessons of a weak and a strong answer that agree or not; with the comparison for a promise where the weak one was judged, and
/// could be compared as it was then.
pub(super) fn lessons(of: &Of, weak: &Given, strong: &Given, agree: bool) -> [Lesson; 2] {
    let compared = weak.doubt_permille.filter(|_| weak.comparable).map(|doubt_permille| Compared {
        asked: of.asked.clone(),
        place: strong.candidate.place.id.clone(),
        model: strong.candidate.model.id.clone(),
        doubt_permille,
        loss_permille: if agree { 0 } else { 1_000 },
    });
    let scores = scores(quality(weak), quality(strong), agree);
    let lesson = |given: &Given, score_permille, compared| Lesson {
        request_id: of.request_id.clone(),
        at_unix_ms: of.at_unix_ms,
        place: given.candidate.place.id.clone(),
        model: given.candidate.model.id.clone(),
        task: of.task,
        origin: Origin::Shadow,
        score_permille,
        weight_milli: Origin::Shadow.weight_milli(score_permille),
        compared,
    };
    [lesson(weak, scores[0], compared), lesson(strong, scores[1], None)]
}

fn quality(given: &Given) -> u16 {
    given.candidate.reason.quality_permille
}

/// Probability, per mille, that each of two answers is right, given what was expected of them and whether they agree.
fn scores(weak: u16, strong: u16, agree: bool) -> [u16; 2] {
    if agree {
        return [1_000; 2];
    }
    // Nobody is always right or wrong.
    let sure = |permille: u16| f64::from(permille.clamp(10, 990)) / 1_000.0;
    let (w, s) = (sure(weak), sure(strong));
    let (only_weak, only_strong, neither) = (w * (1.0 - s), s * (1.0 - w), (1.0 - s) * (1.0 - w));
    let all = only_weak + only_strong + neither;
    [only_weak, only_strong].map(|p| (1_000.0 * p / all).round() as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_erred_is_shared_out_by_what_was_expected() {
        assert_eq!(scores(300, 900, true), [1_000, 1_000]);
        assert_eq!(scores(500, 500, false), [333, 333], "one of the two, or neither");
        let [weak, strong] = scores(300, 900, false);
        assert!(strong > 800 && weak < 100, "{weak} {strong}");
        assert_eq!(scores(0, 1_000, false), scores(10, 990, false), "nobody is always right");
    }
}
