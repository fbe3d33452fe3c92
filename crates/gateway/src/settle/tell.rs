//! What the witness is told of a request: the decision before anything is sent, and what was sent where when it is over.
//!
//! Never here: what may go where (`choose`), or how evidence is kept (behind [`decide::Witness`]).

use super::Account;
use crate::Wiring;
use crate::choose::Chosen;
use decide::{Candidate, Cause, Decision, Ending, Fault, Need, Taken, Verdict, Written};
use ring::hmac;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use wire::Ask;

/// How long a request that may leave own ground waits for its decision to be written. It takes some 0.1 ms; a disk that hangs is
/// one that fails.
const PATIENCE: Duration = Duration::from_secs(2);
/// What a fingerprint begins with, so that the key can serve other purposes too.
const PURPOSE: &[u8] = b"dewpoint prompt 1\0";

impl Account {
    /// Tells the witness what was decided. Where it cannot take that, the request is refused, or keeps to own ground.
    ///
    /// # Errors
    /// Nothing may be done about this request unrecorded.
    pub(crate) fn tell(&mut self, wiring: &Wiring, ask: &Ask, need: &Need, chosen: &mut Chosen) -> Result<(), Fault> {
        if !wiring.witness.keeps() {
            return Ok(());
        }
        self.evidence.class = chosen.verdict.class;
        self.evidence.tags.clone_from(&need.tags);
        let decision = Decision {
            at_unix_ms: self.arrived_unix_ms,
            request_id: self.request_id.clone(),
            ask_id: self.number,
            key_id: self.key.clone(),
            endpoint: self.name,
            declared: need.class,
            tags: need.tags.clone(),
            found: need.found.clone(),
            unscanned: need.unscanned,
            detector: wiring.guard.load().detector.clone(),
            policy: wiring.policy.load_full(),
            prompt_hmac: Some(fingerprint(ask, &wiring.guard.load().key)),
            verdict: chosen.verdict.clone(),
            denied: chosen.fault.as_ref().map(|f| f.cause),
        };
        // Cheap to copy, and only where it is needed: who has nowhere else to go is refused at once.
        let spare = both_grounds(&chosen.verdict).then(|| decision.clone());
        match (self.take(wiring, decision), spare) {
            (Taken::Recorded | Taken::Unrecorded, _) => return Ok(()),
            (Taken::OwnGroundOnly, Some(spare)) => {
                chosen.verdict = own_ground(&chosen.verdict);
                let taken = self.take(wiring, Decision { verdict: chosen.verdict.clone(), ..spare });
                if matches!(taken, Taken::Recorded | Taken::Unrecorded) {
                    return Ok(());
                }
            }
            _ => {}
        }
        Err(unrecorded())
    }

    fn take(&mut self, wiring: &Wiring, decision: Decision) -> Taken {
        let denied = decision.denied.is_some();
        let (tell, told) = if decision.may_leave() {
            let (tell, told) = oneshot::channel();
            let tell: Written = Box::new(move || {
                // Who asked may have left.
                let _ = tell.send(());
            });
            (Some(tell), Some(told))
        } else {
            (None, None)
        };
        let taken = wiring.witness.decided(decision, tell);
        self.evidence.open = taken == Taken::Recorded && !denied;
        self.evidence.written = told.filter(|_| self.evidence.open);
        taken
    }

    /// Waits, where the request may leave own ground, until its decision would survive a crash of this process.
    ///
    /// # Errors
    /// It could not be written.
    pub(crate) async fn written(&mut self) -> Result<(), Fault> {
        let Some(told) = self.evidence.written.take() else { return Ok(()) };
        match tokio::time::timeout(PATIENCE, told).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(unrecorded()),
        }
    }

    /// Tells the witness what came of it. Called last, on every path.
    pub(crate) fn close(&mut self, wiring: &Wiring) {
        if !std::mem::take(&mut self.evidence.open) {
            return;
        }
        let sent = self.evidence.sent.get_mut().unwrap_or_else(PoisonError::into_inner);
        wiring.witness.ended(Ending {
            arrived_unix_ms: self.arrived_unix_ms,
            request_id: self.request_id.clone(),
            ask_id: self.number,
            class: self.evidence.class,
            tags: std::mem::take(&mut self.evidence.tags),
            begun: self.attempts,
            sent: std::mem::take(sent),
        });
    }
}

fn unrecorded() -> Fault {
    let shown = "The audit trail takes no more records, and this request may not be answered unrecorded. Try again in a moment; \
                 the operator sees why in the log.";
    Fault::new(Cause::AuditUnavailable, shown).after(1)
}

/// Whether it may go to places on own ground and to others.
fn both_grounds(verdict: &Verdict) -> bool {
    let ours = |c: &Candidate| c.place.zone.is_own_ground();
    verdict.order.iter().any(ours) && !verdict.order.iter().all(ours)
}

/// The verdict without what is beyond own ground.
fn own_ground(verdict: &Arc<Verdict>) -> Arc<Verdict> {
    let mut ours = Verdict::clone(verdict);
    ours.order.retain(|c| c.place.zone.is_own_ground());
    Arc::new(ours)
}

/// HMAC-SHA-256 over the request's texts, each with its length before it (64 bits, little-endian), so that no two lists of texts
/// look alike.
fn fingerprint(ask: &Ask, key: &[u8; 32]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    context.update(PURPOSE);
    ask.visit_texts(&mut |_, text| {
        context.update(&(text.len() as u64).to_le_bytes());
        context.update(text.as_bytes());
    });
    let mut out = [0; 32];
    out.copy_from_slice(context.sign().as_ref());
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn ask(messages: &str) -> Ask {
        wire::openai::read_chat(format!(r#"{{"model":"auto","messages":{messages}}}"#).as_bytes()).unwrap()
    }

    /// The bytes that the book says are fingerprinted.
    #[test]
    fn a_fingerprint_is_an_hmac_of_the_texts_with_their_lengths() {
        let ask = ask(r#"[{"role":"system","content":"Be brief."},{"role":"user","content":"Grüße"}]"#);
        let mut bytes = b"dewpoint prompt 1\0".to_vec();
        for text in ["Be brief.", "Grüße"] {
            bytes.extend((text.len() as u64).to_le_bytes());
            bytes.extend(text.as_bytes());
        }
        let expected = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]), &bytes);
        assert_eq!(fingerprint(&ask, &[7; 32]), expected.as_ref());
        assert_ne!(fingerprint(&ask, &[8; 32]), expected.as_ref());
    }

    #[test]
    fn texts_that_only_join_to_the_same_have_other_fingerprints() {
        let one = ask(r#"[{"role":"user","content":"ab"},{"role":"user","content":"c"}]"#);
        let other = ask(r#"[{"role":"user","content":"a"},{"role":"user","content":"bc"}]"#);
        assert_ne!(fingerprint(&one, &[7; 32]), fingerprint(&other, &[7; 32]));
    }
}
