//! Step 8: always last, on every path. The account of a request becomes one record per attempt.
//!
//! Never here: a decision, or a record for an attempt that did not begin.

mod account;
mod attempt;
mod count;
mod estimates;
mod evidence;
mod header;
mod heard;
mod judged;
mod kept;
mod meterage;
mod metrics;
mod price;
mod reconcile;
mod tap;
mod tell;
mod wants;

pub use metrics::Metrics;

pub(crate) use account::Account;
pub(crate) use attempt::Attempt;
pub(crate) use count::prompt_tokens;
pub(crate) use header::value;
pub(crate) use kept::Kept;
pub(crate) use meterage::Meterage;
pub(crate) use tap::{Given, Tap};
