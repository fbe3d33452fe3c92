//! Checking a trail offline: every hash, every link, every head, and what an auditor brings along.
//!
//! What it can find by the folder alone: any changed, deleted, inserted, repeated or moved record, and a tail that was cut off behind
//! the last head. What it cannot: that tail and head were cut off together, or that the holder of the key wrote everything anew. A
//! head that was kept elsewhere finds both.
//!
//! Never here: what records say (`report`).

mod heads;

use crate::folder::{self, HEADS, Segment};
use crate::frame::{End, Line};
use crate::head::Head;
use crate::scan::{self, HeadFile, Missing, Stop};
use crate::{AuditError, hex, lock};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

/// Between two calls of progress, records.
const STEP: u64 = 20_000;
/// Bytes of a file of heads that an auditor brings, at most.
const HEADS_MAX: u64 = 16 << 20;

/// What an auditor brings along.
#[derive(Debug, Clone, Default)]
pub struct Check {
    /// Heads that were kept elsewhere.
    pub heads: Vec<Head>,
    /// The public key that must have signed.
    pub key: Option<[u8; 32]>,
}

/// The first thing that is wrong in one of the files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bad {
    /// The number of the record; `None` where it is not about one.
    pub seq: Option<u64>,
    /// The file's name.
    pub file: String,
    /// The line, from 1; 0 where it is about the whole file.
    pub line: u64,
    /// What is wrong.
    pub why: String,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Verified {
    /// Good records, before the first bad one.
    pub records: u64,
    /// Their first and last number; 0 where there are none.
    pub first_seq: u64,
    /// See `first_seq`.
    pub last_seq: u64,
    /// When the first and the last of them were made, Unix milliseconds.
    pub first_unix_ms: Option<u64>,
    /// See `first_unix_ms`.
    pub last_unix_ms: Option<u64>,
    /// Segments, and bytes of records in them.
    pub segments: u64,
    /// See `segments`.
    pub bytes: u64,
    /// Signed heads.
    pub heads: u64,
    /// The last record that a head of the folder has signed.
    pub signed_seq: u64,
    /// Heads brought along that the chain agrees with.
    pub agreed: u64,
    /// The public key, hexadecimal, that the chain names last.
    pub key: Option<String>,
    /// Where the chain began to name another key: the number of the record, and the key.
    pub keys: Vec<(u64, String)>,
    /// Decisions that the chain itself says it does not have.
    pub lost: u64,
    /// Stretches of records that were missing when a server started: from, to.
    pub gaps: Vec<(u64, u64)>,
    /// The process that writes it now.
    pub in_use_by: Option<u32>,
    /// What is no fault and should be known.
    pub notes: Vec<String>,
    /// What is wrong: the first bad record, the first bad head, and what does not agree.
    pub bad: Vec<Bad>,
}

impl Verified {
    /// Whether everything is as it was written.
    pub fn is_whole(&self) -> bool {
        self.bad.is_empty()
    }

    fn bad(&mut self, seq: Option<u64>, file: &str, line: u64, why: impl Into<String>) {
        self.bad.push(Bad { seq, file: file.to_owned(), line, why: why.into() });
    }
}

/// Reads the heads that an auditor kept: one line each, as `dewpoint audit head` prints them.
///
/// # Errors
/// It cannot be read, or a line of it is no signed head.
pub fn heads_in(path: &Path) -> Result<Vec<Head>, AuditError> {
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(AuditError::file("open", path))?;
    file.take(HEADS_MAX).read_to_string(&mut text).map_err(AuditError::file("read", path))?;
    let fault = |why: String| AuditError::Head { path: path.to_owned(), why };
    let mut heads = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        heads.push(Head::read(line.trim()).map_err(|why| fault(format!("line {}: {why}", at + 1)))?);
    }
    if heads.is_empty() { Err(fault("it is empty".to_owned())) } else { Ok(heads) }
}

/// The last signed head of a trail.
///
/// # Errors
/// There is none, or it is damaged.
pub fn last_head(dir: &Path) -> Result<Head, AuditError> {
    folder::segments(dir)?;
    let found = scan::heads(dir, false)?;
    if let Some((line, why)) = found.bad {
        return Err(AuditError::Damaged { file: HEADS.to_owned(), line, why });
    }
    found.heads.into_iter().next_back().ok_or_else(|| AuditError::Missing { dir: dir.to_owned() })
}

