//! The evidence: each decision in a hash chain with signed heads, written behind the hot path, verified and reported offline.
//!
//! Way of a decision: [`decide::Witness::decided`] puts it into a bounded queue (or refuses) → the writer thread makes a line of
//! it, whose hash covers the line before → appends it to a segment, and says so ([`decide::Written`]) → the sync thread brings
//! segments to the disk some 50 ms later, and signs the head of the chain every minute, every 10,000 records, at the end of a
//! segment and at shutdown.
//!
//! What is promised: *process crash*: a decision whose `written` was called is in the trail; the gateway sends nothing beyond the own
//! ground before that. *Power loss*: the last 50 ms or so may be lost; what a head has signed was on the disk before. *Disk failing*:
//! what may leave own ground, or is above `internal`, is refused ([`WhenFailing`]); what is not recorded is counted, in the chain
//! itself. *Tampering*: [`verify()`] names the first bad record. Cutting the tail off, or writing the whole folder anew, is
//! caught only by a signed head that was kept elsewhere: a log under one's own control is not evidence by itself.
//!
//! Never here: text of a request; the money of it (room `ledger`); judgement (room `decide`).

mod desk;
mod error;
mod folder;
mod frame;
#[cfg(any(test, feature = "fuzz"))]
mod fuzz;
mod head;
mod hex;
mod key;
mod lock;
mod options;
mod record;
mod recover;
mod report;
mod scan;
mod sync;
mod time;
mod trail;
mod verify;
mod writer;

pub use error::AuditError;
#[cfg(any(test, feature = "fuzz"))]
pub use fuzz::check_trail;
pub use head::Head;
pub use key::prompt_key;
pub use options::{Options, WhenFailing};
pub use report::{Group, Query, Report, report};
pub use time::day;
pub use trail::{State, Trail, Watch};
pub use verify::{Bad, Check, Verified, heads_in, last_head, verify};
