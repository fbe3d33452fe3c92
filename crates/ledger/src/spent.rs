//! What was settled since a moment, by key, team and hour: what budgets begin with after a restart, and what they are checked
//! against.
//!
//! Here and nowhere else stands what an attempt counts for in a budget ([`charged`]).
//!
//! Never here: budgets (room `budget`), windows longer than an hour.

use crate::LedgerError;
use crate::report::{open, unread};
use crate::store::row;
use rusqlite::{Connection, params};
use std::collections::HashMap;
use std::path::Path;

const HOUR_MS: u64 = 3_600_000;

/// The settled attempts of one key and team in one hour, by the arrival of their requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spent {
    /// The key.
    pub key: String,
    /// The team in the records (`organisation/team`, or `team`).
    pub team: Option<String>,
    /// Whether the records say a team at all; those of earlier versions do not.
    pub tells_team: bool,
    /// The first millisecond of the hour.
    pub hour_unix_ms: u64,
    /// What they cost, nano-dollars: the full cost where it is known, else the marginal one. Attempts of unknown end count as
    /// estimated.
    pub nanousd: i128,
    /// Attempts that reached a place and whose cost is not known; they are in no sum.
    pub unknown_cost: u64,
}

/// What was settled for requests that arrived at `since_unix_ms` or later, in the order of hours. Requests without a key are not in it.
/// Where nobody writes, what a crash left is taken in first; beside a writer, what it has committed counts.
///
/// # Errors
/// As [`crate::report()`].
pub fn spent(dir: &Path, since_unix_ms: u64) -> Result<Vec<Spent>, LedgerError> {
    let conn = open(dir)?;
    let columns = columns(&conn)?;
    let has = |name: &str| columns.iter().any(|c| c == name);
    let (team, tells) = if has("team") { ("team", "layout > 1") } else { ("NULL", "0") };
    let charged = charged(&has);
    // In dollars and nano-dollars, since SQLite refuses a sum beyond 64 bits.
    let sql = format!(
        "SELECT key, {team}, {tells}, arrived_unix_ms / {HOUR_MS} AS hour, \
         sum({charged} / 1000000000), sum({charged} % 1000000000), \
         sum(place IS NOT NULL AND {charged} IS NULL) \
         FROM attempt WHERE arrived_unix_ms >= ?1 AND key IS NOT NULL GROUP BY 1, 2, 3, 4 ORDER BY 4, 1, 2"
    );
    let mut statement = conn.prepare(&sql).map_err(unread())?;
    let mut rows = statement.query(params![row::fit(since_unix_ms)]).map_err(unread())?;
    let mut out = Vec::new();
    while let Some(found) = rows.next().map_err(unread())? {
        let sum = |at| row::get::<Option<i64>>(found, at).map(|n| i128::from(n.unwrap_or(0)));
        out.push(Spent {
            key: row::get(found, 0)?,
            team: row::get(found, 1)?,
            tells_team: row::get::<i64>(found, 2)? != 0,
            hour_unix_ms: row::count(found, 3)?.saturating_mul(HOUR_MS),
            nanousd: sum(4)? * 1_000_000_000 + sum(5)?,
            unknown_cost: row::count(found, 6)?,
        });
    }
    Ok(out)
}

/// When each key was last used: the arrival of its last request, Unix milliseconds.
///
/// # Errors
/// As [`crate::report()`].
pub fn last_used(dir: &Path) -> Result<HashMap<String, u64>, LedgerError> {
    let conn = open(dir)?;
    let sql = "SELECT key, max(arrived_unix_ms) FROM attempt WHERE key IS NOT NULL GROUP BY key";
    let mut statement = conn.prepare(sql).map_err(unread())?;
    let mut rows = statement.query([]).map_err(unread())?;
    let mut out = HashMap::new();
    while let Some(found) = rows.next().map_err(unread())? {
        out.insert(row::get(found, 0)?, row::count(found, 1)?);
    }
    Ok(out)
}

/// What an attempt counts for, as SQL: as `gateway` charges it, full cost first, and what is not known counts for nothing.
fn charged(has: &impl Fn(&str) -> bool) -> &'static str {
    if has("full_nanousd") { "coalesce(full_nanousd, cost_nanousd)" } else { "cost_nanousd" }
}

fn columns(conn: &Connection) -> Result<Vec<String>, LedgerError> {
    let mut statement = conn.prepare("SELECT name FROM pragma_table_info('attempt')").map_err(unread())?;
    let names = statement.query_map([], |r| r.get::<_, String>(0)).map_err(unread())?;
    names.collect::<Result<_, _>>().map_err(unread())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{Ledger, Options, sample};
    use decide::{Nanousd, Outcome, Record};

    /// 2026-11-23, midnight.
    const MONDAY: u64 = 1_795_392_000_000;

    fn record(n: u64, key: Option<&str>, at: u64, cost: Option<i64>) -> Record {
        Record {
            attempt_id: u128::from(n) + 1,
            key: key.map(Into::into),
            arrived_unix_ms: at,
            cost: cost.map(Nanousd),
            full: None,
            team: None,
            outcome: Outcome::Ok,
            ..sample::record(n)
        }
    }

    #[test]
    fn sums_by_key_and_hour_of_what_is_known() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path(), Options::default()).unwrap();
        let outlet = ledger.outlet();
        let rows = [
            record(1, Some("a"), MONDAY - 1, Some(7)),
            record(2, Some("a"), MONDAY, Some(5)),
            record(3, Some("a"), MONDAY + HOUR_MS - 1, Some(6)),
            record(4, Some("a"), MONDAY + 9, None),
            record(5, Some("b"), MONDAY, Some(i64::MAX)),
            record(6, Some("b"), MONDAY, Some(i64::MAX)),
            record(7, None, MONDAY, Some(1)),
        ];
        for r in rows {
            outlet.reserve(true).unwrap().put(r);
        }
        // An attempt whose process ends counts at its estimate.
        let mut slot = outlet.reserve(true).unwrap();
        slot.sent(&Record { outcome: Outcome::Unknown, ..record(8, Some("c"), MONDAY, Some(40)) });
        drop(slot);
        ledger.close().unwrap();
        let got = spent(dir.path(), MONDAY).unwrap();
        let short: Vec<_> = got.iter().map(|s| (&*s.key, s.hour_unix_ms, s.nanousd, s.unknown_cost)).collect();
        let most = 2 * i128::from(i64::MAX);
        assert_eq!(short, [("a", MONDAY, 11, 1), ("b", MONDAY, most, 0), ("c", MONDAY, 40, 0)]);
        assert_eq!(spent(dir.path(), MONDAY - 1).unwrap()[0].nanousd, 7);
        assert_eq!(last_used(dir.path()).unwrap()["a"], MONDAY + HOUR_MS - 1);
    }

    #[test]
    fn a_later_layout_tells_the_full_cost_and_the_team() {
        let dir = tempfile::tempdir().unwrap();
        Ledger::open(dir.path(), Options::default()).unwrap().close().unwrap();
        let conn = Connection::open(crate::store::path(dir.path())).unwrap();
        let names = columns(&conn).unwrap();
        let has = |name: &str| names.iter().any(|c| c == name);
        let expected = if has("full_nanousd") { "coalesce(full_nanousd, cost_nanousd)" } else { "cost_nanousd" };
        assert_eq!(charged(&has), expected);
        assert_eq!(charged(&|_| true), "coalesce(full_nanousd, cost_nanousd)");
    }
}
