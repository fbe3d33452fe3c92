//! What the engine publishes of each of its models: where it is, what it uses, who uses it.
//!
//! Never here: changing any of it.

use super::seat::{Seat, State};
use std::sync::Arc;
use std::time::Duration;

/// Where a model is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Not loaded; the next request loads it.
    Unloaded,
    /// Waits until others have made room.
    Queued,
    /// Is being loaded, per mille.
    Loading(u16),
    /// Answers.
    Ready,
    /// Cannot be loaded or has crashed, and why.
    Down(String),
    /// Was shut down.
    Stopped,
}

/// A model of the engine and its part of the memory ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelState {
    /// Its id.
    pub id: Arc<str>,
    /// Where it is.
    pub phase: Phase,
    /// Bytes that were reserved for it before it was loaded; 0 while it holds no memory.
    pub reserved_bytes: u64,
    /// Bytes that its worker was measured to use at most; 0 before the first measurement.
    pub resident_bytes: u64,
    /// Requests that use its worker.
    pub in_flight: u32,
    /// Requests that wait for it to be loaded.
    pub waiting: u32,
    /// How long ago a request last began or ended, or it was loaded.
    pub idle: Duration,
    /// Its worker process, while it answers.
    pub pid: Option<u32>,
}

impl ModelState {
    /// As it is now.
    pub(super) fn of(seat: &Seat) -> ModelState {
        let state = seat.state.borrow().clone();
        let pid = pid(&state);
        let phase = match state {
            State::Unloaded => Phase::Unloaded,
            State::Queued => Phase::Queued,
            State::Loading(permille) => Phase::Loading(permille),
            State::Ready(_) => Phase::Ready,
            State::Down(why, _) => Phase::Down(why),
            State::Stopped => Phase::Stopped,
        };
        let entry = seat.ledger.entry(seat.key);
        let memory = entry.map(|e| e.memory).unwrap_or_default();
        ModelState {
            id: Arc::clone(&seat.id),
            phase,
            reserved_bytes: memory.reserved,
            resident_bytes: memory.resident,
            in_flight: entry.map_or(0, |e| e.active),
            waiting: entry.map_or(0, |e| e.waiting),
            idle: entry.map_or(Duration::ZERO, |e| e.last_used.elapsed()),
            pid,
        }
    }
}

/// The worker's process id while it answers.
pub(super) fn pid(state: &State) -> Option<u32> {
    match state {
        State::Ready(link) => link.pid,
        _ => None,
    }
}
