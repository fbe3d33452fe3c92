//! Care for places: whether one more attempt may start, by what the last ones came to. Breakers and pauses, a limit of
//! concurrent work per place, the global budget of further attempts, and the view of this moment for [`decide`].
//!
//! Never here: which place is best (room `decide`), or sending.

mod breaker;
mod budget;
mod limit;
mod options;
mod pause;
mod report;
mod ward;

pub(crate) use options::Work;
pub use options::{CareOptions, Hedge};

use crate::Learned;
use arc_swap::ArcSwap;
use budget::Budget;
use decide::{Belief, Candidate, Cause, Fault, Gate, Live, PlaceId, Retry, Side, Standing, Task, Verdict};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use ward::{End, News, Ticket, Turned, Ward};

/// By place; grown when a place is met, replaced as a whole, read without a lock.
type Wards = HashMap<PlaceId, Arc<Ward>>;

/// What is known of places from their last answers.
#[derive(Debug)]
pub struct Care {
    options: ArcSwap<CareOptions>,
    wards: ArcSwap<Wards>,
    budget: Mutex<Budget>,
    chance: fn() -> u64,
    counted: Counted,
}

/// Events since the start.
#[derive(Debug, Default)]
struct Counted {
    granted: AtomicU64,
    denied: AtomicU64,
    hedges: AtomicU64,
    shed_interactive: AtomicU64,
    shed_batch: AtomicU64,
}

impl Default for Care {
    fn default() -> Care {
        Care::new(CareOptions::default())
    }
}

impl Care {
    /// With nothing known yet.
    pub fn new(options: CareOptions) -> Care {
        Care::with_chance(options, || fastrand::u64(..))
    }

    /// As [`Care::new`], with chance from elsewhere.
    pub fn with_chance(options: CareOptions, chance: fn() -> u64) -> Care {
        Care {
            options: ArcSwap::from_pointee(options),
            wards: ArcSwap::default(),
            budget: Mutex::new(Budget::new(Instant::now())),
            chance,
            counted: Counted::default(),
        }
    }

    /// Other options from now on. What is known of `places` stays known, of others it is forgotten.
    pub fn take_over(&self, options: CareOptions, places: &[PlaceId]) {
        self.options.store(Arc::new(options));
        self.wards.rcu(|now| -> Wards {
            now.iter().filter(|(id, _)| places.contains(id)).map(|(id, ward)| (id.clone(), ward.clone())).collect()
        });
    }

    /// The options in force.
    pub fn options(&self) -> Arc<CareOptions> {
        self.options.load_full()
    }

    /// One more request: it earns its share of the budget of further attempts.
    pub(crate) fn arrived(&self) {
        self.budget().earn(Instant::now());
    }

    /// Whether the budget has one more further attempt; takes it.
    pub(crate) fn may_retry(&self) -> bool {
        let granted = self.budget().spend(Instant::now(), self.options.load().budget());
        let counter = if granted { &self.counted.granted } else { &self.counted.denied };
        counter.fetch_add(1, Ordering::Relaxed);
        granted
    }

    /// Whether and when a second attempt may start beside a first one at `first`: after the time that is configured, and
    /// not before twice the usual wait there. Asks nothing of the budget of further attempts: that is asked when it
    /// starts.
    pub(crate) fn hedge(&self, first: &Candidate) -> Option<Hedge> {
        let hedge = self.options.load().hedge?;
        let usual = self.ward(first, Instant::now()).usual();
        Some(Hedge { after: hedge.after.max(usual * 2), ..hedge })
    }

    /// It was time for a hedge. Counts it where it was started; it took its attempt with [`Care::may_retry`].
    pub(crate) fn hedged(&self, started: bool) {
        self.counted.hedges.fetch_add(u64::from(started), Ordering::Relaxed);
    }

    /// A request ends with this fault. Counts it where it was shed, and says no wait that is longer than a pause.
    pub(crate) fn ends(&self, fault: &mut Fault, work: Work) {
        if fault.cause == Cause::Overloaded {
            let counter = if work.batch { &self.counted.shed_batch } else { &self.counted.shed_interactive };
            counter.fetch_add(1, Ordering::Relaxed);
        }
        // Without pauses what the upstream asked for is passed on as it is.
        let longest = Some(self.options.load().pause_max).filter(|p| !p.is_zero()).map_or(u32::MAX, seconds);
        fault.retry_after_s = fault.retry_after_s.map(|s| s.min(longest));
    }

    /// Leave for an attempt at the `rank`-th candidate.
    ///
    /// # Errors
    /// The place takes none now; the fault says why and when it does, and that the next place may answer.
    pub(crate) fn enter(self: &Arc<Care>, verdict: &Verdict, rank: usize, work: Work) -> Result<Pass, Fault> {
        let Some(candidate) = verdict.order.get(rank) else {
            return Err(Fault::new(Cause::Internal, "An attempt was made at no candidate. Please report this."));
        };
        let (options, now) = (self.options.load(), Instant::now());
        let ward = self.ward(candidate, now);
        let enter = |last| ward.enter(now, work, last, &options);
        let entered = match enter(false) {
            // Whoever has no other place left may try one whose breaker is open before its time.
            Err(Turned { gate: Gate::Open, .. }) if self.is_last(verdict, rank, work, now, &options) => enter(true),
            entered => entered,
        };
        match entered {
            Ok(ticket) => Ok(Pass { care: self.clone(), ward, ticket, place: candidate.place.id.clone(), asked: None }),
            Err(turned) => Err(refusal(candidate, turned)),
        }
    }

