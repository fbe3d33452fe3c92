//! What the policy lets through: tables of cases, and the properties that hold for every policy, place and request.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use decide::*;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;

const NOW: u64 = 1_700_000_000;

fn set(words: &[&str]) -> BTreeSet<Arc<str>> {
    words.iter().map(|w| Arc::from(*w)).collect()
}

fn lands(words: &[&str]) -> BTreeSet<Arc<str>> {
    words.iter().flat_map(|w| countries(w).unwrap()).collect()
}

fn place(name: &str, zone: Zone, terms: Terms) -> Place {
    Place {
        id: PlaceId::new(name),
        api: Api::Openai,
        tier: Tier::Cloud,
        kind: Kind::Serverless,
        zone,
        provider: name.into(),
        terms,
        economics: None,
    }
}

/// One place of each zone without terms, and three clouds that declare some.
fn places() -> Vec<Place> {
    let eu = Terms {
        regions: lands(&["DE", "FR"]),
        legal_seat: Some("FR".into()),
        retention: Retention::None,
        training: Training::Never,
        contracts: set(&["DPA", "BAA"]),
        evidence: Some("contract 7".into()),
        expires_unix_s: None,
    };
    let us = Terms {
        regions: lands(&["US"]),
        legal_seat: Some("US".into()),
        retention: Retention::Days(30),
        training: Training::OptedOut,
        contracts: set(&["DPA"]),
        ..Terms::default()
    };
    let expired = Terms { expires_unix_s: Some(NOW), ..eu.clone() };
    vec![
        place("edge", Zone::Embedded, Terms::default()),
        place("ollama", Zone::SameHost, Terms::default()),
        place("gpu", Zone::OwnNetwork, Terms::default()),
        place("rented", Zone::RentedDedicated, Terms::default()),
        place("bare", Zone::VendorCloud, Terms::default()),
        place("eu", Zone::VendorCloud, eu),
        place("us", Zone::VendorCloud, us),
        place("late", Zone::VendorCloud, expired),
    ]
}

fn fleet() -> Fleet {
    let model = Arc::new(Model { id: "m".into(), caps: Caps { vision: true, ..Caps::default() }, ..Model::default() });
    let state = |place: Place| PlaceState {
        place: Arc::new(place),
        models: vec![model.clone()],
        health: Health::Up,
        load: Load::default(),
    };
    Fleet { version: 1, places: places().into_iter().map(state).collect() }
}

fn need(class: DataClass) -> Need {
    Need { model: "auto".into(), class, at_unix_s: NOW, ..Need::default() }
}

fn found(kinds: &[(&str, DataClass)]) -> Found {
    let mut found = Found::default();
    kinds.iter().for_each(|(kind, class)| found.note(&Arc::from(*kind), *class));
    found
}

fn rule(id: &str, classes: &[DataClass], demand: Demand) -> Rule {
    Rule { id: id.into(), classes: classes.iter().copied().collect(), demand, ..Rule::default() }
}

fn policy(rules: Vec<Rule>) -> Policy {
    Policy { rules: rules.into_iter().map(Arc::new).collect(), ..Policy::default() }
}

/// What goes where: `edge ollama gpu>internal` (to gpu only with what is above internal taken out).
fn way(need: &Need, policy: &Policy) -> String {
    let verdict = choose(need, &fleet(), policy);
    let mut list: Vec<(usize, String)> = Vec::new();
    let all = places();
    let at = |id: &PlaceId| all.iter().position(|p| p.id == *id).unwrap();
    for c in &verdict.order {
        let redact = c.reason.redact_above.map(|class| format!(">{class}")).unwrap_or_default();
        list.push((at(&c.place.id), format!("{}{redact}", c.place.id)));
    }
    list.sort();
    list.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(" ")
}

/// What one place says no to a request with.
fn why(need: &Need, policy: &Policy, place: &str) -> String {
    let verdict = choose(need, &fleet(), policy);
    verdict.refused.iter().find(|r| r.place.id.as_str() == place).unwrap().why.to_string()
}

use DataClass::{Internal, Personal, Public, Secret, Sensitive};

const ALL: &str = "edge ollama gpu rented bare eu us late";

#[test]
fn with_nothing_configured_the_built_in_rules_hold() {
    let p = Policy::default();
    assert_eq!(way(&need(Public), &p), ALL);
    assert_eq!(way(&need(Internal), &p), ALL);
    let personal = "edge ollama gpu rented>internal bare>internal eu>internal us>internal late>internal";
    assert_eq!(way(&need(Personal), &p), personal);
    assert_eq!(way(&need(Sensitive), &p), "edge ollama gpu");
    assert_eq!(way(&need(Secret), &p), "edge ollama");
    let text = "class sensitive may go no farther than own-network (built-in rule), and this is vendor-cloud";
    assert_eq!(why(&need(Sensitive), &p, "eu"), text);
}

