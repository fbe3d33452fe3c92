//! Shadow mode: of a share of the requests, drawn by lot, the alternative is asked as well, after the caller has the answer and it
//! is settled. Where the weaker place answered that is the strongest one that the verdict permits, and the other way round. What
//! comes of it are lessons; the answer goes nowhere.
//!
//! An alternative is asked on the way of every request, under the endpoint name `shadow` and the caller's request id: a verdict, a
//! record in the audit trail, a permit, redaction, the budgets of the key, a slot in the ledger. It gives way to everything else:
//! as a batch request, a few at a time, dropped where too many wait, and not at all for a key at the soft limit of a budget. It does not
//! count in the limits of requests per minute.
//!
//! Which requests are drawn follows from our number of the request, whose low bits are random: never from anything that a caller
//! writes, who could choose what the promise is learned from.
//!
//! Never here: text in a log, a record or a lesson; a decision about the request itself.

mod lessons;

use crate::dispatch::is_better;
use crate::drawn::Event;
use crate::relay::Reply;
use crate::settle::{Account, Given, Tap};
use crate::{Judged, Wiring, choose, dispatch};
use backend::Deadlines;
use decide::{Candidate, Cause, Fault, Need};
use futures_util::FutureExt;
use lessons::{Of, lessons};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use wire::{Answer, Ask, Endpoint};

/// For waiting and answering.
const WITHIN: Duration = Duration::from_secs(120);
/// Bytes of a request's body at most: it is kept until the alternative has answered.
const ASK_MAX_BYTES: usize = 256 << 10;
/// The endpoint of its requests in ledger and audit trail.
const SHADOW: &str = "shadow";

/// A place among those under way.
struct Turn(Arc<Wiring>);

impl Turn {
    fn take(wiring: &Arc<Wiring>) -> Option<Turn> {
        wiring.learned.shadow.begin().then(|| Turn(wiring.clone()))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.learned.shadow.end();
    }
}

/// A tap for a request that is drawn; `None` for every other, and where nothing could be compared.
pub(crate) fn tap(share_permille: u16, judged: &Judged, number: u128) -> Option<Box<Tap>> {
    (is_drawn(number, share_permille) && is_fit(judged)).then(Box::default)
}

/// Whether the lot falls on a request. Mixed first (Steele, Lea and Flood, SplitMix64), since others draw from the same bits.
fn is_drawn(number: u128, share_permille: u16) -> bool {
    let mut bits = (number as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (bits ^ (bits >> 31)) % 1_000 < u64::from(share_permille)
}

/// Whether there is anything to learn: one answer of text or calls, from a choice that an objective made. What only one protocol
/// understands may be carried out at the place (a vendor's own tools), and is never asked twice.
fn is_fit(judged: &Judged) -> bool {
    let (ask, need) = (&judged.ask, &judged.need);
    matches!(ask.endpoint, Endpoint::Chat | Endpoint::Messages)
        && ask.n.is_none_or(|n| n == 1)
        && judged.verdict.objective.is_some()
        && judged.verdict.order.len() > 1
        && need.native.is_none()
        && !need.no_fallback
        && !need.degrade
        && judged.bytes <= ASK_MAX_BYTES
}

/// Of an answered request that was drawn: compares what is there, or asks the alternative later and compares then.
pub(crate) fn after(wiring: &Arc<Wiring>, judged: Judged, account: &Account, tap: Box<Tap>) {
    let shadow = &wiring.learned.shadow;
    let (doubted, answered) = tap.into_answers();
    let Some(answered) = answered else { return };
    let verdict = judged.verdict.clone();
    let of = Of {
        request_id: Arc::from(account.request_id()),
        at_unix_ms: account.arrived_unix_ms(),
        asked: Arc::from(judged.need.model.as_str()),
        task: judged.need.task,
    };
    let base = doubted.as_ref().unwrap_or(&answered);
    if !base.answer.as_ref().is_some_and(sense::comparable) {
        return shadow.count(Event::NotComparable);
    }
    // What is dropped must not depend on doubt: these hold as well where nothing more is to be asked.
    let soft = |purse: &budget::Purse| purse.mood(account.arrived_unix_ms()).degrade;
    if account.spender().is_some_and(|(_, purse)| soft(purse)) {
        return shadow.count(Event::Budget);
    }
    let Some(turn) = Turn::take(wiring).filter(|_| !wiring.draining.load(Ordering::Relaxed)) else {
        return shadow.count(Event::Busy);
    };
    let order = &verdict.order;
    if let Some(weak) = &doubted
        && strongest(order, &answered.candidate).is_none()
    {
        // Doubted, and the strongest was asked then: both answers are known already.
        return learn(wiring, &of, weak, &answered);
    }
    let Some(other) = strongest(order, &base.candidate).or_else(|| weaker(order, &base.candidate)) else {
        return shadow.count(Event::NoAlternative);
    };
    let base = doubted.unwrap_or(answered);
    let own = account.aside(SHADOW);
    tokio::spawn(compare(wiring.clone(), judged, own, (of, base, other.clone()), turn));
}

/// The strongest candidate, where it is clearly better than that.
fn strongest<'o>(order: &'o [Candidate], than: &Candidate) -> Option<&'o Candidate> {
    let better = order.iter().filter(|c| is_better(c, than));
    // Of several the first in order: `max_by_key` gives the last.
    better.rev().max_by_key(|c| (c.reason.quality_permille, c.tier()))
}

