//! What is taken before and settled after: money of an attempt, tokens of a request.
//!
//! Never here: what an account allows (`account`, `meter`).

use crate::purse::longer;
use crate::{Limited, Purse, Refused};

impl Purse {
    /// Reserves `nanousd` for an attempt of a request that arrived at `at_ms`: from every account, or from none. What costs
    /// nothing is never refused.
    ///
    /// # Errors
    /// The budget without room.
    pub fn reserve(&self, at_ms: u64, nanousd: i64) -> Result<Hold, Refused> {
        let nanousd = nanousd.max(0);
        let mut states = self.locked();
        // After a clock went back by days, the oldest window that every account still keeps.
        let oldest = states.iter().flatten().map(|state| state.oldest_ms()).max().unwrap_or(0);
        let at_ms = at_ms.max(oldest);
        let mut refused: Option<Refused> = None;
        for (account, state) in self.accounts.iter().zip(states.iter_mut().flatten()) {
            state.roll(at_ms);
            if nanousd == 0 {
                continue;
            }
            if let Some((period, window)) = state.short_of(at_ms, nanousd)
                && refused.as_ref().is_none_or(|r| r.window.end_ms <= window.end_ms)
            {
                refused = Some(Refused { level: account.id.level, name: account.id.name.clone(), period, window });
            }
        }
        if let Some(refused) = refused {
            return Err(refused);
        }
        for state in states.iter_mut().flatten() {
            state.reserve(at_ms, nanousd);
        }
        drop(states);
        Ok(Hold::new(self.clone(), at_ms, nanousd))
    }

    /// Counts one request of about `tokens` against the limits per minute: against all of them, or none.
    ///
    /// # Errors
    /// The limit that is reached; of several the one with the longest wait.
    pub fn admit(&self, now_ms: u64, tokens: u64) -> Result<Pass, Limited> {
        let mut states = self.locked();
        let mut limited: Option<Limited> = None;
        for (account, state) in self.accounts.iter().zip(states.iter_mut().flatten()) {
            for (what, limit, bucket, units) in state.limits(tokens) {
                bucket.drain(limit, now_ms);
                let wait_ms = bucket.wait_ms(limit, units);
                let longest = limited.as_ref().is_none_or(|l| longer(wait_ms, l.wait_ms));
                if wait_ms != Some(0) && longest {
                    let (level, name) = (account.id.level, account.id.name.clone());
                    limited = Some(Limited { level, name, what, limit, wait_ms });
                }
            }
        }
        if let Some(limited) = limited {
            return Err(limited);
        }
        for state in states.iter_mut().flatten() {
            for (_, _, bucket, units) in state.limits(tokens) {
                bucket.take(units);
            }
        }
        drop(states);
        Ok(Pass::new(self.clone(), tokens))
    }
}

/// Money reserved for one attempt. It ends once: settled, or dropped.
#[derive(Debug)]
#[must_use = "dropped, it gives the money back"]
pub struct Hold {
    purse: Purse,
    at_ms: u64,
    reserved: i64,
    /// What is charged if nothing more is heard; `None`: nothing was sent.
    due: Option<i64>,
}

impl Hold {
    pub(crate) fn new(purse: Purse, at_ms: u64, reserved: i64) -> Hold {
        Hold { purse, at_ms, reserved, due: None }
    }

    /// Nano-dollars reserved.
    pub fn reserved_nanousd(&self) -> i64 {
        self.reserved
    }

    /// The attempt is about to be sent. Dropped from now on, it is charged `estimate_nanousd`, as the ledger does with attempts of
    /// which nothing more is heard.
    pub fn sent(&mut self, estimate_nanousd: i64) {
        self.due = Some(estimate_nanousd.max(0));
    }

    /// The attempt cost `charge_nanousd`. Gives back what that is above what was reserved.
    pub fn settle(mut self, charge_nanousd: i64) -> i64 {
        let charge = charge_nanousd.max(0);
        self.due = Some(charge);
        charge.saturating_sub(self.reserved).max(0)
    }
}

/// Settles with what is due, or releases.
impl Drop for Hold {
    fn drop(&mut self) {
        self.purse.settle(self.at_ms, self.reserved, self.due.unwrap_or(0));
    }
}

/// The place of one request in the limits per minute. Dropped, it gives the tokens back: nothing was answered.
#[derive(Debug)]
#[must_use = "dropped, it gives the tokens back"]
pub struct Pass {
    purse: Purse,
    estimate: u64,
    used: u64,
}

impl Pass {
    pub(crate) fn new(purse: Purse, estimate: u64) -> Pass {
        Pass { purse, estimate, used: 0 }
    }

    /// The request took `tokens`, those of all its attempts.
    pub fn settle(mut self, tokens: u64) {
        self.used = tokens;
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.purse.count(self.estimate, self.used);
    }
}
