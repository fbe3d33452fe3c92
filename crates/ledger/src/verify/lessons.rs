//! Checking lessons: every row against its checksum.
//!
//! Never here: mending.

use super::{Bad, NAMED, Verified};
use crate::LedgerError;
use crate::layout;
use crate::store::lesson::{COLUMNS, LAYOUT, SUM, read};
use rusqlite::{Connection, Row};

/// Every row in the order of its moment. A bad one is named by its request.
pub(super) fn rows(conn: &Connection, found: &mut Verified) -> Result<(), LedgerError> {
    let unread = || LedgerError::store("read the lessons of the ledger");
    let sql = format!("SELECT {COLUMNS} FROM lesson ORDER BY at_unix_ms, request_id, origin, place, model");
    let mut statement = conn.prepare(&sql).map_err(unread())?;
    let mut rows = statement.query([]).map_err(unread())?;
    while let Some(row) = rows.next().map_err(unread())? {
        found.lessons += 1;
        let Err(why) = check(row) else { continue };
        found.bad_total += 1;
        if found.bad.len() < NAMED {
            let request_id = row.get(1).ok();
            found.bad.push(Bad { kind: "lesson", position: found.lessons, attempt_id: None, request_id, why });
        }
    }
    Ok(())
}

fn check(row: &Row<'_>) -> Result<(), String> {
    let lesson = read(row).map_err(|e| e.to_string())?;
    match row.get::<_, i64>(LAYOUT) {
        Ok(number) if number == i64::from(layout::lesson::LAYOUT) => {}
        Ok(number) => return Err(format!("its layout {number} is not known")),
        Err(error) => return Err(format!("its layout cannot be read: {error}")),
    }
    let sum: i64 = row.get(SUM).map_err(|e| format!("its checksum cannot be read: {e}"))?;
    if sum == i64::from(crc32fast::hash(&layout::lesson::encode(&lesson))) {
        Ok(())
    } else {
        Err("its checksum does not match: the row was changed after it was written".to_owned())
    }
}
