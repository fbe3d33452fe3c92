//! The writer thread: makes records of what was told, appends them, and begins new segments.
//!
//! Never here: what a record says (`record`), syncing and signing (`sync`).

mod segment;

pub(crate) use segment::{Open, create};

use crate::desk::{Desk, Item, Part};
use crate::frame::End;
use crate::options::Options;
use crate::record::{self, Begins, Decided, Ended, Lost, PlaceIs, PolicyIs, Stops, Torn};
use crate::sync::{Job, Marks};
use crate::{AuditError, time};
use decide::{Decision, Place, PlaceId, Policy, Written};
use std::collections::HashMap;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

/// Bytes that are made before they are written.
const CHUNK: usize = 1 << 20;
/// First and longest pause after a failure of the disk.
const PAUSE: [Duration; 2] = [Duration::from_millis(20), Duration::from_secs(2)];

/// What stays the same for every segment.
pub(crate) struct Names {
    pub(crate) program: String,
    pub(crate) key: String,
    pub(crate) prompt_key_id: String,
}

/// The writer.
pub(crate) struct Writer {
    pub(crate) desk: Arc<Desk>,
    pub(crate) dir: PathBuf,
    pub(crate) options: Options,
    pub(crate) names: Names,
    pub(crate) marks: Arc<Marks>,
    pub(crate) jobs: SyncSender<Job>,
    end: End,
    path: PathBuf,
    file: Arc<File>,
    bytes: u64,
    /// The day on which the segment began.
    day: u64,
    /// What decisions name, as it stands in this segment.
    places: HashMap<PlaceId, Arc<Place>>,
    policy: Option<(Arc<Policy>, String)>,
    policy_told: Option<String>,
    /// Decisions without an end, and their records.
    open: HashMap<u128, u64>,
    started: Instant,
    buffer: Vec<u8>,
    waiting: Vec<Written>,
    last_sync: Instant,
    last_sign: Instant,
}

impl Writer {
    #[expect(clippy::too_many_arguments, reason = "called once, by the one who opens the trail")]
    pub(crate) fn new(
        desk: Arc<Desk>,
        dir: PathBuf,
        options: Options,
        names: Names,
        marks: Arc<Marks>,
        jobs: SyncSender<Job>,
        end: End,
        to: Open,
    ) -> Writer {
        let now = Instant::now();
        Writer {
            desk,
            dir,
            options,
            names,
            marks,
            jobs,
            end,
            path: to.segment.path,
            file: Arc::new(to.file),
            bytes: to.bytes,
            day: time::day_of(to.began_unix_ms),
            places: HashMap::new(),
            policy: None,
            policy_told: None,
            open: HashMap::new(),
            started: now,
            buffer: Vec::new(),
            waiting: Vec::new(),
            last_sync: now,
            last_sign: now,
        }
    }

