//! Time of one decision with prices and economics on: `cargo bench -p decide`. Prints nanoseconds a
//! decision by number of places, and the same without economics.
//!
//! Wall clock, best of several rounds; on a shared machine read it as an order of magnitude. The promise is below 10 µs for 50 places.
#![allow(missing_docs)]

use decide::*;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

const ROUNDS: usize = 50;
const DOLLAR: i64 = 1_000_000_000;

fn tenure(i: usize) -> Tenure {
    let hourly = Nanousd(3 * DOLLAR);
    let power = Power { busy_w: 700, idle_w: 100, pue_permille: 1_300, tariff: Nanousd(DOLLAR / 5) };
    match i % 3 {
        0 => Tenure::Burst { hourly, start_s: 90, minimum_s: 3_600, idle_stop_s: Some(300) },
        1 => Tenure::Dedicated { monthly: Nanousd(1_500 * DOLLAR) },
        _ => Tenure::Appliance {
            capital: Nanousd(30_000 * DOLLAR),
            life_months: 36,
            upkeep_monthly: Nanousd(DOLLAR),
            power,
        },
    }
}

fn place(i: usize, economics: bool) -> PlaceState {
    let own = i.is_multiple_of(2);
    let zone = if own { Zone::OwnNetwork } else { Zone::VendorCloud };
    let capacity = Capacity { prompt_per_ks: 9_000_000, decode_per_ks: 1_000_000, interactive_permille: 552 };
    let declared = Economics { tenure: tenure(i / 2), machines: 2, capacity: Some(capacity), seats: Some(32) };
    let price = Price {
        input_nanousd_per_mtok: DOLLAR / 4 + i as i64,
        output_nanousd_per_mtok: 2 * DOLLAR,
        ..Price::free("bench")
    };
    let model = Model {
        ability: Some(Arc::new(Ability {
            rank: if own { Rank::Local } else { Rank::Frontier },
            tasks: [Belief::of_mean(600 + i as u16 % 300, 20_000); Task::ALL.len()],
            source: "bench".into(),
        })),
        id: format!("model{}", i % 7).into(),
        context_tokens: Some(131_072),
        caps: Caps { tools: true, json_schema: true, ..Caps::default() },
        price: Some(if own { Price::free("own-ground") } else { price }),
        price_assumed: None,
        output_tokens_max: None,
        tier: None,
        quality_permille: Some(500 + (i as u16 * 37) % 450),
    };
    let place = Place {
        id: PlaceId::new(&format!("place{i}")),
        api: Api::Openai,
        tier: if own { Tier::Local } else { Tier::Cloud },
        kind: if own { Kind::Dedicated } else { Kind::Serverless },
        zone,
        provider: "bench".into(),
        terms: Terms::default(),
        economics: (own && economics).then(|| Arc::new(declared)),
    };
    let load = Load { running: i as u32 % 40, waiting: i as u32 % 3, kv_permille: Some(300), ..Load::default() };
    PlaceState { place: Arc::new(place), models: vec![Arc::new(model)], health: Health::Up, load }
}

/// How every place stands.
struct Seen;

impl Live for Seen {
    fn standing(&self, place: &PlaceId) -> Option<Standing> {
        let n = place.as_str().len() as u64;
        Some(Standing { wait_us: Some(n * 9_000), running: 3, outstanding_tokens: n * 500, ..Standing::default() })
    }

    fn chance(&self) -> u64 {
        12_345
    }

    fn evidence(&self, _: &PlaceId, _: &str, _: Task) -> Option<Belief> {
        Some(Belief::of_mean(800, 12_000))
    }
}

/// Nanoseconds a decision.
fn time(places: usize, economics: bool, known: bool) -> f64 {
    let fleet = Fleet { version: 1, places: (0..places).map(|i| place(i, economics)).collect() };
    let policy = Policy::default();
    let need = Need {
        model: "auto".into(),
        difficulty: Difficulty(620),
        outlook: Some(Outlook { good_permille: [310, 540, 700, 860], unfamiliar: !known }),
        input_tokens: 900,
        output_tokens: 300,
        session: Some("-/bench".into()),
        ..Need::default()
    };
    let calls = 500;
    let round = || {
        let begun = Instant::now();
        for _ in 0..calls {
            black_box(choose_live(black_box(&need), &fleet, &policy, &Seen));
        }
        begun.elapsed().as_nanos() as f64 / f64::from(calls)
    };
    (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min)
}

fn main() {
    println!("{:<8} {:>24} {:>24} {:>24}", "places", "ns, prices only", "ns, with economics", "ns, familiar prompt");
    for places in [2, 8, 50, 200] {
        let [plain, economics, familiar] =
            [(false, false), (true, false), (true, true)].map(|(economics, known)| time(places, economics, known));
        println!("{places:<8} {plain:>24.0} {economics:>24.0} {familiar:>24.0}");
    }
}
