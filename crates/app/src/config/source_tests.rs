//! Tests of lines, spans and messages.
#![allow(clippy::unwrap_used)]

use super::*;

fn problem(text: &str) -> Problem {
    Source::parse("d.toml", text.to_owned()).map(|_| ()).unwrap_err()
}

#[test]
fn every_key_knows_its_line() {
    let text = "[server]\nlisten = \"127.0.0.1:1\"\n\n[[place]]\nname = \"a\"\napi = \"openai\"\nmodels = [\n  \"x\",\n  { id = \"y\" },\n]\n";
    let (source, _) = Source::parse("d.toml", text.to_owned()).unwrap();
    for (path, line) in [
        ("server.listen", 2),
        ("place[0]", 4),
        ("place[0].name", 5),
        ("place[0].models", 7),
        ("place[0].models[0]", 8),
        ("place[0].models[1].id", 9),
    ] {
        assert_eq!(source.line(path), Some(line), "{path}");
    }
    assert_eq!(source.line("server.workers"), None);
    assert_eq!(source.at("place[0].zone"), "d.toml:4");
    assert_eq!(source.at("nothing.here"), "d.toml");
}

#[test]
fn an_unknown_key_names_its_section_and_the_nearest_key() {
    for (text, what, near) in [
        ("[server]\nlissten = \"x\"", "d.toml:2: unknown key \"lissten\" in [server]", "\"listen\""),
        (
            "[[place]]\nname = \"a\"\nbase-url = \"x\"",
            "d.toml:3: unknown key \"base-url\" in [[place]]",
            "\"base_url\"",
        ),
        ("[[plase]]\nname = \"a\"", "d.toml:1: unknown key \"plase\" in the file", "\"place\""),
        (
            "[[place]]\nname = \"a\"\nmodels = [\n { id = \"m\", tool = true },\n]",
            "d.toml:4: unknown key \"tool\" in place.models",
            "\"tools\"",
        ),
        (
            "[[place]]\nname = \"a\"\napi_key = { enw = \"X\" }",
            "d.toml:3: unknown key \"enw\" in place.api_key",
            "\"env\"",
        ),
        (
            "[[place]]\nname=\"a\"\nmodels=[{id=\"m\", price={ input_per_mtok=1, output_per_mtok=1, cache_per_mtok=1}}]",
            "d.toml:3: unknown key \"cache_per_mtok\" in place.models.price",
            "\"cached_per_mtok\"",
        ),
    ] {
        let p = problem(text);
        assert_eq!(p.what, what);
        assert!(p.help.starts_with(&format!("did you mean {near}?")), "{}", p.help);
    }
}

#[test]
fn wrong_types_and_words_name_key_and_line() {
    for (text, what, help) in [
        ("[server]\ndrain_s = \"5\"", "d.toml:2: wrong value for server.drain_s", "write a whole number, not negative"),
        ("[server]\ndrain_s = -5", "d.toml:2: wrong value for server.drain_s", "write a whole number, not negative"),
        ("[engine]\nenabled = 1", "d.toml:2: wrong value for engine.enabled", "write true or false"),
        ("server = 1", "d.toml:1: wrong value for server", "write a table"),
        (
            "[[place]]\nname = \"a\"\nmodels = \"m\"",
            "d.toml:3: wrong value for place.models",
            "write a list in square brackets",
        ),
        (
            "[[place]]\nname = \"a\"\nmodels = [3]",
            "d.toml:3: wrong value for place.models",
            "write a model id or a table such as { id = \"gpt-5-mini\", tools = true }",
        ),
    ] {
        let p = problem(text);
        assert_eq!((p.what.as_str(), p.help.as_str()), (what, help));
    }
    let p = problem("[[place]]\nname = \"a\"\nzone = \"same_host\"");
    assert_eq!(p.what, "d.toml:3: \"same_host\" is not possible for place.zone");
    assert!(p.help.starts_with("did you mean \"same-host\"?"), "{}", p.help);
    let p = problem("[policy]\nreach = { personel = \"same-host\" }");
    assert_eq!(p.what, "d.toml:2: \"personel\" is not possible for policy.reach.personel");
    assert!(p.help.starts_with("did you mean \"personal\"?"), "{}", p.help);
}

#[test]
fn broken_toml_names_its_line() {
    for (text, line) in [("[server\n", 1), ("a = 1\na = 2", 2), ("[server]\nlisten = 127.0.0.1:1", 2), ("\u{0}", 1)] {
        let p = problem(text);
        assert_eq!(p.what, format!("d.toml:{line}: not valid TOML"), "{text}");
        assert!(!p.why.contains('\n'));
    }
}

#[test]
fn a_literal_secret_is_refused_and_not_repeated() {
    let p = problem("[[place]]\nname = \"a\"\napi_key = \"sk-very-secret\"");
    assert_eq!(p.what, "d.toml:3: place.api_key holds the secret itself");
    assert!(!p.to_string().contains("very-secret"));
}
