//! The account of one request: what all its records have in common.

use super::estimates::Estimates;
use super::evidence::Evidence;
use super::header::value;
use super::price::Bases;
use super::tap::Tap;
use crate::admit::{Caller, Key};
use crate::{Request, Wiring};
use budget::{Pass, Purse};
use decide::{
    Cause, DataClass, Difficulty, Durability, Fault, Need, Outcome, PlaceId, Priced, Record, Task, Usage, Verdict,
};
use http::HeaderValue;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use wire::Endpoint;

/// What is known of a request so far.
pub(crate) struct Account {
    pub(crate) endpoint: Endpoint,
    /// The endpoint's name in records; that of a question of our own is not one of the API.
    pub(super) name: &'static str,
    pub(super) stream: bool,
    pub(super) input_estimate: u32,
    pub(super) output_estimate: u32,
    pub(super) durability: Durability,
    pub(super) number: u128,
    pub(super) request_id: Arc<str>,
    pub(super) key: Option<Arc<str>>,
    arrived: Instant,
    pub(super) arrived_unix_ms: u64,
    pub(super) asked: Arc<str>,
    class: DataClass,
    task: Task,
    difficulty: Difficulty,
    /// What money weighs above its face value for it, per mille.
    thrift_permille: u32,
    decision: Arc<str>,
    decision_header: HeaderValue,
    pub(super) attempts: u8,
    /// A bit for each attempt that has no record yet; the last one is for all from the 64th on.
    open: AtomicU64,
    last_place: Option<PlaceId>,
    /// Whose budgets and limits it counts in.
    spender: Option<Arc<Key>>,
    /// Its place in the limits per minute.
    pass: Option<Pass>,
    /// Tokens of its settled attempts.
    tokens: AtomicU64,
    sent: Estimates,
    /// What savings are compared with.
    pub(super) bases: Bases,
    pub(super) evidence: Evidence,
    /// Share of such requests that is compared, per mille.
    pub(crate) shadow_permille: u16,
    /// Hears the answers, where this request is drawn for a comparison.
    pub(crate) tap: Option<Box<Tap>>,
}

impl Account {
    /// Opens the account of a request.
    pub(crate) fn open(request: &Request, caller: &Caller) -> Account {
        Account {
            endpoint: request.endpoint,
            name: request.endpoint.as_str(),
            stream: false,
            input_estimate: 0,
            output_estimate: 0,
            durability: caller.key.as_ref().map(|k| k.durability).unwrap_or_default(),
            number: request.number,
            request_id: request.id.clone(),
            key: caller.key.as_ref().map(|k| k.id.clone()),
            arrived: request.arrived,
            arrived_unix_ms: request.arrived_unix_ms,
            asked: Arc::from(""),
            class: DataClass::default(),
            task: Task::default(),
            difficulty: Difficulty::default(),
            thrift_permille: 0,
            decision: Arc::from("none"),
            decision_header: HeaderValue::from_static("none"),
            attempts: 0,
            open: AtomicU64::new(0),
            last_place: None,
            spender: caller.key.clone().filter(|k| k.team.is_some() || k.purse.is_some()),
            pass: None,
            tokens: AtomicU64::new(0),
            sent: Estimates::default(),
            bases: Bases::default(),
            evidence: Evidence::default(),
            shadow_permille: 0,
            tap: None,
        }
    }

    /// The account of a question of our own about this request, of the kind `name`: it has a number of its own, and the
    /// caller's key and request id.
    pub(crate) fn aside(&self, name: &'static str) -> Account {
        let arrived = Instant::now();
        let arrived_unix_ms = self.arrived_unix_ms + micros(self.arrived) / 1_000;
        let number = ulid::Ulid::from_parts(arrived_unix_ms, fastrand::u128(..)).0;
        Account {
            endpoint: Endpoint::Chat,
            name,
            stream: false,
            input_estimate: 0,
            output_estimate: 0,
            durability: Durability::default(),
            number,
            request_id: self.request_id.clone(),
            key: self.key.clone(),
            arrived,
            arrived_unix_ms,
            asked: Arc::from(""),
            class: self.class,
            task: Task::default(),
            difficulty: Difficulty::default(),
            decision: Arc::from("none"),
            decision_header: HeaderValue::from_static("none"),
            attempts: 0,
            open: AtomicU64::new(0),
            last_place: None,
            spender: self.spender.clone(),
            pass: None,
            tokens: AtomicU64::new(0),
            sent: Estimates::default(),
            bases: Bases::default(),
            thrift_permille: 0,
            evidence: Evidence::default(),
            shadow_permille: 0,
            tap: None,
        }
    }

