//! What quality to expect of a model on one request.
//!
//! Two scales. For a prompt that is like what was trained on, it is the calibrated chance of a good answer: that of the model's
//! rank, moved by how much better or worse this model is than its rank at the task. For any other prompt it is the model's level, to
//! be held against the difficulty; nothing that was trained says anything there. The team's own evidence moves both.
//!
//! Moves are sums of log-odds: what a factor on the odds of a good answer is, whatever the chance was before.
//!
//! Never here: what quality is worth (`utility`).

use crate::odds::{NAT, log_odds, permille_of};
use crate::{Ability, Belief, Model, Outlook, RANKS, Rank, Task, Tier};

/// Observations that every model is credited with at the mean of its rank when what is published of it is weighed, thousandths:
/// a model that little is known of stays near its rank.
const CREDIT_MILLI: u64 = 10_000;
/// The same when the team's evidence is weighed: a thumb or two are barely felt.
const CREDIT_OF_EVIDENCE_MILLI: u64 = 30_000;
/// By how much good evidence lifts at most: half a nat, or odds times 1.65. It comes from what was sent to the model, which is
/// the easier part of the task, so it says less of the rest.
const LIFT: i32 = NAT / 2;
/// By how much bad evidence lowers at most: odds through 7.4.
const FALL: i32 = 2 * NAT;
/// What a rank is good for on the scale of levels; those between two ranks lie between their chances.
const LEVELS: [u16; RANKS] = [250, 600, 750, 900];

/// How good a model is expected to be, per mille.
pub(super) fn quality(outlook: Option<&Outlook>, task: Task, model: &Model, tier: Tier, evidence: Belief) -> u16 {
    let level = model.quality_permille.unwrap_or(tier.quality_permille());
    let familiar = outlook.filter(|o| !o.unfamiliar);
    if familiar.is_none() && evidence == Belief::default() {
        return level;
    }
    let (rank, prior) = match &model.ability {
        Some(ability) => (ability.rank, ability.at(task)),
        None => (rank_of(tier), Belief::default()),
    };
    let typical = Ability::typical(rank, task);
    // Evidence is held against what was believed before; a level says nothing of exams, so there that is the rank alone.
    let before = credit(typical, CREDIT_OF_EVIDENCE_MILLI);
    let before = if familiar.is_some() { before.and(prior) } else { before };
    let lift = (odds(before.and(evidence)) - odds(before)).clamp(-FALL, LIFT);
    let ahead = || odds(prior.and(credit(typical, CREDIT_MILLI))) - log_odds(typical);
    match (familiar, &model.ability) {
        (Some(outlook), Some(_)) => moved(outlook.of(rank), ahead() + lift),
        (Some(outlook), None) => moved(between(outlook, level), lift),
        (None, _) => moved(level, lift),
    }
}

/// A probability moved by log-odds; without a move it stays as it is. (The table of odds ends short of 0 and 1000: what stands there
/// is not moved the wrong way.)
fn moved(permille: u16, by: i32) -> u16 {
    let to = || permille_of(log_odds(permille).saturating_add(by));
    match by.signum() {
        0 => permille,
        1 => to().max(permille),
        _ => to().min(permille),
    }
}

fn odds(belief: Belief) -> i32 {
    // Sixty-four bits are enough for all but absurd counts, and a division of twice as many is slow.
    let (good, all) = (belief.good_milli.checked_mul(1_000), belief.good_milli.checked_add(belief.bad_milli));
    let mean = good.zip(all).and_then(|(good, all)| good.checked_div(all));
    log_odds(mean.map_or_else(|| belief.mean_permille(), |mean| mean as u16))
}

/// The mean of a rank as observations.
fn credit(typical: u16, milli: u64) -> Belief {
    let good_milli = milli * u64::from(typical.min(1_000)) / 1_000;
    Belief { good_milli, bad_milli: milli - good_milli }
}

