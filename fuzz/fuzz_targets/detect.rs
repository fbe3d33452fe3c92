//! Detection with everything on, a user's own patterns and dictionaries too: findings lie within the text, on characters, in order,
//! without overlaps; the same text gives the same; what is found can be masked, and comes back.
//!
//! Input: where the text is split into two parts, then the text.
#![no_main]

use decide::DataClass;
use redact::{Scope, mask};
use sense::{Dictionary, Finder, FinderOptions, Finding, Pattern, characters};
use std::sync::{Arc, LazyLock};
use wire::{Answer, Ask, Choice, Content, Endpoint, Message, Part, Role};

static FINDER: LazyLock<Option<Finder>> = LazyLock::new(|| {
    let pattern = |name: &str, regex: &str, class| Pattern { name: name.into(), regex: regex.into(), class };
    let patterns = vec![
        pattern("case", r"CASE-\d{4,}", DataClass::Personal),
        pattern("rest", r"(?s)=.*x", DataClass::Internal),
        pattern("word", r"\w+!", DataClass::Sensitive),
    ];
    let terms = ["Zyxel Freight", "\u{e9}t\u{e9}", "\u{4f60}\u{597d}", "ab"].map(str::to_owned).into();
    let dictionaries = vec![Dictionary { name: "customer".into(), terms, class: DataClass::Personal }];
    Finder::new(&FinderOptions { patterns, dictionaries, ..FinderOptions::default() }).ok()
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some(finder) = &*FINDER else { panic!("the detectors are not built") };
    let Some((&at, rest)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    let Ok(found) = finder.find(&text) else { return };
    in_bounds(&text, &found);
    assert!(found.windows(2).all(|w| w[0].end <= w[1].start), "not in order: {found:?}");
    assert_eq!(finder.find(&text).as_ref(), Ok(&found), "another time, other findings");
    let Ok(all) = finder.scan(&text) else { return };
    in_bounds(&text, &all);
    assert!(all.windows(2).all(|w| w[0].start <= w[1].start));
    // What counts is covered by what was read.
    let within = |f: &Finding, byte: usize| (f.start..f.end).contains(&byte);
    for f in &found {
        assert!((f.start..f.end).all(|byte| all.iter().any(|a| within(a, byte))), "{f:?} of {all:?}");
    }
    let places = characters(&text, &found);
    assert!(places.iter().zip(&found).all(|((s, e), f)| text.chars().skip(*s).take(e - s).eq(text[f.start..f.end].chars())));

    let (one, two) = text.split_at(text.floor_char_boundary(usize::from(at)));
    let part = |text: &str| Part::Text { text: text.to_owned(), extra: Default::default() };
    for content in [Content::Text(text.clone().into_owned()), Content::Parts(vec![part(one), part(two)])] {
        let mut ask = Ask::new(Endpoint::Chat);
        ask.messages.push(Message { content, ..Message::text(Role::User, "") });
        let seen = finder.inspect(&ask);
        let scope = Scope { key: [7; 32].into(), conversation: "c".into() };
        let Ok((masked, vault)) = mask(&ask, &seen, DataClass::Internal, &scope) else { continue };
        if seen.fields.iter().flat_map(|f| &f.1).any(|f| f.kind.class > DataClass::Sensitive) {
            // Secrets are gone for good.
            continue;
        }
        let choice = Choice { text: Some(masked.messages[0].content.joined()), ..Choice::default() };
        let answer = Arc::new(vault).restore(Answer { choices: vec![choice], ..Answer::default() });
        let back = answer.choices.into_iter().next().and_then(|c| c.text).unwrap_or_default();
        assert_eq!(back, ask.messages[0].content.joined());
    }
});

fn in_bounds(text: &str, found: &[Finding]) {
    for f in found {
        assert!(f.start < f.end && text.get(f.start..f.end).is_some(), "{f:?} of {} bytes", text.len());
        assert!(f.score <= 100 && !f.kind.name.is_empty(), "{f:?}");
    }
}
