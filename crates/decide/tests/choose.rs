//! What `choose` decides, case by case, and the properties that hold for every fleet and need.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use decide::*;
use proptest::prelude::*;
use std::sync::Arc;

fn model(id: &str, price: Option<(i64, i64)>) -> Arc<Model> {
    Arc::new(Model {
        id: id.into(),
        context_tokens: Some(2_048),
        price: price.map(|(input, output)| Price::plain(input, output, None, "test")),
        ..Model::default()
    })
}

fn place(name: &str, tier: Tier, zone: Zone, models: Vec<Arc<Model>>) -> PlaceState {
    let kind = if zone == Zone::VendorCloud { Kind::Serverless } else { Kind::Appliance };
    let place = Place {
        id: PlaceId::new(name),
        api: Api::Openai,
        tier,
        kind,
        zone,
        provider: name.into(),
        terms: decide::Terms::default(),
        economics: None,
    };
    PlaceState { place: Arc::new(place), models, health: Health::Up, load: Load::default() }
}

/// An embedded model, a larger one on the same host, and two clouds.
fn fleet() -> Fleet {
    let tools = Caps { tools: true, json_schema: true, ..Caps::default() };
    let strongest = |m: Arc<Model>| Arc::new(Model { quality_permille: Some(950), ..(*m).clone() });
    let with_tools = |m: Arc<Model>| Arc::new(Model { caps: tools, context_tokens: Some(200_000), ..(*m).clone() });
    Fleet {
        version: 7,
        places: vec![
            place("edge", Tier::Edge, Zone::Embedded, vec![model("dewpoint-edge", Some((0, 0)))]),
            place("ollama", Tier::Local, Zone::SameHost, vec![with_tools(model("qwen3:latest", Some((0, 0))))]),
            place(
                "openai",
                Tier::Cloud,
                Zone::VendorCloud,
                vec![
                    strongest(with_tools(model("gpt-5", Some((1_250_000_000, 10_000_000_000))))),
                    with_tools(model("gpt-5-mini", Some((250_000_000, 2_000_000_000)))),
                ],
            ),
            place("mystery", Tier::Cloud, Zone::VendorCloud, vec![with_tools(model("gpt-5", None))]),
        ],
    }
}

fn need(model: &str, difficulty: u16) -> Need {
    Need {
        model: model.into(),
        difficulty: Difficulty(difficulty),
        input_tokens: 20,
        output_tokens: 100,
        ..Need::default()
    }
}

fn order(v: &Verdict) -> Vec<String> {
    v.order.iter().map(|c| format!("{}/{}", c.place.id, c.model.id)).collect()
}

fn run(n: &Need) -> Verdict {
    choose(n, &fleet(), &Policy::default())
}

#[test]
fn auto_takes_the_least_that_is_enough() {
    assert_eq!(order(&run(&need("auto", 100)))[0], "edge/dewpoint-edge");
    assert_eq!(order(&run(&need("auto", 500)))[0], "ollama/qwen3:latest");
    assert_eq!(order(&run(&need("auto", 800)))[0], "openai/gpt-5-mini");
}

#[test]
fn when_nothing_is_enough_the_strongest_comes_first() {
    assert_eq!(
        order(&run(&need("auto", 999))),
        ["openai/gpt-5", "openai/gpt-5-mini", "mystery/gpt-5", "ollama/qwen3:latest", "edge/dewpoint-edge"]
    );
}

#[test]
fn cheap_counts_an_unknown_price_as_the_highest() {
    let names = order(&run(&need("auto:cheap", 100)));
    assert_eq!(names.last().unwrap(), "mystery/gpt-5");
    assert_eq!(names[0], "ollama/qwen3:latest", "of two free places the better one");
}

#[test]
fn local_never_lists_a_cloud() {
    let v = run(&need("auto:local", 999));
    assert!(v.order.iter().all(|c| c.place.zone <= Zone::OwnNetwork));
    assert!(v.refused.iter().all(|r| matches!(r.why, Refusal::NotLocal(_))));
}

#[test]
fn explicit_names_have_one_candidate_and_bare_names_every_holder() {
    assert_eq!(order(&run(&need("openai/gpt-5", 1))), ["openai/gpt-5"]);
    assert_eq!(order(&run(&need("ollama/qwen3", 1))), ["ollama/qwen3:latest"]);
    assert_eq!(order(&run(&need("gpt-5", 1))), ["openai/gpt-5", "mystery/gpt-5"]);
}

