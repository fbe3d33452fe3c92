//! What dispatch asks of a candidate's price before it sends anything there.
//!
//! Never here: prices.

use decide::{Candidate, Nanousd};

/// Whether it may cost money; what is not known may. The power of one's own machine is nobody's bill.
pub(super) fn is_paid(candidate: &Candidate) -> bool {
    let own = candidate.place.economics.is_some() && candidate.place.kind == decide::Kind::Appliance;
    !own && candidate.reason.cost_nanousd != Some(0)
}

/// In full where that is known, as the caller is told afterwards.
pub(super) fn costs_at_most(candidate: &Candidate, max: Nanousd) -> bool {
    let reason = &candidate.reason;
    reason.full_nanousd.or(reason.cost_nanousd).is_some_and(|cost| cost <= max.0)
}
