//! The writer thread: takes what was put, commits it in groups, and keeps it when the store fails.
//!
//! Never here: the journal's layout, SQL.

use crate::desk::{Desk, Entry, Work};
use crate::options::Options;
use crate::store::Sink;
use decide::Record;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// First and longest pause after a failure of the store.
const PAUSE: [Duration; 2] = [Duration::from_millis(20), Duration::from_secs(2)];

/// Starts the thread.
pub(crate) fn start(desk: Arc<Desk>, mut sink: Box<dyn Sink>, options: &Options) -> std::io::Result<JoinHandle<()>> {
    let (group, linger) = (options.group.max(1), options.linger);
    std::thread::Builder::new().name("ledger-writer".to_owned()).spawn(move || {
        let mut farewell = Farewell { desk: &desk, why: Some("the ledger's writer thread has died".to_owned()) };
        while let Work::Commit(entries) = desk.next(linger) {
            if !entries.chunks(group).all(|chunk| commit(&desk, sink.as_mut(), chunk)) {
                break;
            }
        }
        farewell.why = None;
    })
}

/// Tries until it succeeds; `false` when the thread is to end before it did.
fn commit(desk: &Desk, sink: &mut dyn Sink, entries: &[Entry]) -> bool {
    let records: Vec<&Record> = entries.iter().map(|e| &e.record).collect();
    let [mut pause, longest] = PAUSE;
    let mut result = sink.commit(&records);
    loop {
        match result {
            Ok(fresh) => {
                desk.committed(entries, fresh);
                return true;
            }
            Err(error) => {
                if !desk.failed(error.to_string(), pause) {
                    return false;
                }
                pause = (pause * 2).min(longest);
            }
        }
        result = sink.renew().and_then(|()| sink.commit(&records));
    }
}

/// Says that the thread is gone on every way out of it, a panic included: without a writer the room fills up and work is refused,
/// and the state must say why.
struct Farewell<'a> {
    desk: &'a Desk,
    why: Option<String>,
}

impl Drop for Farewell<'_> {
    fn drop(&mut self) {
        self.desk.writer_gone(self.why.take());
    }
}

#[cfg(test)]
mod tests;
