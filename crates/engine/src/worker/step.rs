//! One step: a batch of everybody's next tokens. Each request that is being answered has its last token in it, and what
//! was proposed to follow; the rest is filled with prompts, interactive ones first. So nobody's answer waits for
//! somebody else's prompt longer than [`super::pace`] allows.
//!
//! Never here: who has a slot (`place`), frames that come in.

use super::held::Known;
use super::job::{Job, Piece};
use super::prefix::{LEAST, common};
use super::session::{DRAFTED_MOST, Failure};
use super::slots::{Running, Slots};
use crate::protocol::{Class, FromWorker, Kind, Reason};
use std::time::Instant;

/// What one slot has in a batch.
struct Fed {
    at: usize,
    /// One token of an answer, not a stretch of a prompt.
    answer: bool,
    /// Known tokens that are fed.
    tokens: usize,
    /// Tokens that are fed behind them without being known.
    drafted: Vec<i32>,
    /// Place of the logits after the last known token; `None` in the middle of a prompt.
    logits: Option<usize>,
}

impl Slots<'_> {
    /// Does one step, if there is anything to do.
    ///
    /// # Errors
    /// The gateway cannot be written to.
    pub(super) fn step(&mut self) -> Result<(), String> {
        let began = Instant::now();
        self.expire(began)?;
        self.admit(began);
        self.close_ranks();
        self.look()?;
        let began = Instant::now();
        let batch = match self.batch() {
            Ok(batch) if batch.is_empty() => return Ok(()),
            Ok(batch) => batch,
            Err(message) => return self.fail((0..self.slots.len()).collect(), &message),
        };
        match self.session.decode() {
            Ok(()) => {}
            Err(Failure::Full) if self.make_room() => return Ok(()),
            Err(Failure::Full) => {
                let message = "The KV cache is full, and nothing in it can be given up.";
                return self.fail(batch.iter().map(|f| f.at).collect(), message);
            }
            Err(Failure::Broken(message)) => return self.fail(batch.iter().map(|f| f.at).collect(), &message),
        }
        let (us, tokens) = (began.elapsed().as_micros() as u64, self.session.filled());
        self.stats.steps += 1;
        self.pace.learn(tokens, us);
        for fed in batch {
            let (at, proposed, answer) = (fed.at, fed.drafted.len(), fed.answer);
            let accepted = self.advance(fed)?.filter(|_| answer);
            if let (Some(proposer), Some(accepted)) = (&mut self.proposer, accepted) {
                proposer.learned(at as u32, proposed, accepted, us, tokens);
            }
        }
        Ok(())
    }

    /// Ends those whose deadline has passed.
    fn expire(&mut self, now: Instant) -> Result<(), String> {
        for job in self.queue.take(|ticket, _| ticket.late(now)) {
            let message = "The deadline passed while the request waited for the embedded engine.".to_owned();
            self.say(FromWorker::Error { id: job.id, kind: Kind::Late, message })?;
        }
        for at in 0..self.slots.len() {
            if let Some(running) = self.slots[at].take_if(|r| r.ticket.late(now)) {
                let message = format!("The deadline passed after {} tokens of the answer.", running.job.produced());
                self.say(FromWorker::Error { id: running.job.id, kind: Kind::Late, message })?;
                self.retire(at, running);
            }
        }
        Ok(())
    }

    /// Ends these with an error; their sequences are not trusted any more.
    fn fail(&mut self, which: Vec<usize>, message: &str) -> Result<(), String> {
        for at in which {
            if let Some(running) = self.slots[at].take() {
                self.clear(running.sequence);
                if let Some(proposer) = &mut self.proposer {
                    proposer.forget(at as u32);
                }
                let message = message.to_owned();
                self.say(FromWorker::Error { id: running.job.id, kind: Kind::Engine, message })?;
            }
        }
        Ok(())
    }

    /// Looks at the next image of the request whose turn it is: one image in a step, so that answers go on between them.
    fn look(&mut self) -> Result<(), String> {
        let waits = |r: &&(usize, &Running)| r.1.job.image().is_some();
        let all = self.slots.iter().enumerate().filter_map(|(at, s)| s.as_ref().map(|r| (at, r)));
        let next =
            all.filter(|r| waits(&r)).min_by_key(|(_, r)| (r.ticket.class == Class::Batch, r.ticket.came, r.job.id));
        let Some((at, _)) = next else { return Ok(()) };
        loop {
            let (Some(projector), Some(Running { job, sequence, .. })) = (self.projector, &self.slots[at]) else {
                return Ok(());
            };
            let Some(image) = job.image() else { return Ok(()) };
            let tokens = image.tokens;
            match self.session.look(projector, image, *sequence, job.position(job.fed)) {
                Ok(()) => {
                    self.slots[at].iter_mut().for_each(|r| r.job.fed += tokens);
                    return Ok(());
                }
                Err(Failure::Full) if self.make_room() => {}
                Err(Failure::Full) => {
                    return self.fail(vec![at], "The KV cache is full, and nothing in it can be given up.");
                }
                Err(Failure::Broken(message)) => return self.fail(vec![at], &message),
            }
        }
    }

    /// Puts the batch together.
    fn batch(&mut self) -> Result<Vec<Fed>, String> {
        let pending = |slots: &Slots<'_>, at: usize| slots.slots[at].as_ref().map_or(0, |r| r.job.pending());
        let free = |slots: &Slots<'_>| slots.session.cells().free();
        loop {
            let answers = (0..self.slots.len()).filter(|at| pending(self, *at) == 1).count();
            if free(self) >= answers.max(1) || !self.make_room() {
                break;
            }
        }
        let mut order: Vec<usize> = (0..self.slots.len()).filter(|at| pending(self, *at) > 0).collect();
        order.sort_by_key(|at| {
            self.slots[*at].as_ref().map(|r| (r.ticket.class == Class::Batch, r.ticket.came, r.job.id))
        });
        let (mut answers, prompts): (Vec<usize>, Vec<usize>) =
            order.into_iter().partition(|at| pending(self, *at) == 1);
        answers.sort_by_key(|at| self.slots[*at].as_ref().map(|r| r.sequence));
        self.session.begin();
        let mut batch = Vec::new();
        for (i, at) in answers.iter().enumerate() {
            let room = self.session.most().min(free(self)).saturating_sub(self.session.filled() + answers.len() - i);
            batch.extend(self.feed_answer(*at, room)?);
        }
        let mut budget = if answers.is_empty() { usize::MAX } else { self.pace.budget() };
        for (i, at) in prompts.iter().enumerate() {
            if prompts[..i].iter().any(|before| self.will_share(*before, *at)) {
                continue;
            }
            self.catch_up(*at);
            let ready = self.slots[*at].as_ref().map_or(0, |r| r.job.ready());
            let wanted = ready.min(budget).min(self.session.most() - self.session.filled());
            self.make_room_from_kept(self.session.filled() + wanted);
            let n = wanted.min(free(self).saturating_sub(self.session.filled()));
            if n > 0 {
                budget -= n;
                batch.extend(self.feed_prompt(*at, n)?);
            }
        }
        Ok(batch)
    }

    /// Feeds the last token of an answer, and what may follow it.
    fn feed_answer(&mut self, at: usize, room: usize) -> Result<Option<Fed>, String> {
        let Some(Running { job, sequence, .. }) = &self.slots[at] else { return Ok(None) };
        let mut drafted = Vec::new();
        if let Some(proposer) = &mut self.proposer
            && self.model.rewinds()
            && !job.sees()
        {
            let most = room.min(job.left().saturating_sub(1)).min(DRAFTED_MOST);
            drafted = proposer.propose(at as u32, &job.tokens, most);
            drafted.truncate(most);
            let known = drafted.iter().take_while(|t| self.model.knows(**t)).count();
            drafted.truncate(known);
        }
        let mut logits = None;
        for (i, token) in job.tokens[job.fed..].iter().chain(&drafted).enumerate() {
            let place = self.session.add(*sequence, *token, job.position(job.fed + i), true)?;
            logits = logits.or(Some(place));
        }
        Ok(Some(Fed { at, answer: true, tokens: 1, drafted, logits }))
    }

    /// Feeds the next `n` tokens of a prompt.
    fn feed_prompt(&mut self, at: usize, n: usize) -> Result<Option<Fed>, String> {
        let Some(Running { job, sequence, .. }) = &self.slots[at] else { return Ok(None) };
        let mut logits = None;
        for position in job.fed..job.fed + n {
            let last = position + 1 == job.tokens.len();
            let place = self.session.add(*sequence, job.tokens[position], job.position(position), last)?;
            logits = last.then_some(place);
        }
        Ok(Some(Fed { at, answer: false, tokens: n, drafted: Vec::new(), logits }))
    }

    /// Takes over what another running request has computed meanwhile.
    fn catch_up(&mut self, at: usize) {
        let Some(Running { job, sequence, .. }) = &self.slots[at] else { return };
        let known = job.known();
        let others = self.slots.iter().flatten().filter(|r| r.job.fed >= job.fed + LEAST);
        let best = others.map(|r| (common(&r.job.tokens[..r.job.fed], known), r.sequence)).max();
        let Some((until, from)) = best.filter(|(n, _)| *n >= job.fed + LEAST) else { return };
        let (sequence, fed) = (*sequence, job.fed);
        if self.session.share(from, sequence, fed, until)
            && let Some(Running { job, .. }) = &mut self.slots[at]
        {
            job.fed = until;
            if job.produced() == 0 {
                // One that was sent back in the middle of its prompt does not count twice.
                let more = ((until - fed) as u32).min(job.spent.prompt - 1 - job.spent.cached);
                job.spent.cached += more;
                self.stats.prefix_hits += u64::from(more);
            }
        }
    }

    /// Will the request in slot `before`, which is fed first, compute more of what the one in slot `at` needs?
    fn will_share(&self, before: usize, at: usize) -> bool {
        let (Some(a), Some(b)) = (&self.slots[before], &self.slots[at]) else { return false };
        let known = b.job.known();
        self.model.rewinds() && common(&a.job.tokens, known) >= a.job.fed.max(b.job.fed) + LEAST
    }

    /// Chooses the next token, and the following ones as long as they are those that were drafted. Gives how many were.
    fn advance(&mut self, fed: Fed) -> Result<Option<usize>, String> {
        let Some(Running { mut job, ticket, sequence }) = self.slots[fed.at].take() else { return Ok(None) };
        job.fed += fed.tokens;
        let Some(first) = fed.logits else {
            self.slots[fed.at] = Some(Running { job, ticket, sequence });
            return Ok(None);
        };
        let (mut accepted, mut end) = (0, None);
        for place in 0..=fed.drafted.len() {
            let piece = match job.advance(self.model, self.session.logits(first + place)) {
                Ok(piece) => piece,
                Err(message) => {
                    self.slots[fed.at] = Some(Running { job, ticket, sequence });
                    self.fail(vec![fed.at], &message)?;
                    return Ok(None);
                }
            };
            end = self.tell(&mut job, piece)?;
            let kept = fed.drafted.get(place).is_some_and(|d| job.tokens.last() == Some(d));
            if end.is_some() || !kept {
                break;
            }
            accepted += 1;
        }
        job.fed += accepted;
        if !fed.drafted.is_empty() {
            job.spent.drafted += fed.drafted.len() as u32;
            job.spent.accepted += accepted as u32;
            self.stats.drafts += 1;
            self.stats.drafted += fed.drafted.len() as u64;
            self.stats.accepted += accepted as u64;
            if !self.session.trim(sequence, job.fed) {
                job.fed = 0;
            }
        }
        let running = Running { job, ticket, sequence };
        match end {
            Some(reason) => {
                self.say(FromWorker::Finish { id: running.job.id, reason, spent: running.job.spent })?;
                self.retire(fed.at, running);
            }
            None => self.slots[fed.at] = Some(running),
        }
        Ok(Some(accepted))
    }

    /// Sends what a token led to; gives the reason where it was the end.
    fn tell(&mut self, job: &mut Job, piece: Piece) -> Result<Option<Reason>, String> {
        if job.spent.completion <= 1 && job.spent.prefill_us == 0 {
            job.spent.prefill_us = job.began.map_or(0, |b| b.elapsed().as_micros() as u64);
        }
        self.stats.generation_tokens += 1;
        let Known { logprobs, signs } = piece.known;
        if !piece.text.is_empty() || !logprobs.is_empty() || !signs.is_empty() {
            self.say(FromWorker::Token { id: job.id, text: piece.text, logprobs, signs })?;
        }
        Ok(piece.end)
    }
}
