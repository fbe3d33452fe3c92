//! One lesson as one row, and back.
//!
//! Never here: when to write.

use super::row::{count, fit, get, unknown};
use crate::LedgerError;
use crate::layout;
use crate::names::origin_named;
use decide::{Compared, Lesson, PlaceId};
use rusqlite::{Connection, Row, params};
use std::sync::Arc;

/// The columns, in the order of [`read`], and behind them layout and checksum.
pub(crate) const COLUMNS: &str = "at_unix_ms, request_id, origin, place, model, task, score_permille, weight_milli, \
     stronger_place, stronger_model, doubt_permille, loss_permille, asked, layout, sum";
pub(crate) const LAYOUT: usize = 13;
pub(crate) const SUM: usize = 14;

const UPDATE: &str = "UPDATE lesson SET task = ?6, score_permille = ?7, weight_milli = ?8, stronger_place = ?9, stronger_model = ?10, \
     doubt_permille = ?11, loss_permille = ?12, asked = ?13, layout = ?14, sum = ?15 \
     WHERE at_unix_ms = ?1 AND request_id = ?2 AND origin = ?3 AND place = ?4 AND model = ?5";
const INSERT: &str = "INSERT INTO lesson (at_unix_ms, request_id, origin, place, model, task, score_permille, weight_milli, \
     stronger_place, stronger_model, doubt_permille, loss_permille, asked, layout, sum) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";

/// Writes a lesson, in the place of what was said before; 1 when the row is new, 0 when it was there.
pub(super) fn put(conn: &Connection, l: &Lesson, sum: u32) -> rusqlite::Result<usize> {
    let run = |sql: &str| {
        let c = l.compared.as_ref();
        conn.prepare_cached(sql)?.execute(params![
            fit(l.at_unix_ms),
            &*l.request_id,
            l.origin.as_str(),
            l.place.as_str(),
            &*l.model,
            l.task.as_str(),
            l.score_permille,
            l.weight_milli,
            c.map(|c| c.place.as_str()),
            c.map(|c| &*c.model),
            c.map(|c| c.doubt_permille),
            c.map(|c| c.loss_permille),
            c.map(|c| &*c.asked),
            layout::lesson::LAYOUT,
            sum,
        ])
    };
    if run(UPDATE)? > 0 { Ok(0) } else { run(INSERT) }
}

/// Reads a row of [`COLUMNS`].
pub(crate) fn read(row: &Row<'_>) -> Result<Lesson, LedgerError> {
    let origin: String = get(row, 2)?;
    let task: String = get(row, 5)?;
    let place: Option<Arc<str>> = get(row, 8)?;
    let compared = match place {
        None => None,
        Some(place) => Some(Compared {
            asked: get(row, 12)?,
            place: PlaceId(place),
            model: get(row, 9)?,
            doubt_permille: get(row, 10)?,
            loss_permille: get(row, 11)?,
        }),
    };
    Ok(Lesson {
        at_unix_ms: count(row, 0)?,
        request_id: get(row, 1)?,
        origin: origin_named(&origin).ok_or_else(|| unknown("origin", &origin))?,
        place: PlaceId(get(row, 3)?),
        model: get(row, 4)?,
        task: super::row::task(&task)?,
        score_permille: get(row, 6)?,
        weight_milli: get(row, 7)?,
        compared,
    })
}
