//! Evidence of one model of one place: by task and origin, read without a lock.
//!
//! Never here: storage, or which model.

use decide::{Belief, Lesson, Origin, Task};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Old evidence counts half after so long: vendors change a model behind its name, and what a team asks changes.
pub(super) const HALF_LIFE_MS: u64 = 30 * DAY_MS;
const DAY_MS: u64 = 24 * 3_600_000;
const ORIGINS: usize = Origin::ALL.len();

/// What one origin says of one task: good and bad, thousandths of an observation, 32 bits each, and the moment for which they hold.
#[derive(Debug, Default)]
struct Cell {
    counts: AtomicU64,
    at_unix_ms: AtomicU64,
}

/// One writer at a time; any number of readers.
#[derive(Debug)]
pub(super) struct Cells([[Cell; ORIGINS]; Task::ALL.len()]);

impl Default for Cells {
    fn default() -> Cells {
        Cells(std::array::from_fn(|_| std::array::from_fn(|_| Cell::default())))
    }
}

impl Cells {
    /// All evidence at one task; `None` where there is none.
    pub(super) fn at(&self, task: Task) -> Option<Belief> {
        let all = self.0.get(task as usize)?.iter().map(Cell::belief).reduce(Belief::and)?;
        (all != Belief::default()).then_some(all)
    }

    /// Counts a lesson.
    pub(super) fn add(&self, lesson: &Lesson) {
        self.change(lesson, |now, more| now.and(more));
    }

    /// Takes back a lesson that was counted.
    pub(super) fn take_back(&self, lesson: &Lesson) {
        self.change(lesson, |now, less| Belief {
            good_milli: now.good_milli.saturating_sub(less.good_milli),
            bad_milli: now.bad_milli.saturating_sub(less.bad_milli),
        });
    }

    /// Lets what is old count less.
    pub(super) fn forget(&self, now_unix_ms: u64) {
        self.0.iter().flatten().for_each(|cell| cell.age(now_unix_ms));
    }

    fn change(&self, lesson: &Lesson, how: impl Fn(Belief, Belief) -> Belief) {
        let origin = Origin::ALL.iter().position(|o| *o == lesson.origin);
        let cell = self.0.get(lesson.task as usize).zip(origin).and_then(|(cells, at)| cells.get(at));
        let Some(cell) = cell else { return };
        cell.age(lesson.at_unix_ms);
        let late = cell.at_unix_ms.load(Relaxed).saturating_sub(lesson.at_unix_ms);
        cell.set(capped(how(cell.belief(), aged(lesson.belief(), late)), lesson.origin.cap_milli()));
    }
}

impl Cell {
    fn belief(&self) -> Belief {
        let counts = self.counts.load(Relaxed);
        Belief { good_milli: counts >> 32, bad_milli: counts & u64::from(u32::MAX) }
    }

    fn set(&self, belief: Belief) {
        let half = |n: u64| n.min(u32::MAX.into());
        self.counts.store(half(belief.good_milli) << 32 | half(belief.bad_milli), Relaxed);
    }

    /// Moves on to a later moment, in whole days: small steps would be lost in rounding.
    fn age(&self, now_unix_ms: u64) {
        let before = self.at_unix_ms.load(Relaxed);
        let passed = now_unix_ms.saturating_sub(before);
        if before == 0 {
            self.at_unix_ms.store(now_unix_ms, Relaxed);
        } else if passed >= DAY_MS {
            self.set(aged(self.belief(), passed));
            self.at_unix_ms.store(now_unix_ms, Relaxed);
        }
    }
}

/// What is left of evidence after a time.
fn aged(belief: Belief, passed_ms: u64) -> Belief {
    let left = (-(passed_ms as f64) / HALF_LIFE_MS as f64).exp2();
    let of = |n: u64| (n as f64 * left).round() as u64;
    Belief { good_milli: of(belief.good_milli), bad_milli: of(belief.bad_milli) }
}

/// At most so much of it, in the same proportion: what is new keeps its say, however much there was.
fn capped(belief: Belief, most_milli: u64) -> Belief {
    let all = belief.good_milli + belief.bad_milli;
    if all <= most_milli {
        return belief;
    }
    let of = |n: u64| (u128::from(n) * u128::from(most_milli) / u128::from(all)) as u64;
    Belief { good_milli: of(belief.good_milli), bad_milli: of(belief.bad_milli) }
}
