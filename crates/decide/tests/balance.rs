//! Replicas by what is seen of them this moment, and closed places behind free ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use decide::*;
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;

/// What a test sees.
#[derive(Default)]
struct Seen {
    places: HashMap<&'static str, Standing>,
    chance: u64,
}

impl Live for Seen {
    fn standing(&self, place: &PlaceId) -> Option<Standing> {
        self.places.get(place.as_str()).copied()
    }

    fn chance(&self) -> u64 {
        self.chance
    }
}

fn place(name: &str, zone: Zone, model: &str) -> PlaceState {
    let tier = if zone == Zone::VendorCloud { Tier::Cloud } else { Tier::Local };
    let place = Place {
        id: PlaceId::new(name),
        api: Api::Openai,
        tier,
        kind: Kind::Appliance,
        zone,
        provider: name.into(),
        terms: decide::Terms::default(),
        economics: None,
    };
    let model = Model {
        id: model.into(),
        context_tokens: Some(8_192),
        caps: Caps::default(),
        price: Some(Price::free("test")),
        ..Model::default()
    };
    PlaceState { place: Arc::new(place), models: vec![Arc::new(model)], health: Health::Up, load: Load::default() }
}

/// Three replicas, and a cloud that comes after them.
fn fleet() -> Fleet {
    let near = ["gpu0", "gpu1", "gpu2"].map(|n| place(n, Zone::OwnNetwork, "llama"));
    Fleet { version: 1, places: near.into_iter().chain([place("cloud", Zone::VendorCloud, "llama")]).collect() }
}

fn session(i: usize) -> Need {
    Need { model: "auto".into(), session: Some(format!("-/s{i}")), output_tokens: 10, ..Need::default() }
}

fn run(need: &Need, seen: &Seen) -> Verdict {
    choose_live(need, &fleet(), &Policy::default(), seen)
}

fn first(v: &Verdict) -> &str {
    v.order[0].place.id.as_str()
}

fn well() -> Standing {
    Standing { wait_us: Some(20_000), ..Standing::default() }
}

fn all_well() -> Seen {
    Seen { places: ["gpu0", "gpu1", "gpu2", "cloud"].into_iter().map(|n| (n, well())).collect(), chance: 1 }
}

#[test]
fn sessions_stay_at_home_while_all_are_well() {
    for i in 0..200 {
        let home = choose(&session(i), &fleet(), &Policy::default());
        for chance in [0, 1, 255, 256, 511, 512, u64::MAX] {
            let mut seen = all_well();
            seen.chance = chance;
            // Within noise and half as much again.
            seen.places.get_mut("gpu1").unwrap().wait_us = Some(28_000);
            let v = run(&session(i), &seen);
            assert_eq!(first(&v), first(&home), "session {i}");
            assert_eq!((v.order[0].reason.pick, v.order[1].reason.pick), (Pick::Home, Pick::Spare));
            assert_eq!(v.order[3].reason.pick, Pick::Only, "the cloud is no replica");
        }
    }
}

/// Grey failure: one of three answers, but a hundred times slower.
#[test]
fn a_slow_replica_loses_its_sessions_and_gets_one_probe_in_many() {
    let mut seen = all_well();
    let mut probes = 0;
    for i in 0..3_000u64 {
        seen.chance = i;
        seen.places.insert("gpu2", Standing { wait_us: Some(2_000_000), idle_ms: 6_000, ..Standing::default() });
        let v = run(&session(usize::try_from(i).unwrap()), &seen);
        if first(&v) == "gpu2" {
            assert_eq!(v.order[0].reason.pick, Pick::Probe);
            probes += 1;
        }
        assert!(v.order.iter().any(|c| c.place.id.as_str() == "gpu2"), "it stays a candidate");
    }
    assert!((1..30).contains(&probes), "{probes} of 3000: fewer than one in a hundred, but some");
    seen.places.get_mut("gpu2").unwrap().idle_ms = 4_999;
    assert!((0..3_000).all(|i| first(&run(&session(i), &seen)) != "gpu2"), "asked a moment ago: no probe");
    seen.places.get_mut("gpu2").unwrap().idle_ms = 60_000;
    assert!((0..100).any(|i| first(&run(&session(i), &seen)) == "gpu2"), "forgotten: whoever belongs there tries");
}

