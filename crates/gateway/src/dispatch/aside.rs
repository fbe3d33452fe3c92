//! A question of our own about a request, on the same way as every attempt: a slot in the ledger, a permit, the care for places.
//! Its answer is for us and is relayed to nobody.
//!
//! Never here: what is asked, or what follows from the answer.

use super::{End, Way};
use crate::relay::Reply;
use crate::settle::{Account, Meterage};
use crate::{Judged, Wiring};
use decide::{Cause, Fault, Nanousd};
use wire::Answer;

/// Has `judged` answered whole, and settles it. `reply` is the caller's, whose leaving ends this too. Gives the answer and what
/// it cost (`None`: unknown).
///
/// # Errors
/// Why there is no answer; [`Cause::Cancelled`] where the caller left.
pub(crate) async fn aside(
    wiring: &Wiring,
    judged: &Judged,
    account: &mut Account,
    reply: &mut Reply,
) -> Result<(Answer, Option<Nanousd>), Fault> {
    let mut way = Way::new(wiring, judged);
    match way.first_content(account, reply).await {
        End::Content(attempt, crate::relay::Brought::Plain(answer)) => {
            let meterage = Meterage::of_plain(&answer, attempt.candidate, attempt.redacted_above.is_some(), false);
            let cost = attempt.cost(&meterage, account);
            attempt.ok(wiring, account, &meterage).durable().await?;
            Ok((*answer, cost))
        }
        End::Content(attempt, _) => {
            let fault = Fault::new(Cause::UpstreamInvalid, "The place answered with something else than one text.");
            reply.charged(attempt.failed(wiring, account, &Meterage::before_content(&fault), &fault));
            Err(fault)
        }
        End::Left => Err(Fault::new(Cause::Cancelled, "The caller left.")),
        End::Failed(fault) => {
            if !account.has_attempts() {
                account.refuse(wiring, &fault);
            }
            Err(fault)
        }
    }
}
