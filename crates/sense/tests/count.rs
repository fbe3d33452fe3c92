//! Exact counts are OpenAI's own: compared with `tiktoken`'s code and vocabularies on texts of every kind.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use sense::Tokenizer;
use std::time::{Duration, Instant};
use wire::openai::read_chat;

fn theirs(tokenizer: Tokenizer, text: &str) -> u64 {
    let bpe = match tokenizer {
        Tokenizer::O200k => tiktoken_rs::o200k_base_singleton(),
        Tokenizer::Cl100k => tiktoken_rs::cl100k_base_singleton(),
    };
    bpe.encode_ordinary(text).len() as u64
}

fn compare(text: &str) {
    for tokenizer in [Tokenizer::O200k, Tokenizer::Cl100k] {
        assert_eq!(tokenizer.count(text), theirs(tokenizer, text), "{tokenizer:?}: {text:?}");
    }
}

#[test]
fn texts_of_every_kind() {
    for text in [
        "",
        "hello world",
        "Hello, WORLD! It's 12345 o'clock; they'LL've gone.",
        "  leading and trailing   ",
        "tabs\t\tand\n\n  new lines\r\n\r\n   x",
        "line\n",
        " \n \n ",
        "\u{a0}\u{3000} wide\u{2003}spaces \u{85}",
        "fn main() {\n    println!(\"{}\", 1 + 2);\n}\n",
        "Привет, мир! Ёж — не ёлка.",
        "中文字符和日本語のテキスト、한국어도",
        "🙂🙃👨‍👩‍👧‍👦 and é e\u{301}",
        "<|endoftext|> is text here",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "https://example.com/a/b?c=d&e=%20f#///\n//",
        "\u{0}\u{1}\u{fffd}\u{10ffff}",
    ] {
        compare(text);
    }
}

#[test]
fn real_texts() {
    for page in ["../../README.md", "../../docs/book/configuration.md", "src/lexicon.rs", "src/find.rs"] {
        compare(&std::fs::read_to_string(page).unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_text(text in "(\\PC|[a-zA-Z ]{1,9}|\\s|[0-9'’.,/\r\n\t -]){0,60}") {
        compare(&text);
    }
}

#[test]
fn no_text_is_dear() {
    Tokenizer::O200k.count("x");
    for text in ["a", " ", "\n", "中", "ab", "! ", "\u{301}", "0"] {
        let text = text.repeat((1 << 20) / text.len());
        let start = Instant::now();
        assert!(Tokenizer::O200k.count(&text) > 1_000);
        assert!(start.elapsed() < Duration::from_secs(5), "{:?} for a megabyte of {:?}", start.elapsed(), &text[..8]);
    }
}

#[test]
fn the_models_of_a_tokenizer() {
    for (model, tokenizer) in [
        ("gpt-4o-2024-08-06", Some(Tokenizer::O200k)),
        ("openai/gpt-5-mini", Some(Tokenizer::O200k)),
        ("gpt-4.1-nano", Some(Tokenizer::O200k)),
        ("o3", Some(Tokenizer::O200k)),
        ("o1-mini", Some(Tokenizer::O200k)),
        ("gpt-4", Some(Tokenizer::Cl100k)),
        ("gpt-4-turbo", Some(Tokenizer::Cl100k)),
        ("gpt-3.5-turbo-0125", Some(Tokenizer::Cl100k)),
        ("text-embedding-3-small", Some(Tokenizer::Cl100k)),
        ("gpt-4x", None),
        ("gpt-50", None),
        ("o100", None),
        ("claude-sonnet-4-5", None),
        ("llama-3", None),
    ] {
        assert_eq!(Tokenizer::of(model), tokenizer, "{model}");
    }
}

#[test]
fn a_prompt_of_plain_texts_is_counted_as_openai_does_and_no_other_is() {
    // The example of OpenAI's cookbook, and what its API said: 129 tokens for gpt-4 and gpt-3.5, 124 for gpt-4o.
    let body = r#"{"model":"m","messages":[
        {"role":"system","content":"You are a helpful, pattern-following assistant that translates corporate jargon into plain English."},
        {"role":"system","name":"example_user","content":"New synergies will help drive top-line growth."},
        {"role":"system","name":"example_assistant","content":"Things working well together will increase revenue."},
        {"role":"system","name":"example_user","content":"Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage."},
        {"role":"system","name":"example_assistant","content":"Let's talk later when we're less busy about how to do better."},
        {"role":"user","content":"This late pivot means we don't have time to boil the ocean for the client deliverable."}]}"#;
    let ask = read_chat(body.as_bytes()).unwrap();
    assert_eq!(Tokenizer::Cl100k.prompt(&ask), Some(129));
    assert_eq!(Tokenizer::O200k.prompt(&ask), Some(124));
    for other in [
        r#"{"model":"m","messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"f"}}]}"#,
        r#"{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://e.org/x.png"}}]}]}"#,
        r#"{"model":"m","messages":[{"role":"user","content":"x"}],"response_format":{"type":"json_object"}}"#,
    ] {
        assert_eq!(Tokenizer::O200k.prompt(&read_chat(other.as_bytes()).unwrap()), None, "{other}");
    }
}