#[test]
fn what_was_found_raises_the_class_and_is_taken_out_where_it_may_be() {
    let p = Policy::default();
    let with = |kinds: &[(&str, DataClass)]| Need { found: found(kinds), ..need(Internal) };
    let mail = with(&[("EMAIL_ADDRESS", Personal)]);
    assert_eq!(choose(&mail, &fleet(), &p).class, Personal);
    assert_eq!(choose(&mail, &fleet(), &p).declared, Internal);
    let redacted = "edge ollama gpu rented>internal bare>internal eu>internal us>internal late>internal";
    assert_eq!(way(&mail, &p), redacted);
    let key = with(&[("github-pat", Secret)]);
    let taken = "edge ollama gpu>sensitive rented>internal bare>internal eu>internal us>internal late>internal";
    assert_eq!(way(&key, &p), taken, "a secret is taken out beyond this host");
    assert_eq!(choose(&key, &fleet(), &p).class, Secret);
    let health = with(&[("EMAIL_ADDRESS", Personal), ("MEDICAL", Sensitive)]);
    assert_eq!(way(&health, &p), "edge ollama gpu", "what is sensitive is never taken out");
    // A found secret is taken out even where the rules would let secrets go; one that was declared is not.
    let mut far = Policy::default();
    DataClass::ALL.iter().for_each(|c| _ = far.reach.insert(*c, Zone::VendorCloud));
    assert!(way(&key, &far).contains("bare>sensitive"));
    assert_eq!(way(&Need { class: Secret, ..key }, &far), ALL);
}

#[test]
fn what_no_detector_can_read_is_not_clean() {
    let p = Policy::default();
    let image = |class| Need { unscanned: true, vision: true, ..need(class) };
    assert_eq!(way(&image(Internal), &p), ALL, "it has the declared class");
    assert_eq!(way(&image(Personal), &p), "edge ollama gpu");
    assert!(why(&image(Personal), &p, "bare").contains("takes class personal only redacted (built-in rule)"));
    let with_mail = Need { found: found(&[("EMAIL_ADDRESS", Personal)]), ..image(Internal) };
    assert!(way(&with_mail, &p).contains("bare>internal"), "the image is internal, the address is taken out");
}

#[test]
fn what_has_no_place_in_the_text_cannot_be_taken_out() {
    let p = Policy::default();
    let loose = |class, declared| {
        let mut found = found(&[("EMAIL_ADDRESS", Personal)]);
        found.note_loose(&Arc::from("READER"), class);
        Need { found, ..need(declared) }
    };
    assert_eq!(
        way(&loose(Internal, Internal), &p),
        way(&Need { found: found(&[("EMAIL_ADDRESS", Personal)]), ..need(Internal) }, &p)
    );
    for class in [Personal, Sensitive] {
        assert_eq!(way(&loose(class, Internal), &p), "edge ollama gpu", "{class}");
        assert_eq!(choose(&loose(class, Public), &fleet(), &p).class, class);
    }
    assert!(why(&loose(Personal, Internal), &p, "us").contains("takes class personal only redacted (built-in rule)"));
    assert!(why(&loose(Sensitive, Internal), &p, "us").contains("class sensitive may go no farther than own-network"));
    // Where the class may go as it is, it goes, with what else was found taken out as ever.
    let open = Policy { reach: [(Personal, Zone::VendorCloud)].into(), ..Policy::default() };
    assert_eq!(way(&loose(Personal, Internal), &open), ALL);
    // An undeclared secret leaves this host only taken out.
    let open =
        Policy { reach: [(Secret, Zone::VendorCloud), (Sensitive, Zone::VendorCloud)].into(), ..Policy::default() };
    assert_eq!(way(&loose(Secret, Internal), &open), "edge ollama");
}

#[test]
fn a_search_that_failed_keeps_the_request_on_this_host() {
    let failed = Found { failed: Some("out of time".into()), ..Found::default() };
    for class in [Public, Internal, Personal, Sensitive, Secret] {
        let n = Need { found: failed.clone(), ..need(class) };
        assert_eq!(way(&n, &Policy::default()), "edge ollama");
        let verdict = choose(&n, &fleet(), &Policy::default());
        assert!(verdict.refused.iter().all(|r| r.why.is_policy()));
    }
    let n = Need { found: failed, ..need(Public) };
    assert!(why(&n, &Policy::default(), "eu").contains("did not finish (out of time)"));
}

