//! Step 5: where a request goes. The judgement itself is pure and lives in the room `decide`; here it meets the
//! snapshots of this moment.
//!
//! Never here: sending.

use crate::Wiring;
use crate::care::Work;
use decide::{Fault, Need, Verdict};
use std::sync::Arc;

/// The verdict, and the fault to answer with when its order is empty.
pub(crate) struct Chosen {
    /// Shared with the witness.
    pub(crate) verdict: Arc<Verdict>,
    pub(crate) fault: Option<Fault>,
}

/// Decides on the fleet and policy of now, and on how the places stand this moment.
pub(crate) fn choose(need: &Need, stream: bool, wiring: &Wiring) -> Chosen {
    let fleet = wiring.board.fleet();
    let verdict = decide::choose_live(
        need,
        &fleet,
        &wiring.policy.load(),
        &wiring.care.view(Work::of(need, stream), &wiring.learned),
    );
    let fault = verdict.fault(need, &fleet);
    Chosen { verdict: Arc::new(verdict), fault }
}
