//! What says most of a place counts, and what Dewpoint itself knows corrects it.
use super::*;
use crate::{Capacity, Nanousd};

/// Ten seats, off after five minutes without a request.
fn burst() -> Economics {
    let tenure = Tenure::Burst { hourly: Nanousd(1), start_s: 60, minimum_s: 3_540, idle_stop_s: Some(300) };
    let capacity = Capacity { prompt_per_ks: 10_000_000, decode_per_ks: 1_000_000, interactive_permille: 500 };
    Economics { tenure, machines: 1, capacity: Some(capacity), seats: Some(10) }
}

#[test]
fn the_pressure_is_what_says_most() {
    let p = |load: Load, standing| burst().moment(&Health::Up, &load, standing, 0).pressure_permille;
    assert_eq!(p(Load::default(), None), 0);
    assert_eq!(p(Load { running: 5, ..Load::default() }, None), 500);
    assert_eq!(p(Load { running: 4, waiting: 2, ..Load::default() }, None), 1_500, "its batch is four, and two wait");
    assert_eq!(p(Load { kv_permille: Some(900), ..Load::default() }, None), 900);
    let half = Load { running: 2, kv_permille: Some(450), ..Load::default() };
    let ours = |running| Some(Standing { running, ..Standing::default() });
    assert_eq!(p(Load { running: 1, ..Load::default() }, ours(12)), 1_200, "sent since the last probe");
    let then = Load { running: 10, waiting: 6, ours: Some(14), ..Load::default() };
    assert_eq!(p(then, ours(14)), 1_600);
    assert_eq!(p(then, ours(3)), 500, "eleven of ours are done since: two others and three");
    assert_eq!(
        p(Load { waiting: u32::MAX, running: u32::MAX, ours: Some(0), ..Load::default() }, ours(u32::MAX)),
        PRESSURE_MAX
    );
    let unknown = Economics { seats: None, ..burst() };
    let p_unknown = |load, standing| unknown.moment(&Health::Up, &load, standing, 0).pressure_permille;
    assert_eq!(
        (p_unknown(half, None), p_unknown(half, ours(4))),
        (450, 900),
        "twice as many as when the cache was seen"
    );
    assert_eq!(p_unknown(Load { running: 99, ..Load::default() }, None), 0, "nothing says how many it can do");
    let full = Some(Standing { gate: Gate::Full, ..Standing::default() });
    assert_eq!(p(Load::default(), full), 1_000);
    assert_eq!(p(Load { waiting: u32::MAX, running: 1, ..Load::default() }, None), PRESSURE_MAX);
}

#[test]
fn a_burst_place_is_cold_when_nobody_asked_it_for_long() {
    let cold = |e: &Economics, load: Load, standing: Option<Standing>| e.moment(&Health::Up, &load, standing, 0).cold;
    let idle = |idle_ms| Some(Standing { idle_ms, ..Standing::default() });
    assert!(cold(&burst(), Load::default(), None), "never asked");
    assert!(!cold(&burst(), Load::default(), idle(299_999)));
    assert!(cold(&burst(), Load::default(), idle(300_000)));
    assert!(!cold(&burst(), Load { running: 1, ..Load::default() }, idle(300_000)), "others keep it up");
    assert!(burst().moment(&Health::Loading, &Load::default(), idle(0), 0).cold);
    let with = |tenure| Economics { tenure, ..burst() };
    let stays = Tenure::Burst { hourly: Nanousd(1), start_s: 1, minimum_s: 1, idle_stop_s: None };
    assert!(!cold(&with(stays), Load::default(), None), "it stays up");
    assert!(!cold(&with(Tenure::Dedicated { monthly: Nanousd(1) }), Load::default(), None));
}
