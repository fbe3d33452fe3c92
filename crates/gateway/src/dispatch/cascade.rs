//! The cascade: looking at an answer before it is trusted, and asking a better place where it is doubted. What policy lets escalate
//! is held back (`hold`), judged (`sense::doubt`), where that is worth it beside what helpers say, and either let go or replaced by the
//! answer of a candidate of the same verdict, under a permit of its own. Where no other answers, the held one goes out after all.
//!
//! Never here: text in a log, an order of its own, or a threshold that policy or a promise did not set.

use super::hold::{Held, Holding, hold, written};
use super::{End, Way, advice, lessons};
use crate::beside::BESIDE_BYTES;
use crate::relay::{Brought, Reply};
use crate::settle::Account;
use decide::{Candidate, Cascade, Objective, Promise, Rank, Retry};
use sense::check::{Checked, check};
use sense::doubt::{Beside, DOUBT_MAX, Doubt, Signals, gain, judge};
use sense::{TokenFit, TokenSigns};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use wire::{Answer, Ask};

/// What a candidate of another model has to be better by to be clearly better, per mille of expected quality.
const CLEARLY: u16 = 100;
/// Why an answer is replaced that is not doubted, where a promise was asked for and does not cover it.
const UNPROMISED: &str = "unpromised";

/// Whether an answer may be held back: policy lets such requests escalate, and a clearly better candidate stands later in the order.
/// Nearly all requests that cannot are told by the first line.
pub(super) fn matters(way: &Way<'_>, end: &End<'_>) -> bool {
    if way.rank >= way.order.len() || way.begun >= way.most {
        return false;
    }
    match end {
        End::Content(attempt, Brought::Plain(_) | Brought::Stream(..)) => {
            may_escalate(way) && better(way, attempt.candidate).is_some()
        }
        _ => false,
    }
}

/// Whether anything may escalate for this request. Not a model that was named; not who wants the best or the first token soon; not
/// where money is short; not several choices; nothing whose content only its own vendor's API has.
fn may_escalate(way: &Way<'_>) -> bool {
    let (need, ask) = (&way.judged.need, &way.judged.ask);
    let objective = way.verdict.objective.is_some_and(|o| !matches!(o, Objective::Best | Objective::Fast));
    objective
        && !need.degrade
        && !need.audio
        && need.native.is_none()
        && ask.n.unwrap_or(1) <= 1
        && !ask.echo
        && way.wiring.policy.load().cascade_of(&need.model).escalate
}

/// Asks a place to say how sure it was of each token, where it can and its answer may be looked at. That makes a copy of the
/// request, so not of large ones.
pub(super) fn sign(way: &Way<'_>, candidate: &Candidate, ask: &mut Arc<Ask>) {
    if candidate.model.caps.logprobs
        && way.begun < way.most
        && way.judged.bytes <= BESIDE_BYTES
        && may_escalate(way)
        && better(way, candidate).is_some()
    {
        Arc::make_mut(ask).signs = true;
    }
}

/// The next candidate that is clearly better than `than`.
fn better<'v>(way: &Way<'v>, than: &Candidate) -> Option<&'v Candidate> {
    way.order.get(way.rank..)?.iter().find(|candidate| is_better(candidate, than))
}

/// Whether one candidate is clearly better than another: another model, and clearly higher expected quality, or no lower one from a
/// higher tier or rank.
pub(crate) fn is_better(one: &Candidate, than: &Candidate) -> bool {
    let (quality, other) = (one.reason.quality_permille, than.reason.quality_permille);
    one.model.id != than.model.id
        && (quality >= other.saturating_add(CLEARLY)
            || (quality >= other && (one.tier() > than.tier() || rank(one) > rank(than))))
}

fn rank(candidate: &Candidate) -> Rank {
    candidate.model.ability.as_ref().map_or_else(|| Rank::of_name(&candidate.model.id), |ability| ability.rank)
}

