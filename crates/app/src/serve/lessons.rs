//! What a server learned before it was started, and what it forgets while it runs.
//!
//! Never here: what a lesson is worth (room `decide`).

use super::now_unix_ms;
use gateway::Learned;
use ledger::{Ledger, Sought};
use std::sync::Arc;
use std::time::Duration;

/// Between two looks at what has become old.
const FORGET: Duration = Duration::from_secs(6 * 3_600);

/// What was learned: at first nothing, then, read on a thread of its own, all that the ledger holds.
pub(super) fn learned(ledger: Option<&Ledger>) -> Arc<Learned> {
    let Some(ledger) = ledger else { return Arc::default() };
    let memory = ledger.memory();
    let learned = Arc::new(Learned::keeping(memory.clone()).recalling(memory));
    // The moment is now, before the first request: what comes from here on is counted when it comes.
    match ledger.past() {
        Ok(past) => {
            learned.await_past();
            let learned = Arc::clone(&learned);
            tokio::task::spawn_blocking(move || {
                let mut lessons = past.lessons(&Sought::default()).unwrap_or_else(|error| {
                    tracing::error!(%error, "what was learned of models cannot be read; it is learned anew");
                    Vec::new()
                });
                let count = lessons.len();
                lessons.reverse();
                learned.remember(lessons, now_unix_ms());
                tracing::debug!(lessons = count, "what was learned of models is known again");
            });
        }
        Err(error) => tracing::error!(%error, "what was learned of models cannot be read; it is learned anew"),
    }
    let forgetting = Arc::downgrade(&learned);
    tokio::spawn(async move {
        let mut due = tokio::time::interval(FORGET);
        loop {
            due.tick().await;
            let Some(learned) = forgetting.upgrade() else { return };
            learned.forget(now_unix_ms());
        }
    });
    learned
}
