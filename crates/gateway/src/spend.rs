//! What a request may spend, beside the steps: its place in the limits per minute, the money reserved for an attempt before it is
//! sent, what is charged after, and the words for a refusal.
//!
//! Never here: the sums (room `budget`), or prices (room `decide`).

mod head;

pub(crate) use head::tell;

use crate::admit::Caller;
use crate::settle::Account;
use budget::{Hold, Level, Limited, Pass, Refused, What};
use decide::{Api, Candidate, Cause, Fault, Nanousd, Need, Unpriced, Usage, cost};
use wire::{Ask, Endpoint};

/// Completion tokens that are assumed where neither the request nor what is known of the model bounds them.
const OUTPUT_UNBOUNDED: u64 = 32_768;

/// Counts a request against the limits per minute of its key: one request, and the tokens expected.
///
/// # Errors
/// A limit is reached.
pub(crate) fn admit(caller: &Caller, ask: &Ask, need: &Need, now_unix_ms: u64) -> Result<Option<Pass>, Fault> {
    let Some(purse) = caller.key.as_ref().and_then(|k| k.purse.as_ref()) else { return Ok(None) };
    let output = u64::from(need.output_tokens).saturating_mul(choices(ask));
    let tokens = u64::from(need.input_tokens).saturating_add(output);
    purse.admit(now_unix_ms, tokens).map(Some).map_err(|limited| too_many(&limited, tokens))
}

/// Counts a request that asks no model against the requests per minute of its key.
///
/// # Errors
/// The limit is reached.
pub(crate) fn one(caller: &Caller, now_unix_ms: u64) -> Result<(), Fault> {
    let Some(purse) = caller.key.as_ref().and_then(|k| k.purse.as_ref()) else { return Ok(()) };
    purse.admit(now_unix_ms, 0).map(|pass| pass.settle(0)).map_err(|limited| too_many(&limited, 0))
}

/// What the budgets of its key say to where a request goes.
pub(crate) fn advise(caller: &Caller, need: &mut Need, arrived_unix_ms: u64) {
    let Some(key) = &caller.key else { return };
    if let Some(unpriced) = key.unpriced {
        need.unpriced = unpriced;
    }
    if let Some(purse) = &key.purse {
        let mood = purse.mood(arrived_unix_ms);
        (need.degrade, need.thrift_permille, need.thrift_of) = (mood.degrade, mood.thrift_permille, mood.thrift_of);
    }
}

/// Reserves the most that an attempt at this candidate may cost.
///
/// # Errors
/// A budget has no room for it, or nobody knows what it costs.
pub(crate) fn reserve(account: &Account, candidate: &Candidate, ask: &Ask, need: &Need) -> Result<Option<Hold>, Fault> {
    let Some((key, purse)) = account.spender() else { return Ok(None) };
    let most = match most(candidate, ask, need) {
        Some(most) => most,
        None if need.unpriced == Unpriced::Allow || !purse.has_budget() => 0,
        None => {
            let (place, model) = (&candidate.place.id, &candidate.model.id);
            let shown = format!(
                "Nobody knows what {place}/{model} costs, and the key \"{key}\" has a budget. Ask for another model; or whoever runs this \
                 gateway can give its price in the configuration, or write unpriced = \"allow\" for the key.",
            );
            return Err(Fault::new(Cause::PolicyDenied, shown));
        }
    };
    let at_ms = account.arrived_unix_ms();
    purse.reserve(at_ms, most).map(Some).map_err(|refused| exceeded(&refused, most, ask, at_ms))
}

