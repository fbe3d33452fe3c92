//! What to expect of an offer on a request: quality, money, the wait, and whether the quality is sufficient.
//!
//! Never here: hard constraints, what all of that is worth together (`utility`).

use super::order::Ranked;
use super::quality::quality;
use super::utility;
use crate::{Belief, Load, Model, Need, PlaceState, Policy, Reason, Standing, Tier, cost};

/// By how much the expected quality may lie below that of the best where the operator says nothing, per mille.
const LOSS_PERMILLE: u16 = 100;

/// What is seen of an offer this very moment.
pub(super) struct Seen {
    pub(super) standing: Option<Standing>,
    /// The team's own evidence of the model at this task; empty where there is none.
    pub(super) evidence: Belief,
    /// Requests that wait at any place.
    pub(super) waiting: u32,
}

/// What to expect of an offer on this request. Whether its quality is sufficient depends on the others: see [`suffice`].
pub(super) fn expect(need: &Need, state: &PlaceState, model: &Model, seen: &Seen) -> Reason {
    let tier = model.tier.unwrap_or(state.place.tier);
    let usage = utility::expected(need);
    let (marginal, full, pressure_permille) = match &state.place.economics {
        Some(economics) => {
            let moment = economics.moment(&state.health, &state.load, seen.standing, seen.waiting);
            (economics.marginal(&usage, &moment), economics.full(&usage), moment.pressure_permille)
        }
        None => {
            let price = model.price.as_ref().map(|p| cost(p, &usage, need.at_unix_s));
            (price, price, 0)
        }
    };
    let (base, ttft_ms) = expected_ttft_ms(&state.load, tier);
    Reason {
        quality_permille: quality(need.outlook.as_ref(), need.task, model, tier, seen.evidence),
        evidence: seen.evidence,
        cost_nanousd: marginal.map(|n| n.0),
        full_nanousd: full.map(|n| n.0),
        pressure_permille,
        ttft_ms,
        queue_ms: ttft_ms - base,
        standing: seen.standing,
        ..Reason::default()
    }
}

/// Marks whose quality is sufficient, and gives the quality that is.
///
/// For a prompt like what was trained on: not much below the best that may answer (what the operator says may be lost, else a
/// tenth), so the best always is. For any other, and where nothing was judged: the difficulty, as a level.
pub(super) fn suffice(order: &mut [Ranked], need: &Need, policy: &Policy) -> u16 {
    let best = order.iter().map(|r| r.candidate.reason.quality_permille).max().unwrap_or(0);
    let enough = match need.outlook {
        Some(outlook) if !outlook.unfamiliar => {
            let loss = policy.cascade_of(&need.model).max_quality_loss_permille.unwrap_or(LOSS_PERMILLE);
            best.saturating_sub(loss).saturating_add(policy.margin_permille).min(best)
        }
        _ => need.difficulty.0.saturating_add(policy.margin_permille),
    };
    for r in order {
        r.candidate.reason.sufficient = r.candidate.reason.quality_permille >= enough;
    }
    enough
}

/// Measured time to first token, and the same stretched by the queue: each waiting request costs one more, each running one a
/// quarter. Without a measurement the tier's usual value stands.
fn expected_ttft_ms(load: &Load, tier: Tier) -> (u32, u32) {
    let base = load.ttft_ms.unwrap_or(match tier {
        Tier::Edge => 100,
        Tier::Local => 400,
        Tier::Cloud => 800,
    });
    let queue = load.waiting.saturating_mul(4).saturating_add(load.running);
    (base, base.saturating_add(base.saturating_mul(queue) / 4))
}

impl Tier {
    /// The prior of expected quality, per mille, for a model that declares none: a small model is enough for about a
    /// quarter of the difficulty scale, a larger open-weight model for 0.6, a frontier model for 0.9. A prior, not a
    /// measurement; configuration can declare better, and a later issue learns it.
    pub const fn quality_permille(self) -> u16 {
        match self {
            Tier::Edge => 250,
            Tier::Local => 600,
            Tier::Cloud => 900,
        }
    }
}
