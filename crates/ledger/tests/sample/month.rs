//! A ledger as a company of some size would have after a month: for benches, pictures and tests of reports. The same for the same numbers.
//!
//! Prices, speeds and mixes are made up and of a usual size. Records go straight to the database in big groups.
#![allow(dead_code, unreachable_pub)]

use super::sample::mix;
use decide::{Baselines, DataClass, Difficulty, Kind, Nanousd, Outcome, PlaceId, Priced, Record, Task, Tier, Usage};
use std::sync::Arc;

/// 1 August 2026, 00:00 UTC.
pub const START_UNIX_MS: u64 = 1_785_542_400_000;
const DAY_MS: u64 = 86_400_000;

struct Place {
    name: &'static str,
    model: &'static str,
    kind: Kind,
    tier: Tier,
    /// Per million tokens, nano-dollars: what a token costs, or the machine's share.
    price: (i64, i64),
    quality: u16,
    /// Microseconds to the first token, and tokens a second.
    speed: (u64, u64),
}

const PLACES: [Place; 6] = [
    place("edge", "qwen3-4b", Kind::Appliance, Tier::Edge, (11, 34), 580, (180_000, 60)),
    place("rack", "llama-3.3-70b", Kind::Dedicated, Tier::Local, (140, 420), 760, (260_000, 45)),
    place("burst", "llama-3.3-70b", Kind::Burst, Tier::Cloud, (230, 690), 760, (310_000, 42)),
    place("openai", "gpt-5-mini", Kind::Serverless, Tier::Cloud, (250, 2_000), 830, (420_000, 95)),
    place("openai", "gpt-5", Kind::Serverless, Tier::Cloud, (1_250, 10_000), 930, (690_000, 70)),
    place("anthropic", "claude-sonnet-4-5", Kind::Serverless, Tier::Cloud, (3_000, 15_000), 940, (760_000, 68)),
];

const fn place(
    name: &'static str,
    model: &'static str,
    kind: Kind,
    tier: Tier,
    price: (i64, i64),
    quality: u16,
    speed: (u64, u64),
) -> Place {
    Place { name, model, kind, tier, price, quality, speed }
}

/// How large it is.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub records: u64,
    pub days: u64,
    pub teams: u64,
    /// Of the places above, how many are used.
    pub places: usize,
}

impl Size {
    pub const MONTH: Size = Size { records: 1_000_000, days: 31, teams: 9, places: 6 };
}

const TEAMS: [&str; 9] = [
    "acme/support",
    "acme/search",
    "acme/legal",
    "acme/data",
    "acme/mobile",
    "acme/research",
    "acme/finance",
    "acme/sales",
    "acme/platform",
];

/// All records, one request after the other.
pub fn records(size: Size) -> impl Iterator<Item = Record> {
    let gap = size.days * DAY_MS / size.records.max(1);
    (0..size.records).map(move |n| record(n, size, gap))
}

