//! The desk: where the way of a request and the writer thread meet. One short mutex; nothing under it touches the disk.
//!
//! Room is counted in records: a decision takes one place for itself and one for its end, so that there is always room for an end.
//!
//! Never here: files, or how records look.

use crate::options::{Options, WhenFailing};
use decide::{DataClass, Decision, Ending, Taken, Trouble, Witness, Written};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long the writer looks again before it sleeps until it is woken, so that a busy gateway wakes nobody.
const LINGER: Duration = Duration::from_millis(5);
/// The longest sleep.
const NAP: Duration = Duration::from_secs(1);

/// What the writer is to write.
pub(crate) enum Item {
    Decided(Box<Decision>, Option<Written>, Instant),
    Ended(Box<Ending>, Instant),
}

/// Shared by the witness and the writer.
pub(crate) struct Desk {
    inner: Mutex<Inner>,
    work: Condvar,
    room: usize,
    when_failing: WhenFailing,
}

#[derive(Default)]
struct Inner {
    queue: Vec<Item>,
    /// Ends that are still to come.
    promised: usize,
    /// Taken by the writer and not yet written.
    writing: usize,
    lost: u64,
    lost_untold: u64,
    refused: u64,
    /// Why nothing is written, and why nothing is brought to the disk.
    failing: [Option<String>; 2],
    asleep: bool,
    /// Told to end; until then it keeps trying.
    ending: Option<Instant>,
    gone: bool,
}

/// Which of the two threads something is wrong with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    Write = 0,
    Sync = 1,
}

impl Inner {
    fn why(&self) -> Option<&String> {
        self.failing.iter().flatten().next()
    }

    fn fails(&mut self, part: Part, why: &str) {
        let state = &mut self.failing[part as usize];
        if state.as_deref() != Some(why) {
            tracing::error!("the audit trail cannot write: {why}");
            *state = Some(why.to_owned());
        }
    }
}

/// What the writer is to do next.
pub(crate) struct Work {
    /// Decisions that are not in the trail since the last time.
    pub(crate) lost: u64,
    /// Nothing more will come.
    pub(crate) end: bool,
}

/// Numbers of the desk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    pub(crate) pending: usize,
    pub(crate) open: usize,
    pub(crate) lost: u64,
    pub(crate) refused: u64,
    pub(crate) failing: Option<String>,
}

impl Desk {
    pub(crate) fn new(options: &Options) -> Desk {
        Desk {
            inner: Mutex::default(),
            work: Condvar::new(),
            room: options.room.max(2),
            when_failing: options.when_failing,
        }
    }

    /// A panic elsewhere must not make every later request fail.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for work, at most until `due`, and puts it into `batch`, which is empty.
    pub(crate) fn next(&self, batch: &mut Vec<Item>, due: Option<Instant>) -> Work {
        let mut inner = self.inner();
        inner.writing = 0;
        let mut lingered = false;
        while inner.queue.is_empty() && inner.lost_untold == 0 && inner.ending.is_none() {
            let now = Instant::now();
            let wait = match due.map(|d| d.saturating_duration_since(now)) {
                Some(left) if left.is_zero() => break,
                left => left.unwrap_or(NAP).min(if lingered { NAP } else { LINGER }),
            };
            inner.asleep = lingered;
            inner = self.work.wait_timeout(inner, wait).unwrap_or_else(PoisonError::into_inner).0;
            inner.asleep = false;
            lingered = true;
        }
        std::mem::swap(&mut inner.queue, batch);
        inner.writing = batch.len();
        Work { lost: std::mem::take(&mut inner.lost_untold), end: inner.ending.is_some() }
    }

    /// How many decisions have no end yet.
    pub(crate) fn open(&self) -> u64 {
        self.inner().promised as u64
    }

