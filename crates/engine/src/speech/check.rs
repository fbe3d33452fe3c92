//! What must hold of every answer, whatever it is: for property tests and for fuzzing.
//!
//! Never here: anything that is shipped.

use super::family::THINKING;
use super::{Family, Heard, Known, Parser, Speech};

/// The events of `text` in pieces of `step` characters, joined.
pub(super) fn hear(speech: Speech, tools: &[Known], text: &str, step: usize) -> Vec<Heard> {
    let mut parser = Parser::new(speech, tools.to_vec(), true);
    let chars: Vec<char> = text.chars().collect();
    let mut heard: Vec<Heard> = Vec::new();
    for piece in chars.chunks(step.max(1)) {
        heard.extend(parser.push(&piece.iter().collect::<String>()));
    }
    heard.extend(parser.finish());
    let mut joined: Vec<Heard> = Vec::new();
    for heard in heard {
        match (joined.last_mut(), heard) {
            (Some(Heard::Text(a)), Heard::Text(b)) | (Some(Heard::Reasoning(a)), Heard::Reasoning(b)) => a.push_str(&b),
            (Some(Heard::CallArguments(a)), Heard::CallArguments(b)) => a.push_str(&b),
            (_, heard) => joined.push(heard),
        }
    }
    joined
}

pub(crate) const FAMILIES: [Family; 12] = [
    Family::Hermes,
    Family::Xml,
    Family::Llama,
    Family::Mistral,
    Family::MistralArgs,
    Family::Gemma,
    Family::DeepSeek,
    Family::DeepSeekBare,
    Family::Granite,
    Family::Phi,
    Family::Command,
    Family::Harmony,
];

/// What must hold of every text.
pub(crate) fn check(text: &str, step: usize) {
    let parameters = serde_json::json!({"type": "object", "properties": {"a": {"type": "integer"}}});
    let tools =
        [Known { name: "f".into(), parameters: Some(parameters) }, Known { name: "g".into(), parameters: None }];
    for family in FAMILIES {
        for (opened, bound) in [(false, false), (true, false), (false, true)] {
            let speech = Speech { family, opened, bound };
            let whole = hear(speech, &tools, text, usize::MAX);
            assert_eq!(whole, hear(speech, &tools, text, step), "{family:?} {text:?} by {step}");
            let mut open = false;
            for heard in &whole {
                match heard {
                    Heard::CallStart(name) => assert!(!std::mem::replace(&mut open, true) && !name.is_empty()),
                    Heard::CallEnd => assert!(std::mem::replace(&mut open, false)),
                    Heard::CallArguments(text) => assert!(open && (bound || super::scan::is_object(text)), "{text}"),
                    _ => assert!(!open),
                }
            }
            assert!(!open, "{family:?} {text:?}");
            // Without tools nothing but marks of reasoning and space may be missing.
            let plain = hear(speech, &[], text, step);
            assert!(!plain.iter().any(|h| matches!(h, Heard::CallStart(_))));
            let marked = THINKING.iter().any(|(a, b)| text.contains(a) || text.contains(b));
            if !opened && !marked && !matches!(family, Family::Harmony | Family::Command) && !text.is_empty() {
                assert_eq!(plain, [Heard::Text(text.to_owned())], "{family:?}");
            }
        }
    }
}
