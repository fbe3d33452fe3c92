//! What is paid for a place steers: the marginal cost with the price of capacity, against quality and against the token prices of others.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use decide::*;
use proptest::prelude::*;
use std::sync::Arc;

const DOLLAR: i64 = 1_000_000_000;

fn place(name: &str, tier: Tier, price: Option<i64>, economics: Option<Economics>) -> PlaceState {
    let (kind, zone) = match economics {
        Some(Economics { tenure: Tenure::Burst { .. }, .. }) => (Kind::Burst, Zone::RentedDedicated),
        Some(_) => (Kind::Dedicated, Zone::OwnNetwork),
        None => (Kind::Serverless, Zone::VendorCloud),
    };
    let model = Model {
        ability: None,
        id: "llama".into(),
        context_tokens: None,
        caps: Caps::default(),
        price: price.map(|p| Price { input_nanousd_per_mtok: p, output_nanousd_per_mtok: 4 * p, ..Price::free("t") }),
        price_assumed: None,
        output_tokens_max: None,
        tier: None,
        quality_permille: None,
    };
    let place = Place {
        id: PlaceId::new(name),
        api: Api::Openai,
        tier,
        kind,
        zone,
        provider: name.into(),
        terms: Terms::default(),
        economics: economics.map(Arc::new),
    };
    PlaceState { place: Arc::new(place), models: vec![Arc::new(model)], health: Health::Up, load: Load::default() }
}

/// 3.60 an hour, a mill a second; 10,000 prompt and 1,000 completion tokens per second.
fn machine(tenure: Tenure) -> Economics {
    let capacity = Capacity { prompt_per_ks: 10_000_000, decode_per_ks: 1_000_000, interactive_permille: 1_000 };
    Economics { tenure, machines: 1, capacity: Some(capacity), seats: Some(10) }
}

fn dedicated() -> Economics {
    machine(Tenure::Dedicated { monthly: Nanousd(2_628 * DOLLAR) })
}

fn burst() -> Economics {
    let hourly = Nanousd(36 * DOLLAR / 10);
    machine(Tenure::Burst { hourly, start_s: 0, minimum_s: 3_600, idle_stop_s: Some(300) })
}

/// 600 tokens in, 440 out: half a second of the machine, so half a mill of it.
fn need() -> Need {
    Need { model: "auto".into(), difficulty: Difficulty(500), input_tokens: 600, output_tokens: 440, ..Need::default() }
}

/// Own machine and a cloud that is about four fifths of a mill.
fn fleet(load: Load) -> Fleet {
    let mut own = place("gpu", Tier::Local, Some(0), Some(dedicated()));
    own.load = load;
    Fleet { version: 1, places: vec![own, place("cloud", Tier::Cloud, Some(DOLLAR * 34 / 100), None)] }
}

fn running(running: u32, waiting: u32) -> Load {
    Load { running, waiting, ..Load::default() }
}

fn run(need: &Need, fleet: &Fleet) -> Verdict {
    choose(need, fleet, &Policy::default())
}

fn first(v: &Verdict) -> &str {
    v.order[0].place.id.as_str()
}

#[test]
fn traffic_spills_over_where_capacity_is_worth_more_than_the_alternative_and_says_so() {
    let places: Vec<String> =
        (0..=20).map(|n| first(&run(&need(), &fleet(running(n.min(10), n.saturating_sub(10))))).to_owned()).collect();
    let crossing = places.iter().position(|p| p == "cloud").unwrap();
    assert!((11..=13).contains(&crossing), "a queue first, since the machine is cheaper than the cloud: {places:?}");
    assert!(places[crossing..].iter().all(|p| p == "cloud"), "and there it stays while the load rises: {places:?}");
    let idle = run(&need(), &fleet(running(0, 0)));
    assert_eq!((idle.order[0].reason.cost_nanousd, idle.order[0].reason.capacity_nanousd), (Some(0), 0));
    assert_eq!(idle.order[0].reason.full_nanousd, Some(500_000));
    assert!(idle.spill().is_none() && idle.order[0].reason.home);
    let busy = run(&need(), &fleet(running(10, 4)));
    let spill = busy.spill().unwrap();
    assert_eq!((spill.from.place.id.as_str(), spill.to.place.id.as_str()), ("gpu", "cloud"));
    assert!(spill.from.reason.capacity_nanousd > spill.to.reason.cost_nanousd.unwrap());
    assert_eq!(
        spill.to_string(),
        "the queue of `gpu` makes its capacity worth $0.0019208 now; with it a request costs $0.0019208 there and $0.0008024 at `cloud`"
    );
    assert!(busy.summary().ends_with(";of=2;busy=gpu"), "{}", busy.summary());
}

