//! One record as one row, and back.
//!
//! SQLite's integers are `i64`: a token count or time above that (no real one is) is stored as the greatest.

use crate::LedgerError;
use crate::layout;
use crate::names::{kind_named, outcome_named, priced_named, task_named, tier_named};
use decide::{Baselines, DataClass, Difficulty, Nanousd, PlaceId, Priced, Record, Usage};
use rusqlite::{Row, Statement, params};
use std::sync::Arc;

/// The columns, in the order of [`INSERT`] and [`read`].
pub(crate) const COLUMNS: &str = "attempt_id, request_id, attempt, key, endpoint, asked, class, task, difficulty, decision, place, model, tier, \
     input_tokens, output_tokens, cached_tokens, cache_write_tokens, reasoning_tokens, estimated, cost_nanousd, \
     price_version, arrived_unix_ms, ttft_us, total_us, stream, outcome, error, layout, full_nanousd, priced, \
     reserved_nanousd, team, kind, quality_permille, cache_write_long_tokens, audio_input_tokens, \
     audio_output_tokens, strongest_nanousd, strongest_quality_permille, cheapest_nanousd, \
     cheapest_quality_permille, doubt_permille";

/// Which layout the checksum is of, and behind the columns the checksum, where it is read too.
pub(crate) const LAYOUT: usize = 27;
pub(crate) const SUM: usize = 42;
/// Where the column stands that version 4 added.
const DOUBT: usize = 41;

/// The columns and the checksum, of a database of any version: what it does not have is given its default.
pub(crate) fn columns_to_check(version: i64) -> String {
    let sum = if version >= 2 { "sum" } else { "NULL" };
    if version >= 4 {
        return format!("{COLUMNS}, {sum}");
    }
    let default = |(at, name): (usize, &str)| match name.trim() {
        name if at < LAYOUT || (version >= 3 && at < DOUBT) => name.to_owned(),
        "layout" => "1".to_owned(),
        name if name.ends_with("_tokens") => "0".to_owned(),
        _ => "NULL".to_owned(),
    };
    let columns: Vec<String> = COLUMNS.split(',').enumerate().map(default).collect();
    format!("{}, {sum}", columns.join(", "))
}

/// Adds a row unless the attempt is there.
pub(crate) const INSERT: &str = "INSERT INTO attempt (attempt_id, request_id, attempt, key, endpoint, asked, class, task, difficulty, decision, \
     place, model, tier, input_tokens, output_tokens, cached_tokens, cache_write_tokens, reasoning_tokens, \
     estimated, cost_nanousd, price_version, arrived_unix_ms, ttft_us, total_us, stream, outcome, error, layout, \
     full_nanousd, priced, reserved_nanousd, team, kind, quality_permille, cache_write_long_tokens, \
     audio_input_tokens, audio_output_tokens, strongest_nanousd, strongest_quality_permille, cheapest_nanousd, \
     cheapest_quality_permille, doubt_permille, sum) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, \
     ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36, ?37, ?38, \
     ?39, ?40, ?41, ?42, ?43) ON CONFLICT (attempt_id) DO NOTHING";

/// Makes place for the settled record of an attempt that was unknown.
pub(crate) const DELETE_UNKNOWN: &str = "DELETE FROM attempt WHERE attempt_id = ?1 AND outcome = 'unknown'";

/// Runs [`INSERT`]; 1 when the row is new, 0 when it was there.
pub(crate) fn insert(statement: &mut Statement<'_>, r: &Record, sum: u32) -> rusqlite::Result<usize> {
    let (u, b) = (&r.usage, &r.baselines);
    statement.execute(params![
        r.attempt_id.to_be_bytes(),
        &*r.request_id,
        r.attempt,
        r.key.as_deref(),
        &*r.endpoint,
        &*r.asked,
        r.class.as_str(),
        r.task.as_str(),
        r.difficulty.0,
        &*r.decision,
        r.place.as_ref().map(PlaceId::as_str),
        r.model.as_deref(),
        r.tier.map(decide::Tier::as_str),
        fit(u.input),
        fit(u.output),
        fit(u.cached),
        fit(u.cache_write),
        fit(u.reasoning),
        u.estimated,
        r.cost.map(|c| c.0),
        r.price_version.as_deref(),
        fit(r.arrived_unix_ms),
        r.ttft_us.map(fit),
        fit(r.total_us),
        r.stream,
        r.outcome.as_str(),
        r.error.as_deref(),
        layout::LAYOUT,
        r.full.map(|c| c.0),
        r.priced.as_str(),
        r.reserved.map(|c| c.0),
        r.team.as_deref(),
        r.kind.map(decide::Kind::as_str),
        r.quality_permille,
        fit(u.cache_write_long),
        fit(u.audio_input),
        fit(u.audio_output),
        b.strongest.map(|c| c.0),
        b.strongest_quality_permille,
        b.cheapest.map(|c| c.0),
        b.cheapest_quality_permille,
        r.doubt_permille,
        sum,
    ])
}

