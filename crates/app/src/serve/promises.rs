//! Promises of a running server: worked out anew, beside the threads that serve, from the comparisons in its ledger.
//!
//! Never here: the test, or what follows from a promise (room `gateway`).

use super::live::Live;
use super::now_unix_ms;
use crate::promises::{self, Group};
use arc_swap::ArcSwap;
use decide::{Policy, Promise, Task};
use gateway::Learned;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Looks whether there is anything to do so often.
const LOOK: Duration = Duration::from_secs(1);
/// Works promises out anew after this time, for evidence grows old,
const EVERY: Duration = Duration::from_secs(60);
/// and after this many new comparisons.
const NEW: u64 = 20;

/// Stops the work when it is dropped.
pub(super) struct Keeping(Option<tokio::task::JoinHandle<()>>);

impl Drop for Keeping {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

/// Keeps the promises of `learned` up to date from the ledger. Without one nothing is remembered, and nothing promised.
pub(super) fn keep(live: &Live, learned: Arc<Learned>) -> Keeping {
    let policy = live.policy.clone();
    Keeping(live.ledger_dir().map(|dir| tokio::spawn(work(policy, learned, dir))))
}

/// What promises were last worked out from.
struct Last {
    at: Instant,
    compared: u64,
    policy: u64,
}

async fn work(policy: Arc<ArcSwap<Policy>>, learned: Arc<Learned>, dir: PathBuf) {
    let mut last: Option<Last> = None;
    let mut said = HashMap::new();
    loop {
        let (now, compared) = (policy.load_full(), learned.comparisons());
        let due = last.as_ref().is_none_or(|last| {
            last.at.elapsed() >= EVERY || compared >= last.compared + NEW || now.version != last.policy
        });
        if due {
            last = Some(Last { at: Instant::now(), compared, policy: now.version });
            renew(&now, &learned, &dir, &mut said).await;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Works them out once.
async fn renew(
    policy: &Arc<Policy>,
    learned: &Learned,
    dir: &Path,
    said: &mut HashMap<(Arc<str>, Task), &'static str>,
) {
    if !is_asked_for(policy) {
        said.clear();
        return learned.promise_all(HashMap::new());
    }
    let (dir, policy) = (dir.to_owned(), policy.clone());
    let read = move || {
        let now = now_unix_ms();
        promises::comparisons(&dir, now).map(|lessons| promises::of(&lessons, &policy, now))
    };
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(groups)) => {
            groups.iter().filter(|group| group.max_loss_permille.is_some()).for_each(|group| say(group, said));
            learned.promise_all(promises::told(&groups));
        }
        // The promises of before stay in force for now; they are worked out again in a minute.
        Ok(Err(error)) => tracing::warn!(%error, "the comparisons behind promises cannot be read"),
        Err(_) => tracing::error!("working out promises failed; please report this"),
    }
}

/// Whether anybody asked for a promise.
fn is_asked_for(policy: &Policy) -> bool {
    let routes = policy.routes.values().filter_map(|route| route.cascade.as_ref());
    routes.chain([&policy.cascade]).any(|cascade| cascade.max_quality_loss_permille.is_some())
}

/// Logs what changed, once.
fn say(group: &Group, said: &mut HashMap<(Arc<str>, Task), &'static str>) {
    let state = match (group.made.drift, group.made.promise) {
        (Some(_), _) => "withdrawn",
        (None, Promise::Kept { .. }) => "made",
        (None, Promise::NotYet { .. }) => "not yet",
    };
    let before = said.insert((group.asked.clone(), group.task), state);
    if before == Some(state) {
        return;
    }
    let (asked, task, n) = (&group.asked, group.task.as_str(), group.made.evidence);
    match (state, group.made.drift) {
        ("withdrawn", Some(drift)) => tracing::warn!(
            %asked, task, comparisons = n,
            "a promise is withdrawn, and everything goes to the stronger place: {}", drift.as_str()
        ),
        ("made", _) => {
            tracing::info!(%asked, task, comparisons = n, "a promise about quality is in force; `dewpoint routes` shows it")
        }
        _ if before.is_some() => tracing::warn!(
            %asked, task, comparisons = n,
            "a promise does not hold any more by what was compared since, and everything goes to the stronger place"
        ),
        _ => {}
    }
}
