//! Byte-pair merging of one piece: the neighbours of the lowest rank become one, until none of them are a token.
//!
//! Never here: splitting a text into pieces.

use super::vocabulary::Vocabulary;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Tokens of a piece. `n log n` in its length.
pub(super) fn count(vocabulary: &Vocabulary, piece: &[u8]) -> u64 {
    if piece.is_empty() {
        return 0;
    }
    if vocabulary.rank(piece).is_some() {
        return 1;
    }
    let n = piece.len();
    // Part `i` begins at byte `i` and ends at `next[i]`; `n` is the end. A part that was merged into another is dead.
    let mut next: Vec<usize> = (1..=n).collect();
    let mut before: Vec<usize> = (0..n).map(|i| i.wrapping_sub(1)).collect();
    let mut dead = vec![false; n];
    let pair = |next: &[usize], left: usize| -> Option<(u32, usize, usize)> {
        let right = *next.get(left)?;
        let end = *next.get(right)?;
        vocabulary.rank(&piece[left..end]).map(|rank| (rank, left, end))
    };
    let mut heap: BinaryHeap<_> = (0..n).filter_map(|left| pair(&next, left)).map(Reverse).collect();
    let mut parts = n as u64;
    while let Some(Reverse((_, left, end))) = heap.pop() {
        // Stale where either part has changed since.
        let right = next[left];
        if dead[left] || right >= n || next[right] != end {
            continue;
        }
        dead[right] = true;
        next[left] = end;
        if end < n {
            before[end] = left;
        }
        parts -= 1;
        heap.extend(pair(&next, left).map(Reverse));
        let earlier = before[left];
        if earlier < n {
            heap.extend(pair(&next, earlier).map(Reverse));
        }
    }
    parts
}
