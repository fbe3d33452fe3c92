//! The walk over one text: at each piece of text that was found, the rules of that piece are tried; then hits settle.
//!
//! Never here: the tables (`rules`), unwrapping (`wrap`).

use super::assign::{Assigned, By, Reader};
use super::rules::{Rules, Token};
use super::{block, command, generic, jwt, link, manifest, shape};

/// Further values read that end at the same place.
const NESTED: u8 = 8;
/// Places within one run of 1,024 characters where long tokens are tried. More such tokens do not fit in.
const LONG: u8 = 18;

/// What is tried at a piece of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Try {
    Token(usize),
    /// A rule of a name, and which of its words this is.
    Context(usize, usize),
    Generic,
    Pem,
    Putty,
    Jwt,
    Wrapped,
    Link,
    Command,
    Manifest,
    Account,
    Nuget,
}

/// A hit before it settles with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) kind: &'static str,
    pub(super) score: u8,
}

/// The walk over one text.
pub(super) struct Look<'a> {
    rules: &'a Rules,
    text: &'a [u8],
    hits: &'a mut Vec<Hit>,
    reader: Reader,
    wrapped: jwt::Run,
    /// Where the last value that was read ends, and how many before it ended there.
    last: (usize, u8),
    /// The value that was judged last.
    judged: Option<Assigned>,
    /// How far commands, manifests and blocks have been read.
    until: [usize; 3],
    /// Where the run of characters ends that long tokens were tried in, at how many places they were, and at which last.
    long: (usize, u8, usize),
}

impl<'a> Look<'a> {
    pub(super) fn new(rules: &'a Rules, text: &'a [u8], hits: &'a mut Vec<Hit>) -> Look<'a> {
        Look {
            rules,
            text,
            hits,
            reader: Reader::default(),
            wrapped: jwt::Run::default(),
            last: (0, 0),
            judged: None,
            until: [0; 3],
            long: (0, 0, 0),
        }
    }

    fn hit(&mut self, span: (usize, usize), kind: &'static str, score: u8) {
        self.hits.push(Hit { start: span.0, end: span.1, kind, score });
    }

    /// Tries what belongs to the piece that stands there.
    pub(super) fn at(&mut self, tries: &[Try], piece: (usize, usize)) {
        // The value given to the name that the piece is a part of: read once, and only if a rule asks for it.
        let mut given: Option<Option<Assigned>> = None;
        let mut best: Option<(bool, Hit)> = None;
        for what in tries {
            match *what {
                Try::Token(i) => self.token(i, piece.0),
                Try::Context(i, w) if self.stands(i, w, piece.0) => {
                    if let Some(given) = *given.get_or_insert_with(|| self.read(piece)) {
                        best = self.context(i, &given, best);
                    }
                }
                Try::Generic => {
                    if let Some(given) = *given.get_or_insert_with(|| self.read(piece)) {
                        self.generic(&given);
                    }
                }
                Try::Context(..) => {}
                other => self.other(other, piece),
            }
        }
        self.hits.extend(best.map(|(_, hit)| hit));
    }

    fn token(&mut self, rule: usize, at: usize) {
        let rules = self.rules;
        let Some(token) = rules.tokens.get(rule).filter(|t| self.worth(t, at)) else { return };
        let Some(span) = token.around(self.text, at) else { return };
        self.hit(span, token.kind, 95);
        if token.kind == "aws-access-token"
            && let Some(secret) = link::aws_secret(self.text, span.1)
        {
            self.hit(secret, "aws-secret-access-key", 90);
        }
    }

    fn stands(&self, rule: usize, word: usize, at: usize) -> bool {
        let word = self.rules.contexts.get(rule).and_then(|r| r.words.get(word));
        word.is_some_and(|word| word.stands(self.text, at))
    }

    /// The better of what was found before and what this rule finds: where several kinds look the same, the name decides.
    fn context(&self, rule: usize, given: &Assigned, best: Option<(bool, Hit)>) -> Option<(bool, Hit)> {
        let Some(rule) = self.rules.contexts.get(rule) else { return best };
        let name = String::from_utf8_lossy(&self.text[given.name.0..given.name.1]).to_ascii_lowercase();
        let Some(end) = rule.value(&name, self.text, given.value.0) else { return best };
        let hinted = rule.hint.is_some_and(|hint| name.contains(hint));
        if best.is_some_and(|(was, _)| was || !hinted) {
            return best;
        }
        Some((hinted, Hit { start: given.value.0, end, kind: rule.kind, score: 85 }))
    }

    /// What has no table.
    fn other(&mut self, what: Try, piece: (usize, usize)) {
        let text = self.text;
        let found = match what {
            Try::Pem if piece.0 >= self.until[2] => block::pem(text, piece.0).map(|span| (span, "private-key", 99)),
            Try::Putty if piece.0 >= self.until[2] => block::putty(text, piece.1).map(|span| (span, "private-key", 99)),
            Try::Jwt => jwt::at(text, piece.0).map(|span| (span, "jwt", 97)),
            Try::Wrapped => self.wrapped.wrapped(text, piece.0).map(|span| (span, "jwt-base64", 92)),
            Try::Link => link::credentials(text, piece.0).map(|(span, kind)| (span, kind, 90)),
            Try::Account => block::service_account(text, piece).map(|span| (span, "gcp-service-account", 60)),
            Try::Nuget => block::nuget(text, piece.1).map(|span| (span, "nuget-config-password", 85)),
            Try::Command if piece.0 >= self.until[0] => {
                self.until[0] = command::users(text, piece, &mut |span| {
                    self.hits.push(Hit { start: span.0, end: span.1, kind: "curl-auth-user", score: 85 });
                });
                None
            }
            Try::Manifest if piece.0 >= self.until[1] => {
                self.until[1] = manifest::values(text, piece, self.until[1], &mut |span| {
                    self.hits.push(Hit { start: span.0, end: span.1, kind: "kubernetes-secret-yaml", score: 85 });
                });
                None
            }
            _ => None,
        };
        if let Some((span, kind, score)) = found {
            if kind == "private-key" {
                self.until[2] = span.1;
            }
            self.hit(span, kind, score);
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

    /// The value given to the name with this word; not more than a few that end at the same place (`a=b=c=…`).
    fn read(&mut self, word: (usize, usize)) -> Option<Assigned> {
        let given = self.reader.at(self.text, word)?;
        self.last = if given.value.1 == self.last.0 {
            (self.last.0, self.last.1.saturating_add(1))
        } else {
            (given.value.1, 0)
        };
        (self.last.1 <= NESTED).then_some(given)
    }

    fn generic(&mut self, given: &Assigned) {
        // Two words of one name (`passwordpassword`, `secret_key`) are given the same value.
        if self.judged.replace(*given) == Some(*given) {
            return;
        }
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
pub(super) fn settle(mut hits: Vec<Hit>) -> Vec<Hit> {
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
