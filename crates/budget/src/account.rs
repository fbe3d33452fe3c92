//! One account: an organisation, a team or a key, with what it may and what it did spend.
//!
//! Never here: several accounts at once (`purse`).

use crate::bucket::Bucket;
use crate::meter::Meter;
use crate::{Pace, Period, Window};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What an account is of. The order is that of locking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// An organisation.
    Organisation,
    /// A team.
    Team,
    /// A key.
    Key,
}

impl Level {
    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Level::Organisation => "organisation",
            Level::Team => "team",
            Level::Key => "key",
        }
    }
}

/// Which account.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId {
    /// What it is of.
    pub level: Level,
    /// Its name, unique among those of the level.
    pub name: Arc<str>,
}

impl AccountId {
    /// The account of `name`.
    pub fn new(level: Level, name: &str) -> AccountId {
        AccountId { level, name: Arc::from(name) }
    }
}

/// What happens as a budget comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnBudget {
    /// Above the soft share the cheapest that may answer comes first; at the limit requests are refused.
    #[default]
    Degrade,
    /// Nothing until the limit; there requests are refused.
    Refuse,
}

/// What an account may. The default is no limit at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terms {
    /// Nano-dollars for each of [`Period::ALL`]; `None` is no budget for it.
    pub budget_nanousd: [Option<i64>; 3],
    /// Share of a budget, per mille, from which on [`OnBudget::Degrade`] counts.
    pub soft_permille: u16,
    /// What happens as a budget comes to its end.
    pub on_budget: OnBudget,
    /// Whether money weighs more while it is spent faster than it would last ([`Pace`]).
    pub pace: bool,
    /// Requests per minute.
    pub requests_per_minute: Option<u64>,
    /// Tokens per minute, of prompts and answers together.
    pub tokens_per_minute: Option<u64>,
}

impl Terms {
    /// Whether there is a budget in money.
    pub fn has_budget(&self) -> bool {
        self.budget_nanousd.iter().any(Option::is_some)
    }
}

/// How one period of one account stands, nano-dollars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Whose.
    pub account: AccountId,
    /// Which period.
    pub period: Period,
    /// Its window of now.
    pub window: Window,
    /// The budget; `None` is none.
    pub limit_nanousd: Option<i64>,
    /// Settled in the window.
    pub spent_nanousd: i64,
    /// Reserved for attempts under way.
    pub reserved_nanousd: i64,
    /// Of what was settled, what providers billed above what had been reserved.
    pub over_nanousd: i64,
}

/// One account.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) id: AccountId,
    state: Mutex<State>,
}

/// What is under the lock.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) terms: Terms,
    /// One for each of [`Period::ALL`], with and without a budget: a budget that is set later finds what was spent.
    pub(crate) meters: [Meter; 3],
    /// One for each budget that is to last.
    paces: [Option<Pace>; 3],
    pub(crate) requests: Bucket,
    pub(crate) tokens: Bucket,
}

impl Account {
    pub(crate) fn new(id: AccountId, terms: Terms, now_ms: u64) -> Account {
        let meters = Period::ALL.map(|period| Meter::new(period, now_ms));
        let (requests, tokens) = (Bucket::default(), Bucket::default());
        let mut state = State { terms, meters, paces: [None, None, None], requests, tokens };
        state.renew(terms);
        Account { id, state: Mutex::new(state) }
    }

    /// Nothing that holds it can panic half-way through a change.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How its periods stand.
    pub(crate) fn standings(&self, now_ms: u64) -> [Standing; 3] {
        let mut state = self.state();
        state.roll(now_ms);
        let limits = state.terms.budget_nanousd;
        let mut at = 0;
        Period::ALL.map(|period| {
            let sums = *state.meters[at].current();
            let limit_nanousd = limits[at];
            at += 1;
            Standing {
                account: self.id.clone(),
                period,
                window: sums.window,
                limit_nanousd,
                spent_nanousd: sums.spent,
                reserved_nanousd: sums.reserved,
                over_nanousd: sums.over,
            }
        })
    }
}

