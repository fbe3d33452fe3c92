//! Step 6: attempts along the verdict. Room in the ledger first, then a permit, then the backend; the next candidate
//! when this one fails before the first content. Chooses nothing itself.
//!
//! Never here: an order of its own, or an attempt without a permit.

use crate::relay::{self, Reply, in_band, truncated, writer};
use crate::settle::{Account, Attempt, Meterage};
use crate::{Wiring, care};
use backend::{EventStream, Reply as Answered};
use decide::{Cause, Fault, Need, Retry, Verdict};
use futures_util::StreamExt;
use std::sync::Arc;
use wire::{Answer, Ask, Chunk, Event, Ranking, Vectors};

/// Chunks held back at most while waiting for the first content.
const HELD_MAX: usize = 64;

/// What an attempt brought before anything went to the caller.
pub(crate) enum Brought {
    /// The whole answer.
    Plain(Box<Answer>),
    /// The first chunks up to the first content, and the rest.
    Stream(Vec<Chunk>, EventStream),
    /// Vectors.
    Vectors(Box<Vectors>),
    /// Scores.
    Ranking(Box<Ranking>),
}

/// Tries the candidates in order until one brings content, and relays it.
pub(crate) async fn run(
    wiring: &Wiring,
    ask: Ask,
    need: &Need,
    verdict: &Verdict,
    account: &mut Account,
    mut reply: Reply,
) {
    let ask = Arc::new(ask);
    let most = if need.no_fallback { 1 } else { usize::from(wiring.policy.load().attempts_max.max(1)) };
    let mut last: Option<Fault> = None;
    wiring.care.arrived();
    for rank in 0..verdict.order.len().min(most) {
        if account.has_attempts() && !wiring.care.may_retry() {
            break;
        }
        let mut attempt = match begin(wiring, verdict, rank, account) {
            Ok(attempt) => attempt,
            Err(fault) if fault.retry == Retry::NextPlace => {
                last = Some(care::tell(last.take(), fault));
                continue;
            }
            Err(fault) => {
                account.refuse(wiring, &fault);
                return reply.fail(&fault, None);
            }
        };
        let brought = tokio::select! {
            brought = send(wiring, &mut attempt, account, &ask) => brought,
            () = reply.left() => {
                attempt.cancelled(wiring, account, &Meterage::default());
                return;
            }
        };
        match brought {
            Ok(Brought::Plain(answer)) => return relay::plain(wiring, *answer, attempt, account, reply),
            Ok(Brought::Vectors(vectors)) => {
                let usage = vectors.usage;
                return relay::encoded(wiring, writer::vectors(&vectors, &ask), usage, attempt, account, reply);
            }
            Ok(Brought::Ranking(ranking)) => {
                let usage = ranking.usage;
                return relay::encoded(wiring, writer::ranking(&ranking, &ask), usage, attempt, account, reply);
            }
            Ok(Brought::Stream(held, rest)) => {
                return relay::stream(wiring, &ask, held, rest, attempt, account, reply).await;
            }
            Err(fault) => {
                if fault.cause == Cause::Connect {
                    wiring.board.suspect(&attempt.candidate.place.id);
                }
                attempt.failed(wiring, account, &Meterage::before_content(&fault), &fault);
                let go_on = fault.retry == Retry::NextPlace;
                last = Some(fault);
                if !go_on {
                    break;
                }
            }
        }
    }
    let mut fault =
        last.unwrap_or_else(|| Fault::new(Cause::NoPlaceReady, "No place was left to try. Try again in a moment."));
    wiring.care.ends(&mut fault, account.work);
    if !account.has_attempts() {
        account.refuse(wiring, &fault);
    }
    reply.fail(&fault, account.last_place());
}

/// Reserves room for the record and counts the attempt.
fn begin<'v>(wiring: &Wiring, verdict: &'v Verdict, rank: usize, account: &mut Account) -> Result<Attempt<'v>, Fault> {
    let candidate = &verdict.order[rank];
    let paid = candidate.reason.cost_nanousd != Some(0);
    let slot = wiring.outlet.reserve(paid).map_err(|_| {
        let shown = "The ledger takes no more records, and nothing is answered unrecorded. Try again in a moment; the operator sees why in the log.";
        Fault::new(Cause::LedgerUnavailable, shown).after(1)
    })?;
    let Some(entry) = wiring.board.entry(&candidate.place.id) else {
        let mut fault = Fault::new(
            Cause::NoPlaceReady,
            format!("The place {} was removed from the configuration.", candidate.place.id),
        );
        fault.retry = Retry::NextPlace;
        return Err(fault);
    };
    let permit = decide::permit(verdict, rank, &wiring.board.fleet(), &wiring.policy.load()).map_err(|why| {
        let mut fault =
            Fault::new(Cause::PolicyDenied, format!("{}/{} {why}.", candidate.place.id, candidate.model.id));
        fault.retry = Retry::NextPlace;
        fault
    })?;
    let pass = wiring.care.enter(verdict, rank, account.work)?;
    Ok(Attempt::begin(account, candidate, entry, slot, permit, pass))
}

/// Sends, and for streams waits for the first content, which is the point of no return.
async fn send(wiring: &Wiring, attempt: &mut Attempt<'_>, account: &Account, ask: &Arc<Ask>) -> Result<Brought, Fault> {
    let Some(permit) = attempt.permit.take() else {
        return Err(Fault::new(Cause::Internal, "An attempt was sent twice. Please report this."));
    };
    attempt.sending(account);
    match attempt.entry().backend.clone().send(permit, ask.clone(), wiring.limits.deadlines).await? {
        Answered::Plain(answer) => Ok(Brought::Plain(answer)),
        Answered::Vectors(vectors) => Ok(Brought::Vectors(vectors)),
        Answered::Ranking(ranking) => Ok(Brought::Ranking(ranking)),
        Answered::Stream(mut stream) => {
            let mut held = Vec::with_capacity(2);
            loop {
                let chunk = match stream.next().await {
                    Some(chunk) => chunk?,
                    None => return Err(truncated()),
                };
                if let Some(fault) = in_band(&chunk) {
                    return Err(fault);
                }
                let content = chunk.events.iter().any(is_content);
                held.push(chunk);
                if content || held.len() >= HELD_MAX {
                    attempt.first_content();
                    return Ok(Brought::Stream(held, stream));
                }
            }
        }
    }
}

/// Anything that the caller would see.
fn is_content(event: &Event) -> bool {
    match event {
        Event::Text { text, .. } | Event::Reasoning { text, .. } | Event::Refusal { text, .. } => !text.is_empty(),
        Event::CallStart { .. } | Event::CallArguments { .. } | Event::Finish { .. } | Event::Done => true,
        Event::Start { .. } | Event::Usage(_) | Event::Ping | Event::Error { .. } => false,
    }
}
