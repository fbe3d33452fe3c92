//! What is remembered of a request for the witness, from its decision to its end.
//!
//! Never here: telling it (`tell`).

use decide::{Candidate, DataClass, Record, Sent};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// The evidence of one request so far.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// The witness waits for the end.
    pub(super) open: bool,
    /// Comes when the decision has been written.
    pub(super) written: Option<oneshot::Receiver<()>>,
    pub(super) class: DataClass,
    pub(super) tags: Vec<Arc<str>>,
    pub(super) sent: Mutex<Vec<Sent>>,
}

impl Evidence {
    /// An attempt was settled.
    pub(super) fn sent(&self, candidate: &Candidate, redacted_above: Option<DataClass>, record: &Record) {
        if !self.open {
            return;
        }
        let sent = Sent {
            place: candidate.place.clone(),
            model: candidate.model.id.clone(),
            redacted_above,
            tokens: (record.usage.input, record.usage.output),
            cost: record.cost,
            outcome: record.outcome,
            error: record.error.clone(),
        };
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(sent);
    }
}
