//! All accounts, by name: taking over new terms, what was spent before this process, and how everything stands.
//!
//! Never here: where the terms come from, or the ledger.

use crate::account::Account;
use crate::{AccountId, Purse, Standing, Terms};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// All accounts. What they spent outlives a change of their terms.
#[derive(Debug, Default)]
pub struct Budgets {
    accounts: Mutex<HashMap<AccountId, Arc<Account>>>,
}

impl Budgets {
    /// No accounts yet.
    pub fn new() -> Budgets {
        Budgets::default()
    }

    /// Takes over terms, all accounts that there are from now on. Accounts that were there keep what they spent and reserved; one
    /// that is no longer named is forgotten, but what is under way is still settled in it. Gives back those that are new: what they
    /// spent before has to be told with [`Budgets::charge_past`].
    pub fn take_over(&self, terms: &[(AccountId, Terms)], now_ms: u64) -> Vec<AccountId> {
        let mut accounts = self.accounts();
        let mut new = Vec::new();
        let mut kept = HashMap::with_capacity(terms.len());
        for (id, terms) in terms {
            let account = match accounts.remove(id) {
                Some(account) => {
                    account.state().renew(*terms);
                    account
                }
                None => {
                    new.push(id.clone());
                    Arc::new(Account::new(id.clone(), *terms, now_ms))
                }
            };
            kept.insert(id.clone(), account);
        }
        *accounts = kept;
        new
    }

    /// Which accounts there are.
    pub fn names(&self) -> Vec<AccountId> {
        self.accounts().keys().cloned().collect()
    }

    /// What was settled by `by_ms` for requests of `account` that arrived at `at_ms`, before this process or before the account was
    /// named. Called in the order of time, so that the pace of a budget is learnt anew.
    pub fn charge_past(&self, account: &AccountId, (at_ms, by_ms): (u64, u64), nanousd: i64) {
        if let Some(account) = self.accounts().get(account) {
            account.state().past(at_ms, by_ms, nanousd);
        }
    }

    /// What one key spends from: those of `ids` that are accounts here, at most one of each level.
    pub fn purse(&self, ids: &[AccountId]) -> Option<Purse> {
        let accounts = self.accounts();
        Purse::new(ids.iter().filter_map(|id| accounts.get(id).cloned()).collect())
    }

    /// How every period of every account stands, by level and name.
    pub fn standings(&self, now_ms: u64) -> Vec<Standing> {
        let mut accounts: Vec<_> = self.accounts().values().cloned().collect();
        accounts.sort_by(|a, b| a.id.cmp(&b.id));
        accounts.iter().flat_map(|account| account.standings(now_ms)).collect()
    }

    fn accounts(&self) -> MutexGuard<'_, HashMap<AccountId, Arc<Account>>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
