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
    for entry in book().entries.values() {
        assert!(entry.input > 0 && entry.output > 0, "{}: free is unknown", entry.id);
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