#[test]
fn reach_stands_in_place_of_the_built_in_rule() {
    let reach = |list: &[(DataClass, Zone)]| Policy { reach: list.iter().copied().collect(), ..Policy::default() };
    assert_eq!(way(&need(Personal), &reach(&[(Personal, Zone::OwnNetwork)])), "edge ollama gpu", "no redacted cloud");
    assert_eq!(way(&need(Personal), &reach(&[(Personal, Zone::VendorCloud)])), ALL, "as it is");
    let text = "class personal may go no farther than own-network ([policy] reach), and this is vendor-cloud";
    assert_eq!(why(&need(Personal), &reach(&[(Personal, Zone::OwnNetwork)]), "us"), text);
    // What a lower class may not, a higher may not either.
    let upside_down = reach(&[(Internal, Zone::SameHost), (Sensitive, Zone::VendorCloud)]);
    assert_eq!(way(&need(Sensitive), &upside_down), "edge ollama");
    assert_eq!(way(&need(Public), &upside_down), ALL);
    let sensitive = reach(&[(Sensitive, Zone::VendorCloud)]);
    assert!(way(&need(Sensitive), &sensitive).contains("eu>internal"), "as far as personal data, and as redacted");
}

#[test]
fn a_rule_for_a_class_stands_in_place_of_the_built_in_one() {
    let eu = Demand { regions: Some(lands(&["EU"])), ..Demand::default() };
    let p = policy(vec![rule("eu", &[Personal, Sensitive], eu.clone())]);
    assert_eq!(way(&need(Personal), &p), "edge ollama eu");
    assert_eq!(way(&need(Sensitive), &p), "edge ollama eu", "its own network does not say where it is");
    assert_eq!(way(&need(Secret), &p), "edge ollama");
    assert_eq!(way(&need(Internal), &p), ALL);
    assert_eq!(why(&need(Personal), &p, "bare"), "rule `eu` wants regions within EU; this place says nothing");
    assert_eq!(why(&need(Personal), &p, "us"), "rule `eu` wants regions within EU; this place says US");
    let late = "rule `eu` wants terms that hold; those of this place have expired";
    assert_eq!(why(&need(Personal), &p, "late"), late);
    let redacted = policy(vec![Rule { through: Through::Redacted, ..rule("eu", &[Personal], eu.clone()) }]);
    assert_eq!(way(&need(Personal), &redacted), "edge>internal ollama>internal eu>internal");
    let elsewhere = policy(vec![Rule { through: Through::RedactedElsewhere, ..rule("eu", &[Personal], eu) }]);
    let both = "edge ollama gpu>internal rented>internal bare>internal eu us>internal late>internal";
    assert_eq!(way(&need(Personal), &elsewhere), both);
}

#[test]
fn the_built_in_rules_can_be_written_down() {
    let zone = |zone| Demand { zone: Some(zone), ..Demand::default() };
    let elsewhere = Rule { through: Through::RedactedElsewhere, ..rule("b", &[Personal], zone(Zone::OwnNetwork)) };
    let written = policy(vec![
        rule("a", &[Public, Internal], Demand::default()),
        elsewhere,
        rule("c", &[Sensitive], zone(Zone::OwnNetwork)),
        rule("d", &[Secret], zone(Zone::SameHost)),
    ]);
    for class in DataClass::ALL {
        for unscanned in [false, true] {
            let n = Need { unscanned, found: found(&[("k", class)]), ..need(Internal) };
            assert_eq!(way(&n, &written), way(&n, &Policy::default()));
            let n = Need { unscanned, ..need(class) };
            assert_eq!(way(&n, &written), way(&n, &Policy::default()));
        }
    }
}

#[test]
fn every_attribute_is_demanded_and_what_is_not_declared_is_the_worst() {
    let d = Demand::default;
    for (demand, wanted, text) in [
        (
            Demand { regions: Some(lands(&["DE", "FR"])), ..d() },
            "edge ollama eu",
            "regions within DE, FR; this place says nothing",
        ),
        (Demand { regions: Some(lands(&["DE"])), ..d() }, "edge ollama", "regions within DE; this place says nothing"),
        (
            Demand { legal_seat: Some(lands(&["EU"])), ..d() },
            "edge ollama gpu eu",
            "a legal seat in EU; this place says nothing",
        ),
        (
            Demand { retention: Some(Retention::None), ..d() },
            "edge ollama eu",
            "retention of at most none; this place says nothing",
        ),
        (
            Demand { retention: Some(Retention::Days(30)), ..d() },
            "edge ollama eu us",
            "retention of at most 30 days; this place says nothing",
        ),
        (
            Demand { retention: Some(Retention::Days(29)), ..d() },
            "edge ollama eu",
            "retention of at most 29 days; this place says nothing",
        ),
        (
            Demand { training: Some(Training::Never), ..d() },
            "edge ollama gpu eu",
            "training never; this place says nothing",
        ),
        (
            Demand { training: Some(Training::OptedOut), ..d() },
            "edge ollama gpu eu us",
            "training opted-out; this place says nothing",
        ),
        (
            Demand { contracts: set(&["BAA"]), ..d() },
            "edge ollama gpu eu",
            "the contract BAA; this place does not have it",
        ),
        (
            Demand { contracts: set(&["BAA", "DPA"]), ..d() },
            "edge ollama gpu eu",
            "the contract BAA; this place does not have it",
        ),
        (
            Demand { contracts: set(&["DPA"]), ..d() },
            "edge ollama gpu eu us",
            "the contract DPA; this place does not have it",
        ),
        (
            Demand { zone: Some(Zone::RentedDedicated), ..d() },
            "edge ollama gpu rented",
            "rented-dedicated or nearer; this place is vendor-cloud",
        ),
        (Demand { places: Some(set(&["e*", "us"])), ..d() }, "edge eu us", "e*, us, and this is another place"),
        (Demand { regions: Some(BTreeSet::new()), ..d() }, "edge ollama", "regions within ; this place says nothing"),
    ] {
        let p = policy(vec![rule("r", &[Internal], demand)]);
        assert_eq!(way(&need(Internal), &p), wanted, "{text}");
        assert_eq!(why(&need(Internal), &p, "bare"), format!("rule `r` wants {text}"));
    }
}

