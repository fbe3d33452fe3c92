//! What a ledger is doing, for metrics and `/readyz`.

/// Whether records reach SQLite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// They do.
    Writing,
    /// The last try failed, for this reason. Records are kept and tried again.
    Failing(String),
}

/// What a ledger is doing; counts are since it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Whether records reach SQLite.
    pub condition: Condition,
    /// Records put and not yet in SQLite.
    pub pending: usize,
    /// Room promised to attempts that are under way.
    pub reserved: usize,
    /// Of these, attempts that were sent and have no end yet.
    pub under_way: usize,
    /// Attempts that were dropped after they were sent, and settled at their estimate.
    pub abandoned: u64,
    /// How often attempts under way were brought to the disk.
    pub synced: u64,
    /// Records committed.
    pub committed: u64,
    /// Records whose attempt id was in SQLite already; they were dropped. Not 0 means that a caller settles twice.
    pub repeated: u64,
    /// Lessons written.
    pub lessons: u64,
    /// Lessons taken and not yet in SQLite.
    pub lessons_pending: usize,
    /// Lessons dropped: too many waited, or the journal had no room beside the records.
    pub lessons_dropped: u64,
    /// Reservations refused: for want of room, or because the store fails.
    pub refused: u64,
}
