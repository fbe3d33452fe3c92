//! The way of a request. Each step is a file; alphabetical order is the order of execution:
//!
//! 1. [`accept`]: socket, HTTP limits, request id → `Request`
//! 2. [`admit`]: who asks → `Caller`
//! 3. [`ask`]: the dialect's body in canonical form → [`wire::Ask`]
//! 4. [`assess`]: what it needs → [`decide::Need`]
//! 5. [`choose`]: where it goes, in which order, and why → [`decide::Verdict`]
//! 6. [`dispatch`]: attempts along the verdict → `Attempt`
//! 7. [`relay`]: the answer in the caller's dialect → bytes
//! 8. [`settle`]: always last: what it was, cost and led to → [`decide::Record`]
//!
//! A request runs as a task of its own, so that a caller who leaves cancels the work but never `settle`.
//!
//! Never here: the disk, SQL, a user interface; Records leave through [`decide::Outlet`].

mod accept;
mod admit;
mod ask;
mod assess;
mod choose;
mod dispatch;
mod relay;
mod settle;

pub use accept::{Limits, serve};
pub use admit::{Key, Keys};
pub use settle::Metrics;

use arc_swap::ArcSwap;
use backend::Board;
use decide::{Outlet, Policy};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Everything that the way of a request reads, handed in once. Snapshots inside are swapped by their owners.
pub struct Wiring {
    /// Backends and the fleet they publish.
    pub board: Arc<Board>,
    /// The policy in force.
    pub policy: Arc<ArcSwap<Policy>>,
    /// The keys in force; none means an open gateway, which only a loopback address may be.
    pub keys: Arc<ArcSwap<Keys>>,
    /// Where records go.
    pub outlet: Arc<dyn Outlet>,
    /// Limits of requests.
    pub limits: Limits,
    /// Counters and histograms behind `/metrics`.
    pub metrics: Metrics,
    /// Set when shutting down: `/readyz` says 503.
    pub draining: AtomicBool,
}

/// Carries out one request from its body to its record, and answers through `reply`.
async fn answer(wiring: Arc<Wiring>, request: accept::Request, caller: admit::Caller, reply: relay::Reply) {
    let mut account = settle::Account::open(&request, &caller);
    let decided = (|| {
        let ask = ask::read(&request)?;
        let need = assess::need(&ask, &request, &caller)?;
        account.asked(&need, ask.stream);
        let chosen = choose::choose(&need, &wiring);
        account.decided(&chosen.verdict);
        match chosen.fault {
            Some(fault) => Err(fault),
            None => Ok((ask, need, chosen.verdict)),
        }
    })();
    match decided {
        Ok((ask, need, verdict)) => dispatch::run(&wiring, ask, &need, &verdict, account, reply).await,
        Err(fault) => {
            account.refuse(&wiring, &fault);
            reply.fail(&fault, None);
        }
    }
}
