//! Watches the executor from a thread of its own: how long a new task waits until it runs. A call that blocks where it
//! must not shows here, in the log while it lasts and in `/metrics`.
//!
//! Never here: doing anything about it.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// Between two looks.
const PERIOD: Duration = Duration::from_millis(500);
/// A task that waits longer than this is worth a line in the log.
const STALL: Duration = Duration::from_secs(1);

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The last delay, microseconds.
    delay_us: AtomicU64,
    /// Delays longer than [`STALL`].
    stalls: AtomicU64,
}

impl Seen {
    /// Lines of OpenMetrics text, without the end mark.
    pub(super) fn text(&self) -> String {
        let delay = self.delay_us.load(Ordering::Relaxed) as f64 / 1e6;
        let stalls = self.stalls.load(Ordering::Relaxed);
        let mut out = String::new();
        // Writing into a String cannot fail.
        let _ = write!(
            out,
            "# HELP dewpoint_executor_delay_seconds How long the last new task waited until it ran\n\
             # TYPE dewpoint_executor_delay_seconds gauge\ndewpoint_executor_delay_seconds {delay}\n\
             # HELP dewpoint_executor_stalls Times that no new task ran for a second\n\
             # TYPE dewpoint_executor_stalls counter\ndewpoint_executor_stalls_total {stalls}\n"
        );
        out
    }
}

/// Ends the watch when dropped.
pub(super) struct Watchdog {
    _alive: SyncSender<()>,
    /// What it saw.
    pub(super) seen: Arc<Seen>,
}

/// Watches the executor at hand until the result is dropped.
pub(super) fn watch() -> Watchdog {
    let seen = Arc::new(Seen::default());
    let (alive, ended) = sync_channel::<()>(1);
    let (executor, noted) = (Handle::current(), seen.clone());
    let look = move || {
        while ended.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) {
            look_once(&executor, &noted);
        }
    };
    if let Err(error) = std::thread::Builder::new().name("watchdog".to_owned()).spawn(look) {
        tracing::warn!(%error, "the executor is not watched");
    }
    Watchdog { _alive: alive, seen }
}

/// Starts one task and waits until it has run.
fn look_once(executor: &Handle, seen: &Seen) {
    let begun = Instant::now();
    let (ran, heard) = sync_channel::<()>(1);
    executor.spawn(async move {
        let _ = ran.send(());
    });
    if heard.recv_timeout(STALL) == Err(RecvTimeoutError::Timeout) {
        seen.stalls.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(
            seconds = STALL.as_secs(),
            "no new task has run for a while: every worker is busy with calls that block, or the machine is overloaded"
        );
        // An error: the executor is gone, and with it whoever would read this.
        let _ = heard.recv();
        tracing::warn!(seconds = begun.elapsed().as_secs_f64(), "tasks run again");
    }
    seen.delay_us.store(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A real stall of a real executor: its only worker sleeps where it must not.
    #[test]
    fn fault_63_a_blocked_executor_is_noticed_while_it_lasts() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let seen = Seen::default();
        look_once(runtime.handle(), &seen);
        assert_eq!(seen.stalls.load(Ordering::Relaxed), 0);
        let (begun, blocked) = sync_channel::<()>(1);
        runtime.spawn(async move {
            begun.send(()).unwrap();
            std::thread::sleep(STALL + Duration::from_millis(500));
        });
        blocked.recv().unwrap();
        look_once(runtime.handle(), &seen);
        assert_eq!(seen.stalls.load(Ordering::Relaxed), 1);
        assert!(seen.delay_us.load(Ordering::Relaxed) > 1_000_000, "{seen:?}");
        assert!(seen.text().contains("dewpoint_executor_stalls_total 1"), "{}", seen.text());
    }
}
