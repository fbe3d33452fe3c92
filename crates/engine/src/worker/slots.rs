//! Everything that is being worked on: the queue, the slots, the KV cache. Frames come in here; `step` does the work, one
//! batch of all slots at a time; `place` decides who has a slot and cells. Frames are looked at between steps, so a
//! cancelled request frees its slot within one step, and what a step says leaves in one write.
//!
//! Never here: sampling, text, a vendor type.

use super::Outbox;
use super::job::{Job, Prompter};
use super::llama::Model;
use super::memory::resident;
use super::pace::Pace;
use super::prefix::Prefixes;
use super::propose::Proposer;
use super::queue::{Queue, Ticket};
use super::session::{Session, State};
use super::vision::Projector;
use crate::protocol::{FromWorker, Generate, Kind, Load, Stats, ToWorker};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

/// Requests that may wait for a slot. The supervisor refuses at its own, equal bound first.
const QUEUE_MAX: usize = crate::QUEUE_MAX;
/// After so long without a frame the gateway is told that the worker lives.
const SILENCE: Duration = Duration::from_secs(1);
/// How often the gateway is told how the worker is doing.
const REPORT: Duration = Duration::from_secs(1);

/// A request in a slot.
pub(super) struct Running {
    pub(super) job: Job,
    pub(super) ticket: Ticket,
    /// Its sequence in the KV cache.
    pub(super) sequence: u32,
}

/// Everything that is being worked on.
pub(super) struct Slots<'m> {
    pub(super) model: &'m Model,
    pub(super) session: Session<'m>,
    prompter: Prompter<'m>,
    pub(super) slots: Vec<Option<Running>>,
    pub(super) queue: Queue<Job>,
    pub(super) prefixes: Prefixes<State>,
    /// Sequences that hold nothing.
    pub(super) spare: Vec<u32>,
    pub(super) proposer: Option<Box<dyn Proposer + 'm>>,
    pub(super) projector: Option<&'m Projector<'m>>,
    pub(super) pace: Pace,
    /// Steps in a row in which those being worked on were no neighbours.
    pub(super) scattered: u32,
    pub(super) prefix_bytes: u64,
    context: u32,
    out: Outbox,
    spoke: Instant,
    pub(super) stats: Stats,
    reported: Instant,
    /// Something was done that was not reported as over.
    worked: bool,
}