#[test]
fn declared_terms_count_on_own_ground_too() {
    let declared = Terms { regions: lands(&["US"]), retention: Retention::Days(1), ..Terms::default() };
    let here = place("proxy", Zone::SameHost, declared.clone());
    let eu = Demand { regions: Some(lands(&["EU"])), ..Demand::default() };
    assert_eq!(eu.unmet(&here, NOW), Some(Unmet::Regions(lands(&["US"]))));
    let zdr = Demand { retention: Some(Retention::None), ..Demand::default() };
    assert_eq!(zdr.unmet(&here, NOW), Some(Unmet::Retention(Retention::Days(1))));
    let expired = place("proxy", Zone::SameHost, Terms { expires_unix_s: Some(NOW), ..Terms::default() });
    assert_eq!(zdr.unmet(&expired, NOW), Some(Unmet::Expired), "what was once declared is no longer ours to assume");
    assert_eq!(zdr.unmet(&expired, NOW - 1), None, "a second before the end");
    assert_eq!(Demand::default().unmet(&expired, NOW), None);
}

#[test]
fn tags_keys_and_routes_narrow_and_never_widen() {
    let on = |id: &str, places: &[&str]| rule(id, &[], Demand { places: Some(set(places)), ..Demand::default() });
    let mut p = policy(vec![
        Rule { tags: set(&["customer:acme"]), ..on("acme", &["gpu", "edge"]) },
        Rule { keys: set(&["intern"]), ..on("intern", &["edge", "us"]) },
        Rule { routes: set(&["help"]), ..on("help", &["e*"]) },
        // Names a class, but has a condition: a request cannot fetch itself a wider rule with a tag.
        Rule { tags: set(&["open"]), ..rule("open", &[Sensitive], Demand::default()) },
        Rule { tags: set(&["a", "b"]), ..on("both", &["us"]) },
    ]);
    p.routes.insert("help".into(), Route { tags: vec!["b".into()], ..Route::default() });
    let with = |tags: &[&str]| Need { tags: set(tags).into_iter().collect(), ..need(Internal) };
    assert_eq!(way(&with(&["customer:acme"]), &p), "edge gpu");
    assert_eq!(way(&with(&["customer:acme", "other"]), &p), "edge gpu");
    assert_eq!(way(&with(&["other"]), &p), ALL);
    assert_eq!(way(&Need { key: Some("intern".into()), ..need(Internal) }, &p), "edge us");
    assert_eq!(way(&Need { key: Some("chief".into()), ..need(Internal) }, &p), ALL);
    assert_eq!(way(&Need { key: Some("intern".into()), ..with(&["customer:acme"]) }, &p), "edge");
    assert_eq!(way(&Need { model: "help".into(), ..need(Internal) }, &p), "edge eu");
    assert_eq!(way(&Need { class: Sensitive, ..with(&["open"]) }, &p), "edge ollama gpu");
    assert_eq!(way(&with(&["a"]), &p), ALL);
    assert_eq!(way(&with(&["a", "b"]), &p), "us");
    assert_eq!(way(&Need { model: "help".into(), ..with(&["a"]) }, &p), "", "the route brings the second tag");
}

#[test]
fn denying_narrows_and_leaves_the_built_in_rule_where_it_is() {
    let deny = |classes: &[DataClass], places: Option<&[&str]>| Rule {
        through: Through::Nothing,
        ..rule("no", classes, Demand { places: places.map(set), ..Demand::default() })
    };
    let p = policy(vec![deny(&[Personal], Some(&["us", "b*"]))]);
    assert_eq!(way(&need(Internal), &p), ALL);
    assert_eq!(way(&need(Personal), &p), "edge ollama gpu rented>internal eu>internal late>internal");
    assert_eq!(why(&need(Personal), &p, "us"), "rule `no` denies this place");
    assert_eq!(way(&need(Sensitive), &policy(vec![deny(&[Sensitive], None)])), "");
    assert_eq!(way(&need(Public), &policy(vec![deny(&[], None)])), "");
    let mail = Need { found: found(&[("EMAIL_ADDRESS", Personal)]), ..need(Internal) };
    assert!(!way(&mail, &p).contains("us"), "denied to a class is denied to what is found of it");
    let sensitive_only = policy(vec![deny(&[Secret], None)]);
    let key = Need { found: found(&[("github-pat", Secret)]), ..need(Internal) };
    assert!(way(&key, &sensitive_only).contains("bare>internal"), "a secret that was found is taken out");
    assert!(way(&key, &sensitive_only).starts_with("edge>sensitive"), "here as well");
}

