//! What became of requests by the model name that was asked for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

#[path = "sample/record.rs"]
mod sample;

use decide::{Nanousd, Outcome, Record};
use ledger::{Asked, Beside, Ledger, LedgerError, Options, Uses, uses};
use sample::record;
use tempfile::tempdir;

const SINCE: u64 = 1_000_000;

/// A record of the request `id`, told apart by `n`.
fn of(n: u128, id: &str, endpoint: &str, asked: &str, outcome: Outcome) -> Record {
    Record {
        attempt_id: n,
        request_id: id.into(),
        endpoint: endpoint.into(),
        asked: asked.into(),
        task: decide::Task::Math,
        outcome,
        arrived_unix_ms: SINCE + 1,
        full: None,
        cost: Some(Nanousd(1_000)),
        place: Some(decide::PlaceId::new("p")),
        ..record(n as u64)
    }
}

#[test]
fn escalations_and_questions_of_our_own_are_counted_with_what_was_asked_for() {
    let dir = tempdir().unwrap();
    let old = |r: Record| Record { arrived_unix_ms: SINCE - 1, ..r };
    let records = [
        // Doubted and escalated: one request of two attempts, with two helpers.
        of(1, "a", "chat", "auto", Outcome::Doubted),
        of(2, "a", "chat", "auto", Outcome::Ok),
        of(3, "a", "helper", "here/x", Outcome::Ok),
        Record { cost: None, ..of(4, "a", "helper", "here/y", Outcome::Ok) },
        // Kept, and shadowed at a place whose full cost is known.
        of(5, "b", "messages", "auto", Outcome::Ok),
        Record { full: Some(Nanousd(7)), ..of(6, "b", "shadow", "cloud/big", Outcome::Ok) },
        // Failed over: not an escalation.
        of(7, "c", "chat", "mine", Outcome::Failed),
        of(8, "c", "chat", "mine", Outcome::Ok),
        // A shadow that was refused before it went anywhere costs nothing.
        Record { place: None, cost: None, ..of(9, "c", "shadow", "cloud/big", Outcome::Refused) },
        of(10, "d", "embeddings", "vectors", Outcome::Ok),
        old(of(11, "e", "chat", "auto", Outcome::Doubted)),
    ];
    let ledger = Ledger::open(dir.path(), Options { journal_bytes: 1 << 20, ..Options::default() }).unwrap();
    let outlet = ledger.outlet();
    records.into_iter().for_each(|r| outlet.reserve(true).unwrap().put(r));
    ledger.close().unwrap();
    let asked =
        |asked: &str, requests, escalated| Asked { asked: asked.into(), task: "math".into(), requests, escalated };
    let beside = |kind: &str, attempts, cost, unknown| Beside {
        asked: "auto".into(),
        kind: kind.into(),
        attempts,
        cost: Nanousd(cost),
        unknown,
    };
    let expected = Uses {
        asked: vec![asked("auto", 2, 1), asked("mine", 1, 0)],
        beside: vec![beside("helper", 2, 1_000, 1), beside("shadow", 1, 7, 0)],
    };
    assert_eq!(uses(dir.path(), SINCE).unwrap(), expected);
    assert_eq!(uses(dir.path(), SINCE + 2).unwrap(), Uses::default());
    assert!(matches!(uses(&dir.path().join("none"), 0), Err(LedgerError::Missing { .. })));
}
