//! Reports: sums over the ledger, and its records one by one. For the command line, not for the way of a request.
//!
//! If no server holds the ledger, what a crash left in the journal is replayed first; beside a running server SQLite alone is
//! read, which is one group commit behind (a few milliseconds).
//!
//! Never here: prices; text from outside in SQL (all of it is bound).

mod request;
mod table;
mod tally;

pub use request::request;
pub use table::align;

pub(crate) use tally::{middle, step};

use crate::report::tally::{Item, Tally};
use crate::store::{self, Store, row};
use crate::{LedgerError, lock, replay};
use decide::Record;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

/// What the rows of a report stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// One row over everything.
    #[default]
    None,
    /// By place; a refused request has none.
    Place,
    /// By the caller's key.
    Key,
    /// By task.
    Task,
    /// By the model that answered.
    Model,
    /// By outcome.
    Outcome,
}

impl By {
    /// Every way to group.
    pub const ALL: [By; 6] = [By::None, By::Place, By::Key, By::Task, By::Model, By::Outcome];

    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            By::None => "none",
            By::Place => "place",
            By::Key => "key",
            By::Task => "task",
            By::Model => "model",
            By::Outcome => "outcome",
        }
    }

    /// The SQL that names the group.
    const fn column(self) -> &'static str {
        match self {
            By::None => "NULL",
            By::Place => "place",
            By::Key => "key",
            By::Task => "task",
            By::Model => "model",
            By::Outcome => "outcome",
        }
    }
}

/// What to report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Query {
    /// Only attempts of requests that arrived then or later, Unix milliseconds.
    pub since_unix_ms: Option<u64>,
    /// What a row stands for.
    pub by: By,
}

/// Sums over the attempts of one group.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Row {
    /// Its name; `None` for attempts without one (no key, no place) and in the total.
    pub group: Option<String>,
    /// Different requests with an attempt in the group; a request whose attempts are in two groups counts in both.
    pub requests: u64,
    /// Attempts.
    pub attempts: u64,
    /// Attempts by outcome.
    pub ok: u64,
    /// Attempts by outcome.
    pub failed: u64,
    /// Attempts by outcome.
    pub cancelled: u64,
    /// Attempts by outcome.
    pub refused: u64,
    /// Attempts whose answer was doubted and not shown.
    pub doubted: u64,
    /// Attempts that were sent and whose end nobody knows, settled at their estimate.
    pub unknown: u64,
    /// Prompt tokens, cached ones included.
    pub input_tokens: i128,
    /// Completion tokens.
    pub output_tokens: i128,
    /// Prompt tokens read from a cache.
    pub cached_tokens: i128,
    /// Sum of the known costs, nano-dollars.
    pub cost_nanousd: i128,
    /// Attempts that reached a place and whose cost is unknown; they are in no sum.
    pub unknown_cost: u64,
    /// Time to first token, median, milliseconds, over attempts that had one.
    pub ttft_ms_p50: Option<f64>,
    /// The same, 95th percentile (nearest rank; all four are exact to 1/256).
    pub ttft_ms_p95: Option<f64>,
    /// Time from start to end of the attempt, median, milliseconds, over attempts that ended well.
    pub duration_ms_p50: Option<f64>,
    /// The same, 95th percentile.
    pub duration_ms_p95: Option<f64>,
}

/// A report: its rows, most attempts first, and one over all of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// What the rows stand for.
    pub by: By,
    /// When the first counted request arrived, Unix milliseconds.
    pub first_unix_ms: Option<u64>,
    /// When the last one arrived.
    pub last_unix_ms: Option<u64>,
    /// The groups.
    pub rows: Vec<Row>,
    /// Everything counted.
    pub total: Row,
}

/// Reports on the ledger in `dir`.
///
/// # Errors
/// [`LedgerError::Missing`] when there is no ledger; otherwise what the disk or SQLite refused.
pub fn report(dir: &Path, query: Query) -> Result<Report, LedgerError> {
    let mut conn = open(dir)?;
    // One transaction, so that all numbers are of the same moment.
    let tx = conn.transaction().map_err(unread())?;
    let (mut rows, total) = tally(&tx, query)?;
    rows.sort_by(|a, b| b.attempts.cmp(&a.attempts).then_with(|| a.group.cmp(&b.group)));
    let (first_unix_ms, last_unix_ms) = span(&tx, query.since_unix_ms)?;
    Ok(Report { by: query.by, first_unix_ms, last_unix_ms, rows, total })
}

pub(crate) fn unread() -> impl FnOnce(rusqlite::Error) -> LedgerError {
    LedgerError::store("read the ledger")
}

/// The records of requests that arrived at `since_unix_ms` or later, newest first, at most `limit`.
///
/// # Errors
/// As [`report`].
pub fn records(dir: &Path, since_unix_ms: Option<u64>, limit: usize) -> Result<Vec<Record>, LedgerError> {
    let conn = open(dir)?;
    let sql = format!(
        "SELECT {} FROM attempt WHERE arrived_unix_ms >= ?1 ORDER BY arrived_unix_ms DESC, attempt_id DESC LIMIT ?2",
        row::COLUMNS
    );
    let mut statement = conn.prepare(&sql).map_err(unread())?;
    let (since, limit) = (since_unix_ms.map_or(i64::MIN, row::fit), i64::try_from(limit).unwrap_or(i64::MAX));
    let mut rows = statement.query(params![since, limit]).map_err(unread())?;
    let mut out = Vec::new();
    while let Some(found) = rows.next().map_err(unread())? {
        out.push(row::read(found)?);
    }
    Ok(out)
}