#[test]
fn a_request_tightens_by_a_demand_of_its_own() {
    let demand = |demand| Need { demands: vec![Arc::new(rule("x-dewpoint-policy", &[], demand))], ..need(Internal) };
    let zdr = demand(Demand { retention: Some(Retention::None), ..Demand::default() });
    assert_eq!(way(&zdr, &Policy::default()), "edge ollama eu");
    let near = demand(Demand { zone: Some(Zone::OwnNetwork), ..Demand::default() });
    assert_eq!(way(&near, &Policy::default()), "edge ollama gpu");
    let text = "rule `x-dewpoint-policy` wants own-network or nearer; this place is vendor-cloud";
    assert_eq!(why(&near, &Policy::default(), "eu"), text);
    let wide = demand(Demand { zone: Some(Zone::VendorCloud), ..Demand::default() });
    assert_eq!(way(&Need { class: Sensitive, ..wide }, &Policy::default()), "edge ollama gpu", "it cannot widen");
    // A provider that reads the demand in the body itself is trusted with it; its other demands hold as before.
    let mut asked = rule("provider", &[], Demand { retention: Some(Retention::None), ..Demand::default() });
    asked.heeded_by = Some("us".into());
    let read = Need { demands: vec![Arc::new(asked)], ..need(Internal) };
    assert_eq!(way(&read, &Policy::default()), "edge ollama eu us");
    assert_eq!(way(&Need { class: Sensitive, ..read }, &Policy::default()), "edge ollama");
}

#[test]
fn tags_and_contracts_have_one_form() {
    assert_eq!(tag("Customer:Acme").as_deref(), Some("customer:acme"));
    assert_eq!(tag(&"a".repeat(64)).map(|t| t.len()), Some(64));
    assert_eq!(contract("baa").as_deref(), Some("BAA"));
    assert_eq!(contract(&"a".repeat(32)).map(|t| t.len()), Some(32));
    for wrong in ["", " a", "a b", "é", "a,b", "a=b", "a\n", &"a".repeat(65)] {
        assert_eq!((tag(wrong), contract(wrong)), (None, None), "{wrong}");
    }
    assert_eq!(contract(&"a".repeat(33)), None);
}

#[test]
fn a_denial_is_403_with_the_rule_and_503_when_the_place_is_only_down() {
    let zone = Demand { zone: Some(Zone::SameHost), ..Demand::default() };
    let p = policy(vec![rule("home", &[Internal], zone)]);
    let n = need(Internal);
    let mut down = fleet();
    let clouds = Fleet { version: 1, places: down.places.split_off(2) };
    let fault = choose(&n, &clouds, &p).fault(&n, &clouds).unwrap();
    assert_eq!(fault.cause, Cause::PolicyDenied);
    assert!(fault.shown.contains("rule `home` wants same-host or nearer"), "{}", fault.shown);
    down.places.iter_mut().for_each(|s| s.health = Health::Down("refused".into()));
    down.places.extend(clouds.places.clone());
    assert_eq!(choose(&n, &down, &p).fault(&n, &down).unwrap().cause, Cause::NoPlaceReady);
    let card = Need { found: found(&[("MEDICAL", Sensitive)]), ..need(Internal) };
    let fault = choose(&card, &clouds, &Policy::default()).fault(&card, &clouds);
    assert!(fault.is_none(), "gpu is among them");
    let beyond = Fleet { version: 1, places: clouds.places[1..].to_vec() };
    let fault = choose(&card, &beyond, &Policy::default()).fault(&card, &beyond).unwrap();
    assert!(fault.shown.contains("(sensitive data was found in it)"), "{}", fault.shown);
    assert!(!fault.shown.contains("MEDICAL"));
}

