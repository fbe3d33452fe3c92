//! Whether a record is where it must be before the caller sees the end of an answer.
//!
//! Never here: the record.

use decide::{Cause, Fault, Record, Slot};
use std::time::Duration;
use tokio::sync::oneshot;

/// So long an answer waits for its record to be on the disk; a group commit takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// A record that was handed over. It survives a crash of the process already.
#[must_use = "a strict answer may not end before its record is on the disk"]
pub(crate) struct Kept(Option<oneshot::Receiver<()>>);

impl Kept {
    /// Hands a record over. A strict one is waited for.
    pub(crate) fn put(slot: Box<dyn Slot>, record: Record, strict: bool) -> Kept {
        if !strict {
            slot.put(record);
            return Kept(None);
        }
        let (tell, told) = oneshot::channel();
        // Nobody listens where the caller has left.
        slot.put_then(record, Box::new(move || tell.send(()).unwrap_or_default()));
        Kept(Some(told))
    }

    /// Resolves when the answer may end: at once, or for a strict one when its record is on the disk.
    ///
    /// # Errors
    /// When that takes longer than two seconds, or cannot be. The record stands all the same, and is on the disk later or
    /// after the next start.
    pub(crate) async fn durable(self) -> Result<(), Fault> {
        let Some(told) = self.0 else { return Ok(()) };
        match tokio::time::timeout(PATIENCE, told).await {
            Ok(Ok(())) => Ok(()),
            _ => {
                let shown = "The answer was complete, but its record is not on the disk, and this key or route wants no answer without. \
                             Try again in a moment; the operator sees why in the log.";
                Err(Fault::new(Cause::LedgerUnavailable, shown).after(1))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::settle::account::tests::some_record;
    use decide::Committed;
    use std::sync::{Arc, Mutex};

    /// Where a double leaves what it is to call.
    type Left = Arc<Mutex<Option<Committed>>>;

    /// Keeps what it is to call, or drops it.
    struct Double(Option<Left>);

    impl Slot for Double {
        fn sent(&mut self, _: &Record) {}

        fn put(self: Box<Self>, _: Record) {}

        fn put_then(self: Box<Self>, _: Record, committed: Committed) {
            if let Some(place) = self.0 {
                *place.lock().unwrap() = Some(committed);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_standard_record_is_not_waited_for() {
        let kept = Kept::put(Box::new(Double(None)), some_record(), false);
        assert!(kept.durable().await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_strict_record_is_waited_for_until_it_is_committed() {
        let place = Left::default();
        let kept = Kept::put(Box::new(Double(Some(Arc::clone(&place)))), some_record(), true);
        let waiting = tokio::spawn(kept.durable());
        tokio::time::sleep(PATIENCE / 2).await;
        assert!(!waiting.is_finished());
        let committed = place.lock().unwrap().take().unwrap();
        committed();
        assert!(waiting.await.unwrap().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_strict_record_that_is_not_committed_in_time_or_ever_is_a_fault() {
        let place = Left::default();
        let started = tokio::time::Instant::now();
        let kept = Kept::put(Box::new(Double(Some(Arc::clone(&place)))), some_record(), true);
        assert_eq!(kept.durable().await.unwrap_err().cause, Cause::LedgerUnavailable);
        assert!((PATIENCE..PATIENCE * 2).contains(&started.elapsed()));
        let (kept, before) = (Kept::put(Box::new(Double(None)), some_record(), true), started.elapsed());
        assert_eq!(kept.durable().await.unwrap_err().cause, Cause::LedgerUnavailable);
        assert_eq!(started.elapsed(), before, "what can never be is not waited for");
    }
}
