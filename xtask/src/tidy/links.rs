//! Links of the pages: a relative link must lead to a file of the tree, and every page of the book must be in its
//! table of contents.
//!
//! Never here: links to the web, which cannot be checked without it.

use super::{Finding, Tree};

const BOOK: &str = "docs/book/";
const SUMMARY: &str = "docs/book/SUMMARY.md";

/// Reports dead links and pages that cannot be found.
pub(super) fn check(tree: &Tree, findings: &mut Vec<Finding>) {
    for (path, text) in tree.files.iter().filter(|(path, _)| path.ends_with(".md")) {
        for (line, target) in links(text) {
            let Some(resolved) = resolve(path, &target) else { continue };
            if !tree.has(&resolved) {
                findings.push(Finding {
                    path: path.clone(),
                    line,
                    rule: "dead-link",
                    what: format!("the link `{target}` leads to `{resolved}`, which is not there"),
                    why: "a reader who follows it is lost",
                    fix: "correct the link, or write the page".to_owned(),
                });
            }
        }
    }
    let Some(summary) = tree.files.get(SUMMARY) else { return };
    let listed: Vec<String> = links(summary).iter().filter_map(|(_, target)| resolve(SUMMARY, target)).collect();
    for page in tree.files.keys().filter(|p| p.starts_with(BOOK) && p.ends_with(".md") && *p != SUMMARY) {
        if !listed.contains(page) {
            findings.push(Finding {
                path: page.clone(),
                line: 0,
                rule: "lost-page",
                what: "this page is not in docs/book/SUMMARY.md".to_owned(),
                why: "nobody finds a page that is in no table of contents",
                fix: "list it there".to_owned(),
            });
        }
    }
}

/// Inline links `[text](target)` with their lines, outside fenced code.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        // What stands between back-ticks is code.
        let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("``");
        for piece in prose.split("](").skip(1) {
            if let Some((target, _)) = piece.split_once(')') {
                found.push((index + 1, target.split_whitespace().next().unwrap_or_default().to_owned()));
            }
        }
    }
    found
}

/// The path in the tree that `target`, written in `page`, leads to; `None` for the web and for the page itself.
fn resolve(page: &str, target: &str) -> Option<String> {
    let target = target.split('#').next().unwrap_or_default();
    if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            // Above the root: keep it, so that it is reported.
            ".." if parts.last().is_none_or(|last| *last == "..") => parts.push(".."),
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_dead_links_and_lost_pages() {
        let tree = Tree::of(&[
            ("README.md", "[ok](docs/book/a.md) [dead](docs/none.md)\n[web](https://x.example/y.md) [here](#top)"),
            ("docs/book/SUMMARY.md", "- [A](a.md)"),
            (
                "docs/book/a.md",
                "[up](../../README.md#x), [out](../../../etc.md)\n```\n[code](no.md)\n```\n`[c](no.md)`",
            ),
            ("docs/book/b.md", ""),
        ]);
        let mut findings = Vec::new();
        check(&tree, &mut findings);
        let found: Vec<_> = findings.iter().map(|f| (f.path.as_str(), f.line, f.rule)).collect();
        assert_eq!(
            found,
            [("README.md", 1, "dead-link"), ("docs/book/a.md", 1, "dead-link"), ("docs/book/b.md", 0, "lost-page")]
        );
    }
}
