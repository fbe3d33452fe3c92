//! Reading the records of a period by several connections at once.
//!
//! Each connection begins its transaction, and reads the mark that every commit moves: when all see the same one, all see
//! the ledger at the same moment, whatever a server writes meanwhile. Ids are of time, so pieces of the range of ids are pieces of time; a
//! reader that finds more than [`PIECE`] records in a piece puts the rest back in two halves, so that nobody is left with all of it.
//!
//! Never here: adding up ([`super::gather`]).

use super::gather::{Gather, Texts, together};
use super::sums::Item;
use super::{Period, Statement, Wanted};
use crate::LedgerError;
use crate::layout::old;
use crate::store::{self, row, schema};
use rusqlite::{Connection, Row};
use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Records that a reader takes at a time.
const PIECE: usize = 16_384;
/// Readers, at most, unless more are asked for.
const READERS: usize = 8;
/// How often the readers try to see the same moment. A try takes well under a millisecond, a server commits every few.
const TRIES: u32 = 50;

/// In the order of the table.
const COLUMNS: &str = "attempt_id, attempt, key, task, place, model, input_tokens, output_tokens, cached_tokens, \
     cache_write_tokens, reasoning_tokens, estimated, cost_nanousd, price_version, arrived_unix_ms, ttft_us, total_us, outcome, \
     full_nanousd, priced, team, kind, quality_permille, strongest_nanousd, strongest_quality_permille, cheapest_nanousd, \
     cheapest_quality_permille";

/// A range of ids, both ends in it.
type Piece = (u128, u128);

fn unread() -> impl FnOnce(rusqlite::Error) -> LedgerError {
    LedgerError::store("read the ledger")
}

/// Adds up what is wanted.
pub(super) fn scan(dir: &Path, wanted: &Wanted) -> Result<Statement, LedgerError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from).min(READERS);
    let readers = if wanted.readers == 0 { cores } else { wanted.readers };
    let readers = of_one_moment(dir, readers)?;
    let Some(first) = readers.first() else { return Ok(together(&wanted.views, Vec::new())) };
    let pieces = Pieces::over(ids(first, wanted.period)?, readers.len());
    let sql = sql(first, wanted)?;
    let (sql, pieces) = (sql.as_str(), &pieces);
    let parts = std::thread::scope(|scope| {
        let start = |conn: Connection| scope.spawn(move || read(&conn, sql, wanted, pieces));
        let threads: Vec<_> = readers.into_iter().map(start).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(died()))).collect::<Result<Vec<_>, _>>()
    })?;
    Ok(together(&wanted.views, parts))
}

fn died() -> LedgerError {
    LedgerError::Unreadable("a thread that read it has ended".to_owned())
}

/// Connections that see the ledger at the same moment. If a server commits so fast that they never do, one is left, which always does.
fn of_one_moment(dir: &Path, count: usize) -> Result<Vec<Connection>, LedgerError> {
    let mut readers = (0..count.max(1)).map(|_| store::open_read_only(dir)).collect::<Result<Vec<_>, _>>()?;
    for attempt in 0..TRIES {
        let mut marks = Vec::with_capacity(readers.len());
        for conn in &readers {
            conn.execute_batch("BEGIN").map_err(unread())?;
            let mark = schema::mark(conn)?;
            marks.push((mark.mark, mark.records, mark.lost));
        }
        if marks.windows(2).all(|two| two[0] == two[1]) {
            return Ok(readers);
        }
        for conn in &readers {
            conn.execute_batch("ROLLBACK").map_err(unread())?;
        }
        std::thread::sleep(Duration::from_micros(u64::from(attempt) * 100));
    }
    readers.truncate(1);
    for conn in &readers {
        conn.execute_batch("BEGIN").map_err(unread())?;
    }
    Ok(readers)
}

/// Between which ids the records of the period lie. Of a part of the ledger the index by arrival tells; it holds the ids too.
fn ids(conn: &Connection, period: Period) -> Result<Option<(u128, u128)>, LedgerError> {
    let (from, until) = (row::fit(period.from_unix_ms), row::fit(period.until_unix_ms));
    let end = |function: &str, column: &str, only: &str| {
        let sql = format!("SELECT {function}({column}) FROM attempt {only}");
        let only: &[i64] = if only.is_empty() { &[] } else { &[from, until] };
        (sql, rusqlite::params_from_iter(only.to_vec()))
    };
    let number = |function: &str| {
        let (sql, values) = end(function, "arrived_unix_ms", "");
        conn.query_row(&sql, values, |r| r.get::<_, Option<i64>>(0)).map_err(unread())
    };
    let all = number("min")?.is_none_or(|first| first >= from) && number("max")?.is_none_or(|last| last < until);
    let only = if all { "" } else { "WHERE arrived_unix_ms >= ?1 AND arrived_unix_ms < ?2" };
    let id = |function: &str| {
        let (sql, values) = end(function, "attempt_id", only);
        let bytes = conn.query_row(&sql, values, |r| r.get::<_, Option<[u8; 16]>>(0)).map_err(unread())?;
        Ok::<_, LedgerError>(bytes.map(u128::from_be_bytes))
    };
    Ok(id("min")?.zip(id("max")?))
}

