//! One model of the engine: what it is told to be, and where its worker is.
//!
//! Never here: the worker's life (`supervise`), requests (`tenant`).

use super::ledger::Ledger;
use super::link::Link;
use super::process::Program;
use crate::spec::ModelSpec;
use decide::PlaceId;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

/// Where the worker of a model is.
#[derive(Clone)]
pub(super) enum State {
    /// Nowhere; the next request loads the model.
    Unloaded,
    /// It waits until others have made room.
    Queued,
    /// The model is being loaded, per mille.
    Loading(u16),
    /// It answers.
    Ready(Arc<Link>),
    /// It does not, and why; it is not tried again before that time.
    Down(String, Instant),
    /// It was shut down.
    Stopped,
}

/// Times of a worker's life that tests shorten.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// A worker with work that says nothing for so long hangs. It speaks at least after every step, and the longest step
    /// is one chunk of a prompt on a slow machine.
    pub(super) hung: Duration,
    /// The same while it loads: mapping a large file from a slow disk says nothing for minutes.
    pub(super) hung_loading: Duration,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds { hung: Duration::from_secs(180), hung_loading: Duration::from_secs(1800) }
    }
}

/// One model, as its keeper and its requests share it.
pub(super) struct Seat {
    /// The place, for logs.
    pub(super) place: PlaceId,
    pub(super) id: Arc<str>,
    pub(super) spec: ModelSpec,
    pub(super) program: Arc<Program>,
    pub(super) ledger: Arc<Ledger>,
    /// Its row in the ledger.
    pub(super) key: u64,
    /// Rung by the ledger.
    pub(super) bell: Arc<Notify>,
    pub(super) state: watch::Sender<State>,
    pub(super) stop: watch::Sender<bool>,
    pub(super) bounds: Bounds,
}

impl Seat {
    /// Sets the state.
    pub(super) fn set(&self, state: State) {
        self.state.send_replace(state);
    }

    /// Ready when a request waits for the model.
    pub(super) async fn asked_for(&self) {
        while !self.ledger.is_asked_for(self.key) {
            self.bell.notified().await;
        }
    }

    /// Ready when it was told to stop.
    pub(super) async fn stopped(&self) {
        // The sender is a member, so there is no error.
        let _ = self.stop.subscribe().wait_for(|s| *s).await;
    }
}
