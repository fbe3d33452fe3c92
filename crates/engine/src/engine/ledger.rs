//! The memory ledger: what every model has reserved or was measured to use, who waits for it, and who makes room.
//!
//! A model that is to be loaded gets in line and goes when its turn has come and its need fits. What stands in the way is
//! unloaded: idle models first, those used longest ago; then, since everybody's turn comes, busy ones take no new request
//! and are unloaded when their last one has ended. Nothing is ever unloaded under a request.
//!
//! Never here: processes, or what a model needs (`supervise`).

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::QUEUE_MAX;

/// The books of all models of an engine.
pub(super) struct Ledger(Mutex<Book>);

struct Book {
    /// Bytes for all workers together.
    budget: u64,
    /// Models loaded at the same time.
    most: usize,
    rows: BTreeMap<u64, Row>,
    /// Those that wait for room, in order.
    line: VecDeque<u64>,
    next: u64,
}

/// One model.
struct Row {
    name: Arc<str>,
    /// Rung when its keeper has something to look at.
    bell: Arc<Notify>,
    /// Requests that use its worker, and requests that wait for one.
    active: u32,
    waiting: u32,
    last_used: Instant,
    claim: Option<Use>,
    /// It takes requests.
    open: bool,
    /// It is to make room.
    leaving: bool,
    /// What a request said about how long it stays; holds until it is unloaded.
    keep: Option<Option<Duration>>,
}

/// Memory of one worker, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Use {
    /// Estimated before loading.
    pub(super) reserved: u64,
    /// The most that was measured; 0 before the first measurement.
    pub(super) resident: u64,
}

impl Use {
    /// What counts: the measurement, once there is one.
    fn bytes(self) -> u64 {
        if self.resident > 0 { self.resident } else { self.reserved }
    }
}

/// A model as the ledger sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) memory: Use,
    pub(super) active: u32,
    pub(super) waiting: u32,
    pub(super) last_used: Instant,
}

/// Why a load does not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoRoom {
    /// More than there will ever be.
    Never { budget: u64 },
    /// Nobody waits for it any more.
    Nobody,
}

/// Whether a worker is to be ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    /// Now; it takes no requests any more.
    Now,
    /// At that time, unless it is used.
    At(Instant),
    /// Not before something happens.
    Wait,
}

/// What became of a request that wants in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entered {
    Active,
    Waiting,
    Full,
}

enum Turn {
    Go,
    Wait,
    Never(u64),
}

