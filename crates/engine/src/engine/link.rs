//! The line to one living worker, and the table of who waits for what on it.
//!
//! Never here: starting or ending processes, events of a dialect.

use super::elsewhere;
use crate::QUEUE_MAX;
use crate::protocol::{FrameError, FromWorker, Kind, Logprob, Reason, Sign, Spent, Stats, ToWorker, encode};
use crate::speech::Speech;
use backend::Meter;
use decide::{Cause, Fault};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::Instant;

/// Frames on their way to the worker. The table allows `QUEUE_MAX` requests, and each sends one frame and one cancel.
pub(super) const OUTBOUND: usize = 4 * QUEUE_MAX;

/// One living worker.
pub(super) struct Link {
    pub(super) pid: Option<u32>,
    pub(super) slots: u16,
    /// Tokens per request at most: a bound on what a channel may hold.
    context: u32,
    to: Sender<Vec<u8>>,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    entries: HashMap<u64, Entry>,
    closed: Option<Fault>,
    /// Since when it is not empty.
    since: Option<Instant>,
    /// What the worker said last of how it is doing.
    stats: Option<Stats>,
}

struct Entry {
    choice: u32,
    to: Sender<Signal>,
}

/// What happened to one choice.
pub(super) struct Signal {
    pub(super) choice: u32,
    pub(super) what: What,
}

pub(super) enum What {
    Accepted(Speech),
    Token { text: String, logprobs: Vec<Logprob>, signs: Vec<Sign> },
    Finish { reason: Reason, spent: Spent },
    Counted(u32),
    Embedded { vectors: Vec<Vec<f32>>, tokens: u32 },
    Failed(Box<Fault>),
}

impl Link {
    /// A line that writes frames to `to`.
    pub(super) fn new(pid: Option<u32>, slots: u16, context: u32, to: Sender<Vec<u8>>) -> Link {
        Link { pid, slots, context, to, table: Mutex::default() }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Requests in flight.
    pub(super) fn jobs(&self) -> u32 {
        self.table().entries.len() as u32
    }

    /// Since when there are requests in flight without a break; `None` where there are none.
    pub(super) fn busy_since(&self) -> Option<Instant> {
        let table = self.table();
        table.since.filter(|_| !table.entries.is_empty())
    }

    /// The worker says how it is doing.
    pub(super) fn note(&self, stats: Stats) {
        self.table().stats = Some(stats);
    }

    /// What it said last; `None` before the first time.
    pub(super) fn stats(&self) -> Option<Stats> {
        self.table().stats
    }

    /// Hands a frame of the worker to whoever waits for it.
    pub(super) fn deliver(&self, frame: FromWorker) {
        let (id, what, last) = match frame {
            FromWorker::Accepted { id, speech, .. } => (id, What::Accepted(speech), false),
            FromWorker::Token { id, text, logprobs, signs } => (id, What::Token { text, logprobs, signs }, false),
            FromWorker::Finish { id, reason, spent } => (id, What::Finish { reason, spent }, true),
            FromWorker::Counted { id, tokens } => (id, What::Counted(tokens), true),
            FromWorker::Embedded { id, vectors, tokens } => (id, What::Embedded { vectors, tokens }, true),
            FromWorker::Error { id, kind, message } => (id, What::Failed(Box::new(fault(kind, message))), true),
            _ => return,
        };
        let mut table = self.table();
        let delivered = table.entries.get(&id).map(|e| e.to.try_send(Signal { choice: e.choice, what }).is_ok());
        if last || delivered == Some(false) {
            table.entries.remove(&id);
        }
        drop(table);
        // Nobody waits any more, and the cancel that was sent may have been lost in a full line: say it again.
        if delivered != Some(true) && !last {
            self.send(&ToWorker::Cancel { id });
        }
    }

    fn send(&self, message: &ToWorker) {
        if let Ok(frame) = encode(message) {
            let _ = self.to.try_send(frame);
        }
    }

    /// The worker is gone: everybody gets `fault`, and so does who comes now.
    pub(super) fn close(&self, fault: Fault) {
        let mut table = self.table();
        for (_, entry) in table.entries.drain() {
            let what = What::Failed(Box::new(fault.clone()));
            let _ = entry.to.try_send(Signal { choice: entry.choice, what });
        }
        table.closed = Some(fault);
    }

    /// Puts all jobs of a request into the table, or none.
    fn enter(&self, ids: &[(u64, u32)], to: &Sender<Signal>) -> Result<(), Fault> {
        let mut table = self.table();
        if let Some(fault) = &table.closed {
            return Err(fault.clone());
        }
        if table.entries.len() + ids.len() > QUEUE_MAX {
            return Err(busy());
        }
        if table.entries.is_empty() {
            table.since = Some(Instant::now());
        }
        table.entries.extend(ids.iter().map(|(id, choice)| (*id, Entry { choice: *choice, to: to.clone() })));
        Ok(())
    }

    /// Takes out what is still in the table and tells the worker.
    fn cancel(&self, ids: &[(u64, u32)]) {
        let left: Vec<u64> = {
            let mut table = self.table();
            ids.iter().map(|(id, _)| *id).filter(|id| table.entries.remove(id).is_some()).collect()
        };
        left.into_iter().for_each(|id| self.send(&ToWorker::Cancel { id }));
    }
}

/// A request in flight. Dropping it cancels what is not finished.
pub(super) struct Pending {
    link: Arc<Link>,
    ids: Vec<(u64, u32)>,
    meter: Arc<Meter>,
    pub(super) signals: Receiver<Signal>,
    /// What keeps the worker there meanwhile.
    held: Option<Box<dyn Send + Sync>>,
}

impl Pending {
    /// Enters the jobs and sends them off.
    ///
    /// # Errors
    /// Too large, the queue is full, or the worker is gone.
    pub(super) fn open(link: &Arc<Link>, jobs: Vec<(u64, u32, ToWorker)>, meter: Arc<Meter>) -> Result<Pending, Fault> {
        let frames = jobs.iter().map(|(_, _, m)| encode(m)).collect::<Result<Vec<_>, _>>().map_err(|e| match e {
            FrameError::TooLong(_) => Fault::new(Cause::TooLarge, "The request is too large for the embedded engine."),
            e => Fault::new(Cause::Internal, "The request cannot be written for the engine.").because(e.to_string()),
        })?;
        let ids: Vec<(u64, u32)> = jobs.iter().map(|(id, choice, _)| (*id, *choice)).collect();
        // A choice has at most a token and its end per place in the context; room is taken as it is used.
        let (to, signals) = mpsc::channel(ids.len() * (link.context as usize + 8));
        link.enter(&ids, &to)?;
        meter.begin();
        let pending = Pending { link: Arc::clone(link), ids, meter, signals, held: None };
        for frame in frames {
            link.to.try_send(frame).map_err(|_| busy())?;
        }
        Ok(pending)
    }