#[test]
fn a_permit_is_judged_by_the_policy_and_the_terms_of_now() {
    let n = Need { model: "eu/m".into(), found: found(&[("EMAIL_ADDRESS", Personal)]), ..need(Internal) };
    let open = Policy { reach: [(Personal, Zone::VendorCloud)].into(), ..Policy::default() };
    let v = choose(&n, &fleet(), &open);
    assert_eq!(v.order[0].reason.redact_above, None);
    assert_eq!(permit(&v, 0, &fleet(), &open).unwrap().redact_above(), None);
    let stricter = permit(&v, 0, &fleet(), &Policy::default()).unwrap();
    assert_eq!(stricter.redact_above(), Some(Internal), "the redaction of now, not of the verdict");
    assert_eq!(stricter.class(), Personal);
    let zdr = Demand { retention: Some(Retention::None), ..Demand::default() };
    let tagged = policy(vec![Rule { keys: set(&["k"]), ..rule("zdr", &[], zdr) }]);
    let n = Need { key: Some("k".into()), ..n };
    let v = choose(&n, &fleet(), &tagged);
    assert!(permit(&v, 0, &fleet(), &tagged).is_ok());
    let mut worse = fleet();
    let eu = worse.places.iter_mut().find(|s| s.place.id.as_str() == "eu").unwrap();
    eu.place = Arc::new(place("eu", Zone::VendorCloud, Terms::default()));
    assert!(matches!(permit(&v, 0, &worse, &tagged), Err(Refusal::Rule { .. })), "its terms were taken back");
    // A route that became stricter since.
    let mut p = Policy::default();
    p.routes.insert("r".into(), Route::default());
    let n = Need { model: "r".into(), ..need(Internal) };
    let v = choose(&n, &fleet(), &p);
    p.routes.insert("r".into(), Route { class: Some(Secret), ..Route::default() });
    let far = v.order.iter().position(|c| c.place.id.as_str() == "us").unwrap();
    assert!(permit(&v, far, &fleet(), &p).is_err());
}

#[test]
fn the_canonical_form_follows_what_is_decided() {
    let base = Policy::default();
    assert!(!base.canonical().is_empty());
    assert_eq!(base.canonical(), Policy { version: 9, hash: "x".into(), ..Policy::default() }.canonical());
    let mut forms = BTreeSet::from([base.canonical()]);
    let eu = Demand { regions: Some(lands(&["EU"])), ..Demand::default() };
    for other in [
        Policy { reach: [(Personal, Zone::OwnNetwork)].into(), ..Policy::default() },
        policy(vec![rule("a", &[Personal], eu.clone())]),
        policy(vec![rule("b", &[Personal], eu.clone())]),
        policy(vec![rule("a", &[Sensitive], eu)]),
        Policy { routes: [("r".to_owned(), Route::default())].into(), ..Policy::default() },
        Policy { attempts_max: 1, ..Policy::default() },
    ] {
        assert!(forms.insert(other.canonical()), "{other:?}");
    }
}

// Properties.

fn any_class() -> impl Strategy<Value = DataClass> {
    prop::sample::select(DataClass::ALL.to_vec())
}

fn any_zone() -> impl Strategy<Value = Zone> {
    let zones = [Zone::Embedded, Zone::SameHost, Zone::OwnNetwork, Zone::RentedDedicated, Zone::VendorCloud];
    prop::sample::select(zones.to_vec())
}

fn some_of(words: &'static [&'static str]) -> impl Strategy<Value = BTreeSet<Arc<str>>> {
    prop::sample::subsequence(words.to_vec(), 0..=words.len()).prop_map(|w| set(&w))
}

const LANDS: &[&str] = &["DE", "FR", "US"];
const TAGS: &[&str] = &["hipaa", "acme"];

fn any_retention() -> impl Strategy<Value = Retention> {
    prop_oneof![Just(Retention::None), Just(Retention::Days(7)), Just(Retention::Unknown)]
}

fn any_training() -> impl Strategy<Value = Training> {
    prop_oneof![Just(Training::Never), Just(Training::OptedOut), Just(Training::Unknown)]
}

fn any_terms() -> impl Strategy<Value = Terms> {
    let seat = prop::option::of(prop::sample::select(LANDS.to_vec()).prop_map(Arc::from));
    let ends = prop_oneof![2 => Just(None), 1 => Just(Some(NOW)), 1 => Just(Some(NOW + 1))];
    (some_of(LANDS), seat, any_retention(), any_training(), some_of(&["BAA", "DPA"]), ends).prop_map(
        |(regions, legal_seat, retention, training, contracts, expires_unix_s)| Terms {
            regions,
            legal_seat,
            retention,
            training,
            contracts,
            evidence: None,
            expires_unix_s,
        },
    )
}

fn any_place() -> impl Strategy<Value = Place> {
    (prop::sample::select(vec!["a", "ab", "c"]), any_zone(), any_terms()).prop_map(|(n, z, t)| place(n, z, t))
}

