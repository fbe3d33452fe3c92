//! Tests of `[cascade]`, and of routes as a list and as a table.

#![allow(clippy::unwrap_used)]

use super::tests::{good, load_as};
use super::{Flags, Settings};
use decide::{Cascade, Target};

fn problems(text: &str) -> String {
    load_as(text, &Flags::default()).map(|_| ()).unwrap_err().to_string()
}

fn helper(place: &str, model: &str) -> Target {
    Target { place: place.into(), model: model.into() }
}

#[test]
fn nothing_said_is_the_default_of_the_policy() {
    assert_eq!(good("").policy.cascade, Cascade::default());
    assert_eq!(good("[cascade]\n").policy, decide::Policy::default());
}

#[test]
fn every_key_is_read_and_a_route_may_say_it_for_itself() {
    let s = good(
        r#"
[[place]]
name = "openai"
[cascade]
helpers = ["openai/gpt-5-nano", "edge/small"]
hold_tokens = 64
hold_ms = 500
max_quality_loss = 0.02
shadow = 0.05
[[route]]
name = "careful"
max_quality_loss = 0.005
helpers = []
[[route]]
name = "plain"
escalate = false
[[route]]
name = "as-everywhere"
targets = ["openai/*"]
"#,
    );
    let all = Cascade {
        escalate: true,
        helpers: vec![helper("openai", "gpt-5-nano"), helper("edge", "small")],
        hold_tokens: 64,
        hold_ms: 500,
        max_quality_loss_permille: Some(20),
        shadow_permille: 50,
    };
    assert_eq!(s.policy.cascade, all);
    let of = |name: &str| s.policy.cascade_of(name).clone();
    assert_eq!(of("auto"), all);
    assert_eq!(of("careful"), Cascade { max_quality_loss_permille: Some(5), helpers: Vec::new(), ..all.clone() });
    assert_eq!(of("plain").max_quality_loss_permille, None, "what never escalates promises nothing");
    assert_eq!((of("as-everywhere"), &s.policy.routes["as-everywhere"].cascade), (all, &None));
    assert_eq!(s.values.origin("cascade.hold_ms").unwrap().to_string(), "dewpoint.toml:7");
    assert_eq!(s.values.origin("route.careful.cascade").unwrap().to_string(), "dewpoint.toml:11");
}

#[test]
fn the_bounds_can_be_reached_and_not_passed() {
    let with = |line: &str| load_as(&format!("[[place]]\nname = \"openai\"\n[cascade]\n{line}\n"), &Flags::default());
    for (key, fits, past) in [
        ("hold_tokens", ["1", "4096"], ["0", "4097"]),
        ("hold_ms", ["1", "60000"], ["0", "60001"]),
        ("max_quality_loss", ["0", "0.5"], ["-0.001", "0.501"]),
        ("shadow", ["0", "1"], ["-1", "1.001"]),
        (
            "helpers",
            ["[]", "[\"openai/a\", \"openai/b\", \"openai/c\"]"],
            ["[\"openai/*\"]", "[\"openai/a\", \"openai/b\", \"openai/c\", \"openai/d\"]"],
        ),
    ] {
        for value in fits {
            assert!(with(&format!("{key} = {value}")).is_ok(), "{key} = {value}");
        }
        for value in past {
            let problems = with(&format!("{key} = {value}")).map(|_| ()).unwrap_err().to_string();
            assert!(problems.contains("dewpoint.toml:4"), "{key} = {value}: {problems}");
        }
    }
}

#[test]
fn routes_may_be_a_table_with_settings_for_all() {
    let s = good(
        r#"
[route]
shadow = 0.05
max_quality_loss = 0.02
[[route.named]]
name = "mine"
targets = ["edge/*"]
shadow = 1
"#,
    );
    assert_eq!((s.policy.cascade.shadow_permille, s.policy.cascade.max_quality_loss_permille), (50, Some(20)));
    let mine = s.policy.routes["mine"].cascade.clone().unwrap();
    assert_eq!((mine.shadow_permille, mine.max_quality_loss_permille), (1_000, Some(20)));
    assert_eq!(s.policy.routes["mine"].targets.len(), 1);
    assert_eq!(s.values.origin("cascade.shadow").unwrap().to_string(), "dewpoint.toml:3");
    // What is about a named route names its line, in either form.
    for text in ["[[route.named]]\nname = \"mine\"\nshadow = 2\n", "[[route]]\nname = \"mine\"\nshadow = 2\n"] {
        assert!(
            problems(text).contains("dewpoint.toml:3: 2 is too much") || problems(text).contains("dewpoint.toml:3"),
            "{}",
            problems(text)
        );
    }
    // The rules and keys of the file know them all the same.
    let ruled = "[[policy.rule]]\nid = \"r\"\nroutes = [\"mine\"]\nzone = \"same-host\"\n";
    assert!(load_as(&format!("{ruled}[[route.named]]\nname = \"mine\"\n"), &Flags::default()).is_ok());
}

#[test]
fn what_can_never_be_promised_is_told() {
    let warned = |text: &str| -> Vec<String> {
        let s: Settings = good(text);
        s.warnings.into_iter().filter(|w| w.contains("promised") || w.contains("never")).collect()
    };
    let bound = "[cascade]\nmax_quality_loss = 0.02\n";
    assert!(warned(bound)[0].contains("shadow = 0"), "{:?}", warned(bound));
    assert!(warned(&format!("{bound}shadow = 0.1\n")).is_empty());
    assert!(warned(&format!("{bound}shadow = 0.1\n[ledger]\nenabled = false\n"))[0].contains("ledger"));
    assert!(warned("[cascade]\nmax_quality_loss = 0\nshadow = 0.1\n")[0].contains("never be shown"));
    assert!(warned("[cascade]\nescalate = false\nhelpers = [\"edge/a\"]\n")[0].contains("never asked"));
}
