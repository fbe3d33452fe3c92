//! Tests of what is learned, and of what is forgotten.
#![allow(clippy::unwrap_used)]

use super::cells::HALF_LIFE_MS;
use super::*;

const NOW: u64 = 1_790_000_000_000;

fn lesson(request: &str, origin: Origin, score_permille: u16) -> Lesson {
    Lesson {
        request_id: request.into(),
        at_unix_ms: NOW,
        place: PlaceId::new("edge"),
        model: "tiny".into(),
        task: Task::Code,
        origin,
        score_permille,
        weight_milli: origin.weight_milli(score_permille),
        compared: None,
    }
}

fn code(learned: &Learned) -> (u64, u64) {
    let belief = learned.evidence(&PlaceId::new("edge"), "tiny", Task::Code).unwrap_or_default();
    (belief.good_milli, belief.bad_milli)
}

#[test]
fn a_lesson_counts_from_the_next_decision_on_and_only_where_it_belongs() {
    let learned = Learned::default();
    assert_eq!(learned.evidence(&PlaceId::new("edge"), "tiny", Task::Code), None);
    learned.lesson(lesson("a", Origin::Feedback, 1000));
    learned.lesson(lesson("b", Origin::Feedback, 250));
    assert_eq!(code(&learned), (1_250, 750));
    for (place, model, task) in
        [("far", "tiny", Task::Code), ("edge", "large", Task::Code), ("edge", "tiny", Task::Math)]
    {
        assert_eq!(learned.evidence(&PlaceId::new(place), model, task), None);
    }
}

#[test]
fn the_same_feedback_twice_replaces() {
    let learned = Learned::default();
    learned.lesson(lesson("a", Origin::Feedback, 1000));
    learned.lesson(lesson("a", Origin::Feedback, 1000));
    assert_eq!(code(&learned), (1_000, 0));
    learned.lesson(lesson("a", Origin::Feedback, 0));
    assert_eq!(code(&learned), (0, 1_000));
    let other = Lesson { at_unix_ms: NOW + 1, ..lesson("a", Origin::Feedback, 0) };
    learned.lesson(other);
    assert_eq!(code(&learned), (0, 2_000), "another request with the same id");
}

#[test]
fn feedback_that_may_be_taken_back_is_bounded() {
    let learned = Learned::default();
    (0..=FEEDBACK_MAX).for_each(|n| learned.lesson(lesson(&n.to_string(), Origin::Feedback, 0)));
    let writing = learned.writing();
    assert_eq!((writing.feedback.len(), writing.order.len()), (FEEDBACK_MAX, FEEDBACK_MAX));
    assert!(!writing.feedback.contains_key(&("0".into(), NOW)));
}

#[test]
fn what_only_looks_at_the_form_never_outweighs_people() {
    let learned = Learned::default();
    (0..100_000).for_each(|n| learned.lesson(lesson(&n.to_string(), Origin::Check, 1000)));
    assert_eq!(code(&learned), (20_000, 0));
    (0..60).for_each(|n| learned.lesson(lesson(&n.to_string(), Origin::Feedback, 0)));
    assert_eq!(code(&learned), (20_000, 60_000));
    (0..3_000).for_each(|n| learned.lesson(lesson(&format!("f{n}"), Origin::Feedback, 1000)));
    let (good, bad) = code(&learned);
    assert!(good + bad <= 1_020_000 && bad < 8_000, "{good} {bad}: what is new counts, however much there was");
}

#[test]
fn old_evidence_counts_half_after_a_half_life() {
    let learned = Learned::default();
    learned.lesson(lesson("a", Origin::Feedback, 1000));
    learned.forget(NOW + 3_600_000);
    assert_eq!(code(&learned), (1_000, 0));
    learned.forget(NOW + HALF_LIFE_MS);
    assert_eq!(code(&learned), (500, 0));
    // An old lesson that comes late is old, too.
    learned.lesson(lesson("b", Origin::Feedback, 0));
    assert_eq!(code(&learned), (500, 500));
    let new = Lesson { at_unix_ms: NOW + 2 * HALF_LIFE_MS, ..lesson("c", Origin::Feedback, 1000) };
    learned.lesson(new);
    assert_eq!(code(&learned), (1_250, 250));
    // Day by day it is the same as at once, but for rounding.
    let daily = Learned::default();
    daily.lesson(Lesson { weight_milli: 100_000, ..lesson("a", Origin::Feedback, 1000) });
    (1..=30).for_each(|day| daily.forget(NOW + day * 24 * 3_600_000));
    assert!(code(&daily).0.abs_diff(50_000) < 30, "{:?}", code(&daily));
}

#[test]
fn the_past_counts_once_and_what_came_meanwhile_too() {
    let learned = Learned::default();
    learned.await_past();
    learned.lesson(lesson("new", Origin::Feedback, 1000));
    assert_eq!(code(&learned), (0, 0));
    let past: Vec<Lesson> = (0..600).map(|n| lesson(&n.to_string(), Origin::Feedback, 0)).collect();
    learned.remember(past, NOW);
    assert_eq!(code(&learned), (1_000, 600_000));
    learned.lesson(lesson("7", Origin::Feedback, 1000));
    assert_eq!(code(&learned), (2_000, 599_000), "what was said before the start is replaced");
}

#[test]
fn models_are_bounded_and_their_lessons_kept() {
    #[derive(Default)]
    struct Kept(Mutex<usize>);
    impl Lessons for Kept {
        fn take(&self, _: Lesson) {
            *self.0.lock().unwrap() += 1;
        }
    }
    let kept = Arc::new(Kept::default());
    let learned = Learned::keeping(kept.clone());
    // Replacing the whole map each time is quadratic; so the bound is set close.
    learned.writing().models = MODELS_MAX - 1;
    let of = |model: &str| Lesson { model: model.into(), ..lesson("a", Origin::Shadow, 0) };
    learned.lesson(of("last"));
    learned.lesson(of("beyond"));
    let at = |model| learned.evidence(&PlaceId::new("edge"), model, Task::Code);
    assert_eq!((at("last").is_some(), at("beyond"), *kept.0.lock().unwrap()), (true, None, 2));
}

#[test]
fn readers_see_whole_numbers_while_others_write() {
    let learned = Arc::new(Learned::default());
    learned.lesson(lesson("first", Origin::Shadow, 500));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                (0..20_000).for_each(|_| {
                    let (good, bad) = code(&learned);
                    // Every lesson says half and half.
                    assert!(good.abs_diff(bad) <= 1, "{good} {bad}");
                });
            });
        }
        (0..5_000).for_each(|n| learned.lesson(lesson(&n.to_string(), Origin::Shadow, 500)));
    });
}