/// The rank of a model that nobody looked at.
const fn rank_of(tier: Tier) -> Rank {
    match tier {
        Tier::Edge => Rank::Edge,
        Tier::Local => Rank::Local,
        Tier::Cloud => Rank::Frontier,
    }
}

/// The chance of a level: of the ranks around it, in proportion.
fn between(outlook: &Outlook, level: u16) -> u16 {
    let above = LEVELS.iter().position(|l| *l >= level).unwrap_or(RANKS - 1);
    let below = above.saturating_sub(1);
    let (low, high) = (i32::from(LEVELS[below]), i32::from(LEVELS[above]));
    let (worst, best) = (i32::from(outlook.good_permille[below]), i32::from(outlook.good_permille[above]));
    let along = i32::from(level).clamp(low, high) - low;
    (worst + (best - worst) * along / (high - low).max(1)).clamp(0, 1_000) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTLOOK: Outlook = Outlook { good_permille: [300, 500, 600, 800], unfamiliar: false };

    fn belief(good: u64, bad: u64) -> Belief {
        Belief { good_milli: good * 1_000, bad_milli: bad * 1_000 }
    }

    fn able(rank: Rank, prior: Belief) -> Model {
        let ability = Ability { rank, tasks: [prior; Task::ALL.len()], source: "test".into() };
        Model { ability: Some(ability.into()), ..Model::default() }
    }

    fn of(outlook: Option<Outlook>, model: &Model, evidence: Belief) -> u16 {
        quality(outlook.as_ref(), Task::Math, model, Tier::Local, evidence)
    }

    #[test]
    fn without_evidence_an_unfamiliar_prompt_has_the_level() {
        let strange = Outlook { unfamiliar: true, ..OUTLOOK };
        for level in [None, Some(0), Some(1), Some(721), Some(1_000)] {
            let model = Model { quality_permille: level, ..able(Rank::Frontier, belief(99, 1)) };
            assert_eq!(of(None, &model, Belief::default()), level.unwrap_or(600));
            assert_eq!(of(Some(strange), &model, Belief::default()), level.unwrap_or(600));
        }
    }

    #[test]
    fn a_familiar_prompt_has_the_chance_of_the_rank_moved_by_the_prior() {
        let typical = Ability::typical(Rank::Local, Task::Math);
        let same = able(Rank::Local, belief(u64::from(typical), 1_000 - u64::from(typical)));
        assert_eq!(of(Some(OUTLOOK), &same, Belief::default()), 500);
        assert!(of(Some(OUTLOOK), &able(Rank::Local, belief(90, 10)), Belief::default()) > 700);
        let toy = of(Some(OUTLOOK), &able(Rank::Edge, belief(0, 100)), Belief::default());
        assert!(toy < 40, "{toy}: a model that cannot do the task");
        assert_eq!(of(Some(OUTLOOK), &able(Rank::Frontier, Belief::default()), Belief::default()), 800);
    }

    #[test]
    fn a_level_lies_between_the_chances_of_ranks() {
        let at =
            |level| of(Some(OUTLOOK), &Model { quality_permille: Some(level), ..Model::default() }, Belief::default());
        assert_eq!([0, 250, 425, 600, 750, 825, 900, 1_000].map(at), [300, 300, 400, 500, 600, 700, 800, 800]);
    }

    #[test]
    fn little_evidence_moves_barely_and_much_of_it_within_bounds() {
        let model = Model::default();
        for outlook in [None, Some(OUTLOOK)] {
            let before = of(outlook, &model, Belief::default());
            let (one, much) = (of(outlook, &model, belief(0, 1)), of(outlook, &model, belief(0, 10_000)));
            assert!(one < before && before - one <= 25, "{before} {one}");
            assert!(much < one && much > before / 8, "{before} {much}");
            let praised = of(outlook, &model, belief(10_000, 0));
            assert_eq!(praised, permille_of(log_odds(before) + LIFT));
        }
    }
}
