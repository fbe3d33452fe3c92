//! The price book: what models cost, since when and by whose word; built in, searched without a network; and usage as
//! each provider's answers tell it, priced exactly.
//!
//! Never here: sockets, clocks (the time is an argument), budgets, or what was spent.

mod bill;
mod book;
mod names;
mod row;
pub mod volume;

pub use bill::{Answer, Catalogue, priced_line, unix_s};
pub use book::{Book, Found};
pub use names::provider_id;
pub use row::{Alternative, Pieces, Row, Source, write_rates};

/// The book inside the binary cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the price book inside this binary is damaged ({0}); install dewpoint again, or run `cargo xtask prices`")]
pub struct Damaged(pub String);