impl Ledger {
    /// Empty books.
    pub(super) fn new(budget: u64, most: usize) -> Ledger {
        Ledger(Mutex::new(Book { budget, most, rows: BTreeMap::new(), line: VecDeque::new(), next: 0 }))
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Other bounds, from now on.
    pub(super) fn rebound(&self, budget: u64, most: usize) {
        let mut book = self.book();
        (book.budget, book.most) = (budget, most);
        book.relieve(u64::MAX);
        book.ring_line();
    }

    /// A row for a model; its key.
    pub(super) fn join(&self, name: Arc<str>, bell: Arc<Notify>) -> u64 {
        let mut book = self.book();
        book.next += 1;
        let (key, last_used) = (book.next, Instant::now());
        let row =
            Row { name, bell, active: 0, waiting: 0, last_used, claim: None, open: false, leaving: false, keep: None };
        book.rows.insert(key, row);
        key
    }

    /// Strikes the row out.
    pub(super) fn part(&self, key: u64) {
        let mut book = self.book();
        book.rows.remove(&key);
        book.withdraw(key);
    }

    /// A request wants in; `waiting` if it was told to wait before.
    pub(super) fn enter(&self, key: u64, waiting: bool) -> Entered {
        let mut book = self.book();
        let Some(row) = book.rows.get_mut(&key) else { return Entered::Waiting };
        if row.open && !row.leaving {
            row.active += 1;
            row.waiting -= u32::from(waiting);
            row.last_used = Instant::now();
            return Entered::Active;
        }
        if waiting {
            return Entered::Waiting;
        }
        if row.waiting as usize >= QUEUE_MAX {
            return Entered::Full;
        }
        row.waiting += 1;
        row.bell.notify_one();
        Entered::Waiting
    }

    /// A request that used a worker has ended.
    pub(super) fn done(&self, key: u64) {
        let mut book = self.book();
        let Some(row) = book.rows.get_mut(&key) else { return };
        row.active = row.active.saturating_sub(1);
        row.last_used = Instant::now();
        if row.active == 0 {
            row.bell.notify_one();
            // One that is idle now may make room sooner than one that was chosen while it was busy.
            book.ring_line();
        }
    }

    /// A request waits no longer.
    pub(super) fn gave_up(&self, key: u64) {
        let mut book = self.book();
        let Some(row) = book.rows.get_mut(&key) else { return };
        row.waiting = row.waiting.saturating_sub(1);
        if row.waiting == 0 {
            row.bell.notify_one();
        }
    }

    /// A request says how long the model stays after it.
    pub(super) fn keep(&self, key: u64, keep: Option<Duration>) {
        if let Some(row) = self.book().rows.get_mut(&key) {
            row.keep = Some(keep);
            row.bell.notify_one();
        }
    }

    /// Whether requests wait that could be let in or loaded for.
    pub(super) fn is_asked_for(&self, key: u64) -> bool {
        self.book().rows.get(&key).is_some_and(|r| r.waiting > 0 && !r.leaving)
    }

    /// Waits in line for room for `need` bytes. `unasked`: also when no request waits for it.
    ///
    /// # Errors
    /// There will never be so much room, or nobody waits for it any more.
    pub(super) async fn claim(self: &Arc<Self>, key: u64, need: u64, unasked: bool) -> Result<Claim, NoRoom> {
        let Some(bell) = self.book().rows.get(&key).map(|r| Arc::clone(&r.bell)) else { return Err(NoRoom::Nobody) };
        let mut place = InLine { ledger: self, key, left: false };
        loop {
            if !unasked && !self.is_asked_for(key) {
                return Err(NoRoom::Nobody);
            }
            let turn = self.book().turn(key, need);
            match turn {
                Turn::Go => {
                    place.left = true;
                    return Ok(Claim { ledger: Arc::clone(self), key });
                }
                Turn::Never(budget) => return Err(NoRoom::Never { budget }),
                Turn::Wait => {}
            }
            bell.notified().await;
        }
    }

    /// The worker takes requests.
    pub(super) fn open(&self, key: u64) {
        let mut book = self.book();
        if let Some(row) = book.rows.get_mut(&key) {
            row.open = true;
            row.last_used = Instant::now();
        }
        book.ring_line();
    }

    /// The worker takes no requests any more.
    pub(super) fn shut(&self, key: u64) {
        if let Some(row) = self.book().rows.get_mut(&key) {
            row.open = false;
        }
    }

    /// Whether the worker is to be ended now: it makes room, or it was idle for `keep` (or what a request said). When it
    /// is, no request gets in any more.
    pub(super) fn leave(&self, key: u64, keep: Option<Duration>) -> Leave {
        let mut book = self.book();
        let Some(row) = book.rows.get_mut(&key) else { return Leave::Now };
        if !row.open || row.active > 0 {
            return Leave::Wait;
        }
        let due = match row.keep.unwrap_or(keep) {
            _ if row.leaving => None,
            // Somebody is about to be let in.
            _ if row.waiting > 0 => return Leave::Wait,
            None => return Leave::Wait,
            Some(keep) => Some(row.last_used + keep),
        };
        match due {
            Some(due) if Instant::now() < due => Leave::At(due),
            _ => {
                row.open = false;
                Leave::Now
            }
        }
    }

    /// The row of a model.
    pub(super) fn entry(&self, key: u64) -> Option<Entry> {
        let book = self.book();
        let row = book.rows.get(&key)?;
        let memory = row.claim.unwrap_or_default();
        Some(Entry { memory, active: row.active, waiting: row.waiting, last_used: row.last_used })
    }

    /// Bytes for all, and bytes in use.
    pub(super) fn totals(&self) -> (u64, u64) {
        let book = self.book();
        (book.budget, book.used())
    }

    /// Who holds memory: `a (300 MB), b (1.2 GB, 3 requests in flight)`.
    pub(super) fn holders(&self) -> String {
        let book = self.book();
        let one = |r: &Row| {
            let bytes = shown(r.claim?.bytes());
            Some(match r.active {
                0 => format!("{} ({bytes})", r.name),
                1 => format!("{} ({bytes}, 1 request in flight)", r.name),
                n => format!("{} ({bytes}, {n} requests in flight)", r.name),
            })
        };
        book.rows.values().filter_map(one).collect::<Vec<_>>().join(", ")
    }
}

impl Book {
    fn used(&self) -> u64 {
        self.rows.values().filter_map(|r| r.claim).fold(0, |sum, c| sum.saturating_add(c.bytes()))
    }

    fn loaded(&self) -> usize {
        self.rows.values().filter(|r| r.claim.is_some()).count()
    }

    /// Who is first in line looks again.
    fn ring_line(&self) {
        if let Some(row) = self.line.front().and_then(|key| self.rows.get(key)) {
            row.bell.notify_one();
        }
    }