/// Looks at what came, and at what comes in its place, until one is trusted.
pub(super) async fn look<'v>(way: &mut Way<'v>, mut end: End<'v>, account: &mut Account, reply: &mut Reply) -> End<'v> {
    let wiring = way.wiring;
    let settings = wiring.policy.load().cascade_of(&way.judged.need.model).clone();
    // The least doubted answer so far: it goes out where no other comes.
    let mut spare: Option<Doubted<'v>> = None;
    loop {
        if !matters(way, &end) {
            return done(way, end, spare, account, reply).await;
        }
        let End::Content(attempt, brought) = end else { return end };
        end = match hold(wiring, (&settings, way.due), attempt, brought, reply).await {
            Holding::Other(attempt, brought) => End::Content(attempt, brought),
            Holding::Left(attempt, seen) => {
                reply.charged(attempt.cancelled(wiring, account, &seen));
                End::Left
            }
            Holding::Broke(attempt, seen, fault) => {
                let go_on = fault.retry == Retry::NextPlace;
                way.broke(attempt, account, (fault, &seen), reply);
                if go_on { way.first_content(account, reply).await } else { End::Failed(way.verdict_of_all()) }
            }
            // Relay knows how to end what cannot be finished any more.
            Holding::Held(held) if wiring.cut.is_made() => {
                let (attempt, brought) = held.let_go();
                return done(way, End::Content(attempt, brought), spare, account, reply).await;
            }
            Holding::Held(held) => match judged(way, held, &settings, account, reply).await {
                Judgement::Left(held) => {
                    let seen = held.meterage();
                    reply.charged(held.drop_answer().cancelled(wiring, account, &seen));
                    End::Left
                }
                Judgement::Trusted(held) => {
                    wiring.metrics.judged.ended(if held.whole { "kept" } else { "let-go" });
                    let (attempt, brought) = held.let_go();
                    return done(way, End::Content(attempt, brought), spare, account, reply).await;
                }
                Judgement::Doubted(doubted) => {
                    way.above = Some(doubted.held.attempt.candidate);
                    way.meant = true;
                    let worse = match spare.take() {
                        Some(before) if before.doubt.permille < doubted.doubt.permille => {
                            spare = Some(before);
                            Some(doubted)
                        }
                        before => {
                            spare = Some(doubted);
                            before
                        }
                    };
                    if let Some(worse) = worse {
                        lessons::escalated(way, account, &worse.held, &worse.doubt, None);
                        replaced(way, worse, account, reply).await;
                    }
                    way.first_content(account, reply).await
                }
            },
        };
    }
}

/// An answer that is not to be shown unless nothing better comes.
struct Doubted<'v> {
    held: Held<'v>,
    doubt: Doubt,
    /// The strongest reason.
    why: &'static str,
    /// As told in the header.
    told: String,
}

enum Judgement<'v> {
    Trusted(Held<'v>),
    Doubted(Doubted<'v>),
    Left(Held<'v>),
}

/// The end of looking: what is doubted is settled as that where another answer came, and goes out where none did.
async fn done<'v>(
    way: &mut Way<'v>,
    end: End<'v>,
    spare: Option<Doubted<'v>>,
    account: &Account,
    reply: &mut Reply,
) -> End<'v> {
    let Some(doubted) = spare else { return end };
    match end {
        End::Content(attempt, brought) => {
            let stronger = match &brought {
                Brought::Plain(answer) => Some(&**answer),
                _ => None,
            };
            lessons::escalated(way, account, &doubted.held, &doubted.doubt, stronger);
            replaced(way, doubted, account, reply).await;
            End::Content(attempt, brought)
        }
        End::Left => {
            let seen = doubted.held.meterage();
            reply.charged(doubted.held.drop_answer().cancelled(way.wiring, account, &seen));
            End::Left
        }
        End::Failed(_) => {
            way.wiring.metrics.judged.ended("unreplaced");
            reply.judged(&doubted.told);
            let (attempt, brought) = doubted.held.let_go();
            End::Content(attempt, brought)
        }
    }
}

/// A doubted answer is not shown: it is settled at what it cost.
async fn replaced(way: &Way<'_>, doubted: Doubted<'_>, account: &Account, reply: &mut Reply) {
    let wiring = way.wiring;
    let Doubted { held, why, told, .. } = doubted;
    account.heard(held.answer());
    let from = held.attempt.candidate;
    let mut seen = held.meterage();
    let since = held.since;
    let attempt = held.drop_answer();
    // The place counted all of it, or we do what we can before the record is made.
    seen.count(&way.judged.ask).await;
    reply.charged(attempt.doubted(wiring, account, &seen, (why, since)));
    reply.escalated(&format!("{}/{}", from.place.id, from.model.id), &told);
    wiring.metrics.judged.ended("escalated");
}

