//! One attempt on its way, up to the first content, which is the point of no return.
//!
//! Never here: the record of it, or what the caller is shown.

use crate::relay::{Brought, Flow, in_band, panicked, truncated};
use backend::{Backend, Deadlines, Reply as Answered};
use decide::{Cause, Fault, Permit, PlaceId};
use futures_util::{FutureExt, StreamExt};
use prometheus_client::metrics::counter::Counter;
use redact::Vault;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio::time::Instant;
use wire::{Ask, Chunk, Event};

/// Chunks held back at most while waiting for the first content, and their bytes at most as they came. A place that
/// sends more without content is believed.
const HELD_MAX: usize = 1024;
const HELD_BYTES_MAX: usize = 256 << 10;

/// An attempt ready to be sent.
pub(super) struct Launch {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) permit: Permit,
    pub(super) deadlines: Deadlines,
    /// The request as the permit allows it to be seen.
    pub(super) ask: Arc<Ask>,
    /// What puts back what was taken out, and the count of placeholders that it does not know.
    pub(super) restoring: Option<(Arc<Vault>, Counter)>,
}

/// Sends, and for streams waits for the first content. A panic on the way is this attempt's fault and nobody else's.
pub(super) async fn bring(launch: Launch) -> Result<Brought, Fault> {
    let brought = AssertUnwindSafe(send(launch)).catch_unwind().await;
    brought.unwrap_or_else(|_| Err(panicked()))
}

async fn send(launch: Launch) -> Result<Brought, Fault> {
    let Launch { backend, permit, deadlines, ask, restoring } = launch;
    let place = permit.place().clone();
    let due = Instant::now() + deadlines.first;
    match backend.send(permit, ask, deadlines).await? {
        Answered::Plain(mut answer) => {
            if let Some((vault, unknown)) = restoring {
                let (restored, strange) = vault.restore_counted(*answer);
                *answer = restored;
                unknown.inc_by(strange.into());
            }
            Ok(Brought::Plain(answer))
        }
        Answered::Vectors(vectors) => Ok(Brought::Vectors(vectors)),
        Answered::Ranking(ranking) => Ok(Brought::Ranking(ranking)),
        Answered::Stream(stream) => {
            let flow = match restoring {
                None => Flow::plain(stream),
                Some((vault, unknown)) => Flow::restored(stream, &vault, unknown),
            };
            first_content(flow, due, &place, deadlines).await
        }
    }
}

/// Holds what comes before the first content. The backend bounds the wait for the first chunk; here the wait for content
/// is bounded too, since a place may say at once that it begins, or send pings, and then nothing.
async fn first_content(
    mut stream: Flow,
    due: Instant,
    place: &PlaceId,
    deadlines: Deadlines,
) -> Result<Brought, Fault> {
    let mut held: Vec<Chunk> = Vec::with_capacity(2);
    let mut bytes = 0;
    loop {
        let next = if held.is_empty() {
            stream.next().await
        } else {
            tokio::time::timeout_at(due, stream.next()).await.map_err(|_| no_content(place, deadlines))?
        };
        let chunk = next.ok_or_else(truncated)??;
        if let Some(fault) = in_band(&chunk) {
            return Err(fault);
        }
        let content = chunk.events.iter().any(is_content);
        bytes += chunk.raw.as_ref().map_or(0, |r| r.bytes.len());
        held.push(chunk);
        if content || held.len() >= HELD_MAX || bytes > HELD_BYTES_MAX {
            return Ok(Brought::Stream(held, stream));
        }
    }
}

/// Anything that the caller would see.
fn is_content(event: &Event) -> bool {
    match event {
        Event::Text { text, .. } | Event::Reasoning { text, .. } | Event::Refusal { text, .. } => !text.is_empty(),
        Event::CallStart { .. } | Event::CallArguments { .. } | Event::Finish { .. } | Event::Done => true,
        Event::Start { .. } | Event::Usage(_) | Event::Ping | Event::Error { .. } | Event::Signs { .. } => false,
    }
}

/// The place began to answer and said nothing.
fn no_content(place: &PlaceId, deadlines: Deadlines) -> Fault {
    let ms = deadlines.first.as_millis();
    let shown =
        format!("Place `{place}` began to answer and sent no content within {ms} ms. Try again, or allow more time.");
    Fault::new(Cause::Timeout, shown)
}
