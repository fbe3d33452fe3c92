//! Costs of an attempt by the kind of its place, worked out by hand.
#![allow(clippy::unwrap_used)]
use super::*;
use decide::{Api, Capacity, Caps, Economics, PlaceId, Power, Price, Reason, Terms, Tier, Zone};

fn candidate(kind: Kind, economics: Option<Economics>, price: Option<i64>) -> Candidate {
    let place = Place {
        id: PlaceId::new("p"),
        api: Api::Openai,
        tier: Tier::Local,
        kind,
        zone: Zone::OwnNetwork,
        provider: "p".into(),
        terms: Terms::default(),
        economics: economics.map(Arc::new),
    };
    let price = price.map(|p| Price { input_nanousd_per_mtok: p, output_nanousd_per_mtok: p, ..Price::free("t") });
    let (context_tokens, tier, quality_permille) = (None, None, None);
    let model = Model {
        ability: None,
        id: "m".into(),
        context_tokens,
        caps: Caps::default(),
        price,
        price_assumed: None,
        output_tokens_max: None,
        tier,
        quality_permille,
    };
    Candidate { place: Arc::new(place), model: Arc::new(model), reason: Reason::default() }
}

/// One dollar an hour; 360 completion tokens take a second of it, 277,778 nano-dollars.
fn economics(tenure: Tenure) -> Economics {
    let capacity = Capacity { prompt_per_ks: 3_600_000, decode_per_ks: 360_000, interactive_permille: 1_000 };
    Economics { tenure, machines: 1, capacity: Some(capacity), seats: Some(8) }
}

fn usage() -> Usage {
    Usage { output: 360, ..Usage::default() }
}

const HOUR: Nanousd = Nanousd(1_000_000_000);

#[test]
fn tokens_have_a_price_and_own_ground_without_economics_is_free() {
    let of = |c: &Candidate, u: Usage| {
        let cost = Cost::of(c, &u, 0);
        (cost.marginal.map(|n| n.0), cost.full.map(|n| n.0), cost.priced)
    };
    let cloud = candidate(Kind::Serverless, None, Some(1_000_000_000));
    assert_eq!(of(&cloud, usage()), (Some(360_000), Some(360_000), Priced::Exact));
    assert_eq!(of(&cloud, Usage { estimated: true, ..usage() }).2, Priced::Estimated);
    assert_eq!(of(&candidate(Kind::Serverless, None, Some(0)), usage()).2, Priced::Exact, "a free cloud");
    assert_eq!(of(&candidate(Kind::Serverless, None, None), usage()), (None, None, Priced::Unknown));
    assert_eq!(of(&candidate(Kind::Appliance, None, Some(0)), usage()), (Some(0), Some(0), Priced::Own));
}

#[test]
fn a_machine_has_a_share_and_a_margin() {
    let dedicated = economics(Tenure::Dedicated { monthly: Nanousd(730 * HOUR.0) });
    let cost = Cost::of(&candidate(Kind::Dedicated, Some(dedicated.clone()), Some(0)), &usage(), 0);
    assert_eq!((cost.marginal, cost.full, cost.priced), (Some(Nanousd(0)), Some(Nanousd(277_778)), Priced::Own));
    assert_eq!(cost.charged(), cost.full);
    let unknown = Economics { capacity: None, ..dedicated };
    let cost = Cost::of(&candidate(Kind::Dedicated, Some(unknown), Some(0)), &usage(), 0);
    assert_eq!((cost.full, cost.charged()), (None, Some(Nanousd(0))));
    let power = Power { busy_w: 1_000, idle_w: 0, pue_permille: 1_000, tariff: HOUR };
    let appliance = Tenure::Appliance { capital: Nanousd(0), life_months: 1, upkeep_monthly: Nanousd(0), power };
    let unknown = Economics { capacity: None, ..economics(appliance) };
    let cost = Cost::of(&candidate(Kind::Appliance, Some(unknown), Some(0)), &usage(), 0);
    assert_eq!((cost.marginal, cost.charged(), cost.priced), (None, None, Priced::Unknown), "unknown is not zero");
}

#[test]
fn what_a_burst_place_switched_on_is_charged_once_it_answered() {
    let tenure = Tenure::Burst { hourly: HOUR, start_s: 0, minimum_s: 3_600, idle_stop_s: Some(60) };
    let mut cold = candidate(Kind::Burst, Some(economics(tenure)), Some(0));
    cold.reason.cost_nanousd = Some(HOUR.0);
    assert_eq!(Cost::of(&cold, &usage(), 0).marginal, Some(HOUR));
    assert_eq!(Cost::of(&cold, &Usage::default(), 0).marginal, Some(Nanousd(0)), "it never answered");
    cold.reason.cost_nanousd = Some(0);
    assert_eq!(Cost::of(&cold, &usage(), 0).marginal, Some(Nanousd(0)), "it was up");
}
