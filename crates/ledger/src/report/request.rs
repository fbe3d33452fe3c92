//! The records of one request.

use super::{open, unread};
use crate::LedgerError;
use crate::store::row;
use decide::Record;
use rusqlite::params;
use std::path::Path;

/// Records of one request that are read at most.
const MOST: i64 = 1_000;

/// The records of the request `id` (`x-request-id`), in the order in which its attempts began; at most a thousand. Callers choose
/// request ids, so requests of different callers may have the same one.
///
/// # Errors
/// As [`super::report`].
pub fn request(dir: &Path, id: &str) -> Result<Vec<Record>, LedgerError> {
    let conn = open(dir)?;
    let sql = format!("SELECT {} FROM attempt WHERE request_id = ?1 ORDER BY attempt_id LIMIT ?2", row::COLUMNS);
    let mut statement = conn.prepare(&sql).map_err(unread())?;
    let mut rows = statement.query(params![id, MOST]).map_err(unread())?;
    let mut out = Vec::new();
    while let Some(found) = rows.next().map_err(unread())? {
        out.push(row::read(found)?);
    }
    Ok(out)
}
