//! Rules by which a text (a model's name, a provider's, a field) is recognised.
//!
//! Never here: what a match means.

use regex::Regex;
use serde::Deserialize;
use std::sync::OnceLock;

/// A rule. Comparisons are without regard to case; a regular expression is as it is written.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Clause {
    StartsWith(String),
    EndsWith(String),
    Contains(String),
    Equals(String),
    Regex(Pattern),
    Or(Vec<Clause>),
    And(Vec<Clause>),
}

/// A regular expression, compiled when it is first asked for.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Pattern {
    text: String,
    #[serde(skip)]
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// An expression that cannot be compiled matches nothing; a test sees to it that the book has none.
    pub(crate) fn compiled(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| Regex::new(&self.text).ok()).as_ref()
    }
}

impl Clause {
    /// Whether the rule recognises a text.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let lower = text.to_lowercase();
        match self {
            Clause::StartsWith(part) => lower.starts_with(&part.to_lowercase()),
            Clause::EndsWith(part) => lower.ends_with(&part.to_lowercase()),
            Clause::Contains(part) => lower.contains(&part.to_lowercase()),
            Clause::Equals(whole) => lower == whole.to_lowercase(),
            Clause::Regex(pattern) => pattern.compiled().is_some_and(|r| r.is_match(text)),
            Clause::Or(any) => any.iter().any(|c| c.matches(text)),
            Clause::And(all) => all.iter().all(|c| c.matches(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clause(json: &str) -> Clause {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn the_kinds_of_rules() {
        assert!(clause(r#"{"starts_with":"GPT-"}"#).matches("gpt-5"));
        assert!(clause(r#"{"ends_with":"-Mini"}"#).matches("GPT-5-mini"));
        assert!(clause(r#"{"contains":"claude"}"#).matches("eu.anthropic.Claude-3"));
        assert!(!clause(r#"{"equals":"o1"}"#).matches("o1-mini"));
        assert!(clause(r#"{"regex":"^o[134]"}"#).matches("o3-pro"));
        assert!(!clause(r#"{"regex":"^o[134]"}"#).matches("gpt-o3"));
        assert!(clause(r#"{"and":[{"contains":"a"},{"or":[{"equals":"ab"},{"equals":"ac"}]}]}"#).matches("ac"));
        assert!(!clause(r#"{"regex":"("}"#).matches("("), "what cannot be compiled matches nothing");
        assert!(!clause(r#"{"or":[]}"#).matches("") && clause(r#"{"and":[]}"#).matches(""));
    }
}