#[test]
fn an_explicit_name_does_not_pass_the_policy() {
    let n = Need { class: DataClass::Sensitive, ..need("openai/gpt-5", 1) };
    let v = run(&n);
    let fault = v.fault(&n, &fleet()).unwrap();
    assert_eq!(fault.cause, Cause::PolicyDenied);
    assert!(fault.shown.contains("class sensitive may go no farther than own-network"), "{}", fault.shown);
}

#[test]
fn routes_keep_their_order_and_raise_the_class() {
    let mut policy = Policy::default();
    let target = |place: &str, model: &str| Target { place: place.into(), model: model.into() };
    policy.routes.insert(
        "support".into(),
        Route {
            cascade: None,
            targets: vec![target("openai", "gpt-5-mini"), target("ollama", "*")],
            objective: None,
            class: Some(DataClass::Personal),
            tags: vec![],
            durability: decide::Durability::Standard,
        },
    );
    let v = choose(&need("support", 1), &fleet(), &policy);
    assert_eq!(v.class, DataClass::Personal);
    assert_eq!(order(&v), ["openai/gpt-5-mini", "ollama/qwen3:latest"]);
    let redacted: Vec<_> = v.order.iter().map(|c| c.reason.redact_above).collect();
    assert_eq!(redacted, [Some(DataClass::Internal), None], "the cloud gets it redacted, this host as it is");
    policy.routes.get_mut("support").unwrap().class = Some(DataClass::Sensitive);
    let v = choose(&need("support", 1), &fleet(), &policy);
    assert_eq!(order(&v), ["ollama/qwen3:latest"]);
    assert!(matches!(v.refused[0].why, Refusal::Class { .. }));
}

#[test]
fn hard_constraints_have_their_own_faults() {
    let cause = |n: &Need, f: &Fleet| choose(n, f, &Policy::default()).fault(n, f).map(|x| x.cause);
    let f = fleet();
    assert_eq!(cause(&need("gpt-9", 1), &f), Some(Cause::ModelNotFound));
    assert_eq!(cause(&Need { tools: true, ..need("edge/dewpoint-edge", 1) }, &f), Some(Cause::Unsupported));
    assert_eq!(cause(&Need { input_tokens: 300_000, ..need("auto", 1) }, &f), Some(Cause::ContextLength));
    let scoped = Need { places_allowed: Some(vec!["nowhere".into()]), ..need("auto", 1) };
    assert_eq!(cause(&scoped, &f), Some(Cause::Forbidden));
    let mut down = fleet();
    down.places.iter_mut().for_each(|p| p.health = Health::Down("refused".into()));
    assert_eq!(cause(&need("auto", 1), &down), Some(Cause::NoPlaceReady));
    assert_eq!(cause(&need("auto", 1), &Fleet::default()), Some(Cause::NoPlaceReady));
}

#[test]
fn context_is_refused_one_past_the_limit_only() {
    let fits = Need { input_tokens: 2_048 - 64, ..need("edge/dewpoint-edge", 1) };
    assert!(run(&fits).fault(&fits, &fleet()).is_none());
    let over = Need { input_tokens: 2_048 - 63, ..fits };
    assert_eq!(run(&over).refused[0].why, Refusal::Context { need: 2_049, has: 2_048 });
}

#[test]
fn key_scopes_match_names_and_prefixes() {
    let scoped = |patterns: &[&str]| {
        let list = patterns.iter().map(|p| (*p).to_owned()).collect();
        order(&run(&Need { models_allowed: Some(list), ..need("auto:best", 1) }))
    };
    assert_eq!(scoped(&["openai/*"]), ["openai/gpt-5", "openai/gpt-5-mini"]);
    assert_eq!(scoped(&["gpt-5-*"]), ["openai/gpt-5-mini"]);
    assert_eq!(scoped(&["mystery/gpt-5"]), ["mystery/gpt-5"]);
    assert!(scoped(&["open"]).is_empty());
}

#[test]
fn a_queue_makes_a_fast_place_slow() {
    let mut f = fleet();
    f.places[0].load = Load { running: 1, waiting: 40, ttft_ms: Some(100), ..Load::default() };
    let v = choose(&need("auto:fast", 1), &f, &Policy::default());
    assert_eq!(order(&v)[0], "ollama/qwen3:latest");
}

