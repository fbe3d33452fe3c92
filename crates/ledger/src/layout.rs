//! The bytes of one record in the journal, layout 3, little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 1, 1 | kind of entry ([`SETTLED`], [`SENT`]), layout ([`LAYOUT`]) |
//! | 4 | flags: which optional fields are there, `estimated`, `stream` |
//! | 1, 1, 1, 1, 1, 1, 2 | attempt, class, task, tier, outcome, priced, difficulty |
//! | 16 | attempt id |
//! | 9 × 8 | usage (input, output, cached, cache_write, reasoning), cost, arrived, ttft, total; absent is 0 without its flag |
//! | 1, 8, 8, 2 | kind, full, reserved, quality, each where flagged |
//! | 3 × 8 | cache_write_long, audio_input, audio_output, where flagged (one flag) |
//! | 8, 2, 8, 2 | baselines: strongest, its quality, cheapest, its quality, each where flagged |
//! | 2 | doubt, where flagged (not in layout 2) |
//! | 2 + n each | request_id, endpoint, asked, decision, then key, place, model, price_version, error, team where flagged |
//!
//! An attempt that is under way has the same bytes with the kind [`SENT`]; where they would not fit its cell, long texts are cut shorter and the
//! baselines left out ([`MAX_ESTIMATE`]). The CRC-32 of a settled attempt's bytes stands beside its row in SQLite, for `verify`.
//! Layouts 1 and 2 ([`old`]) are read, and never written again. Lessons have bytes of their own ([`lesson`]).
//! Never here: where the bytes lie ([`crate::journal`]) or how they are checked ([`crate::journal::frame`]).

mod cut;
pub(crate) mod lesson;
pub(crate) mod old;

pub(crate) use cut::{clip, clip_lesson};

use crate::LedgerError;
use crate::names::{
    class_code, class_of, kind_code, kind_of, outcome_code, outcome_of, priced_code, priced_of, task_code, task_of,
    tier_code, tier_of,
};
use decide::{Baselines, Difficulty, Nanousd, Outcome, PlaceId, Record, Usage};
use std::sync::Arc;

/// Kind of entry: a settled attempt.
pub(crate) const SETTLED: u8 = 1;
/// Kind of entry: the estimate of an attempt that was sent and has no end yet.
pub(crate) const SENT: u8 = 2;
/// Kind of entry: a lesson.
pub(crate) const LESSON: u8 = 3;
/// Layout of the first two.
pub(crate) const LAYOUT: u8 = 3;
/// The part without texts, at most: what is always there, and every optional number.
const NUMBERS: usize = 102 + (1 + 8 + 8 + 2) + 3 * 8 + 2 * (8 + 2) + 2;
/// No encoded record is longer: the numbers, ten lengths, and every text at its bound.
pub(crate) const MAX_BYTES: usize = NUMBERS + 10 * 2 + 128 + 32 + 256 + 512 + 128 + 128 + 256 + 64 + 64 + 128;
/// No encoded estimate is longer: the same without baselines and doubt, and shorter texts.
pub(crate) const MAX_ESTIMATE: usize = NUMBERS - 22 + 10 * 2 + 128 + 32 + 64 + 64 + 128 + 128 + 88 + 64 + 16 + 128;

const KEY: u32 = 1;
const PLACE: u32 = 1 << 1;
const MODEL: u32 = 1 << 2;
const TIER: u32 = 1 << 3;
const COST: u32 = 1 << 4;
const PRICE_VERSION: u32 = 1 << 5;
const TTFT: u32 = 1 << 6;
const ERROR: u32 = 1 << 7;
const ESTIMATED: u32 = 1 << 8;
const STREAM: u32 = 1 << 9;
const TEAM: u32 = 1 << 10;
const KIND: u32 = 1 << 11;
const FULL: u32 = 1 << 12;
const RESERVED: u32 = 1 << 13;
const QUALITY: u32 = 1 << 14;
const MORE_USAGE: u32 = 1 << 15;
const STRONGEST: u32 = 1 << 16;
const STRONGEST_QUALITY: u32 = 1 << 17;
const CHEAPEST: u32 = 1 << 18;
const CHEAPEST_QUALITY: u32 = 1 << 19;
const DOUBT: u32 = 1 << 20;

/// The bytes of an estimate: those of the record, cut to [`MAX_ESTIMATE`] where they are more.
pub(crate) fn encode_estimate(record: &Record) -> Vec<u8> {
    let whole = (cut::text_bytes(record) <= MAX_ESTIMATE).then(|| encode(record));
    let mut bytes = whole.filter(|bytes| bytes.len() <= MAX_ESTIMATE).unwrap_or_else(|| {
        let mut short = record.clone();
        cut::shorten(&mut short);
        encode(&short)
    });
    if let Some(kind) = bytes.first_mut() {
        *kind = SENT;
    }
    bytes
}

