//! Records for tests and benches: `record(n)` is the same record for the same `n`, and the fields vary with `n`.
#![allow(dead_code, unreachable_pub)]

use decide::{
    Baselines, Compared, DataClass, Difficulty, Kind, Lesson, Nanousd, Origin, Outcome, PlaceId, Priced, Record, Task,
    Tier, Usage,
};
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
    // What layout 2 added is drawn apart, so that the rest is what it was in the stored examples of layout 1.
    let s = mix(r ^ 2);
    let more = |bit: u32| s >> (bit + 40) & 1 == 1;
    let more_of = |of: u64| (s >> 20) % of;
    let much = |n: u64| (mix(s ^ n) % 1_000_000_000) as i64;
    let place = ["edge", "ollama", "openai", "größe"][pick(2, 4) as usize];
    Record {
        doubt_permille: more(17).then(|| (mix(s ^ 9) % 2001) as i16 - 1000),
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
            cache_write_long: if more(14) { mix(s) % 3 } else { 0 },
            audio_input: if more(15) { mix(s) % 7 } else { 0 },
            audio_output: if more(16) { mix(s) % 5 } else { 0 },
            estimated: pick(47, 2) == 0,
        },
        cost: some(48).then(|| Nanousd(pick(20, 1_000_000_000) as i64)),
        full: more(3).then(|| Nanousd(much(1))),
        priced: [Priced::Unknown, Priced::Exact, Priced::Estimated, Priced::Own][more_of(4) as usize],
        reserved: more(5).then(|| Nanousd(much(2))),
        team: more(6).then(|| Arc::from(["größe/forschung", "acme/ops", "home"][more_of(3) as usize])),
        kind: more(7).then(|| [Kind::Serverless, Kind::Burst, Kind::Dedicated, Kind::Appliance][(s >> 9 & 3) as usize]),
        quality_permille: more(8).then_some((s >> 11) as u16 % 1001),
        baselines: if more(9) {
            Baselines {
                strongest: more(10).then(|| Nanousd(much(3))),
                strongest_quality_permille: more(11).then_some((s >> 13) as u16 % 1001),
                cheapest: more(12).then(|| Nanousd(much(4))),
                cheapest_quality_permille: more(13).then_some((s >> 15) as u16 % 1001),
            }
        } else {
            Baselines::default()
        },
        price_version: some(48).then(|| Arc::from("book-2026-08-21")),
        arrived_unix_ms: 1_788_000_000_000 + n,
        ttft_us: some(50).then(|| pick(24, 2_000_000)),
        total_us: pick(26, 9_000_000),
        stream: pick(52, 2) == 0,
        outcome: if outcome == Outcome::Ok && more(18) { Outcome::Doubted } else { outcome },
        error: (outcome == Outcome::Failed).then(|| Arc::from("timeout")),
    }
}

/// The record `n` as layout 2 kept it: doubt came with layout 3.
pub fn second_record(n: u64) -> Record {
    let r = record(n);
    let outcome = if r.outcome == Outcome::Doubted { Outcome::Ok } else { r.outcome };
    Record { doubt_permille: None, outcome, ..r }
}

/// The lesson number `n`: its moment holds `n`.
pub fn lesson(n: u64) -> Lesson {
    let r = mix(n ^ 0x1e55);
    let pick = |shift: u32, of: u64| (r >> shift) % of;
    let places = ["edge", "ollama", "openai", "größe"];
    Lesson {
        request_id: Arc::from(format!("req-{:08x}", mix(n) as u32)),
        at_unix_ms: 1_788_000_000_000 + n,
        place: PlaceId::new(places[pick(0, 4) as usize]),
        model: Arc::from(["tiny", "large"][pick(3, 2) as usize]),
        task: Task::ALL[pick(5, 11) as usize],
        origin: Origin::ALL[pick(10, 4) as usize],
        score_permille: pick(12, 1001) as u16,
        weight_milli: pick(23, 1001) as u32,
        compared: (pick(35, 2) == 1).then(|| Compared {
            asked: Arc::from(["auto", "auto:cheap", "größe"][pick(60, 3) as usize]),
            place: PlaceId::new(places[pick(36, 4) as usize]),
            model: Arc::from("gpt-5"),
            doubt_permille: pick(40, 2001) as i16 - 1000,
            loss_permille: pick(51, 2001) as i16 - 1000,
        }),
    }
}

/// The record `n` as layout 1 kept it.
pub fn old_record(n: u64) -> Record {
    let r = second_record(n);
    let usage = Usage { cache_write_long: 0, audio_input: 0, audio_output: 0, ..r.usage };
    let priced = match r.cost {
        None => Priced::Unknown,
        Some(_) if usage.estimated => Priced::Estimated,
        Some(_) => Priced::Exact,
    };
    Record {
        usage,
        priced,
        full: None,
        reserved: None,
        team: None,
        kind: None,
        quality_permille: None,
        baselines: Baselines::default(),
        ..r
    }
}