/// Replays if nobody holds the ledger, then opens for reading.
pub(crate) fn open(dir: &Path) -> Result<Connection, LedgerError> {
    if !store::path(dir).exists() && !replay::path(dir).exists() && !replay::sent_path(dir).exists() {
        return Err(LedgerError::Missing { dir: dir.to_owned() });
    }
    match lock::take(dir, Duration::ZERO) {
        Ok(_lock) => {
            let mut store = Store::open(dir)?;
            replay::replay(dir, &mut store, 512)?;
        }
        Err(LedgerError::Held { .. }) => {}
        // A ledger on a read-only medium has no writer; SQLite may still be able to read it.
        Err(LedgerError::File { source, .. })
            if matches!(
                source.kind(),
                std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem
            ) => {}
        Err(error) => return Err(error),
    }
    store::open_read_only(dir)
}

/// The `WHERE` of both queries; without a bound the index would only be in the way.
fn only(since: Option<u64>) -> &'static str {
    if since.is_some() { "WHERE arrived_unix_ms >= ?1" } else { "WHERE ?1 IS NULL" }
}

/// The rows of all groups, and the total.
fn tally(conn: &Connection, query: Query) -> Result<(Vec<Row>, Row), LedgerError> {
    let (mut named, mut nameless, mut total) = (HashMap::<String, Tally>::new(), None::<Tally>, Tally::default());
    let sql = format!(
        "SELECT {}, outcome, input_tokens, output_tokens, cached_tokens, cost_nanousd, ttft_us, total_us FROM attempt {}",
        query.by.column(),
        only(query.since_unix_ms),
    );
    let mut statement = conn.prepare(&sql).map_err(unread())?;
    let mut found = statement.query([query.since_unix_ms.map(row::fit)]).map_err(unread())?;
    while let Some(r) = found.next().map_err(unread())? {
        let item = item(r)?;
        total.add(&item);
        let name = r.get_ref(0).map_err(unread())?.as_str_or_null().map_err(|e| unread()(e.into()))?;
        match name {
            None => nameless.get_or_insert_default().add(&item),
            Some(name) => match named.get_mut(name) {
                Some(tally) => tally.add(&item),
                None => named.entry(name.to_owned()).or_default().add(&item),
            },
        }
    }
    let (requests, all) = requests(conn, query)?;
    let row = |name: Option<String>, tally: Tally| {
        let requests = requests.get(&name).copied().unwrap_or(0);
        tally.row(name, requests)
    };
    let named = named.into_iter().map(|(name, tally)| (Some(name), tally));
    let rows = named.chain(nameless.map(|tally| (None, tally))).map(|(name, tally)| row(name, tally)).collect();
    Ok((rows, total.row(None, all)))
}

fn item(r: &rusqlite::Row<'_>) -> Result<Item, LedgerError> {
    let outcome = r.get_ref(1).map_err(unread())?.as_str().map_err(|e| unread()(e.into()))?;
    Ok(Item {
        outcome: row::outcome(outcome)?,
        input: row::get(r, 2)?,
        output: row::get(r, 3)?,
        cached: row::get(r, 4)?,
        cost: row::get(r, 5)?,
        ttft_us: row::get::<Option<i64>>(r, 6)?.map(i64::unsigned_abs),
        total_us: row::count(r, 7)?,
    })
}

/// Different requests by group, and in all. SQLite counts them, and spills to disk where it must.
fn requests(conn: &Connection, query: Query) -> Result<(HashMap<Option<String>, u64>, u64), LedgerError> {
    let (column, only) = (query.by.column(), only(query.since_unix_ms));
    let since = query.since_unix_ms.map(row::fit);
    let count = |r: &rusqlite::Row<'_>, at| r.get::<_, i64>(at).map(i64::unsigned_abs);
    let run = || -> rusqlite::Result<(HashMap<_, _>, u64)> {
        let sql = format!("SELECT count(DISTINCT request_id) FROM attempt {only}");
        let all = conn.query_row(&sql, [since], |r| count(r, 0))?;
        if query.by == By::None {
            return Ok((HashMap::from([(None, all)]), all));
        }
        let sql = format!("SELECT {column} AS grp, count(DISTINCT request_id) FROM attempt {only} GROUP BY grp");
        let mut statement = conn.prepare(&sql)?;
        let groups = statement.query_map([since], |r| Ok((r.get(0)?, count(r, 1)?)))?.collect::<Result<_, _>>()?;
        Ok((groups, all))
    };
    run().map_err(unread())
}

fn span(conn: &Connection, since: Option<u64>) -> Result<(Option<u64>, Option<u64>), LedgerError> {
    let since = since.map_or(i64::MIN, row::fit);
    // Two queries: SQLite takes each from an end of the index, both together by a scan.
    let end = |function: &str| {
        let sql = format!("SELECT {function}(arrived_unix_ms) FROM attempt WHERE arrived_unix_ms >= ?1");
        conn.query_row(&sql, [since], |r| r.get::<_, Option<i64>>(0)).map_err(unread())
    };
    Ok((end("min")?.map(i64::unsigned_abs), end("max")?.map(i64::unsigned_abs)))
}
