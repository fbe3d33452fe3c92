//! Statements: everything that a period cost, by whatever one pays for it by, added up in one pass over its records.
//!
//! The rows of a sheet are parts of the same whole: each attempt is in exactly one of them, so they add up to the ledger, to the
//! nano-dollar. A request counts where its first attempt is, so that requests add up too. What is unknown is counted apart and is never zero.
//!
//! Records are read by several connections at once ([`scan`]); a rollup beside the records would make this faster still, and every commit
//! dearer, and would have to be kept right through crashes and migrations. Measured: `cargo bench -p ledger --bench report`.
//!
//! Never here: how a statement looks (room `app`), prices, a clock.

mod gather;
mod scan;
mod sums;

pub use sums::{Against, Latency, Money, Sums};

use crate::LedgerError;
use crate::report::open;
use std::path::Path;

/// Milliseconds of a day in Unix time, which has no leap seconds.
pub const DAY_MS: u64 = 86_400_000;

/// What money is added up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dim {
    /// Everything together.
    All,
    /// The team of the key.
    Team,
    /// The caller's key.
    Key,
    /// The place; a refused request has none.
    Place,
    /// The model that answered.
    Model,
    /// The task assumed.
    Task,
    /// What one pays for at the place.
    Kind,
    /// The day of arrival, UTC, as days since 1970.
    Day,
}

impl Dim {
    /// Every one.
    pub const ALL: [Dim; 8] = [Dim::All, Dim::Team, Dim::Key, Dim::Place, Dim::Model, Dim::Task, Dim::Kind, Dim::Day];
}

/// A table that is wanted: what its rows stand for, and what each is divided by, if by anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// What a row stands for.
    pub rows: Dim,
    /// What divides it; [`Dim::All`] does not.
    pub across: Dim,
    /// Whether times to first token and in all are wanted: some 10 kB a row.
    pub latency: bool,
}

impl View {
    /// Rows that are not divided, without times.
    pub const fn of(rows: Dim) -> View {
        View { rows, across: Dim::All, latency: false }
    }

    /// The same with times.
    pub const fn timed(rows: Dim) -> View {
        View { rows, across: Dim::All, latency: true }
    }

    /// Rows that are divided.
    pub const fn crossed(rows: Dim, across: Dim) -> View {
        View { rows, across, latency: false }
    }
}

/// A stretch of time by arrival of requests, Unix milliseconds: the first is in it, the last is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first millisecond.
    pub from_unix_ms: u64,
    /// The first one after it.
    pub until_unix_ms: u64,
}

impl Period {
    /// All time.
    pub const ALL: Period = Period { from_unix_ms: 0, until_unix_ms: i64::MAX as u64 };
}

/// What to add up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Which records, by arrival.
    pub period: Period,
    /// Only those of this place.
    pub place: Option<String>,
    /// The tables.
    pub views: Vec<View>,
    /// Connections that read at the same time; 0 is one a core, at most eight.
    pub readers: usize,
}

/// A name of a group.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Name {
    /// The attempts have none: no key, no team, no place.
    None,
    /// Days since 1970.
    Day(u32),
    /// Its name.
    Text(String),
}

/// One row of a sheet.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What it stands for.
    pub name: Name,
    /// What divides it; [`Name::None`] where nothing does.
    pub across: Name,
    /// Its sums.
    pub sums: Sums,
    /// Its times, where they were wanted.
    pub latency: Option<Latency>,
}

/// The rows of one view: by name; days in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    /// Of which view.
    pub view: View,
    /// Its rows.
    pub lines: Vec<Line>,
}

/// A statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// When the first request of the period arrived; `None` when there is none.
    pub first_unix_ms: Option<u64>,
    /// When the last one arrived.
    pub last_unix_ms: Option<u64>,
    /// Everything.
    pub total: Sums,
    /// One a view, in the order of [`Wanted::views`].
    pub sheets: Vec<Sheet>,
}

/// Adds up the ledger in `dir`. Beside a running server it reads what is committed, all of it of the same moment.
///
/// # Errors
/// [`LedgerError::Missing`] when there is no ledger; otherwise what the disk or SQLite refused, or a stored value that makes no sense.
pub fn statement(dir: &Path, wanted: &Wanted) -> Result<Statement, LedgerError> {
    // Replays what a crash left, and migrates.
    drop(open(dir)?);
    scan::scan(dir, wanted)
}