fn any_demand() -> impl Strategy<Value = Demand> {
    (
        prop::option::of(any_zone()),
        prop::option::weighted(0.3, some_of(LANDS)),
        prop::option::weighted(0.3, some_of(LANDS)),
        prop::option::weighted(0.3, any_retention()),
        prop::option::weighted(0.3, any_training()),
        prop_oneof![3 => Just(BTreeSet::new()), 1 => some_of(&["BAA", "DPA"])],
        prop::option::weighted(0.3, some_of(&["a", "a*", "c", "*"])),
    )
        .prop_map(|(zone, regions, legal_seat, retention, training, contracts, places)| Demand {
            zone,
            regions,
            legal_seat,
            retention,
            training,
            contracts,
            places,
        })
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let classes = prop::sample::subsequence(DataClass::ALL.to_vec(), 0..=2);
    let through =
        prop::sample::select(vec![Through::Whole, Through::Redacted, Through::RedactedElsewhere, Through::Nothing]);
    let condition = (
        prop_oneof![2 => Just(BTreeSet::new()), 1 => some_of(TAGS)],
        prop_oneof![4 => Just(BTreeSet::new()), 1 => Just(set(&["k"]))],
        prop_oneof![4 => Just(BTreeSet::new()), 1 => Just(set(&["auto-route"]))],
    );
    (classes, condition, any_demand(), through).prop_map(|(classes, (tags, keys, routes), demand, through)| Rule {
        id: "r".into(),
        classes: classes.into_iter().collect(),
        tags,
        keys,
        routes,
        demand,
        through,
        heeded_by: None,
    })
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let reach = prop::collection::btree_map(any_class(), any_zone(), 0..3);
    let route = (prop::option::of(any_class()), some_of(TAGS));
    (reach, prop::collection::vec(any_rule(), 0..4), route).prop_map(|(reach, rules, (class, tags))| {
        let mut p = Policy { reach, ..policy(rules) };
        let route = Route { class, tags: tags.into_iter().collect(), ..Route::default() };
        p.routes.insert("auto-route".into(), route);
        p
    })
}

fn any_found() -> impl Strategy<Value = Found> {
    let failed = prop_oneof![9 => Just(None), 1 => Just(Some(Arc::from("time")))];
    let loose = prop::option::weighted(0.2, any_class());
    (prop::collection::vec(any_class(), 0..3), failed, loose).prop_map(|(classes, failed, loose)| {
        let mut found = Found { failed, ..Found::default() };
        classes.iter().for_each(|c| found.note(&Arc::from(c.as_str()), *c));
        loose.iter().for_each(|c| found.note_loose(&Arc::from("loose"), *c));
        found
    })
}

fn any_need() -> impl Strategy<Value = Need> {
    let names = prop::sample::select(vec!["auto", "auto-route"]);
    let demand = prop::option::weighted(0.3, any_demand());
    (any_class(), any_found(), some_of(TAGS), any::<bool>(), any::<bool>(), names, demand).prop_map(
        |(class, found, tags, unscanned, keyed, name, demand)| Need {
            model: name.into(),
            found,
            tags: tags.into_iter().collect(),
            unscanned,
            key: keyed.then(|| "k".into()),
            demands: demand.map(|d| Arc::new(rule("x-dewpoint-policy", &[], d))).into_iter().collect(),
            ..need(class)
        },
    )
}

