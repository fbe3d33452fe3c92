//! The desk as those see it who learn: lessons in, and who answered whom.
//!
//! Never here: what follows from a lesson.

use super::recent::{self, SHOWN, Try};
use super::{Desk, Entry};
use crate::item::Item;
use crate::journal::frame::{self, Sealed};
use crate::store::{self, row};
use crate::{LedgerError, layout};
use decide::{Answered, Forgotten, Lesson, Lessons, PlaceId, Recall};
use rusqlite::{Row, ToSql, params};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// Lessons that may wait for SQLite.
pub(crate) const LESSONS_MAX: usize = 4_096;
/// Lessons take no more than this part of the journal, so that records have room while SQLite fails.
const LESSONS_SHARE: usize = 8;
/// A request id that a caller chose says nothing of its time: it is looked for in so many of the newest attempts.
const LOOKED_AT: i64 = 100_000;
/// How long a look-up waits for what was put and is not in SQLite yet.
const PATIENCE: Duration = Duration::from_secs(1);

/// Takes lessons, and knows who answered a request.
pub struct Memory {
    desk: Arc<Desk>,
    dir: PathBuf,
}

impl Memory {
    pub(crate) fn new(desk: Arc<Desk>, dir: PathBuf) -> Memory {
        Memory { desk, dir }
    }

    fn read(&self, request_id: &str, key: Option<&str>) -> Result<Option<Answered>, LedgerError> {
        let conn = store::open_read_only(&self.dir)?;
        let find = |from: &str, bind: &dyn ToSql| -> Result<Vec<Try>, LedgerError> {
            let sql = format!(
                "SELECT request_id, key, arrived_unix_ms, attempt, task, place, model, outcome, endpoint FROM {from} \
                 WHERE request_id = ?1 AND key IS ?2 AND arrived_unix_ms >= 0"
            );
            let unread = || LedgerError::store("look up a request in the ledger");
            let mut statement = conn.prepare(&sql).map_err(unread())?;
            let mut rows = statement.query(params![request_id, key, bind]).map_err(unread())?;
            let mut out = Vec::new();
            while let Some(row) = rows.next().map_err(unread())? {
                out.extend(attempt(row)?);
            }
            Ok(out)
        };
        let moment = own(request_id)
            .map_or(Ok(Vec::new()), |ms| find("(SELECT * FROM attempt WHERE arrived_unix_ms = ?3)", &row::fit(ms)))?;
        if !moment.is_empty() {
            return Ok(recent::answered(moment.into_iter()));
        }
        let newest = find("(SELECT * FROM attempt ORDER BY arrived_unix_ms DESC LIMIT ?3)", &LOOKED_AT)?;
        Ok(recent::answered(newest.into_iter()))
    }
}

fn attempt(row: &Row<'_>) -> Result<Option<Try>, LedgerError> {
    let endpoint: String = row::get(row, 8)?;
    let (task, outcome): (String, String) = (row::get(row, 4)?, row::get(row, 7)?);
    let (place, model): (Option<Arc<str>>, Option<Arc<str>>) = (row::get(row, 5)?, row::get(row, 6)?);
    let found = Try {
        request_id: row::get(row, 0)?,
        key: row::get(row, 1)?,
        arrived_unix_ms: row::count(row, 2)?,
        attempt: row::get(row, 3)?,
        task: row::task(&task)?,
        by: place.map(PlaceId).zip(model),
        outcome: row::outcome(&outcome)?,
    };
    Ok(SHOWN.contains(&&*endpoint).then_some(found))
}

/// The moment in an id that we gave: `req_` and a ULID, whose first ten digits (Crockford's base 32) are Unix milliseconds.
fn own(request_id: &str) -> Option<u64> {
    const DIGITS: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let ulid = request_id.strip_prefix("req_").filter(|u| u.len() == 26)?;
    ulid.chars().take(10).try_fold(0, |ms: u64, c| Some(ms << 5 | DIGITS.find(c)? as u64))
}

impl Lessons for Memory {
    fn take(&self, lesson: Lesson) {
        if !self.desk.learn(lesson) {
            tracing::debug!("a lesson was dropped: too many wait to be written");
        }
    }
}

impl Recall for Memory {
    fn recent(&self, request_id: &str, key: Option<&str>) -> Option<Answered> {
        self.desk.recent.lock().unwrap_or_else(PoisonError::into_inner).find(request_id, key)
    }

    fn older(&self, request_id: &str, key: Option<&str>) -> Result<Option<Answered>, Forgotten> {
        // What was answered a moment ago may still be on its way into SQLite.
        self.desk.flush(PATIENCE);
        match self.recent(request_id, key) {
            Some(found) => Ok(Some(found)),
            None => self.read(request_id, key).map_err(|e| Forgotten(e.to_string())),
        }
    }
}

impl Desk {
    /// Takes a lesson; `false` when it was dropped, since too many wait or what is left of the journal is promised to records.
    fn learn(&self, mut lesson: Lesson) -> bool {
        layout::clip_lesson(&mut lesson);
        let sealed = Sealed::new(layout::lesson::encode(&lesson));
        let sum = sealed.sum();
        let mut inner = self.inner();
        let usable = inner.journal.usable();
        let room = inner.slots * frame::MAX + inner.pending_bytes + sealed.size() <= usable
            && inner.lessons_bytes + sealed.size() <= usable / LESSONS_SHARE;
        let open = inner.is_open() && inner.lessons_pending < LESSONS_MAX;
        let placed = if room && open { inner.journal.append(&sealed) } else { None };
        let Some(placed) = placed else {
            inner.lessons_dropped += 1;
            return false;
        };
        inner.lessons_pending += 1;
        inner.pending_bytes += placed.bytes;
        inner.lessons_bytes += placed.bytes;
        inner.put += 1;
        inner.queue.push(Entry { item: Item::Lesson(lesson), sum, placed: Some(placed), committed: None });
        let wake = inner.wake() || inner.queue.len() == self.group;
        drop(inner);
        if wake {
            self.work.notify_one();
        }
        true
    }

    /// These are in SQLite: who answered is remembered. On the writer thread.
    pub(super) fn remember(&self, entries: &[Entry]) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        for entry in entries {
            if let Item::Record(record) = &entry.item {
                recent.add(record);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_ours_says_its_moment() {
        assert_eq!(own("req_01ARZ3NDEKTSV4RRFFQ69G5FAV"), Some(1_469_922_850_259));
        for other in ["01ARZ3NDEKTSV4RRFFQ69G5FAV", "req_1", "req_!1ARZ3NDEKTSV4RRFFQ69G5FAV", ""] {
            assert_eq!(own(other), None, "{other}");
        }
    }
}
