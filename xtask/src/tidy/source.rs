//! Rust sources as the rules need them: which lines are tests, which names are used where, how long functions are.
//!
//! Never here: a rule, but for the head that every file has and that it parses.

mod walk;

use super::{Finding, Tree};
use std::collections::BTreeSet;
use syn::visit::Visit;
use walk::{Walk, is_test};

/// Something found on a line of code that is not a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct At<T> {
    pub(super) line: usize,
    pub(super) it: T,
}

/// A function and its length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) lines: usize,
}

/// A path as written, `use` trees flattened; `*` stands for a glob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) parts: Vec<String>,
    /// The name under which a `use` brings it in.
    pub(super) alias: Option<String>,
    /// A `pub use`: what is meant is found through it, and it is no use of its own.
    pub(super) reexport: bool,
}

/// A module in a file of its own that is there for tests only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TestModule {
    pub(super) name: String,
    /// `#[path = "…"]`, relative to the folder of the file that declares it.
    pub(super) path: Option<String>,
}

/// One parsed file.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: String,
    /// The crate it belongs to: the folder that holds its Cargo.toml (`crates/wire`).
    pub(super) package: String,
    /// The whole file is test code.
    pub(super) test: bool,
    /// Lines outside tests.
    pub(super) lines: usize,
    pub(super) functions: Vec<At<Function>>,
    pub(super) async_functions: Vec<At<String>>,
    pub(super) names: Vec<At<Name>>,
    /// Calls that panic: `unwrap`, `expect`, `panic!`, `unreachable!`.
    pub(super) panics: Vec<At<String>>,
    /// Items defined at the top level of this file.
    pub(super) items: BTreeSet<String>,
    /// Modules declared `#[cfg(test)] mod x;`, by the file they are in where `#[path]` names one.
    test_modules: Vec<TestModule>,
}

impl Source {
    /// The room's name for a file below `crates/<room>/`.
    pub(super) fn room(&self) -> Option<&str> {
        self.package.strip_prefix("crates/")
    }

    /// The module path inside the crate, for files below `src/`: `[]` for the root, `["a", "b"]` for `a/b.rs`.
    pub(super) fn module(&self) -> Option<Vec<String>> {
        let inside = self.path.strip_prefix(&self.package)?.strip_prefix("/src/")?.strip_suffix(".rs")?;
        let parts: Vec<String> = inside.split('/').map(str::to_owned).collect();
        Some(if parts == ["lib"] || parts == ["main"] { Vec::new() } else { parts })
    }
}

/// Parses every Rust file; reports those without a head and those that do not parse.
pub(super) fn parse_all(tree: &Tree, findings: &mut Vec<Finding>) -> Vec<Source> {
    let packages: Vec<&str> =
        tree.files.keys().filter_map(|p| p.strip_suffix("/Cargo.toml")).filter(|p| !p.is_empty()).collect();
    let mut sources = Vec::new();
    for (path, text) in tree.files.iter().filter(|(path, _)| path.ends_with(".rs")) {
        // Sources that must not compile (trybuild) are data of a test.
        if path.contains("/tests/") && path.matches('/').count() > 3 {
            continue;
        }
        if !text.trim_start().starts_with("//!") {
            findings.push(Finding {
                path: path.clone(),
                line: 1,
                rule: "no-head",
                what: "the file does not begin with `//!`".to_owned(),
                why: "a reader should learn from the first line what the file is and what is never in it",
                fix: "say it in a line or two: what is here, and \"Never here: …\"".to_owned(),
            });
        }
        let package = packages.iter().filter(|p| path.starts_with(&format!("{p}/"))).max_by_key(|p| p.len());
        match syn::parse_file(text) {
            Ok(file) => sources.push(read(path, package.copied().unwrap_or_default(), text, &file)),
            Err(error) => findings.push(Finding {
                path: path.clone(),
                line: error.span().start().line,
                rule: "no-parse",
                what: format!("this is not Rust: {error}"),
                why: "no other rule can be checked on it",
                fix: "correct it".to_owned(),
            }),
        }
    }
    mark_test_modules(&mut sources);
    sources
}

fn read(path: &str, package: &str, text: &str, file: &syn::File) -> Source {
    let inside = path.strip_prefix(package).unwrap_or(path);
    let test = ["/tests/", "/benches/", "/examples/", "/fuzz_targets/"].iter().any(|f| inside.starts_with(f))
        || is_test(&file.attrs)
        // testkit is never shipped.
        || package == "crates/testkit"
        || package == "fuzz";
    let mut walk = Walk::default();
    walk.visit_file(file);
    Source {
        path: path.to_owned(),
        package: package.to_owned(),
        test,
        lines: text.lines().count().saturating_sub(walk.test_lines),
        functions: walk.functions,
        async_functions: walk.async_functions,
        names: walk.names,
        panics: walk.panics,
        items: file.items.iter().filter_map(item_name).collect(),
        test_modules: walk.test_modules,
    }
}