    /// When the request arrived, Unix seconds: prices hold at a moment.
    pub(super) fn at_unix_s(&self) -> u64 {
        self.arrived_unix_ms / 1_000
    }

    /// Our number of the request.
    pub(crate) fn number(&self) -> u128 {
        self.number
    }

    /// Notes what was asked for.
    pub(crate) fn asked(&mut self, need: &Need, stream: bool) {
        self.asked = Arc::from(need.model.as_str());
        self.stream = stream;
        self.input_estimate = need.input_tokens;
        self.output_estimate = need.output_tokens;
        self.task = need.task;
        self.difficulty = need.difficulty;
        self.class = need.class;
        self.thrift_permille = need.thrift_permille;
    }

    /// Notes its place in the limits per minute.
    pub(crate) fn admitted(&mut self, pass: Option<Pass>) {
        self.pass = pass;
    }

    /// Its key's name and what that spends from, where anything is counted.
    pub(crate) fn spender(&self) -> Option<(&str, &Purse)> {
        self.spender.as_ref().and_then(|k| Some((&*k.id, k.purse.as_ref()?)))
    }

    /// When the request arrived: the window of every budget in which it counts.
    pub(crate) fn arrived_unix_ms(&self) -> u64 {
        self.arrived_unix_ms
    }

    /// Notes what an attempt would be settled at if nothing more were heard of it.
    pub(super) fn sending(&mut self, estimate: &Record) {
        self.sent.note(estimate, *self.open.get_mut());
    }

    /// All attempts are settled: puts the tokens that it took in the place of those expected.
    pub(crate) fn counted(&mut self) {
        if let Some(pass) = self.pass.take() {
            pass.settle(*self.tokens.get_mut());
        }
    }

    /// Whether the record must be on the disk before the caller sees the end.
    pub(crate) fn strict(&self) -> bool {
        self.durability == Durability::Strict
    }

    /// Notes what was decided.
    pub(crate) fn decided(&mut self, verdict: &Verdict) {
        self.class = verdict.class;
        self.bases = Bases::of(verdict);
        let mut summary = verdict.summary();
        if self.thrift_permille > 0 {
            // Writing into a String cannot fail.
            let _ = write!(summary, ";thrift={}", self.thrift_permille);
        }
        self.decision_header = value(&summary);
        self.decision = Arc::from(summary);
    }

    /// `x-dewpoint-decision`.
    pub(crate) fn decision_header(&self) -> HeaderValue {
        self.decision_header.clone()
    }

    /// The place of the last attempt, with the decision, for errors.
    pub(crate) fn last_place(&self) -> Option<(&PlaceId, &HeaderValue)> {
        self.last_place.as_ref().map(|p| (p, &self.decision_header))
    }

    /// The request id that the caller sees.
    pub(crate) fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Whether the token counts of this request are compared with our own.
    pub(crate) fn is_sampled(&self, wiring: &Wiring) -> bool {
        wiring.metrics.reconcile.samples(self.number)
    }

    /// Whether an attempt was made already.
    pub(crate) fn has_attempts(&self) -> bool {
        self.attempts > 0
    }

    /// Counts one more attempt, at `place`; gives its id and its index.
    pub(super) fn next(&mut self, place: &PlaceId) -> (u128, u8) {
        let next = (self.id(), self.attempts);
        self.attempts = self.attempts.saturating_add(1);
        *self.open.get_mut() |= 1 << next.1.min(63);
        self.last_place = Some(place.clone());
        next
    }

    /// This attempt is about to have its record.
    pub(super) fn settling(&self, index: u8, usage: &Usage) {
        self.tokens.fetch_add(usage.input.saturating_add(usage.output), Ordering::Relaxed);
        self.open.fetch_and(!(1 << index.min(63)), Ordering::Relaxed);
    }

