//! Holding an answer back until it can be judged: a whole one as it is, a stream for so many tokens or so long at most, whichever
//! comes first. Not a byte of what is held has gone to the caller, so a stream that breaks meanwhile is like one that never began.
//!
//! Never here: judging it, or what becomes of it.

use crate::Wiring;
use crate::relay::{Brought, Flow, Reply, in_band, panicked, truncated};
use crate::settle::{Attempt, Meterage};
use decide::{Cascade, Fault};
use futures_util::{FutureExt, StreamExt};
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use wire::{Answer, Chunk, Event, Join};

/// Bytes of text that count as a token: the same guess as on the bill.
const BYTES_PER_TOKEN: usize = 4;
/// Chunks, and their bytes as they came, that are held back at most whatever the settings say.
const CHUNKS_MAX: usize = 8_192;
const RAW_MAX: usize = 1 << 20;

/// An answer that nobody has seen yet.
pub(super) struct Held<'v> {
    pub(super) attempt: Attempt<'v>,
    what: What,
    /// It came to its end.
    pub(super) whole: bool,
    /// Since when it has been held back long enough.
    pub(super) since: std::time::Instant,
}

enum What {
    Plain(Box<Answer>),
    /// The chunks so far, what they make, and the rest.
    Stream(Vec<Chunk>, Box<Answer>, Flow),
}

/// What came of holding back.
pub(super) enum Holding<'v> {
    Held(Held<'v>),
    /// It broke, before the caller saw anything of it.
    Broke(Attempt<'v>, Meterage, Fault),
    /// The caller left.
    Left(Attempt<'v>, Meterage),
    /// It is nothing that can be held.
    Other(Attempt<'v>, Brought),
}

/// Why a stream is not followed any further for now.
enum Stop {
    Whole,
    LetGo,
    Left,
    Broke(Fault),
}

/// Holds back what an attempt brought. A process that stops lets everything go: relay knows how to end it.
pub(super) async fn hold<'v>(
    wiring: &Wiring,
    (settings, due): (&Cascade, Instant),
    mut attempt: Attempt<'v>,
    brought: Brought,
    reply: &mut Reply,
) -> Holding<'v> {
    let (chunks, mut flow) = match brought {
        Brought::Plain(answer) => {
            attempt.came(output(&answer));
            let since = std::time::Instant::now();
            return Holding::Held(Held { attempt, what: What::Plain(answer), whole: true, since });
        }
        Brought::Stream(chunks, flow) => (chunks, flow),
        other => return Holding::Other(attempt, other),
    };
    let until = due.min(Instant::now() + Duration::from_millis(settings.hold_ms.into()));
    let mut holding = Stretch::new(settings.hold_tokens);
    let followed = AssertUnwindSafe(holding.follow(wiring, chunks, &mut flow, until, reply)).catch_unwind().await;
    let Stretch { chunks, join, .. } = holding;
    let whole = match followed.unwrap_or_else(|_| Stop::Broke(panicked())) {
        Stop::Whole => true,
        Stop::LetGo => false,
        Stop::Left => {
            let seen = metered(&attempt, &chunks);
            return Holding::Left(attempt, seen);
        }
        Stop::Broke(fault) => {
            let seen = metered(&attempt, &chunks);
            return Holding::Broke(attempt, seen, fault);
        }
    };
    let answer = Box::new(join.finish());
    if whole {
        attempt.came(output(&answer));
    }
    let since = std::time::Instant::now();
    Holding::Held(Held { attempt, what: What::Stream(chunks, answer, flow), whole, since })
}

/// The stretch of a stream that is held back.
struct Stretch {
    most_bytes: usize,
    chunks: Vec<Chunk>,
    join: Join,
    bytes: usize,
    raw: usize,
}

impl Stretch {
    fn new(tokens: u32) -> Stretch {
        let most_bytes = (tokens as usize).saturating_mul(BYTES_PER_TOKEN);
        Stretch { most_bytes, chunks: Vec::new(), join: Join::default(), bytes: 0, raw: 0 }
    }

    async fn follow(
        &mut self,
        wiring: &Wiring,
        first: Vec<Chunk>,
        flow: &mut Flow,
        until: Instant,
        reply: &mut Reply,
    ) -> Stop {
        for chunk in first {
            self.take(chunk);
        }
        let mut made = std::pin::pin!(wiring.cut.made());
        loop {
            if self.join.is_done() {
                return Stop::Whole;
            }
            if self.bytes >= self.most_bytes || self.chunks.len() >= CHUNKS_MAX || self.raw >= RAW_MAX {
                return Stop::LetGo;
            }
            let next = tokio::select! {
                biased;
                next = timeout_at(until, flow.next()) => next,
                () = reply.left() => return Stop::Left,
                () = &mut made => return Stop::LetGo,
            };
            let Ok(next) = next else { return Stop::LetGo };
            let chunk = match next.unwrap_or_else(|| Err(truncated())) {
                Ok(chunk) => chunk,
                Err(fault) => return Stop::Broke(fault),
            };
            if let Some(fault) = in_band(&chunk) {
                return Stop::Broke(fault);
            }
            self.take(chunk);
        }
    }

    fn take(&mut self, chunk: Chunk) {
        for event in &chunk.events {
            self.bytes += match event {
                Event::Text { text, .. }
                | Event::Reasoning { text, .. }
                | Event::Refusal { text, .. }
                | Event::CallArguments { text, .. } => text.len(),
                _ => 0,
            };
            self.join.push(event.clone());
        }
        self.raw += chunk.raw.as_ref().map_or(0, |raw| raw.bytes.len());
        self.chunks.push(chunk);
    }
}

impl<'v> Held<'v> {
    /// As far as it has come.
    pub(super) fn answer(&self) -> &Answer {
        match &self.what {
            What::Plain(answer) | What::Stream(_, answer, _) => answer,
        }
    }

    /// What passed through so far.
    pub(super) fn meterage(&self) -> Meterage {
        match &self.what {
            What::Plain(answer) => {
                Meterage::of_plain(answer, self.attempt.candidate, self.attempt.redacted_above.is_some(), false)
            }
            What::Stream(chunks, ..) => metered(&self.attempt, chunks),
        }
    }

    /// Lets it go, to be relayed.
    pub(super) fn let_go(self) -> (Attempt<'v>, Brought) {
        let brought = match self.what {
            What::Plain(answer) => Brought::Plain(answer),
            What::Stream(chunks, _, flow) => Brought::Stream(chunks, flow),
        };
        (self.attempt, brought)
    }

    /// Only its attempt; what is still to come of it is cancelled at its place.
    pub(super) fn drop_answer(self) -> Attempt<'v> {
        self.attempt
    }
}

fn metered(attempt: &Attempt<'_>, chunks: &[Chunk]) -> Meterage {
    let mut meterage = Meterage::of_stream(attempt.candidate, attempt.redacted_above.is_some());
    chunks.iter().flat_map(|chunk| &chunk.events).for_each(|event| meterage.event(event));
    meterage
}

/// Tokens that its place wrote, by its own count or about.
fn output(answer: &Answer) -> u64 {
    answer.usage.map_or_else(|| (written(answer) / BYTES_PER_TOKEN) as u64, |usage| usage.output)
}

/// Bytes of what is written in an answer.
pub(super) fn written(answer: &Answer) -> usize {
    let call = |call: &wire::ToolCall| call.name.len() + call.arguments.len();
    let choices = answer.choices.iter();
    choices.map(|c| c.text.as_deref().map_or(0, str::len) + c.tool_calls.iter().map(call).sum::<usize>()).sum()
}
