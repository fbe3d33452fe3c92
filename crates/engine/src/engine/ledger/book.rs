//! The rows of the ledger, and whose turn it is.
//!
//! Never here: locks, waiting (`ledger`).

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// What stands in it.
pub(super) struct Book {
    /// Bytes for all workers together.
    pub(super) budget: u64,
    /// Models loaded at the same time.
    pub(super) most: usize,
    pub(super) rows: BTreeMap<u64, Row>,
    /// Those that wait for room, in order.
    pub(super) line: VecDeque<u64>,
    pub(super) next: u64,
}

/// One model.
pub(super) struct Row {
    pub(super) name: Arc<str>,
    /// Rung when its keeper has something to look at.
    pub(super) bell: Arc<Notify>,
    /// Requests that use its worker, and requests that wait for one.
    pub(super) active: u32,
    pub(super) waiting: u32,
    pub(super) last_used: Instant,
    pub(super) claim: Option<Use>,
    /// It takes requests.
    pub(super) open: bool,
    /// It is to make room.
    pub(super) leaving: bool,
    /// What a request said about how long it stays; holds until it is unloaded.
    pub(super) keep: Option<Option<Duration>>,
}

/// Memory of one worker, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::engine) struct Use {
    /// Estimated before loading.
    pub(in crate::engine) reserved: u64,
    /// The most that was measured; 0 before the first measurement.
    pub(in crate::engine) resident: u64,
}

impl Use {
    /// What counts: the measurement, once there is one.
    pub(super) fn bytes(self) -> u64 {
        if self.resident > 0 { self.resident } else { self.reserved }
    }
}

/// Whether it is somebody's turn.
pub(super) enum Turn {
    Go,
    Wait,
    Never(u64),
}

impl Book {
    pub(super) fn used(&self) -> u64 {
        self.rows.values().filter_map(|r| r.claim).fold(0, |sum, c| sum.saturating_add(c.bytes()))
    }

    pub(super) fn loaded(&self) -> usize {
        self.rows.values().filter(|r| r.claim.is_some()).count()
    }

    /// Who is first in line looks again.
    pub(super) fn ring_line(&self) {
        if let Some(row) = self.line.front().and_then(|key| self.rows.get(key)) {
            row.bell.notify_one();
        }
    }

    /// Whether it is the turn of `key`; if not, whoever is first makes others leave.
    pub(super) fn turn(&mut self, key: u64, need: u64) -> Turn {
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
    pub(super) fn victims(&self, bytes: u64, count: usize, but: Option<u64>, busy_too: bool) -> Vec<u64> {
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
    pub(super) fn mark(&mut self, leaving: &[u64]) {
        for (key, row) in &mut self.rows {
            let now = leaving.contains(key);
            if row.leaving != now && (row.open || !now) {
                row.leaving = now;
                row.bell.notify_one();
            }
        }
    }

    /// Measurements say that more is used than there is: idle models leave.
    pub(super) fn relieve(&mut self, but: u64) {
        let too_much = self.used().saturating_sub(self.budget);
        let too_many = self.loaded().saturating_sub(self.most);
        if (too_much > 0 || too_many > 0) && self.line.is_empty() {
            let victims = self.victims(too_much, too_many, Some(but), false);
            self.mark(&victims);
        }
    }

    /// Out of the line; what was to make room for it stays.
    pub(super) fn withdraw(&mut self, key: u64) {
        let first = self.line.front() == Some(&key);
        self.line.retain(|k| *k != key);
        if first {
            self.mark(&[]);
            self.ring_line();
        }
    }
}