fn sql(conn: &Connection, wanted: &Wanted) -> Result<String, LedgerError> {
    let place = if wanted.place.is_some() { "place = ?5" } else { "?5 IS NULL" };
    let sql = format!(
        "SELECT {COLUMNS} FROM attempt WHERE attempt_id >= ?1 AND attempt_id <= ?2 \
         AND +arrived_unix_ms >= ?3 AND +arrived_unix_ms < ?4 AND {place} ORDER BY attempt_id LIMIT {PIECE}"
    );
    conn.prepare(&sql).map_err(unread())?;
    Ok(sql)
}

/// What is still to be read.
struct Pieces {
    left: Mutex<Left>,
    more: Condvar,
}

struct Left {
    pieces: Vec<Piece>,
    /// Pieces in work: of each, a part may come back.
    taken: usize,
}

impl Pieces {
    fn over(ids: Option<(u128, u128)>, readers: usize) -> Pieces {
        let mut pieces = Vec::new();
        if let Some((low, high)) = ids {
            let width = (high - low) / (readers as u128 * 4) + 1;
            let starts = std::iter::successors(Some(low), |at| at.checked_add(width)).take_while(|at| *at <= high);
            pieces.extend(starts.map(|at| (at, at.saturating_add(width - 1).min(high))));
        }
        Pieces { left: Mutex::new(Left { pieces, taken: 0 }), more: Condvar::new() }
    }

    /// A piece; `None` when all is read.
    fn take(&self) -> Option<Piece> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(piece) = left.pieces.pop() {
                left.taken += 1;
                return Some(piece);
            }
            if left.taken == 0 {
                return None;
            }
            left = self.more.wait(left).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A piece was read, up to an id where that may not be all.
    fn done(&self, piece: Piece, upto: Option<u128>) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.taken -= 1;
        if let Some(upto) = upto.filter(|upto| *upto < piece.1) {
            let (next, end) = (upto + 1, piece.1);
            let middle = next + (end - next) / 2;
            left.pieces.push((next, middle));
            if middle < end {
                left.pieces.push((middle + 1, end));
            }
        }
        self.more.notify_all();
    }
}

fn read(conn: &Connection, sql: &str, wanted: &Wanted, pieces: &Pieces) -> Result<Gather, LedgerError> {
    let mut gather = Gather::new(&wanted.views);
    let mut failed = None;
    while let Some(piece) = pieces.take() {
        // After a failure the pieces are only taken away, so that no other reader waits for them.
        let upto = if failed.is_none() { read_piece(conn, sql, wanted, piece, &mut gather) } else { Ok(None) };
        pieces.done(piece, upto.as_ref().ok().copied().flatten());
        failed = failed.or(upto.err());
    }
    failed.map_or(Ok(gather), Err)
}

/// The last id read, where there may be more.
fn read_piece(
    conn: &Connection,
    sql: &str,
    wanted: &Wanted,
    (low, high): Piece,
    gather: &mut Gather,
) -> Result<Option<u128>, LedgerError> {
    let mut statement = conn.prepare_cached(sql).map_err(unread())?;
    let (from, until) = (row::fit(wanted.period.from_unix_ms), row::fit(wanted.period.until_unix_ms));
    let values = rusqlite::params![low.to_be_bytes(), high.to_be_bytes(), from, until, wanted.place];
    let mut rows = statement.query(values).map_err(unread())?;
    let (mut count, mut last) = (0, None);
    while let Some(row) = rows.next().map_err(unread())? {
        add(row, gather)?;
        count += 1;
        if count == PIECE {
            last = Some(u128::from_be_bytes(row::get(row, 0)?));
        }
    }
    Ok(last)
}

fn add(r: &Row<'_>, gather: &mut Gather) -> Result<(), LedgerError> {
    let outcome = row::outcome(named(r, 17)?.unwrap_or_default())?;
    let (cost, estimated) = (row::get::<Option<i64>>(r, 12)?, row::get::<i64>(r, 11)? != 0);
    let priced = match named(r, 19)? {
        Some(name) => row::priced_from(name)?,
        None => old::priced(cost.is_some(), named(r, 13)?, estimated),
    };
    let item = Item {
        first: row::get::<i64>(r, 1)? == 0,
        outcome,
        priced,
        estimated,
        tokens: [row::get(r, 6)?, row::get(r, 7)?, row::get(r, 8)?, row::get(r, 9)?, row::get(r, 10)?],
        cost,
        full: row::get(r, 18)?,
        quality: row::get(r, 22)?,
        strongest: (row::get(r, 23)?, row::get(r, 24)?),
        cheapest: (row::get(r, 25)?, row::get(r, 26)?),
        ttft_us: row::get::<Option<i64>>(r, 15)?.map(i64::unsigned_abs),
        total_us: row::count(r, 16)?,
    };
    let texts = Texts {
        key: text(r, 2)?,
        task: text(r, 3)?,
        place: text(r, 4)?,
        model: text(r, 5)?,
        team: text(r, 20)?,
        kind: text(r, 21)?,
        arrived_unix_ms: row::count(r, 14)?,
    };
    gather.add(&texts, &item);
    Ok(())
}

fn text<'a>(r: &'a Row<'_>, column: usize) -> Result<Option<&'a [u8]>, LedgerError> {
    r.get_ref(column).map_err(unread())?.as_bytes_or_null().map_err(|e| unread()(e.into()))
}

fn named<'a>(r: &'a Row<'_>, column: usize) -> Result<Option<&'a str>, LedgerError> {
    r.get_ref(column).map_err(unread())?.as_str_or_null().map_err(|e| unread()(e.into()))
}
