//! The cost of a usage: by hand, at the edges of tiers and windows, and under absurd counts.

use super::*;

fn price() -> Price {
    Price::plain(250_000_000, 2_000_000_000, Some(25_000_000), "t")
}

fn usage(input: u64, output: u64) -> Usage {
    Usage { input, output, ..Usage::default() }
}

fn with(more: More) -> Price {
    Price { more: Some(Arc::new(more)), ..price() }
}

fn rates(input: i64, output: i64) -> Rates {
    Rates { input_nanousd_per_mtok: input, output_nanousd_per_mtok: output, ..Rates::default() }
}

#[test]
fn cost_counts_cached_tokens_once() {
    let usage = Usage { cached: 400, ..usage(1_000, 10) };
    // 600 × 250 + 400 × 25 + 10 × 2000 nano-dollars
    assert_eq!(cost(&price(), &usage, 0), Nanousd(600 * 250 + 400 * 25 + 10 * 2_000));
    assert_eq!(cost(&with(More::default()), &usage, 0), cost(&price(), &usage, 0));
}

#[test]
fn cost_rounds_up_once_and_saturates() {
    let one = Price { input_nanousd_per_mtok: 1, output_nanousd_per_mtok: 1, ..price() };
    assert_eq!(cost(&one, &usage(1, 1), 0), Nanousd(1));
    let most = Usage { reasoning: u64::MAX, audio_output: u64::MAX, ..usage(u64::MAX, u64::MAX) };
    let dearest = Price { input_nanousd_per_mtok: i64::MAX, output_nanousd_per_mtok: i64::MAX, ..price() };
    assert_eq!(cost(&dearest, &most, 0), Nanousd(i64::MAX));
    let extra = Extra { request_nanousd: i64::MAX, ..Extra::default() };
    let more = More { extra, ..More::default() };
    assert_eq!(cost(&Price { more: Some(Arc::new(more)), ..dearest }, &most, 0), Nanousd(i64::MAX));
}

#[test]
fn a_part_above_the_whole_is_the_whole() {
    assert_eq!(cost(&price(), &Usage { cached: 99, ..usage(10, 0) }, 0), Nanousd(250));
    let extra = Extra { reasoning_nanousd_per_mtok: Some(1_000_000), ..Extra::default() };
    let price = with(More { extra, ..More::default() });
    assert_eq!(cost(&price, &Usage { reasoning: 99, ..usage(0, 10) }, 0), Nanousd(10));
}

#[test]
fn every_kind_of_token_at_its_own_rate() {
    let price = with(More {
        extra: Extra {
            cache_write_nanousd_per_mtok: Some(312_500_000),
            cache_write_long_nanousd_per_mtok: Some(500_000_000),
            reasoning_nanousd_per_mtok: Some(3_000_000_000),
            audio_input_nanousd_per_mtok: Some(1_000_000_000),
            audio_output_nanousd_per_mtok: Some(8_000_000_000),
            request_nanousd: 12_000_000,
        },
        ..More::default()
    });
    let usage = Usage {
        cached: 100,
        cache_write: 50,
        cache_write_long: 20,
        audio_input: 30,
        reasoning: 40,
        audio_output: 5,
        ..usage(1_000, 100)
    };
    let input = 100 * 25_000 + 20 * 500_000 + 30 * 312_500 + 30 * 1_000_000 + 820 * 250_000;
    let output = 40 * 3_000_000 + 5 * 8_000_000 + 55 * 2_000_000;
    assert_eq!(cost(&price, &usage, 0), Nanousd((input + output) / 1_000 + 12_000_000));
}

#[test]
fn a_tier_holds_for_the_whole_request_and_only_above_its_edge() {
    let tier = |above_input_tokens, input| Tier { above_input_tokens, rates: rates(input, 1_000_000) };
    let price = with(More { tiers: vec![tier(200, 2_000_000), tier(1_000, 3_000_000)], ..More::default() });
    assert_eq!(cost(&price, &usage(200, 0), 0), Nanousd(200 * 250));
    assert_eq!(cost(&price, &usage(201, 3), 0), Nanousd(201 * 2 + 3));
    assert_eq!(cost(&price, &usage(1_001, 0), 0), Nanousd(1_001 * 3));
}

#[test]
fn dates_and_times_of_day_hold_as_they_say() {
    let night = When::Daily { from_minute: 990, until_minute: 30, weekdays: 0 };
    let at = |day: u64, minute: u64| day * 86_400 + minute * 60;
    assert!(night.holds(at(3, 990)) && night.holds(at(3, 0)) && night.holds(at(3, 29)));
    assert!(!night.holds(at(3, 30)) && !night.holds(at(3, 989)));
    let day = When::Daily { from_minute: 30, until_minute: 990, weekdays: 0 };
    assert!(day.holds(at(3, 30)) && day.holds(at(3, 989)) && !day.holds(at(3, 990)) && !day.holds(at(3, 29)));
    let weekend = When::Daily { from_minute: 0, until_minute: 1440, weekdays: 0b110_0000 };
    // 1 January 1970 was a Thursday, so day 2 a Saturday.
    assert!(
        !weekend.holds(at(1, 5)) && weekend.holds(at(2, 0)) && weekend.holds(at(3, 1439)) && !weekend.holds(at(4, 0))
    );
    let other = |when, input| Otherwise { when, rates: rates(input, 0), tiers: Vec::new() };
    let otherwise = vec![other(When::From { unix_s: at(10, 0) }, 1_000_000), other(day, 5_000_000)];
    let price = with(More { otherwise, ..More::default() });
    assert_eq!(cost(&price, &usage(100, 0), at(9, 1_000)), Nanousd(25_000));
    assert_eq!(cost(&price, &usage(100, 0), at(10, 0)), Nanousd(100));
    assert_eq!(cost(&price, &usage(100, 0), at(10, 45)), Nanousd(500), "the last that holds wins");
}

#[test]
fn batch_is_a_price_of_its_own() {
    assert_eq!(price().batch(), None);
    let batch = Batch { input_nanousd_per_mtok: 1, output_nanousd_per_mtok: 2, cached_nanousd_per_mtok: None };
    let price = with(More { batch: Some(batch), ..More::default() });
    assert_eq!(price.batch(), Some(Price::plain(1, 2, None, "t")));
}

#[test]
fn what_is_written_down_reads_back() {
    let more = More { tiers: vec![Tier { above_input_tokens: 9, rates: rates(1, 2) }], ..More::default() };
    for price in [price(), with(more)] {
        let text = serde_json::to_string(&price).unwrap();
        assert_eq!(serde_json::from_str::<Price>(&text).unwrap(), price);
    }
    let old =
        r#"{"input_nanousd_per_mtok":1,"output_nanousd_per_mtok":2,"cached_nanousd_per_mtok":null,"version":"t"}"#;
    assert_eq!(serde_json::from_str::<Price>(old).unwrap(), Price::plain(1, 2, None, "t"));
}
