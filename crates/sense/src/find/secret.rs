//! Secrets: keys and tokens of known services, private keys, connection strings, high-entropy assignments.
//!
//! Way of a text: one automaton looks for the fixed pieces of all rules at once → at each, only the rules of that piece
//! are tried around it → entropy and allow-lists → texts wrapped in Base64 or percent signs are unwrapped and looked at
//! the same way → overlapping hits settle.
//!
//! Work is linear in the length of the text: each try looks at a bounded number of bytes.
//!
//! Never here: personal data (`pii`); folding of invisible characters (`find`).

mod allow;
mod assign;
mod block;
mod command;
mod generic;
mod jwt;
mod link;
mod look;
mod manifest;
mod rules;
mod shape;
#[cfg(test)]
mod tests;
mod wrap;

use super::{FinderError, FinderOptions, Finding, Kind};
use aho_corasick::automaton::Automaton;
use aho_corasick::{Anchored, dfa};
use decide::DataClass;
use look::{Hit, Look, Try, settle};
use rules::Rules;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How often a text may be unwrapped.
const DEPTH: u8 = 2;

/// Detectors of secrets.
#[derive(Debug)]
pub(super) struct Secrets {
    rules: Rules,
    /// Words of all rules without those that only an automaton needs.
    automaton: dfa::DFA,
    /// What is tried at each piece of text, by its number in the automaton.
    tries: Vec<Vec<Try>>,
    /// Kinds by name; without those that are off.
    kinds: BTreeMap<&'static str, Kind>,
}

/// Pieces of text for what has no table.
const PIECES: &[(&str, Try)] = &[
    ("-----begin", Try::Pem),
    ("private-lines:", Try::Putty),
    ("eyj", Try::Jwt),
    ("ewog", Try::Jwt),
    ("zxlk", Try::Wrapped),
    ("://", Try::Link),
    ("curl", Try::Command),
    ("kind:", Try::Manifest),
    ("service_account", Try::Account),
    ("<add key=", Try::Nuget),
];

/// Kinds that have no table.
const OTHERS: &[&str] = &[
    "private-key",
    "jwt",
    "jwt-base64",
    "sidekiq-sensitive-url",
    "url-credentials",
    "connection-string",
    "curl-auth-user",
    "curl-auth-header",
    "authorization-header",
    "kubernetes-secret-yaml",
    "gcp-service-account",
    "nuget-config-password",
    "hashicorp-tf-password",
    "generic-api-key",
    "generic-password",
    "aws-secret-access-key",
];

impl Secrets {
    /// Builds the automaton.
    pub(super) fn new(options: &FinderOptions) -> Result<Secrets, FinderError> {
        let broken = |why: String| FinderError { option: "the built-in rules for secrets".to_owned(), why };
        let rules = Rules::built_in().map_err(broken)?;
        let mut pieces: BTreeMap<String, Vec<Try>> = BTreeMap::new();
        let mut add = |piece: &str, what: Try| {
            let tries = pieces.entry(piece.to_ascii_lowercase()).or_default();
            if !tries.contains(&what) {
                tries.push(what);
            }
        };
        for (i, token) in rules.tokens.iter().enumerate() {
            for anchor in token.shape.anchors() {
                add(&String::from_utf8_lossy(anchor), Try::Token(i));
            }
        }
        for (i, context) in rules.contexts.iter().enumerate() {
            context.words.iter().enumerate().for_each(|(w, word)| add(&word.lower, Try::Context(i, w)));
        }
        generic::WORDS.iter().chain(generic::FOREIGN).for_each(|word| add(word, Try::Generic));
        PIECES.iter().for_each(|(piece, what)| add(piece, *what));
        let automaton =
            dfa::Builder::new().ascii_case_insensitive(true).build(pieces.keys()).map_err(|e| broken(e.to_string()))?;
        let on = Secrets::kinds().filter(|name| !options.off.iter().any(|off| off == name));
        let kinds = on.map(|name| (name, Kind { name: Arc::from(name), class: DataClass::Secret })).collect();
        Ok(Secrets { rules, automaton, tries: pieces.into_values().collect(), kinds })
    }

    /// Names of all kinds, some of them more than once.
    pub(super) fn kinds() -> impl Iterator<Item = &'static str> {
        rules::kinds().chain(OTHERS.iter().copied())
    }

    /// Adds the secrets of a text, in its order, without overlaps.
    pub(super) fn find(&self, text: &str, out: &mut Vec<Finding>) {
        let mut hits = Vec::new();
        self.look(text, DEPTH, &mut hits);
        hits.retain(|hit| self.kinds.contains_key(hit.kind));
        for hit in settle(hits) {
            if let Some(kind) = self.kinds.get(hit.kind) {
                // A long value is cut after some bytes, which may be within a character.
                let start = (0..=hit.start).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
                let end = (hit.end..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
                out.push(Finding { start, end, kind: kind.clone(), score: hit.score });
            }
        }
    }

    fn look(&self, text: &str, depth: u8, hits: &mut Vec<Hit>) {
        let mut look = Look::new(&self.rules, text.as_bytes(), hits);
        // The automaton is stepped here: the crate's own search for overlapping matches keeps its place between two calls and
        // costs three times the instructions per byte.
        let automaton = &self.automaton;
        let Ok(mut state) = automaton.start_state(Anchored::No) else { return };
        for (at, byte) in text.bytes().enumerate() {
            state = automaton.next_state(Anchored::No, state, byte);
            if !automaton.is_special(state) || !automaton.is_match(state) {
                continue;
            }
            for index in 0..automaton.match_len(state) {
                let piece = automaton.match_pattern(state, index);
                if let Some(tries) = self.tries.get(piece.as_usize()) {
                    look.at(tries, (at + 1 - automaton.pattern_len(piece), at + 1));
                }
            }
        }
        if depth == 0 {
            return;
        }
        wrap::each(text, &mut |inner, place| {
            let mut within = Vec::new();
            self.look(inner, depth - 1, &mut within);
            hits.extend(within.iter().map(|hit| {
                let (start, end) = place(hit.start, hit.end);
                let kind = if hit.kind == "jwt" { "jwt-base64" } else { hit.kind };
                Hit { start, end, kind, score: hit.score.saturating_sub(5) }
            }));
        });
    }
}