#[test]
fn a_machine_dearer_than_the_cloud_is_left_only_when_it_is_full() {
    let mut fleet = fleet(running(9, 0));
    fleet.places[1] = place("cloud", Tier::Cloud, Some(DOLLAR / 10), None);
    assert_eq!(first(&run(&need(), &fleet)), "gpu", "its month is paid: what is not used is lost");
    fleet.places[0].load = running(10, 1);
    assert_eq!(first(&run(&need(), &fleet)), "cloud");
}

#[test]
fn quality_is_not_sold_for_capacity() {
    let mut fleet = fleet(running(10, 4));
    fleet.places[1] = place("small", Tier::Edge, Some(DOLLAR / 1_000), None);
    let v = run(&need(), &fleet);
    assert_eq!(first(&v), "gpu", "what is not sufficient is no alternative: {:?}", v.order[0].reason);
    let cheap = Need { model: "auto:cheap".into(), ..need() };
    assert_eq!(first(&run(&cheap, &fleet)), "small");
    let saving = Need { degrade: true, ..need() };
    let v = run(&saving, &fleet);
    assert_eq!((first(&v), v.objective), ("small", Some(Objective::Cheap)));
}

#[test]
fn thrift_makes_money_weigh_more_than_quality() {
    let mut fleet = fleet(running(0, 0));
    fleet.places[1] = place("cloud", Tier::Cloud, Some(DOLLAR * 3_000), None);
    let hard = Need { difficulty: Difficulty(900), ..need() };
    // 0.3 of ten dollars, against 7.08.
    assert_eq!(first(&run(&hard, &fleet)), "gpu");
    fleet.places[1] = place("cloud", Tier::Cloud, Some(DOLLAR * 1_000), None);
    assert_eq!(first(&run(&hard, &fleet)), "cloud", "2.36 for 0.3 of quality");
    assert_eq!(first(&run(&Need { thrift_permille: 1_000, ..hard.clone() }, &fleet)), "gpu", "it counts twice");
    let policy = Policy { quality_value: Nanousd(DOLLAR), ..Policy::default() };
    assert_eq!(first(&choose(&hard, &fleet, &policy)), "gpu", "the policy says what quality is worth");
}

#[test]
fn a_wait_is_worth_what_the_policy_says() {
    let own = |load| {
        let mut own = place("ollama", Tier::Local, Some(0), None);
        let place = Place { kind: Kind::Appliance, zone: Zone::SameHost, ..(*own.place).clone() };
        (own.place, own.load) = (Arc::new(place), load);
        Fleet { version: 1, places: vec![own, place_cloud()] }
    };
    fn place_cloud() -> PlaceState {
        place("cloud", Tier::Cloud, Some(DOLLAR * 34 / 100), None)
    }
    let queue = Load { running: 4, waiting: 9, ttft_ms: Some(400), ..Load::default() };
    assert_eq!(first(&run(&need(), &own(queue))), "ollama", "nothing was declared: nothing is paid to leave it");
    let policy = Policy { second_value: Nanousd(DOLLAR / 1_000), ..Policy::default() };
    assert_eq!(first(&choose(&need(), &own(queue), &policy)), "cloud", "four seconds are worth four mills");
    assert_eq!(first(&choose(&need(), &own(Load { ttft_ms: Some(9_000), ..Load::default() }), &policy)), "ollama");
}

