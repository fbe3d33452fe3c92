//! Prefixes that are worth having again: sequences that stay in the KV cache after their request, and beyond it copies in
//! host memory of those that had to leave. Both are bounded, and who was used longest ago goes first. A request takes
//! over the longest prefix that it shares, token by token, so a match is exact and never a guess.
//!
//! Never here: copying cells (`session`), deciding when to let go (`step`).

/// A common prefix shorter than this is computed anew: finding and keeping it costs more.
pub(super) const LEAST: usize = 16;

/// Length of the common prefix.
pub(super) fn common(a: &[i32], b: &[i32]) -> usize {
    a.iter().zip(b).take_while(|(x, y)| x == y).count()
}

/// A sequence in the KV cache whose request has ended.
struct Kept {
    sequence: u32,
    tokens: Vec<i32>,
    used: u64,
}

/// A sequence in host memory.
struct Stored<S> {
    tokens: Vec<i32>,
    state: S,
    bytes: u64,
    used: u64,
}

/// All of them.
pub(super) struct Prefixes<S> {
    kept: Vec<Kept>,
    stored: Vec<Stored<S>>,
    bytes: u64,
    bytes_max: u64,
    clock: u64,
}

impl<S> Prefixes<S> {
    /// None yet; at most `bytes_max` in host memory.
    pub(super) fn new(bytes_max: u64) -> Prefixes<S> {
        Prefixes { kept: Vec::new(), stored: Vec::new(), bytes: 0, bytes_max, clock: 0 }
    }

    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    /// Bytes in host memory.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Is there room in host memory at all?
    pub(super) fn stores(&self) -> bool {
        self.bytes_max > 0
    }

    /// Sequences that are kept.
    pub(super) fn kept(&self) -> impl Iterator<Item = u32> {
        self.kept.iter().map(|k| k.sequence)
    }

    /// Keeps a sequence, and gives those that need not be kept any more, since what they hold is the beginning of
    /// another: itself, if so.
    pub(super) fn keep(&mut self, sequence: u32, tokens: Vec<i32>) -> Vec<u32> {
        let used = self.tick();
        if tokens.len() < LEAST {
            return vec![sequence];
        }
        if let Some(longer) = self.kept.iter_mut().find(|k| k.tokens.starts_with(&tokens)) {
            longer.used = used;
            return vec![sequence];
        }
        let mut gone = Vec::new();
        self.kept.retain(|k| {
            let part = tokens.starts_with(&k.tokens);
            if part {
                gone.push(k.sequence);
            }
            !part
        });
        self.kept.push(Kept { sequence, tokens, used });
        gone
    }

    /// The kept sequence that shares most with `tokens`, and how much.
    pub(super) fn best(&self, tokens: &[i32]) -> Option<(u32, usize)> {
        let best = self.kept.iter().map(|k| (common(&k.tokens, tokens), k)).max_by_key(|(n, k)| (*n, k.used));
        best.filter(|(n, _)| *n >= LEAST).map(|(n, k)| (k.sequence, n))
    }

    /// Tokens of a kept sequence, and its age: smaller is longer ago.
    pub(super) fn about(&self, sequence: u32) -> Option<(usize, u64)> {
        self.kept.iter().find(|k| k.sequence == sequence).map(|k| (k.tokens.len(), k.used))
    }

    /// This kept sequence was of use.
    pub(super) fn touch(&mut self, sequence: u32) {
        let used = self.tick();
        self.kept.iter_mut().filter(|k| k.sequence == sequence).for_each(|k| k.used = used);
    }

    /// Gives up this kept sequence.
    pub(super) fn give(&mut self, sequence: u32) -> Option<Vec<i32>> {
        let at = self.kept.iter().position(|k| k.sequence == sequence)?;
        Some(self.kept.swap_remove(at).tokens)
    }

    /// Gives up the kept sequence that was used longest ago.
    pub(super) fn oldest(&mut self) -> Option<(u32, Vec<i32>)> {
        let at = self.kept.iter().enumerate().min_by_key(|(_, k)| k.used)?.0;
        let kept = self.kept.swap_remove(at);
        Some((kept.sequence, kept.tokens))
    }

    /// Would a copy of this be of use?
    pub(super) fn wants(&self, tokens: &[i32]) -> bool {
        self.stores()
            && tokens.len() >= LEAST
            && !self.kept.iter().any(|k| k.tokens.starts_with(tokens))
            && !self.stored.iter().any(|s| s.tokens.starts_with(tokens))
    }

