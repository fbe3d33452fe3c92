//! Records for tests and benches: `record(n)` is the same record for the same `n`, and the fields vary with `n`.
#![allow(dead_code, unreachable_pub)]

use decide::{DataClass, Difficulty, Nanousd, Outcome, PlaceId, Record, Task, Tier, Usage};
use std::sync::Arc;

/// One step of splitmix64: spreads a counter over all 64 bits.
pub fn mix(n: u64) -> u64 {
    let mut z = n.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The record number `n`; its attempt id holds `n`, so that it can be made again from the id.
pub fn record(n: u64) -> Record {
    let r = mix(n);
    let pick = |shift: u32, of: u64| (r >> shift) % of;
    let some = |shift: u32| pick(shift, 4) != 0;
    let outcome = [Outcome::Ok, Outcome::Failed, Outcome::Cancelled, Outcome::Refused][pick(0, 4) as usize];
    let refused = outcome == Outcome::Refused;
    let place = ["edge", "ollama", "openai", "größe"][pick(2, 4) as usize];
    Record {
        attempt_id: u128::from(n),
        request_id: Arc::from(format!("req-{:016x}", mix(n / 2))),
        attempt: (n % 2) as u8,
        key: some(4).then(|| Arc::from(format!("key-{}", pick(6, 5)))),
        endpoint: Arc::from(["chat", "completions", "messages"][pick(9, 3) as usize]),
        asked: Arc::from(["auto", "auto:cheap", "openai/gpt-5-mini"][pick(11, 3) as usize]),
        class: DataClass::ALL[pick(13, 5) as usize],
        task: Task::ALL[pick(16, 11) as usize],
        difficulty: Difficulty(pick(20, 1001) as u16),
        decision: Arc::from(format!("{place}: cheapest of {} that can", pick(30, 9))),
        place: (!refused).then(|| PlaceId::new(place)),
        model: (!refused).then(|| Arc::from(["tiny", "large"][pick(33, 2) as usize])),
        tier: (!refused).then(|| [Tier::Edge, Tier::Local, Tier::Cloud][pick(34, 3) as usize]),
        usage: Usage {
            input: pick(36, 5000),
            output: pick(40, 900),
            cached: pick(44, 100),
            cache_write: pick(45, 3),
            reasoning: pick(46, 50),
            estimated: pick(47, 2) == 0,
            ..Usage::default()
        },
        cost: some(48).then(|| Nanousd(pick(20, 1_000_000_000) as i64)),
        full: None,
        priced: decide::Priced::default(),
        reserved: None,
        team: None,
        kind: None,
        quality_permille: None,
        baselines: decide::Baselines::default(),
        price_version: some(48).then(|| Arc::from("book-2026-08-21")),
        arrived_unix_ms: 1_788_000_000_000 + n,
        ttft_us: some(50).then(|| pick(24, 2_000_000)),
        total_us: pick(26, 9_000_000),
        stream: pick(52, 2) == 0,
        outcome,
        error: (outcome == Outcome::Failed).then(|| Arc::from("timeout")),
    }
}