/// The bytes of a clipped record.
pub(crate) fn encode(r: &Record) -> Vec<u8> {
    encode_as(LAYOUT, r)
}

fn encode_as(layout: u8, r: &Record) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(&[SETTLED, layout]);
    out.extend_from_slice(&flags(r).to_le_bytes());
    let tier = r.tier.map_or(0, tier_code);
    let codes = [class_code(r.class), task_code(r.task), tier, outcome_code(r.outcome), priced_code(r.priced)];
    out.push(r.attempt);
    out.extend_from_slice(&codes);
    out.extend_from_slice(&r.difficulty.0.to_le_bytes());
    out.extend_from_slice(&r.attempt_id.to_le_bytes());
    let u = &r.usage;
    push(&mut out, [u.input, u.output, u.cached, u.cache_write, u.reasoning]);
    push(&mut out, [r.cost.map_or(0, |c| c.0.cast_unsigned()), r.arrived_unix_ms, r.ttft_us.unwrap_or(0), r.total_us]);
    out.extend(r.kind.map(kind_code));
    push(&mut out, [r.full, r.reserved].into_iter().flatten().map(|c| c.0.cast_unsigned()));
    out.extend(r.quality_permille.into_iter().flat_map(u16::to_le_bytes));
    if has_more_usage(u) {
        push(&mut out, [u.cache_write_long, u.audio_input, u.audio_output]);
    }
    let b = &r.baselines;
    for (cost, quality) in [(b.strongest, b.strongest_quality_permille), (b.cheapest, b.cheapest_quality_permille)] {
        out.extend(cost.into_iter().flat_map(|c| c.0.to_le_bytes()));
        out.extend(quality.into_iter().flat_map(u16::to_le_bytes));
    }
    out.extend(r.doubt_permille.into_iter().flat_map(i16::to_le_bytes));
    for text in [&r.request_id, &r.endpoint, &r.asked, &r.decision] {
        push_text(&mut out, text);
    }
    let place = r.place.as_ref().map(|p| &p.0);
    let optional =
        [r.key.as_ref(), place, r.model.as_ref(), r.price_version.as_ref(), r.error.as_ref(), r.team.as_ref()];
    for text in optional.into_iter().flatten() {
        push_text(&mut out, text);
    }
    out
}

fn push(out: &mut Vec<u8>, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        out.extend_from_slice(&number.to_le_bytes());
    }
}

fn has_more_usage(u: &Usage) -> bool {
    u.cache_write_long | u.audio_input | u.audio_output != 0
}

fn flags(r: &Record) -> u32 {
    let on = |condition: bool, flag: u32| if condition { flag } else { 0 };
    on(r.key.is_some(), KEY)
        | on(r.place.is_some(), PLACE)
        | on(r.model.is_some(), MODEL)
        | on(r.tier.is_some(), TIER)
        | on(r.cost.is_some(), COST)
        | on(r.price_version.is_some(), PRICE_VERSION)
        | on(r.ttft_us.is_some(), TTFT)
        | on(r.error.is_some(), ERROR)
        | on(r.usage.estimated, ESTIMATED)
        | on(r.stream, STREAM)
        | on(r.team.is_some(), TEAM)
        | on(r.kind.is_some(), KIND)
        | on(r.full.is_some(), FULL)
        | on(r.reserved.is_some(), RESERVED)
        | on(r.quality_permille.is_some(), QUALITY)
        | on(has_more_usage(&r.usage), MORE_USAGE)
        | on(r.baselines.strongest.is_some(), STRONGEST)
        | on(r.baselines.strongest_quality_permille.is_some(), STRONGEST_QUALITY)
        | on(r.baselines.cheapest.is_some(), CHEAPEST)
        | on(r.baselines.cheapest_quality_permille.is_some(), CHEAPEST_QUALITY)
        | on(r.doubt_permille.is_some(), DOUBT)
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let len = u16::try_from(bytes.len()).unwrap_or(0);
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(bytes.get(..usize::from(len)).unwrap_or_default());
}

/// Reads a settled record back, of this layout or an older one.
///
/// # Errors
/// [`LedgerError::Version`] for an entry or layout of another version of the program, [`LedgerError::Unreadable`] for bytes that
/// are no record. Both stop the recovery: skipping what passed its checksum would lose it.
pub(crate) fn decode(bytes: &[u8]) -> Result<Record, LedgerError> {
    decode_as(SETTLED, bytes)
}

/// Reads an estimate back: what its attempt is settled at when it has no end.
///
/// # Errors
/// As [`decode`].
pub(crate) fn decode_estimate(bytes: &[u8]) -> Result<Record, LedgerError> {
    let mut record = decode_as(SENT, bytes)?;
    record.outcome = Outcome::Unknown;
    record.usage.estimated = true;
    clip(&mut record);
    Ok(record)
}

