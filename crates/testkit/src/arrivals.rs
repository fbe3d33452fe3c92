//! Requests that arrive by a schedule of their own, whether or not earlier ones were answered (an open loop). A latency
//! counts from the moment the request was due, so that a server that stalls cannot hide the requests it kept waiting.
//!
//! Never here: what a request says, addresses other than loopback.

use crate::{Call, Caller, Heard};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// A schedule: equal distances, a bounded time, a bounded number under way.
#[derive(Debug, Clone, Copy)]
pub struct Arrivals {
    /// Requests per second.
    pub per_s: u32,
    /// How long they arrive.
    pub lasts: Duration,
    /// Requests under way at most; one that would be above is not sent, and counted ([`Shot::heard`] is `None`).
    pub under_way_max: usize,
}

/// One request of a schedule.
#[derive(Debug, Clone)]
pub struct Shot {
    /// Its number, from 0.
    pub number: usize,
    /// When it was due, from the start.
    pub due: Duration,
    /// When it was sent, from the start.
    pub sent: Duration,
    /// When it ended, from the start.
    pub ended: Duration,
    /// What came back; `None` when it was not sent, since too many were under way.
    pub heard: Option<Heard>,
}

impl Shot {
    /// From when it was due to its end: what its user waited.
    pub fn waited(&self) -> Duration {
        self.ended.saturating_sub(self.due)
    }

    /// Its status, where there was an answer.
    pub fn status(&self) -> Option<u16> {
        self.heard.as_ref().and_then(|h| h.status)
    }

    /// Whether its user got the whole answer.
    pub fn complete(&self) -> bool {
        self.heard.as_ref().is_some_and(Heard::complete)
    }
}

/// All requests that have ended so far, in the order of their ends.
pub type Shots = Arc<Mutex<Vec<Shot>>>;

/// Sends by the schedule, each request made by `make` from its number and due time, and waits for the last answer.
/// Everything is in `shots` as soon as it ended.
pub async fn arrive(caller: Arc<Caller>, plan: Arrivals, shots: Shots, mut make: impl FnMut(usize, Duration) -> Call) {
    let started = Instant::now();
    let seats = Arc::new(Semaphore::new(plan.under_way_max));
    let count = (plan.lasts.as_secs_f64() * f64::from(plan.per_s)).round() as usize;
    let mut under_way = JoinSet::new();
    for number in 0..count {
        let due = Duration::from_secs_f64(number as f64 / f64::from(plan.per_s));
        tokio::time::sleep_until((started + due).into()).await;
        let sent = started.elapsed();
        let Ok(seat) = seats.clone().try_acquire_owned() else {
            shots.lock().unwrap().push(Shot { number, due, sent, ended: sent, heard: None });
            continue;
        };
        let (caller, shots, call) = (caller.clone(), shots.clone(), make(number, due));
        under_way.spawn(async move {
            let heard = Some(caller.call(&call).await);
            drop(seat);
            shots.lock().unwrap().push(Shot { number, due, sent, ended: started.elapsed(), heard });
        });
        while under_way.try_join_next().is_some() {}
    }
    while let Some(ended) = under_way.join_next().await {
        ended.expect("a client does not panic");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Answer, Fake, Manner, Step};
    use bytes::Bytes;

    #[tokio::test]
    async fn a_server_that_stalls_cannot_hide_whom_it_kept_waiting() {
        let fake = Fake::start().await;
        let stall = Duration::from_millis(300);
        fake.on("POST /x", Answer::json(200, "{}").insert(0, Step::Wait(stall)));
        let call = |_, _| Call {
            path: "/x".into(),
            body: Bytes::new(),
            headers: vec![],
            manner: Manner::Read,
            patience: Duration::from_secs(10),
        };
        let shots = Shots::default();
        let plan = Arrivals { per_s: 100, lasts: Duration::from_millis(200), under_way_max: 15 };
        let caller = Arc::new(Caller::new(fake.address()));
        arrive(caller, plan, shots.clone(), call).await;
        let shots = shots.lock().unwrap();
        assert_eq!(shots.len(), 20);
        // Nobody waited for an earlier answer; those above the bound were not sent, and are counted.
        assert_eq!(shots.iter().filter(|s| s.heard.is_none()).count(), 5);
        assert_eq!(fake.seen().len(), 15);
        assert!(shots.iter().filter(|s| s.complete()).all(|s| s.waited() >= stall));
        assert!(shots.iter().all(|s| s.sent >= s.due));
    }
}
