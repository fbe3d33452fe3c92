//! What was learned of models from the team's own requests: evidence by place, model and task, and what may be promised of
//! keeping weak answers. Read by every decision without a lock.
//!
//! Never here: storage (room `ledger`), or the judgement of an answer.

mod cells;
#[cfg(test)]
mod tests;

use crate::drawn::Shadow;
use arc_swap::ArcSwap;
use cells::Cells;
use decide::{Answered, Belief, Forgotten, Lesson, Lessons, Origin, PlaceId, Promise, Recall, Task};
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Models of which there is evidence, at most; of more nothing is counted until the next start, though their lessons are kept.
const MODELS_MAX: usize = 4_096;
/// Feedback that may be taken back, at most: the newest. Of older one a second word comes on top until the next start.
const FEEDBACK_MAX: usize = 4_096;

/// By place and model; grown when a model is met, replaced as a whole.
type Places = HashMap<PlaceId, HashMap<Arc<str>, Arc<Cells>>>;

/// What is known now.
#[derive(Default)]
pub struct Learned {
    /// Where lessons are kept.
    kept: Option<Arc<dyn Lessons>>,
    /// Comparisons under way.
    pub(crate) shadow: Shadow,
    /// Who knows who answered.
    recall: Option<Arc<dyn Recall>>,
    /// Whether there is any evidence: most gateways have none, and pay nothing for that.
    any: AtomicBool,
    places: ArcSwap<Places>,
    writing: Mutex<Writing>,
    promises: ArcSwap<HashMap<String, HashMap<Task, Promise>>>,
}

/// What only those read who count a lesson.
#[derive(Default)]
struct Writing {
    /// Lessons that came before those of earlier were read; `None` once they are.
    waiting: Option<Vec<Lesson>>,
    /// By request and its moment: what was said of an answer.
    feedback: HashMap<(Arc<str>, u64), Lesson>,
    /// The same from the oldest on.
    order: VecDeque<(Arc<str>, u64)>,
    models: usize,
}

impl Learned {
    /// Keeps lessons in `kept`.
    pub fn keeping(kept: Arc<dyn Lessons>) -> Learned {
        Learned { kept: Some(kept), ..Learned::default() }
    }

    /// Asks `recall` who answered a request.
    #[must_use]
    pub fn recalling(self, recall: Arc<dyn Recall>) -> Learned {
        Learned { recall: Some(recall), ..self }
    }

    /// Takes one lesson: it is kept, and counts from the next decision on.
    pub fn lesson(&self, lesson: Lesson) {
        {
            let mut writing = self.writing();
            match &mut writing.waiting {
                Some(waiting) if waiting.len() < FEEDBACK_MAX => waiting.push(lesson.clone()),
                _ => self.count(&mut writing, &lesson),
            }
        }
        if let Some(kept) = &self.kept {
            kept.take(lesson);
        }
    }

    /// From here on lessons wait to be counted until [`Learned::remember`] brings those of earlier.
    pub fn await_past(&self) {
        self.writing().waiting = Some(Vec::new());
    }

    /// Counts the lessons of earlier, the oldest first, then those that waited. They are not kept once more. Takes a moment where
    /// there are many: not on a thread that serves.
    pub fn remember(&self, past: impl IntoIterator<Item = Lesson>, now_unix_ms: u64) {
        let mut past = past.into_iter().peekable();
        // In pieces, so that whoever brings a lesson meanwhile waits only for a moment.
        while past.peek().is_some() {
            let mut writing = self.writing();
            past.by_ref().take(256).for_each(|lesson| self.count(&mut writing, &lesson));
        }
        {
            let mut writing = self.writing();
            let waited = writing.waiting.take().unwrap_or_default();
            waited.iter().for_each(|lesson| self.count(&mut writing, lesson));
        }
        self.forget(now_unix_ms);
    }

    /// Lets old evidence count less. To be called now and then; a day is often enough.
    pub fn forget(&self, now_unix_ms: u64) {
        let _writing = self.writing();
        self.places.load().values().flat_map(HashMap::values).for_each(|cells| cells.forget(now_unix_ms));
    }

    /// The team's evidence of a model at one task.
    pub fn evidence(&self, place: &PlaceId, model: &str, task: Task) -> Option<Belief> {
        if !self.any.load(Ordering::Relaxed) {
            return None;
        }
        self.places.load().get(place)?.get(model)?.at(task)
    }

    /// Who answered this request of this key; `None` where nobody can be asked. Reads a disk: not on a thread that serves.
    ///
    /// # Errors
    /// The disk cannot be read now.
    pub(crate) fn answered(&self, request_id: &str, key: Option<&str>) -> Option<Result<Option<Answered>, Forgotten>> {
        let recall = self.recall.as_ref()?;
        Some(match recall.recent(request_id, key) {
            Some(found) => Ok(Some(found)),
            None => recall.older(request_id, key),
        })
    }

    /// What may be promised for one kind of task asked under this model name; `None` where nobody asked for a promise.
    pub fn promise(&self, asked: &str, task: Task) -> Option<Promise> {
        self.promises.load().get(asked)?.get(&task).copied()
    }

    /// Comparisons of requests drawn by lot that came out since the start.
    pub fn comparisons(&self) -> u64 {
        self.shadow.comparisons()
    }

    /// Replaces all promises, by the model name that is asked for.
    pub fn promise_all(&self, promises: HashMap<String, HashMap<Task, Promise>>) {
        self.promises.store(promises.into());
    }

    /// Under the lock of writers.
    fn count(&self, writing: &mut Writing, lesson: &Lesson) {
        let Some(cells) = self.cells(writing, lesson) else { return };
        if lesson.origin == Origin::Feedback
            && let Some(before) = writing.said(lesson)
            && let Some(cells) = self.find(&before)
        {
            cells.take_back(&before);
        }
        cells.add(lesson);
        self.any.store(true, Ordering::Relaxed);
    }

    fn find(&self, lesson: &Lesson) -> Option<Arc<Cells>> {
        self.places.load().get(&lesson.place)?.get(&lesson.model).cloned()
    }

    /// The cells of whom the lesson is about, made where there are none.
    fn cells(&self, writing: &mut Writing, lesson: &Lesson) -> Option<Arc<Cells>> {
        let found = self.find(lesson);
        if found.is_some() || writing.models >= MODELS_MAX {
            return found;
        }
        writing.models += 1;
        let new = Arc::new(Cells::default());
        let mut places = Places::clone(&self.places.load());
        places.entry(lesson.place.clone()).or_default().insert(lesson.model.clone(), new.clone());
        self.places.store(Arc::new(places));
        Some(new)
    }

    fn writing(&self) -> std::sync::MutexGuard<'_, Writing> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writing {
    /// Notes what was said of an answer; gives what had been said of it before.
    fn said(&mut self, lesson: &Lesson) -> Option<Lesson> {
        let key = (lesson.request_id.clone(), lesson.at_unix_ms);
        let before = self.feedback.insert(key.clone(), lesson.clone());
        if before.is_none() {
            self.order.push_back(key);
            if self.order.len() > FEEDBACK_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.feedback.remove(&oldest);
            }
        }
        before
    }
}