    /// The first records of this server, brought to the disk and signed before it serves.
    pub(crate) fn begin(&mut self, torn: Option<Torn>, missing: Option<(u64, End)>) -> Result<(), AuditError> {
        if let Some((from, head)) = missing {
            let gap = record::Gap { from, to: head.seq, head: crate::hex::show(&head.hash) };
            self.end.seq = head.seq;
            self.end.seal(time::now(), "gap", &gap, &mut self.buffer);
            tracing::error!(from, to = head.seq, "records of the audit trail that were signed are missing");
        }
        self.begins("start", torn);
        (&*self.file).write_all(&self.buffer).map_err(AuditError::file("write", &self.path))?;
        self.bytes += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    fn begins(&mut self, kind: &str, torn: Option<Torn>) {
        let names = &self.names;
        let body = Begins {
            format: 1,
            program: &names.program,
            key: names.key.clone(),
            prompt_key_id: &names.prompt_key_id,
            torn,
        };
        self.end.seal(time::now(), kind, &body, &mut self.buffer);
    }

    /// Writes until the trail is closed. Gives back how many records were given up.
    pub(crate) fn run(mut self) -> usize {
        let mut batch = Vec::new();
        loop {
            let work = self.desk.next(&mut batch, self.due());
            let items = batch.len();
            let written = self.take(&mut batch, work.lost);
            if !written {
                return self.desk.gone(items.max(1));
            }
            if work.end && items == 0 {
                self.end.seal(time::now(), "stop", &Stops { open: self.desk.open() }, &mut self.buffer);
                let ended = self.write() && self.sync_now();
                return self.desk.gone(usize::from(!ended));
            }
            self.sync_when_due();
        }
    }

    /// Writes a batch; `false` where it was given up.
    fn take(&mut self, batch: &mut Vec<Item>, lost: u64) -> bool {
        if batch.is_empty() && lost == 0 {
            return true;
        }
        if !self.rotate_when_due() {
            return false;
        }
        if lost > 0 {
            self.end.seal(time::now(), "lost", &Lost { decisions: lost }, &mut self.buffer);
        }
        for item in batch.drain(..) {
            self.item(item);
            if self.buffer.len() >= CHUNK && !(self.write() && self.rotate_when_due()) {
                return false;
            }
        }
        self.write()
    }

    fn item(&mut self, item: Item) {
        let up = |told: Instant| u64::try_from(told.saturating_duration_since(self.started).as_millis()).unwrap_or(0);
        match item {
            Item::Decided(decision, written, told) => {
                let up = up(told);
                let policy = self.names_of(&decision);
                let body = Decided::of(&decision, &policy, up);
                self.end.seal(decision.at_unix_ms, "decided", &body, &mut self.buffer);
                if decision.denied.is_none() {
                    self.open.insert(decision.ask_id, self.end.seq);
                }
                self.waiting.extend(written);
            }
            Item::Ended(ending, told) => {
                let of = self.open.remove(&ending.ask_id);
                let body = Ended::of(&ending, of, up(told));
                self.end.seal(time::now(), "ended", &body, &mut self.buffer);
            }
        }
    }

    /// Writes out what a decision names and this segment does not have yet. Gives back the hash of the policy.
    fn names_of(&mut self, decision: &Decision) -> String {
        if self.policy.as_ref().is_none_or(|(known, _)| !Arc::ptr_eq(known, &decision.policy)) {
            let (hash, text) = record::policy(&decision.policy);
            if self.policy_told.as_ref() != Some(&hash) {
                self.end.seal(time::now(), "policy", &PolicyIs::of(&hash, &text), &mut self.buffer);
                self.policy_told = Some(hash.clone());
            }
            self.policy = Some((decision.policy.clone(), hash));
        }
        let order = decision.verdict.order.iter().map(|c| &c.place);
        let mut before: Option<&Arc<Place>> = None;
        for place in order.chain(decision.verdict.refused.iter().map(|r| &r.place)) {
            let same = |known: &Arc<Place>| Arc::ptr_eq(known, place);
            if before.replace(place).is_some_and(same) || self.places.get(&place.id).is_some_and(same) {
                continue;
            }
            let known = self.places.insert(place.id.clone(), place.clone());
            if known.is_none_or(|known| known != *place) {
                self.end.seal(time::now(), "place", &PlaceIs::of(place), &mut self.buffer);
            }
        }
        self.policy.as_ref().map(|(_, hash)| hash.clone()).unwrap_or_default()
    }

    /// Appends what was made; tries until it succeeds. `false` where it was given up.
    fn write(&mut self) -> bool {
        let [mut pause, longest] = PAUSE;
        let mut done = 0;
        while let Some(rest) = self.buffer.get(done..).filter(|r| !r.is_empty()) {
            match (&*self.file).write(rest) {
                Ok(n) if n > 0 => done += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                other => {
                    let error = other.err().unwrap_or(ErrorKind::WriteZero.into());
                    self.release();
                    let error = AuditError::file("write", &self.path)(error);
                    if !self.desk.failed(&error.to_string(), pause) {
                        return false;
                    }
                    pause = (pause * 2).min(longest);
                }
            }
        }
        self.bytes += done as u64;
        self.buffer.clear();
        if self.buffer.capacity() > 4 * CHUNK {
            self.buffer = Vec::new();
        }
        self.waiting.drain(..).for_each(|written| written());
        self.desk.well(Part::Write);
        true
    }

    /// Nobody waits for a disk that fails: who must not go on unrecorded is refused.
    fn release(&mut self) {
        let goes_on = self.desk.goes_on();
        self.waiting.drain(..).filter(|_| goes_on).for_each(|written| written());
    }

    fn unsynced(&self) -> bool {
        self.marks.synced.load(Ordering::Acquire) < self.end.seq
    }

    fn unsigned(&self) -> u64 {
        self.end.seq - self.marks.signed.load(Ordering::Acquire).min(self.end.seq)
    }

    /// When something is to be done even if nothing is told.
    fn due(&self) -> Option<Instant> {
        let sync = self.unsynced().then(|| self.last_sync + self.options.sync_after);
        let sign = (self.unsigned() > 0).then(|| self.last_sign + self.options.sign_after);
        sync.into_iter().chain(sign).min()
    }

    fn sync_when_due(&mut self) {
        let now = Instant::now();
        let sign = self.unsigned() > 0
            && (now >= self.last_sign + self.options.sign_after || self.unsigned() >= self.options.sign_records);
        let due = self.unsynced() && now >= self.last_sync + self.options.sync_after;
        if !sign && !due {
            return;
        }
        let sent = self.jobs.try_send(self.job(sign, None));
        // A round is under way: the next one takes this along.
        self.last_sync = now;
        if sign && !matches!(sent, Err(TrySendError::Full(_))) {
            self.last_sign = now;
        }
    }

    fn job(&self, sign: bool, done: Option<SyncSender<bool>>) -> Job {
        Job { file: self.file.clone(), path: self.path.clone(), end: self.end, sign, done }
    }

    /// Brings all to the disk and signs it; tries until it succeeds. `false` where it was given up.
    fn sync_now(&mut self) -> bool {
        let [mut pause, longest] = PAUSE;
        loop {
            let (tell, told) = sync_channel(1);
            if self.jobs.send(self.job(true, Some(tell))).is_err() {
                return false;
            }
            if told.recv() == Ok(true) {
                self.last_sync = Instant::now();
                self.last_sign = self.last_sync;
                self.desk.well(Part::Write);
                return true;
            }
            if !self.desk.failed("records cannot be brought to the disk", pause) {
                return false;
            }
            pause = (pause * 2).min(longest);
        }
    }

    /// As [`Writer::sync_now`], once.
    pub(crate) fn sync_first(&mut self) -> bool {
        let (tell, told) = sync_channel(1);
        self.jobs.send(self.job(true, Some(tell))).is_ok() && told.recv() == Ok(true)
    }
}
