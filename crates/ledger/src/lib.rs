//! The ledger: every attempt leaves one [`decide::Record`], kept in SQLite behind a small crash-safe journal.
//!
//! Way of a record: [`decide::Outlet::reserve`] takes bounded room (or refuses) → [`decide::Slot::put`] copies the record
//! into a memory-mapped journal, from where it survives `kill -9` → the writer thread commits groups to SQLite → the
//! journal's space is free again. [`Ledger::open`] replays what a crash left in the journal; the attempt id is the
//! primary key, so a record that is already there is not doubled.
//!
//! What is promised: *process crash*: every record whose `put` returned is in the ledger after the next open, once.
//! *Power loss*: every record of a finished group commit (`synchronous = FULL`); what was put in the last few
//! milliseconds may be lost. *Store failing* (disk full, I/O error, locked): records are kept, [`State`] says so, and when
//! the bounded room is used up new work is refused until the store writes again; no restart is needed.
//!
//! Never here: prices, HTTP, routing, or a clock for the records (they carry their own times).

mod desk;
mod error;
#[cfg(feature = "fuzz")]
mod fuzz;
mod journal;
mod layout;
mod ledger;
mod lock;
mod names;
mod options;
mod replay;
mod report;
mod state;
mod store;
mod writer;

#[cfg(any(test, feature = "fuzz"))]
#[path = "../tests/sample/record.rs"]
mod sample;

pub use error::LedgerError;
#[cfg(feature = "fuzz")]
pub use fuzz::{check_entry, check_recovery};
pub use ledger::{Ledger, Watch};
pub use options::Options;
pub use replay::Recovery;
pub use report::{By, Query, Report, Row, records, report};
pub use state::{Condition, State};
