//! Framing: server-sent events and NDJSON lines out of arbitrary chunks of bytes.
//!
//! Both readers take chunks as the network cut them and give whole frames; a frame that lies in one chunk is a slice of
//! that chunk, not a copy. Use: [`SseReader::push`] a chunk, drain the reader as an iterator, and at the end of the body
//! take [`SseReader::rest`] and ask [`SseReader::finish`].
//!
//! Never here: what the frames say (each dialect's `Reader`).

mod lines;

use crate::WireError;
use bytes::Bytes;
use lines::{Ends, Lines};
use std::ops::Deref;

/// Longest line, and most data in one frame, in bytes. More is an error and ends the stream: a bound on what one
/// backend can make us hold.
pub const MAX_LINE: usize = 1 << 20;

/// One server-sent event that has data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The `event:` name; `frame.name.as_deref()` is an `Option<&str>`.
    pub name: Option<Name>,
    /// The data; several `data:` lines are joined by line feeds.
    pub data: Bytes,
}

/// The name of an event: text, shared with the chunk that it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(Bytes);

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        // Checked when it was made.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Reads server-sent events. LF, CR and CRLF end lines; comments, `id`, `retry` and unknown fields are passed over, and
/// so are events without data; a byte order mark at the start is dropped.
#[derive(Debug)]
pub struct SseReader {
    lines: Lines,
    name: Option<Name>,
    data: Data,
    started: bool,
}

/// The data lines of the frame under way.
#[derive(Debug, Default)]
enum Data {
    #[default]
    None,
    One(Bytes),
    Many(Vec<u8>),
}

impl Default for SseReader {
    fn default() -> SseReader {
        SseReader { lines: Lines::new(Ends::CrOrLf), name: None, data: Data::None, started: false }
    }
}

impl SseReader {
    /// A reader at the start of a stream.
    pub fn new() -> SseReader {
        SseReader::default()
    }

    /// Takes the next chunk of the body.
    pub fn push(&mut self, chunk: &Bytes) {
        self.lines.push(chunk);
    }

    /// At the end of the body: the frame that only lacks its closing blank line, as some servers leave their last one.
    pub fn rest(&mut self) -> Option<Frame> {
        if let Some(line) = self.lines.last() {
            self.take(&line).ok()?;
        }
        self.dispatch()
    }

    /// At the end of the body: whether bytes of an unfinished frame are left over.
    pub fn finish(&self) -> bool {
        self.lines.has_rest() || !matches!(self.data, Data::None)
    }

    /// Takes one line that is not blank.
    fn take(&mut self, line: &Bytes) -> Result<(), WireError> {
        const BOM: &[u8] = b"\xEF\xBB\xBF";
        let skip = if self.started { 0 } else { line.strip_prefix(BOM).map_or(0, |_| BOM.len()) };
        self.started = true;
        let line = line.slice(skip..);
        let colon = memchr::memchr(b':', &line);
        let value = |at: usize| {
            let space = usize::from(line.get(at + 1) == Some(&b' '));
            line.slice(at + 1 + space..)
        };
        let field = &line[..colon.unwrap_or(line.len())];
        match (field, colon) {
            (b"data", _) => self.append(colon.map_or_else(Bytes::new, value)),
            (b"event", Some(at)) => {
                let name = value(at);
                self.name = std::str::from_utf8(&name).is_ok_and(|n| !n.is_empty()).then_some(Name(name));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn append(&mut self, line: Bytes) -> Result<(), WireError> {
        self.data = match std::mem::take(&mut self.data) {
            Data::None => Data::One(line),
            Data::One(first) => Data::Many([&first, &b"\n"[..], &line].concat()),
            Data::Many(mut all) => {
                all.push(b'\n');
                all.extend_from_slice(&line);
                Data::Many(all)
            }
        };
        match &self.data {
            Data::Many(all) if all.len() > MAX_LINE => {
                self.lines.stop();
                self.data = Data::None;
                Err(lines::too_long())
            }
            _ => Ok(()),
        }
    }

    /// A blank line ends a frame; without data there is none.
    fn dispatch(&mut self) -> Option<Frame> {
        let name = self.name.take();
        let data = match std::mem::take(&mut self.data) {
            Data::None => return None,
            Data::One(data) => data,
            Data::Many(data) => Bytes::from(data),
        };
        Some(Frame { name, data }).filter(|f| !f.data.is_empty())
    }
}

/// The frames that are whole by now; an error is the last item.
impl Iterator for SseReader {
    type Item = Result<Frame, WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let line = match self.lines.next()? {
                Ok(line) => line,
                Err(error) => {
                    self.data = Data::None;
                    return Some(Err(error));
                }
            };
            if line.is_empty() {
                self.started = true;
                if let Some(frame) = self.dispatch() {
                    return Some(Ok(frame));
                }
            } else if let Err(error) = self.take(&line) {
                return Some(Err(error));
            }
        }
    }
}

/// Reads lines of JSON: LF ends a line, a CR before it is dropped, blank lines are passed over.
#[derive(Debug)]
pub struct NdjsonReader {
    lines: Lines,
}

impl Default for NdjsonReader {
    fn default() -> NdjsonReader {
        NdjsonReader { lines: Lines::new(Ends::Lf) }
    }
}

impl NdjsonReader {
    /// A reader at the start of a stream.
    pub fn new() -> NdjsonReader {
        NdjsonReader::default()
    }

    /// Takes the next chunk of the body.
    pub fn push(&mut self, chunk: &Bytes) {
        self.lines.push(chunk);
    }

    /// At the end of the body: the line that only lacks its line feed.
    pub fn rest(&mut self) -> Option<Bytes> {
        self.lines.last().map(trimmed).filter(|line| !line.is_empty())
    }

    /// At the end of the body: whether bytes of an unfinished line are left over.
    pub fn finish(&self) -> bool {
        self.lines.has_rest()
    }
}

/// The lines that are whole by now; an error is the last item.
impl Iterator for NdjsonReader {
    type Item = Result<Bytes, WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let line = match self.lines.next()? {
                Ok(line) => trimmed(line),
                Err(error) => return Some(Err(error)),
            };
            if !line.is_empty() {
                return Some(Ok(line));
            }
        }
    }
}

fn trimmed(mut line: Bytes) -> Bytes {
    if line.last() == Some(&b'\r') {
        line.truncate(line.len() - 1);
    }
    line
}

#[cfg(test)]
mod tests;
