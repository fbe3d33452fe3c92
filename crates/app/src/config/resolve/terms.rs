//! `[place.terms]`: what a place declares of its handling of data.
//!
//! Never here: what follows from it (room `decide`).

use super::Reader;
use super::rules::{contracts, lands, words};
use crate::config::shape;
use decide::Terms;
use std::sync::Arc;

/// Characters of an evidence at most.
const EVIDENCE_MAX: usize = 1_000;
/// Days before the end of terms from which on it is told.
const SOON_DAYS: u64 = 30;
const DAY_S: u64 = 86_400;

pub(super) fn terms(r: &mut Reader<'_>, section: &shape::Place, path: &str) -> Terms {
    let path = format!("{path}.terms");
    let shown_at = format!("place.{}.terms", section.name);
    let Some(declared) = &section.terms else {
        let origin = r.origin_or(&path, "not declared counts as the worst");
        r.values.note(shown_at, "none", origin);
        return Terms::default();
    };
    let seat = declared.legal_seat.as_ref().and_then(|word| match lands(word) {
        Ok(one) if one.len() == 1 => one.into_iter().next(),
        Ok(_) => {
            let why = "a company has its seat in one country";
            r.wrong(
                &format!("{path}.legal_seat"),
                format!("\"{word}\" is no country"),
                why,
                "write for example \"US\"",
            );
            None
        }
        Err(why) => {
            let what = format!("\"{word}\" is not possible for legal_seat");
            r.wrong(&format!("{path}.legal_seat"), what, why, "correct it, or take it out");
            None
        }
    });
    if declared.evidence.as_ref().is_some_and(|e| e.trim().is_empty() || e.chars().count() > EVIDENCE_MAX) {
        let why = format!("it has 1 to {EVIDENCE_MAX} characters: a link, or the number of a document");
        r.wrong(
            &format!("{path}.evidence"),
            "evidence is empty or too long",
            why,
            "write where the proof is, or leave it out",
        );
    }
    let terms = Terms {
        regions: words(r, declared.regions.as_deref(), &path, "regions", lands).unwrap_or_default(),
        legal_seat: seat,
        retention: declared.retention.map(Into::into).unwrap_or_default(),
        training: declared.training.map(Into::into).unwrap_or_default(),
        contracts: words(r, declared.contracts.as_deref(), &path, "contracts", contracts).unwrap_or_default(),
        evidence: declared.evidence.as_deref().map(Arc::from),
        expires_unix_s: declared.expires.map(shape::Date::end_unix_s),
    };
    for what in doubts(&section.name, declared, &terms, r.now_unix_s) {
        r.warn(&path, &what);
    }
    let origin = r.origin(&path);
    r.values.note(shown_at, shown(declared), origin);
    terms
}

/// What an operator should know of declared terms at a moment, Unix seconds.
fn doubts(name: &str, declared: &shape::Terms, terms: &Terms, now_unix_s: u64) -> Vec<String> {
    let mut told = Vec::new();
    if let (Some(day), Some(end)) = (declared.expires, terms.expires_unix_s) {
        if !terms.hold_at(now_unix_s) {
            told.push(format!("the terms of \"{name}\" expired with {day}, and count as unknown"));
        } else if end - now_unix_s <= SOON_DAYS * DAY_S {
            let days = (end - now_unix_s).div_ceil(DAY_S);
            told.push(format!(
                "the terms of \"{name}\" expire with {day} (days left: {days}), and will then count as unknown"
            ));
        }
    }
    if terms.evidence.is_none() {
        told.push(format!("the terms of \"{name}\" have no evidence; an auditor will ask where they are written"));
    }
    told
}

/// The terms in one line, in the words of the file.
fn shown(declared: &shape::Terms) -> String {
    let retention = declared.retention.map(|k| decide::Retention::from(k).to_string());
    let training = declared.training.map(|t| decide::Training::from(t).to_string());
    let parts: Vec<String> = [
        ("regions", declared.regions.as_ref().map(|l| l.join(", "))),
        ("legal_seat", declared.legal_seat.clone()),
        ("retention", retention),
        ("training", training),
        ("contracts", declared.contracts.as_ref().map(|l| l.join(", "))),
        ("until", declared.expires.map(|d| d.to_string())),
    ]
    .into_iter()
    .filter_map(|(key, text)| text.map(|t| format!("{key} {t}")))
    .collect();
    if parts.is_empty() { "none".to_owned() } else { parts.join("; ") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_end_of_terms_is_told_thirty_days_ahead() {
        let end = 1_806_537_600; // the end of 2027-03-31
        let declared: shape::Terms = toml::from_str("expires = 2027-03-31\nevidence = \"x\"").unwrap();
        let terms = Terms { expires_unix_s: Some(end), evidence: Some("x".into()), ..Terms::default() };
        assert_eq!(declared.expires.unwrap().end_unix_s(), end);
        let told = |now| doubts("p", &declared, &terms, now).concat();
        assert_eq!(told(end - 30 * DAY_S - 1), "");
        assert_eq!(
            told(end - 30 * DAY_S),
            "the terms of \"p\" expire with 2027-03-31 (days left: 30), and will then count as unknown"
        );
        assert!(told(end - 1).contains("(days left: 1)"));
        assert_eq!(told(end), "the terms of \"p\" expired with 2027-03-31, and count as unknown");
        let bare = doubts("p", &shape::Terms::default(), &Terms::default(), 0);
        assert_eq!(bare, ["the terms of \"p\" have no evidence; an auditor will ask where they are written"]);
    }
}
