//! Sizes that may only shrink: lines of a file, lines of a function, and calls that panic. Exceptions stand in
//! `xtask/ratchet.toml` with today's size and a reason.

use super::source::Source;
use super::{Finding, Tree};
use serde::Deserialize;
use std::collections::BTreeMap;

const RATCHET: &str = "xtask/ratchet.toml";
/// Lines outside tests that a file may have without a reason.
const FILE_LINES_MAX: usize = 350;
/// Lines that a function may have without a reason.
const FUNCTION_LINES_MAX: usize = 70;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ratchet {
    #[serde(default)]
    file: Vec<FileEntry>,
    #[serde(default)]
    function: Vec<FunctionEntry>,
    #[serde(default)]
    panics: Vec<PanicsEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileEntry {
    path: String,
    lines: usize,
    why: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FunctionEntry {
    path: String,
    name: String,
    lines: usize,
    why: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PanicsEntry {
    path: String,
    count: usize,
    why: String,
}

/// What is measured: a file, a function of it, or its calls that panic.
type Key = (String, String);

/// One kind of size with its limit.
struct Kind {
    rule: &'static str,
    limit: usize,
    unit: &'static str,
    table: &'static str,
    why: &'static str,
    fix: &'static str,
}

const FILES: Kind = Kind {
    rule: "long-file",
    limit: FILE_LINES_MAX,
    unit: "lines outside tests",
    table: "file",
    why: "a file that is too long to read in one sitting is not read",
    fix: "cut it along its nouns (foo.rs + foo/bar.rs)",
};
const FUNCTIONS: Kind = Kind {
    rule: "long-function",
    limit: FUNCTION_LINES_MAX,
    unit: "lines",
    table: "function",
    why: "a function longer than a screen hides its steps",
    fix: "give its steps names",
};
const PANICS: Kind = Kind {
    rule: "panics",
    limit: 0,
    unit: "calls of unwrap, expect, panic! or unreachable!",
    table: "panics",
    why: "bad input must never end a process that serves others",
    fix: "return an error that says what happened, why, and what to do next",
};

/// Compares the tree with the limits and the exceptions.
pub(super) fn check(tree: &Tree, sources: &[Source], findings: &mut Vec<Finding>) {
    let text = tree.files.get(RATCHET).map_or("", String::as_str);
    let ratchet: Ratchet = match toml::from_str(text) {
        Ok(ratchet) => ratchet,
        Err(error) => {
            findings.push(Finding {
                path: RATCHET.to_owned(),
                line: 0,
                rule: "no-parse",
                what: error.message().to_owned(),
                why: "without it no exception is known",
                fix: "correct it; entries look like those in the head of the file".to_owned(),
            });
            return;
        }
    };
    let own: Vec<&Source> = sources.iter().filter(|s| !s.test).collect();
    let files = own.iter().map(|s| ((s.path.clone(), String::new()), (s.lines, 0))).collect();
    let panics = own.iter().map(|s| ((s.path.clone(), String::new()), (s.panics.len(), first_panic(s)))).collect();
    let mut functions: BTreeMap<Key, (usize, usize)> = BTreeMap::new();
    for source in &own {
        for function in &source.functions {
            // Two functions of one name in a file (two impls): the longer one counts.
            let size = functions.entry((source.path.clone(), function.it.name.clone())).or_default();
            *size = (*size).max((function.it.lines, function.line));
        }
    }
    let entry = |path: String, name: String, bound: usize, why: String| ((path, name), (bound, why));
    let listed = ratchet.file.into_iter().map(|e| entry(e.path, String::new(), e.lines, e.why)).collect();
    compare(&FILES, &files, &listed, findings);
    let listed = ratchet.function.into_iter().map(|e| entry(e.path, e.name, e.lines, e.why)).collect();
    compare(&FUNCTIONS, &functions, &listed, findings);
    let listed = ratchet.panics.into_iter().map(|e| entry(e.path, String::new(), e.count, e.why)).collect();
    compare(&PANICS, &panics, &listed, findings);
}

fn first_panic(source: &Source) -> usize {
    source.panics.first().map_or(0, |p| p.line)
}

fn compare(
    kind: &Kind,
    sizes: &BTreeMap<Key, (usize, usize)>,
    listed: &BTreeMap<Key, (usize, String)>,
    findings: &mut Vec<Finding>,
) {
    for ((path, name), (size, line)) in sizes {
        let listed = listed.get(&(path.clone(), name.clone())).map(|(bound, _)| *bound);
        if *size > listed.unwrap_or(kind.limit).max(kind.limit) {
            let subject = if name.is_empty() { "this file".to_owned() } else { format!("`{name}`") };
            let bound = listed
                .map_or(format!("{} are allowed", kind.limit), |b| format!("{b} are allowed for it in {RATCHET}"));
            findings.push(Finding {
                path: path.clone(),
                line: *line,
                rule: kind.rule,
                what: format!("{subject} has {size} {}; {bound}", kind.unit),
                why: kind.why,
                fix: kind.fix.to_owned(),
            });
        }
    }
    for ((path, name), (bound, why)) in listed {
        let size = sizes.get(&(path.clone(), name.clone())).map(|(size, _)| *size);
        let what = match size {
            None => "is listed and is not there".to_owned(),
            Some(_) if why.trim().is_empty() => "is listed without a reason".to_owned(),
            Some(size) if size <= kind.limit => format!("has {size} {} now and needs no exception", kind.unit),
            Some(size) if size < *bound => format!("has {size} {} now; {bound} are listed", kind.unit),
            Some(_) => continue,
        };
        findings.push(Finding {
            path: RATCHET.to_owned(),
            line: 0,
            rule: "ratchet",
            what: format!("[[{}]] {path} {name} {what}", kind.table),
            why: "an exception that is wider than needed lets the size grow back unseen",
            fix: size
                .filter(|s| *s > kind.limit)
                .map_or("take the entry out".to_owned(), |s| format!("set it to {s}, with a reason")),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::source;
    use super::*;

    fn found(text: &str, ratchet: &str) -> Vec<(String, &'static str)> {
        let tree = Tree::of(&[("crates/x/Cargo.toml", ""), ("crates/x/src/a.rs", text), (RATCHET, ratchet)]);
        let mut findings = Vec::new();
        check(&tree, &source::parse_all(&tree, &mut Vec::new()), &mut findings);
        findings.into_iter().map(|f| (f.path, f.rule)).collect()
    }

    fn lines(n: usize) -> String {
        format!("//! Head.\n{}", "const A: u8 = 1;\n".repeat(n - 1))
    }

    #[test]
    fn a_long_file_needs_an_entry_of_its_size() {
        let here = |rule| vec![("crates/x/src/a.rs".to_owned(), rule)];
        let there = vec![(RATCHET.to_owned(), "ratchet")];
        let entry =
            |n: usize, why: &str| format!("[[file]]\npath = \"crates/x/src/a.rs\"\nlines = {n}\nwhy = \"{why}\"\n");
        assert_eq!(found(&lines(350), ""), []);
        assert_eq!(found(&lines(351), ""), here("long-file"));
        assert_eq!(found(&lines(400), &entry(400, "a table")), []);
        assert_eq!(found(&lines(401), &entry(400, "a table")), here("long-file"));
        assert_eq!(found(&lines(399), &entry(400, "a table")), there);
        assert_eq!(found(&lines(400), &entry(400, " ")), there);
        assert_eq!(found(&lines(300), &entry(400, "a table")), there);
        assert_eq!(found(&lines(10), "[[file]]\npath = \"b.rs\"\nlines = 400\nwhy = \"x\"\n"), there);
    }

    #[test]
    fn tests_do_not_count() {
        let tests = format!(
            "//! Head.\n#[cfg(test)]\nmod tests {{\n{}fn f() {{ x.unwrap() }}\n}}",
            "const A: u8 = 1;\n".repeat(500)
        );
        assert_eq!(found(&tests, ""), []);
    }

    #[test]
    fn long_functions_and_panics_are_reported() {
        let long = format!("//! Head.\nfn f() {{\n{}}}\n", "g();\n".repeat(69));
        assert_eq!(found(&long, ""), [("crates/x/src/a.rs".to_owned(), "long-function")]);
        assert_eq!(found(&long.replacen("g();\n", "", 1), ""), []);
        assert_eq!(found("//! Head.\nfn f() { x.unwrap() }", ""), [("crates/x/src/a.rs".to_owned(), "panics")]);
        let entry = "[[panics]]\npath = \"crates/x/src/a.rs\"\ncount = 1\nwhy = \"x\"\n";
        assert_eq!(found("//! Head.\nfn f() { x.unwrap() }", entry), []);
        assert_eq!(found("//! Head.\nfn f() { }", entry), [(RATCHET.to_owned(), "ratchet")]);
    }

    #[test]
    fn a_ratchet_that_cannot_be_read_is_reported() {
        assert_eq!(found("//! Head.", "[[fil]]"), [(RATCHET.to_owned(), "no-parse")]);
    }
}
