//! From the worker's signals to canonical chunks, within the deadlines.
//!
//! Never here: the worker's process, a dialect.

use super::link::{Pending, Signal, What};
use super::request;
use crate::protocol::{Logprob, Reason};
use backend::{Deadlines, EventStream};
use decide::{Cause, Fault};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::{Instant, timeout_at};
use wire::{Ask, Chunk, Endpoint, Event, Finish, TokenLogprob, Usage};

/// Signals joined into one chunk when the reader is slower than the engine.
const MERGE: usize = 64;

/// One answer on its way.
pub(super) struct Flow {
    pending: Pending,
    /// Signals that came before every choice was accepted.
    early: VecDeque<Signal>,
    open: usize,
    start: Option<Event>,
    spoke: Vec<bool>,
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
    ) -> Flow {
        let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let prefix = match ask.endpoint {
            Endpoint::Chat => "chatcmpl",
            Endpoint::Completions => "cmpl",
            Endpoint::Messages => "msg",
        };
        let start = Event::Start { id: format!("{prefix}-{:032x}", ask.id), model: model.to_string(), created };
        // A plain answer has one deadline.
        let whole = Deadlines { first: deadlines.total, gap: deadlines.total, ..deadlines };
        Flow {
            pending,
            early: VecDeque::new(),
            open,
            start: Some(start),
            spoke: vec![false; open],
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
        let mut missing = self.open;
        while missing > 0 {
            match self.signal().await? {
                Signal { what: What::Accepted, .. } => missing -= 1,
                Signal { what: What::Failed(fault), .. } => return Err(*fault),
                other => self.early.push_back(other),
            }
        }
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
        let mut events: Vec<Event> = self.start.take().into_iter().collect();
        let first = match self.early.pop_front() {
            Some(early) => early,
            None => self.signal().await?,
        };
        self.tick();
        self.take(first, &mut events)?;
        for _ in 1..MERGE {
            if self.open == 0 {
                break;
            }
            let Some(next) = self.early.pop_front().or_else(|| self.pending.signals.try_recv().ok()) else { break };
            self.take(next, &mut events)?;
        }
        if self.open == 0 {
            events.extend([Event::Usage(self.usage), Event::Done]);
            self.ended = true;
        }
        Ok(Chunk { events, raw: None })
    }

    /// Waits for the worker, no longer than the deadlines allow.
    async fn signal(&mut self) -> Result<Signal, Fault> {
        let Deadlines { first, gap, total, .. } = self.deadlines;
        let (step, phase) = if self.first_seen { (self.last + gap, gap) } else { (self.began + first, first) };
        let until = step.min(self.began + total);
        match timeout_at(until, self.pending.signals.recv()).await {
            Ok(Some(signal)) => Ok(signal),
            Ok(None) => Err(Fault::new(Cause::Truncated, "The embedded engine ended the answer without finishing it.")),
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

    fn take(&mut self, signal: Signal, events: &mut Vec<Event>) -> Result<(), Fault> {
        let choice = signal.choice;
        match signal.what {
            What::Accepted | What::Counted(_) => {}
            What::Failed(fault) => return Err(*fault),
            What::Token { text, logprobs } => {
                self.spoke[choice as usize] = true;
                events.push(Event::Text { choice, text, logprobs: logprobs.into_iter().map(logprob).collect() });
            }
            What::Finish { reason, prompt_tokens, completion_tokens } => {
                self.open -= 1;
                self.usage.output += u64::from(completion_tokens);
                if choice.is_multiple_of(self.shared_by) {
                    self.usage.input += u64::from(prompt_tokens);
                }
                // An answer of nothing is an empty text, not an absent one.
                if !self.spoke[choice as usize] {
                    events.push(Event::Text { choice, text: String::new(), logprobs: Vec::new() });
                }
                let finish = match reason {
                    Reason::End => Finish::Stop,
                    Reason::Stop(sequence) => Finish::StopSequence(Some(sequence)),
                    Reason::Length => Finish::Length,
                };
                events.push(Event::Finish { choice, finish });
            }
        }
        Ok(())
    }
}

fn late(after: Duration) -> Fault {
    let text = format!(
        "The embedded engine did not answer within {:.1} s. Try again or use a faster model.",
        after.as_secs_f64()
    );
    Fault::new(Cause::Timeout, text)
}

fn logprob(l: Logprob) -> TokenLogprob {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    TokenLogprob {
        token: text(&l.bytes),
        logprob: f64::from(l.logprob),
        top: l.top.into_iter().map(|(bytes, p)| (text(&bytes), f64::from(p), Some(bytes))).collect(),
        bytes: Some(l.bytes),
    }
}
