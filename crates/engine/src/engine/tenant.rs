//! One model of the engine as requests see it: asked for, waited for, leased for as long as an answer takes.
//!
//! Never here: the worker's life (`supervise`), what a request says (`request`).

use super::ledger::{Entered, Ledger};
use super::link::Link;
use super::process::Program;
use super::seat::{Bounds, Seat, State};
use super::{elsewhere, supervise};
use crate::QUEUE_MAX;
use crate::spec::ModelSpec;
use crate::tally::Tally;
use decide::{Cause, Fault, PlaceId};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

/// A model and the task that keeps its worker. Dropping it kills the worker.
pub(super) struct Tenant {
    pub(super) seat: Arc<Seat>,
    /// What its requests took, over the lives of all its workers.
    pub(super) tally: Arc<Tally>,
    /// `None` where there can be no worker.
    keeper: Option<JoinHandle<()>>,
}

impl Tenant {
    /// A model in the books of `ledger`, with a keeper unless this build or this thread can have none.
    pub(super) fn start(
        place: PlaceId,
        id: Arc<str>,
        spec: ModelSpec,
        program: Arc<Program>,
        ledger: Arc<Ledger>,
        bounds: Bounds,
    ) -> Arc<Tenant> {
        let bell = Arc::<Notify>::default();
        let key = ledger.join(Arc::clone(&id), Arc::clone(&bell));
        let runtime = match (cfg!(feature = "llama"), Handle::try_current()) {
            (false, _) => Err(crate::NO_ENGINE.to_owned()),
            (true, Err(e)) => Err(format!("The embedded engine was started outside its runtime: {e}.")),
            (true, Ok(runtime)) => Ok(runtime),
        };
        let state = match &runtime {
            Err(why) => State::Down(why.clone(), Instant::now()),
            Ok(_) if spec.preload => State::Loading(0),
            Ok(_) => State::Unloaded,
        };
        let (state, stop) = (watch::Sender::new(state), watch::Sender::new(false));
        let seat = Arc::new(Seat { place, id, spec, program, ledger, key, bell, state, stop, bounds });
        let keeper = runtime.ok().map(|r| r.spawn(supervise::run(Arc::clone(&seat))));
        Arc::new(Tenant { seat, tally: Arc::default(), keeper })
    }

    /// The worker, once it is loaded, for as long as the lease is held.
    ///
    /// # Errors
    /// The model is down, too many wait already, or `until` has passed.
    pub(super) async fn lease(self: &Arc<Self>, until: Instant) -> Result<Lease, Fault> {
        let seat = &self.seat;
        let mut state = seat.state.subscribe();
        let mut ticket = Ticket { tenant: Arc::clone(self), holds: Holds::Nothing };
        loop {
            match &*state.borrow_and_update() {
                State::Stopped => return Err(Fault::new(Cause::Engine, "The embedded engine was shut down.")),
                State::Down(why, again) => self.refuse(why, *again)?,
                _ => {}
            }
            if ticket.enter()? {
                let link = match &*seat.state.borrow() {
                    State::Ready(link) => Some(Arc::clone(link)),
                    _ => None,
                };
                match link {
                    Some(link) => return Ok(Lease { link, _ticket: ticket }),
                    // It died just now.
                    None => ticket.release(),
                }
                continue;
            }
            match timeout_at(until, state.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(Fault::new(Cause::Engine, "The embedded engine has ended.")),
                Err(_) => return Err(self.late()),
            }
        }
    }

    /// The reason why it is down, unless it may be tried again by now.
    fn refuse(&self, why: &str, again: Instant) -> Result<(), Fault> {
        let pause = again.saturating_duration_since(Instant::now());
        if self.keeper.is_some() && pause.is_zero() {
            return Ok(());
        }
        let fault = Fault::new(Cause::Engine, why);
        let seconds = u32::try_from(pause.as_secs_f64().ceil() as u64).unwrap_or(u32::MAX);
        Err(if seconds > 0 { fault.after(seconds) } else { fault })
    }

    /// Why a request that waited got no worker in time.
    fn late(&self) -> Fault {
        let id = &self.seat.id;
        let text = match &*self.seat.state.borrow() {
            State::Loading(permille) => {
                format!("The embedded engine is still loading its model {id} ({} %). Try again soon.", permille / 10)
            }
            State::Ready(_) | State::Queued => format!(
                "The model {id} waits for memory that others use: {}. Try again soon, or give the embedded engine more \
                 memory.",
                self.seat.ledger.holders()
            ),
            _ => format!("The embedded engine is still loading its model {id}. Try again soon."),
        };
        elsewhere(Cause::Timeout, text).after(2)
    }

    /// The model stays so long without requests, from now until it is unloaded; `None` is for ever.
    pub(super) fn keep(&self, keep: Option<Duration>) {
        self.seat.ledger.keep(self.seat.key, keep);
    }

    /// Ends the worker; returns when the process is gone.
    pub(super) async fn shutdown(&self) {
        self.seat.stop.send_replace(true);
        if self.keeper.is_some() {
            let _ = self.seat.state.subscribe().wait_for(|s| matches!(s, State::Stopped)).await;
        }
    }
}

impl Drop for Tenant {
    /// The keeper owns the worker process, which is killed with it.
    fn drop(&mut self) {
        if let Some(keeper) = &self.keeper {
            keeper.abort();
        }
    }
}

/// A worker that is not unloaded while this is held.
pub(super) struct Lease {
    pub(super) link: Arc<Link>,
    _ticket: Ticket,
}

/// What a request has in the ledger; given back when dropped.
struct Ticket {
    tenant: Arc<Tenant>,
    holds: Holds,
}

#[derive(PartialEq, Eq)]
enum Holds {
    Nothing,
    Waiting,
    Active,
}

impl Ticket {
    /// Whether the worker may be used; if not, the request is counted among those that wait.
    fn enter(&mut self) -> Result<bool, Fault> {
        let seat = &self.tenant.seat;
        self.holds = match seat.ledger.enter(seat.key, self.holds == Holds::Waiting) {
            Entered::Active => Holds::Active,
            Entered::Waiting => Holds::Waiting,
            Entered::Full => {
                let text = format!("{QUEUE_MAX} requests wait for the model {} already. Try again soon.", seat.id);
                return Err(Fault::new(Cause::UpstreamBusy, text).after(2));
            }
        };
        Ok(self.holds == Holds::Active)
    }

    fn release(&mut self) {
        let seat = &self.tenant.seat;
        match std::mem::replace(&mut self.holds, Holds::Nothing) {
            Holds::Nothing => {}
            Holds::Waiting => seat.ledger.gave_up(seat.key),
            Holds::Active => seat.ledger.done(seat.key),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.release();
    }
}
