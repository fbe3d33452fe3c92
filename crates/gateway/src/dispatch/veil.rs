//! What places see that may not see all of a request: the masked request of each class, made when the first attempt needs
//! it.
//!
//! Never here: whether a place may see all (the permit says), or how texts are masked (room `redact`).

use crate::beside::beside;
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
        let made = masked_beside(judged.ask.clone(), judged.seen.clone(), above, scope(wiring, judged)).await;
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

async fn masked_beside(ask: Arc<Ask>, seen: Inspection, above: DataClass, scope: Scope) -> Result<Masked, MaskError> {
    let made = beside(move || masked(&ask, &seen, above, &scope)).await;
    made.unwrap_or_else(|| Err(MaskError::Rigid("the masking of it broke off".to_owned())))
}

fn count(wiring: &Wiring, judged: &Judged, above: DataClass) {
    if judged.need.found.any_above(above) {
        wiring.metrics.redacted.inc();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};
    use wire::{Endpoint, Message, Role};

    /// A runtime of one thread: where the masking held it, nothing else would run meanwhile.
    #[tokio::test]
    async fn large_requests_are_masked_while_others_are_served() {
        let mut ask = Ask::new(Endpoint::Chat);
        let text: String = (0..20_000).map(|n| format!("Write to person{n}@corp.example about the matter. ")).collect();
        ask.messages.push(Message::text(Role::User, text));
        let seen = sense::Finder::new(&sense::FinderOptions::default()).unwrap().inspect(&ask);
        let scope = Scope { key: Arc::new([7; 32]), conversation: "c".into() };
        let here = masked(&ask, &seen, DataClass::Internal, &scope).unwrap();
        let turns = Arc::new(AtomicU64::new(0));
        let counted = turns.clone();
        let others = tokio::spawn(async move {
            loop {
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
            }
        });
        let made = masked_beside(Arc::new(ask), seen, DataClass::Internal, scope).await.unwrap();
        assert!(turns.load(Ordering::SeqCst) > 0, "nothing else ran until it was masked");
        others.abort();
        assert_eq!(format!("{:?}", made.ask.messages), format!("{:?}", here.ask.messages));
        assert!(!format!("{:?}", made.ask).contains("@corp.example"));
    }
}
