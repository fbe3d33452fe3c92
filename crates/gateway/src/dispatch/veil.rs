//! What places see that may not see all of a request: the masked request of each class, made when the first attempt needs
//! it.
//!
//! Never here: whether a place may see all (the permit says), or how texts are masked (room `redact`).

use crate::guard::beside;
use crate::{Judged, Wiring};
use decide::{Cause, DataClass, Fault};
use redact::{MaskError, Scope, Vault};
use sense::Inspection;
use std::sync::Arc;
use wire::Ask;

/// The masked forms of one request.
#[derive(Default)]
pub(super) struct Veil(Vec<(DataClass, Result<Masked, MaskError>)>);

/// A request without what may not travel, and what puts it back.
#[derive(Clone)]
pub(super) struct Masked {
    pub(super) ask: Arc<Ask>,
    pub(super) vault: Arc<Vault>,
}

impl Veil {
    /// Whether the request without everything above `above` is made.
    pub(super) fn has(&self, above: DataClass) -> bool {
        self.0.iter().any(|(class, _)| *class == above)
    }

    /// Makes the request without everything above `above`, beside the threads that serve.
    pub(super) async fn prepare(&mut self, wiring: &Wiring, judged: &Judged, above: DataClass) {
        let (ask, seen, scope) = (judged.ask.clone(), judged.seen.clone(), scope(wiring, judged));
        let made = beside(move || masked(&ask, &seen, above, &scope)).await;
        let made = made.unwrap_or_else(|| Err(MaskError::Rigid("the masking of it broke off".to_owned())));
        if made.is_ok() {
            count(wiring, judged, above);
        }
        self.0.push((above, made));
    }

    /// The request without everything above `above`. Made once for all attempts that need it.
    ///
    /// # Errors
    /// Something cannot be taken out; then it does not go there.
    pub(super) fn masked(&mut self, wiring: &Wiring, judged: &Judged, above: DataClass) -> Result<Masked, Fault> {
        let known = self.0.iter().find(|(class, _)| *class == above).map(|(_, made)| made.clone());
        let made = known.unwrap_or_else(|| {
            let made = mask(wiring, judged, above);
            self.0.push((above, made.clone()));
            made
        });
        made.map_err(|why| {
            let shown = format!("What may not leave cannot be taken out of this request: {why}. Declare it `sensitive` to have it answered on own ground.");
            Fault::new(Cause::PolicyDenied, shown)
        })
    }
}

fn mask(wiring: &Wiring, judged: &Judged, above: DataClass) -> Result<Masked, MaskError> {
    let masked = masked(&judged.ask, &judged.seen, above, &scope(wiring, judged))?;
    count(wiring, judged, above);
    Ok(masked)
}

fn scope(wiring: &Wiring, judged: &Judged) -> Scope {
    Scope { key: wiring.guard.load().key.clone(), conversation: judged.conversation.clone() }
}

fn masked(ask: &Ask, seen: &Inspection, above: DataClass, scope: &Scope) -> Result<Masked, MaskError> {
    let (ask, vault) = redact::mask(ask, seen, above, scope)?;
    Ok(Masked { ask: Arc::new(ask), vault: Arc::new(vault) })
}

fn count(wiring: &Wiring, judged: &Judged, above: DataClass) {
    if judged.need.found.any_above(above) {
        wiring.metrics.redacted.inc();
    }
}
