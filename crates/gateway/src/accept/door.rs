//! What all connections share: how much memory the bodies of requests hold, answers kept for a repeated
//! `Idempotency-Key`, and the counts behind the metrics of the listening side.
//!
//! Never here: one connection's state.

use super::once::Once;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use tokio::sync::Notify;

/// The shared state of the listening side.
#[derive(Debug, Default)]
pub struct Door {
    /// Bytes of request bodies in memory.
    bodies: AtomicUsize,
    /// Connections open now.
    connections: AtomicUsize,
    /// Requests that were begun and are not settled yet.
    working: AtomicUsize,
    /// Told when there are none.
    rest: Notify,
    /// Connections closed at once, because too many were open.
    pub(super) refused: AtomicU64,
    /// Times that accepting a connection failed.
    pub(super) failed: AtomicU64,
    /// Answers by their `Idempotency-Key`.
    pub(super) once: Arc<Once>,
}

impl Door {
    /// Room for a body, of `most` bytes for all of them together.
    pub(super) fn room(self: &Arc<Door>, most: usize) -> Room {
        Room { door: self.clone(), most, held: 0 }
    }

    /// One more connection, until the guard is dropped.
    pub(super) fn connected(self: &Arc<Door>) -> Connected {
        self.connections.fetch_add(1, Ordering::Relaxed);
        Connected(self.clone())
    }

    /// One more request under way, with the room that its body takes, until the guard is dropped.
    pub(super) fn begin_work(self: &Arc<Door>, room: Room) -> Working {
        self.working.fetch_add(1, Ordering::SeqCst);
        Working(room)
    }

    /// Requests that are not settled yet.
    pub(super) fn working(&self) -> usize {
        self.working.load(Ordering::SeqCst)
    }

    /// Resolves when every request is settled.
    pub(super) async fn idle(&self) {
        loop {
            let rest = self.rest.notified();
            tokio::pin!(rest);
            // Before looking, so that the last one cannot end unheard between the two.
            rest.as_mut().enable();
            if self.working() == 0 {
                return;
            }
            rest.await;
        }
    }

    /// Lines of OpenMetrics text, without the end mark.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        let mut family = |name: &str, kind: &str, help: &str, sample: &str, value: u64| {
            // Writing into a String cannot fail.
            let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{sample} {value}\n");
        };
        let (open, bodies) = (self.connections.load(Ordering::Relaxed), self.bodies.load(Ordering::Relaxed));
        let (kept, bytes, replayed) = self.once.counts();
        let (refused, failed) = (self.refused.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed));
        let n = "dewpoint_connections";
        family(n, "gauge", "Connections of clients that are open", n, open as u64);
        let n = "dewpoint_connections_refused";
        family(n, "counter", "Connections closed because too many were open", &format!("{n}_total"), refused);
        let n = "dewpoint_accept_errors";
        family(n, "counter", "Times that accepting a connection failed", &format!("{n}_total"), failed);
        let n = "dewpoint_request_body_bytes";
        family(n, "gauge", "Bytes of request bodies in memory", n, bodies as u64);
        let n = "dewpoint_idempotency_answers";
        family(n, "gauge", "Answers kept for their idempotency key", n, kept as u64);
        let n = "dewpoint_idempotency_bytes";
        family(n, "gauge", "Bytes of the answers kept for their idempotency key", n, bytes as u64);
        let n = "dewpoint_idempotency_replayed";
        family(n, "counter", "Answers given again for their idempotency key", &format!("{n}_total"), replayed);
        out
    }
}

/// An open connection.
#[derive(Debug)]
pub(super) struct Connected(Arc<Door>);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A request that is not settled yet.
#[derive(Debug)]
pub(super) struct Working(Room);

impl Drop for Working {
    fn drop(&mut self) {
        let door = &self.0.door;
        if door.working.fetch_sub(1, Ordering::SeqCst) == 1 {
            door.rest.notify_waiters();
        }
    }
}

/// A body's share of the memory for bodies; given back when dropped.
#[derive(Debug)]
pub(super) struct Room {
    door: Arc<Door>,
    most: usize,
    held: usize,
}

impl Room {
    /// Takes `bytes` more, if they fit.
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        let before = self.door.bodies.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > self.most {
            self.door.bodies.fetch_sub(bytes, Ordering::Relaxed);
            return false;
        }
        self.held += bytes;
        true
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.door.bodies.fetch_sub(self.held, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_exact_and_given_back() {
        let door = Arc::new(Door::default());
        let (mut a, mut b) = (door.room(10), door.room(10));
        assert!(a.grow(6) && b.grow(4), "at the limit");
        assert!(!a.grow(1) && !b.grow(1), "one past it");
        drop(a);
        assert!(b.grow(6));
        drop(b);
        assert_eq!(door.bodies.load(Ordering::Relaxed), 0);
    }
}