/// The candidate that would come next and is clearly worse than that.
fn weaker<'o>(order: &'o [Candidate], than: &Candidate) -> Option<&'o Candidate> {
    order.iter().find(|c| is_better(than, c))
}

/// Asks the alternative, compares, and learns. A panic of ours ends this and nothing else.
async fn compare(
    wiring: Arc<Wiring>,
    judged: Judged,
    mut account: Account,
    (of, base, other): (Of, Given, Candidate),
    turn: Turn,
) {
    let way = AssertUnwindSafe(Box::pin(asked(&wiring, judged, &mut account, &other))).catch_unwind().await;
    if way.is_err() {
        account.panicked(&wiring);
    }
    account.close(&wiring);
    account.counted();
    match way {
        Ok(Ok(answer)) => {
            let there = Given { candidate: other, answer: Some(answer), doubt_permille: None, comparable: false };
            learn(&wiring, &of, &base, &there);
        }
        Ok(Err(Cause::BudgetExceeded)) => wiring.learned.shadow.count(Event::Budget),
        Ok(Err(cause)) => {
            tracing::debug!(request = %of.request_id, cause = cause.code(), "an alternative was not asked, or did not answer");
            wiring.learned.shadow.count(Event::Failed);
        }
        Err(_) => wiring.learned.shadow.count(Event::Failed),
    }
    drop(turn);
}

/// Steps 5 to 8 for the alternative.
async fn asked(wiring: &Wiring, judged: Judged, account: &mut Account, other: &Candidate) -> Result<Answer, Cause> {
    let due = tokio::time::Instant::now() + WITHIN;
    let seat =
        tokio::time::timeout_at(due, wiring.learned.shadow.seats.acquire()).await.map_err(|_| Cause::Overloaded)?;
    if wiring.draining.load(Ordering::Relaxed) {
        return Err(Cause::Cancelled);
    }
    let Judged { ask, need, seen, conversation, bytes, .. } = judged;
    let need = need_of(need, other, account.number());
    let ask = Arc::new(ask_of(Arc::unwrap_or_clone(ask), account.number()));
    account.asked(&need, false);
    let mut chosen = choose::choose(&need, false, wiring);
    let left = due.saturating_duration_since(tokio::time::Instant::now());
    let result = async {
        account.tell(wiring, &ask, &need, &mut chosen)?;
        account.decided(&chosen.verdict);
        if let Some(fault) = chosen.fault {
            account.refuse(wiring, &fault);
            return Err(fault);
        }
        account.written().await?;
        let deadlines = Deadlines { total: left.min(wiring.limits.deadlines.total), ..wiring.limits.deadlines };
        let judged = Judged { ask, need, seen, conversation, verdict: chosen.verdict, deadlines, bytes };
        // Nobody waits for it, and so nobody leaves: the other end is kept until it is over.
        let (mut reply, _other_end) = Reply::new(judged.ask.endpoint.dialect(), Arc::from(account.request_id()));
        dispatch::aside(wiring, &judged, account, &mut reply).await
    }
    .await;
    drop(seat);
    let (answer, cost) = result.map_err(|fault: Fault| fault.cause)?;
    wiring.learned.shadow.charge(cost);
    Ok(answer)
}

/// The same request, for the alternative alone; it gives way to requests that somebody waits for.
fn need_of(need: Need, other: &Candidate, number: u128) -> Need {
    let model = format!("{}/{}", other.place.id, other.model.id);
    Need { ask_id: number, model, no_fallback: true, batch: true, ..need }
}

/// The same question, to be answered whole.
fn ask_of(ask: Ask, number: u128) -> Ask {
    Ask { id: number, stream: false, ..ask }
}

/// Counts and keeps what two answers say.
fn learn(wiring: &Wiring, of: &Of, one: &Given, other: &Given) {
    let (weak, strong) = if is_better(&one.candidate, &other.candidate) { (other, one) } else { (one, other) };
    let shadow = &wiring.learned.shadow;
    let comparable = weak.answer.as_ref().filter(|answer| sense::comparable(answer));
    let Some(answer) = comparable else { return shadow.count(Event::NotComparable) };
    // A strong answer that is too long to be kept is another one.
    let agree = strong.answer.as_ref().and_then(|strong| sense::agree(answer, strong)).unwrap_or(false);
    shadow.count(if agree { Event::Agreed } else { Event::Differed });
    for lesson in lessons(of, weak, strong, agree) {
        wiring.learned.lesson(lesson);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lot_falls_on_the_share_that_was_asked_for() {
        for share in [0u16, 1, 50, 500, 1_000] {
            let drawn = (0..100_000u128).filter(|n| is_drawn(*n, share)).count();
            let expected = usize::from(share) * 100;
            assert!(drawn.abs_diff(expected) <= 400.min(expected), "{drawn} of 100000 at {share}");
        }
        assert!(
            (0..1_000u128).all(|n| is_drawn(n, 300) == is_drawn(n, 300) && (!is_drawn(n, 300) || is_drawn(n, 301)))
        );
    }
}
