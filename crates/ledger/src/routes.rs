//! What became of requests by the model name that was asked for: how many there were, how many were escalated, and what the
//! questions of our own about them cost (helpers, alternatives in the shadow).
//!
//! Never here: names of routes; what is asked for is whatever a caller wrote.

use crate::LedgerError;
use crate::report::{open, unread};
use crate::store::row;
use decide::Nanousd;
use rusqlite::{Connection, params};
use serde::Serialize;
use std::path::Path;

/// Model names that are told apart at most, those with the most requests first: a caller may write any name.
const NAMES_MAX: i64 = 1_000;

/// Requests for one model name and of one task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// What was asked for.
    pub asked: String,
    /// Kind of work.
    pub task: String,
    /// Requests.
    pub requests: u64,
    /// Those of which an answer was doubted, and another place asked.
    pub escalated: u64,
}

/// Questions of our own about requests for one model name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Beside {
    /// What was asked for.
    pub asked: String,
    /// `helper` or `shadow`.
    pub kind: String,
    /// Attempts.
    pub attempts: u64,
    /// What those cost whose cost is known: in full, else the money that they added.
    pub cost: Nanousd,
    /// Attempts whose cost is not known.
    pub unknown: u64,
}

/// Both.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Uses {
    /// By what was asked for and task, most requests first.
    pub asked: Vec<Asked>,
    /// By what was asked for and kind.
    pub beside: Vec<Beside>,
}

/// Of requests that arrived at `since_unix_ms` or later. Where two callers chose the same request id for the same model name, they count as one.
///
/// # Errors
/// As [`crate::report()`].
pub fn uses(dir: &Path, since_unix_ms: u64) -> Result<Uses, LedgerError> {
    let mut conn = open(dir)?;
    // One transaction, so that all numbers are of the same moment.
    let tx = conn.transaction().map_err(unread())?;
    Ok(Uses { asked: asked(&tx, since_unix_ms)?, beside: beside(&tx, since_unix_ms)? })
}

/// One row a request of a caller: what it asked for, and whether an answer of it was doubted.
const REQUESTS: &str = "WITH request AS MATERIALIZED (
    SELECT request_id, asked, task, max(outcome = 'doubted') AS escalated FROM attempt
    WHERE arrived_unix_ms >= ?1 AND endpoint IN ('chat', 'messages') GROUP BY request_id, asked, task)";

fn asked(conn: &Connection, since_unix_ms: u64) -> Result<Vec<Asked>, LedgerError> {
    let sql = format!(
        "{REQUESTS} SELECT asked, task, count(*), sum(escalated) FROM request GROUP BY asked, task \
         ORDER BY 3 DESC, asked, task LIMIT ?2"
    );
    let mut statement = conn.prepare(&sql).map_err(unread())?;
    let rows = statement.query_map(params![row::fit(since_unix_ms), NAMES_MAX], |row| {
        Ok(Asked { asked: row.get(0)?, task: row.get(1)?, requests: count(row, 2)?, escalated: count(row, 3)? })
    });
    rows.and_then(Iterator::collect).map_err(unread())
}

fn beside(conn: &Connection, since_unix_ms: u64) -> Result<Vec<Beside>, LedgerError> {
    let sql = format!(
        "{REQUESTS} SELECT request.asked, own.endpoint, count(*), \
         sum(coalesce(own.full_nanousd, own.cost_nanousd, 0)), \
         sum(own.full_nanousd IS NULL AND own.cost_nanousd IS NULL) \
         FROM attempt AS own JOIN (SELECT DISTINCT request_id, asked FROM request) AS request USING (request_id) \
         WHERE own.arrived_unix_ms >= ?1 AND own.endpoint IN ('helper', 'shadow') AND own.place IS NOT NULL \
         GROUP BY request.asked, own.endpoint ORDER BY request.asked, own.endpoint LIMIT ?2"
    );
    let mut statement = conn.prepare(&sql).map_err(unread())?;
    let rows = statement.query_map(params![row::fit(since_unix_ms), NAMES_MAX], |row| {
        let (asked, kind, cost) = (row.get(0)?, row.get(1)?, Nanousd(row.get(3)?));
        Ok(Beside { asked, kind, attempts: count(row, 2)?, cost, unknown: count(row, 4)? })
    });
    rows.and_then(Iterator::collect).map_err(unread())
}

/// A count, which is never negative.
fn count(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<u64> {
    row.get(at).map(|n: i64| n.unsigned_abs())
}
