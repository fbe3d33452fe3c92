//! The bytes of one record in the journal, layout 1, little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 1, 1 | kind of entry ([`SETTLED`], [`SENT`]), layout ([`LAYOUT`]) |
//! | 2 | flags: which optional fields are there, `estimated`, `stream` |
//! | 1, 1, 1, 1, 1, 1, 2 | attempt, class, task, tier, outcome, zero, difficulty |
//! | 16 | attempt id |
//! | 9 × 8 | usage (input, output, cached, cache_write, reasoning), cost, arrived, ttft, total; absent is 0 without its flag |
//! | 2 + n each | request_id, endpoint, asked, decision, then key, place, model, price_version, error where flagged |
//!
//! An attempt that is under way has the same bytes with the kind [`SENT`]; its long texts are cut shorter ([`MAX_ESTIMATE`]).
//! The CRC-32 of a settled attempt's bytes stands beside its row in SQLite, for `verify`.
//! Never here: where the bytes lie ([`crate::journal`]) or how they are checked ([`crate::journal::frame`]).

use crate::LedgerError;
use crate::names::{class_code, class_of, outcome_code, outcome_of, task_code, task_of, tier_code, tier_of};
use decide::{Difficulty, Nanousd, Outcome, PlaceId, Record, Usage};
use std::sync::Arc;

/// Kind of entry: a settled attempt.
pub(crate) const SETTLED: u8 = 1;
/// Kind of entry: the estimate of an attempt that was sent and has no end yet.
pub(crate) const SENT: u8 = 2;
/// Layout of both.
pub(crate) const LAYOUT: u8 = 1;
/// No encoded record is longer: the fixed part, nine lengths, and every text at its bound.
pub(crate) const MAX_BYTES: usize = 100 + 9 * 2 + 128 + 32 + 256 + 512 + 128 + 128 + 256 + 64 + 64;
/// No encoded estimate is longer.
pub(crate) const MAX_ESTIMATE: usize = 100 + 9 * 2 + 128 + 32 + 128 + 128 + 128 + 128 + 128 + 64 + 16;

const KEY: u16 = 1;
const PLACE: u16 = 1 << 1;
const MODEL: u16 = 1 << 2;
const TIER: u16 = 1 << 3;
const COST: u16 = 1 << 4;
const PRICE_VERSION: u16 = 1 << 5;
const TTFT: u16 = 1 << 6;
const ERROR: u16 = 1 << 7;
const ESTIMATED: u16 = 1 << 8;
const STREAM: u16 = 1 << 9;

/// The greatest length of each text.
struct Lengths {
    asked: usize,
    decision: usize,
    model: usize,
    error: usize,
}

const SETTLED_LENGTHS: Lengths = Lengths { asked: 256, decision: 512, model: 256, error: 64 };
const ESTIMATE_LENGTHS: Lengths = Lengths { asked: 128, decision: 128, model: 128, error: 16 };

/// Cuts over-long texts (a caller chooses `asked` and `request_id`) so that a record has a greatest size and room for it
/// can be promised beforehand, and numbers beyond SQLite's, so that what is read back is what was put. A cut text ends
/// with `…`.
pub(crate) fn clip(record: &mut Record) {
    cut(record, &SETTLED_LENGTHS);
}

fn cut(record: &mut Record, most: &Lengths) {
    clip_text(&mut record.request_id, 128);
    clip_text(&mut record.endpoint, 32);
    clip_text(&mut record.asked, most.asked);
    clip_text(&mut record.decision, most.decision);
    clip_option(record.key.as_mut(), 128);
    clip_option(record.place.as_mut().map(|p| &mut p.0), 128);
    clip_option(record.model.as_mut(), most.model);
    clip_option(record.price_version.as_mut(), 64);
    clip_option(record.error.as_mut(), most.error);
    let u = &mut record.usage;
    let counts = [&mut u.input, &mut u.output, &mut u.cached, &mut u.cache_write, &mut u.reasoning];
    for number in
        counts.into_iter().chain([&mut record.arrived_unix_ms, &mut record.total_us]).chain(&mut record.ttft_us)
    {
        *number = (*number).min(i64::MAX as u64);
    }
}

/// The bytes of an estimate: those of the record, with its texts cut to [`MAX_ESTIMATE`].
pub(crate) fn encode_estimate(record: &Record) -> Vec<u8> {
    let mut bytes = if 100 + 9 * 2 + text_bytes(record) <= MAX_ESTIMATE {
        encode(record)
    } else {
        let mut short = record.clone();
        cut(&mut short, &ESTIMATE_LENGTHS);
        encode(&short)
    };
    if let Some(kind) = bytes.first_mut() {
        *kind = SENT;
    }
    bytes
}

