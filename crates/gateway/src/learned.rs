//! What was learned of models from the team's own requests: beliefs by place, model and task, and what may be promised of
//! keeping weak answers. Read by every decision, replaced as a whole beside the serving threads.
//!
//! Never here: storage, or the judgement of an answer.

use arc_swap::ArcSwap;
use decide::{Belief, Lesson, Lessons, PlaceId, Promise, Task};
use std::collections::HashMap;
use std::sync::Arc;

/// What is known now.
#[derive(Default)]
pub struct Learned {
    /// Where lessons are kept.
    kept: Option<Arc<dyn Lessons>>,
    beliefs: ArcSwap<HashMap<PlaceId, HashMap<String, HashMap<Task, Belief>>>>,
    promises: ArcSwap<HashMap<String, HashMap<Task, Promise>>>,
}

impl Learned {
    /// Keeps lessons in `kept`.
    pub fn keeping(kept: Arc<dyn Lessons>) -> Learned {
        Learned { kept: Some(kept), ..Learned::default() }
    }

    /// Takes one lesson: it is kept, and counts from the next decision on.
    pub fn lesson(&self, lesson: Lesson) {
        if let Some(kept) = &self.kept {
            kept.take(lesson);
        }
    }

    /// The team's evidence of a model at one task.
    pub fn evidence(&self, place: &PlaceId, model: &str, task: Task) -> Option<Belief> {
        self.beliefs.load().get(place)?.get(model)?.get(&task).copied()
    }

    /// What may be promised for one kind of task asked under this model name; `None` where nobody asked for a promise.
    pub fn promise(&self, asked: &str, task: Task) -> Option<Promise> {
        self.promises.load().get(asked)?.get(&task).copied()
    }

    /// Replaces all beliefs.
    pub fn believe(&self, beliefs: HashMap<PlaceId, HashMap<String, HashMap<Task, Belief>>>) {
        self.beliefs.store(beliefs.into());
    }

    /// Replaces all promises, by the model name that is asked for.
    pub fn promise_all(&self, promises: HashMap<String, HashMap<Task, Promise>>) {
        self.promises.store(promises.into());
    }
}
