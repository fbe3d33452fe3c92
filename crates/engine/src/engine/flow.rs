//! From the worker's signals to canonical chunks, within the deadlines.
//!
//! Never here: the worker's process, a dialect.

use super::link::{Pending, Signal, What};
use super::request;
use super::voice::Voice;
use crate::protocol::{Reason, Spent};
use crate::tally::{Ended, Tally};
use backend::{Deadlines, EventStream};
use decide::{Cause, Fault};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::{Instant, timeout_at};
use wire::{Ask, Chunk, Endpoint, Event, Finish, Usage};

/// Signals joined into one chunk when the reader is slower than the engine.
const MERGE: usize = 64;

/// One answer on its way.
pub(super) struct Flow {
    pending: Pending,
    /// Signals that have come and are not yet taken.
    waiting: VecDeque<Signal>,
    fetched: Vec<Signal>,
    /// A fault that is told once the text before it is.
    failed: Option<Fault>,
    open: usize,
    start: Option<Event>,
    voices: Vec<Voice>,
    tally: Arc<Tally>,
    /// When each choice had its first piece and its last one.
    pieces: Vec<Option<(Instant, Instant)>>,
    usage: Usage,
    shared_by: u32,
    began: Instant,
    last: Instant,
    first_seen: bool,
    deadlines: Deadlines,
    ended: bool,
}

impl Flow {
    /// `open` choices of `ask`, asked for at `began`.
    pub(super) fn new(
        pending: Pending,
        open: usize,
        began: Instant,
        ask: &Ask,
        model: Arc<str>,
        deadlines: Deadlines,
        tally: Arc<Tally>,
    ) -> Flow {
        let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let script = request::script(ask);
        let prefix = match ask.endpoint {
            Endpoint::Chat => "chatcmpl-",
            Endpoint::Completions => "cmpl-",
            Endpoint::Messages => "msg_",
            Endpoint::Embeddings | Endpoint::Rerank => "",
        };
        let start = Event::Start { id: format!("{prefix}{:032x}", ask.id), model: model.to_string(), created };
        // A plain answer has one deadline.
        let whole = Deadlines { first: deadlines.total, gap: deadlines.total, ..deadlines };
        Flow {
            pending,
            waiting: VecDeque::new(),
            fetched: Vec::new(),
            failed: None,
            open,
            start: Some(start),
            voices: (0..open as u32).map(|choice| Voice::new(choice, script.clone())).collect(),
            tally,
            pieces: vec![None; open],
            usage: Usage::default(),
            shared_by: request::shared_by(ask),
            began,
            last: began,
            first_seen: false,
            deadlines: if ask.stream { deadlines } else { whole },
            ended: false,
        }
    }

    /// Waits until the worker has taken every choice: what is wrong with the request is known then.
    ///
    /// # Errors
    /// The worker's refusal, or a deadline.
    pub(super) async fn accepted(&mut self) -> Result<(), Fault> {
        let accepted = self.all_accepted().await;
        self.ended |= accepted.is_err();
        accepted
    }

    async fn all_accepted(&mut self) -> Result<(), Fault> {
        let (mut missing, mut early) = (self.open, Vec::new());
        while missing > 0 {
            self.fill().await?;
            match self.waiting.pop_front() {
                Some(Signal { choice, what: What::Accepted(speech) }) => {
                    self.voices[choice as usize].accepted(speech);
                    missing -= 1;
                }
                Some(Signal { what: What::Failed(fault), .. }) => return Err(*fault),
                other => early.extend(other),
            }
        }
        early.into_iter().rev().for_each(|signal| self.waiting.push_front(signal));
        Ok(())
    }

    /// The next chunk; `None` after the last one or after an error.
    pub(super) async fn next(&mut self) -> Option<Result<Chunk, Fault>> {
        if self.ended {
            return None;
        }
        let chunk = self.chunk().await;
        self.ended |= chunk.is_err();
        Some(chunk)
    }

    /// As a stream; dropping it cancels the request.
    pub(super) fn into_stream(self) -> EventStream {
        Box::pin(futures_util::stream::unfold(self, async |mut flow| {
            let item = flow.next().await?;
            Some((item, flow))
        }))
    }

