//! No cycles between the modules of a crate: at each level, the modules side by side form an order.
//!
//! A name is followed through re-exports to the module that defines it (`crate::Place` is `crate::place::Place`), so a
//! root that gathers its children's names makes no cycle. Edges between a module and its own children are not judged:
//! a parent uses its children, and children may use what the parent defines for them.

use super::Finding;
use super::source::{Name, Source};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

type Module = Vec<String>;
/// From module to module, with the place of the first use.
type Edges = BTreeMap<Module, BTreeMap<Module, (String, usize)>>;

/// Re-exports lead through at most this many modules.
const HOPS_MAX: usize = 8;

/// Reports one cycle for each knot of modules.
pub(super) fn check(sources: &[Source], findings: &mut Vec<Finding>) {
    let packages: BTreeSet<&str> = sources.iter().map(|s| s.package.as_str()).collect();
    for package in packages {
        let own = sources.iter().filter(|s| s.package == package && !s.path.ends_with("/main.rs"));
        let modules: BTreeMap<Module, &Source> = own.filter_map(|s| Some((s.module()?, s))).collect();
        let edges = edges(&modules);
        let mut seen = BTreeSet::new();
        for start in edges.keys() {
            if seen.contains(start) {
                continue;
            }
            if let Some(cycle) = shortest_cycle(&edges, start) {
                seen.extend(cycle.iter().cloned());
                findings.push(finding(&edges, &cycle));
            }
        }
    }
}

fn edges(modules: &BTreeMap<Module, &Source>) -> Edges {
    let mut edges = Edges::new();
    for (module, source) in modules.iter().filter(|(_, s)| !is_test(s)) {
        for name in &source.names {
            let Some(target) = resolve(modules, module, &name.it.parts, HOPS_MAX) else { continue };
            let shared = module.iter().zip(&target).take_while(|(a, b)| a == b).count();
            if module.len() > shared && target.len() > shared {
                let (from, to) = (module[..=shared].to_vec(), target[..=shared].to_vec());
                edges.entry(from).or_default().entry(to).or_insert_with(|| (source.path.clone(), name.line));
            }
        }
    }
    edges
}

/// A test may look at anything. testkit counts as test code elsewhere, but its modules are still to be in order.
fn is_test(source: &Source) -> bool {
    source.test && source.room() != Some("testkit")
}

/// The module that defines what `parts`, written in module `from`, means; `None` if it is not of this crate.
fn resolve(modules: &BTreeMap<Module, &Source>, from: &Module, parts: &[String], hops: usize) -> Option<Module> {
    let (first, mut rest) = parts.split_first()?;
    let mut at = match first.as_str() {
        "crate" => Module::new(),
        "self" => from.clone(),
        "super" => from.split_last().map(|(_, above)| above.to_vec())?,
        child => {
            let at = [from.as_slice(), &[child.to_owned()]].concat();
            modules.contains_key(&at).then_some(at)?
        }
    };
    while let Some((part, after)) = rest.split_first() {
        if part == "super" {
            at.pop()?;
        } else {
            let below = [at.as_slice(), std::slice::from_ref(part)].concat();
            if !modules.contains_key(&below) {
                return Some(through_reexport(modules, &at, part, hops).unwrap_or(at));
            }
            at = below;
        }
        rest = after;
    }
    Some(at)
}

/// Where `part` comes from, if module `at` only passes it on.
fn through_reexport(modules: &BTreeMap<Module, &Source>, at: &Module, part: &str, hops: usize) -> Option<Module> {
    let hops = hops.checked_sub(1)?;
    let source = modules.get(at)?;
    let passes_on = |name: &Name| name.alias.as_deref() == Some(part);
    if let Some(name) = source.names.iter().find(|n| passes_on(&n.it)) {
        return resolve(modules, at, &name.it.parts, hops);
    }
    let globs = source.names.iter().filter(|n| n.it.reexport && n.it.parts.last().is_some_and(|l| l == "*"));
    let mut targets = globs.filter_map(|n| resolve(modules, at, &n.it.parts[..n.it.parts.len() - 1], hops));
    targets.find(|target| modules.get(target).is_some_and(|s| s.items.contains(part)))
}

