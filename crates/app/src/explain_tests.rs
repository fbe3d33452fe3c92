//! Tests of `explain`: goldens for the prompts that the documentation shows.
#![allow(clippy::unwrap_used)]

use super::*;
use decide::{Api, Caps, DataClass, Health, Kind, Load, Model, Place, PlaceId, PlaceState, Price, Tier, Zone};

fn place(name: &str, tier: Tier, kind: Kind, zone: Zone, model: Model) -> PlaceState {
    let id = PlaceId::new(name);
    let place = Place {
        id,
        api: Api::Openai,
        tier,
        kind,
        zone,
        provider: Arc::from("x"),
        terms: decide::Terms::default(),
        economics: None,
    };
    PlaceState { place: Arc::new(place), models: vec![Arc::new(model)], health: Health::Up, load: Load::default() }
}

/// The embedded engine and one cloud, as in the issue.
fn fleet() -> Fleet {
    let book = Book::built_in().unwrap();
    let edge = Model {
        id: Arc::from("dewpoint-edge"),
        context_tokens: Some(2048),
        caps: Caps::default(),
        price: Some(Price::free("own-ground")),
        ..Model::default()
    };
    let cloud = book.model("openai", "gpt-5-mini").unwrap();
    Fleet {
        version: 1,
        places: vec![
            place("edge", Tier::Edge, Kind::Appliance, Zone::Embedded, edge),
            place("openai", Tier::Cloud, Kind::Serverless, Zone::VendorCloud, cloud),
        ],
    }
}

fn explained(prompt: &str, model: &str, class: Option<DataClass>) -> (Verdict, String) {
    let terms = vec!["Zephyr Ltd".to_owned()];
    let customers = sense::Dictionary { name: "CUSTOMER".to_owned(), terms, class: DataClass::Sensitive };
    let options = sense::FinderOptions { dictionaries: vec![customers], ..sense::FinderOptions::default() };
    let need = need(prompt, model, class, Some(&Finder::new(&options).unwrap()));
    let (fleet, policy) = (fleet(), Policy::default());
    let verdict = decide::choose(&need, &fleet, &policy);
    let text = show(&need, &verdict, &fleet, &policy);
    (verdict, text)
}

#[test]
fn the_two_prompts_of_the_issue_go_to_different_tiers() {
    let (proof, proof_text) = explained("Prove that there are infinitely many primes", "auto", None);
    let (sentiment, sentiment_text) = explained("Classify the sentiment: I love it", "auto", None);
    assert_eq!(proof.order[0].tier(), Tier::Cloud, "{proof_text}");
    assert_eq!(sentiment.order[0].tier(), Tier::Edge, "{sentiment_text}");
    insta::assert_snapshot!("explain_proof", proof_text);
    insta::assert_snapshot!("explain_sentiment", sentiment_text);
}

#[test]
fn a_class_keeps_the_prompt_at_home_and_says_so() {
    let prompt = "Prove that there are infinitely many primes";
    let (verdict, text) = explained(prompt, "auto", Some(DataClass::Personal));
    let redacted: Vec<_> = verdict.order.iter().map(|c| c.reason.redact_above).collect();
    assert_eq!(redacted, [Some(DataClass::Internal), None], "the cloud gets it redacted, the engine as it is");
    insta::assert_snapshot!("explain_personal", text);
    let (verdict, text) = explained(prompt, "auto", Some(DataClass::Sensitive));
    assert_eq!(verdict.order.len(), 1);
    insta::assert_snapshot!("explain_sensitive", text);
}

#[test]
fn what_was_found_is_told_by_kind_and_count_and_never_by_value() {
    let (verdict, text) = explained("Write to Zephyr Ltd, and again to ZEPHYR LTD", "auto", None);
    assert!(text.contains("CUSTOMER ×2 (sensitive)"), "{text}");
    assert!(!text.to_lowercase().contains("zephyr"), "{text}");
    assert!(verdict.order.iter().all(|c| c.place.zone <= Zone::OwnNetwork), "{text}");
    assert!(text.contains("openai/gpt-5-mini"), "the place that was refused is named: {text}");
}

#[test]
fn what_goes_nowhere_says_why() {
    let (verdict, text) = explained("Hello", "gpt-99", None);
    assert!(verdict.order.is_empty());
    assert!(text.contains("goes nowhere: The model `gpt-99` does not exist here."), "{text}");
}

#[test]
fn the_same_prompt_gives_the_same_verdict() {
    let json = || serde_json::to_string(&explained("Translate: good morning", "auto:cheap", None).0).unwrap();
    assert_eq!(json(), json());
    assert!(json().contains("\"objective\":\"cheap\""));
}

#[test]
fn what_money_weighs_is_told() {
    let mut need = need("Hello", "auto", None, None);
    let (fleet, policy) = (fleet(), Policy::default());
    let shown = |need: &Need| show(need, &decide::choose(need, &fleet, &policy), &fleet, &policy);
    assert!(!shown(&need).contains("weighs"));
    (need.thrift_permille, need.thrift_of) = (800, Some("team:x".into()));
    let text = shown(&need);
    assert!(text.contains("weighs 1.8 times its face value: budget `team:x` is ahead of its pace"), "{text}");
}

#[test]
fn a_prompt_like_an_exam_shows_its_outlook_and_the_terms_add_up() {
    let exam = "Anna buys 12 boxes with 30 pens each for 4 dollars a box. How many dollars does she pay in total?";
    let (verdict, text) = explained(exam, "auto", None);
    assert!(text.contains("outlook     chance of a good answer: edge 0."), "{text}");
    assert!(text.contains("near the best that may answer"), "{text}");
    let need = need(exam, "auto", None, None);
    let rows = serde_json::to_value(worth::sums(&need, &verdict, &Policy::default())).unwrap();
    for (row, candidate) in rows.as_array().unwrap().iter().zip(&verdict.order) {
        let term = |name: &str| row[name].as_i64().unwrap();
        let sum = term("quality_nanousd") - term("price_nanousd") - term("capacity_nanousd") - term("wait_nanousd")
            + term("warm_nanousd");
        assert_eq!(sum, term("utility_nanousd"));
        assert_eq!(sum, candidate.reason.utility_nanousd);
    }
}

#[test]
fn a_pinned_model_was_not_weighed_so_there_is_no_sum() {
    let (_, text) = explained("Say hello.", "openai/gpt-5-mini", None);
    assert!(!text.contains("what each is worth"), "{text}");
}
