//! The ledger: every attempt leaves one [`decide::Record`], kept in SQLite behind a small crash-safe journal.
//!
//! Way of an attempt: [`decide::Outlet::reserve`] takes bounded room (or refuses) → [`decide::Slot::sent`] writes its estimate into a
//! cell of a memory-mapped file, before its first byte goes out → [`decide::Slot::put`] copies its record into a memory-mapped
//! journal, from where it survives `kill -9`, and clears the cell → the writer thread commits groups to SQLite → the
//! journal's space is free again. [`Ledger::open`] replays what a crash left in the journal, and settles what it left in cells
//! at the estimate, as `unknown`. So an attempt is reserved, sent, and then settled, voided (nothing was sent) or unknown, and
//! has exactly one end: the attempt id is the primary key, and a settled record beats an unknown one in whichever order they come.
//!
//! What is promised: *process crash*: every record whose `put` returned is in the ledger after the next open, once, and every
//! attempt whose `sent` returned and that has no record, as `unknown`. *Power loss*: every record of a finished group commit
//! (`synchronous = FULL`), and attempts under way for longer than two seconds; what was put in the last few
//! milliseconds may be lost, but not where [`decide::Slot::put_then`] said that it is committed. *Store failing* (disk full, I/O
//! error, locked, replaced): records are kept, [`State`] says so, paid work is refused at once and the rest when
//! the bounded room is used up, until the store writes again; no restart is needed. *Damage*: each row has a checksum, and
//! [`verify()`] names the first bad one.
//!
//! Never here: prices, HTTP, routing, or a clock for the records (they carry their own times).

mod desk;
mod error;
#[cfg(feature = "fuzz")]
mod fuzz;
mod item;
mod journal;
mod layout;
mod ledger;
mod lessons;
mod lock;
mod mapped;
mod names;
mod options;
mod point;
mod replay;
mod report;
mod routes;
mod sent;
mod spent;
mod state;
mod statement;
mod store;
mod verify;
mod writer;

#[cfg(test)]
mod faults;
#[cfg(any(test, feature = "fuzz"))]
#[path = "../tests/sample/record.rs"]
mod sample;

pub use desk::Memory;
pub use error::LedgerError;
#[cfg(feature = "fuzz")]
pub use fuzz::{check_entry, check_recovery};
pub use ledger::{Ledger, Watch};
pub use lessons::{LESSONS_READ_MAX, Past, Sought, lessons, newest_lessons};
pub use options::{Options, WhenFailing};
pub use replay::Recovery;
pub use report::{By, Query, Report, Row, align, records, report, request};
pub use routes::{Asked, Beside, Uses, uses};
pub use spent::{Spent, last_used, spent};
pub use state::{Condition, State};
pub use statement::{
    Against, DAY_MS, Dim, Latency, Line, Money, Name, Period, Sheet, Statement, Sums, View, Wanted, statement,
};
pub use verify::{Bad, Verified, verify};