    async fn chunk(&mut self) -> Result<Chunk, Fault> {
        if let Some(fault) = self.failed.take() {
            return Err(fault);
        }
        self.fill().await?;
        self.tick();
        let mut events: Vec<Event> = self.start.take().into_iter().collect();
        while let Some(signal) = self.waiting.pop_front() {
            if let Err(fault) = self.take(signal, &mut events) {
                if events.iter().all(|e| matches!(e, Event::Start { .. })) {
                    return Err(fault);
                }
                self.failed = Some(fault);
                break;
            }
        }
        if self.open == 0 {
            events.extend([Event::Usage(self.usage), Event::Done]);
            self.ended = true;
        }
        Ok(Chunk { events, raw: None })
    }

    /// Waits until something is there to take, no longer than the deadlines allow, and fetches all that is.
    ///
    /// `recv_many` and not `try_recv`: the latter may park the thread while a send is half done, and on a thread that
    /// runs `block_on` it then eats the wake-up that was meant for the future, which sleeps for ever.
    async fn fill(&mut self) -> Result<(), Fault> {
        if !self.waiting.is_empty() {
            return Ok(());
        }
        let Deadlines { first, gap, total, .. } = self.deadlines;
        let (step, phase) = if self.first_seen { (self.last + gap, gap) } else { (self.began + first, first) };
        let until = step.min(self.began + total);
        match timeout_at(until, self.pending.signals.recv_many(&mut self.fetched, MERGE)).await {
            Ok(0) => Err(Fault::new(Cause::Truncated, "The embedded engine ended the answer without finishing it.")),
            Ok(_) => {
                self.waiting.extend(self.fetched.drain(..));
                Ok(())
            }
            Err(_) => Err(late(if until < step { total } else { phase })),
        }
    }

    fn tick(&mut self) {
        let now = Instant::now();
        if self.first_seen {
            self.pending.meter().itl(now - self.last);
        } else {
            self.pending.meter().ttft(now - self.began);
        }
        self.first_seen = true;
        self.last = now;
    }

    fn piece(&mut self, choice: usize) {
        let now = Instant::now();
        match &mut self.pieces[choice] {
            Some((_, last)) => self.tally.next(now - std::mem::replace(last, now)),
            none => {
                self.tally.first(now - self.began);
                *none = Some((now, now));
            }
        }
    }

    fn finished(&self, choice: usize, reason: &Reason, spent: &Spent) {
        let now = Instant::now();
        let decode = self.pieces[choice].map_or(Duration::ZERO, |(first, _)| now - first);
        self.tally.finished(reason, spent, now - self.began, decode);
    }

    fn take(&mut self, signal: Signal, events: &mut Vec<Event>) -> Result<(), Fault> {
        let choice = signal.choice as usize;
        match signal.what {
            What::Accepted(_) | What::Counted(_) | What::Embedded { .. } => {}
            What::Failed(fault) => return Err(*fault),
            What::Token { text, logprobs, signs } => {
                self.voices[choice].say(text, logprobs, &signs, events);
                self.piece(choice);
            }
            What::Finish { reason, spent } => {
                self.open -= 1;
                self.finished(choice, &reason, &spent);
                self.usage.output += u64::from(spent.completion);
                if signal.choice.is_multiple_of(self.shared_by) {
                    self.usage.input += u64::from(spent.prompt);
                    self.usage.cached += u64::from(spent.cached);
                }
                let finish = match reason {
                    Reason::End => Finish::Stop,
                    Reason::Stop(sequence) => Finish::StopSequence(Some(sequence)),
                    Reason::Length => Finish::Length,
                };
                self.usage.reasoning += self.voices[choice].end(finish, events).min(u64::from(spent.completion));
            }
        }
        Ok(())
    }
}

/// Whatever has not finished by now never will: it failed, or nobody wanted it any more.
impl Drop for Flow {
    fn drop(&mut self) {
        let how = if self.ended || self.failed.is_some() { Ended::Error } else { Ended::Abort };
        self.tally.ended(how, self.open);
    }
}

fn late(after: Duration) -> Fault {
    let text = format!(
        "The embedded engine did not answer within {:.1} s. Try again or use a faster model.",
        after.as_secs_f64()
    );
    Fault::new(Cause::Timeout, text)
}
