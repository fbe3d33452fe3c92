//! The contract that every backend keeps, and the meter that counts what passes through it.

use decide::{Cause, Fault, Health, Load, Model, Permit, Place};
use futures_util::Stream;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use wire::{Answer, Ask, Chunk, Ranking, Vectors};

/// A boxed future, so that backends of different kinds stand in one table.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A stream of chunks. It ends after a chunk with [`wire::Event::Done`], or with exactly one `Err`: a stream that breaks
/// off without the terminal event has yielded [`Cause::Truncated`]. An error that a place writes into its stream is that
/// `Err` as well, so [`wire::Event::Error`] never comes out of a backend. Dropping it cancels the request upstream.
pub type EventStream = Pin<Box<dyn Stream<Item = Result<Chunk, Fault>> + Send>>;

/// What a backend answers.
pub enum Reply {
    /// The whole answer (the request was not streamed).
    Plain(Box<Answer>),
    /// The answer in pieces (the request was streamed).
    Stream(EventStream),
    /// Vectors, one per text.
    Vectors(Box<Vectors>),
    /// Scores of documents.
    Ranking(Box<Ranking>),
}

/// Deadlines of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// To connect.
    pub connect: Duration,
    /// From sending to the first chunk (streams) or the whole answer (plain: `total` counts instead).
    pub first: Duration,
    /// Between chunks.
    pub gap: Duration,
    /// For everything.
    pub total: Duration,
}

impl Default for Deadlines {
    fn default() -> Deadlines {
        Deadlines {
            connect: Duration::from_secs(5),
            first: Duration::from_secs(120),
            gap: Duration::from_secs(60),
            total: Duration::from_secs(600),
        }
    }
}

/// What a probe found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Probed {
    /// Health now.
    pub health: Health,
    /// Models it offers, with what it says of them; `None` where it could not be asked (the last list stands).
    pub models: Option<Vec<Discovered>>,
    /// Load as the place itself reports it; `None` where it does not (our own count stands).
    pub load: Option<Load>,
}

/// A model as a place describes it. Configuration and the built-in capability table complete it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Discovered {
    /// Model id.
    pub id: String,
    /// Context window in tokens, where the place says.
    pub context_tokens: Option<u32>,
    /// Capabilities, where the place says (Ollama's `capabilities`).
    pub caps: Option<decide::Caps>,
}

/// One place that can be asked.
pub trait Backend: Send + Sync {
    /// The place as configured.
    fn place(&self) -> &Arc<Place>;

    /// Models from configuration, complete with price and capabilities; empty means they are to be discovered.
    fn models(&self) -> &[Arc<Model>];

    /// Sends one request to this place, once. `permit` must name this place and this request (see [`check`]).
    ///
    /// # Errors
    /// A [`Fault`]: everything up to the response head of a stream, or the whole plain answer.
    fn send(&self, permit: Permit, ask: Arc<Ask>, deadlines: Deadlines) -> BoxFuture<'_, Result<Reply, Fault>>;

    /// Counts the prompt tokens of a request exactly as this place would, template included; `None` where the place
    /// cannot count without answering, and then an estimate must do.
    fn count(&self, permit: Permit, ask: Arc<Ask>) -> Option<BoxFuture<'_, Result<u32, Fault>>> {
        let _ = (permit, ask);
        None
    }

    /// Asks how the place is. Never fails: not answering is [`Health::Down`].
    fn probe(&self) -> BoxFuture<'_, Probed>;
}

/// Checks that a permit names this place and this request. Every backend calls this first.
///
/// # Errors
/// [`Cause::Internal`]: a bug of ours, nothing was sent.
pub fn check(permit: &Permit, place: &Place, ask: &Ask) -> Result<(), Fault> {
    let cleared = permit.redact_above().is_none() || ask.redacted;
    if permit.ask_id() == ask.id && permit.place() == &place.id && cleared {
        return Ok(());
    }
    Err(Fault::new(
        Cause::Internal,
        "The request was not sent: its permit names another request or place. Please report this.",
    )
    .because(format!("permit for {} shown at {}", permit.place(), place.id)))
}

/// Our own count of one place, for places that do not say how busy they are. Atomic, read by the probes' publisher.
#[derive(Debug, Default)]
pub struct Meter {
    running: AtomicU32,
    ttft_ms: AtomicU32,
    itl_us: AtomicU32,
}

impl Meter {
    /// One more request under way.
    pub fn begin(&self) {
        self.running.fetch_add(1, Ordering::Relaxed);
    }

    /// One fewer.
    pub fn end(&self) {
        self.running.fetch_sub(1, Ordering::Relaxed);
    }

    /// A measured time to first token; moving average with weight 1/8.
    pub fn ttft(&self, measured: Duration) {
        blend(&self.ttft_ms, u32::try_from(measured.as_millis()).unwrap_or(u32::MAX).max(1));
    }

    /// A measured inter-token latency; moving average with weight 1/8.
    pub fn itl(&self, measured: Duration) {
        blend(&self.itl_us, u32::try_from(measured.as_micros()).unwrap_or(u32::MAX).max(1));
    }

    /// The count as a load.
    pub fn load(&self) -> Load {
        let seen = |a: &AtomicU32| Some(a.load(Ordering::Relaxed)).filter(|v| *v > 0);
        let running = self.running.load(Ordering::Relaxed);
        Load {
            running,
            waiting: 0,
            ours: Some(running),
            kv_permille: None,
            ttft_ms: seen(&self.ttft_ms),
            itl_us: seen(&self.itl_us),
        }
    }
}

/// Zero means "nothing measured yet". Lost updates under a race only delay the average.
fn blend(cell: &AtomicU32, measured: u32) {
    let old = cell.load(Ordering::Relaxed);
    let new = if old == 0 { measured } else { old - old / 8 + measured / 8 };
    cell.store(new.max(1), Ordering::Relaxed);
}
