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
//! Beside the steps stand [`care`], what dispatch asks before an attempt and settle tells after it, and [`spend`], what the budgets and
//! limits of a key let it do.
//!
//! A request runs as a task of its own, so that a caller who leaves cancels the work but never `settle`.
//!
//! Never here: the disk, SQL, a user interface; Records leave through [`decide::Outlet`].

mod accept;
mod admit;
mod ask;
mod assess;
mod beside;
mod care;
mod choose;
mod cut;
mod dispatch;
mod guard;
mod learned;
mod relay;
mod settle;
mod spend;

pub use accept::{Door, Limits, serve};
pub use admit::{Key, Keys};
pub use care::{Care, CareOptions, Hedge};
pub use cut::Cut;
pub use guard::{Guard, Reader, SECOND_READER, Second};
pub use learned::Learned;
pub use settle::Metrics;

use arc_swap::ArcSwap;
use backend::{Board, Deadlines};
use bytes::Bytes;
use decide::{Fault, Need, Outlet, Policy, Verdict, Witness};
use futures_util::FutureExt;
use http::HeaderMap;
use sense::Inspection;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;
use wire::{Ask, Endpoint};

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
    /// The detectors in force, and the key behind placeholders.
    pub guard: Arc<ArcSwap<Guard>>,
    /// Where decisions are told, for auditors.
    pub witness: Arc<dyn Witness>,
    /// Limits of requests.
    pub limits: Limits,
    /// Counters and histograms behind `/metrics`.
    pub metrics: Metrics,
    /// What is known of places from their last answers: breakers, pauses, limits, and the budget of further attempts.
    pub care: Arc<Care>,
    /// Set when shutting down: `/readyz` says 503.
    pub draining: AtomicBool,
    /// What the connections of clients share.
    pub door: Arc<Door>,
    /// Made when the time for requests under way is over: each ends with an error, settled on what was seen.
    pub cut: Cut,
    /// What was learned of models.
    pub learned: Arc<Learned>,
}

/// What step 1 gives: one request to an endpoint that models answer.
pub(crate) struct Request {
    /// `x-request-id`: the caller's, or ours.
    pub(crate) id: Arc<str>,
    /// A number of ours, time-ordered (ULID layout).
    pub(crate) number: u128,
    /// Endpoint.
    pub(crate) endpoint: Endpoint,
    /// Headers as sent.
    pub(crate) headers: HeaderMap,
    /// The whole body.
    pub(crate) body: Bytes,
    /// When it arrived, for durations.
    pub(crate) arrived: Instant,
    /// When it arrived, for the ledger.
    pub(crate) arrived_unix_ms: u64,
}

/// What steps 3 to 5 give: everything that is known before anything is sent.
pub(crate) struct Judged {
    /// What is asked.
    pub(crate) ask: Arc<Ask>,
    /// What it needs.
    pub(crate) need: Need,
    /// What detectors found in it, and where.
    pub(crate) seen: Inspection,
    /// Whose conversation it belongs to: inside it the same value has the same placeholder.
    pub(crate) conversation: String,
    /// Where it may go.
    pub(crate) verdict: Arc<Verdict>,
    /// How long it may take: `total` over all attempts.
    pub(crate) deadlines: Deadlines,
    /// Bytes of its body.
    pub(crate) bytes: usize,
}

/// Carries out one request from its body to its record, and answers through `reply`. A panic on the way costs this
/// request only: it is recorded, and step 1 answers for it.
async fn answer(wiring: Arc<Wiring>, request: Request, caller: admit::Caller, reply: relay::Reply) {
    let mut account = settle::Account::open(&request, &caller);
    // Boxed: the future is large, and spawning, catching and finishing would each copy it.
    let way = AssertUnwindSafe(Box::pin(walk(&wiring, &request, &caller, &mut account, reply)));
    if way.catch_unwind().await.is_err() {
        account.panicked(&wiring);
    }
    account.close(&wiring);
    account.counted();
}

/// Steps 3 to 8.
async fn walk(
    wiring: &Wiring,
    request: &Request,
    caller: &admit::Caller,
    account: &mut settle::Account,
    mut reply: relay::Reply,
) {
    match judge(wiring, request, caller, account, &mut reply).await {
        Ok(judged) => match account.written().await {
            Ok(()) => dispatch::run(wiring, &judged, account, reply).await,
            Err(fault) => {
                account.refuse(wiring, &fault);
                reply.fail(&fault, None);
            }
        },
        Err(fault) => {
            account.refuse(wiring, &fault);
            reply.fail(&fault, None);
        }
    }
}

/// Steps 3 to 5.
async fn judge(
    wiring: &Wiring,
    request: &Request,
    caller: &admit::Caller,
    account: &mut settle::Account,
    reply: &mut relay::Reply,
) -> Result<Judged, Fault> {
    let ask = Arc::new(ask::read(request)?);
    let (mut need, patience) = assess::need(&ask, request, caller)?;
    need.unpriced = wiring.policy.load().unpriced;
    spend::advise(caller, &mut need, request.arrived_unix_ms);
    account.asked(&need, ask.stream);
    if caller.key.is_some() {
        caller.may_ask(&need.model, &wiring.policy.load())?;
    }
    account.admitted(spend::admit(caller, &ask, &need, request.arrived_unix_ms)?);
    let guard = wiring.guard.load_full();
    let seen = guard::inspect(&guard, &ask, request.body.len()).await;
    need.found = seen.found.clone();
    need.at_unix_s = request.arrived_unix_ms / 1_000;
    let mut deadlines = patience.tighten(wiring.limits.deadlines, ask.stream);
    account.route(&wiring.policy.load());
    let mut chosen = choose::choose(&need, ask.stream, wiring);
    if let Some(second) = guard.second.as_ref().filter(|second| second.matters(&chosen.verdict)) {
        // Boxed: a request that is not read by a model has no room for it.
        Box::pin(second.read(wiring, (&guard, &ask), (&mut need, &mut deadlines), account, reply)).await?;
        chosen = choose::choose(&need, ask.stream, wiring);
    }
    wiring.metrics.findings(&need.found);
    reply.classed(chosen.verdict.class);
    account.tell(wiring, &ask, &need, &mut chosen)?;
    account.decided(&chosen.verdict);
    match chosen.fault {
        Some(fault) => Err(fault),
        None => {
            let conversation = if seen.fields.is_empty() { String::new() } else { assess::conversation(&need, caller) };
            let bytes = request.body.len();
            Ok(Judged { ask, need, seen, conversation, verdict: chosen.verdict, deadlines, bytes })
        }
    }
}