impl State {
    /// Goes over to the windows of `at_ms`.
    pub(crate) fn roll(&mut self, at_ms: u64) {
        for ((meter, pace), limit) in self.meters.iter_mut().zip(&mut self.paces).zip(self.terms.budget_nanousd) {
            if meter.roll(at_ms)
                && let (Some(pace), Some(limit)) = (pace, limit)
            {
                let window = meter.current().window;
                pace.renew(limit, window.start_ms / 1_000, window.end_ms / 1_000);
            }
        }
    }

    /// Takes over new terms. What the pace of a budget has learnt stays.
    pub(crate) fn renew(&mut self, terms: Terms) {
        self.terms = terms;
        for ((meter, pace), limit) in self.meters.iter().zip(&mut self.paces).zip(terms.budget_nanousd) {
            let Some(limit) = limit.filter(|_| terms.pace) else {
                *pace = None;
                continue;
            };
            let window = meter.current().window;
            let (from, until) = (window.start_ms / 1_000, window.end_ms / 1_000);
            match pace {
                Some(pace) => pace.renew(limit, from, until),
                None => *pace = Some(Pace::new(limit, from, until)),
            }
        }
    }

    /// Tells the paces what is spent in the windows of now by `at_ms`.
    fn observe(&mut self, at_ms: u64) {
        for (meter, pace) in self.meters.iter().zip(&mut self.paces) {
            let sums = meter.current();
            if let Some(pace) = pace.as_mut().filter(|_| sums.window.contains(at_ms)) {
                pace.observe(sums.spent, at_ms / 1_000);
            }
        }
    }

    /// What money weighs above its face value, per mille: the most of all its budgets.
    pub(crate) fn thrift_permille(&self, at_ms: u64) -> u32 {
        self.paces.iter().flatten().map(|p| p.thrift_permille(at_ms / 1_000)).max().unwrap_or(0)
    }

    /// The first moment that every period still keeps.
    pub(crate) fn oldest_ms(&self) -> u64 {
        self.meters.iter().map(Meter::oldest_ms).max().unwrap_or(0)
    }

    /// Adds to what is reserved for requests of `at_ms`.
    pub(crate) fn reserve(&mut self, at_ms: u64, nanousd: i64) {
        for meter in &mut self.meters {
            if let Some(sums) = meter.sums(at_ms) {
                sums.reserved = sums.reserved.saturating_add(nanousd);
            }
        }
    }

    /// Puts `charge` in the place of what was reserved.
    pub(crate) fn settle(&mut self, at_ms: u64, reserved: i64, charge: i64) {
        for meter in &mut self.meters {
            if let Some(sums) = meter.sums(at_ms) {
                sums.reserved = sums.reserved.saturating_sub(reserved);
                sums.spent = sums.spent.saturating_add(charge);
                sums.over = sums.over.saturating_add(charge.saturating_sub(reserved).max(0));
            }
        }
        if charge > 0 {
            self.observe(at_ms);
        }
    }

    /// Adds what was settled elsewhere by `by_ms`.
    pub(crate) fn past(&mut self, at_ms: u64, by_ms: u64, charge: i64) {
        for meter in &mut self.meters {
            if let Some(sums) = meter.sums(at_ms) {
                sums.spent = sums.spent.saturating_add(charge);
            }
        }
        self.observe(by_ms);
    }

    /// The budget that has no room for `nanousd` more and comes back last, if there is one.
    pub(crate) fn short_of(&self, at_ms: u64, nanousd: i64) -> Option<(Period, Window)> {
        let budgets = Period::ALL.into_iter().zip(&self.meters).zip(self.terms.budget_nanousd);
        let short = budgets.filter_map(|((period, meter), limit)| {
            let sums = meter.checked(at_ms);
            let fits = limit.is_none_or(|limit| sums.used().saturating_add(nanousd) <= limit);
            (!fits).then_some((period, sums.window))
        });
        short.max_by_key(|(_, window)| window.end_ms)
    }

    /// Whether a budget is used up to its soft share and wants cheaper places.
    pub(crate) fn degrades(&self, at_ms: u64) -> bool {
        self.terms.on_budget == OnBudget::Degrade
            && self.meters.iter().zip(self.terms.budget_nanousd).any(|(meter, limit)| {
                limit.is_some_and(|limit| {
                    let soft = i128::from(limit) * i128::from(self.terms.soft_permille);
                    i128::from(meter.checked(at_ms).used()) * 1_000 >= soft
                })
            })
    }
}
