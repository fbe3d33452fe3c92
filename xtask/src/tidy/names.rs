//! File names: no `mod.rs`, and no name that says nothing about what is inside.

use super::{Finding, Tree};

/// Stems that could hold anything, so in time they do.
const EMPTY_NAMES: [&str; 17] = [
    "util", "utils", "helper", "helpers", "manager", "handler", "handlers", "common", "misc", "types", "service",
    "services", "impl", "base", "core", "stuff", "v2",
];

/// Reports bad names of Rust files and rooms.
pub(super) fn check(tree: &Tree, findings: &mut Vec<Finding>) {
    for path in tree.files.keys() {
        if !path.ends_with(".rs") && !path.ends_with("Cargo.toml") {
            continue;
        }
        if path.ends_with("/mod.rs") {
            findings.push(Finding {
                path: path.clone(),
                line: 0,
                rule: "mod-rs",
                what: "a file called mod.rs".to_owned(),
                why: "ten editor tabs called mod.rs cannot be told apart",
                fix: "name it after its folder: foo.rs beside the folder foo/".to_owned(),
            });
        }
        if let Some(name) = path.split('/').find(|part| is_empty_name(part)) {
            findings.push(Finding {
                path: path.clone(),
                line: 0,
                rule: "empty-name",
                what: format!("`{name}` says nothing about what is inside"),
                why: "such a name attracts whatever has no home, and everything comes to import it",
                fix: "name it by its one noun or verb (what it holds or does)".to_owned(),
            });
        }
    }
}

fn is_empty_name(part: &str) -> bool {
    let stem = part.strip_suffix(".rs").unwrap_or(part);
    EMPTY_NAMES.contains(&stem)
        || stem
            .split('_')
            .next_back()
            .is_some_and(|last| ["manager", "helper", "handler", "utils", "util"].contains(&last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_which_names_are_bad() {
        let tree = Tree::of(&[
            ("crates/wire/src/sse/mod.rs", ""),
            ("crates/wire/src/utils.rs", ""),
            ("crates/common/src/lib.rs", ""),
            ("crates/gateway/src/key_manager.rs", ""),
            ("crates/wire/src/sse.rs", ""),
            ("docs/helper.md", ""),
        ]);
        let mut findings = Vec::new();
        check(&tree, &mut findings);
        let found: Vec<_> = findings.iter().map(|f| (f.path.as_str(), f.rule)).collect();
        assert_eq!(
            found,
            [
                ("crates/common/src/lib.rs", "empty-name"),
                ("crates/gateway/src/key_manager.rs", "empty-name"),
                ("crates/wire/src/sse/mod.rs", "mod-rs"),
                ("crates/wire/src/utils.rs", "empty-name"),
            ]
        );
    }
}
