//! Step 6: attempts along the verdict. Room in the ledger first, then a permit, then the backend; the next candidate
//! when this one fails before the first content, and a second one beside it where hedging is on and it is slow. Chooses
//! nothing itself.
//!
//! Never here: an order of its own, or an attempt without a permit.

mod advice;
mod aside;
mod bring;
mod cascade;
mod hold;
mod lessons;
mod money;
mod race;
mod veil;

pub(crate) use aside::aside;
pub(crate) use cascade::is_better;

use crate::beside::BESIDE_BYTES;
use crate::care::{self, Pass, Work};
use crate::relay::{self, Brought, Reply, shutting_down};
use crate::settle::{Account, Attempt, Meterage};
use crate::{Judged, Wiring, spend};
use backend::{Deadlines, Entry};
use bring::{Launch, bring};
use budget::Hold;
use decide::{Candidate, Cause, DataClass, Fault, Nanousd, Permit, Retry, Slot, Verdict};
use money::{costs_at_most, is_paid};
use race::{Lane, Race};
use redact::Vault;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use veil::Veil;
use wire::Ask;

/// Tries the candidates in order until one brings content, and relays it.
pub(crate) async fn run(wiring: &Wiring, judged: &Judged, account: &mut Account, mut reply: Reply) {
    wiring.care.arrived();
    let mut way = Way::new(wiring, judged);
    let mut end = way.first_content(account, &mut reply).await;
    if cascade::matters(&way, &end) {
        // Boxed: a request whose answer is not held back has no room for it.
        end = Box::pin(cascade::look(&mut way, end, account, &mut reply)).await;
    }
    match end {
        End::Content(attempt, brought) => {
            if let Some(above) = attempt.redacted_above {
                reply.redacted(&judged.need.found, above);
            }
            relay::relay(wiring, &judged.ask, way.due, brought, attempt, account, reply).await;
        }
        End::Left => {}
        End::Failed(mut fault) => {
            wiring.care.ends(&mut fault, way.work);
            if !account.has_attempts() {
                account.refuse(wiring, &fault);
            }
            reply.fail(&fault, account.last_place());
        }
    }
}

/// How the attempts came out.
#[expect(clippy::large_enum_variant, reason = "as with `Turn`: one at a time, and nearly always the large one")]
enum End<'v> {
    /// One brought content.
    Content(Attempt<'v>, Brought),
    /// The caller went away; all are settled.
    Left,
    /// None did; all are settled.
    Failed(Fault),
}

/// What happened next while attempts are under way.
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time, on the stack of its request; a box would cost every attempt"
)]
enum Turn<'v> {
    Came(Attempt<'v>, Result<Brought, Fault>),
    /// The first attempt is slow enough for a second one.
    Slow,
    Left,
    Cut,
}

/// The way along the candidates of one verdict.
struct Way<'v> {
    wiring: &'v Wiring,
    judged: &'v Judged,
    verdict: &'v Verdict,
    veil: Veil,
    /// The class above which a large request has to be masked before it can go on.
    unmasked: Option<DataClass>,
    /// What the request is to a place.
    work: Work,
    /// Those that may be tried: all, or the first one only.
    order: &'v [Candidate],
    /// The next one.
    rank: usize,
    /// Attempts begun, and the most that may be.
    begun: usize,
    most: usize,
    deadlines: Deadlines,
    /// When the whole request has to be over.
    due: Instant,
    /// Why the last attempt failed, and why the last candidate was passed over.
    failed: Option<Fault>,
    passed: Option<Fault>,
    /// Where the answer came from that is doubted: the next one has to be clearly better.
    above: Option<&'v Candidate>,
    /// The next attempt follows from a doubt and not from a failure: the budget of further attempts is not for it.
    meant: bool,
}

