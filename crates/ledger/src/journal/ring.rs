//! Where the next frame goes: the arithmetic of a ring of bytes whose frames are freed in the order they came.
//!
//! When nothing is live the ring starts again at its beginning, so that under ordinary load the same few pages of the file are
//! used over and over, stay in the cache and are seldom written back.
//! Never here: the bytes themselves.

/// The ring. A frame never wraps: if it does not fit before the end it goes to the beginning.
#[derive(Debug)]
pub(crate) struct Ring {
    len: usize,
    /// Where the next frame goes.
    head: usize,
    /// Where the oldest live frame lies, or the end of the last freed one.
    tail: usize,
    /// Live frames.
    live: usize,
}

impl Ring {
    pub(crate) fn new(len: usize) -> Ring {
        Ring { len, head: 0, tail: 0, live: 0 }
    }

    /// Live bytes plus promised bytes may not be more than this, then [`Ring::place`] always finds room for a frame of up to
    /// `max` bytes: less than `max` is lost before a wrap, and head and tail never meet.
    pub(crate) fn usable(&self, max: usize) -> usize {
        self.len.saturating_sub(2 * max)
    }

    /// Takes `n` bytes and gives their offset.
    pub(crate) fn place(&mut self, n: usize) -> Option<usize> {
        let at = if self.live == 0 {
            (self.head, self.tail) = (0, 0);
            (n <= self.len).then_some(0)
        } else if self.head > self.tail {
            if self.len - self.head >= n { Some(self.head) } else { (self.tail > n).then_some(0) }
        } else {
            (self.tail - self.head > n).then_some(self.head)
        }?;
        self.head = at + n;
        self.live += 1;
        Some(at)
    }

    /// Frees the oldest `frames` frames, of which the last ends at `end`.
    pub(crate) fn release(&mut self, frames: usize, end: usize) {
        self.live = self.live.saturating_sub(frames);
        self.tail = end;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    const MAX: usize = 64;

    proptest! {
        /// As long as live and promised bytes keep to `usable`, there is always room, and no two live frames overlap.
        #[test]
        fn promised_room_is_always_there(
            len in (3 * MAX..20 * MAX).prop_map(|n| n / 8 * 8),
            steps in proptest::collection::vec((1usize..=MAX / 8, 0usize..6, any::<bool>()), 1..400),
        ) {
            let mut ring = Ring::new(len);
            let mut live: VecDeque<(usize, usize)> = VecDeque::new();
            for (eighths, free, add) in steps {
                let used: usize = live.iter().map(|(a, b)| b - a).sum();
                if add && used + MAX <= ring.usable(MAX) {
                    let n = eighths * 8;
                    let at = ring.place(n).unwrap();
                    prop_assert!(at + n <= len);
                    prop_assert!(live.iter().all(|&(a, b)| at + n <= a || b <= at), "{at}+{n} hits {live:?}");
                    live.push_back((at, at + n));
                } else if free.min(live.len()) > 0 {
                    let freed: Vec<_> = live.drain(..free.min(live.len())).collect();
                    ring.release(freed.len(), freed.last().unwrap().1);
                }
            }
        }
    }

    #[test]
    fn an_empty_ring_starts_again_at_its_beginning() {
        let mut ring = Ring::new(1024);
        assert_eq!((ring.place(100), ring.place(100)), (Some(0), Some(100)));
        ring.release(1, 100);
        assert_eq!(ring.place(100), Some(200));
        ring.release(2, 300);
        assert_eq!(ring.place(100), Some(0));
    }

    #[test]
    fn a_full_ring_says_so() {
        let mut ring = Ring::new(256);
        assert_eq!((ring.place(128), ring.place(128), ring.place(8)), (Some(0), Some(128), None));
        ring.release(1, 128);
        assert_eq!((ring.place(128), ring.place(120)), (None, Some(0)));
    }
}
