//! The worker of an encoder: texts of all requests are put into one step after the other, one text of each request in
//! turn, so that a long list does not keep a short one waiting. Frames are looked at between steps.
//!
//! Nothing is kept between texts: an encoder reads each text whole, so there is no prefix to reuse.
//!
//! Never here: writing text, a vendor type (only `context` sees those).

mod context;

use super::Outbox;
use super::llama::Model;
use crate::protocol::{Embed, FromWorker, Info, Input, Kind, Load, Role, Text, ToWorker};
use crate::source::Pooling;
use context::Encoder;
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

/// Requests that may wait. The supervisor refuses at its own, equal bound first.
const QUEUE_MAX: usize = crate::QUEUE_MAX;
/// After so long without a frame the gateway is told that the worker lives.
const SILENCE: Duration = Duration::from_secs(1);

/// Says that the model is ready and works until the inbox ends or says quit.
///
/// # Errors
/// The model cannot be run, or the gateway cannot be written to.
pub(super) fn run(
    model: &Model,
    load: &Load,
    pooling: Pooling,
    out: &Outbox,
    inbox: &Receiver<ToWorker>,
) -> Result<(), String> {
    let encoder = Encoder::new(model, load, pooling)?;
    let info = Info { dimensions: encoder.dimensions(), ..model.info(load) };
    out.send(&FromWorker::Ready(Box::new(info))).map_err(|e| e.to_string())?;
    let queue = VecDeque::new();
    Desk { encoder, role: load.role, context: load.context as usize, queue, out, spoke: Instant::now() }.run(inbox)
}

/// One request under way.
struct Job {
    id: u64,
    texts: Vec<Vec<i32>>,
    /// The first text that is not done.
    next: usize,
    vectors: Vec<Vec<f32>>,
}

struct Desk<'m> {
    encoder: Encoder<'m>,
    role: Role,
    context: usize,
    queue: VecDeque<Job>,
    out: &'m Outbox,
    spoke: Instant,
}

