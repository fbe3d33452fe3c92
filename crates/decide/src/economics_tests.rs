//! The costs of each kind, worked out by hand.
#![allow(clippy::unwrap_used)]
use super::*;

const DOLLAR: i64 = 1_000_000_000;

/// 10,000 prompt and 1,000 completion tokens per second, half of it for interactive use.
fn place(tenure: Tenure) -> Economics {
    let capacity = Capacity { prompt_per_ks: 10_000_000, decode_per_ks: 1_000_000, interactive_permille: 500 };
    Economics { tenure, machines: 1, capacity: Some(capacity), seats: Some(10) }
}

/// 0.5 seconds at full speed, one at interactive.
fn usage() -> Usage {
    Usage { input: 1_000, output: 400, ..Usage::default() }
}

fn burst() -> Economics {
    let hourly = Nanousd(36 * DOLLAR / 10);
    place(Tenure::Burst { hourly, start_s: 60, minimum_s: 3_540, idle_stop_s: Some(300) })
}

fn appliance() -> Economics {
    let power = Power { busy_w: 700, idle_w: 100, pue_permille: 1_500, tariff: Nanousd(DOLLAR / 5) };
    let (capital, upkeep_monthly) = (Nanousd(26_280 * DOLLAR), Nanousd(73 * DOLLAR));
    place(Tenure::Appliance { capital, life_months: 36, upkeep_monthly, power })
}

#[test]
fn time_is_input_over_a_and_output_over_b_slowed_down() {
    assert_eq!(burst().capacity.unwrap().time_ns(&usage()), 1_000_000_000);
    let warm = Usage { cached: 600, ..usage() };
    assert_eq!(burst().capacity.unwrap().time_ns(&warm), 880_000_000, "what the cache had was not computed");
    let absurd = Usage { output: u64::MAX, ..Usage::default() };
    assert_eq!(burst().capacity.unwrap().time_ns(&absurd), u64::MAX);
}

#[test]
fn each_kind_costs_what_its_parts_do() {
    assert_eq!(burst().hourly(), Nanousd(3_600_000_000));
    assert_eq!(place(Tenure::Dedicated { monthly: Nanousd(730 * DOLLAR) }).hourly(), Nanousd(DOLLAR));
    // 26,280 / (36 × 730) = 1; 73 / 730 = 0.1; 0.7 kW × 1.5 × 0.2 = 0.21.
    assert_eq!(appliance().hourly(), Nanousd(1_310_000_000));
    assert_eq!(Economics { machines: 4, ..appliance() }.hourly(), Nanousd(5_240_000_000));
}

#[test]
fn the_full_cost_is_the_share_of_the_machine() {
    assert_eq!(burst().full(&usage()), Some(Nanousd(1_000_000)), "a second of 3.60 an hour is a mill");
    // 1.31 / 3600, rounded up.
    assert_eq!(appliance().full(&usage()), Some(Nanousd(363_889)));
    assert_eq!(Economics { capacity: None, ..burst() }.full(&usage()), None, "unknown is not zero");
}

#[test]
fn marginal_is_what_a_request_adds() {
    let warm = Moment::default();
    let cold = Moment { cold: true, ..warm };
    assert_eq!(place(Tenure::Dedicated { monthly: Nanousd(DOLLAR) }).marginal(&usage(), &warm), Some(Nanousd(0)));
    assert_eq!(burst().marginal(&usage(), &warm), Some(Nanousd(0)));
    assert_eq!(burst().marginal(&usage(), &cold), Some(Nanousd(3_600_000_000)), "a new hour");
    let shared = |sharers| burst().marginal(&usage(), &Moment { sharers, ..cold }).unwrap();
    assert_eq!(shared(9), Nanousd(360_000_000), "of which those that wait take their parts");
    assert_eq!(shared(u32::MAX), Nanousd(1_000_000), "and nobody less than their own time");
    // (0.7 − 0.1) kW × 1.5 × 0.2 = 0.18 an hour; for a second.
    assert_eq!(appliance().marginal(&usage(), &warm), Some(Nanousd(50_000)));
    assert_eq!(Economics { capacity: None, ..appliance() }.marginal(&usage(), &warm), None);
}

#[test]
fn capacity_is_free_when_idle_and_worth_the_alternative_when_full() {
    let full = Nanousd(1_000_000);
    let price = |alternative: i64, pressure| capacity_price(full, Some(Nanousd(alternative)), pressure).0;
    assert_eq!(price(400_000, 0), 0);
    assert_eq!(price(400_000, 500), 25_000, "a sixteenth at half load");
    assert_eq!(price(400_000, 1_000), 400_000);
    assert_eq!(price(4_000_000, 1_000), 1_000_000, "another machine is cheaper than that");
    assert!(price(400_000, 1_001) > 400_000, "a queue makes it dearer than the alternative");
    assert_eq!(capacity_price(full, None, 1_000), full);
    assert_eq!(capacity_price(full, Some(Nanousd(0)), 1_000), full, "what is free says nothing of worth");
    assert_eq!(capacity_price(full, None, u32::MAX), capacity_price(full, None, PRESSURE_MAX));
    assert_eq!(capacity_price(Nanousd(i64::MAX), None, PRESSURE_MAX), Nanousd(i64::MAX));
}
