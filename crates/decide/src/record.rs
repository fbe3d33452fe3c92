//! The record: what one attempt was, cost and led to; and the outlet through which records leave the data plane.
//!
//! Never here: storage (room `ledger`).

use crate::{DataClass, Difficulty, Kind, Nanousd, PlaceId, Task, Tier, Usage};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The whole answer was relayed.
    Ok,
    /// The backend failed; another attempt may have followed.
    Failed,
    /// The caller went away; settled on what was seen.
    Cancelled,
    /// Refused before anything was sent (policy, unknown model, no place).
    Refused,
    /// Sent, and what came of it is not known: the process ended first. Settled at its estimate, to be reconciled with
    /// the provider's own account.
    Unknown,
    /// The whole answer came and was not shown: it was doubted, and another place was asked.
    Doubted,
}

impl Outcome {
    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Failed => "failed",
            Outcome::Cancelled => "cancelled",
            Outcome::Refused => "refused",
            Outcome::Unknown => "unknown",
            Outcome::Doubted => "doubted",
        }
    }
}

/// What the last bytes of an answer wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// The record survives a crash of the process.
    #[default]
    Standard,
    /// The record is on the disk and survives a loss of power.
    Strict,
}

/// How sure the cost of an attempt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priced {
    /// No price is known (and none was guessed): the cost is `None`.
    #[default]
    Unknown,
    /// A known price times tokens that the place counted.
    Exact,
    /// A known price times our own count, or an assumed price.
    Estimated,
    /// Own ground: nothing is paid per request.
    Own,
}

impl Priced {
    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Priced::Unknown => "unknown",
            Priced::Exact => "exact",
            Priced::Estimated => "estimated",
            Priced::Own => "own",
        }
    }
}

/// What the tokens of an attempt would have cost at the places that savings are compared with, of those that the policy
/// let answer. Only the attempt that answered carries them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Baselines {
    /// Full cost at the place of the highest expected quality; `None` where its price is unknown.
    pub strongest: Option<Nanousd>,
    /// Expected quality there, per mille.
    pub strongest_quality_permille: Option<u16>,
    /// Full cost at the cheapest place whose expected quality was sufficient; `None` where there is none.
    pub cheapest: Option<Nanousd>,
    /// Expected quality there, per mille.
    pub cheapest_quality_permille: Option<u16>,
}

/// One attempt, settled. Holds no text of the request or the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Unique per attempt (time-ordered, ULID layout). In JSON 32 hexadecimal digits, since JavaScript rounds numbers.
    #[serde(with = "hex")]
    pub attempt_id: u128,
    /// `x-request-id`; groups the attempts of one request.
    pub request_id: Arc<str>,
    /// 0 for the first attempt of a request.
    pub attempt: u8,
    /// The caller's key id; `None` without configured keys.
    pub key: Option<Arc<str>>,
    /// Endpoint (`chat`, `completions`, `messages`, `embeddings`, `rerank`).
    pub endpoint: Arc<str>,
    /// Model name as asked for.
    pub asked: Arc<str>,
    /// Data class in force.
    pub class: DataClass,
    /// Task assumed.
    pub task: Task,
    /// Difficulty assumed.
    pub difficulty: Difficulty,
    /// [`crate::Verdict::summary`].
    pub decision: Arc<str>,
    /// Where; `None` when refused.
    pub place: Option<PlaceId>,
    /// Which model there.
    pub model: Option<Arc<str>>,
    /// Its tier.
    pub tier: Option<Tier>,
    /// Tokens.
    pub usage: Usage,
    /// Marginal cost: the money that this attempt added; `None` is unknown, never zero.
    pub cost: Option<Nanousd>,
    /// Full cost: its share of what the machine costs, or the price of its tokens; `None` is unknown.
    #[serde(default)]
    pub full: Option<Nanousd>,
    /// How sure `cost` is.
    #[serde(default)]
    pub priced: Priced,
    /// What was reserved for it before it was sent.
    #[serde(default)]
    pub reserved: Option<Nanousd>,
    /// The team of the key (`organisation/team`, or `team`).
    #[serde(default)]
    pub team: Option<Arc<str>>,
    /// What one pays for at the place.
    #[serde(default)]
    pub kind: Option<Kind>,
    /// Expected quality of what answered, per mille.
    #[serde(default)]
    pub quality_permille: Option<u16>,
    /// What the same tokens would have cost elsewhere.
    #[serde(default)]
    pub baselines: Baselines,
    /// Doubt in the answer, per mille (the expected gain of asking a stronger place), where it was judged.
    #[serde(default)]
    pub doubt_permille: Option<i16>,
    /// Version of the price used; `None` when unknown.
    pub price_version: Option<Arc<str>>,
    /// When the request arrived, Unix milliseconds.
    pub arrived_unix_ms: u64,
    /// From the start of the attempt to the first content, microseconds.
    pub ttft_us: Option<u64>,
    /// From the start of the attempt to its end, microseconds.
    pub total_us: u64,
    /// Whether it was streamed.
    pub stream: bool,
    /// How it ended.
    pub outcome: Outcome,
    /// [`crate::Cause::code`] where it failed.
    pub error: Option<Arc<str>>,
}