/// What comes of one request at one place; a refusal is the least, then redaction from the lowest class, then all of it.
fn outcome(need: &Need, policy: &Policy, place: &Place) -> Option<usize> {
    let mut fleet = fleet();
    fleet.places.truncate(1);
    fleet.places[0].place = Arc::new(place.clone());
    let verdict = choose(need, &fleet, policy);
    let permitted = verdict.order.first().map(|_| permit(&verdict, 0, &fleet, policy).unwrap());
    let told = verdict.order.first().map(|c| c.reason.redact_above);
    assert_eq!(permitted.as_ref().map(Permit::redact_above), told, "a permit of the same moment says the same");
    permitted.map(|p| p.redact_above().map_or(DataClass::ALL.len(), |above| above as usize))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// A higher class never makes a refused place eligible, and lets no more through to an eligible one, unless that is
    /// what was declared: content of the declared class goes as it is where that class may.
    #[test]
    fn a_higher_class_gains_no_place(n in any_need(), p in any_policy(), at in any_place()) {
        let mut eligible = true;
        for class in DataClass::ALL {
            let now = outcome(&Need { class, ..n.clone() }, &p, &at).is_some();
            prop_assert!(eligible || !now, "{class} gains the place");
            eligible = now;
        }
    }

    /// Finding more never lets more through.
    #[test]
    fn a_finding_lets_nothing_more_through(n in any_need(), p in any_policy(), at in any_place(), class in any_class()) {
        let before = outcome(&n, &p, &at);
        let mut more = n.clone();
        more.found.note(&Arc::from("more"), class);
        let placed = outcome(&more, &p, &at);
        prop_assert!(placed <= before);
        more.found.note_loose(&Arc::from("loose"), class);
        prop_assert!(outcome(&more, &p, &at) <= placed, "what cannot be taken out lets no more through than what can");
        let mut failed = n.clone();
        failed.found.failed = Some("time".into());
        let after = outcome(&failed, &p, &at);
        prop_assert!(after <= before && (at.zone <= Zone::SameHost || after.is_none()));
        let unread = Need { unscanned: true, ..n };
        prop_assert!(outcome(&unread, &p, &at) <= before);
    }

    /// A rule more never lets more through, unless it is the first that says where a class may go.
    #[test]
    fn another_rule_lets_nothing_more_through(n in any_need(), p in any_policy(), r in any_rule(), at in any_place()) {
        let ruled = |c: &DataClass| p.reach.contains_key(c) || p.rules.iter().any(|r| r.grants() && r.classes.contains(c));
        prop_assume!(!r.grants() || r.classes.iter().all(ruled));
        let mut more = p.clone();
        more.rules.push(Arc::new(r));
        prop_assert!(outcome(&n, &more, &at) <= outcome(&n, &p, &at));
    }

    /// The order of rules does not matter.
    #[test]
    fn rules_have_no_order(n in any_need(), p in any_policy(), at in any_place()) {
        let mut turned = p.clone();
        turned.rules.reverse();
        prop_assert_eq!(outcome(&n, &turned, &at), outcome(&n, &p, &at));
    }

    /// Whatever a request adds of itself (a tag, a demand), it never lets more through.
    #[test]
    fn a_request_only_tightens(n in any_need(), p in any_policy(), d in any_demand(), tag in prop::sample::select(TAGS.to_vec()), at in any_place()) {
        let before = outcome(&n, &p, &at);
        let mut tagged = n.clone();
        tagged.tags.push(tag.into());
        prop_assert!(outcome(&tagged, &p, &at) <= before);
        let mut both = n.demands.first().map(|r| r.demand.clone()).unwrap_or_default();
        both.and(&d);
        let demanding = Need { demands: vec![Arc::new(rule("x-dewpoint-policy", &[], both))], ..n };
        prop_assert!(outcome(&demanding, &p, &at) <= before);
    }

    /// Terms that are taken back or expire help nowhere that they would have been asked for.
    #[test]
    fn unknown_terms_never_help(n in any_need(), p in any_policy(), at in any_place()) {
        let expired = Place { terms: Terms { expires_unix_s: Some(NOW), ..at.terms.clone() }, ..at.clone() };
        prop_assert!(outcome(&n, &p, &expired) <= outcome(&n, &p, &at));
        let silent = Place { terms: Terms { expires_unix_s: at.terms.expires_unix_s, ..Terms::default() }, ..at.clone() };
        prop_assert!(at.zone <= Zone::OwnNetwork || outcome(&n, &p, &silent) <= outcome(&n, &p, &at));
    }

    /// A place farther away never gets more.
    #[test]
    fn farther_is_never_better(n in any_need(), p in any_policy(), at in any_place(), zone in any_zone()) {
        let farther = Place { zone: at.zone.max(zone), ..at.clone() };
        prop_assert!(outcome(&n, &p, &farther) <= outcome(&n, &p, &at));
    }

    /// Two demands in one are met exactly where both are.
    #[test]
    fn demands_add_up(a in any_demand(), b in any_demand(), at in any_place()) {
        let mut both = a.clone();
        both.and(&b);
        let met = |d: &Demand| d.unmet(&at, NOW).is_none();
        prop_assert_eq!(met(&both), met(&a) && met(&b));
    }

    /// What goes anywhere is what the policy lets through there; said a second time, in the words of the specification.
    #[test]
    fn eligible_is_what_the_passage_says(n in any_need(), p in any_policy(), at in any_place()) {
        let n = Need { tags: vec![], key: None, demands: vec![], model: "auto".into(), ..n };
        let passage = p.passage(&at, NOW);
        prop_assert!(passage.redacted >= passage.whole);
        let up_to = |most: Option<DataClass>, class: DataClass| most.is_some_and(|m| class <= m);
        let here = at.zone <= Zone::SameHost;
        let whole = up_to(passage.whole, n.class);
        let redacted = up_to(passage.redacted, n.class) && !n.unscanned && n.found.failed.is_none();
        let takeable = |c: &Count| up_to(passage.redacted, c.class) || c.class == Secret;
        let loose = n.found.loose.is_none_or(|c| up_to(passage.whole, c) && (here || c != Secret));
        let read = here || n.found.failed.is_none();
        let eligible = (whole || redacted) && n.found.kinds.values().all(takeable) && loose && read;
        let got = outcome(&n, &p, &at);
        prop_assert_eq!(got.is_some(), eligible);
        let Some(got) = got else { return Ok(()) };
        // Nothing found stays in that may not be there as it is, and no secret that nobody declared leaves this host.
        for c in n.found.kinds.values() {
            let stays = (c.class as usize) <= got || got == DataClass::ALL.len();
            let may = up_to(passage.whole, c.class) && (here || c.class != Secret || n.class == Secret && whole);
            // Everything is above nothing: kinds of class public are not taken out.
            prop_assert!(!stays || may || c.class == Public);
        }
    }
}
