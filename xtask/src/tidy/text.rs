//! Words that may not stand in the tree: unfinished work, switched-off tests, paths of somebody's machine.

use super::{Finding, Tree};

/// One forbidden text. The patterns are put together at compile time, so that this file does not contain them.
struct Ban {
    rule: &'static str,
    needles: &'static [&'static str],
    /// Kinds of file it holds for; empty is every kind.
    kinds: &'static [&'static str],
    why: &'static str,
    fix: &'static str,
}

const BANS: [Ban; 4] = [
    Ban {
        rule: "unfinished",
        needles: &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")],
        kinds: &[".rs", ".py", ".toml", ".sh", "Makefile"],
        why: "a mark in the source is seen by nobody who could act on it",
        fix: "finish it, or open an issue and say in plain words what is not there yet",
    },
    Ban {
        rule: "unfinished",
        needles: &[concat!("todo", "!("), concat!("unimplemented", "!(")],
        kinds: &[".rs"],
        why: "it panics in front of a user",
        fix: "write it, or return an error that says what is not there yet",
    },
    Ban {
        rule: "ignored-test",
        needles: &[concat!("#[", "ignore"), concat!("mark.", "xfail")],
        kinds: &[".rs", ".py"],
        why: "a test that does not run protects nothing and rots",
        fix: "make it run or delete it; a slow one goes behind its own make target",
    },
    Ban {
        rule: "machine-path",
        needles: &[
            concat!("/wo", "rk/"),
            concat!("/ho", "me/"),
            concat!("/Use", "rs/"),
            concat!("/ro", "ot/"),
            concat!("/tm", "p/"),
        ],
        kinds: &[],
        why: "it exists on one machine only",
        fix: "use a path from the repository, a temporary folder made by the test, or $HOME",
    },
];

/// The home of nobody, for tests that need one.
const NOBODYS_HOME: &str = concat!("/ho", "me/u");

/// Reports forbidden texts, line by line.
pub(super) fn check(tree: &Tree, findings: &mut Vec<Finding>) {
    for (path, text) in &tree.files {
        for ban in BANS.iter().filter(|b| b.kinds.is_empty() || b.kinds.iter().any(|k| path.ends_with(k))) {
            for (index, line) in text.lines().enumerate() {
                let Some(needle) = ban.needles.iter().find(|n| contains_word(line, n)) else { continue };
                findings.push(Finding {
                    path: path.clone(),
                    line: index + 1,
                    rule: ban.rule,
                    what: format!("`{needle}`"),
                    why: ban.why,
                    fix: ban.fix.to_owned(),
                });
            }
        }
    }
}

/// Does `needle` stand in `line` with no letter, digit or dot directly before it (`https://host/home/x` is no path)?
fn contains_word(line: &str, needle: &str) -> bool {
    line.match_indices(needle).any(|(at, _)| {
        if let Some(rest) = line[at..].strip_prefix(NOBODYS_HOME)
            && !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '-')
        {
            return false;
        }
        let before = line[..at].chars().next_back();
        let after = line[at + needle.len()..].chars().next();
        let whole_word = needle.chars().all(char::is_alphanumeric);
        let part_of_more = before.is_some_and(|c| c.is_alphanumeric() || c == '.' || c == '_')
            || (whole_word && after.is_some_and(|c| c.is_alphanumeric() || c == '_'));
        !part_of_more
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<(usize, &'static str)> {
        let mut findings = Vec::new();
        check(&Tree::of(&[(path, text)]), &mut findings);
        findings.iter().map(|f| (f.line, f.rule)).collect()
    }

    #[test]
    fn finds_each_kind() {
        assert_eq!(found("a.rs", concat!("fn f() {}\n// FIX", "ME later")), [(2, "unfinished")]);
        assert_eq!(found("a.rs", concat!("fn f() { todo", "!() }")), [(1, "unfinished")]);
        assert_eq!(found("a.rs", concat!("#[", "ignore]\nfn f() {}")), [(1, "ignored-test")]);
        assert_eq!(found("a.md", concat!("see /ho", "me/someone/x")), [(1, "machine-path")]);
        assert_eq!(found("Makefile", concat!("# TO", "DO: speed")), [(1, "unfinished")]);
    }

    #[test]
    fn leaves_the_harmless_alone() {
        assert!(found("a.rs", concat!("const TO", "DO_LIST: u8 = 1;")).is_empty());
        assert!(found("a.md", concat!("https://example.com/ho", "me/x")).is_empty());
        assert!(found("a.rs", concat!("HOME=/ho", "me/u, /ho", "me/u/x")).is_empty());
        assert!(!found("a.rs", concat!("HOME=/ho", "me/ursula")).is_empty());
        assert!(found("a.md", concat!("`/net", "work/` and `~/x`")).is_empty());
    }
}
