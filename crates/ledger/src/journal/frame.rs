//! Frames: how one entry lies in the journal and how a whole one is told from a torn, flipped, stale or forged one.
//!
//! A frame is 8-byte aligned: checksum (4), payload length (2), mark (2), sequence (8), payload, padding.
//! The CRC-32 runs over payload, salt, length and sequence. The salt is random per journal file: a caller who writes bytes that
//! look like a frame into a model name cannot know it, so a text never becomes a record. The mark is 16 bits of the salt
//! and only lets the scan pass quickly over what is no frame.

use crate::mapped::bytes;
use crc32fast::Hasher;

/// Bytes before the payload.
pub(crate) const HEAD: usize = 16;
/// Frames start at multiples of this.
pub(crate) const ALIGN: usize = 8;
/// No frame is longer.
pub(crate) const MAX: usize = size(crate::layout::MAX_BYTES);

/// Length of the frame of a payload.
pub(crate) const fn size(payload: usize) -> usize {
    (HEAD + payload).next_multiple_of(ALIGN)
}

/// A payload with its part of the checksum, computed before the lock is taken.
pub(crate) struct Sealed {
    payload: Vec<u8>,
    crc: u32,
}

impl Sealed {
    pub(crate) fn new(payload: Vec<u8>) -> Sealed {
        let crc = crc32fast::hash(&payload);
        Sealed { payload, crc }
    }

    /// The CRC-32 of the payload alone.
    pub(crate) fn sum(&self) -> u32 {
        self.crc
    }

    /// Bytes this takes in the journal.
    pub(crate) fn size(&self) -> usize {
        size(self.payload.len())
    }

    /// Writes the frame at the start of `place`, which has at least [`Sealed::size`] bytes.
    pub(crate) fn write(&self, place: &mut [u8], salt: u64, seq: u64) {
        let len = u16::try_from(self.payload.len()).unwrap_or(u16::MAX);
        let head = [u64::from(finish(self.crc, salt, len, seq)) | u64::from(len) << 32 | mark(salt) << 48, seq];
        // The word that makes it whole comes last, so that a torn frame over cleared ground is no frame.
        if let Some(to) = place.get_mut(HEAD..HEAD + self.payload.len()) {
            to.copy_from_slice(&self.payload);
        }
        bytes::set_number(place, 8, head[1]);
        bytes::set_number(place, 0, head[0]);
    }
}

fn mark(salt: u64) -> u64 {
    salt >> 48
}

fn finish(payload_crc: u32, salt: u64, len: u16, seq: u64) -> u32 {
    let mut tail = [0; 18];
    let (s, rest) = tail.split_at_mut(8);
    let (l, q) = rest.split_at_mut(2);
    s.copy_from_slice(&salt.to_le_bytes());
    l.copy_from_slice(&len.to_le_bytes());
    q.copy_from_slice(&seq.to_le_bytes());
    let mut hasher = Hasher::new_with_initial(payload_crc);
    hasher.update(&tail);
    hasher.finalize()
}

/// A whole frame that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found<'a> {
    pub(crate) seq: u64,
    pub(crate) payload: &'a [u8],
}

/// The whole frame at the start of `place`, if there is one.
pub(crate) fn read(place: &[u8], salt: u64) -> Option<Found<'_>> {
    let head = bytes::number(place, 0)?;
    if head >> 48 != mark(salt) {
        return None;
    }
    let len = (head >> 32) as u16;
    let seq = bytes::number(place, 8)?;
    let payload = place.get(HEAD..HEAD + usize::from(len))?;
    (finish(crc32fast::hash(payload), salt, len, seq) == head as u32).then_some(Found { seq, payload })
}

/// Every whole frame in `area`, in the order of their places. What is no whole frame is stepped over, so that one damaged frame
/// hides no other.
pub(crate) fn scan(area: &[u8], salt: u64) -> impl Iterator<Item = Found<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while at + HEAD <= area.len() {
            if let Some(found) = area.get(at..).and_then(|rest| read(rest, salt)) {
                at += size(found.payload.len());
                return Some(found);
            }
            at += ALIGN;
        }
        None
    })
}