fn record(n: u64, size: Size, gap: u64) -> Record {
    let r = mix(n ^ 0xA5A5);
    let pick = |shift: u32, of: u64| (r >> shift) % of;
    let s = mix(r);
    // Every fiftieth attempt fails, and the next one is its retry elsewhere.
    let fails = |n: u64| n > 0 && mix(n ^ 0xFA11).is_multiple_of(50);
    let retry = n > 0 && fails(n - 1) && !(n > 1 && fails(n - 2));
    let failed = fails(n) && !retry;
    let day = n * gap / DAY_MS;
    let weekday = day % 7;
    // Working hours: the curve of a day lies over the even flow.
    let arrived = START_UNIX_MS + n * gap;
    let team = (s % size.teams).min(mix(s ^ 9) % size.teams);
    let task = [Task::Chat, Task::Code, Task::Summarize, Task::Extract, Task::Answer, Task::Reason, Task::Classify]
        [((r >> 9) % 7).min((s >> 9) % 7) as usize];
    let hard = pick(20, 1001);
    // The rack came on day 10; weekends are quiet enough for the edge.
    let want = match (hard, day >= 10) {
        (0..=380, _) => 0,
        (381..=720, true) => 1,
        (721..=760, true) => 2,
        (761..=880, true) | (381..=700, false) => 3,
        (881..=950, _) | (701..=880, false) => 4,
        _ => 5,
    };
    let want = if weekday >= 5 && want == 2 { 0 } else { want };
    let at = (if retry { want + 2 } else { want }) % size.places;
    let p = &PLACES[at];
    let refused = !retry && !failed && mix(n ^ 0x0F).is_multiple_of(400);
    let unknown = !retry && !failed && !refused && mix(n ^ 0xF0).is_multiple_of(20_000);
    let cancelled = !retry && !failed && !refused && !unknown && mix(n ^ 0xCA).is_multiple_of(120);
    let input = 120 + pick(30, 900) + if task == Task::Summarize { 3_000 } else { 0 } + (hard * pick(36, 4));
    let output = if failed || refused { 0 } else { 30 + pick(40, 600) };
    let cached = if pick(50, 3) == 0 { input / 2 } else { 0 };
    let estimated = unknown || cancelled || mix(n ^ 0xE5).is_multiple_of(60);
    let usage = Usage {
        input: if refused { 0 } else { input },
        output,
        cached: if refused { 0 } else { cached },
        reasoning: if task == Task::Reason { output / 3 } else { 0 },
        estimated,
        ..Usage::default()
    };
    let price = |p: &Place| {
        let fresh = i64::try_from(input - cached * 9 / 10).unwrap_or(0);
        Nanousd(fresh * p.price.0 + i64::try_from(output).unwrap_or(0) * p.price.1)
    };
    let unpriced = mix(n ^ 0x11).is_multiple_of(300) && p.kind == Kind::Serverless;
    let full = if failed { Nanousd(i64::try_from(input).unwrap_or(0) * p.price.0 / 4) } else { price(p) };
    let marginal = if p.kind == Kind::Serverless { full } else { Nanousd(full.0 / 20) };
    let sent = !refused;
    let priced = match (unpriced, p.kind) {
        (true, _) => Priced::Unknown,
        (_, Kind::Serverless) if estimated => Priced::Estimated,
        (_, Kind::Serverless) => Priced::Exact,
        _ => Priced::Own,
    };
    let answered = sent && !failed && !cancelled && !unknown;
    let strongest = &PLACES[size.places - 1];
    let cheapest = PLACES[..size.places].iter().find(|p| u64::from(p.quality) >= 520 + hard / 3).unwrap_or(strongest);
    Record {
        doubt_permille: None,
        attempt_id: u128::from(arrived) << 80 | u128::from(n),
        request_id: Arc::from(format!("req-{:012x}", if retry { n - 1 } else { n })),
        attempt: u8::from(retry),
        key: Some(Arc::from(format!("{}-{}", TEAMS[(team % 9) as usize].trim_start_matches("acme/"), s >> 20 & 3))),
        endpoint: Arc::from("chat"),
        asked: Arc::from("auto"),
        class: DataClass::ALL[pick(13, 4) as usize],
        task,
        difficulty: Difficulty(hard as u16),
        decision: Arc::from(format!("{}: cheapest of {} that can", p.name, 1 + pick(3, 5))),
        place: sent.then(|| PlaceId::new(p.name)),
        model: sent.then(|| Arc::from(p.model)),
        tier: sent.then_some(p.tier),
        usage,
        cost: (sent && !unpriced).then_some(marginal),
        full: (sent && !unpriced).then_some(full),
        priced: if sent { priced } else { Priced::Unknown },
        reserved: (sent && !unpriced).then_some(Nanousd(full.0 * 2)),
        team: Some(Arc::from(if size.teams <= 9 {
            TEAMS[team as usize].to_owned()
        } else {
            format!("acme/team-{team:02}")
        })),
        kind: sent.then_some(p.kind),
        quality_permille: sent.then_some(p.quality),
        baselines: if answered {
            Baselines {
                strongest: Some(price(strongest)),
                strongest_quality_permille: Some(strongest.quality),
                cheapest: Some(price(cheapest)),
                cheapest_quality_permille: Some(cheapest.quality),
            }
        } else {
            Baselines::default()
        },
        price_version: (sent && !unpriced).then(|| Arc::from("book-2026-08-01")),
        arrived_unix_ms: arrived,
        ttft_us: answered.then_some(p.speed.0 / 2 + pick(24, p.speed.0)),
        total_us: p.speed.0 + output * 1_000_000 / p.speed.1,
        stream: pick(52, 2) == 0,
        outcome: match (refused, failed, cancelled, unknown) {
            (true, ..) => Outcome::Refused,
            (_, true, ..) => Outcome::Failed,
            (_, _, true, _) => Outcome::Cancelled,
            (.., true) => Outcome::Unknown,
            _ => Outcome::Ok,
        },
        error: failed.then(|| Arc::from("timeout")),
    }
}

/// Writes them through a ledger, as a server does.
pub fn fill(dir: &std::path::Path, size: Size) -> Result<(), ledger::LedgerError> {
    let ledger = ledger::Ledger::open(dir, ledger::Options { group: 4096, ..ledger::Options::default() })?;
    let outlet = ledger.outlet();
    for record in records(size) {
        loop {
            if let Ok(slot) = outlet.reserve(true) {
                slot.put(record);
                break;
            }
            ledger.flush(std::time::Duration::from_secs(60));
        }
    }
    ledger.close()
}