/// There is no room for another record: new work must be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the ledger takes no more records")]
pub struct OutletFull;

/// Called once, on a thread of the outlet, when a record is on the disk (committed, with `fsync`). Dropped uncalled when
/// that will never be known. Must not block.
pub type Committed = Box<dyn FnOnce() + Send>;

/// Room for exactly one record, reserved before anything is sent. Dropping it before [`Slot::sent`] gives the room back;
/// dropping it after, the attempt is settled at its estimate: it went out, so it does not vanish.
pub trait Slot: Send {
    /// The attempt is about to be sent; `estimate` is what it would be settled at if nothing more were ever heard of it
    /// (outcome [`Outcome::Unknown`]). Called at most once, before the first byte goes out. When it returns, a crash of
    /// this process leaves the estimate in the ledger; [`Slot::put`] ends the attempt in its place. Must not block on a
    /// disk.
    fn sent(&mut self, estimate: &Record);

    /// Hands the record over. Must not block on a disk and cannot fail: the room was reserved. When it returns, the
    /// record survives a crash of this process.
    fn put(self: Box<Self>, record: Record);

    /// As [`Slot::put`], and `committed` is called when the record survives a loss of power too. An outlet that keeps
    /// nothing on a disk drops it.
    fn put_then(self: Box<Self>, record: Record, committed: Committed) {
        drop(committed);
        self.put(record);
    }
}

/// Records do not reach the disk; they are kept meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Why, and what to do.
    pub why: String,
    /// Whether all attempts are refused, or only those that may cost money.
    pub refuses_all: bool,
}

/// Where records go. Implemented by `ledger` (and by test doubles); the data plane sees only this.
pub trait Outlet: Send + Sync {
    /// Reserves room for one record; `paid` says whether the attempt may cost money (or must be durable), so that it may
    /// not begin while the store fails.
    ///
    /// # Errors
    /// [`OutletFull`] when the bounded room is used up, or the store has failed and the attempt is paid; the request is
    /// refused, not lost.
    fn reserve(&self, paid: bool) -> Result<Box<dyn Slot>, OutletFull>;

    /// Whether records do not reach the disk at present, for `/readyz`. An outlet without a disk has no such trouble.
    fn trouble(&self) -> Option<Trouble> {
        None
    }
}

/// A 128-bit id as 32 hexadecimal digits.
mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(id: &u128, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{id:032x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u128, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(from)?;
        u128::from_str_radix(&text, 16).map_err(|_| D::Error::custom("an id is 32 hexadecimal digits"))
    }
}