    /// Records a request that ended before any attempt.
    pub(crate) fn refuse(&self, wiring: &Wiring, fault: &Fault) {
        let record = Record {
            outcome: Outcome::Refused,
            error: Some(fault.cause.code().into()),
            total_us: micros(self.arrived),
            ..self.blank()
        };
        tracing::debug!(request = %self.request_id, cause = fault.cause.code(), "refused");
        self.keep(wiring, record);
    }

    /// Records a request that a panic of ours ended. An attempt that was under way gets this as its end, at the cost it was estimated
    /// at: what it cost is not known, and it was charged with that.
    pub(crate) fn panicked(&self, wiring: &Wiring) {
        let open = self.open.load(Ordering::Relaxed);
        let index = if open == 0 { self.attempts } else { open.trailing_zeros() as u8 };
        let (cost, full) = if open == 0 { (None, None) } else { self.sent.of(index) };
        let record = Record {
            cost,
            full,
            priced: if cost.is_some() { Priced::Estimated } else { Priced::Unknown },
            attempt_id: self.number.wrapping_add(index.into()),
            attempt: index,
            place: self.last_place.clone(),
            outcome: Outcome::Failed,
            error: Some(Cause::Internal.code().into()),
            total_us: micros(self.arrived),
            ..self.blank()
        };
        self.keep(wiring, record);
    }

    /// The id of the next record. The low bits of the number are random; adding the count keeps ids unique and in order.
    fn id(&self) -> u128 {
        self.number.wrapping_add(u128::from(self.attempts))
    }

    /// Hands over a record for which no room was reserved. When there is none the log has it.
    fn keep(&self, wiring: &Wiring, record: Record) {
        wiring.metrics.settled(&record, "none");
        match wiring.outlet.reserve(false) {
            Ok(slot) => slot.put(record),
            Err(_) => {
                tracing::warn!(request = %self.request_id, error = ?record.error, "the ledger has no room for this")
            }
        }
    }

    /// A record with everything that is the same for all attempts.
    pub(super) fn blank(&self) -> Record {
        Record {
            doubt_permille: None,
            attempt_id: self.id(),
            request_id: self.request_id.clone(),
            attempt: self.attempts,
            key: self.key.clone(),
            endpoint: self.name.into(),
            asked: self.asked.clone(),
            class: self.class,
            task: self.task,
            difficulty: self.difficulty,
            decision: self.decision.clone(),
            place: None,
            model: None,
            tier: None,
            usage: Usage::default(),
            cost: None,
            full: None,
            priced: Priced::default(),
            reserved: None,
            team: self.spender.as_ref().and_then(|k| k.team.clone()),
            kind: None,
            quality_permille: None,
            baselines: decide::Baselines::default(),
            price_version: None,
            arrived_unix_ms: self.arrived_unix_ms,
            ttft_us: None,
            total_us: 0,
            stream: self.stream,
            outcome: Outcome::Ok,
            error: None,
        }
    }
}

/// Microseconds since `start`.
pub(super) fn micros(start: Instant) -> u64 {
    duration_us(start.elapsed())
}

/// Microseconds of a duration.
pub(super) fn duration_us(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn request() -> Request {
        Request {
            id: "r".into(),
            number: 7,
            endpoint: Endpoint::Chat,
            headers: http::HeaderMap::new(),
            body: bytes::Bytes::new(),
            arrived: Instant::now(),
            arrived_unix_ms: 0,
        }
    }

    /// Some record of some request.
    pub(in crate::settle) fn some_record() -> Record {
        Account::open(&request(), &Caller::default()).blank()
    }

    #[test]
    fn the_decision_says_what_money_weighed() {
        let decided = |thrift_permille| {
            let mut account = Account::open(&request(), &Caller::default());
            let need = Need { thrift_permille, ..Need::default() };
            account.asked(&need, false);
            account.decided(&decide::choose(&need, &decide::Fleet::default(), &decide::Policy::default()));
            account.blank().decision
        };
        assert!(decided(800).ends_with(";thrift=800"));
        assert!(!decided(0).contains("thrift"));
    }

    #[test]
    fn every_record_of_a_request_has_an_id_of_its_own() {
        let mut account = Account::open(&request(), &Caller::default());
        let first = account.next(&PlaceId::new("a"));
        // The room in the ledger runs out before the second attempt, and the request is refused.
        let refused = account.blank();
        assert_eq!(first, (7, 0));
        assert_eq!((refused.attempt_id, refused.attempt), (8, 1));
    }
}