/// Judges a held answer, and asks helpers where they can tell something.
async fn judged<'v>(
    way: &Way<'v>,
    mut held: Held<'v>,
    settings: &Cascade,
    account: &Account,
    reply: &mut Reply,
) -> Judgement<'v> {
    let checked = checked(way, &held);
    let promise = settings.max_quality_loss_permille.map(|_| promised(way));
    let comparable = held.whole && sense::comparable(held.answer());
    let unpromised = matches!(promise, Some(None | Some(Promise::NotYet { .. }))) || (promise.is_some() && !comparable);
    let mut said = Vec::new();
    // What is drawn for a comparison is judged as it would be under a promise, or the evidence would be about other doubts.
    let judges = !unpromised || account.tap.is_some();
    if comparable && judges && !checked.is_hard() && !settings.helpers.is_empty() {
        match advice::ask(way, &settings.helpers, held_until(way, &held, settings), account, reply).await {
            Some(answers) => said = answers,
            None => return Judgement::Left(held),
        }
    }
    let doubt = doubted(way, &held, checked, &said);
    lessons::checked(way, account, &held, checked);
    held.attempt.judged(doubt.permille, comparable);
    let kept = match promise {
        Some(Some(promise)) => !unpromised && promise.keeps(f32::from(doubt.permille) / 1_000.0),
        Some(None) => false,
        None => doubt.permille <= DOUBT_MAX,
    };
    let mut told = doubt.to_string();
    if kept && !doubt.hard {
        reply.judged(&told);
        return Judgement::Trusted(held);
    }
    let first = doubt.why().next().map(sense::doubt::Why::as_str);
    if unpromised && !doubt.hard {
        told.push_str(if first.is_none() { ";why=" } else { "," });
        told.push_str(UNPROMISED);
    }
    Judgement::Doubted(Doubted { held, doubt, why: first.unwrap_or(UNPROMISED), told })
}

/// What may be promised of this kind of request.
fn promised(way: &Way<'_>) -> Option<Promise> {
    way.wiring.learned.promise(&way.judged.need.model, way.judged.need.task)
}

/// Until when helpers may answer: a stream is held back no longer than its settings say.
fn held_until(way: &Way<'_>, held: &Held<'_>, settings: &Cascade) -> tokio::time::Instant {
    let now = tokio::time::Instant::now();
    let most = if way.judged.ask.stream {
        std::time::Duration::from_millis(settings.hold_ms.into()).saturating_sub(held.attempt.since_first())
    } else {
        advice::PATIENCE
    };
    way.due.min(now + most)
}

/// Mechanical checks. A fault of ours in them is no doubt in an answer.
fn checked(way: &Way<'_>, held: &Held<'_>) -> Checked {
    let (ask, task) = (&way.judged.ask, way.judged.need.task);
    let empty = wire::Choice::default();
    let choice = held.answer().choices.first().unwrap_or(&empty);
    caught(|| check(ask, task, choice, held.whole)).unwrap_or_default()
}

/// All signs together.
fn doubted(way: &Way<'_>, held: &Held<'_>, checked: Checked, helpers: &[Option<Answer>]) -> Doubt {
    let from = held.attempt.candidate;
    let answer = held.answer();
    // Where the weights were not asked before the call, they know no more of the prompt after it; what helpers say counts anywhere.
    let familiar = way.judged.need.outlook.is_some_and(|outlook| !outlook.unfamiliar);
    let tells = held.whole && !checked.is_hard() && (familiar || !helpers.is_empty());
    let gain = better(way, from).filter(|_| tells).and_then(|to| {
        let helpers: Vec<_> = helpers.iter().map(Option::as_ref).collect();
        let beside = Beside { weak: rank(from), strong: rank(to), answer, written: written(answer), helpers: &helpers };
        caught(|| gain(&way.judged.ask, &beside)).flatten()
    });
    let differs = |said: &Answer| sense::agree(answer, said) == Some(false);
    let disputed = helpers.iter().flatten().any(differs);
    let signs = answer.choices.first().map(|choice| &choice.signs[..]).unwrap_or_default();
    let tokens_permille = TokenSigns::of(signs).doubt(&TokenFit::BUNDLED);
    judge(&Signals { checked, gain, disputed, tokens_permille })
}

fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}