/// The shortest way from `start` back to itself, breadth first.
fn shortest_cycle(edges: &Edges, start: &Module) -> Option<Vec<Module>> {
    let mut queue = VecDeque::from([vec![start.clone()]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = queue.pop_front() {
        let next = way.last().and_then(|last| edges.get(last));
        for target in next.into_iter().flat_map(BTreeMap::keys) {
            if target == start {
                return Some(way);
            }
            if seen.insert(target.clone()) {
                queue.push_back([way.as_slice(), std::slice::from_ref(target)].concat());
            }
        }
    }
    None
}

fn finding(edges: &Edges, cycle: &[Module]) -> Finding {
    let steps = cycle.iter().zip(cycle.iter().cycle().skip(1));
    let places: Vec<(String, usize)> = steps.filter_map(|(from, to)| edges.get(from)?.get(to).cloned()).collect();
    let names: Vec<String> = cycle.iter().chain(cycle.first()).map(|m| m.join("::")).collect();
    let shown: Vec<String> = places.iter().map(|(path, line)| format!("{path}:{line}")).collect();
    let (path, line) = places.into_iter().next().unwrap_or_default();
    Finding {
        path,
        line,
        rule: "cycle",
        what: format!("modules in a circle: {} ({})", names.join(" → "), shown.join(", ")),
        why: "modules in a circle can only be read, tested and changed together; every large knot began so",
        fix: "move what both need into the lower one or into a third, or pass it as an argument".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Tree, source};
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<(String, usize)> {
        let mut tree = Tree::of(&[("crates/x/Cargo.toml", "")]);
        for (path, text) in files {
            tree.files.insert(format!("crates/x/src/{path}"), format!("//! Head.\n{text}"));
        }
        let mut findings = Vec::new();
        check(&source::parse_all(&tree, &mut Vec::new()), &mut findings);
        findings.into_iter().map(|f| (f.path, f.line)).collect()
    }

    #[test]
    fn a_circle_of_siblings_is_reported_once() {
        let files = [("a.rs", "use crate::b::B;"), ("b.rs", "fn f() { crate::c::g() }"), ("c.rs", "use super::a::A;")];
        assert_eq!(found(&files), [("crates/x/src/a.rs".to_owned(), 2)]);
        assert!(found(&files[..2]).is_empty());
    }

    #[test]
    fn names_are_followed_through_the_root() {
        let lib = "mod a; mod b; pub use a::A; pub use b::*;";
        let circle =
            [("lib.rs", lib), ("a.rs", "use crate::B; pub struct A;"), ("b.rs", "use crate::A; pub struct B;")];
        assert_eq!(found(&circle).len(), 1);
        let order = [("lib.rs", lib), ("a.rs", "pub struct A;"), ("b.rs", "use crate::A; pub struct B;")];
        assert!(found(&order).is_empty());
    }

    #[test]
    fn parents_and_children_and_tests_are_not_judged() {
        let files = [
            ("a.rs", "mod deep; use deep::D; pub struct A;"),
            ("a/deep.rs", "use super::A; pub struct D;"),
            ("b.rs", "use crate::a::A;\n#[cfg(test)]\nmod tests { use crate::c::C; }"),
            ("c.rs", "use crate::b::B;"),
        ];
        assert!(found(&files).is_empty());
    }

    #[test]
    fn deep_modules_count_for_the_level_where_the_ways_part() {
        let files = [("a.rs", ""), ("a/deep.rs", "use crate::b::B;"), ("b.rs", "use crate::a::A;")];
        assert_eq!(found(&files), [("crates/x/src/a/deep.rs".to_owned(), 2)]);
    }
}
