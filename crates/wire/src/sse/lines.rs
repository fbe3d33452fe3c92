//! Lines out of chunks.
//!
//! Never here: what a line means.

use super::MAX_LINE;
use crate::WireError;
use bytes::{Buf, Bytes};

/// What ends a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    /// LF, CR or CRLF.
    CrOrLf,
    /// LF.
    Lf,
}

/// Cuts lines. The part of a line that came with earlier chunks is kept in `rest`.
#[derive(Debug)]
pub(super) struct Lines {
    ends: Ends,
    chunk: Bytes,
    rest: Vec<u8>,
    /// The last line ended with a CR: an LF that follows belongs to it.
    after_cr: bool,
    stopped: bool,
}

/// The error for a line beyond [`MAX_LINE`].
pub(super) fn too_long() -> WireError {
    WireError::new(format!(
        "The upstream sent a line or frame of more than {MAX_LINE} bytes; the stream was cut there."
    ))
}

impl Lines {
    pub(super) fn new(ends: Ends) -> Lines {
        Lines { ends, chunk: Bytes::new(), rest: Vec::new(), after_cr: false, stopped: false }
    }

    pub(super) fn push(&mut self, chunk: &Bytes) {
        if self.stopped {
            return;
        }
        self.chunk = if self.chunk.is_empty() {
            chunk.clone()
        } else {
            // The last chunk was not drained; join rather than lose it.
            Bytes::from([&self.chunk[..], &chunk[..]].concat())
        };
    }

    /// Takes nothing more and forgets what there is.
    pub(super) fn stop(&mut self) {
        *self = Lines { stopped: true, ..Lines::new(self.ends) };
    }

    /// The next whole line without its end; `None` when more bytes are needed; nothing after an error.
    pub(super) fn next(&mut self) -> Option<Result<Bytes, WireError>> {
        if self.after_cr && !self.chunk.is_empty() {
            self.after_cr = false;
            if self.chunk[0] == b'\n' {
                self.chunk.advance(1);
            }
        }
        if self.chunk.is_empty() {
            return None;
        }
        let end = match self.ends {
            Ends::CrOrLf => memchr::memchr2(b'\n', b'\r', &self.chunk),
            Ends::Lf => memchr::memchr(b'\n', &self.chunk),
        };
        if self.rest.len() + end.unwrap_or(self.chunk.len()) > MAX_LINE {
            self.stop();
            return Some(Err(too_long()));
        }
        let Some(end) = end else {
            self.rest.extend_from_slice(&self.chunk);
            self.chunk = Bytes::new();
            return None;
        };
        let line = self.chunk.split_to(end);
        self.after_cr = self.chunk[0] == b'\r';
        self.chunk.advance(1);
        if self.rest.is_empty() {
            return Some(Ok(line));
        }
        let mut whole = std::mem::take(&mut self.rest);
        whole.extend_from_slice(&line);
        Some(Ok(Bytes::from(whole)))
    }

    /// The line that has no end yet; call at the end of the body, after draining.
    pub(super) fn last(&mut self) -> Option<Bytes> {
        Some(std::mem::take(&mut self.rest)).filter(|r| !r.is_empty()).map(Bytes::from)
    }

    /// Whether a line is under way.
    pub(super) fn has_rest(&self) -> bool {
        !self.rest.is_empty() || !self.chunk.is_empty()
    }
}
