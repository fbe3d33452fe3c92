//! The numbers of every model, together with what its worker said last.
//!
//! Never here: counting (`tally`).

use super::Engine;
use super::seat::State;
use crate::tally::Numbers;
use std::sync::Arc;

impl Engine {
    /// Counters and timings of each model, under vLLM's names, in the order of the specification.
    pub fn numbers(&self) -> Vec<Numbers> {
        let one = |tenant: &Arc<super::Tenant>| {
            let seat = &tenant.seat;
            let stats = match &*seat.state.borrow() {
                State::Ready(link) => link.stats(),
                _ => None,
            };
            tenant.tally.read(Arc::clone(&seat.id)).with(stats.as_ref())
        };
        self.tenants.iter().map(one).collect()
    }
}