/// The most that an attempt may cost, nano-dollars: the prompt as counted, at the dearest way that it may be billed, and as many tokens
/// of answer as there can be. `None` where the price is unknown.
fn most(candidate: &Candidate, ask: &Ask, need: &Need) -> Option<i64> {
    let output = output_most(candidate, ask, need);
    let tokens = candidate.model.price.as_ref().map(|price| {
        let input = u64::from(need.input_tokens);
        let plain = Usage { input, output, ..Usage::default() };
        let written = Usage { cache_write: input, ..plain };
        let kept = Usage { cache_write_long: input, ..written };
        [plain, written, kept].iter().map(|usage| cost(price, usage, need.at_unix_s).0).max().unwrap_or(0)
    });
    // Of a machine's cost the share that such an answer would take.
    let all = Usage { input: need.input_tokens.into(), output, ..Usage::default() };
    let share = candidate.place.economics.as_ref().and_then(|e| e.full(&all)).map(|n| n.0);
    // Where that is not known the money that it adds is charged.
    let added = candidate.reason.cost_nanousd.filter(|_| candidate.place.economics.is_some());
    let share = share.or(added);
    tokens.max(share)
}

/// Tokens of answer at most: what was asked for, and no more than the model gives or its window holds.
fn output_most(candidate: &Candidate, ask: &Ask, need: &Need) -> u64 {
    if matches!(ask.endpoint, Endpoint::Embeddings | Endpoint::Rerank) {
        return 0;
    }
    let room = candidate.model.context_tokens.map(|c| u64::from(c.saturating_sub(need.input_tokens)).max(1));
    let most = candidate.model.output_tokens_max.map(u64::from);
    let window = [room, most].into_iter().flatten().min();
    // A dialect that demands a limit gets one where the caller gave none; thinking comes on top of it.
    let given = (candidate.place.api == Api::Anthropic && ask.reasoning.is_none())
        .then_some(wire::anthropic::MAX_TOKENS_DEFAULT);
    let one = match (ask.max_tokens.or(given), window) {
        (Some(asked), Some(window)) => asked.min(window),
        (Some(asked), None) => asked,
        (None, Some(window)) => window,
        (None, None) => OUTPUT_UNBOUNDED,
    };
    one.saturating_mul(choices(ask))
}

fn choices(ask: &Ask) -> u64 {
    u64::from(ask.n.unwrap_or(1).max(1))
}

fn whose(level: Level, name: &str) -> String {
    format!("the {} \"{name}\"", level.as_str())
}

/// No budget has room.
fn exceeded(refused: &Refused, most: i64, ask: &Ask, at_ms: u64) -> Fault {
    let advice = if ask.max_tokens.is_none() && !matches!(ask.endpoint, Endpoint::Embeddings | Endpoint::Rerank) {
        "Send max_tokens so that less is set aside, wait until then, or ask for a larger budget."
    } else {
        "Ask for less or for a cheaper model, wait until then, or ask for a larger budget."
    };
    let shown = format!(
        "The budget of {} for this {} has no room for this request, which may cost up to ${}. It begins anew on {}. {advice}",
        whose(refused.level, &refused.name),
        refused.period.as_str(),
        Nanousd(most),
        budget::rfc3339(refused.window.end_ms),
    );
    Fault::new(Cause::BudgetExceeded, shown).after(seconds(refused.window.end_ms.saturating_sub(at_ms)))
}

/// A limit per minute is reached.
fn too_many(limited: &Limited, tokens: u64) -> Fault {
    let whose = whose(limited.level, &limited.name);
    let what = match limited.what {
        What::Requests => "requests",
        What::Tokens => "tokens",
    };
    let limit = limited.limit;
    match limited.wait_ms {
        Some(wait) => {
            let wait = seconds(wait);
            let shown = format!(
                "The limit of {limit} {what} per minute of {whose} is reached. Ask again in {wait} s (as Retry-After says)."
            );
            Fault::new(Cause::RateLimited, shown).after(wait)
        }
        None => {
            let shown = format!(
                "This request is of about {tokens} tokens, and the limit of {whose} is {limit} {what} per minute: it can never pass. Send a \
                 shorter prompt or a lower max_tokens, or ask for a higher limit."
            );
            Fault::new(Cause::RateLimited, shown)
        }
    }
}

/// Whole seconds, rounded up.
fn seconds(ms: u64) -> u32 {
    u32::try_from(ms.div_ceil(1_000)).unwrap_or(u32::MAX)
}
