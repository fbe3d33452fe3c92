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
mod manifest;
mod rules;
mod shape;
#[cfg(test)]
mod tests;
mod wrap;

use super::{FinderError, FinderOptions, Finding, Kind};
use aho_corasick::{AhoCorasick, AhoCorasickKind};
use assign::{Assigned, By, Reader};
use decide::DataClass;
use rules::{Rules, Token, Word};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How often a text may be unwrapped.
const DEPTH: u8 = 2;
/// Names read within one and the same value.
const NESTED: u8 = 8;
/// Places within one run of 1,024 characters where long tokens are tried. More such tokens do not fit in.
const LONG: u8 = 24;

/// Detectors of secrets.
#[derive(Debug)]
pub(super) struct Secrets {
    rules: Rules,
    /// Words of all rules without those that only an automaton needs.
    automaton: AhoCorasick,
    /// What is tried at each piece of text, by its number in the automaton.
    tries: Vec<Vec<Try>>,
    /// Kinds by name; without those that are off.
    kinds: BTreeMap<&'static str, Kind>,
}

/// What is tried at a piece of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Try {
    Token(usize),
    /// A rule of a name, and which of its words this is.
    Context(usize, usize),
    Generic,
    Pem,
    Putty,
    Jwt,
    Link,
    Command,
    Manifest,
    Account,
    Nuget,
}

/// A hit before it settles with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hit {
    start: usize,
    end: usize,
    kind: &'static str,
    score: u8,
}

