//! Who has a slot and cells of the KV cache. A request is let in when its whole prompt and a first part of its answer have
//! room beside what the others still have to feed. What it shares with a kept or running sequence it takes over. When
//! the cache is full later, kept prefixes go first, the one used longest ago before the others, then the youngest request: it goes
//! back to the queue, keeps its text, its sampler and its place in line, and goes on when there is room. A request that is
//! alone always has room, since the cache has at least the cells of one context.
//!
//! Never here: computing.

use super::job::Job;
use super::prefix::{LEAST, common};
use super::slots::{Running, Slots};
use std::time::Instant;

/// Tokens of its answer for which a request must find room to be let in, and by which each running one may grow meanwhile.
/// Less, and it would be sent back at once.
const ANSWER: usize = 64;
const GROWTH: usize = 8;
/// A copy in host memory is brought back where it saves so many tokens more than what the cache has.
const WORTH_RESTORING: usize = 32;
/// A request is moved beside the others if its answer may still get so many tokens.
const WORTH_MOVING: usize = 8;
/// Steps with gaps between those being worked on, until they are moved. Each costs a second pass over the weights.
const PATIENCE: u32 = 8;

impl Slots<'_> {
    /// Gives free slots to those who are next, as far as there are cells.
    pub(super) fn admit(&mut self, now: Instant) {
        while let Some(at) = self.slots.iter().position(Option::is_none) {
            let Some((ticket, mut job)) = self.queue.pop() else { return };
            let Some(sequence) = self.seat(&mut job) else {
                self.queue.put_back(ticket, job);
                return;
            };
            if job.began.is_none() {
                job.began = Some(now);
                job.spent.queued_us = now.saturating_duration_since(ticket.came).as_micros() as u64;
                job.spent.cached = job.fed as u32;
                self.stats.prefix_queries += job.prompt as u64;
                self.stats.prefix_hits += job.fed as u64;
                self.stats.prompt_tokens += job.prompt as u64;
            }
            self.slots[at] = Some(Running { job, ticket, sequence });
        }
    }

    /// A sequence for a job, with as much of its tokens as could be found.
    fn seat(&mut self, job: &mut Job) -> Option<u32> {
        job.fed = 0;
        // The last token is always computed, for its logits.
        let known = job.known();
        let others = self.slots.iter().flatten();
        let pending: usize = others.clone().map(|r| r.job.pending() + GROWTH.min(r.job.left())).sum();
        let alone = others.clone().next().is_none();
        let running = others.map(|r| (r.sequence, common(&r.job.tokens[..r.job.fed], known))).max_by_key(|r| r.1);
        let best = [running, self.prefixes.best(known)].into_iter().flatten().max_by_key(|b| b.1);
        let best = best.filter(|b| b.1 >= LEAST && self.model.rewinds());
        let shared = best.map_or(0, |b| b.1);
        let stored = self.prefixes.best_stored(known).filter(|n| *n >= shared + WORTH_RESTORING);
        let best = best.filter(|_| stored.is_none());
        if let Some((from, _)) = best {
            self.prefixes.touch(from);
        }
        let sequence = self.seat_at(best)?;
        if let Some((from, n)) = best {
            let there = from == sequence && self.session.trim(sequence, n);
            if there || self.session.share(from, sequence, 0, n) {
                job.fed = n;
            }
        }
        let need = job.pending() + ANSWER.min(job.left()) + pending;
        let cells = self.session.cells();
        // A stream of its own has room for a whole context.
        if !alone && !self.session.streams() && need > cells.free() + cells.only_in(self.prefixes.kept()) {
            let tokens = job.tokens[..job.fed].to_vec();
            self.keep(sequence, tokens);
            job.fed = 0;
            return None;
        }
        if stored.is_some() {
            job.fed = self.restore(sequence, &job.tokens);
        }
        Some(sequence)
    }

    /// A sequence that is empty, or the kept one itself of which most will be used.
    fn seat_at(&mut self, best: Option<(u32, usize)>) -> Option<u32> {
        if !self.session.streams() {
            if self.spare.is_empty() {
                self.evict();
            }
            return self.spare.pop();
        }
        let sequence = self.stream(best)?;
        self.spare.retain(|s| *s != sequence);
        if let Some(tokens) = self.prefixes.give(sequence) {
            let used = best.filter(|(from, _)| *from == sequence).map_or(0, |b| b.1);
            if tokens.len() >= used + WORTH_RESTORING {
                self.remember(sequence, tokens);
            }
            self.session.trim(sequence, used);
        }
        Some(sequence)
    }

    /// The stream that nobody works in and that is best taken: the one of which most will be used; else, among the neighbours of
    /// those being worked on, an empty one, or the one whose prefix was used longest ago.
    fn stream(&self, best: Option<(u32, usize)>) -> Option<u32> {
        let busy: Vec<u32> = self.slots.iter().flatten().map(|r| r.sequence).collect();
        let near = |s: u32| busy.is_empty() || busy.iter().any(|b| b.abs_diff(s) == 1);
        let rank = |s: &u32| {
            let (length, used) = self.prefixes.about(*s).unwrap_or((0, 0));
            match best.filter(|(from, _)| from == s) {
                Some((_, n)) if 2 * n >= length => (0, 0),
                Some(_) => (3, used),
                None if near(*s) => (1, used),
                None => (2, used),
            }
        };
        (0..self.session.sequences()).filter(|s| !busy.contains(s)).min_by_key(rank)
    }

    /// Moves requests so that those being worked on are neighbours, once they have not been for a while: others may come and
    /// take the streams between, where their prefixes are.
    pub(super) fn close_ranks(&mut self) {
        if !self.session.streams() || !self.model.rewinds() {
            return;
        }
        let mut busy: Vec<u32> = self.slots.iter().flatten().map(|r| r.sequence).collect();
        busy.sort_unstable();
        let (Some(first), Some(last)) = (busy.first().copied(), busy.last().copied()) else { return };
        let end = first + busy.len() as u32;
        let Some(hole) = (first..end).find(|s| !busy.contains(s)) else {
            self.scattered = 0;
            return;
        };
        self.scattered += 1;
        if self.scattered < PATIENCE {
            return;
        }
        let moves = |r: &&mut Running| r.sequence == last && r.job.left() >= WORTH_MOVING && !r.job.sees();
        if self.slots.iter_mut().flatten().find(moves).is_none() {
            return;
        }
        if let Some(tokens) = self.prefixes.give(hole) {
            self.remember(hole, tokens);
            self.session.trim(hole, 0);
        }
        self.spare.retain(|s| *s != hole);
        let Some(running) = self.slots.iter_mut().flatten().find(|r| r.sequence == last) else { return };
        if running.job.fed == 0 || self.session.share(last, hole, 0, running.job.fed) {
            running.sequence = hole;
            self.clear(last);
        } else {
            self.clear(hole);
        }
    }

    /// Brings the best copy of host memory back, and gives how much of it is shared.
    fn restore(&mut self, sequence: u32, tokens: &[i32]) -> usize {
        if self.session.copying() {
            return 0;
        }
        let Some((state, n)) = self.prefixes.take_stored(&tokens[..tokens.len() - 1]) else { return 0 };
        self.make_room_from_kept(state.cells());
        let back = self.session.restore(&state, sequence) && self.session.trim(sequence, n);
        if back { n } else { 0 }
    }

    /// A request has ended in slot `at`: what it fed is kept for others.
    pub(super) fn retire(&mut self, at: usize, running: Running) {
        if let Some(proposer) = &mut self.proposer {
            proposer.forget(at as u32);
        }
        let Running { mut job, sequence, .. } = running;
        let kept = job.fed.min(job.head());
        if kept < job.fed && !self.session.trim(sequence, kept) {
            return self.clear(sequence);
        }
        job.tokens.truncate(kept);
        self.keep(sequence, job.tokens);
    }

    /// Keeps a sequence for others.
    fn keep(&mut self, sequence: u32, tokens: Vec<i32>) {
        let gone = if self.model.rewinds() { self.prefixes.keep(sequence, tokens) } else { vec![sequence] };
        gone.into_iter().for_each(|s| self.clear(s));
    }

    /// Empties a sequence.
    pub(super) fn clear(&mut self, sequence: u32) {
        self.session.trim(sequence, 0);
        self.spare.push(sequence);
    }

    /// Gives up the kept prefix that was used longest ago; host memory gets a copy. False where none is left.
    fn evict(&mut self) -> bool {
        let Some((sequence, tokens)) = self.prefixes.oldest() else { return false };
        self.remember(sequence, tokens);
        self.clear(sequence);
        true
    }

    /// Copies a sequence to host memory where that is of use.
    fn remember(&mut self, sequence: u32, tokens: Vec<i32>) {
        if self.prefixes.wants(&tokens)
            && let Some(state) = self.session.save(sequence, self.prefix_bytes)
        {
            let bytes = state.bytes();
            self.prefixes.store(tokens, state, bytes);
        }
    }

    /// Frees cells: a kept prefix, or else the youngest request. False where there is only one request and nothing kept.
    pub(super) fn make_room(&mut self) -> bool {
        self.evict() || self.preempt()
    }

    /// Frees kept prefixes until `wanted` cells are free or nothing is kept any more.
    pub(super) fn make_room_from_kept(&mut self, wanted: usize) {
        while self.session.cells().free() < wanted && self.evict() {}
    }

    /// Sends the youngest request back to the queue, unless it is the only one.
    fn preempt(&mut self) -> bool {
        let busy =
            self.slots.iter().enumerate().filter_map(|(at, s)| s.as_ref().map(|r| (r.ticket.came, r.job.id, at)));
        let Some((_, _, at)) = busy.max().filter(|_| self.slots.iter().flatten().count() > 1) else { return false };
        let Some(Running { mut job, ticket, sequence }) = self.slots[at].take() else { return false };
        if let Some(proposer) = &mut self.proposer {
            proposer.forget(at as u32);
        }
        let kept = job.fed.min(job.head());
        if kept == job.fed || self.session.trim(sequence, kept) {
            self.remember(sequence, job.tokens[..kept].to_vec());
        }
        self.clear(sequence);
        job.fed = 0;
        self.queue.put_back(ticket, job);
        self.stats.preemptions += 1;
        true
    }
}