/// Checks the trail in `dir`. Changes nothing, and runs beside a server. `progress` is told bytes done and all bytes.
///
/// # Errors
/// It cannot be read at all. What is wrong with it is in the result.
pub fn verify(dir: &Path, check: &Check, progress: &mut dyn FnMut(u64, u64)) -> Result<Verified, AuditError> {
    walk(dir, check, progress, &mut |_| Ok(()))
}

/// The body of the records that name a key.
#[derive(Deserialize)]
struct Names<'a> {
    #[serde(borrow)]
    key: &'a str,
    #[serde(borrow)]
    prompt_key_id: &'a str,
}

#[derive(Deserialize)]
struct LostIs {
    decisions: u64,
}

/// What is known while the chain is read.
struct Walk<'a> {
    out: Verified,
    /// Heads of the folder, then those brought along, by the record that they are about.
    heads: HashMap<u64, Vec<(&'a Head, bool)>>,
    key: Option<[u8; 32]>,
    pinned: Option<[u8; 32]>,
    prompt_key_id: Option<String>,
    all: u64,
    done: u64,
}

/// As [`verify`], and shows each good record to `each`.
pub(crate) fn walk(
    dir: &Path,
    check: &Check,
    progress: &mut dyn FnMut(u64, u64),
    each: &mut dyn FnMut(&Line<'_>) -> Result<(), String>,
) -> Result<Verified, AuditError> {
    // In this order: what a head speaks of was written before it, so that a server that writes on does not look damaged.
    let in_use_by = lock::holder_of(dir);
    let file = scan::heads(dir, true)?;
    let segments = folder::segments(dir)?;
    if segments.is_empty() && file.heads.is_empty() {
        return Err(AuditError::Missing { dir: dir.to_owned() });
    }
    let mut heads: HashMap<u64, Vec<(&Head, bool)>> = HashMap::with_capacity(file.heads.len());
    for (head, brought) in file.heads.iter().map(|h| (h, false)).chain(check.heads.iter().map(|h| (h, true))) {
        heads.entry(head.seq).or_default().push((head, brought));
    }
    let all = segments.iter().filter_map(|s| s.path.metadata().ok()).map(|m| m.len()).sum();
    let out =
        Verified { in_use_by, segments: segments.len() as u64, heads: file.heads.len() as u64, ..Verified::default() };
    let mut walk = Walk { out, heads, key: None, pinned: check.key, prompt_key_id: None, all, done: 0 };
    let end = walk.segments(&segments, &file, progress, each)?;
    walk.heads_of(&file, check, end, segments.first().map_or(1, |s| s.first));
    walk.keys_of(dir);
    progress(all, all);
    let mut out = walk.out;
    out.key = walk.key.map(|k| hex::show(&k));
    out.signed_seq = file.heads.last().map_or(0, |h| h.seq);
    Ok(out)
}

impl Walk<'_> {
    /// Reads all segments up to the first flaw; gives back where the good chain ends, and whether that is its end.
    fn segments(
        &mut self,
        segments: &[Segment],
        file: &HeadFile,
        progress: &mut dyn FnMut(u64, u64),
        each: &mut dyn FnMut(&Line<'_>) -> Result<(), String>,
    ) -> Result<Option<End>, AuditError> {
        let first = segments.first().map_or(1, |s| s.first);
        let mut end = End::START;
        if first > 1 {
            let Some(head) = file.heads.iter().find(|h| h.seq == first - 1) else {
                let missing = gap_begins(&segments[0]);
                if !missing {
                    let why = format!(
                        "records 1 to {} are not there, and no signed head vouches for where they ended",
                        first - 1
                    );
                    self.out.bad(Some(first), &segments[0].name(), 1, why);
                    return Ok(None);
                }
                return self.read(segments, end, progress, each);
            };
            end = head.end();
            self.key = Some(head.key);
            let note = format!("records 1 to {} were deleted; a signed head vouches for where they ended", first - 1);
            self.out.notes.push(note);
        }
        self.read(segments, end, progress, each)
    }

    fn read(
        &mut self,
        segments: &[Segment],
        mut end: End,
        progress: &mut dyn FnMut(u64, u64),
        each: &mut dyn FnMut(&Line<'_>) -> Result<(), String>,
    ) -> Result<Option<End>, AuditError> {
        for (at, segment) in segments.iter().enumerate() {
            let name = segment.name();
            let read = scan::segment(segment, end, &mut |line, number| {
                self.line(line, &name, number)?;
                self.done += line.json.len() as u64 + 1;
                if self.out.records.is_multiple_of(STEP) {
                    progress(self.done, self.all);
                }
                each(line)
            })?;
            self.out.bytes += read.bytes;
            end = read.end;
            let last = at + 1 == segments.len();
            let why = match read.stop {
                Stop::End => continue,
                Stop::Torn if last && self.out.in_use_by.is_some() => continue,
                Stop::Torn if last => {
                    "the record is unfinished: the server was ended while it wrote, or its end was cut off; the next start removes it and says so in the chain".to_owned()
                }
                Stop::Torn => "the record is unfinished: its end was cut off".to_owned(),
                Stop::Bad(why) => why,
            };
            self.out.bad(Some(read.end.seq.saturating_add(1)), &name, read.lines + 1, why);
            return Ok(None);
        }
        Ok(Some(end))
    }

    /// One good line: what it says about keys and gaps, and whether the heads about it agree.
    fn line(&mut self, line: &Line<'_>, name: &str, number: u64) -> Result<(), String> {
        match line.kind {
            "start" | "segment" => self.names(line)?,
            "gap" => {
                if let Ok(gap) = serde_json::from_slice::<Missing>(line.json) {
                    self.out.gaps.push((gap.from, gap.to));
                    let why = format!(
                        "records {} to {} were missing when the server started: they were signed, and then lost or deleted",
                        gap.from, gap.to
                    );
                    self.out.bad(Some(line.seq), name, number, why);
                }
            }
            "lost" => self.out.lost += serde_json::from_slice::<LostIs>(line.json).map_or(0, |l| l.decisions),
            _ => {}
        }
        for (head, brought) in self.heads.get(&line.seq).into_iter().flatten() {
            let whose = if *brought { "the head that was kept elsewhere" } else { "a signed head of the folder" };
            if head.hash != line.hash {
                return Err(format!(
                    "{whose} has another record {}: the chain was written anew, or forked before it",
                    line.seq
                ));
            }
            if self.key.is_some_and(|key| key != head.key) {
                return Err(format!(
                    "{whose} is signed with another key than the chain names: {}",
                    hex::show(&head.key)
                ));
            }
            self.out.agreed += u64::from(*brought);
        }
        if self.out.records == 0 {
            self.out.first_seq = line.seq;
            self.out.first_unix_ms = Some(line.at_unix_ms);
        }
        self.out.records += 1;
        self.out.last_seq = line.seq;
        self.out.last_unix_ms = Some(line.at_unix_ms);
        Ok(())
    }

    /// A record that names the key from here on. Only a start may bring another one.
    fn names(&mut self, line: &Line<'_>) -> Result<(), String> {
        let names: Names<'_> = serde_json::from_slice(line.json).map_err(|_| "it does not name its key".to_owned())?;
        let key: [u8; 32] = hex::read(names.key.as_bytes()).ok_or("it does not name its key")?;
        if self.pinned.is_some_and(|pinned| pinned != key) {
            return Err(format!("it names the key {}, which is not the one that was given", names.key));
        }
        if self.key != Some(key) {
            if line.kind != "start" && self.key.is_some() {
                return Err("it names another key, and only a start of the server may".to_owned());
            }
            self.out.keys.push((line.seq, names.key.to_owned()));
        }
        self.key = Some(key);
        self.prompt_key_id = Some(names.prompt_key_id.to_owned());
        Ok(())
    }
}

/// Whether a segment begins with a record that says what is missing before it.
fn gap_begins(segment: &Segment) -> bool {
    let mut line = Vec::new();
    let Ok(file) = std::fs::File::open(&segment.path) else { return false };
    let read = scan::next_line(&mut std::io::BufReader::new(file), &mut line, crate::frame::LINE_MAX);
    read.is_ok() && line.strip_suffix(b"\n").is_some_and(|l| crate::frame::read(l).is_ok_and(|l| l.kind == "gap"))
}
