//! The book that is built in: how much it has, and that it says what it should.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use decide::{Usage, cost};
use price::{Book, Source, unix_s};

fn book() -> Book {
    Book::built_in().unwrap()
}

#[test]
fn three_thousand_priced_models_of_a_hundred_providers() {
    let book = book();
    let priced: Vec<usize> =
        book.providers().map(|p| book.rows(p).iter().filter(|r| r.price(book.version()).is_some()).count()).collect();
    let (models, providers) = (priced.iter().sum::<usize>(), priced.iter().filter(|n| **n > 0).count());
    println!("{models} models with prices per token, of {providers} providers");
    assert!(models >= 3_000 && providers >= 100, "{models} models of {providers} providers");
}

#[test]
fn rows_are_in_order_and_whole() {
    let book = book();
    for provider in book.providers() {
        let rows = book.rows(provider);
        assert!(!rows.is_empty(), "{provider} cannot be read");
        let ids: Vec<String> = rows.iter().map(|r| r.id.to_lowercase()).collect();
        assert!(ids.windows(2).all(|w| w[0] < w[1]), "{provider}");
        for row in rows {
            let Some(price) = row.price(book.version()) else { continue };
            assert!(row.source.is_some() && row.as_of.len() == 10, "{provider}/{}", row.id);
            let rates = price.base();
            assert!(rates.input_nanousd_per_mtok >= 0 && rates.output_nanousd_per_mtok >= 0);
            let free = rates.input_nanousd_per_mtok == 0 && rates.output_nanousd_per_mtok == 0;
            assert!(
                !free || row.id.ends_with("free") || row.source == Some(Source::GenaiPrices),
                "{provider}/{} is free",
                row.id
            );
        }
    }
    assert_eq!(book.head().date, "2026-08-21");
    assert!(book.head().sources.iter().all(|s| s.sha256.len() == 64 && s.issue.contains("MIT")));
}

#[test]
fn models_by_the_names_that_people_write() {
    let book = book();
    let price = |provider: &str, model: &str| {
        book.price(provider, model).map(|p| (p.input_nanousd_per_mtok, p.output_nanousd_per_mtok))
    };
    let mini = Some((250_000_000, 2_000_000_000));
    assert_eq!(price("openai", "gpt-5-mini"), mini);
    assert_eq!(price("openai", "gpt-5-mini-2025-08-07"), mini);
    assert_eq!(price("OpenAI", "GPT-5-mini"), mini);
    assert_eq!(price("openrouter", "openai/gpt-5-mini"), mini);
    assert_eq!(price("openai", "gpt-5-mini-turbo-xl"), None, "another suffix names another model");
    assert_eq!(price("nobody", "gpt-5-mini"), None);
    assert_eq!(price("together_ai", "no-such-model"), None);
    assert_eq!(
        price("aws", "anthropic.claude-3-haiku-20240307-v1:0"),
        price("bedrock", "anthropic.claude-3-haiku-20240307-v1:0")
    );
}

#[test]
fn tiers_times_and_dates_of_the_book_hold() {
    let book = book();
    let at = |text: &str| unix_s(text).unwrap();
    let prompt = |n: u64| Usage { input: n, ..Usage::default() };
    let pro = book.price("google", "gemini-2.5-pro").unwrap();
    assert_eq!(cost(&pro, &prompt(200_000), 0).0, 250_000_000);
    assert_eq!(cost(&pro, &prompt(200_001), 0).0, 500_002_500);
    let o3 = book.price("openai", "o3").unwrap();
    assert_eq!(o3.input_nanousd_per_mtok, 2_000_000_000, "what held before the book's day is no longer in it");
    let sonnet = book.price("anthropic", "claude-sonnet-5").unwrap();
    let of = |day: &str| sonnet.rates(1, at(day)).input_nanousd_per_mtok;
    assert_eq!((of("2026-08-31"), of("2026-09-01")), (2_000_000_000, 3_000_000_000));
    let write = Usage { input: 100, cache_write: 100, cache_write_long: 100, ..Usage::default() };
    assert_eq!(cost(&sonnet, &write, at("2026-08-21")).0, 100 * 4_000, "an hour in the cache costs twice the input");
}

#[test]
fn a_search_finds_and_what_is_not_there_has_neighbours() {
    let book = book();
    let found = book.search("gpt-5-mini", None);
    assert!(found.len() > 5 && found[0].row.id == "gpt-5-mini");
    assert!(book.search("claude sonnet", Some("anthropic")).iter().all(|f| f.provider == "anthropic"));
    assert!(book.search("no such model at all", None).is_empty());
    assert!(book.nearest("gpt5-mini", Some("openai")).contains(&"gpt-5-mini".to_owned()));
    let disagreed = book.providers().flat_map(|p| book.rows(p)).filter(|r| !r.alternatives.is_empty()).count();
    assert!(disagreed > 100, "{disagreed}");
}
