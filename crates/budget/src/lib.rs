//! Budgets and limits of organisations, teams and keys: reserved before an attempt is sent, settled exactly once after;
//! and the pace at which a budget is spent.
//!
//! An account is an organisation, a team or a key; a [`Purse`] is the accounts that one key spends from. [`Purse::reserve`]
//! checks `spent + reserved + estimate <= limit` for every budget of every account and takes the estimate from all of them or
//! from none, in one step: it holds their locks together, always in the order organisation, team, key. So no number of
//! requests at once can overrun a limit. [`Hold::settle`] puts the true charge in the place of the estimate.
//!
//! Why locks: a step touches up to three accounts of three budgets each, all or nothing. Atomics would have to take and give
//! back, and refuse by chance what fits; one lock for everything would make strangers wait for each other. Each account has a
//! short mutex; callers of the same team meet, others do not, and nothing is awaited or read from a disk under it.
//!
//! Windows are those of the calendar in UTC: days from midnight, weeks from Monday, months from the first. A request counts in
//! the window in which it arrived, whenever it ends, so that a ledger that keeps arrivals comes to the same sums.
//!
//! Never here: disk, sockets, clocks (the time is an argument), prices, or an async lock.

mod account;
mod books;
mod bucket;
mod calendar;
mod hold;
mod meter;
mod pace;
mod purse;

pub use account::{AccountId, Level, OnBudget, Standing, Terms};
pub use books::Budgets;
pub use calendar::{Period, Window, rfc3339};
pub use hold::{Hold, Pass};
pub use pace::Pace;
pub use purse::{Limited, Mood, Purse, Rate, Rates, Refused, What};
