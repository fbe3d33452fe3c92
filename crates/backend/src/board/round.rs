//! Rounds of probes: all places at once, each under its own limit, and suspects between rounds.
//!
//! Never here: what a probe asks (each backend knows).

use super::Board;
use crate::{Backend, Probed};
use decide::{Health, Zone};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::future::Future;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};

/// For one probe of one place.
const PROBE: Duration = Duration::from_secs(2);
/// Between two probes of suspects.
const CALM: Duration = Duration::from_millis(250);
/// A vendor's service is asked every so many rounds only: its list is long, changes seldom, and asking may be counted.
const VENDOR_ROUNDS: u64 = 30;
/// One that is down is asked more often, so that it is used again soon after it is back.
const DOWN_ROUNDS: u64 = 2;

impl Board {
    /// Probes every place once, all at the same time. Each is published as soon as it has answered.
    pub async fn probe_once(&self) {
        // Whoever is probed now is no suspect any more.
        self.suspects.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.probe(self.backends(|_| true)).await;
    }

    /// Probes every `period`, and suspects soon after they are reported, until `shutdown` is ready.
    pub async fn run(&self, period: Duration, shutdown: impl Future<Output = ()> + Send) {
        let mut rounds = interval_at(Instant::now() + period, period);
        // A round that took long is not made up for by a burst of rounds.
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut shutdown = std::pin::pin!(shutdown);
        let mut count = 0u64;
        let mut calm_until = Instant::now();
        loop {
            let due = tokio::select! {
                () = &mut shutdown => return,
                _ = rounds.tick() => {
                    count += 1;
                    let (all, down) = (count.is_multiple_of(VENDOR_ROUNDS), count.is_multiple_of(DOWN_ROUNDS));
                    let fleet = self.fleet().clone();
                    let is_down = |b: &dyn Backend| {
                        fleet.find(&b.place().id).is_some_and(|s| matches!(s.health, Health::Down(_)))
                    };
                    self.backends(|b| b.place().zone != Zone::VendorCloud || all || (down && is_down(b)))
                }
                () = self.suspected(calm_until) => {
                    calm_until = Instant::now() + CALM;
                    self.take_suspects()
                }
            };
            tokio::select! {
                () = &mut shutdown => return,
                () = self.probe(due) => {}
            }
        }
    }

    /// Ready when there are suspects, but not before `calm_until`.
    async fn suspected(&self, calm_until: Instant) {
        loop {
            let some = !self.suspects.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
            if some {
                return sleep_until(calm_until).await;
            }
            self.wake.notified().await;
        }
    }

    fn take_suspects(&self) -> Vec<Arc<dyn Backend>> {
        let suspects = std::mem::take(&mut *self.suspects.lock().unwrap_or_else(PoisonError::into_inner));
        self.backends(|b| suspects.contains(&b.place().id))
    }

    fn backends(&self, wanted: impl Fn(&dyn Backend) -> bool) -> Vec<Arc<dyn Backend>> {
        let table = self.table.load();
        table.order.iter().map(|e| e.backend.clone()).filter(|b| wanted(&**b)).collect()
    }

    async fn probe(&self, backends: Vec<Arc<dyn Backend>>) {
        let one = |backend: Arc<dyn Backend>| async move {
            let silent = || Probed { health: Health::Down("does not answer".to_owned()), ..Probed::default() };
            let probed = timeout(PROBE, backend.probe()).await.unwrap_or_else(|_| silent());
            (backend, probed)
        };
        let mut asked: FuturesUnordered<_> = backends.into_iter().map(one).collect();
        while let Some((backend, probed)) = asked.next().await {
            self.note(backend, probed);
        }
    }
}