impl Desk<'_> {
    fn run(mut self, inbox: &Receiver<ToWorker>) -> Result<(), String> {
        loop {
            if self.queue.is_empty() {
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
            ToWorker::Embed(embed) => {
                let id = embed.id;
                let full = self.queue.len() >= QUEUE_MAX;
                let busy = || (Kind::Busy, "The embedded engine's queue is full.".to_owned());
                match if full { Err(busy()) } else { self.job(*embed) } {
                    Ok(job) => self.queue.push_back(job),
                    Err((kind, message)) => self.say(FromWorker::Error { id, kind, message })?,
                }
            }
            ToWorker::Cancel { id } => self.queue.retain(|job| job.id != id),
            ToWorker::Count { id, input: Input::Raw { prompt } } => {
                let tokens = self.encoder.tokens(&prompt).len() as u32;
                self.say(FromWorker::Counted { id, tokens })?;
            }
            ToWorker::Count { id, .. } => self.refuse(id)?,
            ToWorker::Generate(generate) => self.refuse(generate.id)?,
            ToWorker::Ping { id } => self.say(FromWorker::Pong { id })?,
            ToWorker::Quit => return Ok(false),
            ToWorker::Load(_) => return Err("a second load; one worker holds one model".into()),
        }
        self.out.flush().map_err(|e| e.to_string())?;
        Ok(true)
    }

    fn refuse(&mut self, id: u64) -> Result<(), String> {
        let message = "This model is an encoder and writes no text.".to_owned();
        self.say(FromWorker::Error { id, kind: Kind::Invalid, message })
    }

    /// Checks a request against the model.
    fn job(&self, embed: Embed) -> Result<Job, (Kind, String)> {
        if (self.role == Role::Rerank) != embed.query.is_some() {
            return Err((Kind::Invalid, "Vectors were asked of a reranker, or scores of another model.".into()));
        }
        let count = embed.texts.len();
        let mut texts = Vec::with_capacity(count);
        for (at, text) in embed.texts.into_iter().enumerate() {
            let tokens = match (text, &embed.query) {
                (Text::Words(text), Some(query)) => self.encoder.pair(query, &text),
                (Text::Words(text), None) => self.encoder.tokens(&text),
                (Text::Tokens(tokens), _) => self.encoder.known(tokens).map_err(|text| (Kind::Invalid, text))?,
            };
            texts.push(self.bounded(tokens, at, embed.truncate)?);
        }
        Ok(Job { id: embed.id, texts, next: 0, vectors: Vec::with_capacity(count) })
    }

    /// A text that fits the context, cut if that was asked for.
    fn bounded(&self, mut tokens: Vec<i32>, at: usize, truncate: bool) -> Result<Vec<i32>, (Kind, String)> {
        match tokens.len() {
            0 => Err((Kind::Invalid, format!("Text {at} has no tokens; leave it out."))),
            n if n <= self.context => Ok(tokens),
            _ if truncate => {
                let last = tokens.last().copied().filter(|t| self.encoder.closes(*t));
                tokens.truncate(self.context);
                if let (Some(end), Some(last)) = (tokens.last_mut(), last) {
                    *end = last;
                }
                Ok(tokens)
            }
            n => Err((
                Kind::Context,
                format!(
                    "Text {at} has {n} tokens and this model has room for {}. Split it, or send `truncate: true` to have its \
                     end cut off.",
                    self.context
                ),
            )),
        }
    }

    /// One step: as many texts as fit, one of each request in turn; requests that are complete are answered.
    fn step(&mut self) -> Result<(), String> {
        let mut room = self.encoder.room();
        // Which text of which request, in the order of the step.
        let mut chosen: Vec<(usize, usize)> = Vec::new();
        let mut taken = vec![0; self.queue.len()];
        loop {
            let before = chosen.len();
            for (at, job) in self.queue.iter().enumerate() {
                let text = job.next + taken[at];
                if let Some(tokens) = job.texts.get(text)
                    && room.take(tokens.len())
                {
                    chosen.push((at, text));
                    taken[at] += 1;
                }
            }
            if chosen.len() == before {
                break;
            }
        }
        let texts: Vec<&[i32]> = chosen.iter().map(|(at, text)| self.queue[*at].texts[*text].as_slice()).collect();
        if texts.is_empty() {
            return Ok(());
        }
        match self.encoder.run(&texts) {
            Ok(vectors) => {
                for ((at, _), vector) in chosen.into_iter().zip(vectors) {
                    self.queue[at].next += 1;
                    self.queue[at].vectors.push(vector);
                }
            }
            Err(message) => {
                let failed: Vec<u64> =
                    taken.iter().zip(&self.queue).filter(|(n, _)| **n > 0).map(|(_, job)| job.id).collect();
                self.queue.retain(|job| !failed.contains(&job.id));
                for id in failed {
                    self.say(FromWorker::Error { id, kind: Kind::Engine, message: message.clone() })?;
                }
            }
        }
        self.answer()
    }

    /// Answers what is complete, and lets another request begin the next step.
    fn answer(&mut self) -> Result<(), String> {
        for _ in 0..self.queue.len() {
            let Some(job) = self.queue.pop_front() else { break };
            if job.next < job.texts.len() {
                self.queue.push_back(job);
                continue;
            }
            let tokens = job.texts.iter().map(Vec::len).sum::<usize>() as u32;
            self.say(FromWorker::Embedded { id: job.id, vectors: job.vectors, tokens })?;
        }
        if !self.queue.is_empty() {
            self.queue.rotate_left(1);
        }
        Ok(())
    }

    fn say(&mut self, message: FromWorker) -> Result<(), String> {
        self.spoke = Instant::now();
        self.out.put(&message).map_err(|e| e.to_string())
    }
}
