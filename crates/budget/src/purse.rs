//! The accounts that one key spends from, and every step that concerns all of them.
//!
//! Never here: words for a caller.

use crate::account::{Account, State};
use crate::{Level, Period, Window};
use std::sync::{Arc, MutexGuard};

/// At most one account of each level.
const LEVELS: usize = 3;

/// The accounts that one key spends from, in the order of locking. Cheap to copy.
#[derive(Debug, Clone)]
pub struct Purse {
    pub(crate) accounts: Arc<[Arc<Account>]>,
}

/// No budget has room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Whose budget.
    pub level: Level,
    /// Its name.
    pub name: Arc<str>,
    /// Which of its budgets: of several without room, the one that comes back last.
    pub period: Period,
    /// Its window; a new one begins at the end.
    pub window: Window,
}

/// What is limited per minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Requests.
    Requests,
    /// Tokens.
    Tokens,
}

/// A limit per minute is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limited {
    /// Whose limit.
    pub level: Level,
    /// Its name.
    pub name: Arc<str>,
    /// Of what.
    pub what: What,
    /// The limit per minute.
    pub limit: u64,
    /// Milliseconds until it fits; `None`: it is more than a minute's worth and never will.
    pub wait_ms: Option<u64>,
}

/// How one limit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Per minute.
    pub limit: u64,
    /// What fits now.
    pub remaining: u64,
    /// Milliseconds until all of it fits.
    pub reset_ms: u64,
}

/// The tightest limits of a purse: of several levels the one with the least left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rates {
    /// Requests.
    pub requests: Option<Rate>,
    /// Tokens.
    pub tokens: Option<Rate>,
}

/// What budgets say to the choice of a place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mood {
    /// A budget is used up to its soft share: cheaper places go first.
    pub degrade: bool,
    /// What money weighs above its face value, per mille: the most of all budgets, so that each lasts.
    pub thrift_permille: u32,
    /// Whose budget that is (`team:lab`), where it is more than nothing.
    pub thrift_of: Option<Arc<str>>,
}

impl Purse {
    /// `None` without accounts. Of two accounts of one level the first counts.
    pub(crate) fn new(mut accounts: Vec<Arc<Account>>) -> Option<Purse> {
        accounts.sort_by_key(|a| a.id.level);
        accounts.dedup_by_key(|a| a.id.level);
        (!accounts.is_empty()).then(|| Purse { accounts: accounts.into() })
    }

    /// How the limits per minute stand; all `None` where there is none.
    pub fn rates(&self, now_ms: u64) -> Rates {
        let mut rates = Rates::default();
        for account in self.accounts.iter() {
            for (what, limit, bucket, _) in account.state().limits(0) {
                bucket.drain(limit, now_ms);
                let rate = Rate { limit, remaining: bucket.remaining(limit), reset_ms: bucket.reset_ms(limit) };
                let tightest = match what {
                    What::Requests => &mut rates.requests,
                    What::Tokens => &mut rates.tokens,
                };
                if tightest.is_none_or(|t| rate.remaining < t.remaining) {
                    *tightest = Some(rate);
                }
            }
        }
        rates
    }

    /// What its budgets say to a request that arrived at `at_ms`.
    pub fn mood(&self, at_ms: u64) -> Mood {
        let mut mood = Mood::default();
        for account in self.accounts.iter() {
            let mut state = account.state();
            if !state.terms.has_budget() {
                continue;
            }
            state.roll(at_ms);
            mood.degrade |= state.degrades(at_ms);
            let thrift = state.thrift_permille(at_ms);
            if thrift > mood.thrift_permille {
                let id = &account.id;
                mood.thrift_of = Some(Arc::from(format!("{}:{}", id.level.as_str(), id.name)));
                mood.thrift_permille = thrift;
            }
        }
        mood
    }

    /// Whether any account has a budget in money.
    pub fn has_budget(&self) -> bool {
        self.accounts.iter().any(|a| a.state().terms.has_budget())
    }

    /// Puts `charge` in the place of what was reserved.
    pub(crate) fn settle(&self, at_ms: u64, reserved: i64, charge: i64) {
        for account in self.accounts.iter() {
            account.state().settle(at_ms, reserved, charge);
        }
    }

    /// Puts the true number of tokens in the place of the estimate.
    pub(crate) fn count(&self, estimate: u64, tokens: u64) {
        for account in self.accounts.iter() {
            let mut state = account.state();
            if state.terms.tokens_per_minute.is_some() {
                state.tokens.give(estimate.saturating_sub(tokens));
                state.tokens.take(tokens.saturating_sub(estimate));
            }
        }
    }

    /// All locks, in their order.
    pub(crate) fn locked(&self) -> [Option<MutexGuard<'_, State>>; LEVELS] {
        let mut accounts = self.accounts.iter();
        std::array::from_fn(|_| accounts.next().map(|a| a.state()))
    }
}

impl State {
    /// The limits per minute that there are, with their buckets and what one request of `tokens` takes.
    pub(crate) fn limits(&mut self, tokens: u64) -> impl Iterator<Item = (What, u64, &mut crate::bucket::Bucket, u64)> {
        let requests = self.terms.requests_per_minute.map(|l| (What::Requests, l, &mut self.requests, 1));
        let tokens = self.terms.tokens_per_minute.map(|l| (What::Tokens, l, &mut self.tokens, tokens));
        requests.into_iter().chain(tokens)
    }
}

pub(crate) fn longer(a: Option<u64>, b: Option<u64>) -> bool {
    a.unwrap_or(u64::MAX) > b.unwrap_or(u64::MAX)
}