    /// Keeps `held` (a lease of the worker) for as long as the request is in flight.
    pub(super) fn holding(mut self, held: impl Send + Sync + 'static) -> Pending {
        self.held = Some(Box::new(held));
        self
    }

    /// The meter of the place.
    pub(super) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// The answer to a count.
    pub(super) async fn counted(&mut self) -> Result<u32, Fault> {
        match self.signals.recv().await.map(|s| s.what) {
            Some(What::Counted(tokens)) => Ok(tokens),
            Some(What::Failed(fault)) => Err(*fault),
            _ => Err(Fault::new(Cause::Engine, "The embedded engine gave no count. Try again.")),
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.link.cancel(&self.ids);
        self.meter.end();
    }
}

fn busy() -> Fault {
    let text = format!("The embedded engine has {QUEUE_MAX} requests waiting already. Try again in a moment.");
    Fault::new(Cause::UpstreamBusy, text).after(1)
}

fn fault(kind: Kind, message: String) -> Fault {
    match kind {
        Kind::Context => elsewhere(Cause::ContextLength, message).at("messages"),
        Kind::Invalid => elsewhere(Cause::InvalidRequest, message),
        Kind::Busy => busy(),
        Kind::Late => Fault::new(Cause::Timeout, message),
        Kind::Engine => {
            Fault::new(Cause::Engine, "The embedded engine failed on this request. Try again.").because(message)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    fn link() -> (Arc<Link>, Receiver<Vec<u8>>) {
        let (to, from) = mpsc::channel(OUTBOUND);
        (Arc::new(Link::new(None, 1, 64, to)), from)
    }

    fn jobs(ids: std::ops::Range<u64>) -> Vec<(u64, u32, ToWorker)> {
        ids.map(|id| (id, 0, ToWorker::Ping { id })).collect()
    }

    fn sent(from: &mut Receiver<Vec<u8>>) -> Vec<ToWorker> {
        let mut out = Vec::new();
        while let Ok(frame) = from.try_recv() {
            out.push(crate::protocol::read(&mut frame.as_slice()).unwrap().unwrap());
        }
        out
    }

    #[test]
    fn the_queue_has_an_end_and_room_comes_back() {
        let (link, mut from) = link();
        let first = Pending::open(&link, jobs(0..QUEUE_MAX as u64), Arc::default()).unwrap();
        let Err(fault) = Pending::open(&link, jobs(900..901), Arc::default()) else { panic!("no end") };
        assert_eq!((fault.cause, fault.retry_after_s), (Cause::UpstreamBusy, Some(1)));
        assert_eq!(sent(&mut from).len(), QUEUE_MAX);
        drop(first);
        assert_eq!(link.jobs(), 0);
        assert!(sent(&mut from).iter().all(|m| matches!(m, ToWorker::Cancel { .. })));
        assert!(Pending::open(&link, jobs(900..901), Arc::default()).is_ok());
    }

    #[test]
    fn only_what_is_unfinished_is_cancelled_and_strays_are_told_again() {
        let (link, mut from) = link();
        let pending = Pending::open(&link, jobs(1..3), Arc::default()).unwrap();
        let finish = FromWorker::Finish { id: 1, reason: Reason::End, spent: Spent::default() };
        link.deliver(finish);
        sent(&mut from);
        drop(pending);
        assert_eq!(sent(&mut from), [ToWorker::Cancel { id: 2 }]);
        link.deliver(FromWorker::Token { id: 2, text: "x".into(), logprobs: Vec::new(), signs: Vec::new() });
        assert_eq!(sent(&mut from), [ToWorker::Cancel { id: 2 }]);
    }

    #[test]
    fn a_dead_worker_fails_those_who_wait_and_those_who_come() {
        let (link, _from) = link();
        let mut pending = Pending::open(&link, jobs(1..2), Arc::default()).unwrap();
        link.close(Fault::new(Cause::Engine, "gone"));
        assert!(matches!(pending.signals.try_recv().unwrap().what, What::Failed(f) if f.cause == Cause::Engine));
        assert!(Pending::open(&link, jobs(2..3), Arc::default()).is_err());
    }
}
