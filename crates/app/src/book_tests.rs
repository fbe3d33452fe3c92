//! Tests of the book.
#![allow(clippy::unwrap_used)]

use super::*;

fn book() -> Book {
    Book::built_in().unwrap()
}

fn place(zone: Zone, kind: Kind) -> Place {
    let id = decide::PlaceId::new("p");
    Place {
        id,
        api: Api::Openai,
        tier: Tier::Local,
        kind,
        zone,
        provider: Arc::from("x"),
        terms: decide::Terms::default(),
        economics: None,
    }
}

#[test]
fn the_book_names_its_origin_and_stays_small() {
    assert!(DATA.len() < 150_000, "{} bytes", DATA.len());
    assert!(DATA.contains("LiteLLM") && DATA.contains("models.dev") && DATA.contains("MIT"));
    assert!(book().version().starts_with("book-20"));
    for provider in ["openai", "anthropic", "gemini", "openrouter", "groq", "together", "mistral", "deepseek", "xai"] {
        assert!(!book().usual(provider).is_empty(), "{provider}");
        assert!(Profile::find(provider).is_some(), "{provider} is in the book and not in the profiles");
    }
    let book = book();
    for entry in book.entries.values() {
        let row = book.prices.row(&entry.provider, &entry.id);
        assert!(row.is_some(), "{}/{} is not in the price book", entry.provider, entry.id);
        assert!((1..=1000).contains(&entry.quality), "{}", entry.id);
        let known = ["", "tools", "json_schema", "vision", "audio", "logprobs", "completions"];
        assert!(entry.caps.split(' ').all(|c| known.contains(&c)), "{}", entry.id);
    }
}

#[test]
fn dated_names_are_the_same_model_and_others_are_not() {
    let b = book();
    let mini = b.model("openai", "gpt-5-mini").unwrap();
    let price = mini.price.unwrap();
    assert_eq!((price.input_nanousd_per_mtok, price.output_nanousd_per_mtok), (250_000_000, 2_000_000_000));
    assert_eq!(price.cached_nanousd_per_mtok, Some(25_000_000));
    let dated = b.model("openai", "gpt-5-mini-2025-08-07").unwrap();
    assert_eq!((&*dated.id, dated.price.unwrap().output_nanousd_per_mtok), ("gpt-5-mini-2025-08-07", 2_000_000_000));
    assert!(b.model("anthropic", "claude-haiku-4-5-20251001").is_some());
    assert_eq!(b.model("openai", "gpt-5-mini-turbo"), None);
    assert_eq!(b.model("openai", "gpt-5-mini-ultra-2025-08-07"), None);
    assert_eq!(b.model("openai", "claude-opus-5"), None);
    assert_eq!(b.model("openai", ""), None);
}

#[test]
fn what_is_not_in_the_book_is_unknown() {
    let openai = Profile::find("openai").unwrap();
    let m = complete(&book(), openai, &place(Zone::VendorCloud, Kind::Serverless), "gpt-99", &Told::default());
    assert_eq!((m.price, m.caps, m.context_tokens, m.quality_permille), (None, Caps::default(), None, None));
}

#[test]
fn what_is_told_goes_before_the_book() {
    let openai = Profile::find("openai").unwrap();
    let told = Told { tools: Some(false), context_tokens: Some(1000), quality_permille: Some(1), ..Told::default() };
    let m = complete(&book(), openai, &place(Zone::VendorCloud, Kind::Serverless), "gpt-5-mini", &told);
    assert!(!m.caps.tools && m.caps.vision && m.price.is_some());
    assert_eq!((m.context_tokens, m.quality_permille), (Some(1000), Some(1)));
}