/// Pieces of text for what has no table.
const PIECES: &[(&str, Try)] = &[
    ("-----begin", Try::Pem),
    ("private-lines:", Try::Putty),
    ("eyj", Try::Jwt),
    ("ewog", Try::Jwt),
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
        generic::WORDS.iter().for_each(|word| add(word, Try::Generic));
        PIECES.iter().for_each(|(piece, what)| add(piece, *what));
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .build(pieces.keys())
            .map_err(|e| broken(e.to_string()))?;
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
                out.push(Finding { start: hit.start, end: hit.end, kind: kind.clone(), score: hit.score });
            }
        }
    }

    fn look(&self, text: &str, depth: u8, hits: &mut Vec<Hit>) {
        let mut look = Look {
            secrets: self,
            text: text.as_bytes(),
            hits,
            reader: Reader::default(),
            last: (0, 0, 0),
            until: [0; 3],
            long: (0, 0, 0),
        };
        for found in self.automaton.find_overlapping_iter(text) {
            if let Some(tries) = self.tries.get(found.pattern().as_usize()) {
                look.at(tries, (found.start(), found.end()));
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

/// The walk over one text.
struct Look<'a> {
    secrets: &'a Secrets,
    text: &'a [u8],
    hits: &'a mut Vec<Hit>,
    reader: Reader,
    /// The last value that was read, and how many names within it.
    last: (usize, usize, u8),
    /// How far commands, manifests and blocks have been read.
    until: [usize; 3],
    /// Where the run of characters ends that long tokens were tried in, at how many places they were, and at which last.
    long: (usize, u8, usize),
}

impl Look<'_> {
    fn hit(&mut self, span: (usize, usize), kind: &'static str, score: u8) {
        self.hits.push(Hit { start: span.0, end: span.1, kind, score });
    }

    fn at(&mut self, tries: &[Try], piece: (usize, usize)) {
        let mut given: Option<Option<Assigned>> = None;
        let (text, rules) = (self.text, &self.secrets.rules);
        let mut best: Option<(bool, Hit)> = None;
        for what in tries {
            match *what {
                Try::Token(i) => {
                    let Some(token) = rules.tokens.get(i).filter(|t| self.worth(t, piece.0)) else { continue };
                    if let Some(span) = token.around(text, piece.0) {
                        self.hit(span, token.kind, 95);
                        if token.kind == "aws-access-token"
                            && let Some(secret) = link::aws_secret(text, span.1)
                        {
                            self.hit(secret, "aws-secret-access-key", 90);
                        }
                    }
                }
                Try::Context(i, w) => {
                    let Some(rule) = rules.contexts.get(i) else { continue };
                    if !rule.words.get(w).is_some_and(|word: &Word| word.stands(text, piece.0)) {
                        continue;
                    }
                    let Some(given) = *given.get_or_insert_with(|| self.read(piece)) else { continue };
                    let name = String::from_utf8_lossy(&text[given.name.0..given.name.1]).to_ascii_lowercase();
                    if let Some(end) = rule.value(&name, text, given.value.0) {
                        let hinted = rule.hint.is_some_and(|hint| name.contains(hint));
                        let better = best.is_none_or(|(was, _)| hinted && !was);
                        if better && (!given.quoted || end >= given.value.1.min(end)) {
                            best = Some((hinted, Hit { start: given.value.0, end, kind: rule.kind, score: 85 }));
                        }
                    }
                }
                Try::Generic => {
                    if let Some(given) = *given.get_or_insert_with(|| self.read(piece)) {
                        self.generic(&given);
                    }
                }
                Try::Pem | Try::Putty if piece.0 >= self.until[2] => {
                    let found = if *what == Try::Pem { block::pem(text, piece.0) } else { block::putty(text, piece.1) };
                    if let Some(span) = found {
                        self.until[2] = span.1;
                        self.hit(span, "private-key", 99);
                    }
                }
                Try::Jwt => {
                    if let Some(span) = jwt::at(text, piece.0) {
                        self.hit(span, "jwt", 97);
                    }
                }
                Try::Link => {
                    if let Some((span, kind)) = link::credentials(text, piece.0) {
                        self.hit(span, kind, 90);
                    }
                }
                Try::Command if piece.0 >= self.until[0] => {
                    self.until[0] = command::users(text, piece, &mut |span| {
                        self.hits.push(Hit { start: span.0, end: span.1, kind: "curl-auth-user", score: 85 });
                    });
                }
                Try::Manifest if piece.0 >= self.until[1] => {
                    self.until[1] = manifest::values(text, piece, self.until[1], &mut |span| {
                        self.hits.push(Hit { start: span.0, end: span.1, kind: "kubernetes-secret-yaml", score: 85 });
                    });
                }
                Try::Account => {
                    if let Some(span) = block::service_account(text, piece) {
                        self.hit(span, "gcp-service-account", 60);
                    }
                }
                Try::Nuget => {
                    if let Some(span) = block::nuget(text, piece.1) {
                        self.hit(span, "nuget-config-password", 85);
                    }
                }
                Try::Pem | Try::Putty | Try::Command | Try::Manifest => {}
            }
        }
        if let Some((_, hit)) = best {
            self.hits.push(hit);
        }
    }

    /// Whether to try a token here: one that may be long not again and again within one run of characters.
    fn worth(&mut self, token: &Token, at: usize) -> bool {
        if !token.shape.long() {
            return true;
        }
        if at >= self.long.0 {
            self.long = (shape::DENSE.run(self.text, at, 1024), 0, usize::MAX);
        }
        if self.long.2 != at {
            self.long.1 = self.long.1.saturating_add(1);
            self.long.2 = at;
        }
        self.long.1 <= LONG
    }

    /// The value given to the name with this word; not more than a few times within one value.
    fn read(&mut self, word: (usize, usize)) -> Option<Assigned> {
        if word.0 < self.last.1 && word.0 >= self.last.0 {
            self.last.2 += 1;
            if self.last.2 > NESTED {
                return None;
            }
        }
        let given = self.reader.at(self.text, word)?;
        if given.value.0 >= self.last.1 {
            self.last = (given.value.0, given.value.1, 0);
        }
        Some(given)
    }

    fn generic(&mut self, given: &Assigned) {
        if generic::terraform(self.text, given) {
            return self.hit(given.value, "hashicorp-tf-password", 70);
        }
        if !generic::secret(self.text, given) {
            return;
        }
        let kind = match generic::names(&self.text[given.name.0..given.name.1]) {
            Some(generic::Names::Authorization) if command::within(self.text, given.name.0) => "curl-auth-header",
            Some(generic::Names::Authorization) => "authorization-header",
            _ if generic::in_connection_string(self.text, given) => "connection-string",
            Some(generic::Names::Password) => "generic-password",
            _ if given.by == By::Colon && !given.quoted && command::within(self.text, given.name.0) => {
                "curl-auth-header"
            }
            _ => "generic-api-key",
        };
        self.hit(given.value, kind, 70);
    }
}

/// Overlapping hits become one: its span is all of theirs, its kind that of the surest (then the longest).
fn settle(mut hits: Vec<Hit>) -> Vec<Hit> {
    hits.sort_by_key(|h| (h.start, std::cmp::Reverse(h.end)));
    let mut settled: Vec<Hit> = Vec::with_capacity(hits.len());
    for hit in hits {
        match settled.last_mut() {
            Some(last) if hit.start < last.end => {
                if hit.score > last.score {
                    (last.kind, last.score) = (hit.kind, hit.score);
                }
                last.end = last.end.max(hit.end);
            }
            _ => settled.push(hit),
        }
    }
    settled
}