fn decode_as(wanted: u8, bytes: &[u8]) -> Result<Record, LedgerError> {
    let mut eye = Eye(bytes);
    let [kind, layout] = eye.take().ok_or_else(|| bad("it is empty"))?;
    let record = match layout {
        LAYOUT | old::SECOND if kind == wanted => {
            read(&mut eye).filter(|r| layout == LAYOUT || r.doubt_permille.is_none())
        }
        old::LAYOUT if kind == wanted => old::read(&mut eye),
        _ => {
            let [found, known] = [(kind, layout), (wanted, LAYOUT)].map(|(k, l)| i64::from(k) << 8 | i64::from(l));
            return Err(LedgerError::Version { what: "an entry of the journal", found, known });
        }
    };
    let record = record.ok_or_else(|| bad("it ends early or holds an unknown value"))?;
    if eye.0.is_empty() { Ok(record) } else { Err(bad("it is too long")) }
}

fn bad(why: &str) -> LedgerError {
    LedgerError::Unreadable(format!("an entry of the journal: {why}"))
}

/// What every layout has, in the order in which it lies there.
struct Fixed {
    codes: [u8; 6],
    difficulty: Difficulty,
    attempt_id: u128,
    usage: Usage,
    cost: Nanousd,
    arrived_unix_ms: u64,
    ttft_us: u64,
    total_us: u64,
}

fn fixed(eye: &mut Eye<'_>) -> Option<Fixed> {
    Some(Fixed {
        codes: eye.take()?,
        difficulty: Difficulty(eye.short()?),
        attempt_id: u128::from_le_bytes(eye.take()?),
        usage: Usage {
            input: eye.number()?,
            output: eye.number()?,
            cached: eye.number()?,
            cache_write: eye.number()?,
            reasoning: eye.number()?,
            ..Usage::default()
        },
        cost: eye.money()?,
        arrived_unix_ms: eye.number()?,
        ttft_us: eye.number()?,
        total_us: eye.number()?,
    })
}

fn read(eye: &mut Eye<'_>) -> Option<Record> {
    let flags = u32::from_le_bytes(eye.take()?);
    let has = |flag: u32| flags & flag != 0;
    let f = fixed(eye)?;
    let [attempt, class, task, tier, outcome, priced] = f.codes;
    let kind = if has(KIND) { Some(kind_of(eye.byte()?)?) } else { None };
    let full = if has(FULL) { Some(eye.money()?) } else { None };
    let reserved = if has(RESERVED) { Some(eye.money()?) } else { None };
    let quality_permille = if has(QUALITY) { Some(eye.short()?) } else { None };
    let mut usage = Usage { estimated: has(ESTIMATED), ..f.usage };
    if has(MORE_USAGE) {
        (usage.cache_write_long, usage.audio_input, usage.audio_output) = (eye.number()?, eye.number()?, eye.number()?);
    }
    let baselines = Baselines {
        strongest: if has(STRONGEST) { Some(eye.money()?) } else { None },
        strongest_quality_permille: if has(STRONGEST_QUALITY) { Some(eye.short()?) } else { None },
        cheapest: if has(CHEAPEST) { Some(eye.money()?) } else { None },
        cheapest_quality_permille: if has(CHEAPEST_QUALITY) { Some(eye.short()?) } else { None },
    };
    let doubt_permille = if has(DOUBT) { Some(eye.signed()?) } else { None };
    let (request_id, endpoint, asked, decision) = (eye.text()?, eye.text()?, eye.text()?, eye.text()?);
    let mut option = |flag: u32| if has(flag) { eye.text().map(Some) } else { Some(None) };
    let (key, place, model) = (option(KEY)?, option(PLACE)?.map(PlaceId), option(MODEL)?);
    let (price_version, error, team) = (option(PRICE_VERSION)?, option(ERROR)?, option(TEAM)?);
    Some(Record {
        doubt_permille,
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
        usage,
        cost: has(COST).then_some(f.cost),
        full,
        priced: priced_of(priced)?,
        reserved,
        team,
        kind,
        quality_permille,
        baselines,
        price_version,
        arrived_unix_ms: f.arrived_unix_ms,
        ttft_us: has(TTFT).then_some(f.ttft_us),
        total_us: f.total_us,
        stream: has(STREAM),
        outcome: outcome_of(outcome)?,
        error,
    })
}

/// Reads from the front of a slice; `None` past its end.
struct Eye<'a>(&'a [u8]);

impl Eye<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take().map(|[byte]| byte)
    }

    fn short(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }

    fn signed(&mut self) -> Option<i16> {
        self.take().map(i16::from_le_bytes)
    }

    fn number(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn money(&mut self) -> Option<Nanousd> {
        self.take().map(|bytes| Nanousd(i64::from_le_bytes(bytes)))
    }

    fn text(&mut self) -> Option<Arc<str>> {
        let len = usize::from(u16::from_le_bytes(self.take()?));
        let (text, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        std::str::from_utf8(text).ok().map(Arc::from)
    }
}

#[cfg(test)]
#[path = "layout/tests.rs"]
mod tests;
