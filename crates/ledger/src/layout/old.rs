//! Layout 1: what was written before a record had a full cost, a team, a kind, an expected quality and baselines. It has two bytes of flags
//! (the first ten), a zero byte for `priced`, and then the fixed part and the texts as layout 2 has them, without `team`.
//! Layout 2: what was written before a record had a doubt; else it is layout 3.
//!
//! Journals of that time are read, and the checksums of rows of that time are of these bytes.
//! Never here: writing to a journal.

use super::{
    COST, ERROR, ESTIMATED, Eye, KEY, MODEL, PLACE, PRICE_VERSION, SETTLED, STREAM, TIER, TTFT, fixed, flags, push,
    push_text,
};
use crate::names::{class_code, class_of, outcome_code, outcome_of, task_code, task_of, tier_code, tier_of};
use decide::{Baselines, PlaceId, Priced, Record, Usage};

/// The number of layout 1.
pub(crate) const LAYOUT: u8 = 1;
/// The number of layout 2.
pub(crate) const SECOND: u8 = 2;
/// Version of the price of places that cost nothing a token.
const OWN: &str = "own-ground";

/// How sure a cost of that time is: it was a known price times tokens, or none.
pub(crate) fn priced(cost: bool, version: Option<&str>, estimated: bool) -> Priced {
    match (cost, version) {
        (false, _) => Priced::Unknown,
        (true, Some(OWN)) => Priced::Own,
        (true, _) if estimated => Priced::Estimated,
        (true, _) => Priced::Exact,
    }
}

/// The record with what layout 1 does not keep left out.
pub(crate) fn of_that_time(r: &Record) -> Record {
    Record {
        usage: Usage { cache_write_long: 0, audio_input: 0, audio_output: 0, ..r.usage },
        full: None,
        priced: priced(r.cost.is_some(), r.price_version.as_deref(), r.usage.estimated),
        reserved: None,
        team: None,
        kind: None,
        quality_permille: None,
        baselines: Baselines::default(),
        doubt_permille: None,
        ..r.clone()
    }
}

/// The bytes that a record had in layout 2.
pub(crate) fn encode_second(r: &Record) -> Vec<u8> {
    super::encode_as(SECOND, &Record { doubt_permille: None, ..r.clone() })
}

/// The bytes that a record had in layout 1.
pub(crate) fn encode(r: &Record) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(&[SETTLED, LAYOUT]);
    let [low, high, ..] = flags(r).to_le_bytes();
    out.extend_from_slice(&[low, high & 3]);
    let tier = r.tier.map_or(0, tier_code);
    out.extend_from_slice(&[r.attempt, class_code(r.class), task_code(r.task), tier, outcome_code(r.outcome), 0]);
    out.extend_from_slice(&r.difficulty.0.to_le_bytes());
    out.extend_from_slice(&r.attempt_id.to_le_bytes());
    let u = &r.usage;
    push(&mut out, [u.input, u.output, u.cached, u.cache_write, u.reasoning]);
    push(&mut out, [r.cost.map_or(0, |c| c.0.cast_unsigned()), r.arrived_unix_ms, r.ttft_us.unwrap_or(0), r.total_us]);
    for text in [&r.request_id, &r.endpoint, &r.asked, &r.decision] {
        push_text(&mut out, text);
    }
    let place = r.place.as_ref().map(|p| &p.0);
    let optional = [r.key.as_ref(), place, r.model.as_ref(), r.price_version.as_ref(), r.error.as_ref()];
    for text in optional.into_iter().flatten() {
        push_text(&mut out, text);
    }
    out
}

/// Reads what follows kind and layout.
pub(super) fn read(eye: &mut Eye<'_>) -> Option<Record> {
    let flags = u32::from(eye.short()?);
    let has = |flag: u32| flags & flag != 0;
    let f = fixed(eye)?;
    let [attempt, class, task, tier, outcome, _zero] = f.codes;
    let (request_id, endpoint, asked, decision) = (eye.text()?, eye.text()?, eye.text()?, eye.text()?);
    let mut option = |flag: u32| if has(flag) { eye.text().map(Some) } else { Some(None) };
    let (key, place, model) = (option(KEY)?, option(PLACE)?.map(PlaceId), option(MODEL)?);
    let (price_version, error) = (option(PRICE_VERSION)?, option(ERROR)?);
    Some(Record {
        doubt_permille: None,
        attempt_id: f.attempt_id,
        request_id,
        attempt,
        key,
        endpoint,
        asked,
        class: class_of(class)?,
        task: task_of(task)?,
        difficulty: f.difficulty,
        decision,
        place,
        model,
        tier: if has(TIER) { Some(tier_of(tier)?) } else { None },
        usage: Usage { estimated: has(ESTIMATED), ..f.usage },
        cost: has(COST).then_some(f.cost),
        full: None,
        priced: priced(has(COST), price_version.as_deref(), has(ESTIMATED)),
        reserved: None,
        team: None,
        kind: None,
        quality_permille: None,
        baselines: Baselines::default(),
        price_version,
        arrived_unix_ms: f.arrived_unix_ms,
        ttft_us: has(TTFT).then_some(f.ttft_us),
        total_us: f.total_us,
        stream: has(STREAM),
        outcome: outcome_of(outcome)?,
        error,
    })
}
