//! `[place.economics]`: what is read, what is taken from the table of GPUs, and what is refused.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use decide::{Economics, Nanousd, Power, Tenure};

const DOLLAR: i64 = 1_000_000_000;

fn load(text: &str) -> Result<Settings, Problems> {
    let env = |name: &str| (name == "HOME").then(|| "/home/u".to_owned());
    load_text("dewpoint.toml", text, &Flags::default(), &env, &Book::built_in().unwrap())
}

fn place(kind: &str, speeds: bool, economics: &str) -> String {
    let speeds = if speeds { "prompt_tokens_per_s = 9000\ndecode_tokens_per_s = 812.3\n" } else { "" };
    let url = "base_url = \"http://10.0.0.7:8000/v1\"\nprofile = \"vllm\"\nzone = \"own-network\"";
    format!("[[place]]\nname = \"gpu\"\n{url}\nkind = \"{kind}\"\n{speeds}[place.economics]\n{economics}\n")
}

fn good(kind: &str, speeds: bool, economics: &str) -> (Economics, Vec<String>) {
    let s = load(&place(kind, speeds, economics)).unwrap_or_else(|e| panic!("{e}"));
    ((**s.places[0].place.economics.as_ref().unwrap()).clone(), s.warnings)
}

#[test]
fn each_kind_is_read_exactly() {
    let text = "capital_usd = 26280.000000001\nlife_months = 24\nupkeep_usd_per_month = 73\nwatts = 700\nidle_watts = 100\npue = 1.25\ntariff_usd_per_kwh = 0.21\nmachines = 3\nseats = 8\ninteractive_permille = 700";
    let (e, warnings) = good("appliance", true, text);
    let power = Power { busy_w: 700, idle_w: 100, pue_permille: 1_250, tariff: Nanousd(210_000_000) };
    let (capital, upkeep_monthly) = (Nanousd(26_280 * DOLLAR + 1), Nanousd(73 * DOLLAR));
    assert_eq!(e.tenure, Tenure::Appliance { capital, life_months: 24, upkeep_monthly, power });
    let c = e.capacity.unwrap();
    assert_eq!((c.prompt_per_ks, c.decode_per_ks, c.interactive_permille), (9_000_000, 812_300, 700));
    assert_eq!((e.machines, e.seats, warnings.len()), (3, Some(8), 0));
    let (e, _) = good("dedicated", true, "monthly_usd = 1500");
    assert_eq!(e.tenure, Tenure::Dedicated { monthly: Nanousd(1_500 * DOLLAR) });
    assert_eq!((e.capacity.unwrap().interactive_permille, e.seats), (1_000, None), "measured as it is used");
    let (e, _) = good("burst", true, "hourly_usd = 2.95\nstart_s = 90\nidle_stop_s = 300");
    let hourly = Nanousd(2_950_000_000);
    assert_eq!(e.tenure, Tenure::Burst { hourly, start_s: 90, minimum_s: 3_600, idle_stop_s: Some(300) });
}

#[test]
fn the_table_fills_in_speeds_and_rents() {
    let table = crate::capacity::Table::built_in().unwrap();
    let speed = table.speed("h100", "Llama-3.3-70B", 2).unwrap();
    let (e, warnings) = good("burst", false, "gpu = \"h100\"\ngpus = 2\nmachines = 2\nmodel = \"Llama-3.3-70B\"");
    let rent = number::nanousd(&table.rent("h100").unwrap().usd_per_hour).unwrap();
    assert!(matches!(e.tenure, Tenure::Burst { hourly, .. } if hourly.0 == 2 * rent), "{:?}", e.tenure);
    let c = e.capacity.unwrap();
    assert_eq!(c.prompt_per_ks, (speed.prompt_tokens_per_s * 4_000.0) as u64, "four of them");
    assert_eq!(c.interactive_permille, table.interactive.permille, "full load is not interactive");
    assert!(warnings.is_empty(), "{warnings:?}");
    let (spot, _) = good("burst", true, "gpu = \"h100\"\nspot = true");
    assert!(spot.hourly() < e.hourly());
    let (one, _) = good("dedicated", false, "monthly_usd = 100\ngpu = \"rtx-4090\"\nmodel = \"llama-3-8b\"");
    assert_eq!((one.capacity.unwrap().interactive_permille, one.seats), (1_000, Some(1)), "one at a time is quick");
    // What is written of the place itself wins.
    let (own, _) = good("dedicated", true, "monthly_usd = 100\ngpu = \"rtx-4090\"\nmodel = \"llama-3-8b\"");
    assert_eq!(own.capacity.unwrap().prompt_per_ks, 9_000_000);
    let (blind, warnings) = good("dedicated", false, "monthly_usd = 100");
    assert!(blind.capacity.is_none() && warnings[0].contains("dewpoint probe gpu"), "{warnings:?}");
}

