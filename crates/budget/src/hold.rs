//! What is taken before and settled after: money of an attempt, tokens of a request.
//!
//! Never here: the rules for taking (`purse`).

use crate::Purse;

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
