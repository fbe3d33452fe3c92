//! Reading a trail from its first line to its last, each line held against the one before.
//!
//! Never here: what follows from a flaw (`verify`, `recover`).

use crate::folder::{HEADS, Segment};
use crate::frame::{self, End, LINE_MAX, Line};
use crate::head::Head;
use crate::{AuditError, hex};
use serde::Deserialize;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// Bytes read at once.
const BUFFER: usize = 1 << 20;
/// Bytes of a head at most.
const HEAD_MAX: usize = 1024;

/// How reading a segment ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// At its end.
    End,
    /// At a last line without a line end.
    Torn,
    /// At something that is wrong.
    Bad(String),
}

/// A segment that was read.
#[derive(Debug)]
pub(crate) struct Read1 {
    /// The chain after its last good line.
    pub(crate) end: End,
    /// Its good lines, and their bytes.
    pub(crate) lines: u64,
    pub(crate) bytes: u64,
    pub(crate) stop: Stop,
}

/// The body of a record that says that others are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct Missing {
    pub(crate) from: u64,
    pub(crate) to: u64,
}

/// Reads one line with its line end into `line`, at most `max` bytes; `false` at the end.
pub(crate) fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>, max: usize) -> std::io::Result<bool> {
    line.clear();
    reader.take(max as u64).read_until(b'\n', line)?;
    Ok(!line.is_empty())
}

/// Reads a segment whose first line follows `from`, and shows each good line with its number. What `each` finds wrong stops it.
pub(crate) fn segment(
    segment: &Segment,
    from: End,
    each: &mut dyn FnMut(&Line<'_>, u64) -> Result<(), String>,
) -> Result<Read1, AuditError> {
    let fault = |what| AuditError::file(what, &segment.path);
    let mut reader = BufReader::with_capacity(BUFFER, File::open(&segment.path).map_err(fault("open"))?);
    let mut read = Read1 { end: from, lines: 0, bytes: 0, stop: Stop::End };
    let mut bytes = Vec::new();
    while next_line(&mut reader, &mut bytes, LINE_MAX).map_err(fault("read"))? {
        let Some(text) = bytes.strip_suffix(b"\n") else {
            read.stop = if bytes.len() < LINE_MAX { Stop::Torn } else { Stop::Bad(frame::Flaw::Foreign.to_string()) };
            break;
        };
        let number = read.lines + 1;
        let line = frame::read(text).map_err(|flaw| flaw.to_string());
        let line = line.and_then(|line| follows(read.end, &line).map(|()| line));
        let seen = line.and_then(|line| {
            if number == 1 && line.seq != segment.first {
                return Err(format!(
                    "the name of its file says record {}, and it is record {}",
                    segment.first, line.seq
                ));
            }
            each(&line, number).map(|()| End { seq: line.seq, hash: line.hash })
        });
        match seen {
            Ok(end) => read.end = end,
            Err(why) => {
                read.stop = Stop::Bad(why);
                break;
            }
        }
        read.lines = number;
        read.bytes += bytes.len() as u64;
    }
    Ok(read)
}

/// Whether a line is the next one after `end`; a record of kind `gap` says itself which ones are missing before it.
fn follows(end: End, line: &Line<'_>) -> Result<(), String> {
    let Some(expected) = end.seq.checked_add(1) else {
        return Err(format!("no record can stand behind record {}", end.seq));
    };
    let gap = if line.kind == "gap" { serde_json::from_slice::<Missing>(line.json).ok() } else { None };
    let stated = gap.is_some_and(|m| m.from == expected && m.to.checked_add(1) == Some(line.seq) && m.to >= m.from);
    match line.seq {
        seq if seq == expected || stated => {}
        seq if seq.checked_sub(1) == Some(expected) => {
            return Err(format!("record {expected} is missing before it: it was deleted or moved"));
        }
        seq if seq > expected => {
            return Err(format!("records {expected} to {} are missing before it: they were deleted or moved", seq - 1));
        }
        seq => {
            let before = end.seq;
            return Err(format!("record {seq} stands behind record {before}: it was repeated, inserted or moved"));
        }
    }
    if line.prev != end.hash {
        let (has, says) = (hex::show(&end.hash[..4]), hex::show(&line.prev[..4]));
        return Err(format!(
            "it does not follow from the record before it ({has}… is there, it says {says}…): one of the two was put in the place of another"
        ));
    }
    Ok(())
}

/// The file of heads.
#[derive(Debug, Default)]
pub(crate) struct HeadFile {
    /// Those that are good, in their order; each has the number of its line.
    pub(crate) heads: Vec<Head>,
    /// Bytes of them.
    pub(crate) bytes: u64,
    /// The first line that is wrong, and why; nothing is read behind it.
    pub(crate) bad: Option<(u64, String)>,
    /// The last line has no line end.
    pub(crate) torn: bool,
}

/// Reads all heads. `signatures` says whether to check each one's signature, or only the last one's.
pub(crate) fn heads(dir: &Path, signatures: bool) -> Result<HeadFile, AuditError> {
    let path = dir.join(HEADS);
    let mut found = HeadFile::default();
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(found),
        Err(e) => return Err(AuditError::file("open", &path)(e)),
    };
    let mut reader = BufReader::with_capacity(BUFFER, file);
    let (mut bytes, mut number) = (Vec::new(), 0);
    let mut last = String::new();
    while next_line(&mut reader, &mut bytes, HEAD_MAX).map_err(AuditError::file("read", &path))? {
        number += 1;
        let Some(text) = bytes.strip_suffix(b"\n") else {
            found.torn = bytes.len() < HEAD_MAX;
            if !found.torn {
                found.bad = Some((number, "it is not a signed head".to_owned()));
            }
            break;
        };
        let head = std::str::from_utf8(text).map_err(|_| "it is not a signed head").and_then(|text| {
            if signatures { Head::read(text) } else { Head::unchecked(text).ok_or("it is not a signed head") }
        });
        let head = head.map_err(str::to_owned).and_then(|head| match found.heads.last() {
            _ if head.n != number => Err(format!("it is head {}, and its place is that of head {number}", head.n)),
            Some(before) if before.seq >= head.seq => Err("it is not ahead of the one before it".to_owned()),
            _ => Ok(head),
        });
        match head {
            Ok(mut head) => {
                last = std::mem::take(&mut head.line);
                found.heads.push(head);
            }
            Err(why) => {
                found.bad = Some((number, why));
                break;
            }
        }
        found.bytes += bytes.len() as u64;
    }
    if let Some(head) = found.heads.last_mut() {
        if !signatures && let Err(why) = Head::read(&last) {
            found.bad = found.bad.or(Some((head.n, why.to_owned())));
        }
        head.line = last;
    }
    Ok(found)
}