pub(crate) fn fit(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Reads a row of [`COLUMNS`].
pub(crate) fn read(row: &Row<'_>) -> Result<Record, LedgerError> {
    let class: String = get(row, 6)?;
    let task: String = get(row, 7)?;
    let tier: Option<String> = get(row, 12)?;
    let outcome: String = get(row, 25)?;
    let kind: Option<String> = get(row, 32)?;
    Ok(Record {
        doubt_permille: get(row, DOUBT)?,
        attempt_id: u128::from_be_bytes(get(row, 0)?),
        request_id: get(row, 1)?,
        attempt: get(row, 2)?,
        key: get(row, 3)?,
        endpoint: get(row, 4)?,
        asked: get(row, 5)?,
        class: DataClass::parse(&class).ok_or_else(|| unknown("class", &class))?,
        task: self::task(&task)?,
        difficulty: Difficulty(get(row, 8)?),
        decision: get(row, 9)?,
        place: get::<Option<Arc<str>>>(row, 10)?.map(PlaceId),
        model: get(row, 11)?,
        tier: tier.map(|t| tier_named(&t).ok_or_else(|| unknown("tier", &t))).transpose()?,
        usage: usage(row)?,
        cost: money(row, 19)?,
        full: money(row, 28)?,
        priced: priced(row)?,
        reserved: money(row, 30)?,
        team: get(row, 31)?,
        kind: kind.map(|k| kind_named(&k).ok_or_else(|| unknown("kind", &k))).transpose()?,
        quality_permille: get(row, 33)?,
        baselines: Baselines {
            strongest: money(row, 37)?,
            strongest_quality_permille: get(row, 38)?,
            cheapest: money(row, 39)?,
            cheapest_quality_permille: get(row, 40)?,
        },
        price_version: get(row, 20)?,
        arrived_unix_ms: count(row, 21)?,
        ttft_us: get::<Option<i64>>(row, 22)?.map(i64::unsigned_abs),
        total_us: count(row, 23)?,
        stream: flag(row, 24)?,
        outcome: self::outcome(&outcome)?,
        error: get(row, 26)?,
    })
}

fn usage(row: &Row<'_>) -> Result<Usage, LedgerError> {
    Ok(Usage {
        input: count(row, 13)?,
        output: count(row, 14)?,
        cached: count(row, 15)?,
        cache_write: count(row, 16)?,
        reasoning: count(row, 17)?,
        cache_write_long: count(row, 34)?,
        audio_input: count(row, 35)?,
        audio_output: count(row, 36)?,
        estimated: flag(row, 18)?,
    })
}

/// Rows of layout 1 say it by their price.
fn priced(row: &Row<'_>) -> Result<Priced, LedgerError> {
    match get::<Option<String>>(row, 29)? {
        Some(name) => priced_from(&name),
        // Only rows of layout 1 have none.
        None => {
            let version: Option<String> = get(row, 20)?;
            Ok(layout::old::priced(money(row, 19)?.is_some(), version.as_deref(), flag(row, 18)?))
        }
    }
}

/// Reads how sure a cost is.
pub(crate) fn priced_from(name: &str) -> Result<Priced, LedgerError> {
    priced_named(name).ok_or_else(|| unknown("priced", name))
}

fn money(row: &Row<'_>, column: usize) -> Result<Option<Nanousd>, LedgerError> {
    Ok(get::<Option<i64>>(row, column)?.map(Nanousd))
}

pub(crate) fn get<T: rusqlite::types::FromSql>(row: &Row<'_>, column: usize) -> Result<T, LedgerError> {
    row.get(column).map_err(LedgerError::store("read a record"))
}

/// Reads a task.
pub(crate) fn task(name: &str) -> Result<decide::Task, LedgerError> {
    task_named(name).ok_or_else(|| unknown("task", name))
}

/// Reads an outcome.
pub(crate) fn outcome(name: &str) -> Result<decide::Outcome, LedgerError> {
    outcome_named(name).ok_or_else(|| unknown("outcome", name))
}

pub(crate) fn count(row: &Row<'_>, column: usize) -> Result<u64, LedgerError> {
    get::<i64>(row, column).map(i64::unsigned_abs)
}

/// 0 or 1; SQLite's other numbers would read as true.
fn flag(row: &Row<'_>, column: usize) -> Result<bool, LedgerError> {
    match get::<i64>(row, column)? {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(unknown("flag", &other.to_string())),
    }
}

pub(super) fn unknown(what: &str, value: &str) -> LedgerError {
    LedgerError::Unreadable(format!("unknown {what} {value:?}"))
}
