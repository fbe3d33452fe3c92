//! The permit: a value that only this room can make, that names one request and one place, and without which no
//! backend sends a byte. Not `Clone`: every attempt asks for its own.

use crate::border::Border;
use crate::{DataClass, Fleet, PlaceId, Policy, Refusal, Verdict};
use std::sync::Arc;

/// Leave to send one request to one place, once.
///
/// ```compile_fail
/// let forged = decide::Permit { ask_id: 1, place: decide::PlaceId::new("openai"), model: "m".into() };
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a permit that is not sent with is an attempt that did not happen"]
pub struct Permit {
    ask_id: u128,
    place: PlaceId,
    model: Arc<str>,
    class: DataClass,
    redact_above: Option<DataClass>,
}

impl Permit {
    /// The request it was made for.
    pub fn ask_id(&self) -> u128 {
        self.ask_id
    }

    /// The place it was made for.
    pub fn place(&self) -> &PlaceId {
        &self.place
    }

    /// The model it was made for.
    pub fn model(&self) -> &Arc<str> {
        &self.model
    }

    /// What is above this class must be taken out of the request before it is sent; `None`: as it is.
    pub fn redact_above(&self) -> Option<DataClass> {
        self.redact_above
    }

    /// The class the request had.
    pub fn class(&self) -> DataClass {
        self.class
    }
}

/// Asks for leave to send the request of `verdict` to its `rank`-th candidate, under the policy and fleet of *now*
/// (both may have changed since the verdict, and with them what must be taken out).
///
/// # Errors
/// The [`Refusal`] that holds now; also when the verdict has no such candidate.
pub fn permit(verdict: &Verdict, rank: usize, fleet: &Fleet, policy: &Policy) -> Result<Permit, Refusal> {
    let candidate = verdict.order.get(rank).ok_or(Refusal::NotNamed)?;
    let state = fleet.find(&candidate.place.id).ok_or_else(|| Refusal::Unhealthy("no longer configured".into()))?;
    let redact_above = Border::new(&verdict.subject, policy).pass(&state.place)?;
    Ok(Permit {
        ask_id: verdict.ask_id,
        place: candidate.place.id.clone(),
        model: candidate.model.id.clone(),
        class: verdict.class,
        redact_above,
    })
}