/// Files that are reached only through `#[cfg(test)] mod x;` are test code too.
fn mark_test_modules(sources: &mut [Source]) {
    let mut roots = BTreeSet::new();
    for source in sources.iter() {
        let Some(module) = source.module() else { continue };
        for test in &source.test_modules {
            let folder = source.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            roots.insert(match &test.path {
                Some(path) => format!("{folder}/{}", path.trim_end_matches(".rs")),
                None => {
                    let below = module.iter().chain([&test.name]).cloned().collect::<Vec<_>>().join("/");
                    format!("{}/src/{below}", source.package)
                }
            });
        }
    }
    for source in sources.iter_mut() {
        let stem = source.path.strip_suffix(".rs").unwrap_or(&source.path);
        source.test |= roots.iter().any(|root| stem == root || stem.starts_with(&format!("{root}/")));
    }
}

fn item_name(item: &syn::Item) -> Option<String> {
    let ident = match item {
        syn::Item::Const(i) => &i.ident,
        syn::Item::Enum(i) => &i.ident,
        syn::Item::Fn(i) => &i.sig.ident,
        syn::Item::Macro(i) => i.ident.as_ref()?,
        syn::Item::Mod(i) => &i.ident,
        syn::Item::Static(i) => &i.ident,
        syn::Item::Struct(i) => &i.ident,
        syn::Item::Trait(i) => &i.ident,
        syn::Item::Type(i) => &i.ident,
        syn::Item::Union(i) => &i.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn one(path: &str, text: &str) -> (Source, Vec<Finding>) {
        let mut findings = Vec::new();
        let tree = Tree::of(&[("crates/wire/Cargo.toml", ""), (path, text)]);
        (parse_all(&tree, &mut findings).pop().unwrap(), findings)
    }

    #[test]
    fn tests_are_left_out_and_the_rest_is_seen() {
        let text = "//! Head.
use std::fs::{self, read as r};
fn a() { x().unwrap(); json!({ \"k\": y.expect(\"z\"), \"t\": std::env::var(\"A\") }); }
struct S;
impl S { async fn b(&self) { panic!(\"no\") } }
#[cfg(test)]
mod tests {
    #[test]
    fn t() { x().unwrap(); }
}
";
        let (source, findings) = one("crates/wire/src/a.rs", text);
        assert!(findings.is_empty(), "{findings:?}");
        assert_eq!(source.lines, 5);
        let panics: Vec<_> = source.panics.iter().map(|p| (p.line, p.it.as_str())).collect();
        assert_eq!(panics, [(3, "unwrap"), (3, "expect"), (5, "panic")]);
        let names: Vec<_> = source.names.iter().map(|n| n.it.parts.join("::")).collect();
        assert_eq!(names, ["std::fs", "std::fs::read", "std::env::var"]);
        assert_eq!(source.async_functions[0].it, "b");
        assert_eq!(source.module().unwrap(), ["a"]);
    }

    #[test]
    fn a_file_without_head_or_that_does_not_parse_is_reported() {
        let mut findings = Vec::new();
        let tree = Tree::of(&[("crates/wire/src/a.rs", "fn a() {}"), ("crates/wire/src/b.rs", "//! Head.\nfn b( {}")]);
        parse_all(&tree, &mut findings);
        let found: Vec<_> = findings.iter().map(|f| (f.path.as_str(), f.rule)).collect();
        assert_eq!(found, [("crates/wire/src/a.rs", "no-head"), ("crates/wire/src/b.rs", "no-parse")]);
    }

    #[test]
    fn a_file_behind_cfg_test_is_test_code() {
        let tree = Tree::of(&[
            ("crates/wire/Cargo.toml", ""),
            ("crates/wire/src/a.rs", "//! A.\n#[cfg(test)]\nmod cases;\nmod real;"),
            ("crates/wire/src/a/real/b.rs", "//! B.\n#[cfg(test)]\n#[path = \"b_tests.rs\"]\nmod tests;"),
            ("crates/wire/src/a/real/b_tests.rs", "//! Cases of b."),
            ("crates/wire/src/a/cases.rs", "//! Cases."),
            ("crates/wire/src/a/real.rs", "//! Real."),
        ]);
        let sources = parse_all(&tree, &mut Vec::new());
        let tests: Vec<_> = sources.iter().filter(|s| s.test).map(|s| s.path.as_str()).collect();
        assert_eq!(tests, ["crates/wire/src/a/cases.rs", "crates/wire/src/a/real/b_tests.rs"]);
    }
}
