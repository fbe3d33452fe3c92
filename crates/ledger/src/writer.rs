//! The writer thread: takes what was put, commits it in groups, and keeps it when the store fails.
//!
//! Never here: the journal's layout, SQL.

use crate::LedgerError;
use crate::desk::{Desk, Entry, Work};
use crate::options::Options;
use crate::store::{Kept, Sink};
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// First and longest pause after a failure of the store.
const PAUSE: [Duration; 2] = [Duration::from_millis(20), Duration::from_secs(2)];

/// The file of attempts under way, for bringing it to the disk.
pub(crate) struct Cells {
    pub(crate) file: File,
    pub(crate) path: PathBuf,
}

/// Starts the thread.
pub(crate) fn start(
    desk: Arc<Desk>,
    mut sink: Box<dyn Sink>,
    cells: Cells,
    options: &Options,
) -> std::io::Result<JoinHandle<()>> {
    let (group, linger) = (options.group.max(1), options.linger);
    std::thread::Builder::new().name("ledger-writer".to_owned()).spawn(move || {
        let mut farewell = Farewell { desk: &desk, why: Some("the ledger's writer thread has died".to_owned()) };
        loop {
            match desk.next(linger) {
                Work::Commit(mut entries) => {
                    if !entries.chunks_mut(group).all(|chunk| commit(&desk, sink.as_mut(), chunk)) {
                        break;
                    }
                }
                Work::Sync => {
                    let synced = cells.file.sync_data().map_err(LedgerError::file("sync", &cells.path));
                    desk.synced(synced);
                }
                Work::End => break,
            }
        }
        farewell.why = None;
    })
}

/// Tries until it succeeds; `false` when the thread is to end before it did.
fn commit(desk: &Desk, sink: &mut dyn Sink, entries: &mut [Entry]) -> bool {
    let upto = desk.mark_after(entries);
    let records: Vec<Kept<'_>> = entries.iter().map(|e| e.item.kept(e.sum)).collect();
    let [mut pause, longest] = PAUSE;
    let mut result = sink.commit(&records, upto);
    loop {
        match result {
            Ok(fresh) => {
                drop(records);
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
        result = sink.renew().and_then(|()| sink.commit(&records, upto));
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
