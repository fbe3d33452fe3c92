//! The client's account against the ledger: what it saw complete must be there, once.
//!
//! Never here: how either came to be.

use decide::{Outcome, Record};
use std::collections::{HashMap, HashSet};

/// What clients and upstreams saw. Ids are `x-request-id`s that the clients chose, each used once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Account {
    /// Requests sent on a connection that stood.
    pub(crate) requests: u64,
    /// Requests whose whole answer arrived: a plain body, or a stream up to its terminal event.
    pub(crate) complete: HashSet<String>,
    /// Requests that were answered with a whole error.
    pub(crate) errors: HashSet<String>,
    /// How often upstreams were asked, by request.
    pub(crate) asked: HashMap<String, u32>,
}

/// What came of the comparison.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Balance {
    /// Of the complete ones, those in the ledger as answered.
    pub(crate) ok: usize,
    /// Of the complete ones, those in the ledger as sent with an unknown end, at their estimate and flagged.
    pub(crate) unknown: usize,
    /// Complete or told an error, and not in the ledger as such.
    pub(crate) lost: Vec<String>,
    /// Requests with two ends: one attempt settled twice, or more than one attempt that was answered.
    pub(crate) doubled: Vec<String>,
    /// Requests that upstreams saw more often than the ledger has attempts for.
    pub(crate) unrecorded: Vec<String>,
    /// Attempts in the ledger with an unknown end, whoever asked.
    pub(crate) unknown_attempts: usize,
    /// Unknown ends that do not say that they are estimates.
    pub(crate) unflagged: Vec<String>,
}

impl Balance {
    /// Whether nothing was lost, doubled, or paid for without a record.
    pub(crate) fn holds(&self) -> bool {
        self.lost.is_empty() && self.doubled.is_empty() && self.unrecorded.is_empty() && self.unflagged.is_empty()
    }
}

impl Account {
    /// Compares with all records of a ledger.
    pub(crate) fn balance(&self, records: &[Record]) -> Balance {
        let mut by_request: HashMap<&str, Vec<&Record>> = HashMap::new();
        for record in records {
            by_request.entry(&record.request_id).or_default().push(record);
        }
        let mut balance = Balance::default();
        for id in &self.complete {
            let has = |outcome| by_request.get(&**id).is_some_and(|r| r.iter().any(|r| r.outcome == outcome));
            match (has(Outcome::Ok), has(Outcome::Unknown)) {
                (true, _) => balance.ok += 1,
                (false, true) => balance.unknown += 1,
                (false, false) => balance.lost.push(id.clone()),
            }
        }
        balance.lost.extend(self.errors.iter().filter(|id| !by_request.contains_key(&***id)).cloned());
        for (id, records) in &by_request {
            let attempts: HashSet<u8> = records.iter().map(|r| r.attempt).collect();
            let answered = records.iter().filter(|r| matches!(r.outcome, Outcome::Ok | Outcome::Unknown)).count();
            if attempts.len() < records.len() || answered > 1 {
                balance.doubled.push((*id).to_owned());
            }
        }
        for (id, times) in &self.asked {
            let sent = by_request.get(&**id).map_or(0, |r| r.iter().filter(|r| r.place.is_some()).count());
            if sent < *times as usize {
                balance.unrecorded.push(id.clone());
            }
        }
        let unknown: Vec<&Record> = records.iter().filter(|r| r.outcome == Outcome::Unknown).collect();
        balance.unknown_attempts = unknown.len();
        let unflagged = unknown.iter().filter(|r| !r.usage.estimated);
        balance.unflagged = unflagged.map(|r| r.request_id.to_string()).collect();
        balance
    }
}
