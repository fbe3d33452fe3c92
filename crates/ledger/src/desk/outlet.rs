//! The desk as the data plane sees it: [`decide::Outlet`] and [`decide::Slot`].
//!
//! Never here: room, the journal ([`super::Desk`]).

use super::Desk;
use crate::options::WhenFailing;
use crate::state::Condition;
use decide::{Committed, Outlet, OutletFull, Record, Slot, Trouble};
use std::sync::Arc;

/// [`decide::Outlet`] of a ledger.
pub(crate) struct DeskOutlet(pub(crate) Arc<Desk>);

impl Outlet for DeskOutlet {
    fn reserve(&self, paid: bool) -> Result<Box<dyn Slot>, OutletFull> {
        let cell = self.0.reserve(paid)?;
        Ok(Box::new(DeskSlot { desk: Some(Arc::clone(&self.0)), cell, sent: false }))
    }

    fn trouble(&self) -> Option<Trouble> {
        match self.0.state().condition {
            Condition::Writing => None,
            Condition::Failing(why) => Some(Trouble { why, refuses_all: self.0.when_failing == WhenFailing::Refuse }),
        }
    }
}

/// One promised record.
struct DeskSlot {
    /// `None` once it was put.
    desk: Option<Arc<Desk>>,
    cell: u32,
    sent: bool,
}

impl Slot for DeskSlot {
    fn sent(&mut self, estimate: &Record) {
        if let Some(desk) = self.desk.as_ref().filter(|_| !self.sent) {
            desk.sent(self.cell, estimate);
            self.sent = true;
        }
    }

    fn put(mut self: Box<Self>, record: Record) {
        if let Some(desk) = self.desk.take() {
            desk.put(self.cell, self.sent, record, None);
        }
    }

    fn put_then(mut self: Box<Self>, record: Record, committed: Committed) {
        if let Some(desk) = self.desk.take() {
            desk.put(self.cell, self.sent, record, Some(committed));
        }
    }
}

impl Drop for DeskSlot {
    /// An attempt that went out and was settled by nobody (its task ended with the runtime, or panicked) is settled at its
    /// estimate.
    fn drop(&mut self) {
        let Some(desk) = self.desk.take() else { return };
        match self.sent.then(|| desk.estimate(self.cell)).flatten() {
            Some(estimate) => {
                tracing::warn!(request = %estimate.request_id, "an attempt was dropped after it was sent; it is settled at its estimate");
                desk.abandoned();
                desk.put(self.cell, true, estimate, None);
            }
            None => desk.give_back(self.cell),
        }
    }
}