/// Bytes of all texts together.
fn text_bytes(r: &Record) -> usize {
    let option = |text: Option<&Arc<str>>| text.map_or(0, |t| t.len());
    let optional =
        [r.key.as_ref(), r.place.as_ref().map(|p| &p.0), r.model.as_ref(), r.price_version.as_ref(), r.error.as_ref()];
    let always = [&r.request_id, &r.endpoint, &r.asked, &r.decision];
    always.into_iter().map(|t| t.len()).sum::<usize>() + optional.into_iter().map(option).sum::<usize>()
}

fn clip_option(text: Option<&mut Arc<str>>, max: usize) {
    if let Some(text) = text {
        clip_text(text, max);
    }
}

fn clip_text(text: &mut Arc<str>, max: usize) {
    if text.len() > max {
        let end = text.floor_char_boundary(max - '…'.len_utf8());
        *text = Arc::from(format!("{}…", text.get(..end).unwrap_or_default()));
    }
}

/// The bytes of a clipped record.
pub(crate) fn encode(r: &Record) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(&[SETTLED, LAYOUT]);
    out.extend_from_slice(&flags(r).to_le_bytes());
    let tier = r.tier.map_or(0, tier_code);
    out.extend_from_slice(&[r.attempt, class_code(r.class), task_code(r.task), tier, outcome_code(r.outcome), 0]);
    out.extend_from_slice(&r.difficulty.0.to_le_bytes());
    out.extend_from_slice(&r.attempt_id.to_le_bytes());
    let u = &r.usage;
    for number in [u.input, u.output, u.cached, u.cache_write, u.reasoning] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&r.cost.map_or(0, |c| c.0).to_le_bytes());
    for number in [r.arrived_unix_ms, r.ttft_us.unwrap_or(0), r.total_us] {
        out.extend_from_slice(&number.to_le_bytes());
    }
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

fn flags(r: &Record) -> u16 {
    let on = |condition: bool, flag: u16| if condition { flag } else { 0 };
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
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let len = u16::try_from(bytes.len()).unwrap_or(0);
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(bytes.get(..usize::from(len)).unwrap_or_default());
}

/// Reads a settled record back.
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
    if (kind, layout) != (wanted, LAYOUT) {
        let [found, known] = [(kind, layout), (wanted, LAYOUT)].map(|(k, l)| i64::from(k) << 8 | i64::from(l));
        return Err(LedgerError::Version { what: "an entry of the journal", found, known });
    }
    let record = read(&mut eye).ok_or_else(|| bad("it ends early or holds an unknown value"))?;
    if eye.0.is_empty() { Ok(record) } else { Err(bad("it is too long")) }
}

fn bad(why: &str) -> LedgerError {
    LedgerError::Unreadable(format!("an entry of the journal: {why}"))
}

fn read(eye: &mut Eye<'_>) -> Option<Record> {
    let flags = u16::from_le_bytes(eye.take()?);
    let has = |flag: u16| flags & flag != 0;
    let [attempt, class, task, tier, outcome, _zero] = eye.take()?;
    let difficulty = Difficulty(u16::from_le_bytes(eye.take()?));
    let attempt_id = u128::from_le_bytes(eye.take()?);
    let usage = Usage {
        input: eye.number()?,
        output: eye.number()?,
        cached: eye.number()?,
        cache_write: eye.number()?,
        reasoning: eye.number()?,
        estimated: has(ESTIMATED),
        ..Usage::default()
    };
    let cost = Nanousd(i64::from_le_bytes(eye.take()?));
    let (arrived_unix_ms, ttft_us, total_us) = (eye.number()?, eye.number()?, eye.number()?);
    let (request_id, endpoint, asked, decision) = (eye.text()?, eye.text()?, eye.text()?, eye.text()?);
    let mut option = |flag: u16| if has(flag) { eye.text().map(Some) } else { Some(None) };
    Some(Record {
        attempt_id,
        request_id,
        attempt,
        key: option(KEY)?,
        endpoint,
        asked,
        class: class_of(class)?,
        task: task_of(task)?,
        difficulty,
        decision,
        place: option(PLACE)?.map(PlaceId),
        model: option(MODEL)?,
        tier: if has(TIER) { Some(tier_of(tier)?) } else { None },
        usage,
        cost: has(COST).then_some(cost),
        full: None,
        priced: decide::Priced::default(),
        reserved: None,
        team: None,
        kind: None,
        quality_permille: None,
        baselines: decide::Baselines::default(),
        price_version: option(PRICE_VERSION)?,
        arrived_unix_ms,
        ttft_us: has(TTFT).then_some(ttft_us),
        total_us,
        stream: has(STREAM),
        outcome: outcome_of(outcome)?,
        error: option(ERROR)?,
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

    fn number(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
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
