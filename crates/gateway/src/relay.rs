//! Step 7: the answer in the caller's dialect. What caller and backend have in common is forwarded as it came;
//! everything else is written from the canonical events. The record is handed over before the last bytes are.
//!
//! Never here: a second parse, or a clean end for a stream that had none.

mod body;
mod fail;
mod flow;
mod reply;
mod stream;
pub(crate) mod writer;

pub(crate) use body::{BrokeOff, Outbound};
pub(crate) use fail::{in_band, panicked, shutting_down, truncated};
pub(crate) use flow::Flow;
pub(crate) use reply::Reply;

use crate::Wiring;
use crate::settle::{Account, Attempt, Meterage};
use bytes::Bytes;
use std::sync::Arc;
use stream::Stream;
use tokio::time::Instant;
use wire::{Answer, Ask, Chunk, Ranking, Vectors};

/// What an attempt brought before anything went to the caller.
pub(crate) enum Brought {
    /// The whole answer.
    Plain(Box<Answer>),
    /// The first chunks up to the first content, and the rest.
    Stream(Vec<Chunk>, Flow),
    /// Vectors.
    Vectors(Box<Vectors>),
    /// Scores.
    Ranking(Box<Ranking>),
}

/// Relays what an attempt brought, to its end, which is at `due` at the latest.
pub(crate) async fn relay(
    wiring: &Wiring,
    ask: &Arc<Ask>,
    due: Instant,
    brought: Brought,
    attempt: Attempt<'_>,
    account: &Account,
    reply: Reply,
) {
    let redacted = attempt.redacted_above.is_some();
    let (body, mut meterage) = match brought {
        Brought::Stream(held, rest) => {
            return Stream { wiring, account, due }.relay(ask, held, rest, attempt, reply).await;
        }
        Brought::Plain(answer) => {
            account.heard(&answer);
            let sampled = account.is_sampled(wiring);
            let meterage = Meterage::of_plain(&answer, attempt.candidate, redacted, sampled);
            (writer::plain(account.endpoint, &answer), meterage)
        }
        Brought::Vectors(vectors) => (writer::vectors(&vectors, ask), Meterage::counted(vectors.usage)),
        Brought::Ranking(ranking) => (writer::ranking(&ranking, ask), Meterage::counted(ranking.usage)),
    };
    meterage.count(ask).await;
    whole(wiring, ask, body, meterage, attempt, account, reply).await;
}

/// Relays what came whole, already written.
async fn whole(
    wiring: &Wiring,
    ask: &Arc<Ask>,
    body: Bytes,
    mut meterage: Meterage,
    attempt: Attempt<'_>,
    account: &Account,
    reply: Reply,
) {
    let candidate = attempt.candidate;
    let cost = attempt.cost(&meterage, account);
    let response = reply.head(&attempt, account, cost, "application/json", Outbound::full(body));
    match attempt.ok(wiring, account, &meterage).durable().await {
        Ok(()) => {
            reply.send(response);
        }
        Err(fault) => reply.fail(&fault, account.last_place()),
    }
    wiring.metrics.reconcile.compare(candidate, ask, &mut meterage);
}