#[test]
fn a_session_stays_with_its_replica_and_sessions_spread() {
    let replica = |name: &str| place(name, Tier::Local, Zone::OwnNetwork, vec![model("llama", Some((0, 0)))]);
    let names = ["gpu0", "gpu1", "gpu2", "gpu3"];
    let f = Fleet { version: 1, places: names.iter().map(|n| replica(n)).collect() };
    let mut seen = [0usize; 4];
    for i in 0..400 {
        let n = Need { session: Some(format!("-/s{i}")), ..need("auto", 100) };
        let first = choose(&n, &f, &Policy::default()).order[0].place.id.clone();
        seen[names.iter().position(|x| *x == first.as_str()).unwrap()] += 1;
        let mut fewer = f.clone();
        let gone = fewer.places.iter().position(|p| p.place.id != first).unwrap();
        fewer.places.remove(gone);
        assert_eq!(
            choose(&n, &fewer, &Policy::default()).order[0].place.id,
            first,
            "losing another place moves nobody"
        );
    }
    assert!(seen.iter().all(|n| (60..=140).contains(n)), "{seen:?}");
}

#[test]
fn a_permit_asks_the_policy_of_now() {
    let v = run(&Need { class: DataClass::Personal, ..need("auto", 1) });
    let mut strict = Policy::default();
    strict.reach.insert(DataClass::Personal, Zone::Embedded);
    assert!(permit(&v, 0, &fleet(), &strict).is_ok());
    assert!(matches!(permit(&v, 1, &fleet(), &strict), Err(Refusal::Class { .. })), "ollama is too far now");
    assert!(matches!(permit(&v, 9, &fleet(), &strict), Err(Refusal::NotNamed)));
    assert!(permit(&v, 0, &Fleet::default(), &strict).is_err(), "the place is gone");
}

#[test]
fn the_summary_is_one_ascii_line() {
    assert_eq!(
        run(&need("auto", 100)).summary(),
        "sufficient;task=chat;difficulty=100;class=internal;chosen=edge/dewpoint-edge;quality=250;of=5"
    );
}

#[test]
fn no_other_room_can_make_a_permit() {
    trybuild::TestCases::new().compile_fail("tests/forged/*.rs");
}

fn any_need() -> impl Strategy<Value = Need> {
    let names = prop::sample::select(vec![
        "auto",
        "auto:cheap",
        "auto:best",
        "auto:local",
        "auto:fast",
        "gpt-5",
        "openai/gpt-5",
    ]);
    (names, 0u16..=1000, 0usize..5, any::<bool>(), 0u32..400_000).prop_map(|(m, d, class, tools, input_tokens)| Need {
        class: DataClass::ALL[class],
        tools,
        input_tokens,
        ..need(m, d)
    })
}

proptest! {
    /// Nothing is ever listed that a hard constraint forbids, and the same inputs give the same verdict.
    #[test]
    fn verdicts_hold_every_constraint(n in any_need()) {
        let (f, p) = (fleet(), Policy::default());
        let v = choose(&n, &f, &p);
        prop_assert_eq!(&v, &choose(&n, &f, &p));
        prop_assert_eq!(v.order.is_empty(), v.fault(&n, &f).is_some());
        for (rank, c) in v.order.iter().enumerate() {
            let redacted = c.reason.redact_above.is_some();
            prop_assert!(c.place.zone <= p.reach(n.class) || redacted && n.class == DataClass::Personal);
            prop_assert!(!n.tools || c.model.caps.tools);
            prop_assert!(c.model.context_tokens.unwrap() >= n.input_tokens);
            prop_assert!(permit(&v, rank, &f, &p).is_ok());
        }
    }

    /// A higher class never gains a place.
    #[test]
    fn a_higher_class_reaches_no_farther(n in any_need()) {
        let (f, p) = (fleet(), Policy::default());
        let mut last = usize::MAX;
        for class in DataClass::ALL {
            let count = choose(&Need { class, ..n.clone() }, &f, &p).order.len();
            prop_assert!(count <= last);
            last = count;
        }
    }
}

/// Two embedding models at three places, a reranker and a model that writes.
fn encoders() -> Fleet {
    let caps = |caps: Caps, m: Arc<Model>| Arc::new(Model { caps, ..(*m).clone() });
    let embeds = |id: &str| caps(Caps { embeddings: true, ..Caps::default() }, model(id, Some((0, 0))));
    let ranks = |id: &str| caps(Caps { rerank: true, ..Caps::default() }, model(id, Some((0, 0))));
    Fleet {
        version: 1,
        places: vec![
            place("near", Tier::Edge, Zone::Embedded, vec![embeds("nomic"), model("writer", Some((0, 0)))]),
            place("host", Tier::Local, Zone::SameHost, vec![embeds("nomic:latest"), embeds("bge"), ranks("judge")]),
            place("cloud", Tier::Cloud, Zone::VendorCloud, vec![embeds("bge"), model("large", Some((1, 1)))]),
        ],
    }
}

