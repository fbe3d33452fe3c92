//! Properties: nothing is lost on the way out and back, whatever the text and wherever the findings.

use crate::*;
use proptest::prelude::*;

/// Texts of what could confuse: brackets, escapes, types, codes, any character.
fn confusing() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "\\PC{0,6}",
        2 => "[\\[\\]\\\\ _-]{1,4}",
        1 => Just("EMAIL".to_owned()),
        1 => Just("email_".to_owned()),
        1 => Just("[[EMAIL_".to_owned()),
        1 => Just("[[EMAIL_7Q3K9DXZ]]".to_owned()),
        1 => Just("CUSTOMER 0123ABCD".to_owned()),
        1 => Just("[[REMOVED_X]]".to_owned()),
        1 => "[0-9A-Za-z]{8}",
    ];
    prop::collection::vec(piece, 0..12).prop_map(|p| p.concat())
}

/// Findings anywhere: at any bytes, in any order, also overlapping.
fn anywhere() -> impl Strategy<Value = Vec<(usize, usize, bool)>> {
    prop::collection::vec((0..80usize, 0..20usize, any::<bool>()), 0..6)
}

fn inspection(text: &str, spots: &[(usize, usize, bool)]) -> Inspection {
    let findings = spots.iter().map(|(start, length, mail)| {
        let kind = if *mail { MAIL } else { QUOTED };
        finding((*start).min(text.len()), (start + length).min(text.len()), kind)
    });
    Inspection { found: Found::default(), fields: vec![(0, findings.collect())] }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// restore(mask(t)) == t.
    #[test]
    fn what_goes_out_comes_back(text in confusing(), spots in anywhere()) {
        let ask = chat(&text);
        let seen = inspection(&text, &spots);
        let some = seen.fields[0].1.iter().any(|f| f.start < f.end);
        // Findings of no length are none: a request with only such is refused, since what was seen is not in it.
        let Ok((masked, vault)) = mask(&ask, &seen, DataClass::Internal, &scope("c")) else {
            prop_assert!(!some);
            return Ok(());
        };
        let sent = text_of(&masked);
        prop_assert_eq!(back(&vault, &sent), text);
    }

    /// The same in a stream, cut anywhere.
    #[test]
    fn a_stream_cut_anywhere_comes_back(text in confusing(), spots in anywhere(), cuts in prop::collection::vec(1..9usize, 1..40)) {
        let ask = chat(&text);
        let Ok((masked, vault)) = mask(&ask, &inspection(&text, &spots), DataClass::Internal, &scope("c")) else {
            return Ok(());
        };
        let (sent, vault) = (text_of(&masked), Arc::new(vault));
        let mut pieces = Vec::new();
        let mut rest = sent.as_str();
        for cut in cuts.iter().cycle() {
            let at = rest.ceil_char_boundary((*cut).min(rest.len()));
            pieces.push(chunk(vec![crate::text(0, &rest[..at])]));
            rest = &rest[at..];
            if rest.is_empty() {
                break;
            }
        }
        pieces.push(chunk(vec![Event::Done]));
        prop_assert_eq!(joined(&run(&vault, pieces)).choices[0].text.clone().unwrap_or_default(), text);
    }

    /// Whatever a model says, cut or not, it is the same, and no panic.
    #[test]
    fn any_answer_is_the_same_cut_or_not(said in confusing(), changed in "[a-zA-Z\\[\\]\\\\ _-]{0,4}", cut in 1..6usize) {
        let (sent, vault) = sent("alice@example.com", &[MAIL]);
        let said = format!("{said}{changed}{}{changed}{}", sent.to_lowercase(), sent.trim_matches('['));
        let whole = back(&vault, &said);
        let mut pieces: Vec<Chunk> = Vec::new();
        let mut rest = said.as_str();
        while !rest.is_empty() {
            let at = rest.ceil_char_boundary(cut.min(rest.len()));
            pieces.push(chunk(vec![crate::text(0, &rest[..at])]));
            rest = &rest[at..];
        }
        pieces.push(chunk(vec![Event::Done]));
        prop_assert_eq!(joined(&run(&vault, pieces)).choices[0].text.clone().unwrap(), whole);
    }

    /// Values in JSON come back as the same values, whatever characters they have.
    #[test]
    fn arguments_come_back_as_the_same_json(value in "\\PC{1,12}[\"\\\\\n]{0,2}", other in "\\PC{0,12}") {
        let mut ask = chat("x");
        let json = serde_json::json!({"a": {"k": [value.clone(), other]}, "n": 1});
        ask.messages[0].tool_calls.push(wire::ToolCall { id: "i".into(), name: "f".into(), arguments: json.to_string() });
        let seen = see(&ask, &[(&value, "customer", DataClass::Personal)]);
        // A value such as "1" also stands in names and in JSON's own characters; those are refused, and not this test's.
        prop_assume!(value.chars().count() > 3 && !value.starts_with([' ', '"', ',', ':', '{', '[']));
        let Ok((masked, vault)) = mask(&ask, &seen, DataClass::Internal, &scope("c")) else { return Ok(()) };
        let call = masked.messages[0].tool_calls[0].clone();
        let choice = Choice { tool_calls: vec![call], ..Choice::default() };
        let restored = vault.restore(Answer { choices: vec![choice], ..Answer::default() });
        let back: serde_json::Value = serde_json::from_str(&restored.choices[0].tool_calls[0].arguments).unwrap();
        prop_assert_eq!(back, json);
    }
}