#[test]
fn an_unknown_price_counts_as_the_dearest_and_never_as_zero() {
    let fleet = |known: i64| Fleet {
        version: 1,
        places: vec![place("mystery", Tier::Cloud, None, None), place("cloud", Tier::Cloud, Some(known), None)],
    };
    for known in [0, DOLLAR, 10 * DOLLAR] {
        for model in ["auto", "auto:cheap", "auto:best"] {
            let v = run(&Need { model: model.into(), ..need() }, &fleet(known));
            assert_eq!(first(&v), "cloud", "{model} at {known}");
        }
    }
    let v = run(&need(), &fleet(1_000 * DOLLAR));
    let [a, b] = [&v.order[0].reason, &v.order[1].reason];
    assert_eq!(a.utility_nanousd, b.utility_nanousd, "dearer than all frontier models: as dear as that");
}

#[test]
fn a_cold_machine_is_started_for_many_and_not_for_one() {
    let mut fleet = fleet(running(0, 0));
    fleet.places[0] = place("burst", Tier::Local, Some(0), Some(burst()));
    let v = run(&need(), &fleet);
    assert_eq!(first(&v), "cloud", "a new hour for one request");
    assert_eq!(v.order[1].reason.cost_nanousd, Some(3_600_000_000));
    fleet.places[0].load = running(1, 0);
    assert_eq!(first(&run(&need(), &fleet)), "burst", "it is up");
    fleet.places[0].load = Load::default();
    let mut own = place("gpu", Tier::Local, Some(0), Some(dedicated()));
    own.load = running(10, 5_000);
    fleet.places.push(own);
    let v = run(&need(), &fleet);
    let started = v.order.iter().find(|c| c.place.id.as_str() == "burst").unwrap();
    assert_eq!((first(&v), started.reason.cost_nanousd), ("burst", Some(719_857)), "those that wait share the hour");
}

#[test]
fn a_conversation_stays_a_little_longer_where_its_prefix_is() {
    let long = Need { input_tokens: 20_000, output_tokens: 100, ..need() };
    let talk = Need { session: Some("-/s".into()), ..long.clone() };
    let leaves = |n: &Need| (0..40).position(|i| first(&run(n, &fleet(running(10, i)))) == "cloud").unwrap();
    assert!(leaves(&talk) > leaves(&long), "{} {}", leaves(&talk), leaves(&long));
    let v = run(&talk, &fleet(running(10, 0)));
    assert!(v.order[0].reason.warm_nanousd > 0);
}

#[test]
fn a_machine_needs_no_price_of_tokens() {
    let mut fleet = fleet(running(0, 0));
    fleet.places[0] = place("gpu", Tier::Local, None, Some(dedicated()));
    let strict = Need { unpriced: Unpriced::Deny, ..need() };
    assert_eq!(first(&run(&strict, &fleet)), "gpu");
    fleet.places[0] = place("mystery", Tier::Local, None, None);
    let v = run(&strict, &fleet);
    assert!(first(&v) == "cloud" && v.refused.len() == 1, "{:?}", v.refused);
}

#[test]
fn baselines_are_the_strongest_and_the_cheapest_that_is_enough() {
    let v = run(&need(), &fleet(running(0, 0)));
    let (strongest, cheapest) = v.baselines();
    assert_eq!(strongest.unwrap().place.id.as_str(), "cloud");
    assert_eq!(cheapest.unwrap().place.id.as_str(), "gpu", "in full, not at the margin: half a mill");
    let hopeless = run(&Need { difficulty: Difficulty(1_000), ..need() }, &fleet(running(0, 0)));
    assert!(hopeless.baselines().1.is_none());
}

proptest! {
    /// With more requests at a place it never gains.
    #[test]
    fn load_only_pushes_away(
        at_first in 0u32..30,
        more in 0u32..30,
        difficulty in 0u16..1_000,
        model in prop::sample::select(vec!["auto", "auto:cheap", "auto:best"]),
        prices in prop::collection::vec(0i64..20 * DOLLAR, 2),
    ) {
        let n = Need { model: model.into(), difficulty: Difficulty(difficulty), ..need() };
        let rank = |there| {
            let mut f = fleet(running(there, 0));
            f.places.push(place("other", Tier::Local, Some(prices[0]), None));
            f.places.push(place("third", Tier::Edge, Some(prices[1]), None));
            let v = run(&n, &f);
            v.order.iter().position(|c| c.place.id.as_str() == "gpu").unwrap()
        };
        prop_assert!(rank(at_first) <= rank(at_first + more));
    }
}
