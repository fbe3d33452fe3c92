//! Budgets and limits of organisations, teams and keys: reserved before an attempt is sent, settled exactly once after;
//! and the pace at which a budget is spent.
//!
//! Never here: disk, sockets, clocks (the time is an argument), prices, or an async lock.

mod pace;

pub use pace::Pace;