impl<'m> Slots<'m> {
    /// Empty slots over a session.
    ///
    /// # Errors
    /// The model's chat template cannot be read.
    pub(super) fn new(model: &'m Model, session: Session<'m>, load: &Load, out: Outbox) -> Result<Slots<'m>, String> {
        Ok(Slots {
            model,
            prompter: Prompter::new(model)?,
            slots: (0..load.slots).map(|_| None).collect(),
            queue: Queue::new(QUEUE_MAX),
            prefixes: Prefixes::new(load.prefix_bytes),
            spare: (0..session.sequences()).rev().collect(),
            proposer: None,
            projector: None,
            pace: Pace::default(),
            scattered: 0,
            prefix_bytes: load.prefix_bytes,
            session,
            context: load.context,
            out,
            spoke: Instant::now(),
            stats: Stats::default(),
            reported: Instant::now(),
            worked: true,
        })
    }

    /// Lets images be seen.
    pub(super) fn see_with(&mut self, projector: Option<&'m Projector<'m>>) {
        self.projector = projector;
        self.prompter.see_with(projector);
    }

    /// Lets tokens be proposed.
    pub(super) fn propose_with(&mut self, proposer: Option<Box<dyn Proposer + 'm>>) {
        self.proposer = proposer;
    }

    /// Works until the inbox ends or says quit.
    ///
    /// # Errors
    /// The gateway cannot be written to.
    pub(super) fn run(mut self, inbox: &Receiver<ToWorker>) -> Result<(), String> {
        loop {
            if self.idle() {
                if std::mem::take(&mut self.worked) {
                    self.report()?;
                    self.flush()?;
                }
                let Ok(message) = inbox.recv() else { return Ok(()) };
                if !self.take(message)? {
                    return Ok(());
                }
            }
            if !self.listen(inbox)? {
                return Ok(());
            }
            self.step()?;
            if self.spoke.elapsed() > SILENCE {
                self.say(FromWorker::Pong { id: 0 })?;
            }
            if self.reported.elapsed() > REPORT {
                self.report()?;
            }
            self.flush()?;
        }
    }

    /// Is there nothing to do?
    fn idle(&self) -> bool {
        self.queue.len() == 0 && self.slots.iter().all(Option::is_none)
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

    /// Takes one frame; false means the end.
    ///
    /// # Errors
    /// The gateway cannot be written to, or breaks the protocol.
    pub(super) fn take(&mut self, message: ToWorker) -> Result<bool, String> {
        match message {
            ToWorker::Generate(generate) => self.accept(*generate)?,
            ToWorker::Cancel { id } => {
                self.queue.take(|_, job| job.id == id);
                let at = self.slots.iter().position(|s| s.as_ref().is_some_and(|r| r.job.id == id));
                if let Some(running) = at.and_then(|at| self.slots[at].take().map(|r| (at, r))) {
                    self.retire(running.0, running.1);
                }
            }
            ToWorker::Count { id, input } => match self.prompter.read(input) {
                Ok(prompt) => self.say(FromWorker::Counted { id, tokens: prompt.tokens.len() as u32 })?,
                Err((kind, message)) => self.say(FromWorker::Error { id, kind, message })?,
            },
            ToWorker::Ping { id } => self.say(FromWorker::Pong { id })?,
            ToWorker::Quit => return Ok(false),
            ToWorker::Embed(embed) => {
                let message = "This model writes text and makes no vectors.".to_owned();
                self.say(FromWorker::Error { id: embed.id, kind: Kind::Invalid, message })?;
            }
            ToWorker::Load(_) => return Err("a second load; one worker holds one model".into()),
        }
        self.flush()?;
        Ok(true)
    }

    /// Checks a request and puts it into the queue.
    fn accept(&mut self, generate: Generate) -> Result<(), String> {
        let (id, came) = (generate.id, Instant::now());
        let until = generate.deadline_ms.and_then(|ms| came.checked_add(Duration::from_millis(ms)));
        let ticket = Ticket { class: generate.class, came, until };
        let job = if self.queue.full() {
            Err((Kind::Busy, "The embedded engine's queue is full.".to_owned()))
        } else {
            Job::new(&self.prompter, generate, self.context)
        };
        match job {
            Ok(job) => {
                self.say(FromWorker::Accepted { id, prompt_tokens: job.spent.prompt, speech: job.speech })?;
                self.queue.push(ticket, job);
                self.worked = true;
                Ok(())
            }
            Err((kind, message)) => self.say(FromWorker::Error { id, kind, message }),
        }
    }

    /// Tells the gateway how it is going.
    fn report(&mut self) -> Result<(), String> {
        let cells = self.session.cells();
        let stats = Stats {
            running: self.slots.iter().flatten().count() as u32,
            waiting: self.queue.len() as u32,
            cells_used: (cells.all() - cells.free()) as u32,
            cells_kept: cells.only_in(self.prefixes.kept()) as u32,
            cells: cells.all() as u32,
            prefix_bytes: self.prefixes.bytes(),
            resident: resident(),
            ..self.stats
        };
        self.reported = Instant::now();
        self.say(FromWorker::Stats(Box::new(stats)))
    }

    /// Writes a frame; it leaves with the others of this step.
    pub(super) fn say(&mut self, message: FromWorker) -> Result<(), String> {
        self.spoke = Instant::now();
        self.out.put(&message).map_err(|e| e.to_string())
    }

    fn flush(&self) -> Result<(), String> {
        self.out.flush().map_err(|e| e.to_string())
    }
}