#[test]
fn what_makes_no_sense_is_refused_with_advice() {
    for (kind, speeds, economics, told) in [
        ("serverless", true, "monthly_usd = 1", "paid by the token"),
        ("dedicated", true, "", "monthly_usd is missing"),
        ("appliance", true, "", "capital_usd is missing"),
        ("burst", true, "", "hourly_usd is missing"),
        ("burst", true, "gpu = \"rtx-4090\"\nspot = true", "no spot rent of \"rtx-4090\""),
        ("dedicated", true, "monthly_usd = 1\nhourly_usd = 1", "hourly_usd belongs to burst places"),
        ("dedicated", true, "monthly_usd = -1", "a price is not negative"),
        ("dedicated", true, "monthly_usd = 1e3", "plain decimal"),
        ("dedicated", true, "monthly_usd = 1\nmachines = 0", "machines is 0"),
        ("dedicated", true, "monthly_usd = 1\nmachines = 10001", "machines is 10001"),
        ("dedicated", true, "monthly_usd = 1\ngpus = 65", "gpus is 65"),
        ("dedicated", true, "monthly_usd = 1\nseats = 0", "seats is 0"),
        ("dedicated", true, "monthly_usd = 1\nseats = 100001", "seats is 100001"),
        ("dedicated", true, "monthly_usd = 1\ninteractive_permille = 1001", "interactive_permille is 1001"),
        ("dedicated", false, "monthly_usd = 1\ngpu = \"h10\"\nmodel = \"x\"", "\"h10\" is not in the table"),
        ("dedicated", false, "monthly_usd = 1\ngpu = \"h100\"\nmodel = \"x\"", "Llama-3.3-70B"),
        ("appliance", true, "capital_usd = 1\nlife_months = 241", "life_months is 241"),
        ("appliance", true, "capital_usd = 1\nwatts = 100", "tariff_usd_per_kwh there is one"),
        ("appliance", true, "capital_usd = 1\nwatts = 9\nidle_watts = 10\ntariff_usd_per_kwh = 1", "idle_watts is 10"),
        ("appliance", true, "capital_usd = 1\npue = 0.9", "pue is 0.9"),
        ("appliance", true, "capital_usd = 1\npue = 3.1", "pue is 3.1"),
        ("burst", true, "hourly_usd = 1\nminimum_s = 2678401", "minimum_s is 2678401"),
        ("burst", true, "hourly_usd = 1\nidle_stop_s = 0", "idle_stop_s is 0"),
        ("burst", true, "hourly_usd = 1\ncolour = 1", "colour"),
    ] {
        let problems = load(&place(kind, speeds, economics)).map(|_| ()).unwrap_err().to_string();
        assert!(problems.contains(told) && problems.contains("dewpoint.toml:"), "{economics}: {problems}");
    }
    let half = place("dedicated", true, "monthly_usd = 1").replace("prompt_tokens_per_s = 9000\n", "");
    assert!(load(&half).map(|_| ()).unwrap_err().to_string().contains("there is one"));
}

#[test]
fn limits_themselves_are_taken() {
    for (kind, economics) in [
        ("dedicated", "monthly_usd = 0\nmachines = 10000\ngpus = 64\nseats = 100000\ninteractive_permille = 1"),
        (
            "appliance",
            "capital_usd = 0\nlife_months = 240\nwatts = 1000000\nidle_watts = 1000000\npue = 3\ntariff_usd_per_kwh = 0",
        ),
        ("burst", "hourly_usd = 0\nstart_s = 2678400\nminimum_s = 0\nidle_stop_s = 1"),
    ] {
        good(kind, true, economics);
    }
}

#[test]
fn the_policy_says_what_quality_and_waiting_are_worth() {
    let s = load("[policy]\nquality_value_usd = 2.5\nsecond_value_usd = 0.001\n").unwrap();
    assert_eq!((s.policy.quality_value.0, s.policy.second_value.0), (2_500_000_000, 1_000_000));
    let problems = load("[policy]\nsecond_value_usd = -1\n").map(|_| ()).unwrap_err().to_string();
    assert!(problems.contains("policy.second_value_usd") || problems.contains("not negative"), "{problems}");
}

/// What the book says can be pasted.
#[test]
fn the_example_of_the_book_is_valid() {
    let page = std::fs::read_to_string(format!("{}/../../docs/book/economics.md", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let blocks: Vec<&str> = page.split("```toml\n").skip(1).filter_map(|b| b.split("```").next()).collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        let s = load(block).unwrap_or_else(|e| panic!("{e}"));
        assert!(
            s.places[0].place.economics.is_some() && s.warnings.iter().all(|w| !w.contains("economics")),
            "{:?}",
            s.warnings
        );
    }
}
