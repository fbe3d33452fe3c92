//! One decision: what `explain` does for a prompt of ordinary length over eight places, with and without the search for data
//! that may not leave.

use decide::*;
use std::hint::black_box;
use std::sync::Arc;

const BODY: &str = r#"{"model":"auto","temperature":0.2,"max_tokens":200,"messages":[{"role":"system","content":"You are a helpful assistant of a company that sells bicycles. Answer briefly and in the customer's language."},{"role":"user","content":"Summarize the following message in one sentence: I ordered the blue one in size M three weeks ago and it has not arrived yet. Your tracking page says that it was delivered on Tuesday, but nobody here has seen it. Please find out what happened and tell me when I can expect it."}]}"#;

/// A calculation of about 4 kB: like the exams, so that the trained weights are asked as well.
fn exam() -> wire::Ask {
    let story = "Anna buys 12 boxes with 30 pens each for 4.50 dollars a box and sells every pen for 25 cents. ";
    let mut prompt = story.repeat(4_000 / story.len());
    prompt.push_str("How many dollars does she earn in total?");
    let mut ask = wire::Ask::new(wire::Endpoint::Chat);
    ask.messages.push(wire::Message::text(wire::Role::User, prompt));
    ask
}

/// Only reading what is needed.
pub(crate) fn assess(n: usize) {
    let ask = exam();
    let known = sense::assess(&ask).outlook.is_some_and(|o| !o.unfamiliar);
    assert!(known, "the bench is to ask the weights");
    for _ in 0..n {
        black_box(sense::assess(black_box(&ask)));
    }
}

fn place(index: usize) -> PlaceState {
    let (tier, zone) =
        [(Tier::Edge, Zone::Embedded), (Tier::Local, Zone::SameHost), (Tier::Cloud, Zone::VendorCloud)][index % 3];
    let name = format!("place{index}");
    let model = Model {
        id: "model".into(),
        context_tokens: Some(32_768),
        caps: Caps::default(),
        price: Some(Price::free("bench")),
        ..Model::default()
    };
    let place = Place {
        id: PlaceId::new(&name),
        api: Api::Openai,
        tier,
        kind: Kind::Serverless,
        zone,
        provider: "bench".into(),
        terms: decide::Terms::default(),
        economics: None,
    };
    PlaceState { place: Arc::new(place), models: vec![Arc::new(model)], health: Health::Up, load: Load::default() }
}

pub(crate) fn repeat(n: usize, search: bool) {
    let fleet = Fleet { version: 1, places: (0..8).map(place).collect() };
    let policy = Policy::default();
    let ask = wire::openai::read_chat(BODY.as_bytes()).unwrap();
    let finder = sense::Finder::new(&sense::FinderOptions::default()).unwrap();
    for _ in 0..n {
        let mut need = sense::assess(black_box(&ask));
        if search {
            need.found = finder.inspect(black_box(&ask)).found;
        }
        let verdict = decide::choose(&need, &fleet, &policy);
        drop(black_box(decide::permit(&verdict, 0, &fleet, &policy).unwrap()));
    }
}
