//! What the ledger keeps: records of attempts, and lessons. Both go the same way: journal, writer, SQLite.
//!
//! Never here: their bytes ([`crate::layout`]) or rows ([`crate::store`]).

use crate::LedgerError;
use crate::journal::frame::Sealed;
use crate::layout::{self, LESSON};
use crate::store::Kept;
use decide::{Lesson, Record};

/// One of them.
#[allow(
    clippy::large_enum_variant,
    reason = "nearly all of them are records, and a box would be an allocation for each"
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    /// A settled attempt.
    Record(Record),
    /// A lesson.
    Lesson(Lesson),
}

impl Item {
    /// Reads an entry of the journal.
    ///
    /// # Errors
    /// As [`layout::decode`].
    pub(crate) fn decode(bytes: &[u8]) -> Result<Item, LedgerError> {
        if bytes.first() == Some(&LESSON) {
            return layout::lesson::decode(bytes).map(Item::Lesson);
        }
        layout::decode(bytes).map(Item::Record)
    }

    /// As it goes into the store, with the checksum of its bytes.
    pub(crate) fn kept(&self, sum: u32) -> Kept<'_> {
        match self {
            Item::Record(record) => Kept::Record(record, sum),
            Item::Lesson(lesson) => Kept::Lesson(lesson, sum),
        }
    }

    /// The checksum of its bytes in the layout of today, in whichever it was read.
    pub(crate) fn sum(&self) -> u32 {
        Sealed::new(match self {
            Item::Record(record) => layout::encode(record),
            Item::Lesson(lesson) => layout::lesson::encode(lesson),
        })
        .sum()
    }

    /// Whether it is a record.
    pub(crate) fn is_record(&self) -> bool {
        matches!(self, Item::Record(_))
    }
}