impl<'v> Way<'v> {
    fn new(wiring: &'v Wiring, judged: &'v Judged) -> Way<'v> {
        let verdict = &judged.verdict;
        let alone = judged.need.no_fallback;
        let most = if alone { 1 } else { usize::from(wiring.policy.load().attempts_max.max(1)) };
        Way {
            wiring,
            judged,
            verdict,
            veil: Veil::default(),
            unmasked: None,
            work: Work::of(&judged.need, judged.ask.stream),
            order: if alone { verdict.order.get(..1).unwrap_or_default() } else { &verdict.order },
            rank: 0,
            begun: 0,
            most,
            deadlines: judged.deadlines,
            due: Instant::now() + judged.deadlines.total,
            failed: None,
            passed: None,
            above: None,
            meant: false,
        }
    }

    /// Attempts until one brings content.
    async fn first_content(&mut self, account: &mut Account, reply: &mut Reply) -> End<'v> {
        let wiring = self.wiring;
        let (lead, rival) = (pin!(None), pin!(None));
        let mut race = Race::new([Lane::new(lead), Lane::new(rival)]);
        let Some((attempt, launch)) = self.start(account, None).await else {
            return End::Failed(self.verdict_of_all());
        };
        let hedge = wiring
            .care
            .hedge(attempt.candidate)
            .filter(|_| self.judged.ask.stream && !self.work.batch && self.most > 1);
        let mut slow = pin!(hedge.map(|h| tokio::time::sleep(h.after)));
        race.start(attempt, bring(launch));
        loop {
            let started = match turn(wiring, &mut race, reply, slow.as_mut().as_pin_mut()).await {
                Turn::Came(mut attempt, Ok(brought)) => {
                    if let Brought::Stream(..) = brought {
                        attempt.began();
                    }
                    race.stop(|other| reply.charged(other.outrun(wiring, account)));
                    return End::Content(attempt, brought);
                }
                Turn::Came(attempt, Err(fault)) => {
                    if !self.fell(attempt, account, fault, reply) {
                        race.stop(|other| reply.charged(other.outrun(wiring, account)));
                        return End::Failed(self.verdict_of_all());
                    }
                    if race.is_over() { self.start(account, None).await } else { None }
                }
                Turn::Slow => {
                    slow.set(None);
                    let second = self.start(account, hedge.map(|h| h.cost_max)).await;
                    wiring.care.hedged(second.is_some());
                    second
                }
                Turn::Left => {
                    race.stop(|attempt| reply.charged(attempt.cancelled(wiring, account, &Meterage::default())));
                    return End::Left;
                }
                Turn::Cut => {
                    let fault = shutting_down();
                    race.stop(|attempt| reply.charged(attempt.failed(wiring, account, &Meterage::default(), &fault)));
                    return End::Failed(fault);
                }
            };
            if let Some((attempt, launch)) = started {
                race.start(attempt, bring(launch));
            } else if race.is_over() {
                return End::Failed(self.verdict_of_all());
            }
        }
    }

    /// As [`Way::next`], with what is large masked meanwhile beside the threads that serve.
    async fn start(&mut self, account: &mut Account, cost_max: Option<Nanousd>) -> Option<(Attempt<'v>, Launch)> {
        let mut started = self.next(account, cost_max);
        while let Some(above) = self.unmasked.take() {
            self.veil.prepare(self.wiring, self.judged, above).await;
            started = self.next(account, cost_max);
        }
        started
    }

    /// The next candidate that may be tried, ready to be sent; none when there is none, when the attempts, the time or the
    /// budget are used up, or when it is to cost more than `cost_max`.
    fn next(&mut self, account: &mut Account, cost_max: Option<Nanousd>) -> Option<(Attempt<'v>, Launch)> {
        while self.begun < self.most {
            let candidate = self.order.get(self.rank)?;
            let left = self.due.saturating_duration_since(Instant::now());
            if left.is_zero() || cost_max.is_some_and(|max| !costs_at_most(candidate, max)) {
                return None;
            }
            let rank = self.rank;
            self.rank += 1;
            if self.above.is_some_and(|above| !cascade::is_better(candidate, above)) {
                continue;
            }
            match self.leave(candidate, rank, account) {
                Ok(_) if self.begun > 0 && !self.meant && !self.wiring.care.may_retry() => return None,
                Ok(leave) => return Some(self.begin(account, candidate, leave, left)),
                Err(_) if self.unmasked.is_some() => {
                    self.rank = rank;
                    return None;
                }
                Err(fault) => self.passed = Some(care::tell(self.passed.take(), fault)),
            }
        }
        None
    }

    /// Everything that one attempt needs before it may begin. What refuses one candidate may let the next one pass.
    fn leave(&mut self, candidate: &Candidate, rank: usize, account: &Account) -> Result<Leave, Fault> {
        let wiring = self.wiring;
        let slot = wiring.outlet.reserve(is_paid(candidate) || account.strict()).map_err(|_| {
            let shown = "The ledger takes no more records, and nothing is answered unrecorded. Try again in a moment; the operator sees why in the log.";
            Fault::new(Cause::LedgerUnavailable, shown).after(1)
        })?;
        let entry = wiring.board.entry(&candidate.place.id).ok_or_else(|| {
            let shown = format!("The place {} was removed from the configuration.", candidate.place.id);
            Fault::new(Cause::NoPlaceReady, shown)
        })?;
        let permit = decide::permit(self.verdict, rank, &wiring.board.fleet(), &wiring.policy.load());
        let permit = permit.map_err(|why| {
            Fault::new(Cause::PolicyDenied, format!("{}/{} {why}.", candidate.place.id, candidate.model.id))
        })?;
        let hold = spend::reserve(account, candidate, &self.judged.ask, &self.judged.need)?;
        let (ask, vault) = match permit.redact_above() {
            None => (self.judged.ask.clone(), None),
            Some(above) => {
                if self.judged.bytes > BESIDE_BYTES && !self.veil.has(above) {
                    self.unmasked = Some(above);
                    return Err(Fault::new(Cause::Internal, "it has to be masked first"));
                }
                let masked = self.veil.masked(wiring, self.judged, above)?;
                (masked.ask, Some(masked.vault))
            }
        };
        let pass = wiring.care.enter(self.verdict, rank, self.work)?;
        Ok(Leave { slot, entry, permit, hold, pass, ask, vault })
    }

    /// Begins an attempt: from here on the ledger knows of it.
    fn begin(
        &mut self,
        account: &mut Account,
        candidate: &'v Candidate,
        leave: Leave,
        left: Duration,
    ) -> (Attempt<'v>, Launch) {
        let Leave { slot, entry, permit, hold, pass, mut ask, vault } = leave;
        self.begun += 1;
        self.meant = false;
        cascade::sign(self, candidate, &mut ask);
        let deadlines = Deadlines { total: self.deadlines.total.min(left), ..self.deadlines };
        let unknown = self.wiring.metrics.unknown.clone();
        let restoring = vault.map(|vault| (vault, unknown));
        let redacted_above = permit.redact_above();
        let launch = Launch { backend: entry.backend.clone(), permit, deadlines, ask, restoring };
        let mut attempt = Attempt::begin(account, candidate, entry, slot, pass, hold);
        attempt.redacted_above = redacted_above;
        attempt.sending(account);
        (attempt, launch)
    }

    /// An attempt failed before any content. Gives back whether another one may help.
    fn fell(&mut self, attempt: Attempt<'v>, account: &Account, fault: Fault, reply: &mut Reply) -> bool {
        if fault.cause == Cause::Connect {
            self.wiring.board.suspect(&attempt.candidate.place.id);
        }
        let seen = Meterage::before_content(&fault);
        self.broke(attempt, account, (fault, &seen), reply)
    }

    /// An attempt failed before the caller saw anything of it. Gives back whether another one may help.
    fn broke(
        &mut self,
        attempt: Attempt<'v>,
        account: &Account,
        (fault, seen): (Fault, &Meterage),
        reply: &mut Reply,
    ) -> bool {
        reply.charged(attempt.failed(self.wiring, account, seen, &fault));
        let go_on = fault.retry == Retry::NextPlace;
        self.failed = Some(fault);
        go_on
    }

    /// What to tell the caller: what went wrong where something was tried, else why nothing could be.
    fn verdict_of_all(&mut self) -> Fault {
        self.failed.take().or(self.passed.take()).unwrap_or_else(|| {
            Fault::new(Cause::NoPlaceReady, "No place was left to try. Try again in a moment.").after(1)
        })
    }
}

/// What one attempt holds before it begins. Dropped, it gives everything back.
struct Leave {
    slot: Box<dyn Slot>,
    entry: Entry,
    permit: Permit,
    /// The money set aside for it.
    hold: Option<Hold>,
    pass: Pass,
    /// The request as this place may see it.
    ask: Arc<Ask>,
    /// What puts back what was taken out of it.
    vault: Option<Arc<Vault>>,
}

/// Waits for what happens next.
async fn turn<'v, F: Future<Output = Result<Brought, Fault>>>(
    wiring: &Wiring,
    race: &mut Race<'_, 'v, F>,
    reply: &mut Reply,
    slow: Option<Pin<&mut tokio::time::Sleep>>,
) -> Turn<'v> {
    tokio::select! {
        biased;
        (attempt, brought) = race.next() => Turn::Came(attempt, brought),
        () = reply.left() => Turn::Left,
        () = wiring.cut.made() => Turn::Cut,
        () = async { match slow { Some(sleep) => sleep.await, None => std::future::pending().await } } => Turn::Slow,
    }
}
