//! The gate: the list in force, and the count of what it refused.
//!
//! Never here: what is allowed (`egress`), sockets.

use super::egress::{Denied, Egress, Leave, Reason, Spot};
use arc_swap::ArcSwap;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Refusals that are written to the log once each; what is beyond is only counted.
const SAID_MAX: usize = 1024;

/// The list in force. Asked when an upstream is made and at every connect, never per request.
pub(super) struct Gate {
    list: ArcSwap<Egress>,
    /// Closed for good: no later list opens it.
    airgap: AtomicBool,
    counts: [AtomicU64; Reason::ALL.len()],
    said: Mutex<HashSet<(Spot, Reason)>>,
}

impl Gate {
    pub(super) fn new(egress: Egress) -> Gate {
        let airgap = AtomicBool::new(egress.is_airgapped());
        Gate { list: ArcSwap::from_pointee(egress), airgap, counts: Default::default(), said: Mutex::default() }
    }

    /// Puts a new list in force. An air gap that is closed stays closed.
    pub(super) fn replace(&self, egress: Egress) {
        let airgap = self.airgap.fetch_or(egress.is_airgapped(), Ordering::SeqCst) || egress.is_airgapped();
        self.list.store(std::sync::Arc::new(egress.airgapped(airgap)));
    }

    /// Whether the air gap is closed.
    pub(super) fn is_airgapped(&self) -> bool {
        self.airgap.load(Ordering::SeqCst)
    }

    /// Leave to connect to `spot`, by the list of now. A refusal is not counted yet.
    pub(super) fn leave(&self, spot: &Spot) -> Result<Leave, Denied> {
        self.list.load().leave(spot)
    }

    /// Counts a refusal, and writes the first of its kind to the log.
    pub(super) fn denied(&self, spot: &Spot, denied: &Denied) {
        self.counts[denied.reason as usize].fetch_add(1, Ordering::Relaxed);
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.len() < SAID_MAX && said.insert((spot.clone(), denied.reason)) {
            drop(said);
            tracing::warn!(reason = denied.reason.as_str(), "no connection is made: {denied}");
        }
    }

    /// How often each reason refused something.
    pub(super) fn counts(&self) -> impl Iterator<Item = (Reason, u64)> {
        Reason::ALL.into_iter().map(|reason| (reason, self.counts[reason as usize].load(Ordering::Relaxed)))
    }
}
