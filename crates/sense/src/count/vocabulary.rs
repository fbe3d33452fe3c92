//! The tokens of a published vocabulary and their ranks, in little memory: one block of bytes and an open table into it.
//!
//! Never here: which model has which.

use flate2::read::GzDecoder;
use std::io::Read;

/// Slots of the table: a power of two, more than twice the largest vocabulary.
const SLOTS: usize = 1 << 19;
/// No token of either vocabulary is longer.
pub(super) const LONGEST: usize = 128;

/// Tokens by their bytes.
pub(super) struct Vocabulary {
    bytes: Vec<u8>,
    /// Where each token begins in `bytes`, by rank, and where the last one ends.
    starts: Vec<u32>,
    /// Rank + 1; 0 is a free slot.
    slots: Vec<u32>,
}

impl Vocabulary {
    /// Unpacks what `scripts/make-vocabulary` made: lengths of one byte, each before its bytes.
    pub(super) fn unpack(packed: &[u8]) -> Option<Vocabulary> {
        let mut all = Vec::new();
        GzDecoder::new(packed).read_to_end(&mut all).ok()?;
        let (mut bytes, mut starts, mut rest) = (Vec::with_capacity(all.len()), vec![0u32], all.as_slice());
        while let Some((length, tail)) = rest.split_first() {
            let (token, tail) = tail.split_at_checked(usize::from(*length))?;
            bytes.extend_from_slice(token);
            starts.push(u32::try_from(bytes.len()).ok()?);
            rest = tail;
        }
        let mut made = Vocabulary { bytes, starts, slots: vec![0; SLOTS] };
        for rank in 0..made.starts.len() - 1 {
            let at = made.find(made.token(rank)).err()?;
            made.slots[at] = rank as u32 + 1;
        }
        Some(made)
    }

    /// The rank of a token.
    pub(super) fn rank(&self, token: &[u8]) -> Option<u32> {
        if token.len() > LONGEST {
            return None;
        }
        self.find(token).ok()
    }

    fn token(&self, rank: usize) -> &[u8] {
        &self.bytes[self.starts[rank] as usize..self.starts[rank + 1] as usize]
    }

    /// Its rank, or the slot where it would be. The table always has free slots, so that this ends.
    fn find(&self, token: &[u8]) -> Result<u32, usize> {
        let mut at = hash(token) & (SLOTS - 1);
        loop {
            match self.slots[at] {
                0 => return Err(at),
                taken if self.token(taken as usize - 1) == token => return Ok(taken - 1),
                _ => at = (at + 1) & (SLOTS - 1),
            }
        }
    }
}

/// FNV-1a with its bits mixed; the words are published, so that nobody gains by a collision.
fn hash(bytes: &[u8]) -> usize {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3));
    (hash ^ (hash >> 29)) as usize
}
