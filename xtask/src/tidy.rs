//! `xtask tidy`: what the map in ARCHITECTURE.md and the habits of the house ask of the tree, one file per rule.
//!
//! Never here: formatting (rustfmt) and what clippy can say itself.

mod cycles;
mod links;
mod manifest;
mod names;
mod pure;
mod rooms;
mod size;
mod source;
mod text;
mod tree;

pub use tree::Tree;

use std::fmt;

/// One thing to put right: where, what, why it matters and what to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Path from the root of the tree.
    pub path: String,
    /// Line, from 1; 0 for the file as a whole.
    pub line: usize,
    /// The rule's name, for tests and for searching this code.
    pub rule: &'static str,
    /// What was found.
    pub what: String,
    /// Why that is against the house.
    pub why: &'static str,
    /// What to do about it.
    pub fix: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line.max(1);
        write!(f, "{}:{line}: [{}] {}\n    why: {}\n    do:  {}", self.path, self.rule, self.what, self.why, self.fix)
    }
}

/// Checks everything; the findings come sorted by place.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let sources = source::parse_all(tree, &mut findings);
    names::check(tree, &mut findings);
    text::check(tree, &mut findings);
    links::check(tree, &mut findings);
    rooms::check(tree, &sources, &mut findings);
    pure::check(&sources, &mut findings);
    cycles::check(&sources, &mut findings);
    size::check(tree, &sources, &mut findings);
    findings.sort();
    findings.dedup();
    findings
}