    /// Writing failed. Gives back whether to try again, after a pause that ends early when the trail is closed.
    pub(crate) fn failed(&self, why: &str, pause: Duration) -> bool {
        let mut inner = self.inner();
        inner.fails(Part::Write, why);
        let until = Instant::now() + pause;
        loop {
            let now = Instant::now();
            if inner.ending.is_some_and(|end| now >= end) {
                return false;
            }
            let Some(left) = until.checked_duration_since(now).filter(|l| !l.is_zero()) else { return true };
            let left = inner.ending.map_or(left, |end| left.min(end.saturating_duration_since(now)));
            inner = self
                .work
                .wait_timeout(inner, left.max(Duration::from_millis(1)))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Notes that something is wrong, without waiting.
    pub(crate) fn trouble_is(&self, why: &str) {
        self.inner().fails(Part::Sync, why);
    }

    /// That part works (again).
    pub(crate) fn well(&self, part: Part) {
        if self.inner().failing[part as usize].take().is_some() {
            tracing::info!("the audit trail writes again");
        }
    }

    /// Whether what must not go on unrecorded goes on all the same.
    pub(crate) fn goes_on(&self) -> bool {
        self.when_failing == WhenFailing::GoOn
    }

    /// Tells the writer to write the rest and end.
    pub(crate) fn end(&self, until: Instant) {
        self.inner().ending = Some(until);
        self.work.notify_all();
    }

    /// The writer is gone: nothing more is taken. Gives back what was never written.
    pub(crate) fn gone(&self, unwritten: usize) -> usize {
        let mut inner = self.inner();
        inner.gone = true;
        if inner.ending.is_none() {
            inner.fails(Part::Write, "its writer thread has died; restart Dewpoint");
        }
        let left = std::mem::take(&mut inner.queue);
        unwritten + left.len()
    }

    pub(crate) fn counts(&self) -> Counts {
        let inner = self.inner();
        Counts {
            pending: inner.queue.len() + inner.writing,
            open: inner.promised,
            lost: inner.lost,
            refused: inner.refused,
            failing: inner.why().cloned(),
        }
    }
}

impl Witness for Desk {
    fn keeps(&self) -> bool {
        true
    }

    fn decided(&self, decision: Decision, written: Option<Written>) -> Taken {
        let ends = decision.denied.is_none();
        let leaves = decision.may_leave();
        let must = ends && (leaves || decision.class() > DataClass::Internal);
        let mut inner = self.inner();
        let room = !inner.gone && inner.queue.len() + inner.writing + inner.promised + 2 <= self.room;
        let well = inner.why().is_none();
        if room && (well || !must || self.goes_on()) {
            inner.promised += usize::from(ends);
            // While it fails, nobody is to wait for the disk.
            let (waiting, released) = if well { (written, None) } else { (None, written) };
            let wake = inner.asleep || waiting.is_some();
            inner.queue.push(Item::Decided(Box::new(decision), waiting, Instant::now()));
            drop(inner);
            if wake {
                self.work.notify_one();
            }
            if let Some(released) = released {
                released();
            }
            return Taken::Recorded;
        }
        if must && !self.goes_on() {
            let ours = decision.class() <= DataClass::Internal
                && decision.verdict.order.iter().any(|c| c.place.zone.is_own_ground());
            if !ours {
                inner.refused += 1;
            }
            return if ours { Taken::OwnGroundOnly } else { Taken::Refused };
        }
        inner.lost += 1;
        inner.lost_untold += 1;
        drop(inner);
        if let Some(written) = written {
            written();
        }
        Taken::Unrecorded
    }

    fn ended(&self, ending: Ending) {
        let mut inner = self.inner();
        inner.promised = inner.promised.saturating_sub(1);
        if inner.gone {
            return;
        }
        inner.queue.push(Item::Ended(Box::new(ending), Instant::now()));
        if inner.asleep {
            drop(inner);
            self.work.notify_one();
        }
    }

    fn trouble(&self) -> Option<Trouble> {
        let why = self.inner().why().cloned()?;
        Some(Trouble { why, refuses_all: false })
    }
}