    /// Keeps a copy in host memory; what was used longest ago makes room.
    pub(super) fn store(&mut self, tokens: Vec<i32>, state: S, bytes: u64) {
        if bytes > self.bytes_max {
            return;
        }
        self.stored.retain(|s| !tokens.starts_with(&s.tokens));
        let used = self.tick();
        self.stored.push(Stored { tokens, state, bytes, used });
        self.stored.sort_by_key(|s| s.used);
        self.bytes = self.stored.iter().map(|s| s.bytes).sum();
        while self.bytes > self.bytes_max {
            self.bytes -= self.stored.remove(0).bytes;
        }
    }

    /// The copy that shares most with `tokens`: how long it is, and how much of it is shared.
    pub(super) fn best_stored(&self, tokens: &[i32]) -> Option<(usize, usize)> {
        let best = self.stored.iter().map(|s| (common(&s.tokens, tokens), s)).max_by_key(|(n, s)| (*n, s.used));
        best.filter(|(n, _)| *n >= LEAST).map(|(n, s)| (s.tokens.len(), n))
    }

    /// Takes that copy out; it comes back when its sequence is let go again.
    pub(super) fn take_stored(&mut self, tokens: &[i32]) -> Option<S> {
        let best = self.stored.iter().enumerate().max_by_key(|(_, s)| (common(&s.tokens, tokens), s.used));
        let at = best.filter(|(_, s)| common(&s.tokens, tokens) >= LEAST)?.0;
        let stored = self.stored.remove(at);
        self.bytes -= stored.bytes;
        Some(stored.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(from: i32, n: i32) -> Vec<i32> {
        (from..from + n).collect()
    }

    #[test]
    fn the_longest_match_wins_and_a_short_one_is_none() {
        let mut p = Prefixes::<()>::new(0);
        assert!(p.keep(1, run(0, 20)).is_empty());
        assert!(p.keep(2, [run(0, 18), run(90, 9)].concat()).is_empty());
        assert_eq!(p.best(&[run(0, 18), run(90, 5)].concat()), Some((2, 23)));
        assert_eq!(p.best(&run(0, 40)), Some((1, 20)));
        assert_eq!(p.best(&run(0, 15)), None);
        assert_eq!(p.best(&run(0, 16)).map(|b| b.1), Some(16));
        assert_eq!(p.keep(3, run(0, 15)), [3], "too short to keep");
    }

    #[test]
    fn beginnings_of_others_are_not_kept_twice() {
        let mut p = Prefixes::<()>::new(0);
        assert!(p.keep(1, run(0, 20)).is_empty());
        assert_eq!(p.keep(2, run(0, 30)), [1]);
        assert_eq!(p.keep(3, run(0, 25)), [3]);
        assert_eq!(p.kept().collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn who_was_used_longest_ago_goes_first() {
        let mut p = Prefixes::<()>::new(0);
        (0..3).for_each(|i| drop(p.keep(i, run(100 * i as i32, 20))));
        assert_eq!(p.best(&run(0, 20)), Some((0, 20)));
        p.touch(0);
        assert_eq!(p.oldest().map(|o| o.0), Some(1));
        assert_eq!(p.oldest().map(|o| o.0), Some(2));
        assert_eq!((p.give(7), p.give(0)), (None, Some(run(0, 20))));
        assert_eq!(p.oldest(), None);
    }

    #[test]
    fn host_memory_is_bounded_and_drops_the_oldest() {
        let mut p = Prefixes::<u32>::new(100);
        p.store(run(0, 20), 0, 40);
        p.store(run(100, 20), 1, 40);
        assert!(!p.wants(&run(100, 18)) && p.wants(&run(100, 21)) && !p.wants(&run(300, 15)));
        p.store(run(200, 20), 2, 40);
        assert_eq!((p.bytes(), p.best_stored(&run(0, 20))), (80, None));
        assert_eq!(p.best_stored(&run(100, 19)), Some((20, 19)));
        assert_eq!((p.take_stored(&run(100, 19)), p.bytes()), (Some(1), 40));
        p.store(run(300, 20), 3, 101);
        assert_eq!((p.bytes(), p.take_stored(&run(300, 20))), (40, None));
        p.store(run(200, 30), 4, 60);
        assert_eq!(p.bytes(), 60, "the shorter copy is part of the longer");
        assert!(!Prefixes::<()>::new(0).wants(&run(0, 20)));
    }
}
