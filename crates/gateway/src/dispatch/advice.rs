//! Helpers: cheap models that are asked the same beside a held answer, all at once, so that their answers can be compared with it.
//! Each question has a verdict, a permit, a record (`helper`) and a charge of its own, under everything that holds for the request:
//! its class, what its key may use, its budgets.
//!
//! Never here: comparing, or a helper that may not see what is asked.

use super::{Way, aside};
use crate::relay::Reply;
use crate::settle::Account;
use crate::{Judged, choose};
use backend::Deadlines;
use decide::{Cause, Fault, Need, Target};
use futures_util::future::join_all;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use wire::{Answer, Ask};

/// The endpoint of their records.
const HELPER: &str = "helper";
/// Helpers asked for one answer at most.
const MOST: usize = 3;
/// How long they may take beside an answer that is not streamed.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Asks all helpers, and gives what each said until then; one that is refused, fails or is late is left out of those that were
/// asked. `None`: the caller left. What they cost is charged to the request.
pub(super) async fn ask(
    way: &Way<'_>,
    targets: &[Target],
    until: Instant,
    account: &Account,
    reply: &mut Reply,
) -> Option<Vec<Option<Answer>>> {
    let (mut ends, mut asking) = (Vec::new(), Vec::new());
    for target in targets.iter().take(MOST) {
        // Each has a reply of its own, which ends when its other end is dropped.
        let (own, end) = reply.aside();
        ends.push(end);
        asking.push(one(way, target, until, account, own));
    }
    let mut asking = pin!(join_all(asking));
    let (said, left) = tokio::select! {
        biased;
        said = &mut asking => (said, false),
        () = reply.left() => { drop(ends); (asking.await, true) }
        () = sleep_until(until) => { drop(ends); (asking.await, false) }
    };
    let mut answers = Vec::new();
    for helped in said.into_iter().flatten() {
        if let Some(cost) = helped.cost {
            way.wiring.metrics.judged.helped(cost);
        }
        reply.charged(helped.cost);
        answers.push(helped.answer);
    }
    (!left).then_some(answers)
}

/// What came of one helper that was asked.
struct Helped {
    answer: Option<Answer>,
    cost: Option<decide::Nanousd>,
}

/// Asks one helper; `None` where it was not asked at all.
async fn one(way: &Way<'_>, target: &Target, until: Instant, of: &Account, mut reply: Reply) -> Option<Helped> {
    let wiring = way.wiring;
    let mut account = of.aside(HELPER);
    let (ask, need) = question(way.judged, target, account.number());
    account.asked(&need, false);
    let mut chosen = choose::choose(&need, false, wiring);
    if let Some(fault) = chosen.fault {
        tracing::debug!(request = of.request_id(), helper = %need.model, cause = fault.cause.code(), "a helper is not asked");
        return None;
    }
    let left = until.saturating_duration_since(Instant::now());
    let asked = async {
        account.tell(wiring, &ask, &need, &mut chosen)?;
        account.decided(&chosen.verdict);
        account.written().await?;
        let deadlines = Deadlines { total: left, first: left, ..way.judged.deadlines };
        let (seen, conversation) = (way.judged.seen.clone(), way.judged.conversation.clone());
        let (verdict, bytes) = (chosen.verdict, way.judged.bytes);
        let judged = Judged { ask: Arc::new(ask), need, seen, conversation, verdict, deadlines, bytes };
        aside(wiring, &judged, &mut account, &mut reply).await
    };
    let (answer, cost) = match asked.await {
        Ok((answer, cost)) => (Some(answer), cost),
        Err(fault) => {
            note(of, &fault);
            (None, Some(decide::Nanousd(0)))
        }
    };
    let begun = account.has_attempts();
    account.close(wiring);
    let beside = reply.charges();
    let cost = cost.zip(beside).map(|(cost, beside)| decide::Nanousd(cost.0.saturating_add(beside.0)));
    begun.then_some(Helped { answer, cost })
}

fn note(of: &Account, fault: &Fault) {
    if fault.cause != Cause::Cancelled {
        tracing::debug!(request = of.request_id(), cause = fault.cause.code(), "a helper did not answer");
    }
}

/// The same request for one model of one place, whole and once.
fn question(judged: &Judged, target: &Target, id: u128) -> (Ask, Need) {
    let model = format!("{}/{}", target.place, target.model);
    let ask = Ask {
        id,
        model: model.clone(),
        stream: false,
        include_usage: false,
        n: None,
        logprobs: None,
        ..Ask::clone(&judged.ask)
    };
    let need = Need { ask_id: id, model, no_fallback: true, logprobs: false, ..judged.need.clone() };
    (ask, need)
}
