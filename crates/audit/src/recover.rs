//! What a server finds when it starts: where the chain ends, what a crash left unfinished, and whether records are missing that a
//! head has signed. What is damaged is not guessed at.
//!
//! Never here: writing new records (`writer`).

use crate::folder::{self, HEADS, Segment};
use crate::frame::{self, End};
use crate::record::Torn;
use crate::scan::{self, Stop};
use crate::{AuditError, hex};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// What was found.
pub(crate) struct Found {
    pub(crate) end: End,
    /// The segment to go on in, its bytes, and when its first record was made; none where a new one is to be begun.
    pub(crate) segment: Option<(Segment, u64, u64)>,
    /// Heads so far, and bytes of them.
    pub(crate) heads: u64,
    pub(crate) heads_bytes: u64,
    /// The last record that a head has signed.
    pub(crate) signed: u64,
    pub(crate) torn: Option<Torn>,
    /// Records that a head speaks of and that are not there: the first, and the head's end.
    pub(crate) missing: Option<(u64, End)>,
}

/// Looks, and cuts off what is unfinished.
///
/// # Errors
/// Something is damaged; the message names it.
pub(crate) fn recover(dir: &Path) -> Result<Found, AuditError> {
    let heads = scan::heads(dir, false)?;
    if let Some((line, why)) = heads.bad {
        return Err(AuditError::Damaged { file: HEADS.to_owned(), line, why });
    }
    let mut segments = folder::segments(dir)?;
    let (mut torn, mut emptied) = (None, false);
    let last = heads.heads.last();
    let mut found = Found {
        end: End::START,
        segment: None,
        heads: last.map_or(0, |h| h.n),
        heads_bytes: heads.bytes,
        signed: last.map_or(0, |h| h.seq),
        torn: None,
        missing: None,
    };
    while let Some(segment) = segments.pop() {
        let Some((from, _)) = first(&segment)? else {
            // Begun, and nothing whole was written into it.
            torn = cut(&segment, 0)?.or(torn);
            emptied = true;
            std::fs::remove_file(&segment.path).map_err(AuditError::file("remove", &segment.path))?;
            continue;
        };
        let mut began = None;
        let mut wrong = None;
        let read = scan::segment(&segment, from, &mut |line, _| {
            began = began.or(Some(line.at_unix_ms));
            let head = last.filter(|h| h.seq == line.seq && h.hash != line.hash);
            if head.is_some() {
                wrong = Some("it is not the record that was signed: the chain was written anew or forked".to_owned());
            }
            wrong.clone().map_or(Ok(()), Err)
        })?;
        match read.stop {
            Stop::End => {}
            Stop::Torn => torn = cut(&segment, read.bytes)?.or(torn),
            Stop::Bad(why) if read.end.seq >= found.signed && is_blank(&segment, read.bytes)? => {
                tracing::warn!("the end of {} was never written ({why}); it is cut off", segment.path.display());
                torn = cut(&segment, read.bytes)?.or(torn);
            }
            Stop::Bad(why) => return Err(AuditError::Damaged { file: segment.name(), line: read.lines + 1, why }),
        }
        found.end = read.end;
        found.segment = Some((segment, read.bytes, began.unwrap_or_default()));
        break;
    }
    if found.segment.is_none()
        && let Some(head) = last
        && emptied
    {
        // All before it was deleted in order, and the head signed the end of that.
        found.end = head.end();
    }
    found.torn = torn;
    found.missing = last.filter(|h| h.seq > found.end.seq).map(|h| (found.end.seq.saturating_add(1), h.end()));
    Ok(found)
}

/// What the first line of a segment follows and when it was made; `None` where there is no whole line. A first line that is damaged is
/// found by reading the segment.
fn first(segment: &Segment) -> Result<Option<(End, u64)>, AuditError> {
    let file = File::open(&segment.path).map_err(AuditError::file("open", &segment.path))?;
    let mut line = Vec::new();
    let mut reader = std::io::BufReader::new(file);
    scan::next_line(&mut reader, &mut line, frame::LINE_MAX).map_err(AuditError::file("read", &segment.path))?;
    let Some(text) = line.strip_suffix(b"\n") else { return Ok(None) };
    let damaged = |why: String| AuditError::Damaged { file: segment.name(), line: 1, why };
    let line = frame::read(text).map_err(|e| damaged(e.to_string()))?;
    let before = line.seq.checked_sub(1).ok_or_else(|| damaged(frame::Flaw::Foreign.to_string()))?;
    // A segment that begins with a gap follows a record with a lower number.
    let gap = if line.kind == "gap" { serde_json::from_slice::<scan::Missing>(line.json).ok() } else { None };
    Ok(Some((End { seq: gap.map_or(before, |g| g.from - 1), hash: line.prev }, line.at_unix_ms)))
}

/// When the first record of a segment was made.
pub(crate) fn began(segment: &Segment) -> Result<Option<u64>, AuditError> {
    Ok(first(segment)?.map(|(_, at)| at))
}

/// Whether there are only zeros behind `from`: a loss of power left room that was never written.
fn is_blank(segment: &Segment, from: u64) -> Result<bool, AuditError> {
    let mut rest = Vec::new();
    let mut file = File::open(&segment.path).map_err(AuditError::file("open", &segment.path))?;
    file.seek(SeekFrom::Start(from))
        .and_then(|_| file.take(frame::LINE_MAX as u64 * 2).read_to_end(&mut rest))
        .map_err(AuditError::file("read", &segment.path))?;
    Ok(rest.len() < frame::LINE_MAX * 2 && rest.iter().all(|b| *b == 0))
}

/// Cuts a segment off behind `bytes`, and says what was there.
fn cut(segment: &Segment, bytes: u64) -> Result<Option<Torn>, AuditError> {
    let fault = |what| AuditError::file(what, &segment.path);
    let mut file = OpenOptions::new().read(true).write(true).open(&segment.path).map_err(fault("open"))?;
    let mut rest = Vec::new();
    file.seek(SeekFrom::Start(bytes)).and_then(|_| file.read_to_end(&mut rest)).map_err(fault("read"))?;
    file.set_len(bytes).and_then(|()| file.sync_all()).map_err(fault("cut"))?;
    let torn = Torn { bytes: rest.len() as u64, sha256: hex::show(&frame::sha256(&rest)) };
    Ok((!rest.is_empty()).then_some(torn))
}