    /// Whether it is the turn of `key`; if not, whoever is first makes others leave.
    fn turn(&mut self, key: u64, need: u64) -> Turn {
        if need > self.budget {
            return Turn::Never(self.budget);
        }
        if !self.line.contains(&key) {
            self.line.push_back(key);
        }
        if self.line.front() != Some(&key) {
            return Turn::Wait;
        }
        let too_many = (self.loaded() + 1).saturating_sub(self.most);
        let too_much = self.used().saturating_add(need).saturating_sub(self.budget);
        if too_many == 0 && too_much == 0 {
            if let Some(row) = self.rows.get_mut(&key) {
                row.claim = Some(Use { reserved: need, resident: 0 });
            }
            self.line.pop_front();
            self.mark(&[]);
            self.ring_line();
            return Turn::Go;
        }
        let victims = self.victims(too_much, too_many, None, true);
        self.mark(&victims);
        Turn::Wait
    }

    /// Models to unload so that so many bytes and so many models less are there, as far as possible: idle ones first, and
    /// of these the ones that were used longest ago; none that is not needed. Not `but`.
    fn victims(&self, bytes: u64, count: usize, but: Option<u64>, busy_too: bool) -> Vec<u64> {
        let is_busy = |r: &Row| r.active > 0 || r.waiting > 0;
        let mut there: Vec<(&u64, &Row)> =
            self.rows.iter().filter(|(k, r)| r.open && Some(**k) != but && (busy_too || !is_busy(r))).collect();
        there.sort_by_key(|(_, r)| (is_busy(r), r.last_used));
        let weight = |r: &Row| r.claim.unwrap_or_default().bytes();
        let enough = |chosen: &[(&u64, &Row)]| {
            chosen.len() >= count && chosen.iter().fold(0u64, |sum, (_, r)| sum.saturating_add(weight(r))) >= bytes
        };
        let most = (0..=there.len()).find(|n| enough(&there[..*n])).unwrap_or(there.len());
        there.truncate(most);
        // What is not needed beside the others stays, the one used last first.
        let mut order: Vec<u64> = there.iter().map(|(k, _)| **k).collect();
        order.sort_by_key(|k| Reverse(self.rows.get(k).map(|r| (is_busy(r), r.last_used))));
        for key in order {
            let without: Vec<_> = there.iter().copied().filter(|(k, _)| **k != key).collect();
            if enough(&without) {
                there = without;
            }
        }
        there.into_iter().map(|(k, _)| *k).collect()
    }

    /// Exactly these leave.
    fn mark(&mut self, leaving: &[u64]) {
        for (key, row) in &mut self.rows {
            let now = leaving.contains(key);
            if row.leaving != now && (row.open || !now) {
                row.leaving = now;
                row.bell.notify_one();
            }
        }
    }

    /// Measurements say that more is used than there is: idle models leave.
    fn relieve(&mut self, but: u64) {
        let too_much = self.used().saturating_sub(self.budget);
        let too_many = self.loaded().saturating_sub(self.most);
        if (too_much > 0 || too_many > 0) && self.line.is_empty() {
            let victims = self.victims(too_much, too_many, Some(but), false);
            self.mark(&victims);
        }
    }

    /// Out of the line; what was to make room for it stays.
    fn withdraw(&mut self, key: u64) {
        let first = self.line.front() == Some(&key);
        self.line.retain(|k| *k != key);
        if first {
            self.mark(&[]);
            self.ring_line();
        }
    }
}

/// A place in line, given up when dropped.
struct InLine<'a> {
    ledger: &'a Ledger,
    key: u64,
    left: bool,
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        if !self.left {
            self.ledger.book().withdraw(self.key);
        }
    }
}

/// Memory of a worker, from before it starts until it is gone.
pub(super) struct Claim {
    ledger: Arc<Ledger>,
    key: u64,
}

impl Claim {
    /// So much was measured. The most that ever was counts: pages that the kernel took back are needed again.
    pub(super) fn measured(&self, bytes: u64) {
        let mut book = self.ledger.book();
        if let Some(used) = book.rows.get_mut(&self.key).and_then(|r| r.claim.as_mut()) {
            used.resident = used.resident.max(bytes);
        }
        book.relieve(self.key);
        book.ring_line();
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut book = self.ledger.book();
        if let Some(row) = book.rows.get_mut(&self.key) {
            (row.claim, row.open, row.leaving, row.keep) = (None, false, false, None);
        }
        book.ring_line();
    }
}

/// Bytes for people: `512 MB`, `1.4 GB` (powers of ten).
pub(super) fn shown(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        1_000_000..1_000_000_000 => format!("{} MB", bytes.div_ceil(1_000_000)),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
