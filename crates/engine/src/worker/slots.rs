//! The order of work: a bounded queue, a few slots, and one step after the other. Each step advances each busy slot once
//! (a chunk of its prompt, or one token), so nobody waits for somebody else's whole answer; frames are looked at between
//! slots, so a cancelled request frees its slot within one step.
//!
//! Slots are decoded one by one here. Merging them into one batch per step is for the next version; the seam is
//! `Session::feed`.
//!
//! Never here: sampling, text, a vendor type.

use super::Outbox;
use super::job::{Job, Prompter};
use super::llama::{Model, Session};
use crate::protocol::{FromWorker, Kind, Load, Spent, ToWorker};
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

/// Requests that may wait for a slot. The supervisor refuses at its own, equal bound first.
const QUEUE_MAX: usize = crate::QUEUE_MAX;
/// After so long without a frame the gateway is told that the worker lives.
const SILENCE: Duration = Duration::from_secs(1);

/// Everything that is being worked on.
pub(super) struct Slots<'m> {
    model: &'m Model,
    session: Session<'m>,
    prompter: Prompter<'m>,
    slots: Vec<Option<Job>>,
    queue: VecDeque<Job>,
    context: u32,
    out: Outbox,
    spoke: Instant,
}

impl<'m> Slots<'m> {
    /// Empty slots over a session.
    ///
    /// # Errors
    /// The model's chat template cannot be read.
    pub(super) fn new(model: &'m Model, session: Session<'m>, load: &Load, out: Outbox) -> Result<Slots<'m>, String> {
        Ok(Slots {
            model,
            session,
            prompter: Prompter::new(model)?,
            slots: (0..load.slots).map(|_| None).collect(),
            queue: VecDeque::new(),
            context: load.context,
            out,
            spoke: Instant::now(),
        })
    }

    /// Works until the inbox ends or says quit.
    ///
    /// # Errors
    /// The gateway cannot be written to.
    pub(super) fn run(mut self, inbox: &Receiver<ToWorker>) -> Result<(), String> {
        loop {
            let idle = self.queue.is_empty() && self.slots.iter().all(Option::is_none);
            if idle {
                let Ok(message) = inbox.recv() else { return Ok(()) };
                if !self.take(message)? {
                    return Ok(());
                }
            }
            if !self.listen(inbox)? {
                return Ok(());
            }
            for at in 0..self.slots.len() {
                self.fill(at);
                self.step(at)?;
                if !self.listen(inbox)? {
                    return Ok(());
                }
            }
            if self.spoke.elapsed() > SILENCE {
                self.say(FromWorker::Pong { id: 0 })?;
            }
            self.out.flush().map_err(|e| e.to_string())?;
        }
    }

    /// Takes every frame that has arrived; false means the end.
    fn listen(&mut self, inbox: &Receiver<ToWorker>) -> Result<bool, String> {
        loop {
            match inbox.try_recv() {
                Ok(message) => {
                    if !self.take(message)? {
                        return Ok(false);
                    }
                }
                Err(TryRecvError::Empty) => return Ok(true),
                Err(TryRecvError::Disconnected) => return Ok(false),
            }
        }
    }

    fn take(&mut self, message: ToWorker) -> Result<bool, String> {
        match message {
            ToWorker::Generate(generate) => {
                let id = generate.id;
                let full = self.queue.len() >= QUEUE_MAX;
                let job = if full {
                    Err((Kind::Busy, "The embedded engine's queue is full.".to_owned()))
                } else {
                    Job::new(&self.prompter, *generate, self.context)
                };
                match job {
                    Ok(job) => {
                        let prompt_tokens = job.prompt.len() as u32;
                        self.say(FromWorker::Accepted { id, prompt_tokens, speech: job.speech })?;
                        self.queue.push_back(job);
                    }
                    Err((kind, message)) => self.say(FromWorker::Error { id, kind, message })?,
                }
            }
            ToWorker::Cancel { id } => {
                self.queue.retain(|job| job.id != id);
                self.slots.iter_mut().filter(|s| s.as_ref().is_some_and(|j| j.id == id)).for_each(|s| *s = None);
            }
            ToWorker::Count { id, input } => match self.prompter.read(input) {
                Ok(prompt) => self.say(FromWorker::Counted { id, tokens: prompt.tokens.len() as u32 })?,
                Err((kind, message)) => self.say(FromWorker::Error { id, kind, message })?,
            },
            ToWorker::Ping { id } => self.say(FromWorker::Pong { id })?,
            ToWorker::Quit => return Ok(false),
            ToWorker::Embed(_) => {}
            ToWorker::Load(_) => return Err("a second load; one worker holds one model".into()),
        }
        self.out.flush().map_err(|e| e.to_string())?;
        Ok(true)
    }

    /// Gives a free slot to the request that has waited longest.
    fn fill(&mut self, at: usize) {
        if self.slots[at].is_none()
            && let Some(job) = self.queue.pop_front()
        {
            self.session.clear(at as u32);
            self.slots[at] = Some(job);
        }
    }

    /// One step of one slot.
    fn step(&mut self, at: usize) -> Result<(), String> {
        let Some(mut job) = self.slots[at].take() else { return Ok(()) };
        match self.advance(at as u32, &mut job) {
            Ok(None) => self.slots[at] = Some(job),
            Ok(Some(end)) => self.say(end)?,
            Err(message) => self.say(FromWorker::Error { id: job.id, kind: Kind::Engine, message })?,
        }
        Ok(())
    }

    /// Feeds a chunk of the prompt or the last token; with logits, the next token is chosen and sent.
    fn advance(&mut self, sequence: u32, job: &mut Job) -> Result<Option<FromWorker>, String> {
        let seen = job.seen as usize;
        let fed = if seen < job.prompt.len() {
            let end = job.prompt.len().min(seen + self.session.chunk());
            self.session.feed(sequence, &job.prompt[seen..end], job.seen, end == job.prompt.len())?;
            end - seen
        } else {
            let token = job.last.ok_or("a token was lost")?;
            self.session.feed(sequence, &[token], job.seen, true)?;
            1
        };
        job.seen += fed as u32;
        if (job.seen as usize) < job.prompt.len() {
            return Ok(None);
        }
        let piece = job.advance(self.model, self.session.logits())?;
        if !piece.text.is_empty() || !piece.logprobs.is_empty() {
            self.say(FromWorker::Token { id: job.id, text: piece.text, logprobs: piece.logprobs })?;
        }
        let spent = Spent { prompt: job.prompt.len() as u32, completion: job.produced, ..Spent::default() };
        let finish = |reason| FromWorker::Finish { id: job.id, reason, spent };
        Ok(piece.end.map(finish))
    }

    fn say(&mut self, message: FromWorker) -> Result<(), String> {
        self.spoke = Instant::now();
        self.out.put(&message).map_err(|e| e.to_string())
    }
}