#[test]
fn embeddings_go_to_one_model_only_wherever_it_is() {
    let n = Need { embeddings: true, input_tokens: 9_000, ..need("auto", 0) };
    let v = choose(&n, &encoders(), &Policy::default());
    assert_eq!(order(&v), ["near/nomic", "host/nomic:latest"], "the sum of the texts is not judged by one window");
    assert!(v.refused.iter().any(|r| &*r.model.id == "bge" && matches!(r.why, Refusal::OtherModel(_))));
    let v = choose(&Need { model: "bge".into(), ..n }, &encoders(), &Policy::default());
    assert_eq!(order(&v).len(), 2);
    assert!(order(&v).iter().all(|o| o.ends_with("/bge")));
}

#[test]
fn health_and_load_never_change_which_model_makes_the_vectors() {
    let n = Need { embeddings: true, ..need("auto", 0) };
    let mut fleet = encoders();
    fleet.places[0].health = Health::Down("x".into());
    assert_eq!(order(&choose(&n, &fleet, &Policy::default())), ["host/nomic:latest"]);
    fleet.places[1].health = Health::Down("x".into());
    let v = choose(&n, &fleet, &Policy::default());
    assert_eq!(v.order.len(), 0, "rather nothing than vectors of another model");
    assert_eq!(v.fault(&n, &fleet).unwrap().cause, Cause::NoPlaceReady);
}

#[test]
fn encoders_write_nothing_and_writers_encode_nothing() {
    let all = |v: &Verdict| order(v).join(" ");
    let v = choose(&need("auto", 0), &encoders(), &Policy::default());
    assert!(!v.order.is_empty() && !all(&v).contains("nomic") && !all(&v).contains("judge"), "{}", all(&v));
    let v = choose(&Need { rerank: true, ..need("auto", 0) }, &encoders(), &Policy::default());
    assert_eq!(order(&v), ["host/judge"]);
    let n = Need { embeddings: true, ..need("near/writer", 0) };
    let v = choose(&n, &encoders(), &Policy::default());
    assert_eq!(v.fault(&n, &encoders()).unwrap().cause, Cause::Unsupported);
}

#[test]
fn what_becomes_of_an_unknown_price_is_the_keys_to_say() {
    let unknown = model("new", None);
    let guess = Price::plain(5_000_000_000, 9_000_000_000, None, "estimate:dearest of vendor");
    let guessed = Model { price_assumed: Some(guess.clone()), ..Model::clone(&unknown) };
    let ask = |unpriced, model: &Arc<Model>| {
        let places = vec![place("vendor", Tier::Cloud, Zone::VendorCloud, vec![model.clone()])];
        let fleet = Fleet { version: 1, places };
        let need = Need { unpriced, ..need("vendor/new", 100) };
        let verdict = choose(&need, &fleet, &Policy::default());
        let fault = verdict.fault(&need, &fleet);
        (verdict, fault)
    };
    let (verdict, _) = ask(Unpriced::Allow, &unknown);
    assert_eq!(verdict.order[0].reason.cost_nanousd, None, "unknown is not zero");
    for model in [&unknown, &Arc::new(guessed.clone())] {
        let (verdict, fault) = ask(Unpriced::Deny, model);
        assert!(matches!(verdict.refused[0].why, Refusal::Unpriced));
        let fault = fault.unwrap();
        assert_eq!((fault.cause, fault.cause.status()), (Cause::PolicyDenied, 403));
        assert!(fault.shown.contains("vendor/new has no known price") && fault.shown.contains("[[price]]"));
    }
    let (verdict, _) = ask(Unpriced::Estimate, &unknown);
    assert!(verdict.order.is_empty(), "with nothing to estimate by, it is refused");
    let (verdict, _) = ask(Unpriced::Estimate, &Arc::new(guessed));
    let chosen = &verdict.order[0];
    assert_eq!(chosen.model.price.as_ref(), Some(&guess));
    assert!(chosen.reason.cost_nanousd.is_some_and(|c| c > 0));
}