#[test]
fn work_under_way_counts_as_well_as_the_wait() {
    let mut seen = all_well();
    seen.places.get_mut("gpu0").unwrap().outstanding_tokens = 40_000;
    assert!((0..300).all(|i| first(&run(&session(i), &seen)) != "gpu0"));
    let mut counts = HashMap::new();
    for i in 0..3_000u64 {
        seen.chance = i << 8;
        let v = run(&session(usize::try_from(i).unwrap()), &seen);
        *counts.entry(first(&v).to_owned()).or_insert(0) += 1;
    }
    assert!(counts.values().all(|n| (1_200..1_800).contains(n)), "chance spreads what moves: {counts:?}");
}

#[test]
fn a_place_that_was_never_asked_is_asked() {
    let mut seen = all_well();
    seen.places.remove("gpu1");
    assert!((0..100).any(|i| first(&run(&session(i), &seen)) == "gpu1"));
}

#[test]
fn closed_places_go_last_whatever_the_objective_and_say_why() {
    for gate in [Gate::Full, Gate::Paused, Gate::Open] {
        let mut seen = all_well();
        seen.places.insert("gpu1", Standing { gate, ..well() });
        for model in ["auto", "auto:cheap", "auto:best", "auto:fast", "llama"] {
            let v = run(&Need { model: model.into(), ..session(1) }, &seen);
            assert_eq!(v.order.last().unwrap().place.id.as_str(), "gpu1", "{model}");
            assert_eq!(v.order.len(), 4, "and is never left out");
        }
    }
    let mut seen = all_well();
    seen.places.insert("gpu1", Standing { gate: Gate::Paused, ..well() });
    let v = run(&session(1), &seen);
    assert!(v.order[3].to_string().ends_with("asked us to wait"), "{}", v.order[3]);
    assert!(v.order[0].to_string().contains("conversation belongs"), "{}", v.order[0]);
}

#[test]
fn a_route_keeps_its_order_among_what_is_free() {
    let mut policy = Policy::default();
    let target = |p: &str| Target { place: p.into(), model: "*".into() };
    let targets = ["gpu2", "gpu0", "cloud"].map(target).to_vec();
    policy.routes.insert("mine".into(), Route { targets, ..Route::default() });
    let names = |seen: &Seen| {
        let v = choose_live(&Need { model: "mine".into(), ..session(1) }, &fleet(), &policy, seen);
        v.order.iter().map(|c| c.place.id.as_str().to_owned()).collect::<Vec<_>>()
    };
    let mut seen = all_well();
    seen.places.get_mut("gpu2").unwrap().wait_us = Some(9_000_000);
    assert_eq!(names(&seen), ["gpu2", "gpu0", "cloud"], "slow is no reason to leave the order that was given");
    seen.places.get_mut("gpu2").unwrap().gate = Gate::Open;
    assert_eq!(names(&seen), ["gpu0", "cloud", "gpu2"]);
}

fn any_standing() -> impl Strategy<Value = Standing> {
    let gate = prop::sample::select(vec![Gate::Free, Gate::Free, Gate::Full, Gate::Paused, Gate::Open]);
    (gate, any::<Option<u64>>(), any::<u64>(), any::<u64>(), any::<u32>()).prop_map(
        |(gate, wait_us, outstanding_tokens, idle_ms, running)| Standing {
            gate,
            wait_us,
            running,
            outstanding_tokens,
            idle_ms,
        },
    )
}

proptest! {
    /// Whatever is seen: the same candidates and refusals as without, each once, and free ones before closed ones.
    #[test]
    fn only_the_order_depends_on_the_moment(
        standings in prop::collection::vec(prop::option::of(any_standing()), 4),
        chance in any::<u64>(),
        i in 0usize..50,
        model in prop::sample::select(vec!["auto", "auto:fast", "auto:best", "llama", "gpu1/llama"]),
    ) {
        let names = ["gpu0", "gpu1", "gpu2", "cloud"];
        let places = names.into_iter().zip(standings).filter_map(|(n, s)| Some((n, s?))).collect();
        let seen = Seen { places, chance };
        let need = Need { model: model.into(), ..session(i) };
        let (v, plain) = (run(&need, &seen), choose(&need, &fleet(), &Policy::default()));
        let sorted = |v: &Verdict| {
            let mut names: Vec<_> = v.order.iter().map(|c| c.place.id.clone()).collect();
            names.sort();
            names
        };
        prop_assert_eq!(sorted(&v), sorted(&plain));
        prop_assert_eq!(&v.refused, &plain.refused);
        let gates: Vec<bool> =
            v.order.iter().map(|c| c.reason.standing.is_some_and(|s| s.gate != Gate::Free)).collect();
        prop_assert!(gates.is_sorted(), "{gates:?}");
        prop_assert_eq!(&v, &run(&need, &seen), "the same inputs give the same verdict");
    }
}