#[test]
fn prices_of_the_configuration_go_before_the_book() {
    let (book, vendor) = (book(), place(Zone::VendorCloud, Kind::Serverless));
    let openai = Profile::find("openai").unwrap();
    let own = |provider: &str, model: &str, n| Override {
        provider: provider.to_owned(),
        model: model.to_owned(),
        price: Price::plain(n, n, None, "config"),
    };
    let before = book.override_with(Arc::new(vec![
        own("openai", "gpt-5*", 1),
        own("openai", "gpt-5-mini", 2),
        own("gemini", "gpt-5-mini", 3),
        own("openai", "gpt-99", 4),
    ]));
    assert!(before.is_empty());
    let cost =
        |id: &str, told: &Told| complete(&book, openai, &vendor, id, told).price.map(|p| p.input_nanousd_per_mtok);
    assert_eq!(cost("gpt-5-mini", &Told::default()), Some(2), "the most particular one");
    assert_eq!(cost("gpt-5", &Told::default()), Some(1));
    assert_eq!(cost("gpt-99", &Told::default()), Some(4), "known to nobody else");
    assert_eq!(cost("gpt-4o", &Told::default()), Some(2_500_000_000));
    let told = Told { price: Some(Price::plain(9, 9, None, "config")), ..Told::default() };
    assert_eq!(cost("gpt-5-mini", &told), Some(9), "the place's own list goes before [[price]]");
}

#[test]
fn an_unknown_price_has_an_estimate_beside_it_and_is_not_one() {
    let book = book();
    let vendor = place(Zone::VendorCloud, Kind::Serverless);
    let model =
        |profile: &str, id: &str| complete(&book, Profile::find(profile).unwrap(), &vendor, id, &Told::default());
    let known = model("openai", "gpt-5-mini");
    assert!(known.price.is_some() && known.price_assumed.is_none());
    assert_eq!(known.output_tokens_max, Some(128_000));
    let unknown = model("openai", "gpt-99");
    let assumed = unknown.price_assumed.unwrap();
    assert!(unknown.price.is_none() && assumed.is_estimate());
    assert!(assumed.version.contains("dearest of openai, book-2026-08-21"), "{}", assumed.version);
    let dear = |p: &Price| p.input_nanousd_per_mtok + p.output_nanousd_per_mtok;
    assert!(dear(&assumed) > dear(&known.price.unwrap()));
    let elsewhere = model("vllm", "gpt-99").price_assumed.unwrap();
    assert!(elsewhere.version.contains("dearest usual model"), "{}", elsewhere.version);
    let own =
        complete(&book, Profile::find("vllm").unwrap(), &place(Zone::SameHost, Kind::Appliance), "x", &Told::default());
    assert!(own.price.is_some() && own.price_assumed.is_none());
}

#[test]
fn own_engines_cost_no_money_and_do_what_their_servers_do() {
    let vllm = Profile::find("vllm").unwrap();
    let m = complete(&book(), vllm, &place(Zone::SameHost, Kind::Appliance), "any", &Told::default());
    assert_eq!(m.price, Some(Price::free("own-ground")));
    assert!(m.caps.tools && m.caps.json_schema && m.caps.logprobs && m.caps.completions && !m.caps.vision);
    let ollama = Profile::find("ollama").unwrap();
    let m = complete(&book(), ollama, &place(Zone::SameHost, Kind::Appliance), "any", &Told::default());
    assert_eq!(m.caps, Caps::default());
    for (zone, kind) in
        [(Zone::VendorCloud, Kind::Appliance), (Zone::SameHost, Kind::Serverless), (Zone::OwnNetwork, Kind::Burst)]
    {
        assert_eq!(complete(&book(), vllm, &place(zone, kind), "any", &Told::default()).price, None);
    }
}

#[test]
fn prices_are_shown_in_short() {
    let price = |i, o| Price { input_nanousd_per_mtok: i, output_nanousd_per_mtok: o, ..Price::free("t") };
    assert_eq!(show_price(Some(&price(250_000_000, 2_000_000_000))), "$0.25 in, $2 out");
    assert_eq!(show_price(Some(&price(100_000_000, 37_500_000))), "$0.10 in, $0.0375 out");
    assert_eq!(show_price(Some(&price(0, 0))), "free");
    assert_eq!(show_price(None), "unknown");
}