    /// Whether every candidate behind the `rank`-th has its breaker open. (Those before it were tried or turned this
    /// request away.) One that is only paused or full will answer soon, and is waited for.
    fn is_last(&self, verdict: &Verdict, rank: usize, work: Work, now: Instant, options: &CareOptions) -> bool {
        verdict.order.iter().skip(rank + 1).all(|c| self.ward(c, now).standing(now, work, options).gate == Gate::Open)
    }

    /// The view of this moment for one request.
    pub(crate) fn view<'c>(&'c self, work: Work, learned: &'c Learned) -> View<'c> {
        View {
            care: self,
            learned,
            work,
            now: Instant::now(),
            wards: self.wards.load_full(),
            options: self.options.load_full(),
        }
    }

    fn ward(&self, candidate: &Candidate, now: Instant) -> Arc<Ward> {
        let id = &candidate.place.id;
        if let Some(ward) = self.wards.load().get(id) {
            return ward.clone();
        }
        let new = Arc::new(Ward::new(now, candidate.place.zone));
        self.wards.rcu(|wards| {
            let mut next = Wards::clone(wards);
            next.entry(id.clone()).or_insert_with(|| new.clone());
            next
        });
        self.wards.load().get(id).cloned().unwrap_or(new)
    }

    fn budget(&self) -> std::sync::MutexGuard<'_, Budget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whole seconds, rounded up, at least one.
fn seconds(rest: Duration) -> u32 {
    u32::try_from(rest.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX).max(1)
}

/// Why a place is not asked now, and when it is.
fn refusal(candidate: &Candidate, turned: Turned) -> Fault {
    let after = seconds(turned.rest);
    let place = &candidate.place.id;
    let (cause, why) = match turned.gate {
        Gate::Full | Gate::Free => (Cause::Overloaded, "has as much work as it can do in good time"),
        Gate::Paused => (Cause::UpstreamBusy, "asked us to wait"),
        Gate::Open => (Cause::NoPlaceReady, "failed repeatedly and is given a moment"),
    };
    let shown = format!("Place `{place}` {why}, and no other may answer. Try again in {after} s.");
    let mut fault = Fault::new(cause, shown).after(after);
    // Not asked is not failed: the fault of an attempt that was made says more.
    (fault.side, fault.retry) = (Side::Us, Retry::NextPlace);
    fault
}

/// Of what a request met so far and a candidate that was not asked, the fault to tell: that of an attempt if there was
/// one, else the one after which it may come back first.
pub(crate) fn tell(last: Option<Fault>, unasked: Fault) -> Fault {
    let wait = |f: &Fault| f.retry_after_s.unwrap_or(u32::MAX);
    match last {
        Some(last) if last.side == Side::Backend || wait(&last) <= wait(&unasked) => last,
        _ => unasked,
    }
}

/// How places stand this moment, for requests of one kind.
pub(crate) struct View<'c> {
    care: &'c Care,
    learned: &'c Learned,
    work: Work,
    now: Instant,
    wards: Arc<Wards>,
    options: Arc<CareOptions>,
}

impl Live for View<'_> {
    fn standing(&self, place: &PlaceId) -> Option<Standing> {
        Some(self.wards.get(place)?.standing(self.now, self.work, &self.options))
    }

    fn chance(&self) -> u64 {
        (self.care.chance)()
    }

    fn evidence(&self, place: &PlaceId, model: &str, task: Task) -> Option<Belief> {
        self.learned.evidence(place, model, task)
    }
}

/// Leave for one attempt. Dropped without [`Pass::ended`] it says nothing about its place.
#[derive(Debug)]
pub(crate) struct Pass {
    care: Arc<Care>,
    ward: Arc<Ward>,
    ticket: Ticket,
    place: PlaceId,
    asked: Option<Duration>,
}

impl Pass {
    /// The first content came.
    pub(crate) fn first(&mut self) {
        let news = self.ward.first(&mut self.ticket, Instant::now(), &self.care.options.load());
        self.say(news);
    }

    /// The place said what went wrong, and perhaps when to come back.
    pub(crate) fn told(&mut self, fault: &Fault) {
        self.asked = fault.retry_after_s.map(|s| Duration::from_secs(s.into()));
    }

    /// How the attempt ended: what went wrong, and how many tokens were written.
    pub(crate) fn ended(mut self, cause: Option<Cause>, output: u64) {
        let end = End { cause, asked: self.asked, output: u32::try_from(output).unwrap_or(u32::MAX) };
        let (options, chance) = (self.care.options.load(), (self.care.chance)());
        let news = self.ward.ended(&mut self.ticket, Instant::now(), &end, &options, chance);
        self.say(news);
    }

    fn say(&self, news: Option<News>) {
        let place = &self.place;
        match news {
            None => {}
            Some(News::Opened) => tracing::warn!(%place, "failed repeatedly: it is left alone for a moment"),
            Some(News::Closed) => tracing::info!(%place, "answers again"),
            Some(News::KeyRefused) => tracing::error!(
                %place,
                "refuses our credentials: no request can succeed there until its api_key is corrected or its account has credit"
            ),
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.ward.leave(&self.ticket, Instant::now());
    }
}
