//! Segments: a new one when one is full or of another day, and old ones deleted when they are no longer to be kept.
//!
//! Never here: records.

use super::{PAUSE, Writer};
use crate::folder::{self, Segment};
use crate::record::Pruned;
use crate::{AuditError, recover, scan, sync, time};
use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

/// A segment that is written to.
pub(crate) struct Open {
    pub(crate) segment: Segment,
    pub(crate) file: File,
    pub(crate) bytes: u64,
    pub(crate) began_unix_ms: u64,
}

impl Writer {
    /// Begins a new segment when this one is full or of another day. The end of the old one is signed first.
    pub(super) fn rotate_when_due(&mut self) -> bool {
        let full = self.bytes >= self.options.segment_bytes;
        if !full && time::day_of(time::now()) == self.day {
            return true;
        }
        if !self.sync_now() {
            return false;
        }
        let [mut pause, longest] = PAUSE;
        loop {
            match create(&self.dir, self.end.seq + 1) {
                Ok(to) => {
                    self.day = time::day_of(to.began_unix_ms);
                    (self.path, self.file, self.bytes) = (to.segment.path, Arc::new(to.file), 0);
                    break;
                }
                Err(error) => {
                    if !self.desk.failed(&error.to_string(), pause) {
                        return false;
                    }
                    pause = (pause * 2).min(longest);
                }
            }
        }
        self.places.clear();
        self.policy = None;
        self.policy_told = None;
        self.begins("segment", None);
        self.prune();
        true
    }

    /// Deletes segments whose last record is older than is to be kept, where a head vouches for their end.
    fn prune(&mut self) {
        let Some(keep) = self.options.keep else { return };
        let oldest = time::now().saturating_sub(u64::try_from(keep.as_millis()).unwrap_or(u64::MAX));
        match prune(&self.dir, oldest) {
            Ok(None) => {}
            Ok(Some(through)) => self.end.seal(time::now(), "pruned", &Pruned { through }, &mut self.buffer),
            Err(error) => tracing::error!(%error, "old segments of the audit trail are not deleted"),
        }
    }
}

/// Makes the segment whose first record will be `first`.
pub(crate) fn create(dir: &Path, first: u64) -> Result<Open, AuditError> {
    let segment = Segment::new(dir, first);
    let mut file = sync::open(&segment.path, false).map_err(AuditError::file("create", &segment.path))?;
    // One that an earlier try left has no whole record.
    let bytes = file.seek(SeekFrom::End(0)).map_err(AuditError::file("read", &segment.path))?;
    if bytes > 0 {
        file.set_len(0).and_then(|()| file.rewind()).map_err(AuditError::file("write", &segment.path))?;
    }
    folder::sync(dir)?;
    Ok(Open { segment, file, bytes: 0, began_unix_ms: time::now() })
}

fn prune(dir: &Path, oldest_unix_ms: u64) -> Result<Option<u64>, AuditError> {
    let segments = folder::segments(dir)?;
    let mut through = None;
    for pair in segments.windows(2) {
        let [old, next] = pair else { break };
        let ended = recover::began(next)?.unwrap_or(u64::MAX);
        let boundary = next.first - 1;
        let signed = || scan::heads(dir, false).map(|h| h.heads.iter().any(|h| h.seq == boundary));
        if ended >= oldest_unix_ms || !signed()? {
            break;
        }
        std::fs::remove_file(&old.path).map_err(AuditError::file("delete", &old.path))?;
        through = Some(boundary);
    }
    folder::sync(dir)?;
    Ok(through)
}
