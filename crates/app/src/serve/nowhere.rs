//! The outlet when no ledger is kept: every record is let go.

use decide::{Outlet, OutletFull, Record, Slot};

/// Takes every record and keeps none.
pub(super) struct Nowhere;

impl Outlet for Nowhere {
    fn reserve(&self, _: bool) -> Result<Box<dyn Slot>, OutletFull> {
        Ok(Box::new(Nowhere))
    }
}

impl Slot for Nowhere {
    fn sent(&mut self, _: &Record) {}

    fn put(self: Box<Self>, _: Record) {}
}
